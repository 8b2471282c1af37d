/* SPDX-License-Identifier: MIT */
/*
 * futex.c - system calls: waiting on a word, robust lists
 */
#include "kernel/proc/futex.h"
#include "kernel/abi/errno.h"
#include "kernel/abi/futex.h"
#include "kernel/mm/user_copy.h"
#include "kernel/proc/process.h"
#include "kernel/syscall/args.h"
#include "kernel/syscall/table.h"
#include "kernel/syscall/timeout.h"

/* Does @command look at the fourth argument as a time? */
static bool has_timeout(int command)
{
	switch (command) {
	case FUTEX_WAIT:
	case FUTEX_WAIT_BITSET:
	case FUTEX_LOCK_PI:
	case FUTEX_LOCK_PI2:
		return true;
	default:
		return false;
	}
}

/*
 * A point on the wall clock as one on ours. Deliberate simplification: a wait
 * is not moved when the wall clock is set meanwhile.
 */
static uint64_t realtime_to_deadline(uint64_t ns)
{
	uint64_t generation;
	int64_t deadline_ns =
		(int64_t)ns - clock_realtime_offset_ns(&generation);

	return deadline_ns > 0 ? (uint64_t)deadline_ns : 0;
}

/* FUTEX_WAIT is relative, all others absolute. 0, -EFAULT, -EINVAL. */
static int get_deadline(int command, bool realtime, const void __user *timeout,
			uint64_t *deadline_ns)
{
	struct __kernel_timespec ts;
	uint64_t ns;

	*deadline_ns = FUTEX_FOREVER;
	if (!timeout || !has_timeout(command))
		return 0;
	if (struct_from_user(&ts, timeout, sizeof(ts)))
		return -EFAULT;
	if (timespec_to_ns(&ts, &ns))
		return -EINVAL;
	if (command == FUTEX_WAIT)
		*deadline_ns = deadline_after(ns);
	else if (realtime || command == FUTEX_LOCK_PI)
		*deadline_ns = realtime_to_deadline(ns);
	else
		*deadline_ns = ns;
	return 0;
}

long sys_futex(const struct syscall_args *a)
{
	uint32_t __user *uaddr = arg_ptr(a, 0);
	int op = arg_int(a, 1);
	int command = op & FUTEX_CMD_MASK;
	bool is_private = op & FUTEX_PRIVATE_FLAG;
	bool realtime = op & FUTEX_CLOCK_REALTIME;
	uint32_t val = arg_uint(a, 2);
	int val2 = arg_int(a, 3); /* in place of the timeout */
	uint32_t __user *uaddr2 = arg_ptr(a, 4);
	uint32_t val3 = arg_uint(a, 5);
	uint64_t deadline_ns;
	int err;

	if (realtime && command != FUTEX_WAIT_BITSET &&
	    command != FUTEX_LOCK_PI2)
		return -ENOSYS;
	err = get_deadline(command, realtime, arg_ptr(a, 3), &deadline_ns);
	if (err)
		return err;

	switch (command) {
	case FUTEX_WAIT:
		return futex_wait(uaddr, is_private, val, FUTEX_ANY,
				  deadline_ns);
	case FUTEX_WAIT_BITSET:
		return futex_wait(uaddr, is_private, val, val3, deadline_ns);
	case FUTEX_WAKE:
		return futex_wake(uaddr, is_private, (int)val, FUTEX_ANY);
	case FUTEX_WAKE_BITSET:
		return futex_wake(uaddr, is_private, (int)val, val3);
	case FUTEX_REQUEUE:
		return futex_requeue(uaddr, uaddr2, is_private, (int)val, val2,
				     NULL);
	case FUTEX_CMP_REQUEUE:
		return futex_requeue(uaddr, uaddr2, is_private, (int)val, val2,
				     &val3);
	case FUTEX_WAKE_OP:
		return futex_wake_op(uaddr, uaddr2, is_private, (int)val, val2,
				     val3);
	case FUTEX_LOCK_PI:
	case FUTEX_LOCK_PI2:
		return futex_lock_pi(uaddr, is_private, deadline_ns, false);
	case FUTEX_TRYLOCK_PI:
		return futex_lock_pi(uaddr, is_private, 0, true);
	case FUTEX_UNLOCK_PI:
		return futex_unlock_pi(uaddr, is_private);
	default:
		return -ENOSYS; /* FUTEX_FD, and the PI requeues */
	}
}

long sys_set_robust_list(const struct syscall_args *a)
{
	if (arg_size(a, 1) != sizeof(struct robust_list_head))
		return -EINVAL;
	current()->robust_list = arg_u64(a, 0);
	return 0;
}

static int robust_list_of(int tid, uint64_t *list)
{
	struct thread *thread = thread_find(tid);
	struct process *process;
	int err = -ESRCH;

	if (!thread)
		return err;
	process = thread_process_get(thread);
	if (process) {
		err = process_may_access(process) ? 0 : -EPERM;
		process_put(process);
	}
	*list = READ_ONCE(thread->robust_list);
	thread_put(thread);
	return err;
}

long sys_get_robust_list(const struct syscall_args *a)
{
	int tid = arg_int(a, 0);
	uint64_t list = current()->robust_list;
	int err = tid ? robust_list_of(tid, &list) : 0;

	if (!err)
		err = put_user_u64(arg_ptr(a, 2),
				   sizeof(struct robust_list_head));
	if (!err)
		err = put_user_u64(arg_ptr(a, 1), list);
	return err;
}

/* glibc does without: it asks getcpu() then. */
long sys_rseq(const struct syscall_args *a)
{
	return -ENOSYS;
}
