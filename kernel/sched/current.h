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

/* This thread only, interrupts off. */
struct thread_irq {
	unsigned int depth; /* interrupts_off_enter() sections open */
	bool was_on;        /* interrupts before the outermost one */
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
