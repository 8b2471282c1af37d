/* SPDX-License-Identifier: MIT */
/*
 * arch/page_table.h - translating addresses: the contract of the page table
 *
 * Idea: generic code thinks of a page table as a map from page to (frame,
 * protection). The levels, the bits and the fences are the arch's. Functions
 * that change a live table say whether the caller must flush.
 *
 * Locks: the caller guards the table (vm_space.page_table_lock).
 * Source: RISC-V Privileged Spec 1.12, "Sv39: Page-Based 39-bit
 * Virtual-Memory System".
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "kernel/lib/compiler.h"
#include "kernel/lib/types.h"

/* First address after the user half, and lowest that may be mapped. */
#define USER_SPACE_END   0x4000000000UL
#define USER_SPACE_START 0x10000UL

/*
 * Protection and facts of one mapped page. Generic code knows the names only:
 * the values are those of the hardware's bits, so that an entry is put
 * together without looking at each (proved in page_table.c).
 */
#define PAGE_READ     0x02u
#define PAGE_WRITE    0x04u
#define PAGE_EXEC     0x08u
#define PAGE_USER     0x10u
#define PAGE_ACCESSED 0x40u
#define PAGE_DIRTY    0x80u
/* Kept by software: may be written in principle, but is shared until then. */
#define PAGE_COW 0x100u
/* Device registers; their attributes come from the physical address (PMA). */
#define PAGE_DEVICE 0x200u

typedef uint64_t pte_t;

struct page;

struct page_table {
	pte_t *root;         /* 512 entries; upper half is the kernel's */
	struct page *tables; /* all of it: the root and those below */
	/* Atomic: what satp is to be, with a number of that generation: tlb.c. */
	uint64_t satp;
	uint64_t generation;
	/* Atomic; bit h: hart h fences when it loads the table the next time. */
	uint64_t stale;
	/* Atomic; bit h: hart h may have translations of the lower half. */
	uint64_t harts;
};

/* The kernel half of every table, ready after boot. */
extern struct page_table kernel_page_table;

/* A table with an empty user half. 0 or -ENOMEM. */
int page_table_init(struct page_table *table);
/* Free the tables. All user entries have been emptied with pte_clear(). */
void page_table_destroy(struct page_table *table);

/*
 * The entry of @va, for the functions below. With @create, missing levels are
 * made; NULL: none there, or no memory.
 */
pte_t *page_table_entry(struct page_table *table, vaddr_t va, bool create);

/*
 * Walk to the entry table (lowest level) that holds @va and return a pointer
 * to the entry; entries of the following pages up to *@count_out lie behind
 * it, so a range is worked on table by table. NULL with *@count_out set when
 * a whole table is missing (that many pages can be skipped).
 */
pte_t *page_table_range(struct page_table *table, vaddr_t va, bool create,
			size_t *count_out);

#define PTE_FACTS       0x3deu /* all of PAGE_* */
#define PTE_PRESENT     0x01u
#define PTE_FRAME_SHIFT 10 /* the frame's number begins here ... */
#define PTE_ABOVE_FRAME 10 /* ... and this many bits lie above it */
#define PTE_INDEX_BITS  9  /* of an address, for each of three levels */

/* An entry that maps @frame. What may be written may be read. */
static inline pte_t pte_make(paddr_t frame, unsigned int page_bits)
{
	/* A and D are set from the start: see page_table.c. */
	page_bits |= PTE_PRESENT | PAGE_ACCESSED;
	if (page_bits & PAGE_WRITE)
		page_bits |= PAGE_READ | PAGE_DIRTY;
	return frame >> PAGE_SHIFT << PTE_FRAME_SHIFT | page_bits;
}

static inline bool pte_present(pte_t pte)
{
	return pte & PTE_PRESENT;
}

static inline paddr_t pte_frame(pte_t pte)
{
	return pte << PTE_ABOVE_FRAME >> (PTE_ABOVE_FRAME + PTE_FRAME_SHIFT)
						 << PAGE_SHIFT;
}

static inline unsigned int pte_bits(pte_t pte)
{
	return pte & PTE_FACTS;
}

/* Change @pte from not present to present: no flush needed. */
static inline void pte_set(pte_t *pte, pte_t value)
{
	STORE_RELEASE(*pte, value);
}
/* Empty @pte and return what it was; caller flushes if it was present. In no
 * order but that of the caller's lock. */
static inline pte_t pte_clear(pte_t *pte)
{
	return __atomic_exchange_n(pte, 0, __ATOMIC_RELAXED);
}

/*
 * An entry was made present or given more rights: whether a spurious fault is
 * possible is the arch's business (it handles them).
 */

/* Forget translations of @table in all harts that may have them. */
void tlb_flush_page(struct page_table *table, vaddr_t va);
void tlb_flush_range(struct page_table *table, vaddr_t start, vaddr_t end);
void tlb_flush_all(struct page_table *table);

/*
 * Memory that programs may fetch from was written, by whatever hart: from now
 * on no hart in @table executes what was there before. Also a full memory
 * barrier on all these harts. Others see to it when they switch to @table.
 */
void code_written(struct page_table *table);
/* Code that was announced so for another table is about to be mapped here. */
void code_mapped(struct page_table *table);

/* Make @table the current one of this hart; interrupts off. */
void page_table_switch(struct page_table *table);
/* Not the kernel's: may it be the current one of some hart? */
bool page_table_is_loaded(const struct page_table *table);

/* The kernel's own windows (all page aligned). 0 or -ENOMEM. */
int kernel_map(vaddr_t va, paddr_t pa, size_t size, unsigned int page_bits);
/* Without a fence: tlb_flush_kernel() before anybody else may have the frames. */
void kernel_unmap(vaddr_t va, size_t size);
/* Map device registers; NULL: no room. @pa need not be aligned. */
volatile void *device_map(paddr_t pa, size_t size);

/* RAM is visible to the kernel at a fixed distance: the direct map. */
#define DIRECT_MAP_BASE 0xffffffc000000000UL
#define DIRECT_MAP_SIZE 0x2000000000UL /* 128 GiB */

/*
 * The struct pages of all frames lie here in the order of the frames
 * (kernel/mm/page.h); where there is no RAM, nothing is mapped.
 */
#define PAGE_ARRAY_BASE 0xffffffe400000000UL
/*
 * Boot, until memory_init() is done: make sure that memory (cleared) is mapped
 * at @va, an address in the page array. Takes it from early_alloc_page().
 */
void page_array_map(vaddr_t va);

/* @pa must be RAM below DIRECT_MAP_SIZE. */
static inline void *phys_to_virt(paddr_t pa)
{
	return (void *)(pa + DIRECT_MAP_BASE);
}

/* The entry for @va in a table that @level tables lie below. */
static inline pte_t pte_at(const void *table, vaddr_t va, unsigned int level)
{
	vaddr_t index = va >> (PAGE_SHIFT + PTE_INDEX_BITS * level);

	return ((const pte_t *)table)[index & ((1UL << PTE_INDEX_BITS) - 1)];
}

/* The frame of @pte; the bits above its number are 0 in all that we make. */
static inline void *pte_memory(pte_t pte)
{
	return phys_to_virt(pte >> PTE_FRAME_SHIFT << PAGE_SHIFT);
}

/*
 * The address through which the kernel reaches user address @va: a walk to a
 * present user page that allows @write or read. NULL: the caller must have the
 * fault handled first. Inline: all copying from and to programs begins here.
 * Caller holds the table's lock until it is done with the memory.
 */
static force_inline void *
page_table_user_address(const struct page_table *table, vaddr_t va, bool write)
{
	const pte_t need =
		PTE_PRESENT | PAGE_USER | PAGE_READ | (write ? PAGE_WRITE : 0);
	pte_t pte = pte_at(table->root, va, 2);

	if (unlikely(!pte_present(pte)))
		return NULL;
	pte = pte_at(pte_memory(pte), va, 1);
	if (unlikely(!pte_present(pte)))
		return NULL;
	pte = pte_at(pte_memory(pte), va, 0);
	if (unlikely((pte & need) != need))
		return NULL;
	return (char *)pte_memory(pte) + (va & (PAGE_SIZE - 1));
}

/* @va in the direct map or in the kernel image. */
paddr_t virt_to_phys(const void *va);
/* @va in the direct map only: one subtraction. */
static inline paddr_t direct_to_phys(const void *va)
{
	return (paddr_t)va - DIRECT_MAP_BASE;
}
