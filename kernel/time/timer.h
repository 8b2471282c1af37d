/* SPDX-License-Identifier: MIT */
/*
 * timer.h - something to do at a given time
 *
 * Each hart keeps its timers in a tree by deadline and arms the hardware for
 * the earliest (one-shot). Callbacks run from the timer interrupt, interrupts
 * off, no timer lock held; they may start the timer again.
 */
#pragma once

#include "kernel/lib/rbtree.h"

struct timer {
	struct rb_node node; /* on hart's queue while queued; its lock */
	uint64_t deadline_ns;
	void (*fn)(struct timer *timer);
	unsigned int hart;
	bool queued;
	bool started; /* at any time: else there is nothing to cancel */
};

void timer_init(struct timer *timer, void (*fn)(struct timer *timer));
/* (Re)start; @deadline_ns on the monotonic clock. Any context. */
void timer_start(struct timer *timer, uint64_t deadline_ns);
/*
 * Returns true if it had not yet run. When false it may be running on another
 * hart: timer_cancel_sync() waits for that (thread context or same hart).
 */
bool timer_cancel(struct timer *timer);
bool timer_cancel_sync(struct timer *timer);

/* Boot: after memory_init() and clock_init(). */
void timers_init(void);
/*
 * This hart stops: its timers go to hart @to, which must be told to look
 * (timers_look()). Interrupts off.
 */
void timers_leave_hart(unsigned int to);
/* Others may have given timers to this hart; interrupts off. */
void timers_look(void);
/* How many timer interrupts a hart has had. */
uint64_t timer_interrupts(unsigned int hart_index);
/* The timer interrupt, through arch_entry.h: run what is due, arm the next. */
void timers_interrupt(void);
/*
 * The scheduler's own deadline on this hart (end of the quantum), kept apart
 * because it moves at every switch. UINT64_MAX: none. Takes no lock, since it
 * is called with a run queue's held; interrupts are off. At the deadline, and
 * only then, the timer interrupt calls sched_tick().
 */
void timers_set_quantum_end(uint64_t deadline_ns);
