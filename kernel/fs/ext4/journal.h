/* SPDX-License-Identifier: MIT */
/*
 * journal.h - all or nothing: changes of metadata in transactions (JBD2)
 *
 * Idea: an operation (a handle) joins the running transaction, changes blocks
 * in memory, and leaves. When somebody wants it safe, or the transaction is
 * large or old, it is committed: new operations wait until those inside have
 * left, the blocks are copied, operations go on in the next transaction, and
 * the copies go into the log, closed by a commit block. Only then may the
 * blocks be written to their places (checkpoint), and only when they all are is
 * the log's space used again. After a crash the log is read from its tail and
 * whole transactions are written again.
 *
 * Two rules replace what JBD2 does with lists of data buffers:
 *   - A file's new blocks are written *before* an operation puts them into the
 *     file's map and into the bitmap ("ordered mode" without a list: file.c).
 *   - A block freed by a transaction is not used again before that transaction
 *     is committed (balloc.c keeps it busy).
 *
 * States of a transaction, and who takes each arrow:
 *   RUNNING    -> LOCKED      journal_commit()   operations wait outside
 *   LOCKED     -> COMMITTING  journal_commit()   copies made
 *   COMMITTING -> CHECKPOINT  journal_commit()   commit block is on the medium
 *   CHECKPOINT -> gone        journal_checkpoint() all blocks in their places
 *
 * Invariants
 *   J1  A block is written to its place only while it is in no running and no
 *	 committing transaction: what lies there is committed.
 *   J2  The log's tail moves on only after a flush that followed the writes of
 *	 all blocks of the transactions it passes.
 *   J3  A handle never waits for a commit; who commits has no handle. So no
 *	 lock may be wanted by a handle's owner that is held over
 *	 journal_start() or journal_commit().
 *
 * Locks: commit_lock (one commit at a time), then checkpoint_lock (one writer
 * of blocks to their places), then the spinlock for lists and numbers.
 * Read: OSTEP ch. 42 (crash consistency: FSCK and journaling).
 */
#pragma once

#include "kernel/fs/ext4/journal_format.h"
#include "kernel/fs/ext4/meta.h"

struct ext4;
struct ext4_inode;
struct inode;

struct revoked {
	struct list_head node;
	uint64_t block;
};

/* Blocks freed, not to be used before the transaction is committed. */
struct freed_range {
	struct list_head node;
	uint64_t block;
	uint32_t count;
};

/* Under journal.lock, but for lists that only the commit touches. */
struct transaction {
	struct list_head node; /* journal.checkpoints, oldest first */
	uint32_t tid;
	unsigned int handles;    /* operations inside */
	unsigned int num_blocks; /* in blocks */
	unsigned int reserved;   /* what the operations inside may add */
	unsigned int num_revoked;
	uint64_t start_ns;       /* when the first operation joined */
	struct list_head blocks; /* meta.running_node, then committing_node */
	struct list_head forgotten; /* meta.forget_node */
	struct list_head revoked, freed;
	struct list_head inodes;     /* ext4_inode.dirty_node */
	struct list_head checkpoint; /* meta.checkpoint_node */
	uint32_t log_start;          /* its first block in the log */
};

struct journal {
	struct ext4 *fs;

	/* Fixed after mount. */
	struct inode *inode; /* of the journal file, or NULL */
	uint64_t *map;       /* block of the log -> block of the disk */
	uint32_t first, end; /* the ring is [first, end) */
	uint32_t seed;       /* of checksums */
	uint32_t incompat;   /* JOURNAL_* */
	unsigned int tag_size, max_blocks; /* of one transaction */
	struct journal_super *super;
	void *descriptor;        /* a block to build one in */
	void *bounce;            /* JOURNAL_BATCH blocks for checkpoints */
	struct disk_part *parts; /* JOURNAL_BATCH + 2, by the commit */

	struct mutex commit_lock, checkpoint_lock;

	struct spinlock lock; /* rank LOCK_SPIN_MISC */
	struct wait_queue wait;
	bool barrier; /* operations wait outside */
	int error;    /* aborted: nothing is written any more */
	struct transaction *running, *committing;
	struct list_head checkpoints;
	uint32_t next_tid;      /* of the next transaction */
	uint32_t committed_tid; /* the last that is on the medium */
	uint32_t head, free;    /* next block of the log; blocks free */
	uint32_t tail_tid;      /* the log's tail: the oldest transaction */
	uint32_t tail;
};

#define JOURNAL_BATCH 64u

/* One operation. On the stack; no thread has two. */
struct handle {
	struct ext4 *fs;
	struct transaction *tx; /* NULL: no journal */
	unsigned int credits;   /* blocks it may still add */
};

static inline bool tid_after(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) > 0;
}

/* ---- journal.c ---- */

/*
 * Begin an operation that changes at most @credits blocks. 0; -EROFS: the
 * journal was aborted or the mount is read-only; -ENOMEM; -EIO.
 * Context: thread; waits for commits and checkpoints (J3).
 */
int journal_start(struct ext4 *fs, struct handle *handle, unsigned int credits);
void journal_stop(struct handle *handle);
/* Room for @credits more blocks without waiting; false: stop and start. */
bool journal_extend(struct handle *handle, unsigned int credits);
/* Is the current thread inside an operation? */
bool journal_is_inside(void);

/*
 * @meta is about to be changed. What it is (@kind, @seed) says how to make its
 * checksum. 0, -ENOMEM; -EUCLEAN: it was freed.
 */
int journal_modify(struct handle *handle, struct meta *meta,
		   enum meta_kind kind, uint32_t seed);
/* Block @block of metadata was freed: it is never replayed, nor written. */
int journal_forget(struct handle *handle, uint64_t block);
/* Number of the transaction that @handle is in. */
uint32_t journal_tid(const struct handle *handle);
/* Something is broken beyond repair: from now on nothing is written. */
void journal_abort(struct journal *journal, int error);

/* ---- journal_commit.c ---- */

/* Transaction @tid and all before it are on the medium. 0, -EIO, -EROFS. */
int journal_commit(struct journal *journal, uint32_t tid);
/* The journal was aborted: what is running is thrown away (unmount). */
void journal_drop_running(struct journal *journal);
/* Whatever is running now. */
int journal_commit_all(struct journal *journal);

/* ---- journal_checkpoint.c ---- */

/* At least @blocks of the log become free. 0, -EIO. */
int journal_checkpoint(struct journal *journal, uint32_t blocks);
/* Everything is in its place; nothing is running. */
int journal_checkpoint_all(struct journal *journal);
/* Write the journal's super block: @start 0: the log is empty. */
int journal_write_super(struct journal *journal, uint32_t tid, uint32_t start);

/* ---- journal_recovery.c ---- */

/*
 * Find the journal and replay it if it has to be; with @writable make it ready
 * for use. A journal that was replayed sets *@replayed. 0; -EROFS: it would
 * have to be replayed but the disk cannot be written; -EUCLEAN, -EIO, -ENOMEM,
 * -EOPNOTSUPP.
 */
int journal_open(struct ext4 *fs, bool writable, bool *replayed);
/* Commit, write everything to its place, mark the log empty. */
int journal_close(struct ext4 *fs);
/* Blocks in the log of one descriptor's tags, and of revokes. */
uint32_t journal_log_cost(const struct journal *journal, uint32_t blocks,
			  uint32_t revoked);
void journal_set_block_checksum(const struct journal *journal, void *block);
