/* SPDX-License-Identifier: MIT */
/*
 * policy.h - what a scheduling policy has to answer
 *
 * Idea: the mechanism (queues, locks, switching: schedule.c) is the same for
 * every policy; a policy only keeps the ready threads of a hart in order. It
 * is one file with one of these tables, chosen at boot with sched=NAME.
 * SCHED_FIFO and SCHED_RR threads (sched(7)) never reach it: they go first.
 * Read: OSTEP ch. 7-9. To write one: copy round_robin.c, add it to the list in
 * choose_policy() of schedule.c.
 */
#pragma once

#include "kernel/lib/compiler.h"

struct run_queue;
struct thread;

struct sched_policy {
	const char *name;
	/*
	 * Put @thread on rq->ready. @again: it just ran and wants to go on
	 * (quantum used up, or yield); else it is new or was woken.
	 */
	void (*add)(struct run_queue *rq, struct thread *thread, bool again);
	/* Take it off, wherever it is. */
	void (*remove)(struct run_queue *rq, struct thread *thread);
	/* Take off and return the one to run; rq->ready is not empty. */
	struct thread *(*pick)(struct run_queue *rq);
	/* @thread became ready: must it run before @running goes on? */
	bool (*is_better)(const struct thread *thread,
			  const struct thread *running);
	/* How long @thread may run while others are ready. */
	uint64_t (*quantum_ns)(const struct thread *thread);
	/* @thread ran for @ran_ns. May be NULL. */
	void (*account)(struct thread *thread, uint64_t ran_ns);
};

extern const struct sched_policy round_robin_policy;
