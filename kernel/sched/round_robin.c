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

static void rr_init(struct run_queue *rq)
{
	list_init(&rq->data.ready);
}

static void rr_add(struct run_queue *rq, struct thread *thread,
		   enum add_reason reason)
{
	list_push_back(&rq->data.ready, &thread->sched.node);
}

static void rr_remove(struct run_queue *rq, struct thread *thread)
{
	list_remove(&thread->sched.node);
}

static struct thread *rr_pick(struct run_queue *rq)
{
	struct thread *first;

	if (list_empty(&rq->data.ready))
		return NULL;
	first = list_first(&rq->data.ready, struct thread, sched.node);
	list_remove(&first->sched.node);
	return first;
}

static struct thread *rr_spare(const struct run_queue *rq, uint64_t harts)
{
	return run_queue_first_allowed(&rq->data.ready, harts);
}

static bool rr_is_better(const struct run_queue *rq,
			 const struct thread *thread,
			 const struct thread *running)
{
	return false;
}

static uint64_t rr_quantum_ns(const struct thread *thread)
{
	return SCHED_QUANTUM_NS;
}

static void rr_account(struct run_queue *rq, struct thread *thread,
		       uint64_t ran_ns)
{
}

const struct sched_policy round_robin_policy = {
	.name = "rr",
	.init = rr_init,
	.add = rr_add,
	.remove = rr_remove,
	.pick = rr_pick,
	.spare = rr_spare,
	.is_better = rr_is_better,
	.quantum_ns = rr_quantum_ns,
	.account = rr_account,
};
