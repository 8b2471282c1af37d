/* SPDX-License-Identifier: MIT */
/*
 * user_return.c - what has to be done before a thread goes back to user mode
 *
 * The last stop of every trap that has something to do (thread.work is not 0):
 * here a quantum ends, signals are delivered, a killed process dies.
 * Read: OSTEP ch. 6 ("switching between processes").
 */
#include <arch/hart.h>
#include <arch/trap_frame.h>
#include "kernel/arch_entry.h"
#include "kernel/proc/process.h"
#include "kernel/proc/signal.h"
#include "kernel/sched/sched.h"
#include "kernel/trace/trace.h"

static void do_work(struct trap_frame *tf, unsigned int work)
{
	if (work & WORK_KILL)
		process_exit_thread(current_process()->exit_code);
	if (work & WORK_RESCHEDULE)
		sched_return_to_user();
	if (work & WORK_SIGNAL)
		signal_deliver(tf);
}

/* Interrupts are off: the next instruction of the hart that counts is sret. */
static void report_return(const struct trap_frame *tf)
{
#define PLACE(kind)                                                            \
	{                                                                      \
		__FILE__, __func__, __LINE__, TRACE_##kind                     \
	}
	static const struct trace_place places[] __section(".trace_places") = {
		PLACE(RETURN_PROGRAM), PLACE(RETURN_CHILD),
		PLACE(RETURN_SYSCALL), PLACE(RETURN_FAULT),
		PLACE(RETURN_TIMER),   PLACE(RETURN_DEVICE),
	};
#undef PLACE
	struct trace_thread *me = current_trace();
	unsigned int i = me->way_back - (unsigned int)TRACE_RETURN_PROGRAM;
	const struct trace_bytes registers = {
		.type = TRACE_CHUNK_REGISTERS,
		.address = (uint64_t)tf,
		.data = tf,
		.size = sizeof(*tf),
	};
	const uint64_t args[] = { tf_pc(tf), tf_user_sp(tf), (uint64_t)tf,
				  me->switched };

	thread_clear_work(current(), WORK_TRACE);
	if (i < ARRAY_SIZE(places) &&
	    trace_wants((enum trace_kind)places[i].kind))
		trace_record_bytes(&places[i], NULL, args, ARRAY_SIZE(args),
				   &registers, trace_wants_registers());
}

void handle_user_return(struct trap_frame *tf)
{
	unsigned int work;

	/*
	 * Tested with interrupts off: work that an interrupt brings after the
	 * last test is seen, because that interrupt comes from user mode.
	 */
	while ((work = READ_ONCE(current()->work) & ~WORK_TRACE) != 0) {
		arch_interrupts_on();
		do_work(tf, work);
		arch_interrupts_off();
	}
	if (thread_has_work(current(), WORK_TRACE))
		report_return(tf);
}
