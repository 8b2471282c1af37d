/* SPDX-License-Identifier: MIT */
/*
 * trace_time.c - time stamps for the trace, and the names of its registers
 */
#include <arch/hart.h>
#include <arch/trace.h>
#include "arch/riscv/csr.h"
#include "kernel/trace/trace.h"

uint64_t arch_trace_time(void)
{
	return arch_time_ticks();
}

TRACE_NAMES(words) = {
	{ "words", 0, "registers",
	  "pc ra sp gp tp t0 t1 t2 s0 s1 a0 a1 a2 a3 a4 a5 a6 a7 s2 s3 s4 s5 "
	  "s6 s7 s8 s9 s10 s11 t3 t4 t5 t6 sstatus scause stval orig_a0" },
	{ "words", 0, "context",
	  "ra sp s0 s1 s2 s3 s4 s5 s6 s7 s8 s9 s10 s11" },
};
