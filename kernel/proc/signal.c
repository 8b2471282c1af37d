/* SPDX-License-Identifier: MIT */
/*
 * signal.c - sending signals, and what decides who gets them
 *
 * Sending is four steps, in send_locked():
 *   1. a stop signal cancels a pending SIGCONT and the other way round;
 *      SIGCONT and SIGKILL also set a stopped process going at once
 *   2. a signal that would be ignored is dropped (unless blocked: its action
 *      may have changed by the time it is unblocked)
 *   3. it becomes pending, for the thread or for the process
 *   4. a thread that may take it is chosen and woken; if it can only be the
 *      end of the process, all threads are told so right away
 *
 * Invariants
 *   G1  A thread that has an unblocked pending signal has WORK_SIGNAL, or (for
 *       the process's signals) some other thread has that may take it.
 *   G2  Only a thread itself clears its WORK_SIGNAL. So a system call that was
 *       interrupted (-ERESTARTSYS) always passes through signal_deliver(),
 *       which turns that into a restart or EINTR.
 *
 * Locks: process.lock, the actions' lock inside it; the tree's outside.
 * Source: signal(7), kill(2), sigaction(2), credentials(7).
 */
#include "kernel/abi/errno.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "kernel/proc/signal_internal.h"
#include "kernel/sched/sched.h"
#include "kernel/time/clock.h"
#include "kernel/trace/trace.h"
#include "kernel/vfs/cred.h"

#include <linux/capability.h>

/* ---- Choosing and waking ------------------------------------------------- */

static bool is_default(const struct process *process, int signo)
{
	return signal_handler(process, signo) == HANDLER_DEFAULT;
}

/* The first process dies of nothing that it did not ask for: signal(7),
 * kill(2), "NOTES". */
static bool is_protected(const struct process *process, int signo)
{
	return process == init_process && is_default(process, signo);
}

bool signal_is_ignored(struct process *process, int signo)
{
	return is_protected(process, signo) ||
	       signal_handler_ignores(signal_handler(process, signo), signo);
}

/* Does an unblocked @signo end the process? */
static bool is_fatal(const struct process *process, int signo)
{
	return is_default(process, signo) && !is_protected(process, signo) &&
	       !signal_in(SIGNALS_STOP | SIGNALS_NOTHING, signo);
}

/* Let @thread look for work, asleep in one of @states or in user mode. */
static void rouse(struct thread *thread, unsigned int work, unsigned int states)
{
	thread_set_work(thread, work);
	/* On its way to user mode, where it looks. Only it can fall asleep. */
	if (thread == current() && READ_ONCE(thread->state) == THREAD_RUNNING)
		return;
	if (!sched_wake(thread, states))
		sched_kick(thread);
}

void signal_begin_exit(struct process *process, int code)
{
	struct thread *thread;

	if (process->exiting)
		return;
	process->exiting = true;
	process->exit_code = code;
	list_for_each (thread, &process->threads, process_node)
		rouse(thread, WORK_KILL,
		      THREAD_INTERRUPTIBLE | THREAD_KILLABLE | THREAD_STOPPED);
}

static bool may_take(const struct thread *thread, int signo)
{
	return !thread->leaving && (!signal_in(thread->signal_blocked, signo) ||
				    signal_in(thread->signal_wanted, signo));
}

/* A thread for a signal to the process; the first one (main) if it may. */
static struct thread *choose_thread(struct process *process, int signo)
{
	struct thread *thread, *chosen = NULL;

	list_for_each (thread, &process->threads, process_node) {
		if (!may_take(thread, signo))
			continue;
		if (thread == process->leader)
			return thread;
		if (!chosen)
			chosen = thread;
	}
	return chosen;
}

static void tell_thread(struct process *process, struct thread *thread,
			int signo)
{
	if (signal_in(thread->signal_blocked, signo)) {
		/* It waits for it in signal_wait(). */
		sched_wake(thread, THREAD_INTERRUPTIBLE);
		return;
	}
	if (is_fatal(process, signo))
		signal_begin_exit(process, signo);
	else
		rouse(thread, WORK_SIGNAL, THREAD_INTERRUPTIBLE);
}

void signal_retarget(struct process *process, uint64_t set)
{
	set &= process->shared_pending.set;
	if (process->exiting || process->stopped)
		return; /* or all are told, when it goes on */
	while (set) {
		int signo = __builtin_ctzl(set) + 1;
		struct thread *thread = choose_thread(process, signo);

		if (thread)
			tell_thread(process, thread, signo);
		set &= set - 1;
	}
}

/* UNCHECKED_LOCKING: the lock is the caller's duty; signal.h does not know it. */
void signal_leave(struct thread *thread) UNCHECKED_LOCKING
{
	thread->leaving = true;
	signal_retarget(thread->process, ~thread->signal_blocked);
}

/* ---- Sending ------------------------------------------------------------- */

static void remove_from_all(struct process *process, uint64_t set)
{
	struct thread *thread;

	pending_remove(process, pending_of_process(process), set);
	list_for_each (thread, &process->threads, process_node)
		pending_remove(process, pending_of_thread(thread), set);
}

static void continue_process(struct process *process)
{
	struct thread *thread;

	remove_from_all(process, SIGNALS_STOP);
	process->stop_dequeued = false;
	if (!process->stopped)
		return;
	process->stopped = false;
	process->tell_continued = true;
	list_for_each (thread, &process->threads, process_node)
		rouse(thread, WORK_SIGNAL, THREAD_STOPPED);
}

/* Step 1. */
static __noinline void stop_or_continue(struct process *process, int signo)
{
	if (signo == SIGCONT)
		continue_process(process);
	else
		remove_from_all(process, SIGNAL_BIT(SIGCONT));
}

/* Steps 1 and 2: is there anything to be sent? */
static bool is_wanted(struct process *process, const struct thread *thread,
		      int signo)
{
	const struct thread *asked = thread ? thread : process->leader;

	if (process->exiting || list_empty(&process->threads))
		return false;
	if (thread && list_empty(&thread->process_node))
		return false; /* it has left the process */
	if (unlikely(signal_in(SIGNALS_STOP | SIGNAL_BIT(SIGCONT), signo)))
		stop_or_continue(process, signo);
	return signal_handler(process, signo) > HANDLER_IGNORE ||
	       !signal_is_ignored(process, signo) ||
	       signal_in(asked->signal_blocked, signo);
}

/* Step 4: @signo is pending now. */
static void announce(struct process *process, struct thread *thread, int signo)
{
	TRACE_ABOUT(&process->leader->trace, SIGNAL, (uint64_t)signo,
		    (uint64_t)process->pid->number,
		    (uint64_t)(thread ? thread->tid : 0));
	wake_any(&process->shared_pending.watchers);
	if (process->stopped && signo != SIGKILL)
		return; /* until SIGCONT */
	if (!thread)
		thread = choose_thread(process, signo);
	else if (!may_take(thread, signo))
		thread = NULL;
	if (thread)
		tell_thread(process, thread, signo);
}

static struct pending pending_for(struct process *process,
				  struct thread *thread)
{
	return thread ? pending_of_thread(thread) : pending_of_process(process);
}

/* To @thread, or to any of @process if it is NULL. */
static int send_locked(struct process *process, struct thread *thread,
		       int signo, const struct short_siginfo *info)
{
	int err;

	if (!is_wanted(process, thread, signo))
		return 0;
	if (signo == SIGKILL)
		info = NULL; /* nobody will ever read it */
	err = pending_add(process, pending_for(process, thread), signo, info);
	if (!err)
		announce(process, thread, signo);
	return err;
}

bool signal_send_entry(struct process *process, struct thread *thread,
		       struct signal_info *entry)
{
	int signo = entry->info.si_signo;

	if (!is_wanted(process, thread, signo))
		return false;
	pending_add_entry(pending_for(process, thread), entry);
	announce(process, thread, signo);
	return true;
}

int signal_send_thread(struct thread *thread, int signo,
		       const struct short_siginfo *info)
{
	return signal_send_thread_of(thread->process, thread, signo, info);
}

int signal_send_thread_of(struct process *process, struct thread *thread,
			  int signo, const struct short_siginfo *info)
{
	int err;

	spin_lock(&process->lock);
	err = send_locked(process, thread, signo, info);
	spin_unlock(&process->lock);
	return err;
}

int signal_send_process(struct process *process, int signo,
			const struct short_siginfo *info)
{
	int err;

	spin_lock(&process->lock);
	err = send_locked(process, NULL, signo, info);
	spin_unlock(&process->lock);
	return err;
}

int signal_send_group(struct pid *group, int signo,
		      const struct short_siginfo *info)
{
	struct process *process;
	int err = -ESRCH;

	process_tree_lock();
	group_for_each (process, group) {
		signal_send_process(process, signo, info);
		err = 0;
	}
	process_tree_unlock();
	return err;
}

static void fault_info(struct short_siginfo *info, int signo, int si_code,
		       vaddr_t address)
{
	memset(info, 0, sizeof(*info));
	info->si_signo = signo;
	info->si_code = si_code;
	info->si_addr = (void *)address;
}

void signal_force(int signo, int si_code, vaddr_t address)
{
	struct thread *thread = current();
	struct process *process = thread->process;
	vaddr_t handler;
	struct short_siginfo info;

	fault_info(&info, signo, si_code, address);
	TRACE(SIGNAL, (uint64_t)signo, (uint64_t)process->pid->number,
	      (uint64_t)thread->tid);
	spin_lock(&process->lock);
	handler = signal_handler(process, signo);
	if (handler == HANDLER_DEFAULT || handler == HANDLER_IGNORE ||
	    signal_in(thread->signal_blocked, signo)) {
		signal_begin_exit(process, signo);
	} else {
		pending_add(process, pending_of_thread(thread), signo, &info);
		thread_set_work(thread, WORK_SIGNAL);
	}
	spin_unlock(&process->lock);
}

/* ---- Permission ---------------------------------------------------------- */

static bool same_user(const struct cred *mine, const struct cred *theirs)
{
	return mine->euid == theirs->suid || mine->euid == theirs->uid ||
	       mine->uid == theirs->suid || mine->uid == theirs->uid;
}

/* The caller is in the tree, for the session. */
static int permission_locked(struct process *process, int signo)
{
	const struct cred *theirs;
	bool allowed;

	if (signo < 0 || signo > NUM_SIGNALS)
		return -EINVAL;
	if (process == current_process() || capable(CAP_KILL))
		return 0;
	if (signo == SIGCONT && process->session == current_process()->session)
		return 0;
	theirs = process_cred_get(process);
	if (!theirs)
		return 0; /* a zombie: nothing will happen */
	allowed = same_user(current()->cred, theirs);
	cred_put(theirs);
	return allowed ? 0 : -EPERM;
}

int signal_permission(struct process *process, int signo)
{
	int err;

	if (process == current_process())
		return signo < 0 || signo > NUM_SIGNALS ? -EINVAL : 0;
	process_tree_enter();
	err = permission_locked(process, signo);
	process_tree_leave();
	return err;
}

int signal_kill_group(struct pid *group, int signo,
		      const struct short_siginfo *info)
{
	struct process *process;
	int result = -ESRCH;

	process_tree_lock();
	group_for_each (process, group) {
		int err = permission_locked(process, signo);

		if (!err && signo)
			err = signal_send_process(process, signo, info);
		/* One that worked makes the whole a success. */
		if (result)
			result = err;
	}
	process_tree_unlock();
	return result;
}

void signal_info_from_user(struct short_siginfo *info, int signo, int si_code)
{
	*info = (struct short_siginfo){ .si_signo = signo, .si_code = si_code };
	info->si_pid = process_pid(current_process());
	info->si_uid = current()->cred->uid;
}

/* ---- Masks --------------------------------------------------------------- */

void signal_set_blocked(uint64_t mask)
{
	struct process *process = current_process();

	spin_lock(&process->lock);
	signal_set_blocked_locked(process, mask);
	spin_unlock(&process->lock);
}

void signal_set_temporary_mask(uint64_t mask)
{
	struct thread *thread = current();

	thread->signal_saved_mask = thread->signal_blocked;
	thread->signal_restore_mask = true;
	signal_set_blocked(mask);
}

void signal_end_temporary_mask(bool interrupted)
{
	struct thread *thread = current();

	/* Interrupted: signal_deliver() is certain to come (G2). */
	if (interrupted && thread_has_work(thread, WORK_SIGNAL | WORK_KILL))
		return;
	thread->signal_restore_mask = false;
	signal_set_blocked(thread->signal_saved_mask);
}

/* ---- Waiting for signals ------------------------------------------------- */

/*
 * Wanted signals are usually blocked, so they do not end a sleep by themselves;
 * signal_wanted tells the sender to wake us all the same.
 */
int signal_wait(uint64_t wanted, uint64_t deadline_ns,
		struct short_siginfo *info)
{
	struct thread *thread = current();
	struct process *process = thread->process;
	bool late = deadline_ns == 0;
	int signo;

	wanted &= ~SIGNALS_ABSOLUTE;
	for (;;) {
		spin_lock(&process->lock);
		signo = signal_take_locked(process, thread, wanted, info);
		if (signo)
			signal_update_own_work(process);
		thread->signal_wanted = signo || late ? 0 : wanted;
		WRITE_ONCE(thread->state, signo || late ? THREAD_RUNNING
							: THREAD_INTERRUPTIBLE);
		spin_unlock(&process->lock);
		if (signo)
			return signo;
		if (late)
			return -EAGAIN;
		if (thread_has_work(thread, WORK_SIGNAL | WORK_KILL))
			break;
		if (deadline_ns == WAIT_FOREVER)
			schedule();
		else
			late = sched_sleep_until(deadline_ns);
	}
	WRITE_ONCE(thread->state, THREAD_RUNNING);
	spin_lock(&process->lock);
	thread->signal_wanted = 0;
	spin_unlock(&process->lock);
	return -EINTR;
}

long signal_suspend(uint64_t mask)
{
	struct thread *thread = current();

	signal_set_temporary_mask(mask);
	for (;;) {
		WRITE_ONCE(thread->state, THREAD_INTERRUPTIBLE);
		/* The state before the work; pairs with that in sched_wake(). */
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		if (thread_has_work(thread, WORK_SIGNAL | WORK_KILL))
			break;
		schedule();
	}
	WRITE_ONCE(thread->state, THREAD_RUNNING);
	signal_end_temporary_mask(true);
	return -ERESTARTNOHAND;
}

/* ---- Actions ------------------------------------------------------------- */

struct signal_actions *signal_actions_create(void)
{
	struct signal_actions *actions = kzalloc(sizeof(*actions));

	if (actions) {
		refcount_init(&actions->refs, 1);
		spin_init(&actions->lock, LOCK_SPIN_MISC);
	}
	return actions;
}

struct signal_actions *signal_actions_copy(struct process *process)
{
	struct signal_actions *copy = signal_actions_create();
	struct signal_actions *old = process->actions;

	if (!copy)
		return NULL;
	spin_lock(&old->lock);
	memcpy(copy->action, old->action, sizeof(copy->action));
	spin_unlock(&old->lock);
	return copy;
}

void signal_actions_put(struct signal_actions *actions)
{
	if (refcount_put(&actions->refs))
		kfree(actions);
}

void signal_actions_reset(struct process *process)
{
	struct signal_actions *actions = process->actions;

	spin_lock(&actions->lock);
	for (unsigned int i = 0; i < NUM_SIGNALS; i++) {
		struct signal_action *action = &actions->action[i];

		if (action->handler != HANDLER_IGNORE)
			action->handler = HANDLER_DEFAULT;
		action->flags = 0;
		action->mask = 0;
	}
	spin_unlock(&actions->lock);
}

int signal_change_action(int signo, const struct signal_action *new,
			 struct signal_action *old)
{
	struct process *process = current_process();
	struct signal_action *action;

	if (signo < 1 || signo > NUM_SIGNALS)
		return -EINVAL;
	if (new &&signal_in(SIGNALS_ABSOLUTE, signo))
		return -EINVAL;

	spin_lock(&process->actions->lock);
	action = &process->actions->action[signo - 1];
	if (old)
		*old = *action;
	if (new)
		*action = *new;
	spin_unlock(&process->actions->lock);
	/* POSIX: to ignore a signal discards it even if it is blocked. Whoever
	 * saw the old action has made it pending before we get the lock. */
	if (new &&signal_handler_ignores(new->handler, signo)) {
		spin_lock(&process->lock);
		remove_from_all(process, SIGNAL_BIT(signo));
		spin_unlock(&process->lock);
	}
	return 0;
}
