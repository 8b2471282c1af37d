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
 * Other harts are fenced by the firmware (SBI v2.0, RFENCE), and only those
 * whose bit is set in the table's set of harts. A hart sets its bit before it
 * loads the table and clears it when it has loaded another and fenced. So:
 *
 *   who changes an entry             a hart that loads the table
 *   change it                        set the bit
 *   full fence       (flush_others)  full fence, sfence.vma (switch_noted)
 *   look at the bits                 walk the table
 *
 * Either the first sees the bit and has the hart fenced, or the hart walks the
 * changed table: a fence that did not come was not needed. While only the boot
 * hart runs, none of this is done.
 *
 * A hart that stops must not be waited for by the firmware (it answers no more,
 * and OpenSBI's call would never return): it takes its bits away, then waits
 * until the calls are over that may have seen them (fencing[]).
 *
 * Fences are by whole address space, never by address: FU540 and FU740 harts
 * ignore sfence.vma with an address (SiFive erratum CIP-1200), and emulators
 * make no difference.
 *
 * Invariants
 *   F1  A hart that may have translations of a table's user half has its bit
 *       in table->harts; loaded[hart] is that table.
 *   F3  A hart with its bit in stale_code fetches none of the new code: the
 *       programs it runs until its next fence had none of it mapped.
 *   F2  A hart that may have translations of the kernel's half has its bit in
 *       running_harts.
 *
 * Locks: none; the sets are atomic. loaded[] belongs to its hart, interrupts
 * off.
 * Source: Privileged Spec, "Supervisor Memory-Management Fence Instruction".
 */
#include "arch/riscv/tlb.h"
#include <arch/hart.h>
#include <arch/page_table.h>
#include "arch/riscv/csr.h"
#include "arch/riscv/sbi.h"
#include "kernel/sync/spinlock.h"

/* Others than the boot hart were started; fixed before a program runs. */
static bool other_harts;
static uint64_t running_harts; /* atomic; bit h: hart index h (F2) */
/*
 * Atomic; bit h: hart h may have fetched instructions from memory that has
 * become code since. It fences before it runs a program other than now (F3).
 */
static uint64_t stale_code;
/*
 * By hart index: odd from before it looks whom to have fenced until that is
 * done. Written by that hart, interrupts off.
 */
static struct {
	uint64_t calls;
} __aligned(64) fencing[MAX_HARTS];
/* The table in satp, by hart index; kept only with other_harts (F1). */
static struct page_table *loaded[MAX_HARTS];

/* A page table's root as satp names it. */
static uint64_t satp_of(const struct page_table *table)
{
	return SATP_MODE_SV39 | (virt_to_phys(table->root) >> PAGE_SHIFT);
}

static void fence_all(void)
{
	__asm__ volatile("sfence.vma" : : : "memory");
}

static void fence_code(void)
{
	__asm__ volatile("fence.i" : : : "memory");
}

/* What we wrote before what we read of others, and the other way round. */
static void fence_memory(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/* ---- Harts that come and go ---------------------------------------------- */

void tlb_expect_other_harts(void)
{
	if (other_harts)
		return;
	assert(csr_read(satp) == satp_of(&kernel_page_table));
	interrupts_off_enter();
	loaded[arch_hart_index()] = &kernel_page_table;
	running_harts = BIT(arch_hart_index());
	other_harts = true;
	interrupts_off_leave();
}

void tlb_hart_starts(void)
{
	unsigned int hart = arch_hart_index();

	loaded[hart] = &kernel_page_table;
	__atomic_fetch_or(&running_harts, BIT(hart), __ATOMIC_SEQ_CST);
	/* From here on fences reach us; what came before, by ourselves. */
	fence_memory();
	fence_all();
	fence_code();
}

/* This hart is about to look whom to have fenced; interrupts are off. */
static void fencing_begin(void)
{
	uint64_t *calls = &fencing[arch_hart_index()].calls;

	WRITE_ONCE(*calls, *calls + 1);
	/* pairs with those in switch_noted() and tlb_hart_stops() */
	fence_memory();
}

static void fencing_end(void)
{
	uint64_t *calls = &fencing[arch_hart_index()].calls;

	__atomic_store_n(calls, *calls + 1, __ATOMIC_RELEASE);
}

void tlb_hart_stops(void)
{
	unsigned int me = arch_hart_index();

	assert(loaded[me] == &kernel_page_table);
	__atomic_fetch_and(&kernel_page_table.harts, ~BIT(me),
			   __ATOMIC_SEQ_CST);
	__atomic_fetch_and(&running_harts, ~BIT(me), __ATOMIC_SEQ_CST);
	/* pairs with the one in fencing_begin() */
	fence_memory();
	/* Meanwhile the firmware answers for us, interrupts on or off. */
	for (unsigned int i = 0; i < MAX_HARTS; i++) {
		uint64_t calls = READ_ONCE(fencing[i].calls);

		while (i != me && (calls & 1) &&
		       READ_ONCE(fencing[i].calls) == calls)
			arch_spin_hint();
	}
}

uint64_t tlb_kernel_satp(void)
{
	return satp_of(&kernel_page_table);
}

/* ---- Fences -------------------------------------------------------------- */

/* Call @fence for @harts, in groups that a hart mask of SBI can name. */
static void for_hartids(uint64_t harts,
			void (*fence)(uint64_t mask, uint64_t base))
{
	while (harts) {
		uint64_t base =
			arch_hart_id((unsigned int)__builtin_ctzl(harts));
		uint64_t mask = 0;

		for (uint64_t rest = harts; rest; rest &= rest - 1) {
			unsigned int hart = (unsigned int)__builtin_ctzl(rest);
			uint64_t distance = arch_hart_id(hart) - base;

			if (distance >= 64)
				continue;
			mask |= BIT(distance);
			harts &= ~BIT(hart);
		}
		fence(mask, base);
	}
}

/* Interrupts are off. */
static void flush_others(const uint64_t *harts)
{
	uint64_t others;

	fencing_begin();
	others = READ_ONCE(*harts) & ~BIT(arch_hart_index());
	if (others)
		for_hartids(others, sbi_remote_fence);
	fencing_end();
}

static __noinline void flush_everywhere(struct page_table *table)
{
	interrupts_off_enter();
	if (loaded[arch_hart_index()] == table)
		fence_all();
	flush_others(&table->harts);
	interrupts_off_leave();
}

void tlb_flush_all(struct page_table *table)
{
	if (unlikely(other_harts))
		flush_everywhere(table);
	else if (csr_read(satp) == satp_of(table))
		fence_all();
}

void tlb_flush_page(struct page_table *table, vaddr_t va)
{
	(void)va;
	tlb_flush_all(table);
}

void tlb_flush_range(struct page_table *table, vaddr_t start, vaddr_t end)
{
	(void)start;
	(void)end;
	tlb_flush_all(table);
}

void tlb_flush_kernel(void)
{
	interrupts_off_enter();
	fence_all();
	if (unlikely(other_harts))
		flush_others(&running_harts);
	interrupts_off_leave();
}

/* ---- Code ----------------------------------------------------------------- */

/* This hart; the bit first, so that a newer one is not lost. */
static void fetch_anew(unsigned int hart)
{
	__atomic_fetch_and(&stale_code, ~BIT(hart), __ATOMIC_SEQ_CST);
	fence_code();
}

/* Have those harts that run @table and are stale fence. */
static __noinline void sync_stale(struct page_table *table)
{
	unsigned int hart;
	uint64_t stale;

	interrupts_off_enter();
	hart = arch_hart_index();
	fencing_begin();
	stale = READ_ONCE(table->harts) & READ_ONCE(stale_code);
	if (stale & BIT(hart))
		fetch_anew(hart);
	stale &= ~BIT(hart);
	if (stale)
		for_hartids(stale, sbi_remote_fence_i);
	fencing_end();
	interrupts_off_leave();
}

void code_mapped(struct page_table *table)
{
	if (unlikely(other_harts))
		sync_stale(table);
}

void code_written(struct page_table *table)
{
	if (likely(!other_harts)) {
		fence_code();
		return;
	}
	/* The code before the bits; all harts, also this one. */
	__atomic_fetch_or(&stale_code, READ_ONCE(running_harts),
			  __ATOMIC_SEQ_CST);
	sync_stale(table);
}

void arch_fence_all_harts(void)
{
	interrupts_off_enter();
	fencing_begin();
	if (other_harts)
		for_hartids(READ_ONCE(running_harts) & ~BIT(arch_hart_index()),
			    sbi_remote_fence_i);
	fencing_end();
	interrupts_off_leave();
}

/* ---- Switching ----------------------------------------------------------- */

static __noinline void switch_noted(struct page_table *table, uint64_t satp)
{
	unsigned int hart = arch_hart_index();
	struct page_table *old = loaded[hart];

	__atomic_fetch_or(&table->harts, BIT(hart), __ATOMIC_SEQ_CST);
	/* pairs with those in flush_others() and sync_stale() */
	fence_memory();
	if (READ_ONCE(stale_code) & BIT(hart))
		fetch_anew(hart);
	csr_write(satp, satp);
	fence_all();
	__atomic_fetch_and(&old->harts, ~BIT(hart), __ATOMIC_RELEASE);
	loaded[hart] = table;
}

void page_table_switch(struct page_table *table)
{
	uint64_t satp = satp_of(table);

	if (csr_read(satp) == satp)
		return;
	if (unlikely(other_harts)) {
		switch_noted(table, satp);
		return;
	}
	csr_write(satp, satp);
	fence_all();
}
