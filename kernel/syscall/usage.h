/* SPDX-License-Identifier: MIT */
/*
 * usage.h - struct rusage and clock ticks, out of what the kernel counts
 */
#pragma once

#include "kernel/abi/resource.h"
#include "kernel/proc/process.h"

/* times(2) and siginfo count in 1/100 s (AT_CLKTCK). */
#define CLOCK_TICK_NS (10 * NSEC_PER_MSEC)

/* 0, or -EFAULT; nothing for @to NULL. */
int usage_to_user(struct rusage __user *to, const struct usage *usage);
