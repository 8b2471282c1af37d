/* SPDX-License-Identifier: MIT */
/*
 * user_fault.c - programs that touch what they may not, or do what they may not
 *
 * A page fault is usually no mistake at all: the page was never brought in.
 * mm/fault.c decides; what it refuses becomes a signal for this thread alone.
 * Read: OSTEP ch. 21 (the page fault), ch. 6 (restricted operations).
 */
#include <arch/trap_frame.h>
#include "kernel/abi/signal.h"
#include "kernel/arch_entry.h"
#include "kernel/debug/log.h"
#include "kernel/mm/vm_space.h"
#include "kernel/proc/process.h"
#include "kernel/proc/signal.h"
#include "kernel/sched/sched.h"

static void report(const struct trap_frame *tf, const char *what,
		   vaddr_t address)
{
	log_debug("%s[%d]: %s at %lx, pc %lx sp %lx", current()->name,
		  thread_tid(current()), what, address, tf_pc(tf),
		  tf_user_sp(tf));
}

void handle_user_page_fault(struct trap_frame *tf, vaddr_t address,
			    enum access access)
{
	switch (vm_fault(current()->space, address, access)) {
	case VM_FAULT_OK:
		break;
	case VM_FAULT_NO_AREA:
		report(tf, "touched nothing", address);
		signal_force(SIGSEGV, SEGV_MAPERR, address);
		break;
	case VM_FAULT_NO_ACCESS:
		report(tf, "forbidden access", address);
		signal_force(SIGSEGV, SEGV_ACCERR, address);
		break;
	case VM_FAULT_BUS:
		report(tf, "beyond the file's end", address);
		signal_force(SIGBUS, BUS_ADRERR, address);
		break;
	case VM_FAULT_NO_MEMORY:
		/* Someone is being killed, perhaps we: the instruction is
		 * tried again, if there is a return to user mode. */
		sched_yield();
		break;
	}
}

void handle_user_exception(struct trap_frame *tf, int signo, int si_code,
			   vaddr_t address)
{
	report(tf, "exception", address);
	signal_force(signo, si_code, address);
}
