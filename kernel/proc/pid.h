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
#include "kernel/sync/spinlock.h"

struct process;
struct thread;

extern struct spinlock process_tree_lock; /* rank LOCK_PROCESS_TREE */

#define PID_MAX 4194304 /* as Linux on 64 bits */

struct pid {
	struct refcount refs; /* each bearer and borrower holds one */
	int number;
	/* Under process_tree_lock. */
	struct thread *thread;    /* of that tid, or NULL */
	struct process *process;  /* of that pid (tgid), or NULL */
	struct list_head group;   /* processes of that group */
	struct list_head session; /* processes of that session */
};

/*
 * A fresh number, or @wanted if that is not 0; refs is 1.
 * 0; -ENOMEM; -EAGAIN: all are in use; -EEXIST: @wanted is.
 */
int pid_alloc(int wanted, struct pid **out);
void pid_get(struct pid *pid);
/* Takes process_tree_lock: not with it held. */
void pid_put(struct pid *pid);
/* With a reference; NULL if nobody bears @number. */
struct pid *pid_find(int number);
/* With a reference on the result; NULL: none. */
struct thread *thread_find(int tid);
struct process *process_find(int pid);
/* The process of @thread, reference taken; NULL: the thread has ended. */
struct process *thread_process_get(struct thread *thread);
/* pid_find() for who holds process_tree_lock; no reference is taken. */
struct pid *pid_look_up(int number) MUST_HOLD(process_tree_lock);
/* The first process with a pid >= *@number, reference taken; *@number is set.
 * For listings: /proc, kill(-1). NULL: no more. */
struct process *process_next(int *number);
