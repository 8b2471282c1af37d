/* SPDX-License-Identifier: MIT */
/*
 * pte.h - the bits of a page-table entry, and the shape of an Sv39 table
 *
 * Source: Privileged Spec 1.12, "Sv39: Page-Based 39-bit Virtual-Memory
 * System", figures of the virtual address and the PTE.
 */
#pragma once

#include "kernel/lib/compiler.h"

#define PTE_V   0x001UL /* valid */
#define PTE_R   0x002UL
#define PTE_W   0x004UL
#define PTE_X   0x008UL
#define PTE_U   0x010UL /* user mode may use it, supervisor mode not */
#define PTE_G   0x020UL /* in every address space */
#define PTE_A   0x040UL
#define PTE_D   0x080UL
#define PTE_RSW 0x300UL /* left to software: PAGE_COW, PAGE_DEVICE */

#define PTE_PPN_SHIFT 10
#define PTE_PPN_MASK  0x003ffffffffffc00UL

#define PT_LEVELS  3
#define PT_ENTRIES 512UL
/* Index bits of level @l (2 is the root) begin here. */
#define PT_SHIFT(l)     (PAGE_SHIFT + 9 * (l))
#define PT_SIZE(l)      (1UL << PT_SHIFT(l))
#define PT_INDEX(va, l) (((va) >> PT_SHIFT(l)) & (PT_ENTRIES - 1))
/* Entries of the root that are the user's; the rest is the kernel's. */
#define PT_USER_ENTRIES 256UL

/* The bits above the frame's number belong to extensions (Svnapot, Svpbmt)
 * that we do not use: in our entries they are 0. */
static inline uint64_t pte_to_phys(uint64_t pte)
{
	return pte >> PTE_PPN_SHIFT << PAGE_SHIFT;
}

static inline uint64_t phys_to_pte(uint64_t pa)
{
	return pa >> PAGE_SHIFT << PTE_PPN_SHIFT;
}

/* Points to the next level, as opposed to mapping a page. */
static inline bool pte_is_table(uint64_t pte)
{
	return (pte & (PTE_V | PTE_R | PTE_W | PTE_X)) == PTE_V;
}
