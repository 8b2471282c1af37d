/* SPDX-License-Identifier: MIT */
/*
 * counters.c - where memory has gone, for /proc/meminfo and /proc/vmstat
 *
 * Idea: one set of counters per hart. A count may go up on one hart and down
 * on another, so a single set means nothing; the sum does.
 */
#include "kernel/mm/page.h"
#include "kernel/mm/internal.h"

struct memory_counters memory_counters[MAX_HARTS];

/* The sum; never negative, though the sets are not read at one moment. */
static uint64_t total(enum memory_counter which)
{
	int64_t sum = 0;
	unsigned int i;

	for (i = 0; i < MAX_HARTS; i++)
		sum += __atomic_load_n(&memory_counters[i].value[which],
				       __ATOMIC_RELAXED);
	return sum > 0 ? (uint64_t)sum : 0;
}

void memory_count_stacks(int delta)
{
	memory_count(COUNT_STACKS, delta);
}

void memory_count_tables(int delta)
{
	memory_count(COUNT_TABLES, delta);
}

static uint64_t total_ram_pages(void)
{
	uint64_t size, pages = 0;
	paddr_t start;
	unsigned int i;

	for (i = 0; memory_bank(i, &start, &size); i++)
		pages += size >> PAGE_SHIFT;
	return pages;
}

void memory_get_info(struct memory_info *info)
{
	info->total = total_ram_pages();
	info->managed = buddy_managed_pages();
	info->free = buddy_free_pages();
	info->cached = total(COUNT_CACHED);
	info->shared = total(COUNT_SHARED);
	info->anonymous = total(COUNT_ANONYMOUS);
	info->slab = total(COUNT_SLAB);
	info->page_tables = total(COUNT_TABLES);
	info->kernel_stacks = total(COUNT_STACKS);
	info->committed = total(COUNT_COMMITTED);
}

void memory_get_events(struct memory_events *events)
{
	events->faults = total(COUNT_FAULTS);
	events->major_faults = total(COUNT_MAJOR_FAULTS);
	events->cow_copies = total(COUNT_COW_COPIES);
	events->oom_kills = total(COUNT_OOM_KILLS);
	buddy_get_traffic(&events->pages_allocated, &events->pages_freed);
}
