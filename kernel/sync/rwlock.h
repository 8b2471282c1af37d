/* SPDX-License-Identifier: MIT */
/*
 * rwlock.h - spinlocks that readers share
 *
 * Idea: a count of readers, or one writer. A writer that waits says so, and no
 * new reader comes in before it, so that many readers cannot keep it out.
 *
 * The rule: for sections that only read, are longer than a word or two, and
 * come from many harts; else a spinlock is cheaper, and what is read all the
 * time is better read without any lock (deferred.h). As with spinlocks,
 * interrupts are off inside, and no one sleeps. A reader must not ask again for
 * a lock that it has: a writer that came between would keep both waiting for
 * ever (debug builds panic). No reader becomes a writer without letting go.
 *
 * Cost: as a spinlock, one atomic more for a reader; the readers' harts write
 * the same cache line.
 */
#pragma once

#include "kernel/sync/spinlock.h"

struct LOCKABLE rwlock {
	unsigned int state; /* atomic; readers, or RWLOCK_WRITER; | WAITING */
	unsigned int rank;  /* enum lock_rank; fixed */
};

#define RWLOCK_WRITER  0x80000000u
#define RWLOCK_WAITING 0x40000000u /* a writer is */

#define RWLOCK_INIT(r)                                                         \
	{                                                                      \
		.state = 0, .rank = (r)                                        \
	}

/* lock_check_acquire(), and what the figures of lock_stats.h need. */
static inline void rwlock_note(struct rwlock *lock, uint64_t spins)
{
	if (CONFIG_DEBUG)
		lock_stats_count(lock->rank, spins > 0, spins);
}

static inline void rwlock_enter(struct rwlock *lock)
{
	interrupts_off_enter();
	if (CONFIG_DEBUG)
		lock_check_acquire(lock, lock->rank);
}

/* From @from to @to at once; false: it is not @from. */
static inline bool rwlock_change(struct rwlock *lock, unsigned int from,
				 unsigned int to)
{
	/* pairs with the releases in the unlocks */
	return __atomic_compare_exchange_n(&lock->state, &from, to, false,
					   __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

static inline void read_lock(struct rwlock *lock)
	LOCK_ATTRIBUTE(acquire_shared_capability(lock)) UNCHECKED_LOCKING
{
	uint64_t spins = 0;

	rwlock_enter(lock);
	for (;;) {
		unsigned int seen = READ_ONCE(lock->state);

		if (!(seen & (RWLOCK_WRITER | RWLOCK_WAITING)) &&
		    rwlock_change(lock, seen, seen + 1))
			break;
		arch_spin_hint();
		spins++;
	}
	rwlock_note(lock, spins);
}

static inline void read_unlock(struct rwlock *lock)
	LOCK_ATTRIBUTE(release_shared_capability(lock)) UNCHECKED_LOCKING
{
	if (CONFIG_DEBUG)
		lock_check_release(lock, lock->rank);
	/* pairs with the acquire in rwlock_change() */
	__atomic_fetch_sub(&lock->state, 1, __ATOMIC_RELEASE);
	interrupts_off_leave();
}

static inline void write_lock(struct rwlock *lock)
	ACQUIRES(lock) UNCHECKED_LOCKING
{
	uint64_t spins = 0;

	rwlock_enter(lock);
	for (;;) {
		unsigned int seen = READ_ONCE(lock->state);

		/* Another writer that waits says so again. */
		if (!(seen & ~RWLOCK_WAITING)) {
			if (rwlock_change(lock, seen, RWLOCK_WRITER))
				break;
		} else if (!(seen & RWLOCK_WAITING)) {
			__atomic_fetch_or(&lock->state, RWLOCK_WAITING,
					  __ATOMIC_RELAXED);
		}
		arch_spin_hint();
		spins++;
	}
	rwlock_note(lock, spins);
}

static inline void write_unlock(struct rwlock *lock)
	RELEASES(lock) UNCHECKED_LOCKING
{
	if (CONFIG_DEBUG)
		lock_check_release(lock, lock->rank);
	/* Whoever waits has said so, or will; pairs as above. */
	__atomic_fetch_and(&lock->state, ~RWLOCK_WRITER, __ATOMIC_RELEASE);
	interrupts_off_leave();
}
