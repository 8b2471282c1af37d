/* SPDX-License-Identifier: MIT */
/*
 * arch/page_table.h - the page table of unit tests
 *
 * The same contract as arch/riscv/include/arch/page_table.h, over memory of
 * the host: RAM is one array, and the direct map adds its address. Tables have
 * three levels of 512 entries; no fence happens by itself, so a forgotten one
 * shows (machine.c).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "kernel/lib/types.h"

#define PTE_INDEX_BITS   9 /* of an address, for each of three levels */
#define USER_SPACE_END   0x4000000000UL
#define USER_SPACE_START 0x10000UL

#define PAGE_READ     1u
#define PAGE_WRITE    2u
#define PAGE_EXEC     4u
#define PAGE_USER     8u
#define PAGE_ACCESSED 16u
#define PAGE_DIRTY    32u
#define PAGE_DEVICE   64u
#define PAGE_COW      128u

typedef uint64_t pte_t;

struct page_table {
	pte_t *root;
	uint16_t asid;
};
extern struct page_table kernel_page_table;

int page_table_init(struct page_table *table);
void page_table_destroy(struct page_table *table);
pte_t *page_table_entry(struct page_table *table, vaddr_t va, bool create);
pte_t *page_table_range(struct page_table *table, vaddr_t va, bool create,
			size_t *count_out);
pte_t pte_make(paddr_t frame, unsigned int page_bits);
bool pte_present(pte_t pte);
paddr_t pte_frame(pte_t pte);
unsigned int pte_bits(pte_t pte);
void *page_table_user_address(struct page_table *table, vaddr_t va, bool write);

static inline void pte_set(pte_t *pte, pte_t value)
{
	*pte = value;
}

static inline pte_t pte_clear(pte_t *pte)
{
	pte_t old = *pte;

	*pte = 0;
	return old;
}

void tlb_flush_page(struct page_table *table, vaddr_t va);
void tlb_flush_range(struct page_table *table, vaddr_t start, vaddr_t end);
void tlb_flush_all(struct page_table *table);
void code_written(struct page_table *table);
void code_mapped(struct page_table *table);
void page_table_switch(struct page_table *table);

/* RAM begins here, as on many boards; it is host_ram[] in machine.c. */
#define HOST_RAM_START  0x80000000UL
#define HOST_RAM_SIZE   (48UL << 20)
#define DIRECT_MAP_SIZE 0x2000000000UL
extern char host_ram[];

/* The structs of these frames; whole pages, as many as memory.c asks for. */
#define HOST_PAGE_ARRAY_SIZE (HOST_RAM_SIZE / 128)
extern char host_page_array[];
#define PAGE_ARRAY_BASE ((uintptr_t)host_page_array - HOST_RAM_START / 128)
void page_array_map(vaddr_t va);

static inline void *phys_to_virt(paddr_t pa)
{
	return host_ram + (pa - HOST_RAM_START);
}
static inline paddr_t direct_to_phys(const void *va)
{
	return (paddr_t)((const char *)va - host_ram) + HOST_RAM_START;
}
