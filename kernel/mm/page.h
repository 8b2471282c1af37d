/* SPDX-License-Identifier: MIT */
/*
 * page.h - physical memory, frame by frame
 *
 * Idea: one struct page per frame of RAM with a reference count; who drops the
 * last reference gives the frame back to the buddy allocator (buddy.c), which
 * keeps free blocks of 2^order frames and merges freed halves.
 * The structs form one array in the order of the frames, mapped only where
 * there is RAM, so that from a frame to its struct and back is arithmetic.
 * Read: OSTEP ch. 17 (free-space management, buddy allocation).
 */
#pragma once

#include <arch/page_table.h>
#include "kernel/lib/list.h"
#include "kernel/lib/refcount.h"

struct page_cache;

/* Bits of page.flags; atomic. */
#define PAGE_FLAG_RESERVED 1u  /* firmware, kernel image: never allocated */
#define PAGE_FLAG_FREE     2u  /* in the buddy allocator */
#define PAGE_FLAG_SLAB     4u  /* holds kernel objects */
#define PAGE_FLAG_UPTODATE 8u  /* page cache: contents are valid */
#define PAGE_FLAG_DIRTY    16u /* page cache: newer than the disk */
#define PAGE_FLAG_ANON     32u /* private memory of a program */
#define PAGE_FLAG_TABLE    64u /* a page table */
#define PAGE_FLAG_CODE     128u /* instruction caches have seen it as it is now */
/* Page cache, files with a home on a disk: */
#define PAGE_FLAG_LOCKED    256u  /* being read: not up to date yet */
#define PAGE_FLAG_WRITEBACK 512u  /* being written */
#define PAGE_FLAG_BACKED    1024u /* all of it has its place on the disk */
#define PAGE_FLAG_USED      2048u /* somebody wanted it lately (clock) */
#define PAGE_FLAG_AHEAD     4096u /* who comes here wants more read ahead */

struct page {
	unsigned int flags;  /* atomic */
	uint8_t order;       /* of the block this page heads */
	uint8_t home;        /* whose region it is; buddy.c */
	uint16_t slab_cache; /* SLAB: which cache; slab.c */
	union {
		struct {
			struct refcount refs;
			union {
				/* Atomic; page tables that map it. */
				unsigned int map_count;
				struct {
					/* SLAB; the cache's lock. */
					uint16_t slab_used; /* objects in use */
					uint16_t slab_free; /* first free one */
				};
			};
		};
		/* Both in one word: page_map() changes them at once. */
		uint64_t refs_and_maps;
		/*
		 * TABLE, which nobody counts; the page table's lock. Bit g: the
		 * g-th 64th of the table may have entries in use, the others
		 * are empty. So ranges with few pages are walked fast.
		 */
		uint64_t table_used;
	};
	union {
		struct list_head node; /* free list or owner's list */
		struct {
			struct page_cache *cache; /* page cache; its lock */
			uint64_t index;           /* page number in the file */
		};
		struct {
			/* TABLE; the page table's lock. */
			struct page *next_table; /* of the same page table */
			pte_t *table_above; /* the entry that points here */
		};
	};
};

/* One per frame: keep it small (1/128 of RAM). */
_Static_assert(sizeof(struct page) == 32, "struct page");
_Static_assert(offsetof(struct page, map_count) ==
		       offsetof(struct page, refs_and_maps) + 4,
	       "PAGE_MAPPED_ONCE");

/* Flags of page_alloc(). */
#define ALLOC_ZERO   1u /* cleared */
#define ALLOC_ATOMIC 2u /* do not sleep or reclaim: NULL soon */
#define ALLOC_USER   4u /* for a program: may call the out-of-memory killer */

/* The largest block: 2^MAX_ORDER frames, 8 MiB. */
#define MAX_ORDER 11u

/*
 * 2^@order frames, aligned to their size; refs is 1.
 * NULL: no memory. Context: thread unless ALLOC_ATOMIC.
 */
struct page *page_alloc(unsigned int order, unsigned int flags);
static inline void page_get(struct page *page)
{
	refcount_get(&page->refs);
}
/* Drop a reference; the last frees the block. Any context. */
void page_put(struct page *page);
/* Free a block whose last reference is known to be gone. Any context. */
void page_free(struct page *page);
/* The same for a single frame whose every byte is 0: the next who wants a
 * cleared one gets it as it is. */
void page_free_zeroed(struct page *page);

static inline paddr_t page_to_phys(const struct page *page)
{
	return ((uintptr_t)page - PAGE_ARRAY_BASE) *
	       (PAGE_SIZE / sizeof(struct page));
}
/* @pa must be RAM. */
static inline struct page *phys_to_page(paddr_t pa)
{
	return (struct page *)(PAGE_ARRAY_BASE +
			       (pa >> PAGE_SHIFT) * sizeof(struct page));
}
/* Is @pa in a bank of RAM? */
bool phys_is_ram(paddr_t pa);
static inline void *page_address(const struct page *page)
{
	return phys_to_virt(page_to_phys(page));
}

/*
 * Boot: tell the allocator about RAM. memory_add() for each bank (from the
 * device tree), memory_reserve() for what must not be used, then
 * memory_init() once; before that early_alloc() serves from the largest bank
 * (page tables of the direct map).
 */
void memory_add(paddr_t start, uint64_t size);
void memory_reserve(paddr_t start, uint64_t size);
void *early_alloc_page(void); /* zeroed; its physical page is direct mapped */
void memory_init(void);
/*
 * Give reserved memory that has served its time (the initial ramdisk) to the
 * allocator, after memory_init(). Only whole frames inside the range.
 */
void memory_release(paddr_t start, uint64_t size);
/* Bank @i (0..); false past the end. */
bool memory_bank(unsigned int i, paddr_t *start, uint64_t *size);

/* In pages. */
struct memory_info {
	uint64_t total;   /* all RAM we were told of */
	uint64_t managed; /* of these, given to the allocator */
	uint64_t free;
	uint64_t cached;    /* page cache incl. tmpfs */
	uint64_t shared;    /* tmpfs and shared anonymous */
	uint64_t anonymous; /* private memory of programs */
	uint64_t slab;
	uint64_t page_tables;
	uint64_t kernel_stacks;
	uint64_t committed;
};
void memory_get_info(struct memory_info *info);
/* Counters other rooms keep here; @delta in pages. */
void memory_count_stacks(int delta);
void memory_count_tables(int delta);
/* pgfault, pgmajfault, ... for /proc/vmstat. */
struct memory_events {
	uint64_t faults, major_faults, cow_copies, pages_allocated, pages_freed,
		oom_kills;
};
void memory_get_events(struct memory_events *events);
