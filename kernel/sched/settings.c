/* SPDX-License-Identifier: MIT */
/*
 * settings.c - changing how a thread is scheduled, whatever it is doing
 *
 * Idea: off the queue, change, on the queue again at its new place; a running
 * thread is asked to reconsider.
 */
#include <arch/hart.h>
#include "kernel/abi/sched.h"
#include "kernel/sched/run_queue.h"
#include "kernel/sched/sched.h"

static void reconsider(struct run_queue *rq, struct thread *thread)
{
	thread_set_work(thread, WORK_RESCHEDULE);
	if (rq != this_run_queue())
		arch_send_ipi(rq->hart_index);
}

/* The way out of all three functions below: unlocks. */
static void put_in_place(struct run_queue *rq, struct thread *thread,
			 bool was_queued) UNCHECKED_LOCKING
{
	if (was_queued) {
		sched_place(rq, thread, true);
		return;
	}
	if (thread->sched.on_hart)
		reconsider(rq, thread);
	run_queue_unlock(rq);
}

static struct run_queue *take_out(struct thread *thread, bool *was_queued)
{
	struct run_queue *rq = run_queue_lock_of(thread);

	*was_queued = thread->sched.queued;
	if (*was_queued)
		run_queue_remove(rq, thread);
	return rq;
}

void sched_set_policy(struct thread *thread, int policy, int rt_priority)
{
	bool was_queued;
	struct run_queue *rq = take_out(thread, &was_queued);

	thread->sched.policy = policy;
	thread->sched.rt_priority = rt_priority;
	put_in_place(rq, thread, was_queued);
}

void sched_set_nice(struct thread *thread, int nice)
{
	bool was_queued;
	struct run_queue *rq = take_out(thread, &was_queued);

	thread->sched.nice = nice;
	put_in_place(rq, thread, was_queued);
}

void sched_set_affinity(struct thread *thread, uint64_t harts)
{
	bool was_queued;
	struct run_queue *rq = take_out(thread, &was_queued);

	thread->sched.affinity = harts;
	put_in_place(rq, thread, was_queued);
}

uint64_t sched_quantum_of(const struct thread *thread)
{
	if (thread->sched.policy == SCHED_FIFO)
		return 0;
	return sched_policy->quantum_ns(thread);
}
