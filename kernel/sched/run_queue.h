/* SPDX-License-Identifier: MIT */
/*
 * run_queue.h - the threads ready to run on one hart (sched/ only)
 *
 * Read run_queue.c first, then schedule.c.
 */
#pragma once

#include "kernel/abi/sched.h"
#include "kernel/sched/policy.h"
#include "kernel/sched/realtime.h"
#include "kernel/sched/thread.h"

struct run_queue {
	struct spinlock lock; /* rank LOCK_RUN_QUEUE, interrupts off */

	/* Under lock. */
	unsigned int num_ready;  /* in all three queues */
	struct rb_root realtime; /* SCHED_FIFO/RR: first */
	const struct sched_policy *policy;
	union policy_queue data;     /* of that policy */
	struct list_head background; /* SCHED_IDLE: last */
	struct thread *current;      /* on the hart now */
	struct thread *idle;         /* runs when nobody is ready; fixed */
	struct thread *left;         /* switched away from; finish_switch() */
	struct vm_space
		*borrowed;  /* page table in use while current has none */
	bool drop_borrowed; /* ... and give it up: sched_forget_space() */
	uint64_t num_switches;
	uint64_t num_ipis;  /* received */
	uint64_t num_quiet; /* ... that hit no read section */
	/*
	 * The timer stops us at this time to see whether a quantum is used up;
	 * UINT64_MAX: it does not. May be early (see schedule.c), never late.
	 */
	uint64_t quantum_armed_ns;
	uint64_t balance_ns;       /* when to look at the other harts again */
	unsigned int balance_next; /* ... the one looked at last */

	/* When an IPI was sent that is to end the hart's wait, or 0; atomic,
	 * a hint (hand_off.c). */
	uint64_t ipi_sent_ns;

	bool online; /* the hart runs threads; read without lock as a hint */

	/* Fixed. */
	unsigned int hart_index;
	uint64_t hart_bit; /* in sched.affinity */
} __aligned(64);

/* Where the boot ran; it never goes offline. */
extern unsigned int sched_boot_hart;

/*
 * Bit h: hart h waits for work, and nobody has given it any yet. Atomic; a
 * hint. Set by the hart's idle thread, cleared by whoever places a thread
 * there, so that two wake-ups go to two harts.
 */
extern uint64_t sched_idle_harts;

extern bool sched_preemptive; /* false: boot argument preempt=none */

void run_queue_init(unsigned int hart_index);

extern struct run_queue run_queues[MAX_HARTS];
static inline struct run_queue *run_queue_of(unsigned int hart_index)
{
	return &run_queues[hart_index];
}

/* The queue of this hart; interrupts off. */
static inline struct run_queue *this_run_queue(void)
{
	return &run_queues[current()->sched.hart];
}
/* Lock the queue that guards @thread now, and return it. */
struct run_queue *run_queue_lock_of(struct thread *thread);
void run_queue_unlock(struct run_queue *rq);

/* Put a READY thread in its place. */
void run_queue_add(struct run_queue *rq, struct thread *thread,
		   enum add_reason reason);
void run_queue_remove(struct run_queue *rq, struct thread *thread);
/* Take off the one to run next; NULL: nobody is ready. */
struct thread *run_queue_pick(struct run_queue *rq);
/*
 * In one step, add the running thread @prev, which is RUNNING still, and pick;
 * for the usual case, that both are the policy's business.
 */
static inline bool run_queue_can_exchange(const struct run_queue *rq,
					  const struct thread *prev)
{
	return prev->sched.kept_by == rq->policy && rq->policy->exchange &&
	       !rq->realtime.node && prev->sched.policy != SCHED_IDLE &&
	       rq->num_ready && rq->online &&
	       (prev->sched.affinity & rq->hart_bit);
}
static inline struct thread *run_queue_exchange(struct run_queue *rq,
						struct thread *prev)
{
	enum add_reason reason = prev->sched.leaving;
	struct thread *next = rq->policy->exchange(rq, prev, reason);

	prev->sched.leaving = ADD_PREEMPTED;
	prev->sched.at_user = false;
	prev->sched.queue = QUEUE_POLICY;
	next->sched.queue = QUEUE_NONE;
	return next;
}
/*
 * A ready thread that could as well run on another hart, one of @harts: the
 * one that would be picked first. It stays on the queue. NULL: there is none.
 */
struct thread *run_queue_spare(const struct run_queue *rq, uint64_t harts);
/* Should @thread, now ready, have the hart instead of @running? */
bool run_queue_is_better(const struct run_queue *rq,
			 const struct thread *thread,
			 const struct thread *running);
/* For policies that keep a list: the first on it that may run on @harts. */
struct thread *run_queue_first_allowed(const struct list_head *list,
				       uint64_t harts);
/* How long @thread may run from now on; 0: for ever (SCHED_FIFO). */
uint64_t run_queue_quantum_of_others(const struct thread *thread);
static inline uint64_t run_queue_quantum(const struct run_queue *rq,
					 const struct thread *thread)
{
	if (likely(thread->sched.kept_by == rq->policy))
		return rq->policy->quantum_ns(thread);
	return run_queue_quantum_of_others(thread);
}
/* Where @thread, which becomes ready, runs best: @rq is where it ran last. */
struct run_queue *run_queue_choose(struct run_queue *rq,
				   const struct thread *thread);
/* May @thread run on @rq's hart? */
static inline bool run_queue_allows(const struct run_queue *rq,
				    const struct thread *thread)
{
	return READ_ONCE(rq->online) &&
	       (thread->sched.affinity & BIT(rq->hart_index));
}
/* @thread belongs to @rq from now on (R2); it is on no hart, on no queue. */
static inline void run_queue_adopt(const struct run_queue *rq,
				   struct thread *thread)
{
	WRITE_ONCE(thread->sched.hart, rq->hart_index);
	thread->arch.hart_index = rq->hart_index;
}

static inline bool is_realtime(const struct thread *thread)
{
	return thread->sched.rt_priority > 0;
}

/*
 * READY, on no queue, not on a hart: put @thread on an allowed queue and tell
 * that hart. @rq (locked) guards the thread and is unlocked.
 */
void sched_place(struct run_queue *rq, struct thread *thread,
		 enum add_reason reason);
/* The same, but on @target, whether that is a good place or not. */
void sched_place_on(struct run_queue *target, struct run_queue *rq,
		    struct thread *thread, enum add_reason reason);

/* policy.c: the policy that a queue begins with: sched=NAME, or fair. */
const struct sched_policy *sched_first_policy(void);
/* The policy's data in @thread become those of @rq's policy (P1). */
static inline void policy_adopt(const struct run_queue *rq,
				struct thread *thread)
{
	if (likely(thread->sched.kept_by == rq->policy))
		return;
	thread->sched.kept_by = rq->policy;
	thread->sched.data = (union policy_thread){ 0 };
}

/* balance.c, from the tick: perhaps give a thread to another hart. */
void balance(struct run_queue *rq, uint64_t now_ns);
/* How often a hart with ready threads looks at the others. */
#define BALANCE_NS (20 * NSEC_PER_MSEC)

/* trace.c: what the policy chose; @prev is aside. rq locked. */
void sched_trace_decision(const struct run_queue *rq, const struct thread *prev,
			  const struct thread *next);
/* The same for current(), and that @prev was left for it: we are on its stack. */
void sched_trace_switch(const struct run_queue *rq, const struct thread *prev);
/* @thread is about to be put on @rq. */
void sched_trace_wake(const struct run_queue *rq, const struct thread *thread,
		      enum add_reason reason);
/* thread.c: tids of up to @max threads that are ready on a hart. */
unsigned int threads_ready(unsigned int hart_index, int32_t *tids,
			   unsigned int max);

/* account.c: charge the time since the last call, which is returned, to
 * @thread; rq locked. */
enum cpu_mode { CPU_USER, CPU_SYSTEM };
uint64_t account_run_time(struct run_queue *rq, struct thread *thread,
			  uint64_t now_ns, enum cpu_mode mode);
/* weight.c: after a change of nice or policy. The thread is on no queue. */
void sched_update_weight(struct sched_entity *entity);
/*
 * steal.c, only with sched_other_harts. This hart has nothing to do: say so,
 * and take a thread that waits on another; false: there is none.
 */
bool sched_look_for_work(struct run_queue *rq);
/* ... but now it has something to do. */
void sched_found_work(const struct run_queue *rq);
/* @thread was queued on a busy hart: one that has nothing to do (bit), claimed;
 * the caller interrupts it. 0: there is none. */
uint64_t sched_offer(const struct thread *thread);
/* load.c: the averages, every five seconds. */
void load_start(void);
/* harts.c: this hart begins to run threads, as rq->idle. */
void sched_hart_comes(struct run_queue *rq);
/* ... it shall stop: its threads go elsewhere. From its IPI. */
void sched_hart_drain(struct run_queue *rq);
/* ... it is idle, not online any more, and stops. */
void sched_hart_leaves(struct run_queue *rq) __noreturn;
/* thread.c: the slab. */
void threads_init(void);
/* schedule.c: the first C code of a new thread calls this. */
void finish_switch(void);
