/* SPDX-License-Identifier: MIT */
/*
 * wait.h - waiting for a condition, and waking who waits
 *
 * Idea: who waits puts a waiter on the queue *before* looking at the
 * condition, so a wake-up between the look and the sleep is not lost. Who
 * changes the condition does so first and wakes then.
 * A waiter's @wake is called for it; the default makes its thread runnable,
 * poll and epoll bring their own.
 * Read: OSTEP ch. 30 (condition variables).
 */
#pragma once

#include "kernel/lib/list.h"
#include "kernel/sync/spinlock.h"

struct thread;
struct waiter;

/*
 * Called with the queue's lock held, interrupts off. @events says what
 * happened (EPOLL* bits where that is meaningful, else 0).
 * Returns true if this waiter counts as woken (for wake_one).
 */
typedef bool (*wake_fn)(struct waiter *waiter, unsigned int events);

struct wait_queue {
	struct spinlock lock;     /* rank LOCK_WAIT_QUEUE */
	struct list_head waiters; /* under lock */
};

struct waiter {
	struct list_head node; /* under the queue's lock */
	struct thread *thread;
	wake_fn wake;
	bool exclusive; /* wake_one() stops after one such */
};

#define WAIT_QUEUE_INIT(name)                                                  \
	{                                                                      \
		.lock = SPINLOCK_INIT(LOCK_WAIT_QUEUE),                        \
		.waiters = LIST_HEAD_INIT((name).waiters)                      \
	}

void wait_queue_init(struct wait_queue *queue);
static inline bool wait_queue_idle(const struct wait_queue *queue)
{
	return list_empty(&queue->waiters);
}

/* A waiter for the current thread, woken by becoming runnable. */
void waiter_init(struct waiter *waiter);
void waiter_init_callback(struct waiter *waiter, wake_fn wake);
void wait_add(struct wait_queue *queue, struct waiter *waiter);
void wait_remove(struct wait_queue *queue, struct waiter *waiter);

/* Wake all, or all non-exclusive and one exclusive. Any context. */
void wake_all(struct wait_queue *queue);
void wake_one(struct wait_queue *queue);
/* wake_all(), where nearly always nobody waits. */
static inline void wake_any(struct wait_queue *queue)
{
	/* The condition before the queue, as in wait.c. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (unlikely(!wait_queue_idle(queue)))
		wake_all(queue);
}
void wake_all_events(struct wait_queue *queue, unsigned int events);

/* Flags of wait_sleep(). */
#define WAIT_INTERRUPTIBLE 1u /* end at a signal */
#define WAIT_KILLABLE      2u /* end at a fatal signal only */

/* No deadline. */
#define WAIT_FOREVER UINT64_MAX

/*
 * The loop of WAIT_EVENT: enqueue, set the state, test, sleep.
 * wait_begin() queues @waiter and marks the thread as about to sleep;
 * wait_sleep() gives the hart away until woken, then marks it so again;
 * wait_end() takes it all back.
 *
 * wait_sleep returns 0 to test the condition again, -ETIMEDOUT at
 * @deadline_ns (monotonic clock), -ERESTARTSYS when a signal ends it.
 */
void wait_begin(struct wait_queue *queue, struct waiter *waiter,
		unsigned int flags);
int wait_sleep(unsigned int flags, uint64_t deadline_ns);
void wait_end(struct wait_queue *queue, struct waiter *waiter);

/*
 * Sleep until @condition holds. It is evaluated with no lock held and must
 * take what it needs by itself (spinlocks only).
 * Value: 0, -ETIMEDOUT, -ERESTARTSYS.
 */
#define WAIT_EVENT_DEADLINE(queue, condition, flags, deadline_ns)              \
	({                                                                     \
		struct waiter wait_waiter_;                                    \
		int wait_result_ = 0;                                          \
		if (!(condition)) {                                            \
			waiter_init(&wait_waiter_);                            \
			wait_begin((queue), &wait_waiter_, (flags));           \
			while (!(condition)) {                                 \
				wait_result_ =                                 \
					wait_sleep((flags), (deadline_ns));    \
				if (wait_result_)                              \
					break;                                 \
			}                                                      \
			wait_end((queue), &wait_waiter_);                      \
			if (wait_result_ && (condition))                       \
				wait_result_ = 0;                              \
		}                                                              \
		wait_result_;                                                  \
	})

#define WAIT_EVENT(queue, condition)                                           \
	((void)WAIT_EVENT_DEADLINE(queue, condition, 0, WAIT_FOREVER))
#define WAIT_EVENT_INTERRUPTIBLE(queue, condition)                             \
	WAIT_EVENT_DEADLINE(queue, condition, WAIT_INTERRUPTIBLE, WAIT_FOREVER)
