/* SPDX-License-Identifier: MIT */
/*
 * sched.c - system calls: how threads are scheduled
 *
 * Policies and priorities as in sched(7); which policy serves SCHED_OTHER is
 * the kernel's business (sched/policy.h). Calls with a pid mean one thread; 0
 * is the caller.
 */
#include "kernel/sched/sched.h"
#include "kernel/abi/capability.h"
#include "kernel/abi/errno.h"
#include "kernel/abi/resource.h"
#include "kernel/abi/sched.h"
#include "kernel/mm/user_copy.h"
#include "kernel/proc/process.h"
#include "kernel/syscall/args.h"
#include "kernel/syscall/struct_copy.h"
#include "kernel/syscall/table.h"
#include "kernel/syscall/timeout.h"
#include "kernel/vfs/cred.h"

#define NICE_MIN (-20)
#define NICE_MAX 19

/* Programs see nice values turned round: 40 is the best, 1 the worst. */
#define NICE_TO_RLIMIT(nice) ((uint64_t)(20 - (nice)))

/* ---- Whose --------------------------------------------------------------- */

/*
 * The thread of that number, which cannot end until let_go(): 0 with
 * the tree locked; or -EINVAL, -ESRCH.
 */
static int find_target(int tid, struct thread **out) UNCHECKED_LOCKING
{
	if (tid < 0)
		return -EINVAL;
	process_tree_lock();
	*out = tid ? thread_look_up(tid) : current();
	if (*out)
		return 0;
	process_tree_unlock();
	return -ESRCH;
}

static void let_go(void) UNCHECKED_LOCKING
{
	process_tree_unlock();
}

/* Does @thread belong to our user? setpriority(2), sched_setscheduler(2). */
static bool is_own(struct thread *thread)
{
	const struct cred *its = cred_get_of(thread);
	uint32_t euid = current()->cred->euid;
	bool own = its && (euid == its->uid || euid == its->euid);

	if (its)
		cred_put(its);
	return own;
}

/* Does RLIMIT_NICE allow @thread to get nice value @nice? */
static bool limit_allows_nice(const struct thread *thread, int nice)
{
	return NICE_TO_RLIMIT(nice) <=
	       process_limit(thread->process, RLIMIT_NICE);
}

/* May a thread of ours get nice value @nice? */
static bool may_have_nice(const struct thread *thread, int nice)
{
	return nice >= thread->sched.nice || capable(CAP_SYS_NICE) ||
	       limit_allows_nice(thread, nice);
}

/* ---- Policies ------------------------------------------------------------ */

struct setting {
	int policy;
	int priority; /* 1..99 for real time, else 0 */
	int nice;
	bool reset_on_fork;
};

static bool is_realtime_policy(int policy)
{
	return policy == SCHED_FIFO || policy == SCHED_RR;
}

static bool is_valid(const struct setting *setting)
{
	switch (setting->policy) {
	case SCHED_FIFO:
	case SCHED_RR:
		return setting->priority >= 1 && setting->priority <= 99;
	case SCHED_NORMAL:
	case SCHED_BATCH:
	case SCHED_IDLE:
		return setting->priority == 0;
	default:
		return false;
	}
}

static bool may_use(struct thread *thread, const struct setting *setting)
{
	const struct sched_entity *now = &thread->sched;
	uint64_t limit = process_limit(thread->process, RLIMIT_RTPRIO);

	if (capable(CAP_SYS_NICE))
		return true;
	if (!is_own(thread) || !may_have_nice(thread, setting->nice))
		return false;
	if (now->reset_on_fork && !setting->reset_on_fork)
		return false;
	if (!is_realtime_policy(setting->policy))
		return now->policy != SCHED_IDLE ||
		       setting->policy == SCHED_IDLE ||
		       limit_allows_nice(thread, now->nice);
	if (setting->policy != now->policy && limit == 0)
		return false;
	return setting->priority <= now->rt_priority ||
	       (uint64_t)setting->priority <= limit;
}

static int use_setting(struct thread *thread, const struct setting *setting)
{
	if (!is_valid(setting))
		return -EINVAL;
	if (!may_use(thread, setting))
		return -EPERM;
	thread->sched.reset_on_fork = setting->reset_on_fork;
	if (!is_realtime_policy(setting->policy) &&
	    setting->nice != thread->sched.nice)
		sched_set_nice(thread, setting->nice);
	sched_set_policy(thread, setting->policy, setting->priority);
	return 0;
}

/* @policy -1: keep it. */
static long set_policy(int tid, int policy, const void __user *param)
{
	struct setting setting;
	struct thread *thread;
	uint32_t priority;
	int err;

	if (!param || tid < 0)
		return -EINVAL;
	if (get_user_u32(&priority, param))
		return -EFAULT;
	err = find_target(tid, &thread);
	if (err)
		return err;
	setting.priority = (int)priority;
	setting.nice = thread->sched.nice;
	setting.policy = thread->sched.policy;
	setting.reset_on_fork = thread->sched.reset_on_fork;
	if (policy >= 0) {
		setting.policy = policy & ~SCHED_RESET_ON_FORK;
		setting.reset_on_fork = policy & SCHED_RESET_ON_FORK;
	}
	err = use_setting(thread, &setting);
	let_go();
	return err;
}

long sys_sched_setscheduler(const struct syscall_args *a)
{
	int policy = arg_int(a, 1);

	if (policy < 0)
		return -EINVAL;
	return set_policy(arg_int(a, 0), policy, arg_ptr(a, 2));
}

long sys_sched_setparam(const struct syscall_args *a)
{
	return set_policy(arg_int(a, 0), -1, arg_ptr(a, 1));
}

long sys_sched_getscheduler(const struct syscall_args *a)
{
	struct thread *thread;
	int result = find_target(arg_int(a, 0), &thread);

	if (result)
		return result;
	result = thread->sched.policy;
	if (thread->sched.reset_on_fork)
		result |= SCHED_RESET_ON_FORK;
	let_go();
	return result;
}

long sys_sched_getparam(const struct syscall_args *a)
{
	void __user *to = arg_ptr(a, 1);
	struct thread *thread;
	uint32_t priority;
	int err;

	if (!to)
		return -EINVAL;
	err = find_target(arg_int(a, 0), &thread);
	if (err)
		return err;
	priority = (uint32_t)thread->sched.rt_priority;
	let_go();
	return put_user_u32(to, priority);
}

#define KNOWN_ATTR_FLAGS (SCHED_FLAG_RESET_ON_FORK | SCHED_FLAG_KEEP_ALL)

static void setting_from_attr(struct setting *setting,
			      const struct sched_attr *attr)
{
	setting->reset_on_fork = attr->sched_flags & SCHED_FLAG_RESET_ON_FORK;
	if (!(attr->sched_flags & SCHED_FLAG_KEEP_POLICY))
		setting->policy = (int)attr->sched_policy;
	if (attr->sched_flags & SCHED_FLAG_KEEP_PARAMS)
		return;
	setting->priority = (int)attr->sched_priority;
	if (!is_realtime_policy(setting->policy))
		setting->nice = MIN(MAX(attr->sched_nice, NICE_MIN), NICE_MAX);
}

/* The size comes first in the structure itself. */
static int get_attr(struct sched_attr *attr, void __user *from)
{
	uint32_t size;
	int err;

	if (get_user_u32(&size, from))
		return -EFAULT;
	if (!size)
		size = SCHED_ATTR_SIZE_VER0;
	err = size < SCHED_ATTR_SIZE_VER0
		      ? -E2BIG
		      : copy_struct_from_user(attr, sizeof(*attr), from, size);
	if (err == -E2BIG && put_user_u32(from, sizeof(*attr)))
		return -EFAULT;
	return err;
}

long sys_sched_setattr(const struct syscall_args *a)
{
	void __user *from = arg_ptr(a, 1);
	struct sched_attr attr;
	struct setting setting;
	struct thread *thread;
	int err;

	if (!from || arg_int(a, 0) < 0 || arg_uint(a, 2))
		return -EINVAL;
	err = get_attr(&attr, from);
	if (err)
		return err;
	if ((int)attr.sched_policy < 0 ||
	    (attr.sched_flags & ~(uint64_t)KNOWN_ATTR_FLAGS))
		return -EINVAL;
	err = find_target(arg_int(a, 0), &thread);
	if (err)
		return err;
	setting = (struct setting){
		.policy = thread->sched.policy,
		.priority = thread->sched.rt_priority,
		.nice = thread->sched.nice,
	};
	setting_from_attr(&setting, &attr);
	err = use_setting(thread, &setting);
	let_go();
	return err;
}

long sys_sched_getattr(const struct syscall_args *a)
{
	void __user *to = arg_ptr(a, 1);
	unsigned int size = arg_uint(a, 2);
	struct sched_attr attr = { 0 };
	struct thread *thread;
	int err;

	if (!to || size > PAGE_SIZE || size < SCHED_ATTR_SIZE_VER0 ||
	    arg_uint(a, 3))
		return -EINVAL;
	err = find_target(arg_int(a, 0), &thread);
	if (err)
		return err;
	attr.size = (uint32_t)MIN((size_t)size, sizeof(attr));
	attr.sched_policy = (uint32_t)thread->sched.policy;
	attr.sched_priority = (uint32_t)thread->sched.rt_priority;
	if (!is_realtime_policy(thread->sched.policy))
		attr.sched_nice = thread->sched.nice;
	if (thread->sched.reset_on_fork)
		attr.sched_flags = SCHED_FLAG_RESET_ON_FORK;
	attr.sched_util_max = 1024; /* no clamp */
	let_go();
	return copy_to_user(to, &attr, attr.size);
}

long sys_sched_get_priority_max(const struct syscall_args *a)
{
	switch (arg_int(a, 0)) {
	case SCHED_FIFO:
	case SCHED_RR:
		return 99;
	case SCHED_NORMAL:
	case SCHED_BATCH:
	case SCHED_IDLE:
	case SCHED_DEADLINE:
		return 0;
	default:
		return -EINVAL;
	}
}

long sys_sched_get_priority_min(const struct syscall_args *a)
{
	switch (arg_int(a, 0)) {
	case SCHED_FIFO:
	case SCHED_RR:
		return 1;
	case SCHED_NORMAL:
	case SCHED_BATCH:
	case SCHED_IDLE:
	case SCHED_DEADLINE:
		return 0;
	default:
		return -EINVAL;
	}
}

long sys_sched_rr_get_interval(const struct syscall_args *a)
{
	struct __kernel_timespec interval;
	struct thread *thread;
	int err = find_target(arg_int(a, 0), &thread);

	if (err)
		return err;
	interval = ns_to_timespec(sched_quantum_of(thread));
	let_go();
	return copy_to_user(arg_ptr(a, 1), &interval, sizeof(interval));
}

long sys_sched_yield(const struct syscall_args *a)
{
	sched_yield();
	return 0;
}

/* ---- Harts --------------------------------------------------------------- */

long sys_sched_setaffinity(const struct syscall_args *a)
{
	size_t size = MIN((size_t)arg_uint(a, 1), sizeof(uint64_t));
	struct thread *thread;
	uint64_t harts = 0;
	int err;

	if (copy_from_user(&harts, arg_ptr(a, 2), size))
		return -EFAULT;
	err = find_target(arg_int(a, 0), &thread);
	if (err)
		return arg_int(a, 0) < 0 ? -ESRCH : err;
	if (!is_own(thread) && !capable(CAP_SYS_NICE))
		err = -EPERM;
	else if (!(harts & sched_online_harts()))
		err = -EINVAL;
	else
		sched_set_affinity(thread, harts);
	let_go();
	return err;
}

/* Returns the bytes written: what a cpu_set_t needs here. */
long sys_sched_getaffinity(const struct syscall_args *a)
{
	unsigned int size = arg_uint(a, 1);
	struct thread *thread;
	uint64_t harts;
	int err;

	if (size < sizeof(harts) || size % sizeof(harts))
		return -EINVAL;
	err = find_target(arg_int(a, 0), &thread);
	if (err)
		return arg_int(a, 0) < 0 ? -ESRCH : err;
	harts = thread->sched.affinity & sched_online_harts();
	let_go();
	if (copy_to_user(arg_ptr(a, 2), &harts, sizeof(harts)))
		return -EFAULT;
	return sizeof(harts);
}

long sys_getcpu(const struct syscall_args *a)
{
	uint32_t hart = READ_ONCE(current()->sched.hart);
	void __user *hart_to = arg_ptr(a, 0);
	void __user *node_to = arg_ptr(a, 1);

	if (hart_to && put_user_u32(hart_to, hart))
		return -EFAULT;
	if (node_to && put_user_u32(node_to, 0))
		return -EFAULT;
	return 0;
}

/* ---- Nice values and I/O priorities, of many ----------------------------- */

/*
 * What getpriority(2) and its kin do to each thread they find: combine its
 * result with those before. @so_far is -ESRCH for the first.
 */
typedef int (*visit_fn)(struct thread *thread, int value, int so_far);

static int visit_process(struct process *process, visit_fn visit, int value,
			 int so_far)
{
	struct thread *thread;

	spin_lock(&process->lock);
	list_for_each (thread, &process->threads, process_node)
		so_far = visit(thread, value, so_far);
	spin_unlock(&process->lock);
	return so_far;
}

static int visit_group(int number, visit_fn visit, int value)
{
	struct pid *named = number ? pid_find(number) : NULL;
	int so_far = -ESRCH;
	struct process *member;
	struct pid *group;

	process_tree_lock();
	group = number ? named : current_process()->group;
	if (group) {
		group_for_each (member, group)
			so_far = visit_process(member, visit, value, so_far);
	}
	process_tree_unlock();
	pid_put(named);
	return so_far;
}

static int visit_user(uint32_t uid, visit_fn visit, int value)
{
	int so_far = -ESRCH;
	struct process *process;

	if (!uid)
		uid = current()->cred->uid;
	for (int pid = 1; (process = process_next(&pid)); pid++) {
		const struct cred *cred = process_cred_get(process);

		if (cred && cred->uid == uid)
			so_far = visit_process(process, visit, value, so_far);
		if (cred)
			cred_put(cred);
		process_put(process);
	}
	return so_far;
}

/* @which is PRIO_*. */
static int visit_all(int which, int who, visit_fn visit, int value)
{
	struct thread *thread;
	int result;

	switch (which) {
	case PRIO_PROCESS:
		if (who < 0 || find_target(who, &thread))
			return -ESRCH;
		result = visit(thread, value, -ESRCH);
		let_go();
		return result;
	case PRIO_PGRP:
		return visit_group(who, visit, value);
	case PRIO_USER:
		return visit_user((uint32_t)who, visit, value);
	default:
		return -EINVAL;
	}
}

/* The best of all. */
static int visit_get_nice(struct thread *thread, int unused, int so_far)
{
	return MAX(so_far, 20 - thread->sched.nice);
}

/* Any error, else 0. */
static int visit_set_nice(struct thread *thread, int nice, int so_far)
{
	if (!is_own(thread) && !capable(CAP_SYS_NICE))
		return -EPERM;
	if (!may_have_nice(thread, nice))
		return -EACCES;
	sched_set_nice(thread, nice);
	return so_far == -ESRCH ? 0 : so_far;
}

long sys_getpriority(const struct syscall_args *a)
{
	return visit_all(arg_int(a, 0), arg_int(a, 1), visit_get_nice, 0);
}

long sys_setpriority(const struct syscall_args *a)
{
	int nice = MIN(MAX(arg_int(a, 2), NICE_MIN), NICE_MAX);

	return visit_all(arg_int(a, 0), arg_int(a, 1), visit_set_nice, nice);
}

/* ioprio_set(2): a class and a level in it; kept, not acted upon. */
#define IOPRIO_CLASS(ioprio) ((ioprio) >> 13)
#define IOPRIO_LEVEL(ioprio) ((ioprio)&7)
enum { IOPRIO_NONE, IOPRIO_REALTIME, IOPRIO_BEST_EFFORT, IOPRIO_IDLE };

static int check_ioprio(int ioprio)
{
	switch (IOPRIO_CLASS(ioprio)) {
	case IOPRIO_REALTIME:
		return capable(CAP_SYS_ADMIN) || capable(CAP_SYS_NICE) ? 0
								       : -EPERM;
	case IOPRIO_BEST_EFFORT:
	case IOPRIO_IDLE:
		return 0;
	case IOPRIO_NONE:
		return IOPRIO_LEVEL(ioprio) ? -EINVAL : 0;
	default:
		return -EINVAL;
	}
}

static int visit_set_ioprio(struct thread *thread, int ioprio, int so_far)
{
	if (!is_own(thread) && !capable(CAP_SYS_NICE))
		return -EPERM;
	thread->process->io_priority = (unsigned int)ioprio;
	return so_far == -ESRCH ? 0 : so_far;
}

static int visit_get_ioprio(struct thread *thread, int unused, int so_far)
{
	int mine = (int)thread->process->io_priority;

	return so_far < 0 ? mine : MIN(so_far, mine);
}

/* IOPRIO_WHO_* is 1 more than PRIO_*. */
long sys_ioprio_set(const struct syscall_args *a)
{
	int ioprio = arg_int(a, 2);
	int err = check_ioprio(ioprio);

	if (err)
		return err;
	return visit_all(arg_int(a, 0) - 1, arg_int(a, 1), visit_set_ioprio,
			 ioprio);
}

long sys_ioprio_get(const struct syscall_args *a)
{
	return visit_all(arg_int(a, 0) - 1, arg_int(a, 1), visit_get_ioprio, 0);
}
