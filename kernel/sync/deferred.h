/* SPDX-License-Identifier: MIT */
/*
 * deferred.h - reading without locks: what was taken out is freed later
 *
 * Idea: data that is read all the time and changed seldom (names, tables of
 * descriptors) is read with no lock at all, between read_enter() and
 * read_leave(). Who takes something out does not free it, but has it freed when
 * every reader that may have seen it is done. The field calls this read-copy
 * update; this kind, quiescent-state based reclamation.
 *
 * The rule for readers: threads only; no sleep and no user memory inside (debug
 * builds panic); what is found is there until read_leave(), and longer only
 * with a reference that refcount_get_unless_zero() gave. Spinlocks may be taken.
 * The rule for writers: a lock of their own among each other; what is put in is
 * complete before it can be found (release); what is taken out can be found by
 * nobody new before deferred_call().
 *
 * Cost: six instructions for a reader, none of them atomic. A free waits for
 * some 10 ms, sooner when many wait; each round interrupts the other harts that
 * run something, once. With one hart there is nobody to wait for.
 */
#pragma once

#include "kernel/sync/spinlock.h"

/* Part of what is to be freed. */
struct deferred {
	struct deferred *next;
	void (*free)(struct deferred *deferred);
};

/* The thread keeps its hart meanwhile: who is off all harts reads nothing. */
static inline void read_enter(void)
{
	current_irq()->reading++;
	__asm__ volatile("" : : : "memory");
}

/* A preemption came meanwhile, and waits: schedule.c. */
void read_left_late(void);

static inline void read_leave(void)
{
	struct thread_irq *irq = current_irq();

	__asm__ volatile("" : : : "memory");
	irq->reading--;
	/* An interrupt from here on preempts by itself. */
	__asm__ volatile("" : : : "memory");
	if (unlikely(irq->preempt_late) && irq->reading == 0)
		read_left_late();
}

static inline bool is_reading(void)
{
	return current_irq()->reading > 0;
}

/*
 * Call @free(@deferred) when all present readers are done. It must not sleep,
 * and take no lock but those of memory (slab_free(), kfree()).
 *
 * Context: thread, any; with locks up to LOCK_TIMER.
 */
void deferred_call(struct deferred *deferred,
		   void (*free)(struct deferred *deferred));
/*
 * All present readers are done, and all that was deferred before is freed.
 * Context: thread, sleeps.
 */
void deferred_wait(void);
/* Boot: the thread that frees. */
void deferred_start(void);
