/* SPDX-License-Identifier: MIT */
/*
 * exit.c - the end of threads and of processes
 *
 * Idea: a thread first gives back what it shares with others (locks in user
 * memory, the address space, descriptors), then leaves its process, and at
 * last its hart; its kernel stack is freed by the thread that runs next. The
 * last thread to leave makes the process a zombie: a record that only waits to
 * be read by its parent.
 *
 *   exit(2)        process_exit_thread()   this thread only
 *   exit_group(2)  process_exit_group()    tells the other threads (WORK_KILL);
 *                                          each then comes here by itself
 *
 * Who inherits the children: the nearest ancestor that asked for it
 * (PR_SET_CHILD_SUBREAPER), else the first process.
 *
 * Locks: the tree's (process_tree.h), process.lock inside it.
 * Read: OSTEP ch. 5; _exit(2), wait(2).
 */
#include <arch/page_table.h>
#include "kernel/abi/errno.h"
#include "kernel/abi/poll.h"
#include "kernel/debug/panic.h"
#include "kernel/mm/vm_space.h"
#include "kernel/proc/futex.h"
#include "kernel/proc/internal.h"
#include "kernel/proc/itimer.h"
#include "kernel/sched/sched.h"
#include "kernel/trace/trace.h"
#include "kernel/vfs/cred.h"
#include "kernel/vfs/file.h"

/* ---- Giving back --------------------------------------------------------- */

static void leave_memory(struct thread *me, struct process *process)
{
	struct vm_space *space = me->space;
	struct usage *sum = &process->dead_threads_usage;

	futex_thread_exit();
	spin_lock(&process->lock);
	sum->max_resident_kib =
		MAX(sum->max_resident_kib, process_peak_kib(space));
	me->space = NULL;
	/* The hart must not stay on a page table that may be freed. */
	page_table_switch(&kernel_page_table);
	spin_unlock(&process->lock);
	TRACE(MEMORY_FREE, (uint64_t)space);
	vm_space_put(space);
	process_vfork_done();
}

static void leave_files(struct thread *me, struct process *process)
{
	struct fd_table *files;
	struct fs_context *fs;

	spin_lock(&process->lock);
	files = me->files;
	fs = me->fs;
	me->files = NULL;
	me->fs = NULL;
	spin_unlock(&process->lock);
	fd_table_put(files);
	fs_context_put(fs);
}

/* ---- Leaving the process ------------------------------------------------- */

/* The first step: true if all other threads have taken it already. */
static bool begin_exit(struct thread *me, struct process *process, int code)
{
	bool last;

	spin_lock(&process->lock);
	me->exit_code = process->exiting ? process->exit_code : code;
	/* Without exit_group() the leader's code is that of the process. */
	if (me == process->leader)
		process->exit_code = me->exit_code;
	last = --process->num_threads == 0;
	signal_leave(me);
	spin_unlock(&process->lock);
	return last;
}

/* Off the process's list; true if it was the last one on it. */
static bool leave_process(struct thread *me, struct process *process)
{
	struct usage usage;
	bool last;

	spin_lock(&process->lock);
	thread_usage(me, &usage);
	usage_add(&process->dead_threads_usage, &usage);
	list_remove(&me->process_node);
	signal_flush(process, &me->signal_queue, &me->signal_pending);
	last = list_empty(&process->threads);
	if (last)
		signal_flush(process, &process->shared_pending.queue,
			     &process->shared_pending.set);
	/* Who waits to be alone (exec). */
	wake_all(&process->exit_wait);
	spin_unlock(&process->lock);
	return last;
}

/* ---- Leaving the tree ---------------------------------------------------- */

static struct process *find_heir(struct process *process)
	MUST_HOLD(process_tree)
{
	struct process *up;

	for (up = process->parent; up && up != init_process; up = up->parent) {
		if (up->reparent_to_me && up->num_threads > 0)
			return up;
	}
	return init_process;
}

/* prctl(2), PR_SET_PDEATHSIG: the signals @child's threads asked for. */
static void tell_parent_died(struct process *child)
{
	struct thread *thread;
	uint64_t wanted = 0;

	spin_lock(&child->lock);
	list_for_each (thread, &child->threads, process_node) {
		if (thread->pdeath_signal)
			wanted |= SIGNAL_BIT(thread->pdeath_signal);
	}
	spin_unlock(&child->lock);
	for (int signo = 1; wanted; signo++) {
		if (wanted & SIGNAL_BIT(signo))
			signal_send_process(child, signo, NULL);
		wanted &= ~SIGNAL_BIT(signo);
	}
}

/* Out of the tree; to be put when the tree's lock is free. */
static void collect(struct process *process, struct list_head *unwanted)
	MUST_HOLD(process_tree)
{
	process_unlink(process);
	list_push_back(unwanted, &process->sibling);
}

static void give_dead_away(struct process *process, struct process *heir,
			   struct list_head *unwanted) MUST_HOLD(process_tree)
{
	struct process *child, *next;

	list_for_each_safe (child, next, &process->dead_children, sibling) {
		list_remove(&child->sibling);
		process_set_parent(child, heir);
		child->exit_signal = SIGCHLD;
		if (process_announce_exit(child))
			collect(child, unwanted);
	}
}

/*
 * Groups are looked at when all children in them have a new parent, so once for
 * each row of children of one group: looking at each child would make it the
 * square of their number.
 */
static void give_children_away(struct process *process,
			       struct list_head *unwanted)
	MUST_HOLD(process_tree)
{
	struct process *heir = find_heir(process);
	struct process *child;

	give_dead_away(process, heir, unwanted);
	while (!list_empty(&process->children)) {
		const struct process *next;

		child = list_first(&process->children, struct process, sibling);
		list_remove(&child->sibling);
		process_set_parent(child, heir);
		child->exit_signal = SIGCHLD;
		tell_parent_died(child);
		next = list_empty(&process->children)
			       ? NULL
			       : list_first(&process->children, struct process,
					    sibling);
		if (!next || next->group != child->group)
			group_check_orphaned(child, process);
	}
}

/*
 * Does the end of @process concern more than its parent's row of children: has
 * it children itself, or is it what links a group to its session? It has no
 * thread left that could make one, and without children nobody else could.
 */
static bool needs_whole_tree(struct process *process) MUST_HOLD(process_tree)
{
	bool has_children;

	spin_lock(&process->children_lock);
	has_children = !list_empty(&process->children) ||
		       !list_empty(&process->dead_children);
	spin_unlock(&process->children_lock);
	return has_children || group_is_linked_by(process);
}

static void become_zombie(struct process *process, bool whole,
			  struct list_head *unwanted) MUST_HOLD(process_tree)
{
	struct process *parent = process->parent;

	if (unlikely(whole))
		give_children_away(process, unwanted);
	spin_lock(&parent->children_lock);
	process_set_zombie(process);
	if (unlikely(whole))
		group_check_orphaned(process, NULL);
	if (process_announce_exit(process))
		collect(process, unwanted);
	spin_unlock(&parent->children_lock);
	wake_all_events(&process->exit_wait, EPOLLIN | EPOLLRDNORM);
}

/* True: as the leader, @me keeps its credentials for who looks at a zombie. */
static bool leave_tree(struct thread *me,
		       struct process *process) UNCHECKED_LOCKING
{
	struct list_head unwanted = LIST_HEAD_INIT(unwanted);
	bool is_leader, is_last, whole;
	struct process *dead, *next;
	struct pid *pid = me->pid;

	process_tree_enter();
	pid_forget_thread(me);
	is_leader = me == process->leader;
	is_last = leave_process(me, process);
	/* Between the two it has neither threads nor is it dead: signals are
	 * dropped, and it still counts as a member and as a parent. */
	whole = is_last && needs_whole_tree(process);
	if (unlikely(whole)) {
		process_tree_leave();
		process_tree_lock();
	}
	if (is_last)
		become_zombie(process, whole, &unwanted);
	if (!is_leader)
		process_uncount_thread(me);
	if (unlikely(whole))
		process_tree_unlock();
	else
		process_tree_leave();

	pid_put(pid);
	list_for_each_safe (dead, next, &unwanted, sibling) {
		list_remove(&dead->sibling);
		process_forget(dead);
	}
	return is_leader;
}

static void check_not_init(struct process *process)
{
	int status;

	if (process != init_process)
		return;
	if (process_exit_info(process->exit_code, &status) == CLD_EXITED)
		halt_machine("the first process exited with status %d", status);
	halt_machine("the first process was killed by signal %d", status);
}

/* ---- The ways in --------------------------------------------------------- */

void process_exit_thread(int code)
{
	struct thread *me = current();
	struct process *process = me->process;
	bool is_last = begin_exit(me, process, code);

	TRACE(EXIT, (uint64_t)code, is_last);
	if (is_last) {
		check_not_init(process);
		process_timers_exit(process);
	}
	leave_memory(me, process);
	leave_files(me, process);
	if (is_last && process->session->leader == process->pid)
		process_tty_ops.disassociate(process->session);

	if (!leave_tree(me, process))
		cred_drop(me);
	me->process = NULL;
	process_put(process);
	thread_exit();
}

/* Have all threads but the current one end; process->lock held. */
static void kill_others(struct process *process)
{
	struct thread *other;

	list_for_each (other, &process->threads, process_node) {
		if (other == current())
			continue;
		thread_set_work(other, WORK_KILL);
		sched_wake(other, THREAD_INTERRUPTIBLE | THREAD_KILLABLE |
					  THREAD_STOPPED);
		sched_kick(other);
	}
}

void process_exit_group(int code)
{
	struct process *process = current_process();

	spin_lock(&process->lock);
	/* While another thread runs exec, only it goes on: see below. */
	if (!process->exiting &&
	    (!process->exec_thread || process->exec_thread == current())) {
		process->exiting = true;
		process->exit_code = code;
		kill_others(process);
	}
	spin_unlock(&process->lock);
	process_exit_thread(code);
}

static bool is_alone(struct process *process)
{
	bool alone;

	spin_lock(&process->lock);
	alone = process->threads.next == process->threads.prev;
	spin_unlock(&process->lock);
	return alone;
}

/* The leader has ended: its number, which is that of the process, is ours. */
static void take_over_leader(struct thread *me, struct process *process)
{
	struct thread *old_leader;
	struct pid *old_pid;

	process_tree_lock();
	spin_lock(&process->lock);
	old_pid = me->pid;
	pid_forget_thread(me);
	pid_get(process->pid);
	me->pid = process->pid;
	me->tid = process->pid->number; /* first: thread_process_get() */
	pid_set_thread(process->pid, me);
	me->trace.tid = me->tid;
	old_leader = process->leader;
	thread_get(me);
	process->leader = me;
	process_uncount_thread(old_leader);
	spin_unlock(&process->lock);
	process_tree_unlock();

	pid_put(old_pid);
	cred_drop(old_leader);
	thread_put(old_leader);
}

int process_become_single(void)
{
	struct thread *me = current();
	struct process *process = me->process;
	int err;

	spin_lock(&process->lock);
	if (process->exiting || process->exec_thread) {
		spin_unlock(&process->lock);
		return -EAGAIN;
	}
	process->exec_thread = me;
	kill_others(process);
	spin_unlock(&process->lock);

	err = WAIT_EVENT_DEADLINE(&process->exit_wait, is_alone(process),
				  WAIT_KILLABLE, WAIT_FOREVER);
	if (!err && me != process->leader)
		take_over_leader(me, process);

	spin_lock(&process->lock);
	process->exec_thread = NULL;
	spin_unlock(&process->lock);
	return err ? -EAGAIN : 0;
}
