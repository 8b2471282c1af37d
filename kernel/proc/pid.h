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

#define PID_MAX 4194304 /* as Linux on 64 bits */

struct pid {
	struct refcount refs; /* each bearer and borrower holds one */
	int number;
	/* Under process_tree_lock. */
	struct thread *thread;	 /* of that tid, or NULL */
	struct process *process; /* of that pid (tgid), or NULL */
	struct list_head group;	 /* processes of that group */
	struct list_head session; /* processes of that session */
	struct wait_queue *pidfd_waiters; /* may be NULL */
};

/* A fresh number; refs 1. NULL: no memory or all in use. */
struct pid *pid_alloc(void);
void pid_get(struct pid *pid);
void pid_put(struct pid *pid);
/* With a reference; NULL if nobody bears @number. */
struct pid *pid_find(int number);
/* With a reference on the result; NULL: none. */
struct thread *thread_find(int tid);
struct process *process_find(int pid);
/* The first process with a pid >= *@number, reference taken; *@number is set.
 * For listings: /proc, kill(-1). NULL: no more. */
struct process *process_next(int *number);
extern struct spinlock process_tree_lock; /* rank LOCK_PROCESS_TREE */
