/* SPDX-License-Identifier: MIT */
/*
 * realtime.c - SCHED_FIFO and SCHED_RR: the best priority first
 *
 * Idea: a tree sorted by priority, the best one leftmost. SCHED_FIFO runs until
 * it sleeps, yields, or a better one comes; SCHED_RR besides goes behind its
 * equals when its quantum is used up.
 *
 * Invariant
 *   R4  Equals are in order of arrival; who was pushed aside by a better one
 *       has not left its place.
 *
 * Locks: the run queue's.
 * Read: sched(7), "SCHED_FIFO: First in-first out scheduling".
 */
#include "kernel/sched/realtime.h"
#include "kernel/sched/thread.h"

static struct thread *thread_of(struct rb_node *node)
{
	return rb_entry(node, struct thread, sched.data.realtime);
}

void realtime_add(struct rb_root *queue, struct thread *thread,
		  bool before_equals)
{
	struct rb_node **link = &queue->node, *parent = NULL;

	while (*link) {
		int order = thread->sched.rt_priority -
			    thread_of(*link)->sched.rt_priority;

		parent = *link;
		if (order > 0 || (order == 0 && before_equals))
			link = &parent->left;
		else
			link = &parent->right;
	}
	rb_insert(queue, &thread->sched.data.realtime, parent, link);
}

void realtime_remove(struct rb_root *queue, struct thread *thread)
{
	rb_remove(queue, &thread->sched.data.realtime);
}

struct thread *realtime_pick(struct rb_root *queue)
{
	struct rb_node *best = rb_first(queue);

	rb_remove(queue, best);
	return thread_of(best);
}

struct thread *realtime_spare(const struct rb_root *queue, uint64_t harts)
{
	struct rb_node *node = rb_first(queue);

	for (; node; node = rb_next(node)) {
		if (thread_of(node)->sched.affinity & harts)
			return thread_of(node);
	}
	return NULL;
}
