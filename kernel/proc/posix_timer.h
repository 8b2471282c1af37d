/* SPDX-License-Identifier: MIT */
/*
 * posix_timer.h - timers that a program makes: timer_create(2)
 */
#pragma once

#include "kernel/abi/signal.h"
#include "kernel/lib/compiler.h"

struct posix_timer;
struct process;

/* In ns; as struct itimerspec. */
struct posix_timer_value {
	uint64_t value_ns, interval_ns;
};

/*
 * All of the current process. @clock: CLOCK_*; @event NULL: SIGALRM with the
 * timer's number. 0 with *@id; -EINVAL, -EOPNOTSUPP, -EAGAIN, -ENOMEM.
 */
int posix_timer_create(int clock, const struct sigevent *event, int *id);
/* 0, or -EINVAL: no such timer. */
int posix_timer_delete(int id);
/* @absolute: value_ns is a time of the timer's clock. */
int posix_timer_set(int id, bool absolute,
		    const struct posix_timer_value *value,
		    struct posix_timer_value *old);
int posix_timer_get(int id, struct posix_timer_value *value);
/* The number, or -EINVAL. */
int posix_timer_overrun(int id);

/* exec and exit. */
void posix_timers_delete_all(struct process *process);

/* For signal_pending.c, process.lock held: its signal was taken. */
void posix_timer_signal_taken(struct posix_timer *timer,
			      struct short_siginfo *info);
