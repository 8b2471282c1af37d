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
#include <arch/trace.h>
#include <arch/trap_frame.h>
#include "arch/riscv/csr.h"
#include "arch/riscv/fpu.h"
#include "kernel/abi/signal.h"
#include "kernel/arch_entry.h"
#include "kernel/debug/panic.h"
#include "kernel/sched/sched.h"
#include "kernel/trace/trace.h"

void trap_from_user(struct trap_frame *tf);
void trap_on_way_out(struct trap_frame *tf);
void trap_from_kernel(struct trap_frame *tf);

TRACE_NAMES(causes) = {
	{ "cause", CAUSE_FETCH_MISALIGNED, "instruction address misaligned",
	  NULL },
	{ "cause", CAUSE_FETCH_ACCESS, "instruction access fault", NULL },
	{ "cause", CAUSE_ILLEGAL_INSTRUCTION, "illegal instruction", NULL },
	{ "cause", CAUSE_BREAKPOINT, "breakpoint", NULL },
	{ "cause", CAUSE_LOAD_MISALIGNED, "load address misaligned", NULL },
	{ "cause", CAUSE_LOAD_ACCESS, "load access fault", NULL },
	{ "cause", CAUSE_STORE_MISALIGNED, "store address misaligned", NULL },
	{ "cause", CAUSE_STORE_ACCESS, "store access fault", NULL },
	{ "cause", CAUSE_USER_ECALL, "system call", NULL },
	{ "cause", CAUSE_FETCH_PAGE_FAULT, "instruction page fault", NULL },
	{ "cause", CAUSE_LOAD_PAGE_FAULT, "load page fault", NULL },
	{ "cause", CAUSE_STORE_PAGE_FAULT, "store page fault", NULL },
	{ "cause", CAUSE_INTERRUPT | CAUSE_SOFTWARE, "another hart", NULL },
	{ "cause", CAUSE_INTERRUPT | CAUSE_TIMER, "timer", NULL },
	{ "cause", CAUSE_INTERRUPT | CAUSE_EXTERNAL, "device", NULL },
};

static const char *cause_name(uint64_t cause)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(causes); i++) {
		if (causes[i].value == cause)
			return causes[i].name;
	}
	return "unknown trap";
}

/* ---- For the trace ------------------------------------------------------- */

enum trap_event { TRAP_FAULT, TRAP_TIMER, TRAP_DEVICE };

static enum trap_event trap_event(uint64_t cause)
{
	if (!(cause & CAUSE_INTERRUPT))
		return TRAP_FAULT;
	return cause == (CAUSE_INTERRUPT | CAUSE_TIMER) ? TRAP_TIMER
							: TRAP_DEVICE;
}

/* What the hart did, and trap.S: pc, cause and registers are in the frame. */
static void report_trap(const struct trap_frame *tf, enum trap_event event)
{
#define PLACE(kind)                                                            \
	{                                                                      \
		__FILE__, __func__, __LINE__, kind                             \
	}
	static const struct trace_place places[] __section(".trace_places") = {
		[TRAP_FAULT] = PLACE(TRACE_TRAP_FAULT),
		[TRAP_TIMER] = PLACE(TRACE_TRAP_TIMER),
		[TRAP_DEVICE] = PLACE(TRACE_TRAP_DEVICE),
	};
#undef PLACE
	const struct trace_bytes registers = {
		.type = TRACE_CHUNK_REGISTERS,
		.address = (uint64_t)tf,
		.data = tf,
		.size = sizeof(*tf),
	};
	const uint64_t args[] = { tf->pc, tf->sp, (uint64_t)tf, tf->cause,
				  tf->tval };

	if (trace_wants((enum trace_kind)places[event].kind))
		trace_record_bytes(&places[event], NULL, args,
				   event == TRAP_FAULT ? 5 : 4, &registers,
				   trace_wants_registers());
}

static const enum trace_kind way_back_of[] = {
	[TRAP_FAULT] = TRACE_RETURN_FAULT,
	[TRAP_TIMER] = TRACE_RETURN_TIMER,
	[TRAP_DEVICE] = TRACE_RETURN_DEVICE,
};

static __noinline void trace_user_trap(const struct trap_frame *tf)
{
	enum trap_event event = trap_event(tf->cause);

	if (event != TRAP_FAULT)
		arch_trace_time_check();
	if (!trace_wants_thread(NULL))
		return;
	trace_trapped(way_back_of[event]);
	thread_set_work(current(), WORK_TRACE);
	report_trap(tf, event);
}

/* A trap in a trap. The caller keeps the way back of the outer one. */
static __noinline void trace_kernel_trap(const struct trap_frame *tf)
{
	enum trap_event event = trap_event(tf->cause);

	arch_trace_time_check();
	current_trace()->way_back = (uint8_t)way_back_of[event];
	report_trap(tf, event);
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
		if (!fpu_turn_on(current()))
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
	TRACE_STEP_HERE(HANDLER);

	if (unlikely(READ_ONCE(trace_mask)))
		trace_user_trap(tf);
	if (tf->cause & CAUSE_INTERRUPT) {
		handle_interrupt(tf->cause);
		return;
	}
	arch_interrupts_on();
	handle_exception(tf);
}

/*
 * An interrupt, from trap.S as above, between the last look for work and the
 * program. To who handles it, it comes from the program; but the frame is still
 * that of the trap which is about to end.
 */
void trap_on_way_out(struct trap_frame *tf)
{
	uint64_t cause = tf->cause;

	tf->status = csr_read(sstatus);
	tf->cause = csr_read(scause);
	trap_from_user(tf);
	tf->cause = cause;
}

/* Is @sp in the guard below the running thread's stack? */
static bool in_stack_guard(uint64_t sp)
{
	return !((sp - sizeof(struct trap_frame)) & BIT(STACK_BIT));
}

/*
 * The interrupted kernel code lets another thread go on. Which leaves the hart
 * as it is in a thread (T1 of trap.S), and may change whose registers the
 * floating-point unit has.
 */
static void preempt(struct trap_frame *tf)
{
	csr_clear(sstatus, SSTATUS_SPP);
	csr_set(sstatus, SSTATUS_SPIE);
	sched_preempt();
	tf->status = (tf->status & ~(uint64_t)SSTATUS_FS) |
		     (csr_read(sstatus) & SSTATUS_FS);
}

/*
 * Is the interrupted code in a section that must not be interrupted? Then note
 * it, and go back with interrupts off: see struct thread_irq. Note that current()
 * may be on its way off the hart (arch_switch()).
 */
static bool put_off(struct trap_frame *tf)
{
	struct thread_irq *irq = current_irq();

	if (likely(irq->depth == 0 && !irq->owed.any))
		return false;
	WRITE_ONCE(irq->owed.interrupts, true);
	tf->status &= ~(uint64_t)SSTATUS_SPIE;
	return true;
}

static void interrupt_in_kernel(struct trap_frame *tf)
{
	unsigned int way_back = current_trace()->way_back;

	if (unlikely(READ_ONCE(trace_mask)))
		trace_kernel_trap(tf);
	handle_interrupt(tf->cause);
	if (thread_has_work(current(), WORK_RESCHEDULE))
		preempt(tf);
	current_trace()->way_back = (uint8_t)way_back;
	TRACE(RETURN_KERNEL, tf->pc, tf->sp, (uint64_t)tf,
	      current_trace()->switched);
}

/* From trap.S, interrupts off. */
void trap_from_kernel(struct trap_frame *tf)
{
	if (tf->cause & CAUSE_INTERRUPT) {
		if (!put_off(tf))
			interrupt_in_kernel(tf);
		return;
	}
	if (in_stack_guard(tf->sp))
		panic_at(tf, "kernel stack overflow of thread \"%s\"",
			 current()->name);
	panic_at(tf, "the kernel took a trap of its own: %s at address %#lx",
		 cause_name(tf->cause), tf->tval);
}
