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

/*
 * This thread only. While it is in a section (depth > 0), interrupts that come
 * are put off, not by the hart but by the trap handler: it notes that one came,
 * turns them off in the hart, and returns; the end of the outermost section
 * turns them on again, and the interrupt comes anew. So a section in which none
 * comes, which is nearly every one, costs two stores.
 *
 * Bytes, because an interrupt may write the first while we write the second.
 */
struct thread_irq {
	unsigned int depth; /* interrupts_off_enter() sections open */
	union {
		struct {
			bool interrupts; /* one came: turn them on */
			bool ipis;       /* interrupt other harts */
			bool stay_off;   /* leave them off in the hart */
		};
		uint32_t any;
	} owed; /* what the end of the outermost section has to do */
	/* Apart from that: read_enter() sections open (sync/deferred.h), and
	 * that an interrupt wanted to preempt one. */
	unsigned int reading;
	bool preempt_late;
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
