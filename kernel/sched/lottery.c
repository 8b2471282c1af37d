/* SPDX-License-Identifier: MIT */
/*
 * lottery.c - every quantum, a ticket is drawn
 *
 * Idea: tickets stand for the share of the hart that a thread should have. At
 * each decision one of all tickets is drawn at random, and its holder runs. In
 * the long run everybody gets its share; nothing is remembered about anybody,
 * so threads may come and go at will. The tickets are the weight of the nice
 * value (weight.c): nice 0 holds 1024.
 *
 * Invariant
 *   L1  tickets is the sum of the weights of those on the list.
 *
 * Drawing walks the list, as in the book: it costs as much as there are ready
 * threads. Holders of many tickets in front would shorten the walk.
 * Read: OSTEP ch. 9, "Tickets Represent Your Share", "Implementation".
 */
#include "kernel/sched/policy.h"
#include "kernel/sched/run_queue.h"
#include "kernel/sched/sched.h"

static void lottery_init(struct run_queue *rq)
{
	struct lottery_queue *queue = &rq->data.lottery;

	list_init(&queue->ready);
	queue->tickets = 0;
	/* Any number but 0; another one for each hart. */
	queue->random = 0x9e3779b97f4a7c15 * (rq->hart_index + 1);
}

/* Vigna, "An experimental exploration of Marsaglia's xorshift generators,
 * scrambled" (2016). Nobody gains from guessing it. */
static uint64_t draw(struct lottery_queue *queue)
{
	queue->random ^= queue->random >> 12;
	queue->random ^= queue->random << 25;
	queue->random ^= queue->random >> 27;
	return (queue->random * 2685821657736338717) >> 32;
}

static void lottery_add(struct run_queue *rq, struct thread *thread,
			enum add_reason reason)
{
	list_push_back(&rq->data.lottery.ready, &thread->sched.node);
	rq->data.lottery.tickets += thread->sched.weight;
}

static void lottery_remove(struct run_queue *rq, struct thread *thread)
{
	list_remove(&thread->sched.node);
	rq->data.lottery.tickets -= thread->sched.weight;
}

/* The lottery decision code of the book. */
static struct thread *lottery_pick(struct run_queue *rq)
{
	struct lottery_queue *queue = &rq->data.lottery;
	uint64_t winner, counter = 0;
	struct thread *thread;

	if (list_empty(&queue->ready))
		return NULL;
	winner = draw(queue) % queue->tickets;
	list_for_each (thread, &queue->ready, sched.node) {
		counter += thread->sched.weight;
		if (counter > winner)
			break;
	}
	lottery_remove(rq, thread);
	return thread;
}

static struct thread *lottery_spare(const struct run_queue *rq, uint64_t harts)
{
	return run_queue_first_allowed(&rq->data.lottery.ready, harts);
}

static bool lottery_is_better(const struct run_queue *rq,
			      const struct thread *thread,
			      const struct thread *running)
{
	return false;
}

static uint64_t lottery_quantum_ns(const struct thread *thread)
{
	return SCHED_QUANTUM_NS;
}

static void lottery_account(struct run_queue *rq, struct thread *thread,
			    uint64_t ran_ns)
{
}

const struct sched_policy lottery_policy = {
	.name = "lottery",
	.init = lottery_init,
	.add = lottery_add,
	.remove = lottery_remove,
	.pick = lottery_pick,
	.spare = lottery_spare,
	.is_better = lottery_is_better,
	.quantum_ns = lottery_quantum_ns,
	.account = lottery_account,
};
