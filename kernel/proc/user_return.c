/* SPDX-License-Identifier: MIT */
/*
 * user_return.c - what has to be done before a thread goes back to user mode
 *
 * The last stop of every trap that has something to do (thread.work is not 0):
 * here a quantum ends, signals are delivered, a killed process dies.
 * Read: OSTEP ch. 6 ("switching between processes").
 */
#include <arch/hart.h>
#include "kernel/arch_entry.h"
#include "kernel/proc/process.h"
#include "kernel/proc/signal.h"
#include "kernel/sched/sched.h"

static void do_work(struct trap_frame *tf, unsigned int work)
{
	if (work & WORK_KILL)
		process_exit_thread(current_process()->exit_code);
	if (work & WORK_RESCHEDULE)
		sched_return_to_user();
	if (work & WORK_SIGNAL)
		signal_deliver(tf);
}

void handle_user_return(struct trap_frame *tf)
{
	unsigned int work;

	/*
	 * Tested with interrupts off: work that an interrupt brings after the
	 * last test is seen, because that interrupt comes from user mode.
	 */
	while ((work = READ_ONCE(current()->work)) != 0) {
		arch_interrupts_on();
		do_work(tf, work);
		arch_interrupts_off();
	}
}
