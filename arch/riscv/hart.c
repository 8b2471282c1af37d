/* SPDX-License-Identifier: MIT */
/*
 * hart.c - which harts there are, what they can do, their timer and IPIs
 *
 * Idea: firmware names harts by hartid, which may be sparse and may start at
 * any number; the kernel counts them 0..n-1 in the order of the device tree
 * and indexes everything by that. Only harts that main.c found usable are
 * here. The boot hart runs; the others wait, stopped, in the firmware, until
 * arch_hart_start() (SBI v2.0, Hart State Management).
 */
#include <arch/hart.h>
#include <arch/harts.h>
#include <arch/page_table.h>
#include "arch/riscv/csr.h"
#include "arch/riscv/sbi.h"
#include "arch/riscv/tlb.h"
#include "kernel/abi/errno.h"
#include "kernel/arch_entry.h"
#include "kernel/debug/log.h"
#include "kernel/debug/panic.h"
#include "kernel/lib/string.h"
#include "kernel/trace/trace.h"

/* Sstc's compare register; the assembler may not know its name. */
#define CSR_STIMECMP "0x14d"

/* Fixed after boot. */
static struct {
	uint64_t hartid[MAX_HARTS];
	unsigned int num_harts;
	bool has_sstc;
	uint64_t hwcap;
	char isa[128];
} harts;

uint64_t boot_hartid;    /* from head.S */
uint64_t secondary_satp; /* for head.S: the page table to begin with */

/* For head.S, too: who begins where, by hart index; all 0: was not started. */
struct hart_start {
	uint64_t hartid;
	struct thread *idle;
};
struct hart_start hart_starts[MAX_HARTS];
_Static_assert(HART_STARTS == MAX_HARTS && sizeof(struct hart_start) == 16,
	       "head.S");

void secondary_entry(void); /* head.S */
void secondary_hart_main(void) __noreturn;

int arch_hart_add(uint64_t hartid)
{
	unsigned int i = harts.num_harts;

	if (i == MAX_HARTS)
		return -1;
	harts.hartid[i] = hartid;
	if (hartid == boot_hartid)
		((struct arch_thread *)arch_current())->hart_index = i;
	harts.num_harts++;
	return (int)i;
}

void arch_hart_features(bool has_sstc, const char *isa)
{
	harts.has_sstc = has_sstc;
	strcopy(harts.isa, isa, sizeof(harts.isa));
	/* Single letters up to the first multi-letter extension: "rv64imafdc".
	 * V is not told: its state is not saved in signal frames. */
	for (const char *p = isa + 4; *p && *p != '_'; p++) {
		if (strchr("imafdc", *p))
			harts.hwcap |= BIT(*p - 'a');
	}
}

uint64_t arch_boot_hartid(void)
{
	return boot_hartid;
}

void arch_timer_set(uint64_t ticks)
{
	if (harts.has_sstc)
		__asm__ volatile("csrw " CSR_STIMECMP ", %0" : : "r"(ticks));
	else
		sbi_set_timer(ticks);
}

unsigned int arch_num_harts(void)
{
	return harts.num_harts;
}

uint64_t arch_hart_id(unsigned int hart_index)
{
	assert(hart_index < harts.num_harts);
	return harts.hartid[hart_index];
}

void arch_send_ipi(unsigned int hart_index)
{
	sbi_send_ipi(arch_hart_id(hart_index));
}

int arch_hart_start(unsigned int hart_index, struct thread *idle)
{
	uint64_t hartid = arch_hart_id(hart_index);
	long err;

	if (!sbi_can_run_harts())
		return -EIO;
	tlb_expect_other_harts();
	secondary_satp = tlb_kernel_satp();
	hart_starts[hart_index] = (struct hart_start){ hartid, idle };
	/* What it reads with the MMU off was written before. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	err = sbi_hart_start(hartid, virt_to_phys((void *)secondary_entry),
			     (uint64_t)idle);
	if (err)
		log_error("hart %lu does not start: SBI error %ld", hartid,
			  err);
	return err ? -EIO : 0;
}

/* From head.S, on the idle thread's stack. */
void secondary_hart_main(void)
{
	TRACE_BOOT(TRAP_TABLE, csr_read(stvec),
		   arch_hart_id(arch_hart_index()));
	tlb_hart_starts();
	handle_hart_start();
}

uint64_t arch_hwcap(void)
{
	return harts.hwcap;
}

const char *arch_isa_string(void)
{
	return harts.isa;
}

void arch_hart_stop(void)
{
	long err;

	csr_write(sie, 0);
	tlb_hart_stops();
	err = sbi_hart_stop();
	panic("the firmware does not stop a hart: SBI error %ld", err);
}

bool arch_hart_is_stopped(unsigned int hart_index)
{
	return sbi_hart_is_stopped(arch_hart_id(hart_index));
}
