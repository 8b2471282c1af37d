/* SPDX-License-Identifier: MIT */
/*
 * round_robin.c - everyone in turn, a quantum each
 *
 * Idea: one list per hart. Who becomes ready or has used up its quantum goes
 * to the end; the first runs next. Nobody waits longer than (ready threads) x
 * quantum; nobody is preferred.
 * Read: OSTEP ch. 7, "Round Robin".
 */
#include "kernel/sched/policy.h"
#include "kernel/sched/run_queue.h"
#include "kernel/sched/sched.h"

static void rr_add(struct run_queue *rq, struct thread *thread, bool again)
{
	list_push_back(&rq->ready, &thread->sched.node);
}

static void rr_remove(struct run_queue *rq, struct thread *thread)
{
	list_remove(&thread->sched.node);
}

static struct thread *rr_pick(struct run_queue *rq)
{
	struct thread *first =
		list_first(&rq->ready, struct thread, sched.node);

	list_remove(&first->sched.node);
	return first;
}

static bool rr_is_better(const struct thread *thread,
			 const struct thread *running)
{
	return false;
}

static uint64_t rr_quantum_ns(const struct thread *thread)
{
	return SCHED_QUANTUM_NS;
}

const struct sched_policy round_robin_policy = {
	.name = "rr",
	.add = rr_add,
	.remove = rr_remove,
	.pick = rr_pick,
	.is_better = rr_is_better,
	.quantum_ns = rr_quantum_ns,
};
