/* SPDX-License-Identifier: MIT */
/*
 * spinlock.h - short critical sections between harts and interrupts
 *
 * Idea: who holds a spinlock is not interrupted, so no lock can be wanted by an
 * interrupt handler that interrupted its holder. A count in the thread remembers
 * how many are held, so they may be released in any order; an interrupt that
 * finds it not 0 is put off (struct thread_irq).
 * Never sleep with one held (might_sleep() checks in debug builds).
 * Read: OSTEP ch. 28 (locks).
 */
#pragma once

#include <arch/hart.h>
#include "kernel/debug/panic.h"
#include "kernel/lib/compiler.h"
#include "kernel/sched/current.h"
#include "kernel/sync/annotate.h"
#include "kernel/sync/lock_order.h"
#include "kernel/sync/lock_stats.h"

struct LOCKABLE spinlock {
	unsigned int locked; /* atomic; 1 while held */
	uint16_t rank;       /* enum lock_rank; fixed */
	uint16_t last_hart;  /* debug builds, under the lock: who had it last */
};

#define SPINLOCK_INIT(r)                                                       \
	{                                                                      \
		.locked = 0, .rank = (r)                                       \
	}

static inline void spin_init(struct spinlock *lock, enum lock_rank rank)
{
	lock->locked = 0;
	lock->rank = (uint16_t)rank;
	lock->last_hart = 0;
}

/* Or-ed to the rank of a lock that was only tried: no order to keep. */
#define LOCK_ANY_ORDER 0x80000000u

/* Checked in debug builds; see sync/lock_check.c. */
void lock_check_acquire(const void *lock, unsigned int rank);
void lock_check_release(const void *lock, unsigned int rank);

/*
 * No interrupt is handled on this hart, and the thread stays on it, until the
 * matching leave; nests. Any context.
 */
static force_inline void interrupts_off_enter(void)
{
	struct thread_irq *irq = current_irq();

	WRITE_ONCE(irq->depth, irq->depth + 1);
	/* What follows is in the section, also for the trap handler. */
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

static force_inline void interrupts_off_leave(void)
{
	struct thread_irq *irq = current_irq();

	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	WRITE_ONCE(irq->depth, irq->depth - 1);
	/* An interrupt that comes now is handled at once, or was noted before. */
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	if (unlikely(READ_ONCE(irq->owed.any)))
		arch_call_interrupts_off_pay();
}

/* Debug builds: look at @lock until it is ours, and count. */
static inline void spin_counted(struct spinlock *lock)
{
	uint64_t spins = 0;

	/* pairs with the release in spin_let_go() */
	while (__atomic_exchange_n(&lock->locked, 1, __ATOMIC_ACQUIRE)) {
		while (READ_ONCE(lock->locked)) {
			arch_spin_hint();
			spins++;
		}
		spins++;
	}
	lock_stats_count(lock->rank, spins > 0, spins);
	if (lock->last_hart != arch_hart_index()) {
		lock->last_hart = (uint16_t)arch_hart_index();
		lock_stats_moved(lock->rank);
	}
}

/* The lock by itself, with interrupts off already, and unchecked: for who takes
 * one of many that count as one (kernel/proc/process_tree.c). */
static inline void spin_take(struct spinlock *lock)
{
	if (CONFIG_DEBUG) {
		spin_counted(lock);
		return;
	}
	/* pairs with the release in spin_let_go() */
	while (__atomic_exchange_n(&lock->locked, 1, __ATOMIC_ACQUIRE)) {
		while (READ_ONCE(lock->locked))
			arch_spin_hint();
	}
}

static inline void spin_let_go(struct spinlock *lock)
{
	/* pairs with the acquire in spin_take() and spin_trylock() */
	STORE_RELEASE(lock->locked, 0);
}

static inline void spin_lock(struct spinlock *lock)
	ACQUIRES(lock) UNCHECKED_LOCKING
{
	interrupts_off_enter();
	if (CONFIG_DEBUG)
		lock_check_acquire(lock, lock->rank);
	spin_take(lock);
}

static inline bool spin_trylock(struct spinlock *lock)
	TRY_ACQUIRES(lock) UNCHECKED_LOCKING
{
	interrupts_off_enter();
	if (__atomic_exchange_n(&lock->locked, 1, __ATOMIC_ACQUIRE)) {
		interrupts_off_leave();
		return false;
	}
	if (CONFIG_DEBUG)
		lock_check_acquire(lock, LOCK_ANY_ORDER | lock->rank);
	return true;
}

static inline void spin_unlock(struct spinlock *lock)
	RELEASES(lock) UNCHECKED_LOCKING
{
	if (CONFIG_DEBUG)
		lock_check_release(lock, lock->rank);
	spin_let_go(lock);
	interrupts_off_leave();
}

static inline bool spin_is_held(const struct spinlock *lock)
{
	return READ_ONCE(lock->locked);
}
