/* SPDX-License-Identifier: MIT */
/*
 * harts.c - harts that begin to run threads, and facts about single harts
 *
 * Idea: a hart runs as its idle thread until there is something else to do. The
 * boot hart's is the boot code itself; for each other hart one is made here,
 * and the firmware starts the hart with it. It comes up whenever it does: from
 * the moment it says so (sched_hart_comes()), threads may be placed there.
 *
 * Locks: run_queue.lock for rq->online.
 * Source: SBI v2.0, "Hart State Management Extension".
 */
#include "kernel/sched/sched.h"

#include <arch/hart.h>
#include "kernel/abi/errno.h"
#include "kernel/debug/log.h"
#include "kernel/debug/panic.h"
#include "kernel/lib/format.h"
#include "kernel/sched/run_queue.h"
#include "kernel/sync/wait.h"
#include "kernel/time/clock.h"

/* How long the boot waits for the others; they come in milliseconds. */
#define START_TIMEOUT_NS (2 * NSEC_PER_SEC)

static uint64_t online_harts; /* atomic; bit h: hart h runs threads */
static struct wait_queue hart_came = WAIT_QUEUE_INIT(hart_came);

uint64_t sched_online_harts(void)
{
	return READ_ONCE(online_harts);
}

void sched_hart_comes(struct run_queue *rq)
{
	struct thread *me = current();

	spin_lock(&rq->lock);
	me->state = THREAD_RUNNING;
	me->sched.on_hart = true;
	me->sched.started_ns = clock_now_ns();
	rq->current = me;
	rq->online = true;
	spin_unlock(&rq->lock);
	__atomic_fetch_or(&online_harts, BIT(rq->hart_index), __ATOMIC_RELEASE);
	wake_all(&hart_came);
}

static void never_runs(void *unused)
{
	panic("an idle thread was started like any other");
}

static struct thread *make_idle_thread(unsigned int hart)
{
	char name[THREAD_NAME_SIZE];
	struct thread *idle;

	format_string(name, sizeof(name), "idle/%u", hart);
	idle = thread_create_kernel(name, never_runs, NULL);
	if (!idle)
		return NULL;
	/* It is entered on its stack, not switched to. */
	idle->irq.depth = 0;
	idle->irq.was_on = false;
	idle->trace.tid = 0;
	run_queue_adopt(run_queue_of(hart), idle);
	return idle;
}

static int start_hart(unsigned int hart)
{
	struct run_queue *rq = run_queue_of(hart);

	if (!rq->idle)
		rq->idle = make_idle_thread(hart);
	if (!rq->idle)
		return -ENOMEM;
	sched_other_harts = true;
	return arch_hart_start(hart, rq->idle);
}

void sched_start_harts(unsigned int max)
{
	uint64_t wanted = online_harts;
	unsigned int num = 1;

	for (unsigned int i = 0; i < arch_num_harts() && num < max; i++) {
		if (wanted & BIT(i))
			continue;
		if (start_hart(i) == 0) {
			wanted |= BIT(i);
			num++;
		}
	}
	WAIT_EVENT_DEADLINE(&hart_came, sched_online_harts() == wanted, 0,
			    clock_now_ns() + START_TIMEOUT_NS);
	if (sched_online_harts() != wanted)
		log_warning("harts %#lx were started but have not come yet",
			    wanted & ~sched_online_harts());
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
