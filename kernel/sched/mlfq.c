/* SPDX-License-Identifier: MIT */
/*
 * mlfq.c - the multi-level feedback queue
 *
 * Idea: learn from the past what a thread is. Everybody begins as if it were
 * short and interactive, in the topmost queue; who goes on computing sinks.
 *
 * The rules, in the book's words
 *   Rule 1  If Priority(A) > Priority(B), A runs (B doesn't).
 *   Rule 2  If Priority(A) = Priority(B), A & B run in round-robin fashion
 *           using the time slice (quantum length) of the given queue.
 *   Rule 3  When a job enters the system, it is placed at the highest priority
 *           (the topmost queue).
 *   Rule 4  Once a job uses up its time allotment at a given level (regardless
 *           of how many times it has given up the CPU), its priority is reduced
 *           (i.e., it moves down one queue).
 *   Rule 5  After some time period S, move all the jobs in the system to the
 *           topmost queue.
 *
 * S is counted in time that the hart was used by threads under this policy:
 * while it is idle nobody starves. Threads that sleep or wait elsewhere find
 * out about a boost when they come back (mlfq_thread.boost).
 *
 * Read: OSTEP ch. 8.
 */
#include "kernel/sched/policy.h"
#include "kernel/sched/run_queue.h"
#include "kernel/sched/sched.h"

#define MS NSEC_PER_MSEC

/* Interactive ones get small slices, the long-running ones below long ones. */
struct mlfq_settings mlfq_settings = {
	.num_levels = 4,
	.quantum_ns = { 10 * MS, 20 * MS, 40 * MS, 80 * MS },
	.allotment_ns = { 10 * MS, 20 * MS, 40 * MS, 80 * MS },
	.boost_ns = 1000 * MS,
};

static struct mlfq_thread *data_of(struct thread *thread)
{
	return &thread->sched.data.mlfq;
}

static void mlfq_init(struct run_queue *rq)
{
	struct mlfq_queue *queue = &rq->data.mlfq;

	for (unsigned int i = 0; i < MLFQ_MAX_LEVELS; i++)
		list_init(&queue->levels[i]);
	queue->boost = 0;
	queue->since_boost_ns = 0;
}

/* Rule 5, for a thread that was not in a queue when it happened. */
static void catch_up_with_boost(const struct mlfq_queue *queue,
				struct mlfq_thread *thread)
{
	if (thread->boost == queue->boost)
		return;
	thread->boost = queue->boost;
	thread->level = 0;
	thread->used_ns = 0;
}

static void mlfq_add(struct run_queue *rq, struct thread *thread,
		     enum add_reason reason)
{
	struct mlfq_queue *queue = &rq->data.mlfq;
	struct mlfq_thread *mine = data_of(thread);
	struct list_head *level;

	catch_up_with_boost(queue, mine);
	/* It slept while the settings changed. */
	mine->level = MIN(mine->level, mlfq_settings.num_levels - 1);
	level = &queue->levels[mine->level];
	if (reason == ADD_PREEMPTED && mine->used_ns)
		list_push_front(level, &thread->sched.node);
	else
		list_push_back(level, &thread->sched.node);
}

static void mlfq_remove(struct run_queue *rq, struct thread *thread)
{
	list_remove(&thread->sched.node);
}

/* Rule 5. */
static void boost_all(struct mlfq_queue *queue)
{
	struct thread *thread;

	queue->boost++;
	queue->since_boost_ns = 0;
	for (unsigned int i = 0; i < mlfq_settings.num_levels; i++) {
		list_for_each (thread, &queue->levels[i], sched.node)
			catch_up_with_boost(queue, data_of(thread));
		if (i > 0)
			list_splice_back(&queue->levels[0], &queue->levels[i]);
	}
}

/* Rule 1. */
static struct thread *mlfq_pick(struct run_queue *rq)
{
	struct mlfq_queue *queue = &rq->data.mlfq;

	if (mlfq_settings.boost_ns &&
	    queue->since_boost_ns >= mlfq_settings.boost_ns)
		boost_all(queue);
	for (unsigned int i = 0; i < mlfq_settings.num_levels; i++) {
		struct thread *first;

		if (list_empty(&queue->levels[i]))
			continue;
		first = list_first(&queue->levels[i], struct thread,
				   sched.node);
		list_remove(&first->sched.node);
		return first;
	}
	return NULL;
}

static struct thread *mlfq_spare(const struct run_queue *rq, uint64_t harts)
{
	struct thread *thread = NULL;

	for (unsigned int i = 0; i < mlfq_settings.num_levels && !thread; i++)
		thread = run_queue_first_allowed(&rq->data.mlfq.levels[i],
						 harts);
	return thread;
}

/* Rule 1: at once, not only when the quantum ends. */
static bool mlfq_is_better(const struct run_queue *rq,
			   const struct thread *thread,
			   const struct thread *running)
{
	return thread->sched.data.mlfq.level < running->sched.data.mlfq.level;
}

/* Rule 2; but who has less than a slice left at this level sinks then. */
static uint64_t mlfq_quantum_ns(const struct thread *thread)
{
	const struct mlfq_thread *mine = &thread->sched.data.mlfq;
	uint64_t quantum_ns = mlfq_settings.quantum_ns[mine->level];
	uint64_t allotment_ns = mlfq_settings.allotment_ns[mine->level];

	if (mine->used_ns >= allotment_ns)
		return quantum_ns;
	return MIN(quantum_ns, allotment_ns - mine->used_ns);
}

/*
 * Rule 4. Counted as it runs, so neither a yield nor a sleep shortly before the
 * end of the allotment saves a job from it.
 */
static void mlfq_account(struct run_queue *rq, struct thread *thread,
			 uint64_t ran_ns)
{
	struct mlfq_thread *mine = data_of(thread);
	const uint64_t *allotment_ns = mlfq_settings.allotment_ns;

	mine->used_ns += ran_ns;
	while (mine->level + 1 < mlfq_settings.num_levels &&
	       mine->used_ns >= allotment_ns[mine->level])
		mine->used_ns -= allotment_ns[mine->level++];
	rq->data.mlfq.since_boost_ns += ran_ns;
}

const struct sched_policy mlfq_policy = {
	.name = "mlfq",
	.init = mlfq_init,
	.add = mlfq_add,
	.remove = mlfq_remove,
	.pick = mlfq_pick,
	.spare = mlfq_spare,
	.is_better = mlfq_is_better,
	.quantum_ns = mlfq_quantum_ns,
	.account = mlfq_account,
};
