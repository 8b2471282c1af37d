/* SPDX-License-Identifier: MIT */
/*
 * trap.c - every cause by name: what each trap means and who handles it
 *
 * trap.S has saved the registers; system calls never come here. A fault of the
 * program becomes a page or a signal; a fault of the kernel stops the machine,
 * since the kernel reaches user memory by walking page tables (mm/user_copy.h)
 * and so has no fault of its own to expect.
 *
 * Source: Privileged Spec, "Supervisor Cause Register (scause)"; si_codes:
 * sigaction(2).
 */
#include <arch/hart.h>
#include <arch/machine.h>
#include <arch/thread.h>
#include <arch/trap_frame.h>
#include "arch/riscv/csr.h"
#include "arch/riscv/fpu.h"
#include "kernel/abi/signal.h"
#include "kernel/arch_entry.h"
#include "kernel/debug/panic.h"
#include "kernel/sched/sched.h"

void trap_from_user(struct trap_frame *tf);
void trap_from_kernel(struct trap_frame *tf);

static const char *const cause_names[] = {
	[CAUSE_FETCH_MISALIGNED] = "instruction address misaligned",
	[CAUSE_FETCH_ACCESS] = "instruction access fault",
	[CAUSE_ILLEGAL_INSTRUCTION] = "illegal instruction",
	[CAUSE_BREAKPOINT] = "breakpoint",
	[CAUSE_LOAD_MISALIGNED] = "load address misaligned",
	[CAUSE_LOAD_ACCESS] = "load access fault",
	[CAUSE_STORE_MISALIGNED] = "store address misaligned",
	[CAUSE_STORE_ACCESS] = "store access fault",
	[CAUSE_USER_ECALL] = "system call",
	[CAUSE_FETCH_PAGE_FAULT] = "instruction page fault",
	[CAUSE_LOAD_PAGE_FAULT] = "load page fault",
	[CAUSE_STORE_PAGE_FAULT] = "store page fault",
};

static const char *cause_name(uint64_t cause)
{
	if (cause < ARRAY_SIZE(cause_names) && cause_names[cause])
		return cause_names[cause];
	return "unknown trap";
}

/* Interrupts off throughout. */
static void handle_interrupt(uint64_t cause)
{
	switch (cause & ~CAUSE_INTERRUPT) {
	case CAUSE_TIMER:
		handle_timer_interrupt();
		break;
	case CAUSE_EXTERNAL:
		handle_external_interrupt();
		break;
	case CAUSE_SOFTWARE:
		csr_clear(sip, SIE_SSIE);
		handle_ipi();
		break;
	default:
		panic("interrupt with unknown scause %#lx", cause);
	}
}

static void handle_exception(struct trap_frame *tf)
{
	vaddr_t address = tf->tval;

	switch (tf->cause) {
	case CAUSE_LOAD_PAGE_FAULT:
		handle_user_page_fault(tf, address, ACCESS_READ);
		break;
	case CAUSE_STORE_PAGE_FAULT:
		handle_user_page_fault(tf, address, ACCESS_WRITE);
		break;
	case CAUSE_FETCH_PAGE_FAULT:
		handle_user_page_fault(tf, address, ACCESS_EXEC);
		break;
	case CAUSE_ILLEGAL_INSTRUCTION:
		if (!fpu_turn_on(current(), tf))
			handle_user_exception(tf, SIGILL, ILL_ILLOPC, tf->pc);
		break;
	case CAUSE_BREAKPOINT:
		handle_user_exception(tf, SIGTRAP, TRAP_BRKPT, tf->pc);
		break;
	case CAUSE_FETCH_MISALIGNED:
	case CAUSE_LOAD_MISALIGNED:
	case CAUSE_STORE_MISALIGNED:
		handle_user_exception(tf, SIGBUS, BUS_ADRALN, address);
		break;
	case CAUSE_FETCH_ACCESS:
	case CAUSE_LOAD_ACCESS:
	case CAUSE_STORE_ACCESS:
		handle_user_exception(tf, SIGSEGV, SEGV_ACCERR, address);
		break;
	default:
		panic_at(tf, "a program took a trap with unknown scause %#lx",
			 tf->cause);
	}
}

/* From trap.S, interrupts off; not for system calls. */
void trap_from_user(struct trap_frame *tf)
{
	if (tf->cause & CAUSE_INTERRUPT) {
		handle_interrupt(tf->cause);
		return;
	}
	arch_interrupts_on();
	handle_exception(tf);
}

/* Is @sp in the guard below the running thread's stack? */
static bool in_stack_guard(uint64_t sp)
{
	return !((sp - sizeof(struct trap_frame)) & BIT(STACK_BIT));
}

/* From trap.S, interrupts off. */
void trap_from_kernel(struct trap_frame *tf)
{
	if (tf->cause & CAUSE_INTERRUPT) {
		handle_interrupt(tf->cause);
		/* It hit no critical section: another thread may go on here. */
		if (current_irq()->depth == 0)
			sched_preempt();
		return;
	}
	if (in_stack_guard(tf->sp))
		panic_at(tf, "kernel stack overflow of thread \"%s\"",
			 current()->name);
	panic_at(tf, "the kernel took a trap of its own: %s at address %#lx",
		 cause_name(tf->cause), tf->tval);
}
