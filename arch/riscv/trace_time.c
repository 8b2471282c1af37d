/* SPDX-License-Identifier: MIT */
/*
 * trace_time.c - time stamps for the trace, and the names of its registers
 *
 * Idea: the time counter is the same on all harts, and where a hart has it,
 * reading it costs an instruction. SiFive's harts (HiFive boards, JH7110) have
 * not: there rdtime is a trap to the firmware, dearer than what is traced. So on
 * such a machine the hart's own cycle counter is read, and turned into ticks by
 * what both said when they were last read together: at the latest every
 * MAX_CYCLES, and at each interrupt, since cycles may stand still while a hart
 * waits for one. A stamp is so never older than MAX_CYCLES of drift; the order of
 * events does not depend on it (record.h).
 *
 * Boot argument trace_clock=time or trace_clock=cycle: no measuring.
 *
 * Locks: none; each hart has its own, interrupts off.
 * Source: Unprivileged Spec, "Zicntr"; Privileged Spec, "Counter-Enable".
 */
#include <arch/hart.h>
#include <arch/trace.h>
#include "arch/riscv/csr.h"
#include "kernel/debug/log.h"
#include "kernel/lib/boot_args.h"
#include "kernel/lib/string.h"
#include "kernel/trace/trace.h"

#define MAX_CYCLES  (1u << 20) /* about a millisecond */
#define MIN_CYCLES  (1u << 14) /* to learn the ratio from */
#define TRAP_CYCLES 100u       /* a rdtime that takes more is a trap */

/* Fixed once tracing has been on. */
static bool use_cycles;

static struct {
	uint64_t ticks, cycles; /* read together; 0: not yet */
	uint64_t ratio;         /* ticks per cycle, times 2^32; 0: not known */
	uint64_t last;          /* stamp given */
} __aligned(64) clocks[MAX_HARTS];

/* The firmware may keep the counter for itself: then reading it traps to 1. */
static bool cycle_is_readable(void)
{
	bool were_on = arch_interrupts_save();
	uint64_t readable = 0, stvec;

	__asm__ volatile("	la	t0, 1f\n"
			 "	csrrw	%1, stvec, t0\n"
			 "	csrr	t0, cycle\n"
			 "	li	%0, 1\n"
			 "	.align	2\n"
			 "1:	csrw	stvec, %1\n"
			 : "+&r"(readable), "=&r"(stvec)
			 :
			 : "t0", "memory");
	if (were_on)
		arch_interrupts_on();
	return readable;
}

/* Cycles that the fastest of some readings of the time took. */
static uint64_t cost_of_time(void)
{
	uint64_t least = UINT64_MAX;

	for (int i = 0; i < 8; i++) {
		uint64_t begin = csr_read(cycle);

		arch_time_ticks();
		least = MIN(least, csr_read(cycle) - begin);
	}
	return least;
}

/* An emulator's counters are the host's, so measuring tells nothing there. */
static bool is_emulator(void)
{
	uint64_t ids[3];

	arch_machine_ids(ids);
	return ids[0] == 0;
}

void arch_trace_time_choose(void)
{
	const char *wanted = boot_arg("trace_clock");
	bool time = wanted && strcmp(wanted, "time") == 0;
	bool cycle = wanted && strcmp(wanted, "cycle") == 0;

	if (use_cycles || time || !cycle_is_readable())
		return;
	use_cycles = cycle || (!is_emulator() && cost_of_time() > TRAP_CYCLES);
	if (use_cycles)
		log_info("trace: time stamps from the cycle counter");
}

void arch_trace_time_check(void)
{
	clocks[arch_hart_index()].ticks = 0;
}

/* Read both counters, and learn how they go together. */
static uint64_t read_both(unsigned int hart, uint64_t cycles)
{
	uint64_t since = cycles - clocks[hart].cycles;
	uint64_t ticks = arch_time_ticks();

	if (clocks[hart].ticks && since >= MIN_CYCLES)
		clocks[hart].ratio =
			((ticks - clocks[hart].ticks) << 32) / since;
	/* Too soon to learn: keep the older pair to measure from. */
	if (!clocks[hart].ticks || since >= MIN_CYCLES) {
		clocks[hart].ticks = ticks;
		clocks[hart].cycles = cycles;
	}
	return ticks;
}

static uint64_t time_from_cycles(void)
{
	unsigned int hart = arch_hart_index();
	uint64_t cycles = csr_read(cycle);
	uint64_t since = cycles - clocks[hart].cycles;
	uint64_t now;

	if (!clocks[hart].ticks || !clocks[hart].ratio || since > MAX_CYCLES)
		now = read_both(hart, cycles);
	else
		now = clocks[hart].ticks + (since * clocks[hart].ratio >> 32);
	/* The ratio is of the past: never back. */
	clocks[hart].last = MAX(clocks[hart].last, now);
	return clocks[hart].last;
}

uint64_t arch_trace_time(void)
{
	return use_cycles ? time_from_cycles() : arch_time_ticks();
}

TRACE_NAMES(words) = {
	{ "words", 0, "registers",
	  "pc ra sp gp tp t0 t1 t2 s0 s1 a0 a1 a2 a3 a4 a5 a6 a7 s2 s3 s4 s5 "
	  "s6 s7 s8 s9 s10 s11 t3 t4 t5 t6 sstatus scause stval orig_a0" },
	{ "words", 0, "context",
	  "ra sp s0 s1 s2 s3 s4 s5 s6 s7 s8 s9 s10 s11" },
};
