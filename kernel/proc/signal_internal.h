/* SPDX-License-Identifier: MIT */
/*
 * signal_internal.h - what the signal files of this room share
 */
#pragma once

#include "kernel/proc/itimer.h"
#include "kernel/proc/process.h"
#include "kernel/proc/signal.h"
#include "kernel/sync/annotate.h"

/* Default actions, by sets: signal(7), "Standard signals". All others kill. */
#define SIGNALS_STOP                                                           \
	(SIGNAL_BIT(SIGSTOP) | SIGNAL_BIT(SIGTSTP) | SIGNAL_BIT(SIGTTIN) |     \
	 SIGNAL_BIT(SIGTTOU))
#define SIGNALS_NOTHING                                                        \
	(SIGNAL_BIT(SIGCONT) | SIGNAL_BIT(SIGCHLD) | SIGNAL_BIT(SIGURG) |      \
	 SIGNAL_BIT(SIGWINCH))
/* Faults: taken first, so that the handler sees the state at the fault. */
#define SIGNALS_FAULT                                                          \
	(SIGNAL_BIT(SIGSEGV) | SIGNAL_BIT(SIGBUS) | SIGNAL_BIT(SIGILL) |       \
	 SIGNAL_BIT(SIGTRAP) | SIGNAL_BIT(SIGFPE) | SIGNAL_BIT(SIGSYS))
/* Can be neither caught, ignored nor blocked. */
#define SIGNALS_ABSOLUTE (SIGNAL_BIT(SIGKILL) | SIGNAL_BIT(SIGSTOP))

static inline bool signal_in(uint64_t set, int signo)
{
	return set & SIGNAL_BIT(signo);
}

/* The handler of @signo now: SIG_DFL (0), SIG_IGN (1) or an address. */
static inline vaddr_t signal_handler(const struct process *process, int signo)
{
	return READ_ONCE(process->actions->action[signo - 1].handler);
}
#define HANDLER_DEFAULT ((vaddr_t)0)
#define HANDLER_IGNORE  ((vaddr_t)1)

/* Nothing is to be done for @signo when @handler is its handler. */
static inline bool signal_handler_ignores(vaddr_t handler, int signo)
{
	return handler == HANDLER_IGNORE || (handler == HANDLER_DEFAULT &&
					     signal_in(SIGNALS_NOTHING, signo));
}

/* signal_pending.c: a set of pending signals, and what is known of them. */
struct pending {
	uint64_t *set;
	struct list_head *queue; /* struct signal_info */
};
static inline struct pending pending_of_thread(struct thread *thread)
{
	return (struct pending){ &thread->signal_pending,
				 &thread->signal_queue };
}
static inline struct pending pending_of_process(struct process *process)
{
	return (struct pending){ &process->shared_pending.set,
				 &process->shared_pending.queue };
}

/* All with process.lock held. */

/* 0, or -EAGAIN: a real-time signal from a program, and no room. */
int pending_add(struct process *process, struct pending pending, int signo,
		const struct short_siginfo *info);
/* An entry that belongs to a timer. */
void pending_add_entry(struct pending pending, struct signal_info *entry);
void pending_remove_entry(struct pending pending, struct signal_info *entry);
/* Lowest of @wanted, faults first; there is one. Fills in @info. */
int pending_take(struct process *process, struct pending pending,
		 uint64_t wanted, struct short_siginfo *info);
/* Forget all of @set. */
void pending_remove(struct process *process, struct pending pending,
		    uint64_t set);
/*
 * The signal of a timer, to @thread or, if that is NULL, to any of @process.
 * False: it is ignored, and was not queued.
 */
bool signal_send_entry(struct process *process, struct thread *thread,
		       struct signal_info *entry) MUST_HOLD(process->lock);
/* As signal_take(). */
static inline int signal_take_locked(struct process *process,
				     struct thread *thread, uint64_t wanted,
				     struct short_siginfo *info)
	MUST_HOLD(process->lock)
{
	int signo;

	if (thread->signal_pending & wanted)
		return pending_take(process, pending_of_thread(thread), wanted,
				    info);
	if (!(process->shared_pending.set & wanted))
		return 0;
	signo = pending_take(process, pending_of_process(process), wanted,
			     info);
	if (signo == SIGALRM)
		itimer_signal_taken(process);
	return signo;
}

/* Has the current thread to look at its signals? */
static inline void signal_update_own_work(const struct process *process)
	MUST_HOLD(process->lock)
{
	struct thread *thread = current();
	uint64_t set = thread->signal_pending | process->shared_pending.set;

	if (unlikely((set & ~thread->signal_blocked) || process->stopped ||
		     process->tell_continued))
		thread_set_work(thread, WORK_SIGNAL);
	else if (thread_has_work(thread, WORK_SIGNAL))
		thread_clear_work(thread, WORK_SIGNAL); /* G2 */
}

/*
 * The current thread may not take those of @set any more: for each that is
 * pending for the process, choose one that may.
 */
void signal_retarget(struct process *process, uint64_t set)
	MUST_HOLD(process->lock);

/* As signal_set_blocked(). @process: the current one. */
static inline void signal_set_blocked_locked(struct process *process,
					     uint64_t mask)
	MUST_HOLD(process->lock)
{
	struct thread *thread = current();
	uint64_t newly_blocked;

	mask &= ~SIGNALS_ABSOLUTE;
	newly_blocked = mask & ~thread->signal_blocked;
	thread->signal_blocked = mask;
	if (unlikely(process->shared_pending.set & newly_blocked) &&
	    process->num_threads > 1)
		signal_retarget(process, newly_blocked);
	signal_update_own_work(process);
}
