/* SPDX-License-Identifier: MIT */
/*
 * clock.h - what time it is
 *
 * Everything inside the kernel is nanoseconds of the monotonic clock, which
 * starts at 0 at boot. Wall time is that plus an offset. Source: POSIX
 * <time.h>, clock_gettime(2).
 */
#pragma once

#include "kernel/lib/compiler.h"

/* @frequency_hz  /cpus/timebase-frequency of the device tree, not 0. Needs no
 * memory, and gives the log its time stamps. */
void clock_init(uint64_t frequency_hz);

uint64_t clock_now_ns(void); /* monotonic */
uint64_t clock_ns_to_ticks(uint64_t ns);
uint64_t clock_ticks_to_ns(uint64_t ticks);
/* For the vDSO: ns = (ticks - base) * mult >> shift (128-bit product). */
void clock_scale(uint64_t *mult, unsigned int *shift, uint64_t *base_ticks);

uint64_t clock_realtime_ns(void); /* since 1970-01-01 UTC */
void clock_set_realtime(uint64_t ns);
/* realtime - monotonic, ns; and a count that grows when it is set. */
int64_t clock_realtime_offset_ns(uint64_t *generation);
