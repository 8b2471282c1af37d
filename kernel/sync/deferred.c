/* SPDX-License-Identifier: MIT */
/*
 * deferred.c - freeing when every reader is done
 *
 * Idea: a reader keeps its hart (deferred.h), so a hart that has switched
 * threads since something was taken out has no reader left that saw it. A hart
 * whose thread runs on is interrupted: if the interrupt hit no read section,
 * that is as good (quiescent states). A hart that idles reads nothing, nor does
 * one that is off line. When this is so of all harts, a grace period is over:
 *
 *   writer                           reader on another hart
 *   take it out                      read_enter()
 *   fence             (wait_grace)   find it, use it
 *   look at the hart's count         read_leave()
 *   ... until it has changed         count + 1, releasing the run queue's lock
 *   free it
 *
 * What is to be freed waits in a list of the hart that deferred it. A thread
 * collects all lists after DELAY_NS, waits for one grace period for all of them,
 * and frees.
 *
 * Bounds: from MANY waiting frees on, the thread does not wait for more; from
 * LIMIT on, a thread that defers and may sleep waits for a grace period itself.
 *
 * Invariants
 *   D1  num_waiting is the number on all lists, and of those being freed.
 *   D2  Frees that were deferred before a deferred_wait() began are done when it
 *       returns: grace_lock is held from taking the lists to the last free.
 *
 * Locks: a list's own; grace_lock.
 * Read: OSTEP ch. 29 (concurrent data structures); McKenney, Slingwine,
 * "Read-Copy Update" (PDCS 1998); Hart et al., "Performance of memory
 * reclamation for lockless synchronization" (JPDC 2007).
 */
#include "kernel/sync/deferred.h"

#include <arch/hart.h>
#include "kernel/sched/sched.h"
#include "kernel/sync/mutex.h"
#include "kernel/sync/wait.h"
#include "kernel/time/clock.h"

#define DELAY_NS (10 * NSEC_PER_MSEC)
#define MANY     1000u
#define LIMIT    20000u

/* Looks at another hart before we sleep for it. */
#define LOOKS   100u
#define LOOK_NS (NSEC_PER_MSEC / 2)

static struct waiting {
	struct spinlock lock; /* rank LOCK_LEAF */
	struct deferred *first;
} __aligned(64) waiting[MAX_HARTS] = {
	[0 ... MAX_HARTS - 1] = { .lock = SPINLOCK_INIT(LOCK_LEAF) },
};

static unsigned int num_waiting; /* atomic (D1) */
static struct wait_queue work = WAIT_QUEUE_INIT(work);
static struct mutex grace_lock = MUTEX_INIT(grace_lock, LOCK_DEFERRED);

/* ---- A grace period -------------------------------------------------------- */

/* The harts (bits) that have not been seen outside read sections since @seen. */
static uint64_t still_reading(uint64_t harts, const uint64_t *seen)
{
	uint64_t left = harts;

	for (; harts; harts &= harts - 1) {
		unsigned int i = (unsigned int)__builtin_ctzl(harts);
		uint64_t count = sched_quiet_count(i);

		if (count == SCHED_QUIET_NOW || count != seen[i])
			left &= ~BIT(i);
	}
	return left;
}

static void ask(uint64_t harts)
{
	for (; harts; harts &= harts - 1)
		arch_send_ipi((unsigned int)__builtin_ctzl(harts));
}

static void wait_grace(void)
{
	uint64_t seen[MAX_HARTS];
	uint64_t harts = 0;

	/* What was taken out, before the counts. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	/* This hart runs us, who read nothing. */
	interrupts_off_enter();
	for (unsigned int i = 0; i < arch_num_harts(); i++) {
		if (i == arch_hart_index())
			continue;
		seen[i] = sched_quiet_count(i);
		if (seen[i] != SCHED_QUIET_NOW)
			harts |= BIT(i);
	}
	interrupts_off_leave();
	while (harts) {
		ask(harts);
		for (unsigned int i = 0; harts && i < LOOKS; i++)
			harts = still_reading(harts, seen);
		if (harts)
			sched_sleep_ns(LOOK_NS);
	}
}

/* ---- Deferring and freeing --------------------------------------------------- */

static struct deferred *take_all(void)
{
	struct deferred *all = NULL;

	for (unsigned int i = 0; i < MAX_HARTS; i++) {
		struct waiting *list = &waiting[i];
		struct deferred *one;

		if (!READ_ONCE(list->first))
			continue;
		spin_lock(&list->lock);
		while ((one = list->first)) {
			list->first = one->next;
			one->next = all;
			all = one;
		}
		spin_unlock(&list->lock);
	}
	return all;
}

void deferred_wait(void)
{
	struct deferred *one;

	mutex_lock(&grace_lock);
	one = take_all();
	if (sched_other_harts)
		wait_grace();
	while (one) {
		struct deferred *next = one->next;

		one->free(one);
		__atomic_fetch_sub(&num_waiting, 1, __ATOMIC_RELAXED);
		one = next;
	}
	mutex_unlock(&grace_lock);
}

/* May the current thread wait for a grace period here? */
static bool may_wait(void)
{
	return current_irq()->depth == 0 && !is_reading() &&
	       !mutex_is_mine(&grace_lock);
}

void deferred_call(struct deferred *deferred,
		   void (*free)(struct deferred *deferred))
{
	struct waiting *list;
	unsigned int before;

	/* On one hart who is not reading itself is the only one who could. */
	if (!sched_other_harts && !is_reading()) {
		free(deferred);
		return;
	}
	deferred->free = free;
	interrupts_off_enter();
	list = &waiting[arch_hart_index()];
	spin_lock(&list->lock);
	deferred->next = list->first;
	list->first = deferred;
	spin_unlock(&list->lock);
	before = __atomic_fetch_add(&num_waiting, 1, __ATOMIC_RELAXED);
	interrupts_off_leave();
	if (before == 0 || before == MANY)
		wake_all(&work);
	else if (unlikely(before > LIMIT) && may_wait())
		deferred_wait();
}

static void thread_main(void *unused)
{
	for (;;) {
		WAIT_EVENT(&work, READ_ONCE(num_waiting) > 0);
		(void)WAIT_EVENT_DEADLINE(&work, READ_ONCE(num_waiting) > MANY,
					  0, clock_now_ns() + DELAY_NS);
		deferred_wait();
	}
}

void deferred_start(void)
{
	struct thread *thread =
		thread_create_kernel("deferred", thread_main, NULL);

	assert(thread);
	sched_start(thread);
}
