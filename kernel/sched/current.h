/* SPDX-License-Identifier: MIT */
/*
 * current.h - the running thread, and its count of interrupts-off sections
 *
 * Apart from thread.h so that spinlock.h can use it without knowing what a
 * thread is. Every struct thread begins with a struct arch_thread and a
 * struct thread_irq (asserted in thread.h).
 */
#pragma once

#include <arch/thread.h>
#include "kernel/lib/compiler.h"

struct thread;

/* What the outermost interrupts_off_leave() is to do. */
enum irq_after {
	IRQ_STAY_OFF = 0,
	IRQ_TURN_ON = 1,
	/* Negative: other harts are to be interrupted first (owe_ipis()). */
	IRQ_OWED_TURN_ON = -1,
	IRQ_OWED_STAY_OFF = -2,
};

/* This thread only, interrupts off. */
struct thread_irq {
	unsigned int depth; /* interrupts_off_enter() sections open */
	signed char after;  /* enum irq_after */
	/* Apart from that: read_enter() sections open (sync/deferred.h), and
	 * that an interrupt wanted to preempt one. */
	bool preempt_late;
	unsigned int reading;
};

/* The thread that runs this code: a register, so it survives migration. */
static inline struct thread *current(void)
{
	return arch_current();
}

static inline struct thread_irq *current_irq(void)
{
	return (struct thread_irq *)((uintptr_t)arch_current() +
				     sizeof(struct arch_thread));
}
