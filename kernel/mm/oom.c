/* SPDX-License-Identifier: MIT */
/*
 * oom.c - when memory runs out, a program dies, never the kernel
 *
 * Idea: programs are promised more memory than there is (overcommit), so a
 * promise may turn out to be one too many only when a page is touched. Which
 * process pays is proc/'s business: it fills in the killer at boot. Here we
 * call it and give the victim time to die. Before that, what is only remembered
 * (names that nobody uses) is forgotten.
 */
#include "kernel/mm/vm_space.h"
#include "kernel/mm/internal.h"
#include "kernel/sched/sched.h"

/* How long to wait for a victim's memory before asking again. */
#define VICTIM_WAIT_NS (2 * NSEC_PER_MSEC)

/* Fixed after boot. */
static bool (*killer)(void);
static bool (*reclaimer)(void);

void memory_set_reclaimer(bool (*reclaim)(void))
{
	reclaimer = reclaim;
}

void memory_set_killer(bool (*kill_one)(void))
{
	killer = kill_one;
}

bool memory_denied(void)
{
	struct thread *thread = current();

	return thread->oom_victim || thread_has_work(thread, WORK_KILL);
}

bool memory_wait_for_victim(void)
{
	if (!killer || !current()->space || memory_denied())
		return false;
	if (reclaimer && reclaimer())
		return true;
	if (!killer())
		return false;
	/* The choice may have fallen on us. */
	if (memory_denied())
		return false;
	sched_sleep_ns(VICTIM_WAIT_NS);
	return true;
}
