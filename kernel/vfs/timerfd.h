/* SPDX-License-Identifier: MIT */
/*
 * timerfd.h - a timer behind a descriptor: timerfd_create(2)
 */
#pragma once

#include "kernel/abi/time.h"
#include "kernel/lib/compiler.h"

#include <linux/timerfd.h>

struct file;

/* @clock CLOCK_REALTIME, _MONOTONIC, _BOOTTIME or an _ALARM. 0, -ENOMEM. */
int timerfd_create(int clock, unsigned int flags, struct file **out);

/* In ns; value 0: not running. */
struct timerfd_setting {
	uint64_t value;
	uint64_t interval;
};

/*
 * @flags TFD_TIMER_*. @old gets what was left until the next expiry. 0;
 * -EINVAL if @file is something else.
 */
int timerfd_set(struct file *file, int flags, const struct timerfd_setting *new,
		struct timerfd_setting *old);
int timerfd_get(struct file *file, struct timerfd_setting *out);
