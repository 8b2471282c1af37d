/* SPDX-License-Identifier: MIT */
/*
 * mutex.pml - a sleeping lock that is offered, and then handed over
 *
 * Stands for take(), queue_up(), take_in_turn(), give_up(), hand_over(),
 * lock_slowly() and mutex_unlock() of kernel/sync/mutex.c. THREADS threads lock
 * and unlock ROUNDS times; the last one waits interruptibly, and a signal comes
 * at any moment. Sleeping and waking are one step each here: sleep_wake.pml is
 * about them.
 *
 * Checked: never two inside (M1); everybody comes to the end, so nobody sleeps
 * for ever (M4); the mutex is free then, and nobody queued.
 *
 * Seeded bugs, each makes it fail:
 *   BUG_NO_RECHECK    sleep without trying once more after queueing up
 *   BUG_NO_FENCE      mutex_unlock() without its fence
 *   BUG_DROP_LOCK     hand_over() lets go of waiters.lock before it is done
 *   BUG_LOSE_OFFER    who gives up keeps the offer to itself
 *   BUG_OFFER_ONCE    who was passed over is not made the owner
 */
#include "memory.h"

#ifndef THREADS
#define THREADS 3
#endif
#ifndef ROUNDS
#define ROUNDS 1
#endif
#define NOBODY 255

byte owner = NOBODY;
bool contended;
byte waiters_lock;
chan waiters = [THREADS] of { byte };
bool offered[THREADS], passed_over[THREADS];
bool asleep[THREADS];
bool signalled;
byte inside, finished;

/* mutex_unlock() stores the owner; that store may be late. One at a time: only
 * the owner stores, and nobody becomes owner before it has arrived. */
bool late_free;

active proctype memory()
{
end:	do
	:: atomic { late_free -> owner = NOBODY; late_free = false }
	od
}

/* One atomic instruction. */
inline take(thread, success) {
	atomic {
		if
		:: owner == NOBODY -> owner = thread; success = true
		:: else -> success = false
		fi
	}
}

/* sched_wake() */
inline wake(thread) {
	asleep[thread] = false
}

inline leave_queue(thread) {
	d_step { waiters ?? eval(thread); contended = nempty(waiters) }
}

inline take_in_turn() {
	LOCK(waiters_lock);
	mine = (owner == me);
	if
	:: !mine ->
		take(me, mine);
		if
		:: mine -> leave_queue(me)
		:: else
		fi
	:: else
	fi;
	if
	:: offered[me] -> passed_over[me] = true
	:: else
	fi;
	UNLOCK(waiters_lock)
}

inline give_up() {
	LOCK(waiters_lock);
	gone = (owner != me);
	if
	:: gone -> leave_queue(me)
	:: else
	fi;
	UNLOCK(waiters_lock)
}

inline hand_over() {
	LOCK(waiters_lock);
	if
	:: nempty(waiters) ->
		waiters ? <first>;
#ifdef BUG_DROP_LOCK
		UNLOCK(waiters_lock);
#endif
		if
		:: !offered[first] || passed_over[first] ->
			offered[first] = true;
#ifndef BUG_OFFER_ONCE
			if
			:: passed_over[first] ->
				take(first, done);
				if
				:: done -> leave_queue(first)
				:: else
				fi
			:: else
			fi;
			wake(first)
#else
			if
			:: !passed_over[first] -> wake(first)
			:: else
			fi
#endif
		:: else
		fi
	:: else
	fi;
#ifndef BUG_DROP_LOCK
	UNLOCK(waiters_lock)
#else
	waiters_lock = 0
#endif
}

proctype thread(byte me)
{
	byte round, first;
	bool done, mine, gone;

	for (round : 1 .. ROUNDS) {
		take(me, mine);			/* mutex_lock() */
		gone = false;
		if
		:: mine
		:: else ->
			LOCK(waiters_lock);	/* queue_up() */
			offered[me] = false;
			passed_over[me] = false;
			waiters ! me;
			contended = true;
			UNLOCK(waiters_lock);
#ifdef BUG_NO_RECHECK
			asleep[me] = true;
			!asleep[me];
#endif
			do			/* lock_slowly() */
			::
				asleep[me] = true;
				/* its fence: nothing of ours is late */
				take_in_turn();
				if
				:: mine -> break
				:: else
				fi;
				if
				:: me == THREADS - 1 && signalled ->
					give_up();
					if
					:: gone ->
#ifndef BUG_LOSE_OFFER
						if
						:: owner == NOBODY -> hand_over()
						:: else
						fi;
#endif
						break
					:: else
					fi
				:: else
				fi;
				!asleep[me]	/* schedule() */
			od;
			asleep[me] = false;
			LOCK(waiters_lock);
			UNLOCK(waiters_lock)
		fi;
		if
		:: !gone ->
			inside++;
			assert(inside == 1 && owner == me);
			inside--;
			late_free = true;	/* mutex_unlock() */
#ifndef BUG_NO_FENCE
			!late_free;
#endif
			if
			:: contended -> !late_free; hand_over()
			:: else
			fi;
			!late_free
		:: else
		fi
	}
	finished++
}

/* As rouse(): the work first, then the wake-up. */
active proctype signal()
{
	signalled = true;
	wake(THREADS - 1)
}

init {
	byte i;

	atomic {
		for (i : 0 .. THREADS - 1) {
			run thread(i)
		}
	}
	finished == THREADS;
	assert(owner == NOBODY && empty(waiters))
}
