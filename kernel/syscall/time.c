/* SPDX-License-Identifier: MIT */
/*
 * time.c - system calls: clocks, sleeping and timers
 */
#include "kernel/abi/capability.h"
#include "kernel/abi/errno.h"
#include "kernel/abi/time.h"
#include "kernel/lib/string.h"
#include "kernel/mm/user_copy.h"
#include "kernel/proc/cpu_clock.h"
#include "kernel/proc/itimer.h"
#include "kernel/proc/posix_timer.h"
#include "kernel/proc/process.h"
#include "kernel/sched/sched.h"
#include "kernel/syscall/args.h"
#include "kernel/syscall/table.h"
#include "kernel/syscall/timeout.h"
#include "kernel/vfs/cred.h"

#include <linux/timex.h>

/* What the coarse clocks promise: a tick of Linux at 250 Hz. */
#define COARSE_RESOLUTION_NS (4 * NSEC_PER_MSEC)
#define USEC_PER_SEC         1000000L
/* NTP_PHASE_LIMIT: what an unsynchronised clock admits to. */
#define MAX_ERROR_US 16000000L

static int put_timespec(void __user *to, uint64_t ns)
{
	struct __kernel_timespec ts = ns_to_timespec(ns);

	return struct_to_user(to, &ts, sizeof(ts));
}

static int get_timespec(uint64_t *ns, const void __user *from)
{
	struct __kernel_timespec ts;

	if (struct_from_user(&ts, from, sizeof(ts)))
		return -EFAULT;
	return timespec_to_ns(&ts, ns);
}

/* ---- Clocks -------------------------------------------------------------- */

/* Clocks that show the time of day; there are no leap seconds between
 * CLOCK_TAI and the others until somebody sets them, which nobody can. */
static bool is_wall_clock(int clock)
{
	return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE ||
	       clock == CLOCK_REALTIME_ALARM || clock == CLOCK_TAI;
}

static bool is_monotonic_clock(int clock)
{
	return clock == CLOCK_MONOTONIC || clock == CLOCK_MONOTONIC_RAW ||
	       clock == CLOCK_MONOTONIC_COARSE || clock == CLOCK_BOOTTIME ||
	       clock == CLOCK_BOOTTIME_ALARM;
}

static bool is_coarse_clock(int clock)
{
	return clock == CLOCK_REALTIME_COARSE ||
	       clock == CLOCK_MONOTONIC_COARSE;
}

static int read_cpu_clock(int clock, uint64_t *ns)
{
	struct cpu_clock cpu;
	int err = cpu_clock_get(clock, &cpu);

	if (err)
		return err;
	*ns = cpu_clock_read(&cpu);
	cpu_clock_put(&cpu);
	return 0;
}

static int read_clock(int clock, uint64_t *ns)
{
	if (is_wall_clock(clock))
		*ns = clock_realtime_ns();
	else if (is_monotonic_clock(clock))
		*ns = clock_now_ns();
	else if (cpu_clock_is(clock))
		return read_cpu_clock(clock, ns);
	else
		return -EINVAL;
	return 0;
}

long sys_clock_gettime(const struct syscall_args *a)
{
	uint64_t ns;
	int err = read_clock(arg_int(a, 0), &ns);

	return err ? err : put_timespec(arg_ptr(a, 1), ns);
}

long sys_clock_getres(const struct syscall_args *a)
{
	int clock = arg_int(a, 0);
	void __user *res = arg_ptr(a, 1);
	uint64_t now_ns;
	int err = read_clock(clock, &now_ns);

	if (err || !res)
		return err;
	return put_timespec(res,
			    is_coarse_clock(clock) ? COARSE_RESOLUTION_NS : 1);
}

static long set_wall_clock(uint64_t ns)
{
	if (!capable(CAP_SYS_TIME))
		return -EPERM;
	clock_set_realtime(ns);
	return 0;
}

long sys_clock_settime(const struct syscall_args *a)
{
	int clock = arg_int(a, 0);
	uint64_t ns;
	int err;

	if (clock != CLOCK_REALTIME && !cpu_clock_is(clock))
		return -EINVAL;
	err = get_timespec(&ns, arg_ptr(a, 1));
	if (err)
		return err;
	return clock == CLOCK_REALTIME ? set_wall_clock(ns) : -EPERM;
}

long sys_gettimeofday(const struct syscall_args *a)
{
	void __user *tv_to = arg_ptr(a, 0);
	void __user *tz_to = arg_ptr(a, 1);
	uint64_t now_ns = clock_realtime_ns();
	struct timeval tv = {
		.tv_sec = (long)(now_ns / NSEC_PER_SEC),
		.tv_usec = (long)(now_ns % NSEC_PER_SEC / NSEC_PER_USEC),
	};

	if (tv_to && copy_to_user(tv_to, &tv, sizeof(tv)))
		return -EFAULT;
	/* Time zones are the library's business: the kernel's is UTC. */
	return tz_to ? clear_user(tz_to, sizeof(struct timezone)) : 0;
}

/* A time as setitimer and settimeofday take it. */
static int timeval_to_ns(const struct timeval *tv, uint64_t *ns)
{
	struct __kernel_timespec ts = { .tv_sec = tv->tv_sec };

	if (tv->tv_usec < 0 || tv->tv_usec >= USEC_PER_SEC)
		return -EINVAL;
	ts.tv_nsec = tv->tv_usec * (long)NSEC_PER_USEC;
	return timespec_to_ns(&ts, ns);
}

long sys_settimeofday(const struct syscall_args *a)
{
	const void __user *tv_from = arg_ptr(a, 0);
	const void __user *tz_from = arg_ptr(a, 1);
	struct timezone tz;
	struct timeval tv;
	uint64_t ns = 0;
	int err;

	if (tv_from) {
		if (copy_from_user(&tv, tv_from, sizeof(tv)))
			return -EFAULT;
		err = timeval_to_ns(&tv, &ns);
		if (err)
			return err;
	}
	if (tz_from && copy_from_user(&tz, tz_from, sizeof(tz)))
		return -EFAULT;
	if (!capable(CAP_SYS_TIME))
		return -EPERM;
	return tv_from ? set_wall_clock(ns) : 0;
}

/* ---- The discipline of the clock: there is none to read but its defaults -- */

static long adjust(void __user *buf)
{
	struct __kernel_timex tx;
	uint64_t now_ns = clock_realtime_ns();

	if (copy_from_user(&tx, buf, sizeof(tx)))
		return -EFAULT;
	if (tx.modes && !capable(CAP_SYS_TIME))
		return -EPERM;
	if (tx.modes)
		return -EOPNOTSUPP;
	memset(&tx, 0, sizeof(tx));
	tx.maxerror = tx.esterror = MAX_ERROR_US;
	tx.status = STA_UNSYNC;
	tx.constant = 2;
	tx.precision = 1;
	tx.tolerance = 500L << 16; /* 500 ppm, in 2^-16 ppm */
	tx.tick = 10000;           /* us, at USER_HZ */
	tx.time.tv_sec = (long long)(now_ns / NSEC_PER_SEC);
	tx.time.tv_usec = (long long)(now_ns % NSEC_PER_SEC / NSEC_PER_USEC);
	if (copy_to_user(buf, &tx, sizeof(tx)))
		return -EFAULT;
	return TIME_ERROR; /* not synchronised */
}

long sys_adjtimex(const struct syscall_args *a)
{
	return adjust(arg_ptr(a, 0));
}

long sys_clock_adjtime(const struct syscall_args *a)
{
	uint64_t now_ns;
	int clock = arg_int(a, 0);
	int err = read_clock(clock, &now_ns);

	if (err)
		return err;
	if (clock != CLOCK_REALTIME)
		return -EOPNOTSUPP;
	return adjust(arg_ptr(a, 1));
}

/* ---- Sleeping ------------------------------------------------------------ */

/* 0 at @deadline_ns, or -ERESTARTSYS. */
static int sleep_until(uint64_t deadline_ns)
{
	struct thread *thread = current();

	for (;;) {
		WRITE_ONCE(thread->state, THREAD_INTERRUPTIBLE);
		/* The state before the work; pairs with that in sched_wake() */
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		if (thread_has_work(thread, WORK_SIGNAL | WORK_KILL)) {
			WRITE_ONCE(thread->state, THREAD_RUNNING);
			return -ERESTARTSYS;
		}
		if (sched_sleep_until(deadline_ns))
			return 0;
	}
}

/* The rest of a relative sleep: arguments are the deadline and where the
 * remaining time goes. */
static long sleep_rest(struct thread *thread)
{
	uint64_t deadline_ns = thread->restart.arg[0];
	void __user *remain = (void __user *)thread->restart.arg[1];
	uint64_t now_ns;

	if (!sleep_until(deadline_ns))
		return 0;
	now_ns = clock_now_ns();
	if (now_ns >= deadline_ns)
		return 0;
	if (remain && put_timespec(remain, deadline_ns - now_ns))
		return -EFAULT;
	return -ERESTART_RESTARTBLOCK;
}

static long sleep_for(uint64_t ns, void __user *remain)
{
	struct thread *thread = current();

	thread->restart.call = sleep_rest;
	thread->restart.arg[0] = deadline_after(ns);
	thread->restart.arg[1] = (uint64_t)remain;
	return sleep_rest(thread);
}

static long sleep_until_time(int clock, uint64_t ns)
{
	uint64_t generation;
	int64_t deadline_ns = (int64_t)ns;

	if (is_wall_clock(clock))
		deadline_ns -= clock_realtime_offset_ns(&generation);
	if (deadline_ns <= 0)
		return 0;
	return sleep_until((uint64_t)deadline_ns) ? -ERESTARTNOHAND : 0;
}

/* Until the clock shows @due_ns: look, sleep as long as it must take at least,
 * look again. Never restarted with the rest: the sum of CPU time stands. */
static long sleep_on_cpu_clock(int clock, bool absolute, uint64_t ns)
{
	struct cpu_clock cpu;
	uint64_t due_ns, now_ns;
	int err = 0;

	if (clock == CLOCK_THREAD_CPUTIME_ID)
		return -EINVAL; /* it stands still while we sleep */
	err = cpu_clock_get(clock, &cpu);
	if (err)
		return err;
	due_ns = absolute ? ns : cpu_clock_read(&cpu) + ns;
	while (!err && (now_ns = cpu_clock_read(&cpu)) < due_ns)
		err = sleep_until(
			cpu_clock_next_look(cpu.process, due_ns - now_ns));
	cpu_clock_put(&cpu);
	if (err)
		return absolute ? -ERESTARTNOHAND : -EINTR;
	return 0;
}

long sys_clock_nanosleep(const struct syscall_args *a)
{
	int clock = arg_int(a, 0);
	bool absolute = arg_int(a, 1) & TIMER_ABSTIME;
	uint64_t ns;
	int err;

	if (clock != CLOCK_REALTIME && clock != CLOCK_TAI &&
	    clock != CLOCK_MONOTONIC && clock != CLOCK_BOOTTIME &&
	    !cpu_clock_is(clock))
		return is_wall_clock(clock) || is_monotonic_clock(clock)
			       ? -EOPNOTSUPP
			       : -EINVAL;
	err = get_timespec(&ns, arg_ptr(a, 2));
	if (err)
		return err;
	if (cpu_clock_is(clock))
		return sleep_on_cpu_clock(clock, absolute, ns);
	return absolute ? sleep_until_time(clock, ns)
			: sleep_for(ns, arg_ptr(a, 3));
}

long sys_nanosleep(const struct syscall_args *a)
{
	uint64_t ns;
	int err = get_timespec(&ns, arg_ptr(a, 0));

	return err ? err : sleep_for(ns, arg_ptr(a, 1));
}

/* ---- Interval timers ----------------------------------------------------- */

static struct timeval ns_to_timeval(uint64_t ns)
{
	/* Rounded up: what is armed must not show as 0. */
	uint64_t us = DIV_ROUND_UP(ns, NSEC_PER_USEC);

	return (struct timeval){
		.tv_sec = (long)(us / USEC_PER_SEC),
		.tv_usec = (long)(us % USEC_PER_SEC),
	};
}

static int put_itimer(void __user *to, const struct itimer_value *value)
{
	struct itimerval itv = {
		.it_interval = ns_to_timeval(value->interval_ns),
		.it_value = ns_to_timeval(value->value_ns),
	};

	return copy_to_user(to, &itv, sizeof(itv));
}

static int get_itimer(struct itimer_value *value, const void __user *from)
{
	struct itimerval itv;
	int err;

	if (copy_from_user(&itv, from, sizeof(itv)))
		return -EFAULT;
	err = timeval_to_ns(&itv.it_value, &value->value_ns);
	if (!err)
		err = timeval_to_ns(&itv.it_interval, &value->interval_ns);
	return err;
}

static bool is_itimer(int which)
{
	return which == ITIMER_REAL || which == ITIMER_VIRTUAL ||
	       which == ITIMER_PROF;
}

long sys_getitimer(const struct syscall_args *a)
{
	int which = arg_int(a, 0);
	struct itimer_value value;

	if (!is_itimer(which))
		return -EINVAL;
	itimer_get(which, &value);
	return put_itimer(arg_ptr(a, 1), &value);
}

long sys_setitimer(const struct syscall_args *a)
{
	int which = arg_int(a, 0);
	const void __user *new_value = arg_ptr(a, 1);
	void __user *old_value = arg_ptr(a, 2);
	struct itimer_value value = { 0, 0 }, old;
	int err = 0;

	/* No new value disarms: an old mistake of Linux that stays. */
	if (new_value)
		err = get_itimer(&value, new_value);
	if (err)
		return err;
	if (!is_itimer(which))
		return -EINVAL;
	itimer_set(which, &value, &old);
	return old_value ? put_itimer(old_value, &old) : 0;
}

/* ---- POSIX timers -------------------------------------------------------- */

static int put_timer_value(void __user *to,
			   const struct posix_timer_value *value)
{
	struct __kernel_itimerspec its = {
		.it_interval = ns_to_timespec(value->interval_ns),
		.it_value = ns_to_timespec(value->value_ns),
	};

	return copy_to_user(to, &its, sizeof(its));
}

long sys_timer_create(const struct syscall_args *a)
{
	int clock = arg_int(a, 0);
	const void __user *event_from = arg_ptr(a, 1);
	void __user *id_to = arg_ptr(a, 2);
	struct sigevent event;
	int id;
	int err;

	if (event_from && copy_from_user(&event, event_from, sizeof(event)))
		return -EFAULT;
	err = posix_timer_create(clock, event_from ? &event : NULL, &id);
	if (err)
		return err;
	if (put_user_u32(id_to, (uint32_t)id)) {
		posix_timer_delete(id);
		return -EFAULT;
	}
	return 0;
}

long sys_timer_settime(const struct syscall_args *a)
{
	int id = arg_int(a, 0);
	bool absolute = arg_int(a, 1) & TIMER_ABSTIME;
	const void __user *new_value = arg_ptr(a, 2);
	void __user *old_value = arg_ptr(a, 3);
	struct posix_timer_value value, old;
	struct __kernel_itimerspec its;
	int err;

	if (!new_value)
		return -EINVAL;
	if (copy_from_user(&its, new_value, sizeof(its)))
		return -EFAULT;
	if (timespec_to_ns(&its.it_value, &value.value_ns) ||
	    timespec_to_ns(&its.it_interval, &value.interval_ns))
		return -EINVAL;
	err = posix_timer_set(id, absolute, &value, &old);
	if (err)
		return err;
	return old_value ? put_timer_value(old_value, &old) : 0;
}

long sys_timer_gettime(const struct syscall_args *a)
{
	struct posix_timer_value value;
	int err = posix_timer_get(arg_int(a, 0), &value);

	return err ? err : put_timer_value(arg_ptr(a, 1), &value);
}

long sys_timer_getoverrun(const struct syscall_args *a)
{
	return posix_timer_overrun(arg_int(a, 0));
}

long sys_timer_delete(const struct syscall_args *a)
{
	return posix_timer_delete(arg_int(a, 0));
}
