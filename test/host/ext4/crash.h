/* SPDX-License-Identifier: MIT */
/*
 * crash.h - between the parts of "ext4 crash"
 *
 *	crash.c		which sequences there are; runs and records them
 *	crash_ops.c	the steps a sequence is made of
 *	crash_states.c	the disks a power cut may leave
 *	crash_oracle.c	is what came out of one of them right?
 *	fsck.c		e2fsck on an image in memory
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "test/host/ext4/fs.h"

struct image;

/* ---- Steps ---- */

struct op {
	const char *name;
	int (*run)(void);
	const char *synced; /* made durable: this file or directory */
	bool sync;          /* sync(2) */
};

/* Operations, and the calls that may follow each ("": none, number 0). */
extern const struct op crash_ops[], crash_calls[];
/* The last operations, those that move a file's rear, are in no set that does not
 * name them: the numbers of the others' sequences stay. */
enum { CRASH_NUM_OPS = 23, CRASH_NUM_COMMON = 21, CRASH_NUM_CALLS = 7 };
/* Write @size bytes of @letter. */
int crash_write(const char *name, uint64_t pos, size_t size, uint8_t letter);

/* ---- Trees ---- */

enum { MAX_STEPS = 300, MAX_NODES = 24 };

struct node {
	char path[64];
	uint64_t parent; /* inode number of its directory */
	struct fs_stat st;
	char text[64];   /* links */
	uint8_t *data;   /* files */
	uint64_t xattrs; /* hash of names and values */
};

struct snapshot {
	unsigned int count;
	struct node node[MAX_NODES];
};

/* What is mounted now. 0 or the first error. */
int snapshot_take(struct snapshot *snap);
void snapshot_free(struct snapshot *snap);

/* What was done, and what the tree was after each step. */
struct history {
	char name[200];
	unsigned int num_steps;           /* with 0: before all */
	struct snapshot after[MAX_STEPS]; /* [0]: at the start */
	unsigned int events[MAX_STEPS];   /* recorded when it returned */
	bool sync[MAX_STEPS];
	struct node synced[MAX_STEPS]; /* path "": none; data unused */
};

/*
 * Is @now a tree that may be found when the power went after steps up to @done
 * had returned and @begun had begun? Calls @complain for what is wrong.
 */
void oracle_check(const struct history *history, const struct snapshot *now,
		  unsigned int done, unsigned int begun,
		  void (*complain)(const char *what, const char *path));

/* ---- States ---- */

/* Begin with @start, which stays as it is. */
void states_init(const struct image *start);
void states_free(void);
/*
 * Call @check for each state that a power cut after event @first or later of
 * @run's record may leave. @event: what had happened by then. The state may be
 * changed. @no_flush: the disk lies, flushes do nothing.
 */
void states_enumerate(const struct image *start, const struct image *run,
		      unsigned int first, bool no_flush,
		      void (*check)(struct image *state, unsigned int event));
/* Of the state as it is now; @without_log: whatever the journal's blocks are. */
uint64_t states_hash(bool without_log);
/* Its file, for e2fsck. */
int states_fd(void);
/* As it was before it was checked, into a file. */
void states_save(const char *path);

struct hash_set {
	uint64_t *slots;
	uint64_t count, max;
};
/* True the first time. */
bool hash_set_add(struct hash_set *set, uint64_t hash);
void hash_set_free(struct hash_set *set);

/* ---- e2fsck ---- */

/* Memory that e2fsck can open, as a file. */
void *fsck_memory(size_t size, int *fd);
void fsck_memory_free(void *data, size_t size);
/* e2fsck -fn on the file; what it says is in the file @log. Its status. */
int fsck_run(int fd, const char *log);
