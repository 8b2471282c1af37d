/* SPDX-License-Identifier: MIT */
/*
 * tlb.c - every fence of the kernel
 *
 * Idea: no address-space numbers are used yet, so a switch of satp is followed
 * by a fence and only the current table can have translations in the TLB.
 * Hence: a table that is not current on this hart needs no fence, and an entry
 * that was invalid before needs none either (the hart may keep "not there"
 * only for a moment; a spurious fault is handled as a fault that finds
 * everything in place).
 *
 * Fences are by whole address space, never by address: FU540 and FU740 harts
 * ignore sfence.vma with an address (SiFive erratum CIP-1200), and emulators
 * make no difference.
 *
 * Source: Privileged Spec, "Supervisor Memory-Management Fence Instruction".
 */
#include "arch/riscv/tlb.h"
#include <arch/hart.h>
#include <arch/page_table.h>
#include "arch/riscv/csr.h"
#include "arch/riscv/sbi.h"

/* A page table's root as satp names it. */
static uint64_t satp_of(const struct page_table *table)
{
	return SATP_MODE_SV39 | (virt_to_phys(table->root) >> PAGE_SHIFT);
}

static void fence_all(void)
{
	__asm__ volatile("sfence.vma" : : : "memory");
}

bool tlb_other_harts_run(void)
{
	return false; /* until secondary harts are started */
}

static void flush(struct page_table *table)
{
	if (csr_read(satp) == satp_of(table))
		fence_all();
	if (tlb_other_harts_run())
		sbi_remote_fence(0, ~0UL);
}

void tlb_flush_page(struct page_table *table, vaddr_t va)
{
	(void)va;
	flush(table);
}

void tlb_flush_range(struct page_table *table, vaddr_t start, vaddr_t end)
{
	(void)start;
	(void)end;
	flush(table);
}

void tlb_flush_all(struct page_table *table)
{
	flush(table);
}

void tlb_flush_kernel(void)
{
	fence_all();
	if (tlb_other_harts_run())
		sbi_remote_fence(0, ~0UL);
}

void page_table_switch(struct page_table *table)
{
	uint64_t satp = satp_of(table);

	if (csr_read(satp) == satp)
		return;
	csr_write(satp, satp);
	fence_all();
}
