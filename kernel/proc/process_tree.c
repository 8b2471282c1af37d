/* SPDX-License-Identifier: MIT */
/*
 * process_tree.c - the lock of the process tree: one for each hart, or all
 *
 * See the header for the rule. All are taken in the order of the harts' indices,
 * so two who want all do not wait for each other.
 */
#include "kernel/proc/process_tree.h"

struct process_tree process_tree = {
	.of_hart = { [0 ... MAX_HARTS -
		      1] = { .lock = SPINLOCK_INIT(LOCK_PROCESS_TREE) } },
};

/* Like spin_lock(), but the lock checker hears of the first hart's only: it
 * stands for all, and so many are more than a thread's list has room for. */
static void take(struct spinlock *lock) UNCHECKED_LOCKING
{
	if (CONFIG_DEBUG) {
		spin_counted(lock);
		return;
	}
	/* pairs with the release in spin_unlock() and let_go() */
	while (__atomic_exchange_n(&lock->locked, 1, __ATOMIC_ACQUIRE)) {
		while (READ_ONCE(lock->locked))
			arch_spin_hint();
	}
}

static void let_go(struct spinlock *lock)
{
	/* pairs with the acquire in take() and spin_lock() */
	__atomic_store_n(&lock->locked, 0, __ATOMIC_RELEASE);
}

void process_tree_lock(void) UNCHECKED_LOCKING
{
	spin_lock(&process_tree.of_hart[0].lock);
	for (unsigned int i = 1; i < arch_num_harts(); i++)
		take(&process_tree.of_hart[i].lock);
}

void process_tree_unlock(void) UNCHECKED_LOCKING
{
	for (unsigned int i = arch_num_harts() - 1; i > 0; i--)
		let_go(&process_tree.of_hart[i].lock);
	spin_unlock(&process_tree.of_hart[0].lock);
}
