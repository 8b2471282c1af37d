/* SPDX-License-Identifier: MIT */
/*
 * poll.h - waiting for one of many files
 *
 * Idea: a file's poll() says what holds now and registers the caller on every
 * wait queue that announces changes; the caller sleeps once for all.
 */
#pragma once

#include "kernel/sync/wait.h"

/* EPOLLIN ... have the values of POLLIN ...: one set of names for both. */
#include "kernel/abi/poll.h"

struct file;

struct poll_table {
	/* Called by poll_wait() for each queue. */
	void (*add)(struct poll_table *table, struct wait_queue *queue);
};

/* From a file's poll(): changes are announced on @queue. */
static inline void poll_wait(struct poll_table *table, struct wait_queue *queue)
{
	if (table)
		table->add(table, queue);
}

/* A deadline that has passed: look, do not wait. */
#define POLL_NO_WAIT 0

/*
 * ppoll(2) on @num_fds entries in kernel memory: fills in revents. Returns how
 * many entries have events, 0 at @deadline_ns (POLL_NO_WAIT, WAIT_FOREVER or a
 * monotonic time), -ENOMEM, -ERESTARTSYS at a signal.
 */
long poll_files(struct pollfd *fds, unsigned int num_fds, uint64_t deadline_ns);

/* Bitmaps of descriptors, [0] to read, [1] to write, [2] exceptional. */
#define SELECT_SETS 3u
struct select_sets {
	unsigned int num_fds;
	uint64_t *wanted[SELECT_SETS];
	uint64_t *ready[SELECT_SETS]; /* filled in */
};
/* pselect6(2): the number of bits set; as above, and -EBADF. */
long select_files(struct select_sets *sets, uint64_t deadline_ns);
