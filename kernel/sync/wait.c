/* SPDX-License-Identifier: MIT */
/*
 * wait.c - waiting for a condition, and waking who waits
 *
 * Idea: the sleeper says "I am about to sleep" (thread.state) and only then
 * looks at the condition; the waker changes the condition and only then looks
 * at the state. Whatever the order of the two, one of them sees the other:
 *
 *   sleeper                          waker
 *   queue itself                     change the condition
 *   state = asleep                   fence                (wake_queue)
 *   fence            (set_state)     look at the queue, at the state
 *   look at the condition            state = READY        (sched_wake)
 *   schedule(): asleep? switch away
 *
 * A wake-up between the look and the switch finds a state to reset, and
 * schedule() then returns at once.
 *
 * Invariants
 *   W1  A waiter is on its queue from wait_begin()/wait_add() to
 *       wait_end()/wait_remove(); wakers never take it off.
 *   W2  A thread that is not in wait_begin()..wait_end() is RUNNING.
 *
 * Locks: wait_queue.lock; a waker takes the run queue's inside it.
 * Read: OSTEP ch. 30 (condition variables), ch. 31 (the lost wake-up).
 */
#include "kernel/sync/wait.h"
#include "kernel/abi/errno.h"
#include "kernel/sched/sched.h"
#include "kernel/sync/mutex.h"

void wait_queue_init(struct wait_queue *queue)
{
	spin_init(&queue->lock, LOCK_WAIT_QUEUE);
	list_init(&queue->waiters);
}

static bool wake_thread(struct waiter *waiter, unsigned int events)
{
	return sched_wake(waiter->thread, THREAD_ANY_SLEEP);
}

void waiter_init(struct waiter *waiter)
{
	waiter_init_callback(waiter, wake_thread);
}

void waiter_init_callback(struct waiter *waiter, wake_fn wake)
{
	list_init(&waiter->node);
	waiter->thread = current();
	waiter->wake = wake;
	waiter->exclusive = false;
}

void wait_add(struct wait_queue *queue, struct waiter *waiter)
{
	spin_lock(&queue->lock);
	/* Non-exclusive ones first, so that wake_one() reaches them all. */
	if (waiter->exclusive)
		list_push_back(&queue->waiters, &waiter->node);
	else
		list_push_front(&queue->waiters, &waiter->node);
	spin_unlock(&queue->lock);
}

void wait_remove(struct wait_queue *queue, struct waiter *waiter)
{
	spin_lock(&queue->lock);
	list_remove(&waiter->node);
	spin_unlock(&queue->lock);
}

static void wake_queue(struct wait_queue *queue, unsigned int events, bool one)
{
	struct waiter *waiter, *next;

	/* The condition before the queue; pairs with the fence in set_state. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (wait_queue_idle(queue))
		return;

	spin_lock(&queue->lock);
	list_for_each_safe (waiter, next, &queue->waiters, node) {
		bool exclusive = waiter->exclusive;

		/* A callback may take its waiter off: not used after this. */
		if (waiter->wake(waiter, events) && exclusive && one)
			break;
	}
	spin_unlock(&queue->lock);
}

void wake_all(struct wait_queue *queue)
{
	wake_queue(queue, 0, false);
}

void wake_one(struct wait_queue *queue)
{
	wake_queue(queue, 0, true);
}

void wake_all_events(struct wait_queue *queue, unsigned int events)
{
	wake_queue(queue, events, false);
}

/* From here on a wake-up counts, even if we have not yet switched away. */
static void set_state(unsigned int flags)
{
	unsigned int state = THREAD_SLEEPING;

	if (flags & WAIT_INTERRUPTIBLE)
		state = THREAD_INTERRUPTIBLE;
	else if (flags & WAIT_KILLABLE)
		state = THREAD_KILLABLE;
	WRITE_ONCE(current()->state, state);
	/* The state before the condition; pairs with that in wake_queue(). */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static unsigned int ending_work(unsigned int flags)
{
	if (flags & WAIT_INTERRUPTIBLE)
		return WORK_SIGNAL | WORK_KILL;
	if (flags & WAIT_KILLABLE)
		return WORK_KILL;
	return 0;
}

void wait_begin(struct wait_queue *queue, struct waiter *waiter,
		unsigned int flags)
{
	might_sleep();
	wait_add(queue, waiter);
	set_state(flags);
}

int wait_sleep(unsigned int flags, uint64_t deadline_ns)
{
	int result = 0;

	if (thread_has_work(current(), ending_work(flags)))
		return -ERESTARTSYS;
	if (deadline_ns == WAIT_FOREVER)
		schedule();
	else if (sched_sleep_until(deadline_ns))
		result = -ETIMEDOUT;
	set_state(flags);
	return result;
}

void wait_end(struct wait_queue *queue, struct waiter *waiter)
{
	WRITE_ONCE(current()->state, THREAD_RUNNING);
	wait_remove(queue, waiter);
}
