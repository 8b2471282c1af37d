/* SPDX-License-Identifier: MIT */
/*
 * run_queue.pml - run queues, the switch, stealing, and harts that wait
 *
 * Stands for schedule(), switch_to(), finish_switch(), place() and idle_loop()
 * of kernel/sched/schedule.c, and sched_look_for_work(), steal(), sched_offer()
 * and sched_found_work() of kernel/sched/steal.c. HARTS harts share THREADS
 * threads. Thread 0 makes the others ready, on the queue of its own hart, and
 * then either ends or computes, without a pause, until they all have ended: who
 * is not taken by another hart waits for ever. The others take STEPS turns each;
 * between two turns they are preempted.
 *
 * Checked: no thread is started on a hart before its registers are saved (no
 * double run); each hart has its own current thread; when all harts wait, no
 * thread is ready on any queue (nobody waits while a hart idles).
 *
 * Seeded bugs, each makes it fail:
 *   BUG_DROP_LOCK     let go of the run queue's lock before the switch
 *   BUG_NO_FENCE      sched_look_for_work() without its fence
 *   BUG_OFFER_FENCE   sched_offer() without its fence
 *   BUG_NO_OFFER      queue a thread without telling anybody
 */
#include "memory.h"

#ifndef HARTS
#define HARTS 2
#endif
#ifndef THREADS
#define THREADS 3
#endif
#ifndef STEPS
#define STEPS 2
#endif
#define NOBODY 255

byte lock[HARTS];
chan queue0 = [THREADS] of { byte };
chan queue1 = [THREADS] of { byte };
#if HARTS > 2
chan queue2 = [THREADS] of { byte };
#endif
chan ready[HARTS];
bool idle_bit[HARTS];		/* sched_idle_harts */
bool ipi[HARTS];		/* pending */
bool saved[THREADS] = true;	/* its registers are in the context */
byte turns[THREADS], ended;
byte num_ready[HARTS];		/* what others see without the lock */

/* Stores that have not arrived: the idle bit, and a queue's length. */
bool late_bit[HARTS], late_length[HARTS];

proctype memory()
{
	byte i;
end:	do
	:: atomic { late_bit[0] -> idle_bit[0] = true; late_bit[0] = false }
	:: atomic { late_bit[1] -> idle_bit[1] = true; late_bit[1] = false }
	:: atomic { late_length[0] -> num_ready[0] = len(ready[0]); late_length[0] = false }
	:: atomic { late_length[1] -> num_ready[1] = len(ready[1]); late_length[1] = false }
#if HARTS > 2
	:: atomic { late_bit[2] -> idle_bit[2] = true; late_bit[2] = false }
	:: atomic { late_length[2] -> num_ready[2] = len(ready[2]); late_length[2] = false }
#endif
	od
}

inline changed_length(h) {
	late_length[h] = true
}

inline unlock_queue(h) {
	!late_length[h];	/* the release */
	UNLOCK(lock[h])
}

/* tell_hart() -> sched_offer(), the queue's lock held. */
inline offer(h) {
#ifndef BUG_NO_OFFER
#ifndef BUG_OFFER_FENCE
	!late_length[h];
#endif
	other = 0;
	do
	:: other < HARTS && idle_bit[other] ->
		atomic {
			if
			:: idle_bit[other] -> idle_bit[other] = false; ipi[other] = true
			:: else
			fi
		};
		break
	:: other < HARTS && !idle_bit[other] -> other++
	:: other == HARTS -> break
	od
#else
	skip
#endif
}

/* steal(): from the first other queue that has something */
inline steal(me) {
	other = 0;
	stolen = NOBODY;
	do
	:: other < HARTS && (other == me || num_ready[other] == 0) -> other++
	:: other < HARTS && other != me && num_ready[other] > 0 ->
		LOCK(lock[other]);
		if
		:: nempty(ready[other]) ->
			ready[other] ? stolen;
			changed_length(other)
		:: else
		fi;
		unlock_queue(other);
		if
		:: stolen != NOBODY -> break
		:: else -> other++
		fi
	:: other == HARTS -> break
	od;
	if
	:: stolen != NOBODY ->
		LOCK(lock[me]);
		ready[me] ! stolen;
		changed_length(me);
		unlock_queue(me)
	:: else
	fi
}

proctype hart(byte me)
{
	byte current = NOBODY, prev, other, stolen, i;

	do
	:: current == NOBODY ->			/* idle_loop() */
		late_bit[me] = true;		/* sched_look_for_work() */
#ifndef BUG_NO_FENCE
		!late_bit[me];
#endif
		steal(me);
endwfi:		do				/* arch_wait_for_interrupt() */
		:: len(ready[me]) > 0 -> break
		:: ipi[me] -> ipi[me] = false; break
		od;
		!late_bit[me];
		idle_bit[me] = false;		/* sched_found_work() */
		goto choose
	:: current != NOBODY ->			/* the thread runs a little */
		if
		:: current == 0 ->		/* sched_start(), place() */
			i = 1;
			do
			:: i < THREADS ->
				LOCK(lock[me]);
				ready[me] ! i;
				changed_length(me);
				offer(me);
				unlock_queue(me);
				i++
			:: i == THREADS -> break
			od;
			if
			:: true -> ended == THREADS - 1
			:: true -> skip
			fi;
			turns[0] = STEPS - 1
		:: else
		fi;
		turns[current]++;
		if
		:: turns[current] == STEPS -> ended++
		:: else
		fi;
choose:		LOCK(lock[me]);			/* schedule() */
		prev = current;
		if
		:: prev != NOBODY && turns[prev] < STEPS ->
			ready[me] ! prev;	/* next_after_ready() */
			changed_length(me);
			offer(me)
		:: else
		fi;
		if
		:: ready[me] ? current -> changed_length(me)
		:: empty(ready[me]) -> current = NOBODY
		fi;
#ifdef BUG_DROP_LOCK
		unlock_queue(me);
#endif
		/* switch_to(): save prev's registers, load those of current */
		if
		:: prev != NOBODY -> saved[prev] = true
		:: else
		fi;
		if
		:: current != NOBODY ->
			d_step { assert(saved[current]); saved[current] = false }
		:: else
		fi;
#ifndef BUG_DROP_LOCK
		unlock_queue(me)		/* finish_switch() */
#else
		skip
#endif
	od
}

/* When nothing more happens: nobody is left on a queue. */
proctype watch()
{
	byte i;

	timeout;
	for (i : 0 .. HARTS - 1) {
		assert(len(ready[i]) == 0)
	}
	for (i : 0 .. THREADS - 1) {
		assert(turns[i] == STEPS)
	}
}

init {
	byte i;

	atomic {
		ready[0] = queue0;
		ready[1] = queue1;
#if HARTS > 2
		ready[2] = queue2;
#endif
		ready[0] ! 0;
		num_ready[0] = 1;
		run memory();
		run watch();
		for (i : 0 .. HARTS - 1) {
			run hart(i)
		}
	}
}
