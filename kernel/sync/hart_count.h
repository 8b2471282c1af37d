/* SPDX-License-Identifier: MIT */
/*
 * hart_count.h - numbers that every hart changes and hardly anybody reads
 *
 * Idea: if all harts add to one word, its cache line travels between them at
 * each step. So each hart adds to a word of its own, and who wants to know the
 * number adds them up: OSTEP's approximate counter with a threshold of infinity.
 *
 * References (struct hart_refs) are harder: who drops one must notice that it
 * was the last. But the owner knows a time in which it cannot be, namely while
 * it holds one itself: so long the count is spread over the harts, and nobody
 * looks. When the owner lets go it gathers the parts first, and from then on
 * there is one word that all change.
 *
 * Invariants
 *   H1  The references are count and the parts together; while they are spread
 *       and until they are gathered, count has HART_REFS_BIAS more, so it does
 *       not come to 0.
 *   H2  A part is changed only in a read section that found them spread; so
 *       after a grace period (deferred.h) nobody does any more.
 *
 * Cost: an atomic instruction on a line of the hart's own, and a look at whether
 * it is spread. With one hart there are no parts.
 * Read: OSTEP ch. 29 ("Scalable counting"); Boyd-Wickizer et al., "An Analysis of
 * Linux Scalability to Many Cores" (OSDI 2010).
 */
#pragma once

#include <arch/hart.h>
#include "kernel/lib/refcount.h"
#include "kernel/sync/deferred.h"

/* As large as a cache line; kcalloc() aligns such a size. */
struct hart_part {
	long n; /* atomic; one part may be below 0 */
	long unused[7];
};

struct hart_count {
	struct hart_part *parts; /* one for each hart; NULL: one hart */
	long alone; /* instead, then, or if there was no memory; atomic */
};

/* @count is all zeros. */
void hart_count_init(struct hart_count *count);
void hart_count_destroy(struct hart_count *count);
/* All parts. Of changes that come meanwhile some are in it. */
long hart_count_sum(const struct hart_count *count);

/* The part of the hart we are on; another one's would do as well. */
static inline long *hart_count_part(struct hart_count *count)
{
	return likely(count->parts) ? &count->parts[arch_hart_index()].n
				    : &count->alone;
}

static inline void hart_count_add(struct hart_count *count, long n)
{
	__atomic_fetch_add(hart_count_part(count), n, __ATOMIC_RELAXED);
}

/* ---- References ---------------------------------------------------------- */

#define HART_REFS_BIAS (1u << 30)

struct hart_refs {
	struct refcount count;
	bool spread; /* atomic; changed by the owner */
	struct hart_count parts;
};

/* One reference, the owner's; not spread. @refs is all zeros. */
void hart_refs_init(struct hart_refs *refs);
void hart_refs_destroy(struct hart_refs *refs);
/* For the owner, who has a reference: spread the count, as far as there is
 * memory and more than one hart; */
void hart_refs_spread(struct hart_refs *refs);
/* and make it exact: how many there are now. Context: thread, sleeps. */
unsigned int hart_refs_gather(struct hart_refs *refs);

/* If spread, change the hart's part; else false. */
static inline bool hart_refs_add_spread(struct hart_refs *refs, long n)
{
	bool spread;

	read_enter();
	spread = READ_ONCE(refs->spread); /* H2 */
	if (spread)
		hart_count_add(&refs->parts, n);
	read_leave();
	return spread;
}

static inline void hart_refs_get(struct hart_refs *refs)
{
	if (!READ_ONCE(refs->spread) || !hart_refs_add_spread(refs, 1))
		refcount_get(&refs->count);
}

/* As refcount_get_unless_zero(), in a read section: while they are spread the
 * owner has one. */
static inline bool hart_refs_get_unless_zero(struct hart_refs *refs)
{
	return (READ_ONCE(refs->spread) && hart_refs_add_spread(refs, 1)) ||
	       refcount_get_unless_zero(&refs->count);
}

/* True when it was the last one. */
static inline bool hart_refs_put(struct hart_refs *refs)
{
	if (READ_ONCE(refs->spread) && hart_refs_add_spread(refs, -1))
		return false;
	return refcount_put(&refs->count);
}
