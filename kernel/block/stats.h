/* SPDX-License-Identifier: MIT */
/*
 * stats.h - what a disk or a partition has done: /proc/diskstats
 *
 * Idea: counted is what the device is given, a head of the queue: with the
 * requests merged behind it, that is one operation. A request which takes a
 * flush, a write and a flush is three. Its time begins when it comes into the
 * queue, so waiting for the device is in it, and ends when the device says so.
 * A partition's operations are its disk's, too, but for flushes, which are the
 * disk's alone. queue.c counts; times are in ticks, so that it need not convert.
 *
 * (In Linux the flush before a write is in the time of the write as well.)
 *
 * Locks: the lock of the disk's queue.
 * Source: Linux, Documentation/admin-guide/iostats.rst.
 */
#pragma once

#include "kernel/lib/types.h"

struct block_device;

#define NUM_BLOCK_OPS 5 /* of enum block_op */

struct block_stats {
	struct block_op_stats {
		uint64_t done;    /* operations */
		uint64_t merged;  /* requests that went along with another */
		uint64_t sectors; /* of 512 bytes */
		uint64_t ticks;   /* of all operations together */
	} of[NUM_BLOCK_OPS];
	/* Now, two numbers in one: see below. */
	uint64_t in_flight;
	uint64_t busy_ticks; /* while it was not 0 */
	uint64_t busy_since; /* while it is not */
};

/* block_stats.in_flight: one more read, one more of another kind. */
#define BLOCK_ONE_READ  1ul
#define BLOCK_ONE_OTHER (1ul << 32)

/* As they are now. */
void block_device_stats(struct block_device *bdev, struct block_stats *out);

/* The numbers of a line of /proc/diskstats in their order; times are in ms, and
 * wrap at 32 bits. */
#define NUM_BLOCK_COLUMNS 17
void block_stats_columns(const struct block_stats *stats,
			 uint64_t columns[NUM_BLOCK_COLUMNS]);
