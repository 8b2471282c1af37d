/* SPDX-License-Identifier: MIT */
/*
 * resource.c - system calls: what processes used, and what they may use
 */
#include "kernel/abi/capability.h"
#include "kernel/abi/errno.h"
#include "kernel/abi/resource.h"
#include "kernel/abi/time.h"
#include "kernel/mm/user_copy.h"
#include "kernel/mm/vm_space.h"
#include "kernel/proc/itimer.h"
#include "kernel/proc/process.h"
#include "kernel/syscall/args.h"
#include "kernel/syscall/table.h"
#include "kernel/syscall/usage.h"
#include "kernel/time/clock.h"
#include "kernel/vfs/cred.h"
#include "kernel/vfs/file.h"

/* struct tms of times(2): clock_t is a long. */
struct tms {
	long utime, stime, cutime, cstime;
};

static void ns_to_timeval(uint64_t ns, long *sec, long *usec)
{
	*sec = (long)(ns / NSEC_PER_SEC);
	*usec = (long)(ns % NSEC_PER_SEC / NSEC_PER_USEC);
}

int usage_to_user(struct rusage __user *to, const struct usage *usage)
{
	struct rusage rusage = {
		.ru_maxrss = (long)usage->max_resident_kib,
		.ru_minflt = (long)usage->min_faults,
		.ru_majflt = (long)usage->maj_faults,
		.ru_nvcsw = (long)usage->switches_voluntary,
		.ru_nivcsw = (long)usage->switches_forced,
	};

	if (!to)
		return 0;
	ns_to_timeval(usage->user_ns, &rusage.ru_utime.tv_sec,
		      &rusage.ru_utime.tv_usec);
	ns_to_timeval(usage->system_ns, &rusage.ru_stime.tv_sec,
		      &rusage.ru_stime.tv_usec);
	return copy_to_user(to, &rusage, sizeof(rusage));
}

static void own_usage(struct usage *usage)
{
	struct process *me = current_process();

	spin_lock(&me->lock);
	process_usage(me, usage);
	spin_unlock(&me->lock);
}

static void children_usage(struct usage *usage)
{
	spin_lock(&current_process()->children_lock);
	*usage = current_process()->children_usage;
	spin_unlock(&current_process()->children_lock);
}

long sys_getrusage(const struct syscall_args *a)
{
	struct rusage __user *to = arg_ptr(a, 1);
	struct usage usage;

	switch (arg_int(a, 0)) {
	case RUSAGE_SELF:
		own_usage(&usage);
		break;
	case RUSAGE_CHILDREN:
		children_usage(&usage);
		break;
	case RUSAGE_THREAD:
		thread_usage(current(), &usage);
		break;
	default:
		return -EINVAL;
	}
	if (!to)
		return -EFAULT;
	return usage_to_user(to, &usage);
}

long sys_times(const struct syscall_args *a)
{
	void __user *to = arg_ptr(a, 0);
	struct usage own, children;
	struct tms tms;

	if (to) {
		own_usage(&own);
		children_usage(&children);
		tms.utime = (long)(own.user_ns / CLOCK_TICK_NS);
		tms.stime = (long)(own.system_ns / CLOCK_TICK_NS);
		tms.cutime = (long)(children.user_ns / CLOCK_TICK_NS);
		tms.cstime = (long)(children.system_ns / CLOCK_TICK_NS);
		if (copy_to_user(to, &tms, sizeof(tms)))
			return -EFAULT;
	}
	return (long)(clock_now_ns() / CLOCK_TICK_NS);
}

/* ---- Limits -------------------------------------------------------------- */

/* May we see and set @process's limits? prlimit(2), "Permissions". */
static bool may_limit(struct process *process)
{
	const struct cred *mine = current()->cred;
	const struct cred *its;
	bool same;

	if (process == current_process() || capable(CAP_SYS_RESOURCE))
		return true;
	its = process_cred_get(process);
	if (!its)
		return false;
	same = mine->uid == its->euid && mine->uid == its->suid &&
	       mine->uid == its->uid && mine->gid == its->egid &&
	       mine->gid == its->sgid && mine->gid == its->gid;
	cred_put(its);
	return same;
}

static int check_limit(unsigned int resource, const struct rlimit_pair *old,
		       const struct rlimit_pair *new)
{
	if (new->hard > old->hard && !capable(CAP_SYS_RESOURCE))
		return -EPERM;
	/* More descriptors than a table can hold. */
	if (resource == RLIMIT_NOFILE && new->hard > FD_TABLE_MAX)
		return -EPERM;
	return 0;
}

/* Some limits are watched elsewhere than where they are kept. */
static void limit_changed(struct process *process, unsigned int resource,
			  const struct rlimit_pair *new)
{
	struct vm_space *space;

	if (resource == RLIMIT_CPU)
		itimer_limit_changed(process);
	if (resource == RLIMIT_STACK) {
		space = process_vm_get(process);
		if (!space)
			return;
		WRITE_ONCE(space->stack_limit, new->soft);
		vm_space_put(space);
	}
}

/* Set to *@new (may be NULL), get the value before in *@old. */
static int exchange_limit(struct process *process, unsigned int resource,
			  const struct rlimit_pair *new,
			  struct rlimit_pair *old)
{
	int err = 0;

	if (resource >= NUM_RLIMITS)
		return -EINVAL;
	if (new &&new->soft > new->hard)
		return -EINVAL;
	spin_lock(&process->lock);
	*old = process->rlimits[resource];
	if (new)
		err = check_limit(resource, old, new);
	if (new && !err)
		process->rlimits[resource] = *new;
	spin_unlock(&process->lock);
	if (new && !err)
		limit_changed(process, resource, new);
	return err;
}

long sys_prlimit64(const struct syscall_args *a)
{
	unsigned int resource = arg_uint(a, 1);
	const void __user *new_from = arg_ptr(a, 2);
	void __user *old_to = arg_ptr(a, 3);
	struct rlimit_pair new, old;
	struct process *process;
	int err = -EPERM;

	if (new_from && copy_from_user(&new, new_from, sizeof(new)))
		return -EFAULT;
	process = process_find_or_current(arg_int(a, 0));
	if (!process)
		return -ESRCH;
	if (may_limit(process))
		err = exchange_limit(process, resource, new_from ? &new : NULL,
				     &old);
	process_put(process);
	if (err)
		return err;
	if (old_to && copy_to_user(old_to, &old, sizeof(old)))
		return -EFAULT;
	return 0;
}

long sys_getrlimit(const struct syscall_args *a)
{
	struct rlimit_pair old;
	int err = exchange_limit(current_process(), arg_uint(a, 0), NULL, &old);

	if (err)
		return err;
	return copy_to_user(arg_ptr(a, 1), &old, sizeof(old));
}

long sys_setrlimit(const struct syscall_args *a)
{
	struct rlimit_pair new, old;

	if (copy_from_user(&new, arg_ptr(a, 1), sizeof(new)))
		return -EFAULT;
	return exchange_limit(current_process(), arg_uint(a, 0), &new, &old);
}
