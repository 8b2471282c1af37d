/* SPDX-License-Identifier: MIT */
/*
 * process_tree.c - the lock of the process tree: one for each hart, or all
 *
 * See the header for the rule. All are taken in the order of the harts' indices,
 * so two who want all do not wait for each other. The lock checker hears of the
 * first only: it stands for all, which are more than a thread's list has room for.
 */
#include "kernel/proc/process_tree.h"

struct process_tree process_tree = {
	.of_hart = { [0 ... MAX_HARTS -
		      1] = { .lock = SPINLOCK_INIT(LOCK_PROCESS_TREE) } },
};

void process_tree_lock(void) UNCHECKED_LOCKING
{
	spin_lock(&process_tree.of_hart[0].lock);
	for (unsigned int i = 1; i < arch_num_harts(); i++)
		spin_take(&process_tree.of_hart[i].lock);
}

void process_tree_unlock(void) UNCHECKED_LOCKING
{
	for (unsigned int i = arch_num_harts() - 1; i > 0; i--)
		spin_let_go(&process_tree.of_hart[i].lock);
	spin_unlock(&process_tree.of_hart[0].lock);
}
