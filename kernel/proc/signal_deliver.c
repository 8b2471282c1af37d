/* SPDX-License-Identifier: MIT */
/*
 * signal_deliver.c - what a thread does about its signals before user mode
 *
 * signal_deliver() takes pending signals until one has a handler, or none is
 * left. Default actions happen here: nothing, stop, exit. A handler gets a
 * frame on the user stack, and the trap frame is turned towards it; what
 * becomes of an interrupted system call is decided before that, so that the
 * saved registers already say "restart" or "EINTR":
 *
 *   result of the call     with a handler           without
 *   ERESTARTSYS            restart if SA_RESTART    restart
 *   ERESTARTNOINTR         restart                  restart
 *   ERESTARTNOHAND         EINTR                    restart
 *   ERESTART_RESTARTBLOCK  EINTR                    restart_syscall(2)
 *
 * Job control: process->stopped says that the process is stopped; each of its
 * threads sees it here and sleeps as THREAD_STOPPED. The parent is told when
 * the first one does (Linux: when the last one has).
 *
 * Locks: process.lock; the tree's never inside it.
 * Source: signal(7), sigaltstack(2), sigreturn(2).
 */
#include <arch/signal_frame.h>
#include <arch/trap_frame.h>
#include "kernel/abi/errno.h"
#include "kernel/abi/syscall.h"
#include "kernel/debug/log.h"
#include "kernel/proc/signal_internal.h"
#include "kernel/sched/sched.h"
#include "kernel/trace/trace.h"

/* ---- System calls that were interrupted ---------------------------------- */

/* The call was interrupted, with one of the results above. */
static __noinline void end_interrupted(struct trap_frame *tf, bool has_handler,
				       unsigned long action_flags)
{
	bool restart = true;

	switch (tf_syscall_result(tf)) {
	case -ERESTARTSYS:
		restart = !has_handler || (action_flags & SA_RESTART);
		break;
	case -ERESTARTNOHAND:
		restart = !has_handler;
		break;
	case -ERESTART_RESTARTBLOCK:
		if (!has_handler) {
			tf_restart_syscall_as(tf, __NR_restart_syscall);
			return;
		}
		restart = false;
		break;
	default:
		break; /* ERESTARTNOINTR */
	}
	if (restart) {
		tf_restart_syscall(tf);
	} else {
		tf_set_result(tf, -EINTR);
		tf_forget_syscall(tf);
	}
}

static bool is_interrupted(long result)
{
	return result == -ERESTARTSYS || result == -ERESTARTNOINTR ||
	       result == -ERESTARTNOHAND || result == -ERESTART_RESTARTBLOCK;
}

static void finish_syscall(struct trap_frame *tf, bool has_handler,
			   unsigned long action_flags)
{
	if (!tf_in_syscall(tf))
		return;
	if (unlikely(is_interrupted(tf_syscall_result(tf))))
		end_interrupted(tf, has_handler, action_flags);
	else
		tf_forget_syscall(tf);
}

/* ---- Stopping ------------------------------------------------------------ */

static bool group_is_orphaned(struct process *process)
{
	bool orphaned;

	process_tree_lock();
	orphaned = process_group_is_orphaned(process->group);
	process_tree_unlock();
	return orphaned;
}

/*
 * The default action of a stop signal. Called and returns with process->lock
 * held, which is released in between: a SIGCONT may come then, and is seen by
 * stop_dequeued.
 */
static void begin_stop(struct process *process, int signo)
	MUST_HOLD(process->lock)
{
	struct thread *thread;
	bool orphaned;

	process->stop_dequeued = true;
	if (signo != SIGSTOP) {
		spin_unlock(&process->lock);
		orphaned = group_is_orphaned(process);
		spin_lock(&process->lock);
		if (orphaned)
			return; /* nobody could set it going again */
	}
	if (!process->stop_dequeued || process->exiting || process->stopped)
		return;
	process->stop_dequeued = false;
	process->stopped = true;
	process->stop_signal = signo;
	list_for_each (thread, &process->threads, process_node) {
		if (thread == current())
			continue;
		thread_set_work(thread, WORK_SIGNAL);
		if (!sched_wake(thread, THREAD_INTERRUPTIBLE))
			sched_kick(thread);
	}
	spin_unlock(&process->lock);
	process_notify_stopped();
	spin_lock(&process->lock);
}

/* Sleep while the process is stopped; lock as in begin_stop(). */
static void stay_stopped(struct process *process) MUST_HOLD(process->lock)
{
	/* Under the lock, so that SIGCONT comes before or finds us asleep. */
	WRITE_ONCE(current()->state, THREAD_STOPPED);
	spin_unlock(&process->lock);
	schedule();
	spin_lock(&process->lock);
}

/* ---- Taking signals ------------------------------------------------------ */

static void take_action(struct process *process, int signo,
			struct signal_action *action)
{
	struct signal_actions *actions = process->actions;

	spin_lock(&actions->lock);
	*action = actions->action[signo - 1];
	if (action->handler > HANDLER_IGNORE && (action->flags & SA_RESETHAND))
		actions->action[signo - 1].handler = HANDLER_DEFAULT;
	spin_unlock(&actions->lock);
}

/* Everything that needs no handler; lock as in begin_stop(). */
static void default_action(struct process *process, int signo)
	MUST_HOLD(process->lock)
{
	if (signal_is_ignored(process, signo))
		return;
	if (signal_in(SIGNALS_STOP, signo))
		begin_stop(process, signo);
	else
		signal_begin_exit(process, signo);
}

/*
 * Act on pending signals until one has a handler: its number, with *@action
 * and *@info. 0: none is left, or the process is to exit.
 */
static int next_handled(struct process *process, struct signal_action *action,
			struct short_siginfo *info) MUST_HOLD(process->lock)
{
	struct thread *thread = current();

	while (!process->exiting && !thread_has_work(thread, WORK_KILL)) {
		int signo;

		if (process->tell_continued) {
			process->tell_continued = false;
			spin_unlock(&process->lock);
			process_notify_continued();
			spin_lock(&process->lock);
			continue;
		}
		if (process->stopped) {
			stay_stopped(process);
			continue;
		}
		signo = signal_take_locked(process, thread,
					   ~thread->signal_blocked, info);
		if (!signo)
			break;
		take_action(process, signo, action);
		if (action->handler > HANDLER_IGNORE)
			return signo;
		default_action(process, signo);
	}
	signal_update_own_work(process);
	return 0;
}

/* ---- Calling a handler --------------------------------------------------- */

bool signal_on_alt_stack(const struct thread *thread, vaddr_t sp)
{
	/* One that disarms itself is never in use while it is set. */
	if ((unsigned int)thread->alt_stack.flags & SS_AUTODISARM)
		return false;
	return sp > thread->alt_stack.base &&
	       sp - thread->alt_stack.base <= thread->alt_stack.size;
}

/*
 * Where the frame begins, in args->stack_top: 0 is the present stack.
 * False: that is the alternate stack, and it is full.
 */
static bool choose_stack(struct trap_frame *tf, unsigned long flags,
			 struct signal_frame_args *args)
{
	const struct thread *thread = current();
	vaddr_t sp = tf_user_sp(tf);

	args->stack_top = 0;
	if (signal_on_alt_stack(thread, sp))
		return signal_on_alt_stack(thread,
					   sp - arch_signal_frame_size());
	if ((flags & SA_ONSTACK) && thread->alt_stack.size)
		args->stack_top =
			thread->alt_stack.base + thread->alt_stack.size;
	return true;
}

static void disarm_alt_stack(struct thread *thread)
{
	if (!((unsigned int)thread->alt_stack.flags & SS_AUTODISARM))
		return;
	thread->alt_stack.base = 0;
	thread->alt_stack.size = 0;
	thread->alt_stack.flags = 0;
}

/* The frame could not be written: SIGSEGV, and no handler for that again. */
static void stack_is_bad(int signo)
{
	struct process *process = current_process();

	log_debug("%s[%d]: no stack for signal %d", current()->name,
		  thread_tid(current()), signo);
	if (signo == SIGSEGV) {
		spin_lock(&process->lock);
		signal_begin_exit(process, SIGSEGV);
		spin_unlock(&process->lock);
	} else {
		signal_force(SIGSEGV, SI_KERNEL, 0);
	}
}

/* Where the program goes on after the handler: @blocked is its mask then. */
static bool push_frame(struct trap_frame *tf, int signo,
		       const struct signal_action *action,
		       const struct short_siginfo *info, uint64_t blocked)
{
	const struct thread *thread = current();
	struct signal_frame_args args;

	args.signo = signo;
	args.info = info;
	args.handler = action->handler;
	args.context = (struct signal_context){
		.alt_stack.base = thread->alt_stack.base,
		.alt_stack.flags = thread->alt_stack.size
					   ? thread->alt_stack.flags
					   : SS_DISABLE,
		.alt_stack.size = thread->alt_stack.size,
		.mask = unlikely(thread->signal_restore_mask)
				? thread->signal_saved_mask
				: blocked,
	};
	return choose_stack(tf, action->flags, &args) &&
	       !arch_signal_frame_push(tf, &args);
}

/* @blocked is the mask as it was before signal_deliver() set the handler's. */
static void call_handler(struct trap_frame *tf, int signo,
			 const struct signal_action *action,
			 const struct short_siginfo *info, uint64_t blocked)
{
	struct thread *thread = current();

	if (unlikely(!push_frame(tf, signo, action, info, blocked))) {
		signal_set_blocked(blocked);
		stack_is_bad(signo);
		return;
	}
	TRACE(SIGNAL_DELIVER, (uint64_t)signo, action->handler);
	thread->signal_restore_mask = false;
	disarm_alt_stack(thread);
}

/* What is blocked while the handler of @signo runs. */
static uint64_t handler_mask(uint64_t blocked, int signo,
			     const struct signal_action *action)
{
	blocked |= action->mask;
	if (!(action->flags & SA_NODEFER))
		blocked |= SIGNAL_BIT(signo);
	return blocked;
}

void signal_deliver(struct trap_frame *tf)
{
	struct process *process = current_process();
	uint64_t blocked = current()->signal_blocked;
	struct signal_action action;
	struct short_siginfo info;
	int signo;

	spin_lock(&process->lock);
	signo = next_handled(process, &action, &info);
	/* Before the frame is made, for one look at the lock instead of two. */
	if (signo)
		signal_set_blocked_locked(
			process, handler_mask(blocked, signo, &action));
	spin_unlock(&process->lock);

	if (likely(signo)) {
		finish_syscall(tf, true, action.flags);
		call_handler(tf, signo, &action, &info, blocked);
		return;
	}
	finish_syscall(tf, false, 0);
	if (current()->signal_restore_mask)
		signal_end_temporary_mask(false);
}

/* uc_stack as the handler left it; one that makes no sense is no stack. */
static void restore_alt_stack(struct thread *thread,
			      const struct signal_context *context)
{
	bool none = context->alt_stack.flags & SS_DISABLE;

	if (signal_on_alt_stack(thread, tf_user_sp(arch_thread_frame(thread))))
		return;
	thread->alt_stack.base = none ? 0 : context->alt_stack.base;
	thread->alt_stack.size = none ? 0 : context->alt_stack.size;
	thread->alt_stack.flags =
		none ? 0
		     : (int)((unsigned int)context->alt_stack.flags &
			     SS_AUTODISARM);
}

long signal_return(struct trap_frame *tf)
{
	struct signal_context context;

	current()->restart.call = NULL;
	if (arch_signal_frame_pop(tf, &context)) {
		signal_force(SIGSEGV, SI_KERNEL, 0);
		return 0;
	}
	tf_forget_syscall(tf);
	signal_set_blocked(context.mask);
	restore_alt_stack(current(), &context);
	return tf_syscall_result(tf);
}
