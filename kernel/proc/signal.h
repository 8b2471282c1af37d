/* SPDX-License-Identifier: MIT */
/*
 * signal.h - software interrupts for programs
 *
 * Idea: sending puts a signal into a set (and, for siginfo, into a queue) and
 * wakes a thread that may take it; delivery happens when a thread is about to
 * return to user mode (user_return.c). Source: signal(7), sigaction(2).
 */
#pragma once

#include "kernel/abi/signal.h"
#include "kernel/lib/list.h"
#include "kernel/lib/refcount.h"
#include "kernel/sync/spinlock.h"
#include "kernel/sync/wait.h"

struct cred;
struct pid;
struct posix_timer;
struct process;
struct thread;
struct trap_frame;

#define NUM_SIGNALS   64
#define SIGNAL_BIT(n) (1UL << ((n)-1))

struct signal_action {
	vaddr_t handler; /* SIG_DFL, SIG_IGN or an address */
	unsigned long flags;
	uint64_t mask;
};

/*
 * Shared by CLONE_SIGHAND, by threads and possibly by processes: so it has a
 * lock of its own, taken inside process.lock. A handler word alone may be read
 * without it.
 */
struct signal_actions {
	struct refcount refs;
	struct spinlock lock; /* rank LOCK_SPIN_MISC */
	struct signal_action action[NUM_SIGNALS];
};

/* One queued signal with its siginfo. */
struct signal_info {
	struct list_head node;     /* the queue's lock: process.lock */
	struct posix_timer *timer; /* it is part of that timer; or NULL */
	struct short_siginfo info;
};

struct signal_set_queue {
	uint64_t set;
	struct list_head queue;
	struct wait_queue watchers; /* signalfd */
};

/* Where to: */
/*
 * @info NULL: from the kernel (SI_KERNEL). Any context but holding
 * process.lock. 0, -EAGAIN (queue limit, real-time signals). One that has
 * ended gets nothing, without an error.
 */
/* @thread: the current one. */
int signal_send_thread(struct thread *thread, int signo,
		       const struct short_siginfo *info);
/* @thread was or is one of @process; the caller has references to both. */
int signal_send_thread_of(struct process *process, struct thread *thread,
			  int signo, const struct short_siginfo *info);
int signal_send_process(struct process *process, int signo,
			const struct short_siginfo *info);
/*
 * All of a process group, without asking for permission (the terminal's right).
 * 0, or -ESRCH if it is empty. Locks the tree.
 */
int signal_send_group(struct pid *group, int signo,
		      const struct short_siginfo *info);
/*
 * kill(2) to a group: those that the current thread may signal; @signo 0 only
 * asks. 0; -ESRCH: empty; -EPERM: not one of them.
 */
int signal_kill_group(struct pid *group, int signo,
		      const struct short_siginfo *info);
/*
 * A fault of the current thread: cannot be ignored or blocked (that kills).
 */
void signal_force(int signo, int si_code, vaddr_t address);
/* siginfo of kill(2)/tgkill(2) by the current thread. */
void signal_info_from_user(struct short_siginfo *info, int signo, int si_code);
/* May the current thread send @signo (0: any) there? 0, -EPERM, -EINVAL. */
int signal_permission(struct process *process, int signo);
/*
 * Every thread of @process is to exit, with @code as wait(2) will show it
 * unless an earlier one stands. Caller holds process.lock.
 */
void signal_begin_exit(struct process *process, int code);

/* Is there a signal for @thread that is not blocked? */
bool signal_is_pending(const struct thread *thread);
/*
 * The current thread is about to leave its process: it takes no more signals,
 * and those for the process that it might have taken are for others. Before
 * anybody can learn that it ends: who sends a signal after that chooses who is
 * left, and nobody else. process.lock held.
 */
void signal_leave(struct thread *thread);

/* Before user mode: deliver what is pending; called by user_return.c. */
void signal_deliver(struct trap_frame *tf);

/*
 * sigreturn(2): the program's state as it was before the handler. Returns what
 * is to be in the result register; a frame that cannot be read is SIGSEGV.
 */
long signal_return(struct trap_frame *tf);

/* Is the program, at @sp, on its alternate stack now? */
bool signal_on_alt_stack(const struct thread *thread, vaddr_t sp);

/* Set the mask of the current thread (KILL and STOP are left out). */
void signal_set_blocked(uint64_t mask);
/*
 * A mask for the length of one call (ppoll, pselect, epoll_pwait, sigsuspend).
 * The old one comes back when the call is over: at once if it was not
 * interrupted, else when the signal is delivered (so that a handler runs with
 * the temporary mask and returns to the old one).
 */
void signal_set_temporary_mask(uint64_t mask);
void signal_end_temporary_mask(bool interrupted);

struct signal_actions *signal_actions_create(void);
struct signal_actions *signal_actions_copy(struct process *process);
void signal_actions_put(struct signal_actions *actions);
/* exec: handlers become SIG_DFL, ignored stay. */
void signal_actions_reset(struct process *process);
/*
 * Free everything queued for a thread of @process, or for @process itself,
 * that ends. Caller holds process.lock; the thread is off process->threads.
 */
void signal_flush(struct process *process, struct list_head *queue,
		  uint64_t *set);
bool signal_is_ignored(struct process *process, int signo);
/* rt_sigaction(2): @new and @old may be NULL. 0, -EINVAL. */
int signal_change_action(int signo, const struct signal_action *new,
			 struct signal_action *old);
/* Take one of @wanted from the thread's or process's pending set; 0: none. */
int signal_take(struct thread *thread, uint64_t wanted,
		struct short_siginfo *info);
/*
 * Wait until one of @wanted can be taken: sigtimedwait(2). The signal, or
 * -EAGAIN at @deadline_ns, -EINTR.
 */
int signal_wait(uint64_t wanted, uint64_t deadline_ns,
		struct short_siginfo *info);
/* Wait with @mask until a signal is to be delivered: sigsuspend(2). */
long signal_suspend(uint64_t mask);
/* For signalfd and sigpending: what is pending for @thread or its process. */
uint64_t signal_pending_set(struct thread *thread);
