/* SPDX-License-Identifier: MIT */
/*
 * oom.c - when memory runs out, a program dies, never the kernel
 *
 * Idea: programs are promised more memory than there is (overcommit), so a
 * promise may turn out to be one too many only when a page is touched. Which
 * process pays is proc/'s business: it fills in the killer at boot. Here we
 * call it and give the victim time to die. Before that, what is only remembered
 * is forgotten: pages of files (clean ones at once, dirty ones when they have
 * been written), names that nobody uses.
 */
#include "kernel/mm/vm_space.h"
#include "kernel/mm/internal.h"
#include "kernel/mm/writeback.h"
#include "kernel/sched/sched.h"
#include "kernel/time/clock.h"

/* How long to wait for a victim's memory before asking again. */
#define VICTIM_WAIT_NS (2 * NSEC_PER_MSEC)

/* Pages of files to give up at a time; how often and how long to wait for the
 * disk. */
#define RECLAIM_PAGES 64u
#define WRITE_TRIES   64u
#define WRITE_WAIT_NS NSEC_PER_SEC
#define BUSY_WAIT_NS  NSEC_PER_MSEC

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

/* Something that is only remembered can go, or soon will. */
static bool reclaim(void)
{
	unsigned int tries;
	bool skipped;

	for (tries = 0; tries < WRITE_TRIES; tries++) {
		if (reclaim_pages(RECLAIM_PAGES, &skipped))
			return true;
		if (skipped) {
			sched_sleep_ns(BUSY_WAIT_NS);
			continue;
		}
		/* All of it dirty: wait for the disk, but not for ever: we
		 * may hold what the writing needs. */
		if (!writeback_hurry(clock_now_ns() + WRITE_WAIT_NS))
			break;
	}
	return reclaimer && reclaimer();
}

bool memory_wait_for_victim(void)
{
	if (reclaim())
		return true;
	if (!killer || !current()->space || memory_denied())
		return false;
	if (!killer())
		return false;
	/* The choice may have fallen on us. */
	if (memory_denied())
		return false;
	sched_sleep_ns(VICTIM_WAIT_NS);
	return true;
}

bool memory_reclaim_for_kernel(unsigned int order)
{
	bool skipped;

	if (current_irq()->depth > 0 || !arch_interrupts_are_on())
		return false;
	return reclaim_pages(RECLAIM_PAGES << order, &skipped) > 0;
}
