/* SPDX-License-Identifier: MIT */
/*
 * mutex.c - locks that may be held across a sleep
 *
 * Idea: free and uncontended, locking and unlocking are one atomic instruction
 * each on the owner word. Who finds it taken queues up, says so in
 * `contended`, and sleeps until the unlocker makes it the owner: who waits is
 * served in order, and never has to race again once woken.
 *
 * Invariants
 *   M1  owner is the thread inside, NULL when free.
 *   M2  contended is set whenever somebody is queued.
 *   M3  A queued thread is taken off by whoever makes it the owner, under
 *       waiters.lock.
 *
 * A newcomer may slip in between an unlock and the hand-over; it then does the
 * hand-over when it leaves, since contended is still set.
 *
 * Locks: waiters.lock guards the queue; it is the only one taken inside.
 * Read: OSTEP ch. 28 (locks), "sleeping instead of spinning".
 */
#include "kernel/sync/mutex.h"
#include "kernel/abi/errno.h"
#include "kernel/sched/sched.h"

void mutex_init(struct mutex *mutex, enum lock_rank rank)
{
	mutex->owner = NULL;
	mutex->rank = rank;
	mutex->contended = false;
	wait_queue_init(&mutex->waiters);
}

/* M1: free -> @thread's. */
static bool take(struct mutex *mutex, struct thread *thread)
{
	struct thread *free = NULL;

	/* pairs with the release in mutex_unlock() */
	return __atomic_compare_exchange_n(&mutex->owner, &free, thread, false,
					   __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

static void queue_up(struct mutex *mutex, struct waiter *waiter)
{
	waiter_init(waiter);
	spin_lock(&mutex->waiters.lock);
	list_push_back(&mutex->waiters.waiters, &waiter->node);
	WRITE_ONCE(mutex->contended, true);
	spin_unlock(&mutex->waiters.lock);
}

/* Off the queue without the lock; false if we were made owner meanwhile. */
static bool give_up(struct mutex *mutex, struct waiter *waiter)
{
	bool was_queued;

	spin_lock(&mutex->waiters.lock);
	was_queued = !mutex_is_mine(mutex);
	if (was_queued) {
		list_remove(&waiter->node);
		WRITE_ONCE(mutex->contended,
			   !list_empty(&mutex->waiters.waiters));
	}
	spin_unlock(&mutex->waiters.lock);
	return was_queued;
}

/* Make the first in the queue the owner, unless somebody slipped in (M3). */
static void hand_over(struct mutex *mutex)
{
	struct list_head *queue = &mutex->waiters.waiters;

	spin_lock(&mutex->waiters.lock);
	if (!list_empty(queue)) {
		struct waiter *first = list_first(queue, struct waiter, node);
		struct thread *thread = first->thread;

		/* Once its thread is the owner, *first may be gone. */
		list_remove(&first->node);
		if (take(mutex, thread)) {
			WRITE_ONCE(mutex->contended, !list_empty(queue));
			sched_wake(thread, THREAD_ANY_SLEEP);
		} else {
			list_push_front(queue, &first->node);
		}
	}
	spin_unlock(&mutex->waiters.lock);
}

/* 0 as the owner, or -ERESTARTSYS when interruptible. */
static __noinline int lock_slowly(struct mutex *mutex, bool interruptible)
{
	unsigned int asleep =
		interruptible ? THREAD_INTERRUPTIBLE : THREAD_SLEEPING;
	struct waiter waiter;
	int err = 0;

	queue_up(mutex, &waiter);
	for (;;) {
		WRITE_ONCE(current()->state, asleep);
		/* State before owner; pairs with the fence in mutex_unlock()
		 * and the one in sched_wake(). */
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		if (mutex_is_mine(mutex))
			break;
		/* Freed before it could see us: hand it over ourselves. */
		if (!READ_ONCE(mutex->owner))
			hand_over(mutex);
		if (interruptible &&
		    thread_has_work(current(), WORK_SIGNAL | WORK_KILL) &&
		    give_up(mutex, &waiter)) {
			err = -ERESTARTSYS;
			break;
		}
		schedule();
	}
	WRITE_ONCE(current()->state, THREAD_RUNNING);
	/* Who made us the owner may still be about to wake us: let it finish
	 * before this thread goes its way (and perhaps ends). */
	spin_lock(&mutex->waiters.lock);
	spin_unlock(&mutex->waiters.lock);
	return err;
}

void mutex_lock(struct mutex *mutex) UNCHECKED_LOCKING
{
	might_sleep();
	if (CONFIG_DEBUG)
		lock_check_acquire(mutex, mutex->rank);
	debug_assert(!mutex_is_mine(mutex));
	if (unlikely(!take(mutex, current())))
		lock_slowly(mutex, false);
}

int mutex_lock_interruptible(struct mutex *mutex)
{
	might_sleep();
	debug_assert(!mutex_is_mine(mutex));
	if (unlikely(!take(mutex, current()))) {
		int err = lock_slowly(mutex, true);

		if (err)
			return err;
	}
	if (CONFIG_DEBUG)
		lock_check_acquire(mutex, mutex->rank);
	return 0;
}

bool mutex_trylock(struct mutex *mutex) UNCHECKED_LOCKING
{
	if (!take(mutex, current()))
		return false;
	if (CONFIG_DEBUG)
		lock_check_acquire(mutex, LOCK_ANY_ORDER | mutex->rank);
	return true;
}

void mutex_unlock(struct mutex *mutex) UNCHECKED_LOCKING
{
	debug_assert(mutex_is_mine(mutex));
	if (CONFIG_DEBUG)
		lock_check_release(mutex, mutex->rank);
	/* pairs with the acquire in take() */
	__atomic_store_n(&mutex->owner, NULL, __ATOMIC_RELEASE);
	/* Free before contended; pairs with the fence in lock_slowly(). */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (unlikely(READ_ONCE(mutex->contended)))
		hand_over(mutex);
}
