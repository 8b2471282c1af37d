/* SPDX-License-Identifier: MIT */
/*
 * machine.c - printing registers, walking the call chain, ordering device
 * accesses
 */
#include <arch/machine.h>
#include <arch/trap_frame.h>
#include "arch/riscv/asm.h"
#include "kernel/debug/log.h"
#include "kernel/lib/compiler.h"

static const char *const register_names[32] = {
	"pc ", "ra ", "sp ", "gp ", "tp ", "t0 ", "t1 ", "t2 ",
	"s0 ", "s1 ", "a0 ", "a1 ", "a2 ", "a3 ", "a4 ", "a5 ",
	"a6 ", "a7 ", "s2 ", "s3 ", "s4 ", "s5 ", "s6 ", "s7 ",
	"s8 ", "s9 ", "s10", "s11", "t3 ", "t4 ", "t5 ", "t6 ",
};

void arch_print_registers(const struct trap_frame *tf)
{
	const uint64_t *value = (const uint64_t *)tf;

	for (unsigned int i = 0; i < ARRAY_SIZE(register_names); i += 4)
		log_error("%s %016lx  %s %016lx  %s %016lx  %s %016lx",
			  register_names[i], value[i], register_names[i + 1],
			  value[i + 1], register_names[i + 2], value[i + 2],
			  register_names[i + 3], value[i + 3]);
	log_error("sstatus %016lx  scause %016lx  stval %016lx", tf->status,
		  tf->cause, tf->tval);
}

uint64_t arch_frame_pointer(void)
{
	return (uint64_t)__builtin_frame_address(0);
}

/* Frames lie in the kernel half, are 16-byte aligned and go upward. */
static bool plausible_frame(uint64_t fp)
{
	return fp >= STACK_WINDOW && (fp & 7) == 0;
}

_Bool arch_backtrace_step(uint64_t *fp, uint64_t *pc)
{
	/* psABI: with frame pointers, ra is at fp - 8, the caller's fp at
	 * fp - 16. */
	const uint64_t *frame = (const uint64_t *)*fp;
	uint64_t next;

	if (!plausible_frame(*fp))
		return false;
	next = frame[-2];
	*pc = frame[-1];
	if (next && (next <= *fp || next - *fp > STACK_SLOT_SIZE))
		return false;
	*fp = next;
	return *pc != 0;
}

void mmio_barrier(void)
{
	__asm__ volatile("fence iorw, iorw" : : : "memory");
}
