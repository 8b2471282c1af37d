/* SPDX-License-Identifier: MIT */
/*
 * itimer.h - alarms of a process: setitimer(2) and timer_create(2)
 */
#pragma once

#include "kernel/lib/compiler.h"

struct process;
struct timer;

/* Of a new process (none are inherited by fork). */
void process_timers_init(struct process *process);
/* The last thread ends: stop all. Context: thread, no lock held. */
void process_timers_exit(struct process *process);
/* exec(2): POSIX timers go, interval timers stay. */
void process_timers_exec(struct process *process);

/* Until it fires (0: not armed), and the interval of repetition. */
struct itimer_value {
	uint64_t value_ns, interval_ns;
};

/* @which: ITIMER_REAL, ITIMER_VIRTUAL or ITIMER_PROF; of the current process. */
void itimer_get(int which, struct itimer_value *value);
void itimer_set(int which, const struct itimer_value *value,
		struct itimer_value *old);

/* RLIMIT_CPU was set, or inherited by a new process that is about to run:
 * watch it. Context: thread, no lock held. */
void itimer_limit_changed(struct process *process);

/* For signal_pending.c, process.lock held: SIGALRM was taken, so the timer may
 * fire again. */
void itimer_signal_taken(struct process *process);

/*
 * The first of the moments @start + n * @interval that is after now; *@missed
 * is how many others came since @start.
 */
uint64_t timer_next_after(uint64_t start_ns, uint64_t interval_ns,
			  uint64_t now_ns, uint64_t *missed);
/*
 * The signal of a periodic @timer was taken @now, so it may fire again: when it
 * is due next, but not so soon that the program would only take signals.
 */
void timer_start_next(struct timer *timer, uint64_t due_ns, uint64_t now_ns);
