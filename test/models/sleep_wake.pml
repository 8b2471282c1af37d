/* SPDX-License-Identifier: MIT */
/*
 * sleep_wake.pml - waiting for a condition, and waking who waits
 *
 * Stands for wait_begin(), wait_sleep(), wait_end() and wake_queue() of
 * kernel/sync/wait.c, and schedule(), sched_wake() of kernel/sched/schedule.c.
 * One thread waits ROUNDS times for a condition that another hart makes true.
 *
 * Checked: no lost wake-up (the sleeper comes to its end: no invalid end state),
 * and a thread is put on a run queue only when it is off its hart.
 *
 * Seeded bugs, each makes it fail:
 *   BUG_NO_RECHECK    look at the condition before saying "I sleep", not after
 *   BUG_LATE_QUEUE    queue up after the look: the waker sees nobody
 *   BUG_NO_FENCE      no fence between saying so and looking
 *   BUG_WAKER_FENCE   no fence between making it true and looking for sleepers
 */
#include "memory.h"

#ifndef ROUNDS
#define ROUNDS 2
#endif

mtype = { RUNNING, SLEEPING, READY };

/* The thread. */
mtype state = RUNNING;
bool on_hart = true;
/* wait_queue, run_queue */
byte wait_lock, rq_lock;
bool queued_to_wait;
/* What it waits for: how often it was made true. */
byte condition;

/* Stores that have not arrived. */
bool late_state, late_condition, late_queued;
mtype next_state;
byte next_condition;

active proctype memory()
{
end:	do
	:: atomic { late_state -> state = next_state; late_state = false }
	:: atomic { late_condition -> condition = next_condition; late_condition = false }
	od
}

/* A hart sees its own stores at once. */
#define MY_STATE	(late_state -> next_state : state)

inline set_own_state(s) {
	!late_state;	/* one place in the buffer */
	d_step { next_state = s; late_state = true }
}

/* wait_add(), wait_remove() */
inline queue_up(yes) {
	LOCK(wait_lock);
	queued_to_wait = yes;
	!late_state;		/* the release of the lock */
	UNLOCK(wait_lock)
}

/* schedule(), in a thread that has said that it sleeps; then its next turn. */
inline schedule_me() {
	LOCK(rq_lock);
	if
	:: MY_STATE == SLEEPING ->	/* next_after_sleeper(), switch_to() */
		!late_state;
		on_hart = false;	/* finish_switch() */
		UNLOCK(rq_lock);
		/* ... until somebody has put it on the queue and it is picked */
		atomic { state == READY -> state = RUNNING; assert(!on_hart); on_hart = true }
	:: else ->			/* next_after_ready(), at once again */
		!late_state;
		UNLOCK(rq_lock)
	fi
}

active proctype sleeper()
{
	byte round;

	for (round : 1 .. ROUNDS) {
#ifndef BUG_LATE_QUEUE
		queue_up(true);			/* wait_begin() */
#endif
		do
		::
#ifdef BUG_NO_RECHECK
			if
			:: condition >= round -> break
			:: else
			fi;
#endif
			set_own_state(SLEEPING);	/* set_state() */
#ifndef BUG_NO_FENCE
			!late_state;			/* its fence */
#endif
#ifndef BUG_NO_RECHECK
			if
			:: condition >= round -> break	/* WAIT_EVENT */
			:: else
			fi;
#endif
#ifdef BUG_LATE_QUEUE
			queue_up(true);
#endif
			schedule_me()			/* wait_sleep() */
		od;
		set_own_state(RUNNING);			/* wait_end() */
		queue_up(false)
	}
}

/* sched_wake() */
inline wake_thread() {
	/* its fence: nothing of ours is late when we come here by wake_queue() */
	if
	:: state == SLEEPING ->
		LOCK(rq_lock);
		if
		:: on_hart ->	/* call_back() */
			atomic {
				if
				:: state == SLEEPING -> state = RUNNING
				:: else
				fi
			}
		:: !on_hart && state == SLEEPING ->
			state = READY	/* sched_place() */
		:: else
		fi;
		UNLOCK(rq_lock)
	:: else
	fi
}

active proctype waker()
{
	byte round;

	for (round : 1 .. ROUNDS) {
		!late_condition;
		d_step { next_condition = round; late_condition = true }
#ifndef BUG_WAKER_FENCE
		!late_condition;	/* the fence of wake_queue() */
#endif
		if
		:: queued_to_wait ->	/* wait_queue_idle() */
			LOCK(wait_lock);
			if
			:: queued_to_wait -> wake_thread()
			:: else
			fi;
			!late_condition;
			UNLOCK(wait_lock)
		:: else
		fi
	}
}
