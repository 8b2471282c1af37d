/* SPDX-License-Identifier: MIT */
/*
 * steal.c - a hart without work takes some from another
 *
 * Idea: wake-ups go to a waiting hart where there is one (run_queue_choose()),
 * but a queue still grows where a thread must wait because all harts were busy
 * when it came. So a hart that runs out of work looks at the others before it
 * waits, longest queue first, and takes one thread. It holds one queue's lock at
 * a time: between the two queues the thread is READY and on neither, as when
 * sched_place() carries it.
 *
 * That nobody waits while a hart idles needs both sides:
 *
 *   who queues a thread on a busy hart   a hart without work
 *   put it on the queue                  set the bit in sched_idle_harts
 *   full fence        (sched_offer)      full fence     (sched_look_for_work)
 *   look at the idle harts, wake one     look at the queues, take one
 *
 * Locks: one run_queue.lock at a time.
 * Read: OSTEP ch. 10, "work stealing".
 */
#include <arch/hart.h>
#include "kernel/sched/run_queue.h"
#include "kernel/sched/sched.h"

/* The other hart whose queue is longest, by a look without locks. */
static struct run_queue *longest_queue(const struct run_queue *mine,
				       uint64_t tried)
{
	struct run_queue *longest = NULL;
	unsigned int most = 0;

	for (unsigned int i = 0; i < arch_num_harts(); i++) {
		struct run_queue *rq = run_queue_of(i);
		unsigned int length = READ_ONCE(rq->num_ready);

		if (rq == mine || (tried & BIT(i)) || length <= most)
			continue;
		longest = rq;
		most = length;
	}
	return longest;
}

static bool steal(struct run_queue *mine)
{
	uint64_t here = BIT(mine->hart_index);
	uint64_t tried = 0;
	struct run_queue *rq;

	while ((rq = longest_queue(mine, tried))) {
		struct thread *thread;

		spin_lock(&rq->lock);
		thread = run_queue_spare(rq, here);
		if (thread) {
			run_queue_remove(rq, thread);
			run_queue_adopt(mine, thread);
		}
		spin_unlock(&rq->lock);
		if (thread) {
			spin_lock(&mine->lock);
			run_queue_add(mine, thread, ADD_MOVED);
			spin_unlock(&mine->lock);
			return true;
		}
		tried |= BIT(rq->hart_index);
	}
	return false;
}

uint64_t sched_offer(const struct thread *thread)
{
	uint64_t idle;

	/* The queue before the bits; pairs with sched_look_for_work(). */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	idle = READ_ONCE(sched_idle_harts) & thread->sched.affinity;
	if (!idle)
		return 0;
	idle &= -idle;
	return idle &
	       __atomic_fetch_and(&sched_idle_harts, ~idle, __ATOMIC_RELAXED);
}

bool sched_look_for_work(struct run_queue *rq)
{
	if (!READ_ONCE(rq->online))
		return false;
	/* The bit before the queues; pairs with sched_offer(). */
	__atomic_fetch_or(&sched_idle_harts, BIT(rq->hart_index),
			  __ATOMIC_SEQ_CST);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return steal(rq);
}

void sched_found_work(const struct run_queue *rq)
{
	uint64_t me = BIT(rq->hart_index);

	if (READ_ONCE(sched_idle_harts) & me)
		__atomic_fetch_and(&sched_idle_harts, ~me, __ATOMIC_RELAXED);
}
