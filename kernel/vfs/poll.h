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
static inline void poll_wait(struct poll_table *table,
			     struct wait_queue *queue)
{
	if (table)
		table->add(table, queue);
}
