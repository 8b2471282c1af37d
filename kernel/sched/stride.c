/* SPDX-License-Identifier: MIT */
/*
 * stride.c - a deterministic fair-share scheduler
 *
 * Idea: each thread has a stride, inversely proportional to its tickets (the
 * weight of its nice value, weight.c), and a counter called pass. While it runs,
 * its pass goes up by its stride for each quantum; who has the lowest pass
 * value so far runs next. What the lottery achieves in the long run, this does
 * exactly at the end of each cycle.
 *
 * Who used a part of its quantum pays a part of its stride. Who is new, or
 * comes back from sleep, must not have a pass from long ago, or it would
 * monopolise the hart: it begins where the others are (queue->pass).
 *
 * Invariant
 *   T1  No thread on the queue has a pass below that of the thread that was
 *       picked last, as it was then.
 *
 * Read: OSTEP ch. 9, "Stride Scheduling"; Waldspurger and Weihl, "Stride
 * Scheduling: Deterministic Proportional-Share Resource Management" (1995).
 */
#include "kernel/sched/policy.h"
#include "kernel/sched/run_queue.h"
#include "kernel/sched/sched.h"

/* The "large number" that is divided by tickets. */
#define STRIDE1 (1u << 30)

static uint64_t stride_of(const struct thread *thread)
{
	return STRIDE1 / thread->sched.weight;
}

static void stride_init(struct run_queue *rq)
{
	rq->data.stride = (struct stride_queue){ 0 };
}

/* Behind equals: they came first. */
static void insert(struct rb_root *root, struct stride_thread *mine)
{
	struct rb_node **link = &root->node, *parent = NULL;

	while (*link) {
		struct stride_thread *other =
			rb_entry(*link, struct stride_thread, node);

		parent = *link;
		link = mine->pass < other->pass ? &parent->left
						: &parent->right;
	}
	rb_insert(root, &mine->node, parent, link);
}

static void stride_add(struct run_queue *rq, struct thread *thread,
		       enum add_reason reason)
{
	struct stride_queue *queue = &rq->data.stride;
	struct stride_thread *mine = &thread->sched.data.stride;

	mine->pass = MAX(mine->pass, queue->pass); /* T1 */
	if (reason == ADD_MOVED) /* the passes of harts are not comparable */
		mine->pass = queue->pass + stride_of(thread);
	insert(&queue->ready, mine);
}

static void stride_remove(struct run_queue *rq, struct thread *thread)
{
	rb_remove(&rq->data.stride.ready, &thread->sched.data.stride.node);
}

static struct thread *stride_pick(struct run_queue *rq)
{
	struct stride_queue *queue = &rq->data.stride;
	struct rb_node *lowest = rb_first(&queue->ready);
	struct thread *thread;

	if (!lowest)
		return NULL;
	rb_remove(&queue->ready, lowest);
	thread = rb_entry(lowest, struct thread, sched.data.stride.node);
	queue->pass = thread->sched.data.stride.pass;
	return thread;
}

static struct thread *stride_spare(const struct run_queue *rq, uint64_t harts)
{
	struct rb_node *node = rb_first(&rq->data.stride.ready);

	for (; node; node = rb_next(node)) {
		struct thread *thread =
			rb_entry(node, struct thread, sched.data.stride.node);

		if (thread->sched.affinity & harts)
			return thread;
	}
	return NULL;
}

static bool stride_is_better(const struct run_queue *rq,
			     const struct thread *thread,
			     const struct thread *running)
{
	return false;
}

static uint64_t stride_quantum_ns(const struct thread *thread)
{
	return SCHED_QUANTUM_NS;
}

static void stride_account(struct run_queue *rq, struct thread *thread,
			   uint64_t ran_ns)
{
	struct stride_thread *mine = &thread->sched.data.stride;

	/* In units of 1024 ns, so that hours alone on a hart do not overflow.
	 * A thread that looks at its own clock is charged in small pieces. */
	mine->unpaid_ns += ran_ns;
	mine->pass += stride_of(thread) * (mine->unpaid_ns / 1024) /
		      (SCHED_QUANTUM_NS / 1024);
	mine->unpaid_ns %= 1024;
}

const struct sched_policy stride_policy = {
	.name = "stride",
	.init = stride_init,
	.add = stride_add,
	.remove = stride_remove,
	.pick = stride_pick,
	.spare = stride_spare,
	.is_better = stride_is_better,
	.quantum_ns = stride_quantum_ns,
	.account = stride_account,
};
