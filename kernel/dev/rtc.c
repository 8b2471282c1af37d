/* SPDX-License-Identifier: MIT */
/*
 * rtc.c - the class of real-time clocks
 *
 * The first one that is found sets the wall clock, once; afterwards the
 * kernel's own clock is the finer one.
 */
#include "kernel/dev/rtc.h"

#include "kernel/debug/log.h"
#include "kernel/time/clock.h"

static bool is_set;

void rtc_register(uint64_t (*read_ns)(void *data), void *data)
{
	uint64_t now_ns;

	if (is_set)
		return;
	now_ns = read_ns(data);
	clock_set_realtime(now_ns);
	is_set = true;
	log_debug("rtc: wall clock set to %lu s",
		  (unsigned long)(now_ns / NSEC_PER_SEC));
}
