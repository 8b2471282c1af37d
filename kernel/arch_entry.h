/* SPDX-License-Identifier: MIT */
/*
 * arch_entry.h - the few functions that arch code calls upward
 *
 * Each is defined in the room named beside it. This is the way from the trap
 * path into the kernel; nothing else in arch/ knows the rooms above level 3.
 */
#pragma once

#include "kernel/lib/compiler.h"

struct trap_frame;

/* main.c: the boot hart, paging on, stack set; @dtb is a physical address. */
void kernel_main(paddr_t dtb) __noreturn;

/* main.c: another hart, started by arch_hart_start(), as its idle thread. */
void handle_hart_start(void) __noreturn;

/* syscall/dispatch.c: a7 says which; the result goes into the frame. */
void handle_syscall(struct trap_frame *tf);

/* How a page was touched. */
enum access { ACCESS_READ, ACCESS_WRITE, ACCESS_EXEC };

/*
 * proc/user_fault.c: user code touched @address and the page table said no.
 * Brings the page in or sends SIGSEGV/SIGBUS. Interrupts on.
 */
void handle_user_page_fault(struct trap_frame *tf, vaddr_t address,
			    enum access access);

/*
 * proc/user_fault.c: a synchronous exception of user code that becomes signal
 * @signo with @si_code and si_addr = @address. Interrupts on.
 */
void handle_user_exception(struct trap_frame *tf, int signo, int si_code,
			   vaddr_t address);

/* time/timer.c: interrupts off. */
void handle_timer_interrupt(void);
/* dev/irq.c: interrupts off. */
void handle_external_interrupt(void);
/* sched/: another hart wants attention; interrupts off. */
void handle_ipi(void);
/* sched/: the last spinlock is released, other harts are to be interrupted;
 * interrupts off. Turns them on if they were. */
void interrupts_off_pay(void);

/*
 * proc/user_return.c: current()->work is not 0, and we are about to return to
 * user mode with @tf. Reschedules, delivers signals, exits. Called and returns
 * with interrupts off; enables them inside.
 */
void handle_user_return(struct trap_frame *tf);
