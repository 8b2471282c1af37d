/* SPDX-License-Identifier: MIT */
/*
 * run_queue.c - the threads ready to run on one hart
 *
 * Idea: each hart owns one queue, so the common path takes no other hart's
 * lock. Real-time threads (sched(7)) are on a list of their own, sorted by
 * priority, and go first; all others are kept in order by the policy.
 *
 * Invariants
 *   R1  A thread is on a queue (sched.queued) only while its state is READY,
 *       and READY threads are on a queue except for the moment in which
 *       sched_place() carries one to another hart.
 *   R2  thread.sched.hart names the queue whose lock guards the scheduler's
 *       fields of the thread; it changes under that lock.
 *   R3  The idle thread is never queued.
 *   R4  realtime is sorted by falling priority, equals in order of arrival.
 *
 * Locks: run_queue.lock, interrupts off. Nobody needs two at once.
 * Read: OSTEP ch. 7, ch. 10 (multi-CPU scheduling).
 */
#include "kernel/sched/run_queue.h"
#include "kernel/abi/sched.h"
#include "kernel/sched/sched.h"

static struct run_queue run_queues[MAX_HARTS];

const struct sched_policy *sched_policy = &round_robin_policy;
bool sched_preemptive = true;

void run_queue_init(unsigned int hart_index, struct thread *idle)
{
	struct run_queue *rq = &run_queues[hart_index];

	spin_init(&rq->lock, LOCK_RUN_QUEUE);
	list_init(&rq->realtime);
	list_init(&rq->ready);
	rq->hart_index = hart_index;
	rq->quantum_armed_ns = UINT64_MAX;
	rq->idle = idle;
	rq->current = idle;
	idle->sched.hart = hart_index; /* R2 */
	rq->online = true;
}

struct run_queue *run_queue_of(unsigned int hart_index)
{
	return &run_queues[hart_index];
}

struct run_queue *this_run_queue(void)
{
	return &run_queues[current()->sched.hart];
}

struct run_queue *run_queue_lock_of(struct thread *thread) UNCHECKED_LOCKING
{
	for (;;) {
		unsigned int hart = READ_ONCE(thread->sched.hart);
		struct run_queue *rq = &run_queues[hart];

		spin_lock(&rq->lock);
		if (thread->sched.hart == hart)
			return rq;
		spin_unlock(&rq->lock);
	}
}

void run_queue_unlock(struct run_queue *rq) UNCHECKED_LOCKING
{
	spin_unlock(&rq->lock);
}

/*
 * Behind its equals; but a thread that was pushed aside by a better one, its
 * turn not being over, goes before them.
 */
static void realtime_add(struct run_queue *rq, struct thread *thread,
			 bool before_equals)
{
	struct thread *other;

	list_for_each (other, &rq->realtime, sched.node) {
		int order =
			thread->sched.rt_priority - other->sched.rt_priority;

		if (order > 0 || (order == 0 && before_equals))
			break;
	}
	/* Before @other, which is the head itself at the end of the list. */
	list_push_back(&other->sched.node, &thread->sched.node);
}

void run_queue_add(struct run_queue *rq, struct thread *thread, bool again)
{
	if (is_realtime(thread))
		realtime_add(rq, thread, again && !thread->sched.turn_over);
	else
		sched_policy->add(rq, thread, again);
	thread->sched.turn_over = false;
	thread->sched.queued = true;
	rq->num_ready++;
}

void run_queue_remove(struct run_queue *rq, struct thread *thread)
{
	if (is_realtime(thread))
		list_remove(&thread->sched.node);
	else
		sched_policy->remove(rq, thread);
	thread->sched.queued = false;
	rq->num_ready--;
}

struct thread *run_queue_pick(struct run_queue *rq)
{
	struct thread *first;

	if (rq->num_ready == 0)
		return NULL;
	if (list_empty(&rq->realtime)) {
		first = sched_policy->pick(rq);
	} else {
		first = list_first(&rq->realtime, struct thread, sched.node);
		list_remove(&first->sched.node);
	}
	first->sched.queued = false;
	rq->num_ready--;
	return first;
}

bool run_queue_is_better(const struct thread *thread,
			 const struct thread *running)
{
	int priority = thread->sched.rt_priority;

	if (priority != running->sched.rt_priority)
		return priority > running->sched.rt_priority;
	return priority == 0 && sched_policy->is_better(thread, running);
}

struct run_queue *run_queue_choose(struct run_queue *rq,
				   const struct thread *thread)
{
	uint64_t allowed = thread->sched.affinity;

	if (rq->online && (allowed & BIT(rq->hart_index)))
		return rq;
	for (unsigned int i = 0; i < MAX_HARTS; i++) {
		if (run_queues[i].online && (allowed & BIT(i)))
			return &run_queues[i];
	}
	return rq; /* no allowed hart is up: better here than nowhere */
}
