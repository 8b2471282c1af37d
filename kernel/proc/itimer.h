/* SPDX-License-Identifier: MIT */
/*
 * itimer.h - alarms of a process: setitimer(2) and timer_create(2)
 */
#pragma once

#include "kernel/lib/compiler.h"

struct posix_timer;
struct process;
struct thread;

/* Of a new process (none are inherited by fork). */
void process_timers_init(struct process *process);
/* The last thread ends: stop all. Context: thread, no lock held. */
void process_timers_exit(struct process *process);
/* exec(2): POSIX timers go, interval timers stay. */
void process_timers_exec(struct process *process);

/* The interval timers, as ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF. */
#define NUM_ITIMERS 3u

/* Until it fires (0: not armed), and the interval of repetition. */
struct itimer_value {
	uint64_t value_ns, interval_ns;
};
void itimer_get(struct process *process, unsigned int which,
		struct itimer_value *value);
/* @old may be NULL. */
void itimer_set(struct process *process, unsigned int which,
		const struct itimer_value *value, struct itimer_value *old);
