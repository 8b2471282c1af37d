/* SPDX-License-Identifier: MIT */
/*
 * delayed.h - blocks of a file that are promised but not chosen yet
 *
 * Idea ("delayed allocation"): write(2) only counts the blocks that the new
 * bytes will need; which they are is decided when the pages go to the disk,
 * when the whole run is known. Which blocks of a file are counted is kept as
 * ranges in a tree: a file that grows has one.
 * Read: OSTEP ch. 43 (write buffering in the log-structured file system).
 *
 * Locks: its own spinlock.
 */
#pragma once

#include "kernel/lib/rbtree.h"
#include "kernel/sync/spinlock.h"

struct ext4;

struct delayed {
	struct spinlock lock;  /* rank LOCK_SPIN_MISC */
	struct rb_root ranges; /* by first block; no two touch */
	uint32_t total;        /* blocks */
};

void delayed_init(struct delayed *delayed);
/*
 * Promise blocks [@first, @first + @len), as far as they are not yet. 0;
 * -ENOSPC, -ENOMEM: nothing changed.
 */
int delayed_add(struct ext4 *fs, struct delayed *delayed, uint32_t first,
		uint32_t len);
/* The promises for [@first, @last] are kept, or not needed any more. */
void delayed_drop(struct ext4 *fs, struct delayed *delayed, uint32_t first,
		  uint32_t last);
/* Is @block promised? *@len: as many behind it are the same; at most @max. */
bool delayed_find(struct delayed *delayed, uint32_t block, uint32_t max,
		  uint32_t *len);
