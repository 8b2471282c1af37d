/* SPDX-License-Identifier: MIT */
/*
 * hart_count.c - numbers in parts, one for each hart: see hart_count.h
 *
 * Locks: none; one owner at a time spreads and gathers.
 */
#include "kernel/sync/hart_count.h"

#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"

void hart_count_init(struct hart_count *count)
{
	if (arch_num_harts() > 1)
		count->parts =
			kcalloc(arch_num_harts(), sizeof(struct hart_part));
}

void hart_count_destroy(struct hart_count *count)
{
	kfree(count->parts);
}

long hart_count_sum(const struct hart_count *count)
{
	long sum = READ_ONCE(count->alone);

	for (unsigned int i = 0; count->parts && i < arch_num_harts(); i++)
		sum += READ_ONCE(count->parts[i].n);
	return sum;
}

void hart_refs_init(struct hart_refs *refs)
{
	refcount_init(&refs->count, 1);
	hart_count_init(&refs->parts);
}

void hart_refs_destroy(struct hart_refs *refs)
{
	hart_count_destroy(&refs->parts);
}

void hart_refs_spread(struct hart_refs *refs)
{
	if (!refs->parts.parts || refs->spread)
		return;
	__atomic_fetch_add(&refs->count.count, HART_REFS_BIAS,
			   __ATOMIC_RELAXED);
	/* H1: the bias is there before anybody finds them spread. */
	STORE_RELEASE(refs->spread, true);
}

unsigned int hart_refs_gather(struct hart_refs *refs)
{
	if (refs->spread) {
		WRITE_ONCE(refs->spread, false);
		deferred_wait(); /* H2 */
		__atomic_fetch_add(&refs->count.count,
				   (unsigned int)hart_count_sum(&refs->parts) -
					   HART_REFS_BIAS,
				   __ATOMIC_ACQ_REL);
		memset(refs->parts.parts, 0,
		       arch_num_harts() * sizeof(struct hart_part));
	}
	return refcount_read(&refs->count);
}
