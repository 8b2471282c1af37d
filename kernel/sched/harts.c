/* SPDX-License-Identifier: MIT */
/*
 * harts.c - facts about single harts, for /proc and /sys
 */
#include "kernel/sched/sched.h"

#include <arch/hart.h>
#include "kernel/sched/run_queue.h"

uint64_t sched_online_harts(void)
{
	uint64_t harts = 0;

	for (unsigned int i = 0; i < arch_num_harts(); i++) {
		if (run_queue_of(i)->online)
			harts |= BIT(i);
	}
	return harts;
}

uint64_t sched_hart_idle_ns(unsigned int hart_index)
{
	struct run_queue *rq = run_queue_of(hart_index);
	uint64_t user_ns, system_ns;

	if (!rq->online)
		return 0;
	sched_cpu_time(rq->idle, &user_ns, &system_ns);
	return system_ns;
}
