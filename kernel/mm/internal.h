/* SPDX-License-Identifier: MIT */
/*
 * internal.h - what the files of mm/ share among themselves
 */
#pragma once

#include <arch/hart.h>
#include "kernel/mm/page.h"
#include "kernel/mm/page_cache.h"
#include "kernel/mm/vm_space.h"

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
extern struct memory_counters {
	int64_t value[NUM_MEMORY_COUNTERS]; /* atomic */
} __aligned(64) memory_counters[MAX_HARTS];

static inline void memory_count(enum memory_counter which, int64_t delta)
{
	/* A migration between the two steps does no harm: the add is atomic. */
	__atomic_fetch_add(&memory_counters[arch_hart_index()].value[which],
			   delta, __ATOMIC_RELAXED);
}

/* buddy.c: a region is 2^REGION_ORDER frames, 2 MiB. Where one has RAM, all of it
 * has struct pages (of the rest, zeros). */
#define REGION_ORDER 9u
#define REGION_SIZE  (PAGE_SIZE << REGION_ORDER)

/* Frames [@page, @page + @count) of one bank become free. */
void buddy_add(struct page *page, uint64_t count);
/* After all of boot's buddy_add(): set the reserves. */
void buddy_ready(void);
uint64_t buddy_free_pages(void);
/* Is so much free that it does no harm to take more than is needed? */
bool memory_is_plenty(void);
/*
 * Take up to @count single frames for a program, cleared, as far as they can be
 * had at once; refs is 1. Returns how many. Context: thread.
 */
unsigned int page_alloc_batch(struct page *pages[], unsigned int count);
uint64_t buddy_managed_pages(void);
void buddy_get_traffic(uint64_t *allocated, uint64_t *freed);

/* slab.c, area.c: make the caches that everything else needs. */
void slab_init(void);
void area_init(void);

/*
 * oom.c: memory for a program has run out. True: a victim is on its way out,
 * try again; false: give up (the current thread is the victim, or there is
 * nobody left to kill). Sleeps.
 */
bool memory_wait_for_victim(void);
/* Before an allocation of 2^@order frames for the kernel fails: give up pages of
 * files. True: there were some. False also where it must not be done (with a
 * spinlock held, in an interrupt). */
bool memory_reclaim_for_kernel(unsigned int order);
/* No memory for the current thread any more: it is being killed. */
bool memory_denied(void);

/* Who finds a page of a file with both may use it, and it looks used. */
#define PAGE_READY (PAGE_FLAG_UPTODATE | PAGE_FLAG_USED)

/* Atomic changes of page.flags. */
static inline void page_set_flags(struct page *page, unsigned int flags)
{
	__atomic_fetch_or(&page->flags, flags, __ATOMIC_RELAXED);
}
static inline void page_clear_flags(struct page *page, unsigned int flags)
{
	__atomic_fetch_and(&page->flags, ~flags, __ATOMIC_RELAXED);
}

/* One reference and one map_count: what an entry of a page table holds. */
#define PAGE_MAPPED_ONCE (1UL << 32 | 1)

/* One more entry maps @page. */
static inline void page_map(struct page *page)
{
	__atomic_fetch_add(&page->refs_and_maps, PAGE_MAPPED_ONCE,
			   __ATOMIC_RELAXED);
}
/* An entry no longer does; true if that was the last reference: page_free().
 * The acquire of refcount_put(); its release is a fence of the caller's before,
 * one for many pages. */
static inline bool page_unmap(struct page *page)
{
	uint64_t old = __atomic_fetch_sub(&page->refs_and_maps,
					  PAGE_MAPPED_ONCE, __ATOMIC_ACQUIRE);

	return (unsigned int)old == 1;
}
/* buddy.c: free single frames, all at once. */
void page_free_batch(struct page *const pages[], unsigned int count);

/*
 * Looking at a file's pages without its lock, for a moment: between the two
 * interrupts are off, no page leaves the tree and none enters it. False: the
 * lock has to be taken, and there is nothing to leave. Does not nest.
 */
extern struct cache_reader {
	struct page_cache *cache; /* atomic; what the hart is looking at */
} __aligned(64) cache_readers[MAX_HARTS];

static inline void cache_look_end(void)
{
	/* pairs with the acquire in page_cache_close() */
	STORE_RELEASE(cache_readers[arch_hart_index()].cache, NULL);
	interrupts_off_leave();
}

static inline bool cache_look_begin(struct page_cache *cache)
{
	if (!READ_ONCE(cache->open_to_faults))
		return false;
	interrupts_off_enter();
	WRITE_ONCE(cache_readers[arch_hart_index()].cache, cache);
	/* First we are seen, then we look; pairs with page_cache_close(). */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (likely(READ_ONCE(cache->open_to_faults)))
		return true;
	cache_look_end();
	return false;
}

/* A fault found what it wanted under @cache->lock: how the file becomes open. */
static inline void cache_note_calm(struct page_cache *cache)
{
	if (++cache->calm_faults >= 32)
		WRITE_ONCE(cache->open_to_faults, true);
}

/* ---- Entries of page tables; page_table_lock held --------------------------- */

static inline struct page *pte_page(pte_t pte)
{
	return phys_to_page(pte_frame(pte));
}

/* Which 64th of its table @pte is in: struct page.table_used. */
#define PTES_IN_GROUP (PAGE_SIZE / 64 / sizeof(pte_t))
static inline struct page *pte_table(const pte_t *pte)
{
	return phys_to_page(direct_to_phys(pte));
}
static inline unsigned int pte_group(const pte_t *pte)
{
	return (uintptr_t)pte / (PAGE_SIZE / 64) % 64;
}

/* Point the empty entry @pte at a page. */
static inline void pte_enter(pte_t *pte, pte_t value)
{
	pte_table(pte)->table_used |= BIT(pte_group(pte));
	pte_set(pte, value);
}

/*
 * The first entry in use at or after @pte and before @end, which lies in the
 * same table or at its end; @end if there is none.
 */
static inline pte_t *pte_next_used(pte_t *pte, pte_t *end)
{
	while (pte < end) {
		unsigned int group = pte_group(pte);
		uint64_t ahead = pte_table(pte)->table_used >> group;

		if (!ahead)
			return end;
		if (!(ahead & 1)) {
			pte -= (uintptr_t)pte / sizeof(pte_t) % PTES_IN_GROUP;
			for (; !(ahead & 1); ahead >>= 1)
				pte += PTES_IN_GROUP;
			continue;
		}
		if (*pte)
			return pte;
		pte++;
	}
	return end;
}

/* ---- area.c: the tree of areas; space->lock held --------------------------- */

/* Most areas a space may have (vm.max_map_count of Linux). */
#define MAX_AREAS 65530u

/* Flags that do not keep neighbours from becoming one area. */
#define VM_MERGE_IGNORE VM_HAS_COPIES

/* A blank one; NULL: no memory. */
struct vm_area *area_create(void);
/* The same, a copy of @area: in no tree, and no reference to the file yet. */
struct vm_area *area_create_like(const struct vm_area *area);
/* Into the tree, the sums, and the list of who maps the file. */
void area_insert(struct vm_space *space, struct vm_area *area)
	MUST_HOLD(space->lock);
/* Only into the tree and the sums. */
void area_insert_unlisted(struct vm_space *space, struct vm_area *area)
	MUST_HOLD(space->lock);
/* The opposite. The area is then the caller's, with its file. */
void area_remove(struct vm_space *space, struct vm_area *area)
	MUST_HOLD(space->lock);
/* All of them, with their pages, to @dead. */
void area_remove_all(struct vm_space *space, struct list_head *dead)
	MUST_HOLD(space->lock);
/* Drop the file and the struct. No locks held: a file may be closed by it. */
void area_destroy(struct vm_area *area);
/* The same for a list of them, linked by cache_node. */
void area_destroy_list(struct list_head *areas);
/* Change the bounds (keeps what lies where) or the flags. */
void area_set_bounds(struct vm_space *space, struct vm_area *area,
		     vaddr_t start, vaddr_t end) MUST_HOLD(space->lock);
void area_set_flags(struct vm_space *space, struct vm_area *area,
		    unsigned int flags) MUST_HOLD(space->lock);
/* Make @va a border between areas. 0, -ENOMEM. */
int area_split_at(struct vm_space *space, vaddr_t va) MUST_HOLD(space->lock);
/* Become one with the neighbours where they continue each other; returns the
 * area that holds @area's range now. */
struct vm_area *area_merge(struct vm_space *space, struct vm_area *area)
	MUST_HOLD(space->lock);
/* The area below @area; NULL: it is the lowest. */
struct vm_area *area_below(struct vm_area *area);
/* The highest area that begins below @va. */
struct vm_area *area_before(struct vm_space *space, vaddr_t va)
	MUST_HOLD(space->lock);
/* Nothing is mapped in [@start, @end). */
bool area_range_is_free(struct vm_space *space, vaddr_t start, vaddr_t end)
	MUST_HOLD(space->lock);
/* Bytes that areas cover in [@start, @end). */
size_t area_bytes_in(struct vm_space *space, vaddr_t start, vaddr_t end)
	MUST_HOLD(space->lock);

static inline bool area_holds(const struct vm_area *area, vaddr_t va)
{
	return va >= area->start && va < area->end;
}
static inline uint64_t area_pages(const struct vm_area *area)
{
	return (area->end - area->start) >> PAGE_SHIFT;
}
/* The page of the file that lies at @va. */
static inline uint64_t area_index(const struct vm_area *area, vaddr_t va)
{
	return area->page_offset + ((va - area->start) >> PAGE_SHIFT);
}
static inline bool area_is_private_write(unsigned int flags)
{
	return (flags & (PAGE_WRITE | VM_SHARED)) == PAGE_WRITE;
}

/* ---- area_list.c: which areas show a file ------------------------------------ */

/* Before an area is listed: where that will be. No lock of a cache is held. */
void area_choose_row(struct vm_area *area);
/* Onto the list of its file, if there is one, and off it. */
void area_list(struct vm_area *area);
void area_unlist(struct vm_area *area);
/* The same for all of @space, which nobody else changes. */
void area_list_all(struct vm_space *space) MUST_HOLD(space->lock);
void area_unlist_all(struct vm_space *space) MUST_HOLD(space->lock);

/* ---- place.c: where a new mapping goes; space->lock held ------------------- */

/* Pages that stay free below a stack, so that it does not run into others. */
#define STACK_GUARD_SIZE (256 * PAGE_SIZE)

/* The start of @size free bytes; 0: there is no such hole. */
vaddr_t place_find(struct vm_space *space, size_t size) MUST_HOLD(space->lock);
/* [@start, @end) has become free. */
void place_freed(struct vm_space *space, vaddr_t start, vaddr_t end)
	MUST_HOLD(space->lock);

/* ---- map.c; space->lock held -------------------------------------------------- */

/* Unmap [@start, @end): whole areas go to @dead, to be destroyed without the
 * lock. 0, -ENOMEM (nothing changed). */
int map_detach(struct vm_space *space, vaddr_t start, vaddr_t end,
	       struct list_head *dead) MUST_HOLD(space->lock);
/* Change flags in [@start, @end), which lies in one area. 0, -ENOMEM. */
int map_change_flags(struct vm_space *space, vaddr_t start, vaddr_t end,
		     unsigned int clear, unsigned int set)
	MUST_HOLD(space->lock);

/* ---- page_range.c: many entries of a page table ---------------------------- */

/* Unmap what is in [@start, @end); private copies stay if @keep_private. */
void range_unmap(struct vm_space *space, vaddr_t start, vaddr_t end,
		 bool keep_private);
/* Make the entries of [@start, @end) follow the flags of @area. */
void range_protect(struct vm_space *space, const struct vm_area *area,
		   vaddr_t start, vaddr_t end);
/* Entries for files' pages in [@start, @end) lose the right to write. */
void range_write_protect(struct vm_space *space, vaddr_t start, vaddr_t end);
/* Move the entries of [@from, @from + @size) to @to. 0, -ENOMEM (what was
 * moved stays moved; calling it the other way round undoes it). */
int range_move(struct vm_space *space, vaddr_t from, vaddr_t to, size_t size);
/* Pages that fork copies at once, at most; with spinlocks held. */
#define FORK_COPIES 4u

/* What fork does with private pages, and what has come of it. */
struct sharing {
	struct vm_space *parent, *child;
	unsigned int copies_left; /* so many writable ones may be copied */
	unsigned int copied;
	/* So many that others have, too, may be left to those for a copy; and
	 * those that were, with the references the entries had. */
	unsigned int leaves_left;
	unsigned int num_left;
	struct page *left[FORK_COPIES];
	uint64_t drops; /* of the areas' files, before less after: 0 */
	bool changed;   /* entries of the parent are other ones, or less */
};
/* Give the child the private pages of @area: a copy, or the page itself,
 * copy-on-write. 0, -ENOMEM. */
int range_share(struct sharing *sharing, const struct vm_area *area);
/* Drop what it left. Only after a fence of the parent's table. */
void range_drop_left(struct sharing *sharing);

/* ---- fault.c ----------------------------------------------------------------- */

/* A frame of zeros that untouched memory shows to readers. Entries that map
 * it hold no reference. */
extern struct page *zero_page;

/* How an entry for a page of @area looks, with or without PAGE_WRITE. */
unsigned int area_page_bits(const struct vm_area *area, bool writable);
enum fault_reason {
	FAULT_TRAP,    /* the program is at it, and may go on behind it */
	FAULT_REQUEST, /* this page is wanted, and no other */
	FAULT_FORCED,  /* the same; see vm_space_access() */
};
/* vm_fault() with the lock held. */
enum vm_fault_result fault_locked(struct vm_space *space, vaddr_t va,
				  enum access access, enum fault_reason reason)
	MUST_HOLD(space->lock);

/* ---- page_cache.c ------------------------------------------------------------ */

/*
 * The page at @index, made if it is missing; cache->lock is held before and
 * after, but may be let go and taken again. The page is good while the lock is
 * held. 0; -ERANGE: past the end of the file; -ENOMEM, -ENOSPC, -EIO.
 * *@waited is set if the page had to be read.
 */
int page_cache_find(struct page_cache *cache, uint64_t index,
		    struct page **page, bool *waited) MUST_HOLD(cache->lock);
/* The same for a shared mapping's store: the page has its place on the disk and
 * is dirty. Also -EDQUOT and what else prepare_write says. */
int page_cache_find_to_write(struct page_cache *cache, uint64_t index,
			     struct page **page, bool *waited)
	MUST_HOLD(cache->lock);
