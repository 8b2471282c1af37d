/* SPDX-License-Identifier: MIT */
/*
 * process_tree.h - the lock of the process tree: one for each hart, or all
 *
 * Idea: fork, exit and wait of one parent have nothing to do with those of
 * another, and they are what the tree is locked for nearly always. So they take
 * the lock of the hart they are on, which no other hart wants, and with it the
 * lock of the one row of children they change. Who looks at more than one row,
 * or changes who belongs where (setpgid, a signal to a group, children that
 * lose their parent), takes the locks of all harts. The field calls such a lock
 * a big-reader or local-global lock.
 *
 * The rule, with the tree entered (process_tree_enter(), this hart's lock):
 *   - process.parent, group and session of every process in the tree stay, and
 *     so do sessions' terminals; the processes they point at stay too.
 *   - The children of @p (children, dead_children, child_stopped,
 *     child_continued, children_usage; of each child zombie, stop_event and
 *     continued_event) are read and changed with p->children_lock held.
 *   - Groups' lists of members are changed under pid_lock, and members not gone
 *     through (kernel/proc/group.c).
 * With the tree locked (process_tree_lock(), all harts' locks) nobody else is
 * in it: all may be read and changed, but for the bearers of a number
 * (pid.thread, pid.process), which are changed under their own lock always.
 *
 * Cost: entering is one lock that is in this hart's cache; locking is as many
 * as the machine has harts. Neither nests in itself or in the other.
 */
#pragma once

#include "kernel/lib/types.h"
#include "kernel/sync/spinlock.h"

struct LOCKABLE process_tree {
	struct process_tree_slot {
		struct spinlock lock; /* rank LOCK_PROCESS_TREE */
	} __aligned(64) of_hart[MAX_HARTS];
};
extern struct process_tree process_tree;

/* Interrupts are off until process_tree_leave(), so the hart stays the same. */
static inline void process_tree_enter(void)
	ACQUIRES(process_tree) UNCHECKED_LOCKING
{
	interrupts_off_enter();
	spin_lock(&process_tree.of_hart[arch_hart_index()].lock);
	interrupts_off_leave();
}

static inline void process_tree_leave(void)
	RELEASES(process_tree) UNCHECKED_LOCKING
{
	spin_unlock(&process_tree.of_hart[arch_hart_index()].lock);
}

void process_tree_lock(void) ACQUIRES(process_tree);
void process_tree_unlock(void) RELEASES(process_tree);
