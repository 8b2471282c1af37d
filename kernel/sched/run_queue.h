/* SPDX-License-Identifier: MIT */
/*
 * run_queue.h - the threads ready to run on one hart (sched/ only)
 *
 * Read run_queue.c first, then schedule.c.
 */
#pragma once

#include "kernel/sched/policy.h"
#include "kernel/sched/thread.h"

struct run_queue {
	struct spinlock lock; /* rank LOCK_RUN_QUEUE, interrupts off */

	/* Under lock. */
	struct list_head realtime; /* SCHED_FIFO/RR, best first (R4) */
	struct list_head ready;    /* the others, in the policy's order */
	unsigned int num_ready;    /* on both lists */
	struct thread *current;    /* on the hart now */
	struct thread *idle;       /* runs when nobody is ready; fixed */
	struct thread *left;       /* switched away from; finish_switch() */
	struct vm_space
		*borrowed; /* page table in use while current has none */
	uint64_t num_switches;
	/*
	 * The timer stops us at this time to see whether a quantum is used up;
	 * UINT64_MAX: it does not. May be early (see schedule.c), never late.
	 */
	uint64_t quantum_armed_ns;

	/* Fixed after boot. */
	unsigned int hart_index;
	bool online; /* the hart runs threads */
};

extern const struct sched_policy *sched_policy; /* fixed after boot */
extern bool sched_preemptive; /* false: boot argument preempt=none */

void run_queue_init(unsigned int hart_index, struct thread *idle);
struct run_queue *run_queue_of(unsigned int hart_index);

/* The queue of this hart; interrupts off. */
struct run_queue *this_run_queue(void);
/* Lock the queue that guards @thread now, and return it. */
struct run_queue *run_queue_lock_of(struct thread *thread);
void run_queue_unlock(struct run_queue *rq);

/* Put a READY thread in its place. @again: it was running until now. */
void run_queue_add(struct run_queue *rq, struct thread *thread, bool again);
void run_queue_remove(struct run_queue *rq, struct thread *thread);
/* Take off the one to run next; NULL: nobody is ready. */
struct thread *run_queue_pick(struct run_queue *rq);
/* Should @thread, now ready, have the hart instead of @running? */
bool run_queue_is_better(const struct thread *thread,
			 const struct thread *running);
/* Where @thread may run: @rq if possible, else an allowed hart's. */
struct run_queue *run_queue_choose(struct run_queue *rq,
				   const struct thread *thread);

static inline bool is_realtime(const struct thread *thread)
{
	return thread->sched.rt_priority > 0;
}

/*
 * READY, on no queue, not on a hart: put @thread on an allowed queue and tell
 * that hart. @rq (locked) guards the thread and is unlocked.
 */
void sched_place(struct run_queue *rq, struct thread *thread, bool again);

/* account.c: charge the time since the last call to @thread; rq locked. */
enum cpu_mode { CPU_USER, CPU_SYSTEM };
void account_run_time(struct thread *thread, uint64_t now_ns,
		      enum cpu_mode mode);
/* load.c: the averages, every five seconds. */
void load_start(void);
/* thread.c: the slab. */
void threads_init(void);
/* schedule.c: the first C code of a new thread calls this. */
void finish_switch(void);
