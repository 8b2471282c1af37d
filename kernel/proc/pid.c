/* SPDX-License-Identifier: MIT */
/*
 * pid.c - the process table: numbers, and who bears them
 *
 * Idea: a tree from number to struct pid. Numbers are given out upwards and
 * start again at the bottom, so that one is not reused soon after its bearer
 * is gone.
 *
 * Invariants
 *   P1  A struct pid is in the table until its last reference goes.
 *   P2  pid.thread and pid.process are live: who ends clears them first.
 *
 * Locks: pid_lock, for a few instructions at a time: all harts want it.
 */
#include "kernel/proc/pid.h"
#include "kernel/abi/errno.h"
#include "kernel/lib/radix_tree.h"
#include "kernel/mm/slab.h"
#include "kernel/proc/internal.h"
#include "kernel/proc/process.h"
#include "kernel/trace/trace.h"

/* After the first round the low numbers stay with the system's first ones. */
#define FIRST_REUSED 300

struct spinlock pid_lock = SPINLOCK_INIT(LOCK_PID);

static struct slab_cache *pid_cache;
/* Under pid_lock. */
static struct radix_tree pid_table;
static int last_number;

void pids_init(void)
{
	pid_cache = slab_cache_create("pid", sizeof(struct pid), 0);
	radix_init(&pid_table);
}

/* Give @pid the next number that is free. 0, -ENOMEM, -EAGAIN. */
static int insert_at_next(struct pid *pid)
{
	int number = last_number;

	for (int tries = 0; tries < PID_MAX; tries++) {
		int err;

		if (++number >= PID_MAX)
			number = FIRST_REUSED;
		err = radix_insert(&pid_table, (uint64_t)number, pid);
		if (err == -EEXIST)
			continue;
		if (!err) {
			pid->number = number;
			last_number = number;
		}
		return err;
	}
	return -EAGAIN;
}

int pid_alloc(int wanted, struct pid **out)
{
	TRACE_STEP_HERE(PROCESS_ENTRY);
	struct pid *pid = slab_alloc_zero(pid_cache);
	int err;

	if (!pid)
		return -ENOMEM;
	refcount_init(&pid->refs, 1);
	list_init(&pid->group);

	spin_lock(&pid_lock);
	if (wanted) {
		pid->number = wanted;
		err = radix_insert(&pid_table, (uint64_t)wanted, pid);
	} else {
		err = insert_at_next(pid);
	}
	spin_unlock(&pid_lock);

	if (err) {
		slab_free(pid_cache, pid);
		return err;
	}
	*out = pid;
	return 0;
}

void pid_get(struct pid *pid)
{
	refcount_get(&pid->refs);
}

void pid_put(struct pid *pid)
{
	if (!pid || !refcount_put(&pid->refs))
		return;
	spin_lock(&pid_lock);
	radix_remove(&pid_table, (uint64_t)pid->number);
	spin_unlock(&pid_lock);
	slab_free(pid_cache, pid);
}

static struct pid *look_up(int number) MUST_HOLD(pid_lock)
{
	return number > 0 ? radix_get(&pid_table, (uint64_t)number) : NULL;
}

static struct process *process_of(const struct pid *pid)
{
	return pid ? pid->process : NULL;
}

struct pid *pid_find(int number)
{
	struct pid *pid;

	spin_lock(&pid_lock);
	pid = look_up(number);
	/* 0: somebody is just about to take it out of the table. */
	if (pid && !refcount_get_unless_zero(&pid->refs))
		pid = NULL;
	spin_unlock(&pid_lock);
	return pid;
}

struct thread *thread_find(int tid)
{
	struct thread *thread = NULL;
	struct pid *pid;

	spin_lock(&pid_lock);
	pid = look_up(tid);
	if (pid && pid->thread) {
		thread = pid->thread;
		thread_get(thread);
	}
	spin_unlock(&pid_lock);
	return thread;
}

void pid_set_thread(struct pid *pid, struct thread *thread)
{
	spin_lock(&pid_lock);
	pid->thread = thread;
	spin_unlock(&pid_lock);
}

void pid_forget_thread(struct thread *thread)
{
	spin_lock(&pid_lock);
	thread->pid->thread = NULL;
	thread->pid = NULL;
	spin_unlock(&pid_lock);
}

struct process *thread_process_get(struct thread *thread)
{
	struct process *process = NULL;

	/* Who has a number has a process: exit takes the number first. */
	spin_lock(&pid_lock);
	if (thread->pid) {
		process = thread->process;
		process_get(process);
	}
	spin_unlock(&pid_lock);
	return process;
}

struct process *process_find(int number)
{
	struct process *process;

	spin_lock(&pid_lock);
	process = process_of(look_up(number));
	if (process)
		process_get(process);
	spin_unlock(&pid_lock);
	return process;
}

struct process *process_find_any(int tid)
{
	struct process *process = NULL;
	struct pid *pid;

	spin_lock(&pid_lock);
	pid = look_up(tid);
	if (pid)
		process = pid->process  ? pid->process
			  : pid->thread ? pid->thread->process
					: NULL;
	if (process)
		process_get(process);
	spin_unlock(&pid_lock);
	return process;
}

struct process *process_find_child(const struct process *parent, int number)
{
	struct process *process;

	/* While we hold this it is there, whosever child; and then, if it is
	 * @parent's, nobody else may wait for it. */
	spin_lock(&pid_lock);
	process = process_of(look_up(number));
	if (process && process->parent != parent)
		process = NULL;
	spin_unlock(&pid_lock);
	return process;
}

struct thread *thread_look_up(int tid)
{
	struct thread *thread;
	struct pid *pid;

	spin_lock(&pid_lock);
	pid = look_up(tid);
	thread = pid ? pid->thread : NULL;
	spin_unlock(&pid_lock);
	return thread;
}

struct process *process_look_up(int number)
{
	struct process *process;

	spin_lock(&pid_lock);
	process = process_of(look_up(number));
	spin_unlock(&pid_lock);
	return process;
}

struct process *process_next(int *number)
{
	uint64_t index = *number > 0 ? (uint64_t)*number : 1;
	struct process *process = NULL;
	struct pid *pid;

	spin_lock(&pid_lock);
	for (; (pid = radix_next(&pid_table, &index)); index++) {
		if (!pid->process)
			continue;
		process = pid->process;
		process_get(process);
		*number = (int)index;
		break;
	}
	spin_unlock(&pid_lock);
	return process;
}
