/* SPDX-License-Identifier: MIT */
/*
 * pid.h - the process table: numbers, and who bears them
 *
 * One number space for threads, processes, groups and sessions. A number is
 * reused only when nobody bears it: a group keeps its number while it has a
 * member, even after the leader is gone.
 */
#pragma once

#include "kernel/lib/list.h"
#include "kernel/lib/refcount.h"
#include "kernel/proc/process_tree.h"

struct process;
struct thread;

extern struct spinlock pid_lock; /* rank LOCK_PID: the table, groups' lists */

#define PID_MAX 4194304 /* as Linux on 64 bits */

struct pid {
	struct refcount refs; /* each bearer and borrower holds one */
	int number;
	struct pid_block *block; /* of the table, kernel/proc/pid.c */
	/* Atomic: somebody remembers names under the number, process_set_gone_hook().
	 * Never cleared. */
	bool is_remembered;
	/* Under pid_hold(). */
	struct thread *thread;   /* of that tid, or NULL */
	struct process *process; /* of that pid (tgid), or NULL */
	/* Under pid_lock with the tree entered; or with the tree locked. */
	/* Members of that group, those that are not found through others:
	 * kernel/proc/group.c, G1. */
	struct list_head group;
};

/*
 * A fresh number, or @wanted if that is not 0; refs is 1.
 * 0; -ENOMEM; -EAGAIN: all are in use; -EEXIST: @wanted is.
 */
int pid_alloc(int wanted, struct pid **out);
void pid_get(struct pid *pid);
/* Takes pid_lock. */
void pid_put(struct pid *pid);
/* Meanwhile its bearers stay what they are; a spinlock. */
void pid_hold(struct pid *pid);
void pid_release(struct pid *pid);
/* With a reference; NULL if nobody bears @number. */
struct pid *pid_find(int number);
/* With a reference on the result; NULL: none. */
struct thread *thread_find(int tid);
struct process *process_find(int pid);
/* @thread bears the number from now on; no longer bears one (the reference
 * stays, as the caller's). */
void pid_set_thread(struct pid *pid, struct thread *thread);
void pid_forget_thread(struct thread *thread);
/* The same for a process, and its leader. */
void pid_set_process(struct pid *pid, struct process *process);
void pid_forget_process(struct pid *pid);
/* The process of @thread, reference taken; NULL: the thread has ended. */
struct process *thread_process_get(struct thread *thread);
/* By the number of any of its threads, with a reference; NULL: none. */
struct process *process_find_any(int tid);
/* The child of @parent with that number, or NULL; it stays while the caller
 * holds the parent's children_lock. */
struct process *process_find_child(const struct process *parent, int number);
/* For who has locked the tree: without a reference, it stays meanwhile. */
struct thread *thread_look_up(int tid) MUST_HOLD(process_tree);
struct process *process_look_up(int pid) MUST_HOLD(process_tree);
/* The first process with a pid >= *@number, reference taken; *@number is set.
 * For listings: /proc, kill(-1). NULL: no more. */
struct process *process_next(int *number);
