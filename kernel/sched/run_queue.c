/* SPDX-License-Identifier: MIT */
/*
 * run_queue.c - the threads ready to run on one hart
 *
 * Idea: each hart owns one queue, so the common path takes no other hart's
 * lock. Real-time threads (sched(7)) have a queue of their own and go first
 * (realtime.c); SCHED_IDLE threads go last; all others are kept in order by
 * the policy.
 *
 * A SCHED_IDLE thread may hold a mutex that others wait for. So it goes last
 * only when it is stopped on its way to user mode, where it holds nothing;
 * else it waits among the others, with little weight, and is stopped when it
 * gets to user mode (WORK_RESCHEDULE).
 *
 * Invariants
 *   R1  A thread is on a queue (sched.queue) only while its state is READY,
 *       and READY threads are on a queue except for the moment in which
 *       sched_place() or steal() carries one to another hart.
 *   R2  thread.sched.hart names the queue whose lock guards the scheduler's
 *       fields of the thread; it changes under that lock.
 *   R3  The idle thread is never queued.
 *   R5  num_ready is the number of threads in the three queues.
 *   R4 is realtime.c's, P1 and P2 are policy.h's.
 *   R6  Nothing is on the queue of a hart that is not online.
 *
 * Locks: run_queue.lock, interrupts off. Nobody needs two at once.
 * Read: OSTEP ch. 7, ch. 10 (multi-CPU scheduling).
 */
#include "kernel/sched/run_queue.h"
#include "kernel/abi/sched.h"
#include "kernel/sched/sched.h"

struct run_queue run_queues[MAX_HARTS];

bool sched_preemptive = true;
bool sched_other_harts;
uint64_t sched_idle_harts;
unsigned int sched_boot_hart;

void run_queue_init(unsigned int hart_index)
{
	struct run_queue *rq = &run_queues[hart_index];

	spin_init(&rq->lock, LOCK_RUN_QUEUE);
	rq->realtime.node = NULL;
	list_init(&rq->background);
	rq->policy = sched_first_policy();
	rq->policy->init(rq);
	rq->hart_index = hart_index;
	rq->hart_bit = BIT(hart_index % 64);
	rq->quantum_armed_ns = UINT64_MAX;
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

static enum ready_queue queue_for(const struct thread *thread)
{
	if (is_realtime(thread))
		return QUEUE_REALTIME;
	if (unlikely(thread->sched.policy == SCHED_IDLE) &&
	    thread->sched.at_user)
		return QUEUE_BACKGROUND;
	return QUEUE_POLICY;
}

static void policy_add(struct run_queue *rq, struct thread *thread,
		       enum add_reason reason)
{
	policy_adopt(rq, thread);
	rq->policy->add(rq, thread, reason);
	if (unlikely(thread->sched.policy == SCHED_IDLE))
		thread_set_work(thread, WORK_RESCHEDULE);
}

void run_queue_add(struct run_queue *rq, struct thread *thread,
		   enum add_reason reason)
{
	enum ready_queue queue = queue_for(thread);

	if (likely(queue == QUEUE_POLICY))
		policy_add(rq, thread, reason);
	else if (queue == QUEUE_REALTIME)
		realtime_add(&rq->realtime, thread, reason == ADD_PREEMPTED);
	else
		list_push_back(&rq->background, &thread->sched.node);
	if (reason != ADD_PREEMPTED)
		thread->sched.rr_used_ns = 0;
	thread->sched.leaving = ADD_PREEMPTED;
	thread->sched.at_user = false;
	thread->sched.queue = queue;
	rq->num_ready++;
}

void run_queue_remove(struct run_queue *rq, struct thread *thread)
{
	if (thread->sched.queue == QUEUE_POLICY)
		rq->policy->remove(rq, thread);
	else if (thread->sched.queue == QUEUE_REALTIME)
		realtime_remove(&rq->realtime, thread);
	else
		list_remove(&thread->sched.node);
	thread->sched.queue = QUEUE_NONE;
	rq->num_ready--;
}

static struct thread *pick_from_background(struct run_queue *rq)
{
	struct thread *first =
		list_first(&rq->background, struct thread, sched.node);

	list_remove(&first->sched.node);
	return first;
}

struct thread *run_queue_pick(struct run_queue *rq)
{
	struct thread *first = NULL;

	if (rq->num_ready == 0)
		return NULL;
	if (unlikely(rq->realtime.node))
		first = realtime_pick(&rq->realtime);
	else
		first = rq->policy->pick(rq);
	if (unlikely(!first))
		first = pick_from_background(rq);
	first->sched.queue = QUEUE_NONE;
	rq->num_ready--;
	return first;
}

struct thread *run_queue_first_allowed(const struct list_head *list,
				       uint64_t harts)
{
	struct thread *thread;

	list_for_each (thread, list, sched.node) {
		if (thread->sched.affinity & harts)
			return thread;
	}
	return NULL;
}

struct thread *run_queue_spare(const struct run_queue *rq, uint64_t harts)
{
	struct thread *thread = realtime_spare(&rq->realtime, harts);

	if (!thread)
		thread = rq->policy->spare(rq, harts);
	if (!thread)
		thread = run_queue_first_allowed(&rq->background, harts);
	return thread;
}

uint64_t run_queue_quantum_of_others(const struct thread *thread)
{
	if (thread->sched.policy == SCHED_FIFO)
		return 0;
	if (!is_realtime(thread))
		return SCHED_QUANTUM_NS;
	/* The rest of the quantum, after a better one has pushed it aside. */
	return SCHED_RR_QUANTUM_NS -
	       thread->sched.rr_used_ns % SCHED_RR_QUANTUM_NS;
}

/* 1..99 real time, 0 the policy's, -1 SCHED_IDLE. */
static int rank_of(const struct thread *thread)
{
	return thread->sched.policy == SCHED_IDLE ? -1
						  : thread->sched.rt_priority;
}

bool run_queue_is_better(const struct run_queue *rq,
			 const struct thread *thread,
			 const struct thread *running)
{
	int rank = rank_of(thread), other = rank_of(running);

	if (rank != other)
		return rank > other;
	/* Seen by another policy last: compare when it comes back. */
	return rank == 0 && running->sched.kept_by == rq->policy &&
	       rq->policy->is_better(rq, thread, running);
}

/* Take a waiting hart out of sched_idle_harts; NULL: none of @allowed waits. */
static struct run_queue *claim_idle(uint64_t allowed,
				    const struct run_queue *rq)
{
	uint64_t idle = READ_ONCE(sched_idle_harts) & allowed;

	while (idle) {
		unsigned int hart =
			(idle & BIT(rq->hart_index))
				? rq->hart_index
				: (unsigned int)__builtin_ctzl(idle);
		uint64_t before = __atomic_fetch_and(
			&sched_idle_harts, ~BIT(hart), __ATOMIC_RELAXED);

		if ((before & BIT(hart)) && READ_ONCE(run_queues[hart].online))
			return &run_queues[hart];
		idle &= ~BIT(hart);
	}
	return NULL;
}

struct run_queue *run_queue_choose(struct run_queue *rq,
				   const struct thread *thread)
{
	uint64_t allowed = thread->sched.affinity;

	if (sched_other_harts) {
		struct run_queue *idle = claim_idle(allowed, rq);

		if (idle)
			return idle;
	}
	if (likely(run_queue_allows(rq, thread)))
		return rq;
	for (unsigned int i = 0; i < MAX_HARTS; i++) {
		if (run_queue_allows(&run_queues[i], thread))
			return &run_queues[i];
	}
	/* No allowed hart is up: better the boot hart than nowhere. */
	return &run_queues[sched_boot_hart];
}
