/* SPDX-License-Identifier: MIT */
/*
 * oracle.c - shortest job first, shortest time-to-completion first
 *
 * Idea: optimal, if one knew how long jobs take. A kernel does not; the
 * simulator does (job.left_ns, of the present CPU burst). SJF runs a job to its
 * end (of the burst); STCF stops it when a shorter one arrives.
 * Read: OSTEP ch. 7.
 */
#include "kernel/sched/run_queue.h"
#include "test/host/schedsim/sim.h"

#define FOR_EVER (1ULL << 62)

static void oracle_init(struct run_queue *rq)
{
	list_init(&rq->data.ready);
}

/* Sorted by what is left; behind equals. */
static void oracle_add(struct run_queue *rq, struct thread *thread,
		       enum add_reason reason)
{
	struct thread *other;

	list_for_each (other, &rq->data.ready, sched.node) {
		if (job_of(thread)->left_ns < job_of(other)->left_ns)
			break;
	}
	list_push_back(&other->sched.node, &thread->sched.node);
}

static void oracle_remove(struct run_queue *rq, struct thread *thread)
{
	list_remove(&thread->sched.node);
}

static struct thread *oracle_pick(struct run_queue *rq)
{
	struct thread *first;

	if (list_empty(&rq->data.ready))
		return NULL;
	first = list_first(&rq->data.ready, struct thread, sched.node);
	list_remove(&first->sched.node);
	return first;
}

static struct thread *oracle_spare(const struct run_queue *rq, uint64_t harts)
{
	return run_queue_first_allowed(&rq->data.ready, harts);
}

static bool never_better(const struct run_queue *rq,
			 const struct thread *thread,
			 const struct thread *running)
{
	return false;
}

/* As in the book's figure, a new job goes before one that needs as long. */
static bool shorter_is_better(const struct run_queue *rq,
			      const struct thread *thread,
			      const struct thread *running)
{
	return ((const struct job *)thread)->left_ns <=
	       ((const struct job *)running)->left_ns;
}

static uint64_t oracle_quantum_ns(const struct thread *thread)
{
	return FOR_EVER;
}

static void oracle_account(struct run_queue *rq, struct thread *thread,
			   uint64_t ran_ns)
{
}

const struct sched_policy sjf_policy = {
	.name = "sjf",
	.init = oracle_init,
	.add = oracle_add,
	.remove = oracle_remove,
	.pick = oracle_pick,
	.spare = oracle_spare,
	.is_better = never_better,
	.quantum_ns = oracle_quantum_ns,
	.account = oracle_account,
};

const struct sched_policy stcf_policy = {
	.name = "stcf",
	.init = oracle_init,
	.add = oracle_add,
	.remove = oracle_remove,
	.pick = oracle_pick,
	.spare = oracle_spare,
	.is_better = shorter_is_better,
	.quantum_ns = oracle_quantum_ns,
	.account = oracle_account,
};
