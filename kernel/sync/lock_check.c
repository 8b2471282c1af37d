/* SPDX-License-Identifier: MIT */
/*
 * lock_check.c - debug builds: locks are taken in the one order
 *
 * Idea: a deadlock needs two threads that take two locks in different orders.
 * Every lock has a rank (lock_order.h); each thread keeps the locks it holds,
 * and taking one of a lower rank than any of them stops the machine, naming
 * both, even if no deadlock happened this time.
 *
 * Two locks of the same rank are allowed: the rule for which goes first is
 * written beside the rank.
 */
#include "kernel/sched/thread.h"
#include "kernel/sync/mutex.h"

static void check_order(const struct thread *me, const void *lock,
			unsigned int rank)
{
	for (unsigned int i = 0; i < me->locks_held; i++) {
		if (me->held[i].lock == lock)
			panic("lock %p (rank %u) taken twice", lock, rank);
		if (me->held[i].rank > rank)
			panic("lock order: %p (rank %u) wanted while holding "
			      "%p (rank %u)",
			      lock, rank, me->held[i].lock, me->held[i].rank);
	}
}

void lock_check_acquire(const void *lock, unsigned int rank)
{
	struct thread *me = current();

	if (!(rank & LOCK_ANY_ORDER))
		check_order(me, lock, rank);
	if (me->locks_held == ARRAY_SIZE(me->held))
		panic("more than %u locks held at once", me->locks_held);
	/* An interrupt notes its locks in the same list. */
	interrupts_off_enter();
	me->held[me->locks_held].lock = lock;
	me->held[me->locks_held].rank = rank & ~LOCK_ANY_ORDER;
	me->locks_held++;
	interrupts_off_leave();
}

void lock_check_release(const void *lock, unsigned int rank)
{
	struct thread *me = current();
	unsigned int i = me->locks_held;

	interrupts_off_enter();
	while (i > 0 && me->held[i - 1].lock != lock)
		i--;
	if (i == 0)
		panic("lock %p (rank %u) released but not held", lock, rank);
	for (me->locks_held--; i <= me->locks_held; i++)
		me->held[i - 1] = me->held[i];
	interrupts_off_leave();
}

void sleep_check(void)
{
	const struct thread *me = current();

	if (me->irq.depth)
		panic("a sleep with a spinlock held or interrupts off "
		      "(depth %u)",
		      me->irq.depth);
	if (me->irq.reading)
		panic("a sleep inside a read section (depth %u)",
		      me->irq.reading);
}
