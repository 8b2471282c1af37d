/* SPDX-License-Identifier: MIT */
/*
 * signal.c - system calls: sending, handling and waiting for signals
 */
#include "kernel/proc/signal.h"
#include <arch/trap_frame.h>
#include "kernel/abi/errno.h"
#include "kernel/lib/string.h"
#include "kernel/mm/user_copy.h"
#include "kernel/proc/process.h"
#include "kernel/syscall/args.h"
#include "kernel/syscall/table.h"
#include "kernel/syscall/timeout.h"

/* sigset_t as the kernel has it; every call says its size. */
#define SET_SIZE sizeof(uint64_t)

/* ---- Sending ------------------------------------------------------------- */

/* As signal_kill_group() for one. */
static int kill_process(struct process *process, int signo,
			const struct short_siginfo *info)
{
	int err = signal_permission(process, signo);

	if (err || !signo)
		return err;
	return signal_send_process(process, signo, info);
}

/* kill(2) takes the number of any thread for its process. */
static int kill_other(int number, int signo, const struct short_siginfo *info)
{
	struct process *process = process_find(number);
	struct thread *thread;
	int err;

	if (!process) {
		thread = thread_find(number);
		if (!thread)
			return -ESRCH;
		process = thread_process_get(thread);
		thread_put(thread);
		if (!process)
			return -ESRCH;
	}
	err = kill_process(process, signo, info);
	process_put(process);
	return err;
}

static int kill_number(int number, int signo, const struct short_siginfo *info)
{
	struct process *process = current_process();

	if (number == process_pid(process)) /* needs no looking up */
		return kill_process(process, signo, info);
	return kill_other(number, signo, info);
}

static int kill_group(int number, int signo, const struct short_siginfo *info)
{
	struct pid *group;
	int err;

	if (number) {
		group = pid_find(number);
	} else {
		process_tree_enter();
		group = current_process()->group;
		pid_get(group);
		process_tree_leave();
	}
	if (!group)
		return -ESRCH;
	err = signal_kill_group(group, signo, info);
	pid_put(group);
	return err;
}

/* Everyone but the first process and ourselves. */
static int kill_all(int signo, const struct short_siginfo *info)
{
	struct process *process;
	int number = 2;
	int result = -ESRCH;

	while ((process = process_next(&number)) != NULL) {
		if (process != current_process()) {
			int err = kill_process(process, signo, info);

			if (result == -ESRCH || err != -EPERM)
				result = err == -EPERM ? 0 : err;
		}
		process_put(process);
		number++;
	}
	return result;
}

long sys_kill(const struct syscall_args *a)
{
	int pid = arg_int(a, 0);
	int signo = arg_int(a, 1);
	struct short_siginfo info;

	signal_info_from_user(&info, signo, SI_USER);
	if (pid > 0)
		return kill_number(pid, signo, &info);
	if (pid == -1)
		return kill_all(signo, &info);
	if (pid == INT32_MIN)
		return -ESRCH;
	return kill_group(-pid, signo, &info);
}

/* @tgid 0: whatever process the thread is of. */
static long kill_thread(int tgid, int tid, int signo,
			const struct short_siginfo *info)
{
	struct thread *thread = thread_find(tid);
	struct process *process;
	long err = -ESRCH;

	if (!thread)
		return err;
	process = thread_process_get(thread);
	if (process && (!tgid || process_pid(process) == tgid)) {
		err = signal_permission(process, signo);
		if (!err && signo)
			err = signal_send_thread_of(process, thread, signo,
						    info);
	}
	if (process)
		process_put(process);
	thread_put(thread);
	return err;
}

long sys_tkill(const struct syscall_args *a)
{
	int tid = arg_int(a, 0);
	int signo = arg_int(a, 1);
	struct short_siginfo info;

	if (tid <= 0)
		return -EINVAL;
	signal_info_from_user(&info, signo, SI_TKILL);
	return kill_thread(0, tid, signo, &info);
}

long sys_tgkill(const struct syscall_args *a)
{
	int tgid = arg_int(a, 0);
	int tid = arg_int(a, 1);
	int signo = arg_int(a, 2);
	struct short_siginfo info;

	if (tgid <= 0 || tid <= 0)
		return -EINVAL;
	signal_info_from_user(&info, signo, SI_TKILL);
	return kill_thread(tgid, tid, signo, &info);
}

/*
 * A siginfo made by the program. What the kernel alone may say (si_code >= 0,
 * and SI_TKILL) it may tell nobody but itself.
 */
static int get_info(struct short_siginfo *info, const void __user *from,
		    int signo, int pid)
{
	if (copy_from_user(info, from, sizeof(*info)))
		return -EFAULT;
	info->si_signo = signo;
	if ((info->si_code >= 0 || info->si_code == SI_TKILL) &&
	    pid != process_pid(current_process()))
		return -EPERM;
	return 0;
}

long sys_rt_sigqueueinfo(const struct syscall_args *a)
{
	int pid = arg_int(a, 0);
	int signo = arg_int(a, 1);
	struct short_siginfo info;
	int err = get_info(&info, arg_ptr(a, 2), signo, pid);

	return err ? err : kill_number(pid, signo, &info);
}

long sys_rt_tgsigqueueinfo(const struct syscall_args *a)
{
	int tgid = arg_int(a, 0);
	int tid = arg_int(a, 1);
	int signo = arg_int(a, 2);
	struct short_siginfo info;
	int err = get_info(&info, arg_ptr(a, 3), signo, tgid);

	if (err)
		return err;
	if (tgid <= 0 || tid <= 0)
		return -EINVAL;
	return kill_thread(tgid, tid, signo, &info);
}

/* ---- Actions and masks --------------------------------------------------- */

/* struct sigaction of riscv64 is our struct signal_action. */
_Static_assert(sizeof(struct signal_action) == sizeof(struct sigaction) &&
		       offsetof(struct signal_action, flags) ==
			       offsetof(struct sigaction, sa_flags) &&
		       offsetof(struct signal_action, mask) ==
			       offsetof(struct sigaction, sa_mask),
	       "struct sigaction");

/* Unknown flags are dropped: that is how programs probe for new ones. */
#define KNOWN_FLAGS                                                            \
	((unsigned long)SA_NOCLDSTOP | SA_NOCLDWAIT | SA_SIGINFO |             \
	 SA_ONSTACK | SA_RESTART | SA_NODEFER | SA_RESETHAND |                 \
	 SA_EXPOSE_TAGBITS)

long sys_rt_sigaction(const struct syscall_args *a)
{
	int signo = arg_int(a, 0);
	const void __user *act = arg_ptr(a, 1);
	void __user *oldact = arg_ptr(a, 2);
	struct signal_action new, old;
	int err;

	if (arg_size(a, 3) != SET_SIZE)
		return -EINVAL;
	if (act) {
		if (struct_from_user(&new, act, sizeof(new)))
			return -EFAULT;
		new.flags &= KNOWN_FLAGS;
		new.mask &= ~(SIGNAL_BIT(SIGKILL) | SIGNAL_BIT(SIGSTOP));
	}
	err = signal_change_action(signo, act ? &new : NULL,
				   oldact ? &old : NULL);
	if (!err && oldact)
		err = struct_to_user(oldact, &old, sizeof(old));
	return err;
}

long sys_rt_sigprocmask(const struct syscall_args *a)
{
	int how = arg_int(a, 0);
	const void __user *set = arg_ptr(a, 1);
	void __user *oldset = arg_ptr(a, 2);
	uint64_t old = current()->signal_blocked;
	uint64_t mask;

	if (arg_size(a, 3) != SET_SIZE)
		return -EINVAL;
	if (set) {
		if (get_user_u64(&mask, set))
			return -EFAULT;
		if (how == SIG_BLOCK)
			mask |= old;
		else if (how == SIG_UNBLOCK)
			mask = old & ~mask;
		else if (how != SIG_SETMASK)
			return -EINVAL;
		if (mask != old)
			signal_set_blocked(mask);
	}
	return oldset ? put_user_u64(oldset, old) : 0;
}

long sys_rt_sigpending(const struct syscall_args *a)
{
	void __user *set = arg_ptr(a, 0);
	size_t size = arg_size(a, 1);
	uint64_t pending;

	if (size > SET_SIZE)
		return -EINVAL;
	pending = signal_pending_set(current()) & current()->signal_blocked;
	return copy_to_user(set, &pending, size);
}

/* ---- Waiting ------------------------------------------------------------- */

long sys_rt_sigsuspend(const struct syscall_args *a)
{
	uint64_t mask;

	if (arg_size(a, 1) != SET_SIZE)
		return -EINVAL;
	if (get_user_u64(&mask, arg_ptr(a, 0)))
		return -EFAULT;
	return signal_suspend(mask);
}

static int info_to_user(char __user *to, const struct short_siginfo *info)
{
	if (copy_to_user(to, info, sizeof(*info)))
		return -EFAULT;
	return clear_user(to + sizeof(*info), SI_MAX_SIZE - sizeof(*info));
}

long sys_rt_sigtimedwait(const struct syscall_args *a)
{
	const void __user *set = arg_ptr(a, 0);
	void __user *info_to = arg_ptr(a, 1);
	uint64_t wanted, deadline_ns;
	struct short_siginfo info;
	int result;

	if (arg_size(a, 3) != SET_SIZE)
		return -EINVAL;
	if (get_user_u64(&wanted, set))
		return -EFAULT;
	result = deadline_from_user(arg_ptr(a, 2), &deadline_ns);
	if (result)
		return result;
	result = signal_wait(wanted, deadline_ns, &info);
	if (result > 0 && info_to && info_to_user(info_to, &info))
		return -EFAULT;
	return result;
}

/* ---- The stack, and the way back ----------------------------------------- */

static int set_alt_stack(const stack_t *new, vaddr_t sp)
{
	struct thread *thread = current();
	unsigned int flags = (unsigned int)new->ss_flags;
	unsigned int mode = flags & ~SS_FLAG_BITS;
	bool none = mode == SS_DISABLE;

	if (signal_on_alt_stack(thread, sp))
		return -EPERM;
	if (mode != 0 && mode != SS_ONSTACK && mode != SS_DISABLE)
		return -EINVAL;
	if (!none && new->ss_size < MINSIGSTKSZ)
		return -ENOMEM;
	thread->alt_stack.base = none ? 0 : (vaddr_t) new->ss_sp;
	thread->alt_stack.size = none ? 0 : new->ss_size;
	thread->alt_stack.flags = (int)(flags & SS_FLAG_BITS);
	return 0;
}

static void get_alt_stack(stack_t *old, vaddr_t sp)
{
	const struct thread *thread = current();
	unsigned int flags = (unsigned int)thread->alt_stack.flags;

	memset(old, 0, sizeof(*old));
	old->ss_sp = (void *)thread->alt_stack.base;
	old->ss_size = thread->alt_stack.size;
	if (!thread->alt_stack.size)
		flags |= SS_DISABLE;
	else if (signal_on_alt_stack(thread, sp))
		flags |= SS_ONSTACK;
	old->ss_flags = (int)flags;
}

long sys_sigaltstack(const struct syscall_args *a)
{
	const void __user *ss = arg_ptr(a, 0);
	void __user *old_ss = arg_ptr(a, 1);
	vaddr_t sp = tf_user_sp(arch_thread_frame(current()));
	stack_t new, old;
	int err = 0;

	if (ss && copy_from_user(&new, ss, sizeof(new)))
		return -EFAULT;
	get_alt_stack(&old, sp);
	if (ss)
		err = set_alt_stack(&new, sp);
	if (!err && old_ss)
		err = copy_to_user(old_ss, &old, sizeof(old));
	return err;
}

long sys_rt_sigreturn(const struct syscall_args *a)
{
	return signal_return(arch_thread_frame(current()));
}

/* After a stop: go on with the call that was interrupted. */
long sys_restart_syscall(const struct syscall_args *a)
{
	struct thread *thread = current();

	return thread->restart.call ? thread->restart.call(thread) : -EINTR;
}
