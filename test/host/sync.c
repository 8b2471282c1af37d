/* SPDX-License-Identifier: MIT */
/*
 * sync.c - other harts, for unit tests of what waits for them
 *
 * They do what fake_harts says: each look at one may find it further on.
 */
#include "kernel/sched/sched.h"
#include "test/host/sync.h"

#include <arch/hart.h>

bool sched_other_harts;
struct fake_hart fake_harts[FAKE_HARTS];

uint64_t sched_quiet_count(unsigned int hart)
{
	struct fake_hart *h = &fake_harts[hart];

	h->looks++;
	if (h->idle)
		return SCHED_QUIET_NOW;
	if (h->looks_to_go && --h->looks_to_go == 0)
		h->count++;
	return h->count;
}

void arch_send_ipi(unsigned int hart_index)
{
	struct fake_hart *h = &fake_harts[hart_index];

	h->asked++;
	if (h->answers)
		h->count++;
}

void sched_sleep_ns(uint64_t duration_ns)
{
}

void read_left_late(void)
{
}
