/* SPDX-License-Identifier: MIT */
/*
 * tlb.c - every fence of the kernel
 *
 * Idea: without address-space numbers (ASIDs) a switch of satp is followed by a
 * fence, so only the current table can have translations in the TLB. Hence: a
 * table that is not current on this hart needs no fence, and an entry that was
 * invalid before needs none either (the hart may keep "not there" only for a
 * moment; a spurious fault is handled as a fault that finds everything in
 * place).
 *
 * With ASIDs (the hart has them, and not asid=off) a switch needs no fence, and
 * translations of other tables remain. So a change of a table that some hart has
 * not loaded just now marks the table stale there: that hart fences when it
 * loads it again. Numbers are given out in turn. When all were, a new generation
 * begins: each hart fences once at its next switch, and each table gets a new
 * number when it is loaded next. A hart may still run with a number of the last
 * generation meanwhile, which another table has by now: that does not matter, as
 * it fences before it loads that one, and as no fence is by number.
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
 * With ASIDs the first marks the table stale before its fence, and the second
 * looks at that after its own.
 *
 * Either the first sees the bit and has the hart fenced, or the hart walks the
 * changed table: a fence that did not come was not needed. While only the boot
 * hart runs, none of this is done.
 *
 * A hart that stops must not be waited for by the firmware (it answers no more,
 * and OpenSBI's call would never return): it takes its bits away, then waits
 * until the calls are over that may have seen them (tlb_hart.calls).
 *
 * Fences are by whole address space, never by address: FU540 and FU740 harts
 * ignore sfence.vma with an address (SiFive erratum CIP-1200), and emulators
 * make no difference.
 *
 * Invariants
 *   F1  A hart that may have translations of a table's user half has its bit
 *       in table->harts; tlb_harts[hart].loaded is that table. The kernel's
 *       own table has no user half, and no bits: all harts would want them.
 *   F3  A hart with its bit in stale_code fetches none of the new code: the
 *       programs it runs until its next fence had none of it mapped.
 *   F2  A hart that may have translations of the kernel's half has its bit in
 *       running_harts.
 *
 *   F4  With ASIDs: two tables have the same number of the same generation
 *       never; a hart with translations of an older generation has its bit in
 *       old_numbers.
 *
 * Locks: asids_lock for giving out numbers; else none; the sets are atomic. A
 * struct tlb_hart belongs to its hart, interrupts off.
 * Source: Privileged Spec, "Supervisor Memory-Management Fence Instruction",
 * "Supervisor Address Translation and Protection (satp) Register".
 */
#include "arch/riscv/tlb.h"
#include <arch/hart.h>
#include <arch/page_table.h>
#include "arch/riscv/csr.h"
#include "arch/riscv/sbi.h"
#include "kernel/debug/log.h"
#include "kernel/lib/boot_args.h"
#include "kernel/lib/string.h"
#include "kernel/sync/spinlock.h"

/* Others than the boot hart were started; fixed before a program runs. */
static bool other_harts;
static uint64_t running_harts; /* atomic; bit h: hart index h (F2) */
/*
 * Atomic; bit h: hart h may have fetched instructions from memory that has
 * become code since. It fences before it runs a program other than now (F3).
 */
static uint64_t stale_code;
/* Written by that hart, interrupts off. */
static struct tlb_hart {
	/* Odd from before it looks whom to have fenced until that is done. */
	uint64_t calls;
	/* The table in satp; kept only with other_harts (F1). */
	struct page_table *loaded;
	/* Numbers of this generation that are the hart's to give out. */
	uint64_t generation, next_number;
	unsigned int numbers_left;
} __aligned(64) tlb_harts[MAX_HARTS];

/* Fewer numbers than this are not worth their generations. */
#define MIN_ASID_BITS 2u
/* What a hart takes at a time, if there are 1024 numbers or more. */
#define ASID_BATCH      16u
#define BATCH_ASID_BITS 10u

static struct asids {
	/* Fixed; 0: none are used, and every load of a table is a slow one. */
	unsigned int bits;
	/* Under asids_lock; read without. */
	uint64_t generation;
	/* Atomic; bit h: hart h fences at its next switch (F4). */
	uint64_t old_numbers;
} asids = { .generation = 1 };

/* Not beside what every switch reads. */
static struct spinlock asids_lock __aligned(64) = SPINLOCK_INIT(LOCK_LEAF);
/* Under asids_lock: the number given out last; 0 is the kernel's. */
static uint64_t last_asid;

/* A page table's root as satp names it, with number 0. */
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
	tlb_harts[arch_hart_index()].loaded = &kernel_page_table;
	running_harts = BIT(arch_hart_index());
	other_harts = true;
	interrupts_off_leave();
}

void tlb_hart_starts(void)
{
	unsigned int hart = arch_hart_index();

	tlb_harts[hart].loaded = &kernel_page_table;
	__atomic_fetch_or(&running_harts, BIT(hart), __ATOMIC_SEQ_CST);
	/* From here on fences reach us; what came before, by ourselves. */
	fence_memory();
	fence_all();
	fence_code();
}

/* This hart is about to look whom to have fenced; interrupts are off. */
static void fencing_begin(void)
{
	uint64_t *calls = &tlb_harts[arch_hart_index()].calls;

	WRITE_ONCE(*calls, *calls + 1);
	/* pairs with those in switch_noted() and tlb_hart_stops() */
	fence_memory();
}

static void fencing_end(void)
{
	uint64_t *calls = &tlb_harts[arch_hart_index()].calls;

	STORE_RELEASE(*calls, *calls + 1);
}

void tlb_hart_stops(void)
{
	unsigned int me = arch_hart_index();

	assert(tlb_harts[me].loaded == &kernel_page_table);
	__atomic_fetch_and(&running_harts, ~BIT(me), __ATOMIC_SEQ_CST);
	/* pairs with the one in fencing_begin() */
	fence_memory();
	/* Meanwhile the firmware answers for us, interrupts on or off. */
	for (unsigned int i = 0; i < MAX_HARTS; i++) {
		uint64_t calls = READ_ONCE(tlb_harts[i].calls);

		while (i != me && (calls & 1) &&
		       READ_ONCE(tlb_harts[i].calls) == calls)
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
	uint64_t stale = UINT64_MAX;

	interrupts_off_enter();
	if (tlb_harts[arch_hart_index()].loaded == table) {
		fence_all();
		stale = ~BIT(arch_hart_index());
	}
	if (asids.bits)
		__atomic_fetch_or(&table->stale, stale, __ATOMIC_RELAXED);
	flush_others(&table->harts);
	interrupts_off_leave();
}

void tlb_flush_all(struct page_table *table)
{
	if (unlikely(other_harts))
		flush_everywhere(table);
	else if (csr_read(satp) == table->satp)
		fence_all();
	else
		table->stale = UINT64_MAX;
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

/* ---- Numbers of address spaces ------------------------------------------- */

/* How many bits of a number the hart keeps. */
static unsigned int count_asid_bits(void)
{
	uint64_t satp = csr_read(satp);
	uint64_t kept;

	csr_write(satp, satp | SATP_ASID_MASK << SATP_ASID_SHIFT);
	kept = csr_read(satp) >> SATP_ASID_SHIFT & SATP_ASID_MASK;
	csr_write(satp, satp);
	fence_all();
	return (unsigned int)__builtin_popcountl(kept);
}

void tlb_table_made(struct page_table *table)
{
	table->satp = satp_of(table);
	table->generation = 0;
	table->stale = 0;
}

void tlb_probe_asids(void)
{
	const char *wanted = boot_arg("asid");
	unsigned int found = count_asid_bits();
	unsigned int bits = found;

	if (wanted && strcmp(wanted, "off") == 0)
		bits = 0;
	else if (wanted && *wanted >= '1' && *wanted <= '9' && !wanted[1])
		bits = MIN(bits, (unsigned int)(*wanted - '0'));
	asids.bits = bits >= MIN_ASID_BITS ? bits : 0;
	log_info("tlb: address-space numbers of %u bits, %u used", found,
		 asids.bits);
}

/* The last generation is used up: every hart is to fence before it meets a
 * number again. */
static void next_generation(void) MUST_HOLD(asids_lock)
{
	last_asid = 1;
	WRITE_ONCE(asids.old_numbers, UINT64_MAX);
	/* The bits before who has a number; pairs with the acquire in load(). */
	STORE_RELEASE(asids.generation, asids.generation + 1);
}

/* The first of @count numbers that nobody has. */
static uint64_t take_numbers(unsigned int count) MUST_HOLD(asids_lock)
{
	uint64_t first = last_asid + 1;

	if ((first + count - 1) >> asids.bits) {
		next_generation();
		first = last_asid + 1;
	}
	last_asid += count;
	return first;
}

static void set_number(struct page_table *table, uint64_t number,
		       uint64_t generation)
{
	/* pairs with the acquire in load() */
	STORE_RELEASE(table->satp, satp_of(table) | number << SATP_ASID_SHIFT);
	STORE_RELEASE(table->generation, generation);
}

/* For a table that only this hart knows. */
static void number_new(struct page_table *table)
{
	struct tlb_hart *me = &tlb_harts[arch_hart_index()];

	if (!me->numbers_left ||
	    me->generation != READ_ONCE(asids.generation)) {
		me->numbers_left =
			asids.bits < BATCH_ASID_BITS ? 1 : ASID_BATCH;
		spin_lock(&asids_lock);
		me->next_number = take_numbers(me->numbers_left);
		me->generation = asids.generation;
		spin_unlock(&asids_lock);
	}
	me->numbers_left--;
	set_number(table, me->next_number++, me->generation);
}

/*
 * @table's number is of another generation, or there are none at all. This hart
 * fences then in any case: also because what was written to a new table must
 * come before the hart walks it.
 */
static __noinline void renumber(struct page_table *table, uint64_t bit)
{
	__atomic_fetch_or(&table->stale, bit, __ATOMIC_RELAXED);
	if (!asids.bits)
		return;
	/* One that was never loaded is known to whom it is made for only. */
	if (!table->generation && table != &kernel_page_table) {
		number_new(table);
		return;
	}
	spin_lock(&asids_lock);
	if (table->generation != asids.generation) {
		uint64_t number =
			table == &kernel_page_table ? 0 : take_numbers(1);

		set_number(table, number, asids.generation);
	}
	spin_unlock(&asids_lock);
}

static __noinline void fence_once(struct page_table *table, uint64_t bit)
{
	__atomic_fetch_and(&table->stale, ~bit, __ATOMIC_RELAXED);
	if (READ_ONCE(asids.old_numbers) & bit)
		__atomic_fetch_and(&asids.old_numbers, ~bit, __ATOMIC_RELAXED);
	fence_all();
}

/* ---- Switching ----------------------------------------------------------- */

/* Put @table into satp of this hart, @bit; its bit in harts is set, if there
 * are other harts. */
static inline void load(struct page_table *table, uint64_t bit)
{
	if (unlikely(READ_ONCE(table->generation) !=
		     READ_ONCE(asids.generation)))
		renumber(table, bit);
	/* The number before the bits; pairs with the release in renumber(). */
	csr_write(satp, __atomic_load_n(&table->satp, __ATOMIC_ACQUIRE));
	/* After satp: nothing more of the table before can come in. */
	if (unlikely((READ_ONCE(table->stale) | READ_ONCE(asids.old_numbers)) &
		     bit))
		fence_once(table, bit);
}

/* From here on fences for @table reach this hart. */
static void enter_table(struct page_table *table, unsigned int hart)
{
	__atomic_fetch_or(&table->harts, BIT(hart), __ATOMIC_SEQ_CST);
	/* pairs with those in flush_others() and sync_stale() */
	fence_memory();
	if (READ_ONCE(stale_code) & BIT(hart))
		fetch_anew(hart);
}

static __noinline void switch_noted(struct page_table *table)
{
	unsigned int hart = arch_hart_index();
	struct page_table *old = tlb_harts[hart].loaded;

	if (table != &kernel_page_table)
		enter_table(table, hart);
	load(table, BIT(hart));
	if (old != &kernel_page_table)
		__atomic_fetch_and(&old->harts, ~BIT(hart), __ATOMIC_RELEASE);
	tlb_harts[hart].loaded = table;
}

bool page_table_is_loaded(const struct page_table *table)
{
	return !other_harts || READ_ONCE(table->harts);
}

void page_table_switch(struct page_table *table)
{
	if (csr_read(satp) == READ_ONCE(table->satp))
		return;
	if (unlikely(other_harts))
		switch_noted(table);
	else /* one bit of them all is as good as another */
		load(table, 1);
}
