/* SPDX-License-Identifier: MIT */
/*
 * internal.h - what the files of mm/ share among themselves
 */
#pragma once

#include "kernel/mm/page.h"

/*
 * Counters, one set per hart so that counting is one atomic add to a line
 * that no other hart wants; a reader sums them up (counters.c).
 */
enum memory_counter {
	COUNT_CACHED,
	COUNT_SHARED,
	COUNT_ANONYMOUS,
	COUNT_SLAB,
	COUNT_TABLES,
	COUNT_STACKS,
	COUNT_COMMITTED,
	COUNT_FAULTS,
	COUNT_MAJOR_FAULTS,
	COUNT_COW_COPIES,
	COUNT_OOM_KILLS,
	NUM_MEMORY_COUNTERS,
};
void memory_count(enum memory_counter which, int64_t delta);

/* memory.c: one range of RAM and its struct pages. */
struct memory_bank {
	paddr_t start, end;   /* frame aligned */
	uint64_t first_frame; /* start >> PAGE_SHIFT */
	uint64_t num_frames;
	struct page *pages; /* one per frame, from memory_init() on */
};
/* The bank whose array holds @page. */
const struct memory_bank *memory_bank_of(const struct page *page);

/* buddy.c: frames [@page, @page + @count) of one bank become free. */
void buddy_add(struct page *page, uint64_t count);
/* After all of boot's buddy_add(): set the reserves. */
void buddy_ready(void);
uint64_t buddy_free_pages(void);
uint64_t buddy_managed_pages(void);
void buddy_get_traffic(uint64_t *allocated, uint64_t *freed);

/*
 * oom.c: memory for a program has run out. True: a victim is on its way out,
 * try again; false: give up (the current thread is the victim, or there is
 * nobody left to kill). Sleeps.
 */
bool memory_wait_for_victim(void);
/* No memory for the current thread any more: it is being killed. */
bool memory_denied(void);
