/* SPDX-License-Identifier: MIT */
/*
 * notify.c - telling a parent what becomes of its child
 *
 * Idea: exit, stop and continue are told in two ways at once: by a signal
 * (SIGCHLD, unless the parent does not want it) and by waking whoever sleeps
 * in wait(2), which then looks at the child's state itself (wait.c).
 *
 * Locks: the tree's, so that the parent stays the parent; the announcing of an
 * exit with the parent's children_lock held.
 * Source: wait(2), sigaction(2) on SA_NOCLDSTOP and SA_NOCLDWAIT.
 */
#include "kernel/lib/string.h"
#include "kernel/proc/internal.h"
#include "kernel/vfs/cred.h"

/* si_utime and si_stime are in ticks of 10 ms (AT_CLKTCK). */
#define CLOCK_TICK_NS (10 * NSEC_PER_MSEC)

void process_child_info(struct process *process, int code, int status,
			struct short_siginfo *info)
{
	const struct cred *cred = process_cred_get(process);
	struct usage usage;

	spin_lock(&process->lock);
	process_usage(process, &usage);
	spin_unlock(&process->lock);

	memset(info, 0, sizeof(*info));
	info->si_signo = SIGCHLD;
	info->si_code = code;
	info->si_pid = process_pid(process);
	info->si_uid = cred ? cred->uid : 0;
	info->si_status = status;
	info->si_utime = (long)(usage.user_ns / CLOCK_TICK_NS);
	info->si_stime = (long)(usage.system_ns / CLOCK_TICK_NS);
	cred_put(cred);
}

int process_exit_info(int exit_code, int *status)
{
	int signo = exit_code & 0x7f;

	*status = signo ? signo : (exit_code >> 8) & 0xff;
	if (!signo)
		return CLD_EXITED;
	return exit_code & 0x80 ? CLD_DUMPED : CLD_KILLED;
}

/* What @parent does about SIGCHLD. */
static struct signal_action sigchld_action(struct process *parent)
{
	struct signal_action action;

	spin_lock(&parent->lock);
	spin_lock(&parent->actions->lock);
	action = parent->actions->action[SIGCHLD - 1];
	spin_unlock(&parent->actions->lock);
	spin_unlock(&parent->lock);
	return action;
}

static bool ignores(const struct signal_action *action)
{
	return action->handler == (vaddr_t)SIG_IGN;
}

bool process_announce_exit(struct process *process)
{
	struct process *parent = process->parent;
	struct signal_action action = sigchld_action(parent);
	int signo = process->exit_signal;
	bool unwanted = false;

	if (signo == SIGCHLD) {
		unwanted = ignores(&action) || (action.flags & SA_NOCLDWAIT);
		if (ignores(&action))
			signo = 0;
	}
	if (signo) {
		struct short_siginfo info;
		int status;
		int code = process_exit_info(process->exit_code, &status);

		process_child_info(process, code, status, &info);
		info.si_signo = signo;
		signal_send_process(parent, signo, &info);
	}
	wake_all(&parent->child_wait);
	return unwanted;
}

static void announce_job_change(struct process *process, int code, int status)
{
	struct process *parent = process->parent;
	struct signal_action action = sigchld_action(parent);

	if (!ignores(&action) && !(action.flags & SA_NOCLDSTOP)) {
		struct short_siginfo info;

		process_child_info(process, code, status, &info);
		signal_send_process(parent, SIGCHLD, &info);
	}
	wake_all(&parent->child_wait);
}

void process_notify_stopped(void)
{
	struct process *process = current_process();

	process_tree_lock();
	process->stop_event = true;
	process->continued_event = false;
	if (process->parent) {
		process->parent->child_stopped = true;
		announce_job_change(process, CLD_STOPPED, process->stop_signal);
	}
	process_tree_unlock();
}

void process_notify_continued(void)
{
	struct process *process = current_process();

	process_tree_lock();
	process->continued_event = true;
	process->stop_event = false;
	if (process->parent) {
		process->parent->child_continued = true;
		announce_job_change(process, CLD_CONTINUED, SIGCONT);
	}
	process_tree_unlock();
}
