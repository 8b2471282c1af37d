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
#include "kernel/proc/signal_internal.h"
#include "kernel/sched/sched.h"
#include "kernel/trace/trace.h"

/*
 * The current thread did something that becomes @signo. It is worth a line only
 * when the program has not asked for the signal: many use faults on purpose.
 */
static void fault(const struct trap_frame *tf, int signo, int si_code,
		  vaddr_t address, const char *what)
{
	struct thread *thread = current();

	if (signal_handler(thread->process, signo) == HANDLER_DEFAULT)
		log_debug("%s[%d]: %s at %lx, pc %lx sp %lx", thread->name,
			  thread_tid(thread), what, address, tf_pc(tf),
			  tf_user_sp(tf));
	signal_force(signo, si_code, address);
}

TRACE_NAMES(names) = {
	{ "access", ACCESS_READ, "load", NULL },
	{ "access", ACCESS_WRITE, "store", NULL },
	{ "access", ACCESS_EXEC, "fetch", NULL },
	{ "fault", VM_FAULT_OK, "page brought in", NULL },
	{ "fault", VM_FAULT_NO_AREA, "touched nothing", NULL },
	{ "fault", VM_FAULT_NO_ACCESS, "forbidden access", NULL },
	{ "fault", VM_FAULT_BUS, "beyond the file's end", NULL },
	{ "fault", VM_FAULT_NO_MEMORY, "out of memory", NULL },
};

/* Apart, so that the usual way keeps nothing for it across the call. */
static __noinline enum vm_fault_result traced_fault(vaddr_t address,
						    enum access access)
{
	enum vm_fault_result result =
		vm_fault(current()->space, address, access);

	TRACE(FAULT, address, access, result);
	return result;
}

static enum vm_fault_result bring_in(vaddr_t address, enum access access)
{
	if (unlikely(READ_ONCE(trace_mask)))
		return traced_fault(address, access);
	return vm_fault(current()->space, address, access);
}

void handle_user_page_fault(struct trap_frame *tf, vaddr_t address,
			    enum access access)
{
	TRACE_STEP_HERE(HANDLE_FAULT);

	switch (bring_in(address, access)) {
	case VM_FAULT_OK:
		break;
	case VM_FAULT_NO_AREA:
		fault(tf, SIGSEGV, SEGV_MAPERR, address, "touched nothing");
		break;
	case VM_FAULT_NO_ACCESS:
		fault(tf, SIGSEGV, SEGV_ACCERR, address, "forbidden access");
		break;
	case VM_FAULT_BUS:
		fault(tf, SIGBUS, BUS_ADRERR, address, "beyond the file's end");
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
	fault(tf, signo, si_code, address, "exception");
}
