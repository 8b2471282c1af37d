/* SPDX-License-Identifier: MIT */
/*
 * lock_stats.h - debug builds: how often locks were taken, and waited for
 */
#pragma once

#include "kernel/lib/compiler.h"
#include "kernel/sync/lock_order.h"

struct lock_stats {
	const char *name;   /* what locks of this rank guard */
	uint64_t acquired;  /* times taken */
	uint64_t contended; /* ... of these, found taken first */
	uint64_t spins;     /* looks in vain, by spinlocks */
	uint64_t moved;     /* spinlocks that another hart had before */
};

/* A lock of @rank was taken; @waited: not at once, after @spins looks. */
void lock_stats_count(unsigned int rank, bool waited, uint64_t spins);
/* ... and another hart had it before: its cache line had to move. */
void lock_stats_moved(unsigned int rank);
/* The figures of @rank; false: there is no such rank, nor a larger one. */
bool lock_stats_get(unsigned int rank, struct lock_stats *stats);
void lock_stats_clear(void);
