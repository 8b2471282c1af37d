/* SPDX-License-Identifier: MIT */
/*
 * hand_off.c - who wakes another and then sleeps leaves it the hart
 *
 * Idea: a thread that is woken usually goes to a hart that waits, so that both
 * run at once. Two threads that take turns (request and answer over a pipe, a
 * socket, a futex) never do: whoever wakes the other sleeps next. For them the
 * other hart only means an interrupt, cold caches and the way out of its sleep.
 * So a thread is watched: if it mostly wakes another and sleeps within
 * HAND_OFF_NS after it got the hart, the next thread it wakes is put behind it
 * on its own hart, and nobody is interrupted. That costs the woken one
 * HAND_OFF_NS, if what was seen goes on. (The time from the wake-up to the sleep
 * would tell of longer turns, too, but costs a look at the clock each time; and
 * the longer the turn, the less is won.)
 *
 * If it does not go on, the one that waits is offered to the harts that wait as
 * soon as the waker loses its hart or its quantum ends, and the waker has to
 * be seen anew. A busy stage of a pipeline is thus never held for a hand-off
 * more than once.
 *
 * Invariant
 *   H1  While a thread waits behind another although a hart idles, that other
 *       has handed_off set, and is neither asleep nor on a queue.
 *
 * Locks: that of the run queue of the waker, which is the running thread.
 * Read: OSTEP ch. 10 (cache affinity against load balance).
 */
#include "kernel/sched/hand_off.h"
#include "kernel/sched/run_queue.h"
#include "kernel/sched/sched.h"

/* Points for short turns, off for long ones. */
#define POINTS_ENOUGH 2u
#define POINTS_MOST   4u

bool hand_off_wanted(const struct run_queue *rq, const struct thread *waker,
		     const struct thread *woken)
{
	/* Idle: an interrupt came while the hart had nothing to do. */
	if (waker == rq->idle || waker->sched.hand_offs < POINTS_ENOUGH)
		return false;
	return sched_preemptive && !is_realtime(woken) &&
	       READ_ONCE(rq->num_ready) == 0 && run_queue_allows(rq, woken);
}

void hand_off_slept(struct thread *waker, uint64_t ran_ns)
{
	struct sched_entity *mine = &waker->sched;

	if (ran_ns < HAND_OFF_NS)
		mine->hand_offs = MIN(mine->hand_offs + 1, POINTS_MOST);
	else if (mine->hand_offs)
		mine->hand_offs--;
	mine->woke = false;
	mine->handed_off = false;
}

uint64_t hand_off_failed(struct run_queue *rq, struct thread *waker)
{
	struct thread *waits;

	waker->sched.handed_off = false;
	waker->sched.hand_offs = 0;
	waits = run_queue_spare(rq, READ_ONCE(sched_idle_harts));
	return waits ? sched_offer(waits) : 0;
}
