/* SPDX-License-Identifier: MIT */
/*
 * hand_off.c - who wakes another and then sleeps leaves it the hart
 *
 * Idea: a thread that is woken usually goes to a hart that waits, so that both
 * run at once. Two threads that take turns (request and answer over a pipe, a
 * socket, a futex) never do: whoever wakes the other sleeps next. For them the
 * other hart only means an interrupt, cold caches and the way out of its sleep.
 * So a thread is watched: if it mostly wakes another and sleeps shortly after it
 * got the hart, the next thread it wakes is put behind it on its own hart, and
 * nobody is interrupted. (The time from the wake-up to the sleep would tell of
 * longer turns, too, but costs a look at the clock each time; and the longer the
 * turn, the less is won.)
 *
 * A turn is short within twice the time that waking a hart takes. With the
 * wake-up somewhere in the turn, the woken one then waits about as long for its
 * waker as it would have for another hart. How long that is, from the interrupt's
 * sending to its handler, is measured whenever a hart is woken: some
 * microseconds on a board, 20 in an emulator, 100 if its host is busy, where all
 * that the threads do takes longer, too.
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
#include "kernel/time/clock.h"

/* Points for short turns, off for long ones. */
#define POINTS_ENOUGH 2u
#define POINTS_MOST   4u

/* What waking a hart takes, averaged; all write it, unlocked: one that is lost
 * does no harm. A line of its own: whoever sleeps after a wake-up reads it. */
static struct {
	uint64_t ns;
} __aligned(64) wake_takes;
#define WAKE_AVERAGE 16u /* so many wake-ups, about */

void hand_off_ipi_goes(struct run_queue *rq)
{
	if (READ_ONCE(rq->current) == rq->idle)
		WRITE_ONCE(rq->ipi_sent_ns, clock_now_ns());
}

void hand_off_ipi_came(struct run_queue *rq)
{
	uint64_t sent_ns = READ_ONCE(rq->ipi_sent_ns);
	uint64_t old_ns, took_ns;

	if (!sent_ns)
		return;
	WRITE_ONCE(rq->ipi_sent_ns, 0);
	if (current() != rq->idle)
		return; /* found something to do meanwhile */
	old_ns = READ_ONCE(wake_takes.ns);
	/* The host may have stopped the hart for long. */
	took_ns = MIN(clock_now_ns() - sent_ns, HAND_OFF_MOST_NS);
	WRITE_ONCE(wake_takes.ns,
		   old_ns - old_ns / WAKE_AVERAGE + took_ns / WAKE_AVERAGE);
}

uint64_t hand_off_short_ns(void)
{
	uint64_t two_ns = 2 * READ_ONCE(wake_takes.ns);

	return MIN(MAX(two_ns, HAND_OFF_LEAST_NS), HAND_OFF_MOST_NS);
}

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

	if (ran_ns < hand_off_short_ns())
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
