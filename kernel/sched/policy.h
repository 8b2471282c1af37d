/* SPDX-License-Identifier: MIT */
/*
 * policy.h - what a scheduling policy has to answer
 *
 * Idea: the mechanism (queues, locks, switching: schedule.c) is the same for
 * every policy; a policy only keeps the ready threads of one hart in order. It
 * is one file with one of these tables, chosen at boot with sched=NAME and at
 * run time in /sys/kernel/sched/policy. Real-time threads (SCHED_FIFO, SCHED_RR)
 * never reach it, they go first; nor do SCHED_IDLE ones, which go last.
 *
 * A policy may keep data in each thread and in each hart's queue: a structure
 * in one of the two unions below. It takes no lock (the run queue's is held,
 * interrupts are off), allocates nothing, reads no clock, and calls nobody: so
 * the same file also runs in the simulator (test/host/schedsim).
 *
 * Invariants
 *   P1  A thread's data is all 0 when a policy sees it for the first time, or
 *       for the first time since another policy ran.
 *   P2  A policy's functions see only threads that are on its queue, or
 *       running on its hart. The running thread is on no queue.
 *
 * Read: OSTEP ch. 7-10; docs/extending.md, "A scheduling policy".
 */
#pragma once

#include "kernel/lib/compiler.h"
#include "kernel/lib/list.h"
#include "kernel/lib/rbtree.h"

struct run_queue;
struct thread;

/* Why a thread comes to the queue. */
enum add_reason {
	ADD_PREEMPTED, /* somebody better came; its turn is not over */
	ADD_TURN_OVER, /* its quantum is used up */
	ADD_YIELDED,   /* sched_yield(2) */
	ADD_WOKEN,     /* it slept */
	ADD_NEW,       /* it was just made */
	ADD_MOVED,     /* from another hart's queue, or with new settings */
};

/* ---- Data of the policies, in threads and in queues ---- */

/* fair.c */
struct fair_thread {
	uint64_t vruntime; /* virtual ns: time received / weight */
	uint64_t deadline; /* by when its request is to be served, virtual */
	int64_t left_ns;   /* of its request, real time */
	bool waiting;      /* in the tree of those not eligible */
	struct rb_node node;
};
#define FAIR_FEW 2
struct fair_queue {
	uint64_t clock; /* the virtual time of the last pick, or later */
	unsigned int num_few;
	struct thread *few[FAIR_FEW]; /* used while the trees are empty */
	unsigned int num_in_trees;
	struct rb_root eligible; /* by deadline */
	struct rb_root waiting;  /* by vruntime */
	/* Of those in the trees: sum of weight, of weight * (vruntime - base) */
	uint64_t weight;
	int64_t sum;
	uint64_t base;
};

/* mlfq.c */
struct mlfq_thread {
	unsigned int level; /* 0 is the topmost queue */
	uint64_t used_ns;   /* of its allotment at this level */
	uint64_t boost;     /* the last boost it took part in */
};
#define MLFQ_MAX_LEVELS 8
struct mlfq_queue {
	struct list_head levels[MLFQ_MAX_LEVELS];
	uint64_t boost; /* how many there were */
	uint64_t since_boost_ns;
};

/* stride.c */
struct stride_thread {
	uint64_t pass;
	uint64_t unpaid_ns; /* ran, but not yet in pass: less than a unit */
	struct rb_node node;
};
struct stride_queue {
	uint64_t pass; /* of the thread that was picked last, or more */
	struct rb_root ready;
};

/* lottery.c */
struct lottery_queue {
	struct list_head ready;
	uint64_t tickets; /* of all on the list */
	uint64_t random;
};

union policy_thread {
	struct rb_node realtime; /* kept by no policy: realtime.c */
	struct fair_thread fair;
	struct mlfq_thread mlfq;
	struct stride_thread stride;
};

union policy_queue {
	struct list_head ready; /* round_robin.c */
	struct fair_queue fair;
	struct mlfq_queue mlfq;
	struct stride_queue stride;
	struct lottery_queue lottery;
};

/* ---- The interface ---- */

struct sched_policy {
	const char *name;
	/* Begin with an empty queue; rq->data holds another policy's last. */
	void (*init)(struct run_queue *rq);
	void (*add)(struct run_queue *rq, struct thread *thread,
		    enum add_reason reason);
	/* Take it off, wherever it is. */
	void (*remove)(struct run_queue *rq, struct thread *thread);
	/* Take off and return the one to run; NULL: nobody is ready. */
	struct thread *(*pick)(struct run_queue *rq);
	/*
	 * add() of @prev, which was running, and pick(), in one step; may
	 * return @prev, which then is on no queue. Only for speed: may be NULL.
	 */
	struct thread *(*exchange)(struct run_queue *rq, struct thread *prev,
				   enum add_reason reason);
	/*
	 * A ready thread for another hart, one of @harts (bits): the one that
	 * would be picked first, or nearly. It stays. NULL: there is none.
	 */
	struct thread *(*spare)(const struct run_queue *rq, uint64_t harts);
	/* @thread became ready: must it run before @running goes on? */
	bool (*is_better)(const struct run_queue *rq,
			  const struct thread *thread,
			  const struct thread *running);
	/* How long @thread may run from now on while others are ready. */
	uint64_t (*quantum_ns)(const struct thread *thread);
	/* The running @thread ran for @ran_ns since the last call. */
	void (*account)(struct run_queue *rq, struct thread *thread,
			uint64_t ran_ns);
	/*
	 * How far @rq is in what this policy wants to be equal on all harts;
	 * the running thread is accounted for. A hart that is behind by more
	 * than balance_gap gives a thread away to one that is ahead
	 * (balance.c). NULL: the numbers of threads shall be equal.
	 */
	uint64_t (*progress)(const struct run_queue *rq);
	uint64_t balance_gap;
	/* What is to be run there: of two harts, the one with less goes faster,
	 * so a gap opens or closes. NULL if progress is NULL. */
	uint64_t (*load)(const struct run_queue *rq);
	/* @rq is behind @ahead, another hart's progress. May be NULL. */
	void (*fell_behind)(struct run_queue *rq, uint64_t ahead);
};

/* Each in the file of that name. */
extern const struct sched_policy fair_policy;
extern const struct sched_policy round_robin_policy;
extern const struct sched_policy mlfq_policy;
extern const struct sched_policy stride_policy;
extern const struct sched_policy lottery_policy;

/* The settings of mlfq.c: /sys/kernel/sched/mlfq; sched_set_mlfq(). */
struct mlfq_settings {
	unsigned int num_levels; /* 1..MLFQ_MAX_LEVELS */
	uint64_t quantum_ns[MLFQ_MAX_LEVELS];
	uint64_t allotment_ns[MLFQ_MAX_LEVELS];
	uint64_t boost_ns; /* 0: never */
};
extern struct mlfq_settings mlfq_settings;
