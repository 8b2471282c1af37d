/* SPDX-License-Identifier: MIT */
/*
 * trace.c - the scheduler's steps, told to the protocol trace
 *
 * Only called while tracing is on; schedule.c is the code that matters. Both
 * steps are told after the switch, when the registers of the thread that was
 * left are really in its context.
 */
#include <arch/thread.h>
#include "kernel/abi/syscall.h"
#include "kernel/lib/string.h"
#include "kernel/sched/run_queue.h"
#include "kernel/trace/trace.h"

/* Of these are kept: */
#define MAX_RUNNABLE 16u
#define MAX_STACK    1024u

/* Why a thread gives its hart away. */
enum why {
	WHY_QUANTUM,
	WHY_YIELD,
	WHY_BETTER,
	WHY_WAIT,
	WHY_STOP,
	WHY_EXIT,
	WHY_IDLE
};

TRACE_NAMES(names) = {
	{ "why", WHY_QUANTUM, "its quantum is used up", NULL },
	{ "why", WHY_YIELD, "it yields", NULL },
	{ "why", WHY_BETTER, "a better one became ready", NULL },
	{ "why", WHY_WAIT, "it waits", NULL },
	{ "why", WHY_STOP, "it is stopped", NULL },
	{ "why", WHY_EXIT, "it has ended", NULL },
	{ "why", WHY_IDLE, "the hart was idle", NULL },
};

static enum why why_aside(const struct run_queue *rq, const struct thread *prev)
{
	if (prev == rq->idle)
		return WHY_IDLE;
	switch (READ_ONCE(prev->state)) {
	case THREAD_DEAD:
		return WHY_EXIT;
	case THREAD_STOPPED:
		return WHY_STOP;
	case THREAD_READY:
	case THREAD_RUNNING:
		break;
	default:
		return WHY_WAIT;
	}
	/* What it did last tells; sched.leaving is forgotten already. */
	if (prev->trace.way_back == TRACE_RETURN_TIMER)
		return prev->trace.quantum_over ? WHY_QUANTUM : WHY_BETTER;
	if (prev->trace.way_back == TRACE_RETURN_SYSCALL &&
	    prev->trace.syscall == __NR_sched_yield)
		return WHY_YIELD;
	return WHY_BETTER;
}

void sched_trace_decision(const struct run_queue *rq, const struct thread *prev,
			  const struct thread *next)
{
	TRACE_PLACE_HERE(TRACE_DECISION);
	int32_t tids[MAX_RUNNABLE];
	unsigned int num = 0;
	struct trace_bytes runnable = {
		.type = TRACE_CHUNK_RUNNABLE,
		.data = tids,
	};
	const uint64_t args[] = {
		(uint64_t)next->trace.tid,
		rq->num_ready + (next != rq->idle),
		why_aside(rq, prev),
		(uint64_t)prev->trace.tid,
	};

	if (!trace_wants(TRACE_DECISION))
		return;
	/* The chosen one is off the queue already. */
	if (next != rq->idle)
		tids[num++] = next->trace.tid;
	num += threads_ready(rq->hart_index, tids + num, MAX_RUNNABLE - num);
	runnable.size = num * sizeof(tids[0]);
	trace_record_by(&prev->trace, &place_, &next->trace, args,
			ARRAY_SIZE(args), &runnable, 1);
}

static struct trace_bytes context_bytes(unsigned int type,
					const struct thread *thread)
{
	return (struct trace_bytes){
		.type = type,
		.address = (uint64_t)&thread->arch.context,
		.data = &thread->arch.context,
		.size = sizeof(thread->arch.context),
	};
}

/* From the saved sp up, as far as the stack goes. */
static struct trace_bytes stack_bytes(unsigned int type,
				      const struct thread *thread)
{
	uint64_t sp = context_sp(&thread->arch.context);
	uint64_t base = (uint64_t)thread->arch.kernel_stack;
	uint64_t top = base + KERNEL_STACK_SIZE;
	uint64_t size = MIN(top - sp, (uint64_t)MAX_STACK);
	bool known = base && sp >= base && sp <= top;

	return (struct trace_bytes){
		.type = type,
		.address = sp,
		.data = (const void *)sp,
		.size = known ? size : 0,
	};
}

static void trace_switch(const struct thread *prev)
{
	TRACE_PLACE_HERE(TRACE_SWITCH);
	struct thread *me = current();
	const struct context *from = &prev->arch.context;
	const struct context *to = &me->arch.context;
	struct trace_bytes bytes[5];
	unsigned int num = 0;
	const uint64_t args[] = {
		(uint64_t)prev->trace.tid,
		(uint64_t)me->trace.tid,
		context_sp(from),
		context_pc(from),
		context_sp(to),
		context_pc(to),
		(uint64_t)prev->arch.kernel_stack,
		(uint64_t)me->arch.kernel_stack,
	};

	me->trace.switched = true;
	bytes[num++] = (struct trace_bytes){
		.type = TRACE_CHUNK_NAME,
		.data = me->name,
		.size = strnlen(me->name, sizeof(me->name)),
	};
	if (trace_wants_registers()) {
		bytes[num++] = context_bytes(TRACE_CHUNK_CONTEXT_FROM, prev);
		bytes[num++] = context_bytes(TRACE_CHUNK_CONTEXT_TO, me);
	}
	if (trace_wants_stacks()) {
		bytes[num++] = stack_bytes(TRACE_CHUNK_STACK_FROM, prev);
		bytes[num++] = stack_bytes(TRACE_CHUNK_STACK_TO, me);
	}
	trace_record_bytes(&place_, &prev->trace, args, ARRAY_SIZE(args), bytes,
			   num);
}

void sched_trace_switch(const struct run_queue *rq, const struct thread *prev)
{
	/* The lock is held since the decision: nothing has changed. */
	sched_trace_decision(rq, prev, current());
	if (trace_wants(TRACE_SWITCH))
		trace_switch(prev);
}

void sched_trace_wake(const struct run_queue *rq, const struct thread *thread,
		      enum add_reason reason)
{
	if (reason == ADD_WOKEN || reason == ADD_NEW)
		TRACE_ABOUT(&thread->trace, WAKE, (uint64_t)thread->trace.tid,
			    (uint64_t)thread->trace.pid, rq->hart_index,
			    reason == ADD_NEW);
}
