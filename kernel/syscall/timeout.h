/* SPDX-License-Identifier: MIT */
/*
 * timeout.h - relative times of programs, and points on the kernel's clock
 */
#pragma once

#include "kernel/abi/errno.h"
#include "kernel/abi/time.h"
#include "kernel/mm/user_copy.h"
#include "kernel/sync/wait.h"
#include "kernel/time/clock.h"

/* A valid time in ns, cut off where it would overflow; or -EINVAL. */
static inline int timespec_to_ns(const struct __kernel_timespec *ts,
				 uint64_t *ns)
{
	if (ts->tv_sec < 0 || (uint64_t)ts->tv_nsec >= NSEC_PER_SEC)
		return -EINVAL;
	if ((uint64_t)ts->tv_sec >= INT64_MAX / NSEC_PER_SEC)
		*ns = INT64_MAX;
	else
		*ns = (uint64_t)ts->tv_sec * NSEC_PER_SEC +
		      (uint64_t)ts->tv_nsec;
	return 0;
}

static inline struct __kernel_timespec ns_to_timespec(uint64_t ns)
{
	return (struct __kernel_timespec){
		.tv_sec = (long long)(ns / NSEC_PER_SEC),
		.tv_nsec = (long long)(ns % NSEC_PER_SEC),
	};
}

/* Now + @ns on the monotonic clock; before WAIT_FOREVER. */
static inline uint64_t deadline_after(uint64_t ns)
{
	uint64_t deadline_ns;

	if (__builtin_add_overflow(clock_now_ns(), ns, &deadline_ns) ||
	    deadline_ns == WAIT_FOREVER)
		return WAIT_FOREVER - 1;
	return deadline_ns;
}

/* 0 ms: do not wait. */
static inline uint64_t deadline_after_ms(unsigned int ms)
{
	return ms ? deadline_after(ms * NSEC_PER_MSEC) : 0;
}

/*
 * The timeout of poll, select, ...: @ts NULL waits forever, zero does not wait
 * (0), else a deadline. 0, -EFAULT, -EINVAL.
 */
static inline int deadline_from_user(const void __user *ts,
				     uint64_t *deadline_ns)
{
	struct __kernel_timespec timeout;
	uint64_t ns;

	*deadline_ns = WAIT_FOREVER;
	if (!ts)
		return 0;
	if (copy_from_user(&timeout, ts, sizeof(timeout)))
		return -EFAULT;
	if (timespec_to_ns(&timeout, &ns))
		return -EINVAL;
	*deadline_ns = ns ? deadline_after(ns) : 0;
	return 0;
}

/* What is left until @deadline_ns goes back to @ts, if there is one. */
static inline int deadline_to_user(void __user *ts, uint64_t deadline_ns)
{
	struct __kernel_timespec left = { 0 };
	uint64_t now_ns;

	if (!ts)
		return 0;
	now_ns = deadline_ns ? clock_now_ns() : 0;
	if (deadline_ns > now_ns)
		left = ns_to_timespec(deadline_ns - now_ns);
	return copy_to_user(ts, &left, sizeof(left));
}
