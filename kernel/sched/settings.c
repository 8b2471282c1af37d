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
#include "kernel/time/clock.h"

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
		sched_place(rq, thread, ADD_MOVED);
		return;
	}
	if (thread->sched.on_hart)
		reconsider(rq, thread);
	run_queue_unlock(rq);
}

static struct run_queue *take_out(struct thread *thread, bool *was_queued)
{
	struct run_queue *rq = run_queue_lock_of(thread);

	*was_queued = thread->sched.queue != QUEUE_NONE;
	if (*was_queued)
		run_queue_remove(rq, thread);
	else if (thread->sched.on_hart) /* until now by the old settings */
		account_run_time(rq, thread, clock_now_ns(), CPU_USER);
	return rq;
}

void sched_set_policy(struct thread *thread, int policy, int rt_priority)
{
	bool was_queued;
	struct run_queue *rq = take_out(thread, &was_queued);

	thread->sched.policy = policy;
	thread->sched.rt_priority = rt_priority;
	thread->sched.kept_by = NULL; /* P2: by nobody while it is real time */
	if (rt_priority == 0)
		policy_adopt(rq, thread);
	sched_update_weight(&thread->sched);
	put_in_place(rq, thread, was_queued);
}

void sched_set_nice(struct thread *thread, int nice)
{
	bool was_queued;
	struct run_queue *rq = take_out(thread, &was_queued);

	thread->sched.nice = nice;
	sched_update_weight(&thread->sched);
	put_in_place(rq, thread, was_queued);
}

void sched_set_affinity(struct thread *thread, uint64_t harts)
{
	bool was_queued;
	struct run_queue *rq = take_out(thread, &was_queued);

	thread->sched.affinity = harts;
	put_in_place(rq, thread, was_queued);
}

void sched_inherit(struct thread *child, const struct thread *parent)
{
	struct sched_entity *its = &child->sched;

	its->policy = parent->sched.policy;
	its->rt_priority = parent->sched.rt_priority;
	its->nice = parent->sched.nice;
	its->affinity = parent->sched.affinity;
	if (parent->sched.reset_on_fork) {
		its->policy = SCHED_NORMAL;
		its->rt_priority = 0;
		its->nice = MAX(its->nice, 0);
	}
	sched_update_weight(its);
}

uint64_t sched_quantum_of(struct thread *thread)
{
	struct run_queue *rq = run_queue_lock_of(thread);
	uint64_t quantum_ns = thread->sched.policy == SCHED_RR
				      ? SCHED_RR_QUANTUM_NS
				      : run_queue_quantum(rq, thread);

	run_queue_unlock(rq);
	return quantum_ns;
}
