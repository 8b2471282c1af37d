/* SPDX-License-Identifier: MIT */
/*
 * load.c - load averages: how many threads wanted to run, lately
 *
 * Idea: every five seconds, each average moves a little towards the number of
 * runnable threads: load = load * k + n * (1 - k), with k = exp(-5 s / T), so
 * that what happened T ago still counts 1/e.
 *
 * Locks: none; written by the timer only, read word by word.
 * Source: proc_loadavg(5).
 */
#include "kernel/sched/run_queue.h"
#include "kernel/sched/sched.h"
#include "kernel/time/clock.h"
#include "kernel/time/timer.h"

#define PERIOD_NS (5 * NSEC_PER_SEC)
#define FIXED_ONE 65536UL

/* exp(-5/60), exp(-5/300), exp(-5/900), in 1/65536. */
static const uint64_t decay[3] = { 60296, 64453, 65173 };
static uint64_t averages[3];
static uint64_t next_ns;
static struct timer load_timer;

static void update_load(struct timer *timer)
{
	/* Not the interrupted thread, if it is the idle one: it is not
	 * counted anyway. */
	uint64_t now = sched_num_runnable() * FIXED_ONE;

	for (unsigned int i = 0; i < ARRAY_SIZE(averages); i++) {
		uint64_t old = averages[i];

		WRITE_ONCE(averages[i],
			   (old * decay[i] + now * (FIXED_ONE - decay[i])) /
				   FIXED_ONE);
	}
	next_ns += PERIOD_NS;
	timer_start(timer, next_ns);
}

void load_start(void)
{
	timer_init(&load_timer, update_load);
	next_ns = clock_now_ns() + PERIOD_NS;
	timer_start(&load_timer, next_ns);
}

void sched_load_average(uint64_t load[3])
{
	for (unsigned int i = 0; i < ARRAY_SIZE(averages); i++)
		load[i] = READ_ONCE(averages[i]);
}
