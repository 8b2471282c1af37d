/* SPDX-License-Identifier: MIT */
/*
 * process.c - system calls: processes and threads, their numbers and groups
 */
#include "kernel/proc/process.h"
#include "kernel/abi/capability.h"
#include "kernel/abi/errno.h"
#include "kernel/abi/fcntl.h"
#include "kernel/abi/sched.h"
#include "kernel/abi/wait.h"
#include "kernel/lib/string.h"
#include "kernel/mm/user_copy.h"
#include "kernel/proc/pidfd.h"
#include "kernel/proc/wait.h"
#include "kernel/syscall/args.h"
#include "kernel/syscall/struct_copy.h"
#include "kernel/syscall/table.h"
#include "kernel/syscall/usage.h"
#include "kernel/vfs/cred.h"
#include "kernel/vfs/file.h"

/* ---- clone --------------------------------------------------------------- */

long sys_clone(const struct syscall_args *a)
{
	uint64_t word = (uint32_t)arg_u64(a, 0);
	struct clone_args_kernel args = {
		.flags = word & ~(uint64_t)CSIGNAL,
		.exit_signal = (int)(word & CSIGNAL),
		.stack = arg_u64(a, 1),
		.parent_tid = arg_u64(a, 2),
		.set_tls = word & CLONE_SETTLS,
		.tls = arg_u64(a, 3),
		.child_tid = arg_u64(a, 4),
	};

	/* A pidfd goes where the tid would; there is no field of its own. */
	args.pidfd = args.parent_tid;
	if ((word & CLONE_PIDFD) &&
	    (word & (CLONE_PARENT_SETTID | CLONE_DETACHED)))
		return -EINVAL;
	return process_clone(&args);
}

#define CLONE3_FLAGS (0xffffffffUL | CLONE_CLEAR_SIGHAND)

/* The number wanted for the child (checkpoint/restore). 0 or an errno. */
static int get_set_tid(const struct clone_args *user, int *set_tid)
{
	uint32_t number;

	if (!user->set_tid != !user->set_tid_size)
		return -EINVAL;
	if (!user->set_tid)
		return 0;
	if (user->set_tid_size > 1) /* one for each pid namespace */
		return -EINVAL;
	if (copy_from_user(&number, (const void __user *)user->set_tid,
			   sizeof(number)))
		return -EFAULT;
	if (number < 1 || number >= PID_MAX)
		return -EINVAL;
	if (!capable(CAP_SYS_ADMIN) && !capable(CAP_CHECKPOINT_RESTORE))
		return -EPERM;
	*set_tid = (int)number;
	return 0;
}

static int check_clone3(const struct clone_args *user)
{
	if (user->flags & CLONE_INTO_CGROUP)
		return -EBADF;
	if (user->flags & ~CLONE3_FLAGS)
		return -EINVAL;
	if (user->flags & (CLONE_DETACHED | (CSIGNAL & ~CLONE_NEWTIME)))
		return -EINVAL;
	if (user->exit_signal > NUM_SIGNALS)
		return -EINVAL;
	if ((user->flags & (CLONE_THREAD | CLONE_PARENT)) && user->exit_signal)
		return -EINVAL;
	if (!user->stack != !user->stack_size)
		return -EINVAL;
	if (!user_range_ok((const void __user *)user->stack, user->stack_size))
		return -EINVAL;
	return 0;
}

long sys_clone3(const struct syscall_args *a)
{
	const void __user *from = arg_ptr(a, 0);
	size_t size = arg_size(a, 1);
	struct clone_args user;
	struct clone_args_kernel args;
	int set_tid = 0;
	int err;

	if (size < CLONE_ARGS_SIZE_VER0)
		return -EINVAL;
	err = copy_struct_from_user(&user, sizeof(user), from, size);
	if (!err)
		err = check_clone3(&user);
	if (!err)
		err = get_set_tid(&user, &set_tid);
	if (err)
		return err;
	args = (struct clone_args_kernel){
		.flags = user.flags,
		.exit_signal = (int)user.exit_signal,
		.stack = user.stack + user.stack_size,
		.parent_tid = user.parent_tid,
		.child_tid = user.child_tid,
		.set_tls = user.flags & CLONE_SETTLS,
		.tls = user.tls,
		.pidfd = user.pidfd,
		.set_tid = set_tid,
	};
	return process_clone(&args);
}

/* Copy what @fs or @files shares with others, before changing it. */
static int unshare_fs(struct thread *me)
{
	struct fs_context *copy, *old = me->fs;

	if (refcount_read(&old->refs) == 1)
		return 0;
	copy = fs_context_copy(old);
	if (!copy)
		return -ENOMEM;
	spin_lock(&me->process->lock);
	me->fs = copy;
	spin_unlock(&me->process->lock);
	fs_context_put(old);
	return 0;
}

static int unshare_files(struct thread *me)
{
	struct fd_table *copy, *old = me->files;

	if (refcount_read(&old->refs) == 1)
		return 0;
	copy = fd_table_copy(old);
	if (!copy)
		return -ENOMEM;
	spin_lock(&me->process->lock);
	me->files = copy;
	spin_unlock(&me->process->lock);
	fd_table_put(old);
	return 0;
}

#define UNSHARE_NAMESPACES                                                     \
	((uint64_t)CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS |              \
	 CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET |          \
	 CLONE_NEWTIME)
#define UNSHARE_FLAGS                                                          \
	(UNSHARE_NAMESPACES | CLONE_THREAD | CLONE_FS | CLONE_SIGHAND |        \
	 CLONE_VM | CLONE_FILES | CLONE_SYSVSEM)

long sys_unshare(const struct syscall_args *a)
{
	uint64_t flags = arg_u64(a, 0);
	struct thread *me = current();
	int err = 0;

	if (flags & ~UNSHARE_FLAGS)
		return -EINVAL;
	if (flags & UNSHARE_NAMESPACES)
		return capable(CAP_SYS_ADMIN) ? -EINVAL : -EPERM;
	/* A thread cannot become a process. */
	if ((flags & (CLONE_THREAD | CLONE_SIGHAND | CLONE_VM)) &&
	    READ_ONCE(me->process->num_threads) > 1)
		return -EINVAL;
	if (flags & CLONE_FS)
		err = unshare_fs(me);
	if (!err && (flags & CLONE_FILES))
		err = unshare_files(me);
	return err;
}

/* ---- exit and wait ------------------------------------------------------- */

/* The status of wait(2) for a normal end. */
static int exit_status(const struct syscall_args *a)
{
	return (arg_int(a, 0) & 0xff) << 8;
}

long sys_exit(const struct syscall_args *a)
{
	process_exit_thread(exit_status(a));
}

long sys_exit_group(const struct syscall_args *a)
{
	process_exit_group(exit_status(a));
}

#define WAIT4_OPTIONS                                                          \
	(WNOHANG | WUNTRACED | WCONTINUED | __WNOTHREAD | __WCLONE | __WALL)

/* @number as in wait4(2): > 0 a child, 0 our group, -1 any, < -1 a group. */
static void choose_children(struct wait_request *request, int number)
{
	if (number == -1) {
		request->which = P_ALL;
	} else if (number > 0) {
		request->which = P_PID;
		request->number = number;
	} else {
		request->which = P_PGID;
		request->number =
			number ? -number
			       : process_group_number(current_process());
	}
}

long sys_wait4(const struct syscall_args *a)
{
	int number = arg_int(a, 0);
	void __user *status = arg_ptr(a, 1);
	unsigned int options = arg_uint(a, 2);
	struct rusage __user *rusage = arg_ptr(a, 3);
	struct wait_request request = { .options = options | WEXITED };
	struct wait_event event;
	int pid;

	if (options & ~WAIT4_OPTIONS)
		return -EINVAL;
	if (number == INT32_MIN)
		return -ESRCH;
	choose_children(&request, number);
	pid = process_wait(&request, &event);
	if (pid <= 0)
		return pid;
	if (status && put_user_u32(status, (uint32_t)event.status))
		return -EFAULT;
	if (usage_to_user(rusage, &event.usage))
		return -EFAULT;
	return pid;
}

#define WAITID_OPTIONS                                                         \
	(WNOHANG | WNOWAIT | WEXITED | WSTOPPED | WCONTINUED | __WNOTHREAD |   \
	 __WCLONE | __WALL)

/* P_PIDFD: the process, with a reference, in @request. 0, -EBADF. */
static int wait_for_pidfd(struct wait_request *request, int fd, bool *nonblock)
{
	struct file *file = fd_get(fd);

	if (!file)
		return -EBADF;
	request->process = pidfd_process(file);
	if (request->process && (file->flags & O_NONBLOCK)) {
		*nonblock = true;
		request->options |= WNOHANG;
	}
	file_put(file);
	return request->process ? 0 : -EBADF;
}

static int choose_by_type(struct wait_request *request, int id, bool *nonblock)
{
	switch (request->which) {
	case P_ALL:
		return 0;
	case P_PID:
		request->number = id;
		return id > 0 ? 0 : -EINVAL;
	case P_PGID:
		request->number =
			id ? id : process_group_number(current_process());
		return id >= 0 ? 0 : -EINVAL;
	case P_PIDFD:
		return id >= 0 ? wait_for_pidfd(request, id, nonblock)
			       : -EINVAL;
	default:
		return -EINVAL;
	}
}

/* The fields that waitid(2) sets; the others of siginfo_t are left alone. */
static int wait_info_to_user(void __user *to, const struct short_siginfo *info)
{
	char __user *bytes = to;
	size_t from = offsetof(struct short_siginfo, si_pid);
	size_t end = offsetof(struct short_siginfo, si_status) +
		     sizeof(info->si_status);

	if (!to)
		return 0;
	if (copy_to_user(bytes, info,
			 offsetof(struct short_siginfo, si_code) +
				 sizeof(info->si_code)))
		return -EFAULT;
	return copy_to_user(bytes + from, (const char *)info + from,
			    end - from);
}

long sys_waitid(const struct syscall_args *a)
{
	void __user *infop = arg_ptr(a, 2);
	struct rusage __user *rusage = arg_ptr(a, 4);
	struct wait_request request = {
		.which = arg_int(a, 0),
		.options = arg_uint(a, 3),
	};
	struct wait_event event = { 0 };
	bool nonblock = false;
	int err;

	if (request.options & ~WAITID_OPTIONS)
		return -EINVAL;
	if (!(request.options & (WEXITED | WSTOPPED | WCONTINUED)))
		return -EINVAL;
	err = choose_by_type(&request, arg_int(a, 1), &nonblock);
	if (err)
		return err;
	err = process_wait(&request, &event);
	if (request.process)
		process_put(request.process);
	if (err == 0 && nonblock)
		err = -EAGAIN;
	if (err > 0) {
		err = 0;
		if (usage_to_user(rusage, &event.usage))
			return -EFAULT;
	}
	if (wait_info_to_user(infop, &event.info))
		return -EFAULT;
	return err;
}

/* ---- Numbers ------------------------------------------------------------- */

long sys_getpid(const struct syscall_args *a)
{
	return process_pid(current_process());
}

long sys_gettid(const struct syscall_args *a)
{
	return thread_tid(current());
}

long sys_getppid(const struct syscall_args *a)
{
	return process_parent_pid(current_process());
}

long sys_set_tid_address(const struct syscall_args *a)
{
	current()->clear_child_tid = arg_u64(a, 0);
	return thread_tid(current());
}

long sys_setpgid(const struct syscall_args *a)
{
	return process_set_group(arg_int(a, 0), arg_int(a, 1));
}

long sys_getpgid(const struct syscall_args *a)
{
	struct process *process = process_find_or_current(arg_int(a, 0));
	int number;

	if (!process)
		return -ESRCH;
	number = process_group_number(process);
	process_put(process);
	return number;
}

long sys_setsid(const struct syscall_args *a)
{
	return process_start_session();
}

long sys_getsid(const struct syscall_args *a)
{
	struct process *process = process_find_or_current(arg_int(a, 0));
	int number;

	if (!process)
		return -ESRCH;
	number = process_session_number(process);
	process_put(process);
	return number;
}

long sys_personality(const struct syscall_args *a)
{
	unsigned int old = current()->personality;

	if (arg_uint(a, 0) != 0xffffffff)
		current()->personality = arg_uint(a, 0);
	return old;
}

/* ---- pidfd --------------------------------------------------------------- */

long sys_pidfd_open(const struct syscall_args *a)
{
	int pid = arg_int(a, 0);
	unsigned int flags = arg_uint(a, 1);
	struct process *process;
	struct thread *thread;
	int fd;

	if ((flags & ~(unsigned int)O_NONBLOCK) || pid <= 0)
		return -EINVAL;
	process = process_find(pid);
	if (!process) {
		thread = thread_find(pid); /* not the leader */
		if (!thread)
			return -ESRCH;
		thread_put(thread);
		return -EINVAL;
	}
	fd = pidfd_open(process, flags);
	process_put(process);
	return fd;
}

/* siginfo of the caller's making; -EPERM if it pretends to be another's. */
static int get_siginfo(struct short_siginfo *info, const void __user *from,
		       int signo, const struct process *target)
{
	if (!from) {
		signal_info_from_user(info, signo, SI_USER);
		return 0;
	}
	if (copy_from_user(info, from, sizeof(*info)))
		return -EFAULT;
	if (info->si_signo != signo)
		return -EINVAL;
	if (target != current_process() &&
	    (info->si_code >= 0 || info->si_code == SI_TKILL))
		return -EPERM;
	return 0;
}

long sys_pidfd_send_signal(const struct syscall_args *a)
{
	int signo = arg_int(a, 1);
	const void __user *from = arg_ptr(a, 2);
	struct file *file;
	struct process *process;
	struct short_siginfo info;
	int err;

	if (arg_uint(a, 3))
		return -EINVAL;
	file = fd_get(arg_int(a, 0));
	if (!file)
		return -EBADF;
	process = pidfd_process(file);
	file_put(file);
	if (!process)
		return -EBADF;
	err = get_siginfo(&info, from, signo, process);
	if (!err && (signo < 0 || signo > NUM_SIGNALS))
		err = -EINVAL;
	if (!err && !READ_ONCE(process->pid->process))
		err = -ESRCH;
	if (!err)
		err = signal_permission(process, signo);
	if (!err && signo)
		err = signal_send_process(process, signo, &info);
	process_put(process);
	return err;
}
