/* SPDX-License-Identifier: MIT */
/*
 * mutex.c - locks that may be held across a sleep
 *
 * Idea: free and uncontended, locking and unlocking are one atomic instruction
 * each on the owner word. Who finds it taken by a thread that runs on another
 * hart spins for a while: most sections are shorter than a sleep. Else it queues
 * up, says so in `contended`, and sleeps. The unlocker wakes the first in the
 * queue (offered). Until that one runs, others may take the mutex: if it always
 * went straight to the sleeper, each section of a busy mutex would last as long
 * as a wake-up. But if the first comes too late (passed_over), the next unlocker
 * makes it the owner: who waits is served in order and loses at most one race.
 *
 * Invariants
 *   M1  owner is the thread inside, NULL when free.
 *   M2  contended is set whenever somebody is queued.
 *   M3  A queued thread is taken off by whoever makes it the owner (itself or
 *       another), under waiters.lock.
 *   M4  While the mutex is free and somebody is queued, the first in the queue
 *       is offered (so awake, on its way to take_in_turn()), or somebody is on
 *       the way to hand_over().
 *
 * A newcomer may slip in between an unlock and the hand-over; it then does the
 * hand-over when it leaves, since contended is still set.
 *
 * Locks: waiters.lock guards the queue; it is the only one taken inside.
 * Read: OSTEP ch. 28 (locks), "sleeping instead of spinning".
 */
#include "kernel/sync/mutex.h"
#include <arch/hart.h>
#include "kernel/abi/errno.h"
#include "kernel/sched/sched.h"

/* Looks at the owner before a thread goes to sleep: some 10 us. */
#define MAX_SPINS 1000

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

/* A thread in the queue; on its stack. */
struct mutex_waiter {
	struct waiter waiter;
	/* Under waiters.lock: it was woken because the mutex was free; it came
	 * and somebody else had it, so next time it is made the owner. */
	bool offered;
	bool passed_over;
};

static void queue_up(struct mutex *mutex, struct mutex_waiter *me)
{
	waiter_init(&me->waiter);
	me->offered = me->passed_over = false;
	spin_lock(&mutex->waiters.lock);
	list_push_back(&mutex->waiters.waiters, &me->waiter.node);
	WRITE_ONCE(mutex->contended, true);
	spin_unlock(&mutex->waiters.lock);
}

/* Off the queue (keeps M2); waiters.lock is held. */
static void leave_queue(struct mutex *mutex, struct mutex_waiter *waiter)
{
	list_remove(&waiter->waiter.node);
	WRITE_ONCE(mutex->contended, !list_empty(&mutex->waiters.waiters));
}

/* Off the queue without the lock; false if we were made owner meanwhile. */
static bool give_up(struct mutex *mutex, struct mutex_waiter *me)
{
	bool was_queued;

	spin_lock(&mutex->waiters.lock);
	was_queued = !mutex_is_mine(mutex);
	if (was_queued)
		leave_queue(mutex, me);
	spin_unlock(&mutex->waiters.lock);
	return was_queued;
}

/* In the queue: take the mutex if it is free. */
static bool take_in_turn(struct mutex *mutex, struct mutex_waiter *me)
{
	bool mine;

	spin_lock(&mutex->waiters.lock);
	mine = mutex_is_mine(mutex);
	if (!mine && take(mutex, current())) {
		leave_queue(mutex, me);
		mine = true;
	}
	if (me->offered)
		me->passed_over = true;
	spin_unlock(&mutex->waiters.lock);
	return mine;
}

/*
 * The mutex was freed: offer it to the first in the queue; if that was passed
 * over before, make it the owner, unless somebody slipped in.
 */
static void hand_over(struct mutex *mutex)
{
	struct list_head *queue = &mutex->waiters.waiters;

	spin_lock(&mutex->waiters.lock);
	if (!list_empty(queue)) {
		struct mutex_waiter *first =
			list_first(queue, struct mutex_waiter, waiter.node);
		struct thread *thread = first->waiter.thread;

		if (!first->offered || first->passed_over) {
			first->offered = true;
			/* The new owner waits for the lock we hold before
			 * *first, which is on its stack, goes. */
			if (first->passed_over && take(mutex, thread))
				leave_queue(mutex, first);
			sched_wake(thread, THREAD_ANY_SLEEP);
		}
	}
	spin_unlock(&mutex->waiters.lock);
}

/*
 * The owner runs on another hart: it will soon be done, sooner than we could
 * sleep and be woken. Returns whether we own the mutex.
 */
static bool spin_for(struct mutex *mutex)
{
	for (unsigned int i = 0; i < MAX_SPINS; i++) {
		struct thread *owner = READ_ONCE(mutex->owner);

		if (!owner) {
			if (take(mutex, current()))
				return true;
			continue;
		}
		/* It may have ended by now: what is read then (a byte, as it
		 * need not be a bool any more) decides only whether we go on
		 * trying. */
		if (!READ_ONCE(*(const uint8_t *)&owner->sched.on_hart) ||
		    READ_ONCE(current()->work) || READ_ONCE(mutex->contended))
			return false;
		arch_spin_hint();
	}
	return false;
}

/* 0 as the owner, or -ERESTARTSYS when interruptible. */
static __noinline int lock_slowly(struct mutex *mutex, bool interruptible)
{
	unsigned int asleep =
		interruptible ? THREAD_INTERRUPTIBLE : THREAD_SLEEPING;
	struct mutex_waiter me;
	int err = 0;

	if (sched_other_harts && spin_for(mutex))
		return 0;
	queue_up(mutex, &me);
	for (;;) {
		WRITE_ONCE(current()->state, asleep);
		/* State before owner; pairs with the fence in mutex_unlock()
		 * and the one in sched_wake(). */
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		if (take_in_turn(mutex, &me))
			break;
		if (interruptible &&
		    thread_has_work(current(), WORK_SIGNAL | WORK_KILL) &&
		    give_up(mutex, &me)) {
			/* If it was free, it was offered to us (M4). */
			if (!READ_ONCE(mutex->owner))
				hand_over(mutex);
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
	bool waits;

	might_sleep();
	if (CONFIG_DEBUG)
		lock_check_acquire(mutex, mutex->rank);
	debug_assert(!mutex_is_mine(mutex));
	waits = !take(mutex, current());
	if (CONFIG_DEBUG)
		lock_stats_count(mutex->rank, waits, 0);
	if (unlikely(waits))
		lock_slowly(mutex, false);
}

int mutex_lock_interruptible(struct mutex *mutex)
{
	bool waits;

	might_sleep();
	debug_assert(!mutex_is_mine(mutex));
	waits = !take(mutex, current());
	if (unlikely(waits)) {
		int err = lock_slowly(mutex, true);

		if (err)
			return err;
	}
	if (CONFIG_DEBUG) {
		lock_check_acquire(mutex, mutex->rank);
		lock_stats_count(mutex->rank, waits, 0);
	}
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
	STORE_RELEASE(mutex->owner, NULL);
	/* Free before contended; pairs with the fence in lock_slowly(). */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (unlikely(READ_ONCE(mutex->contended)))
		hand_over(mutex);
}
