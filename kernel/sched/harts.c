/* SPDX-License-Identifier: MIT */
/*
 * harts.c - harts that begin to run threads, and facts about single harts
 *
 * Idea: a hart runs as its idle thread until there is something else to do. The
 * boot hart's is the boot code itself; for each other hart one is made here,
 * and the firmware starts the hart with it. It comes up whenever it does: from
 * the moment it says so (sched_hart_comes()), threads may be placed there.
 *
 * A hart stops in these steps. rq->online is cleared, so nothing new comes; an
 * interrupt has the hart give away what is queued, and its running thread, which
 * schedule() then does not keep there. So it ends up in its idle loop, which
 * gives its timers to the boot hart and calls the firmware. Frames and objects
 * in its caches stay for its return.
 *
 *   STOPPED -> STARTING  start_hart()          (firmware)
 *   STARTING -> ONLINE   sched_hart_comes()
 *   ONLINE -> DRAINING   stop_hart()
 *   DRAINING -> STOPPED  sched_hart_leaves()   (firmware)
 *
 * Locks: run_queue.lock for rq->online; harts_lock for starting and stopping.
 * Source: SBI v2.0, "Hart State Management Extension".
 */
#include "kernel/sched/sched.h"

#include <arch/hart.h>
#include <arch/page_table.h>
#include "kernel/abi/errno.h"
#include "kernel/debug/log.h"
#include "kernel/debug/panic.h"
#include "kernel/lib/format.h"
#include "kernel/sched/run_queue.h"
#include "kernel/sync/mutex.h"
#include "kernel/sync/wait.h"
#include "kernel/time/clock.h"
#include "kernel/time/timer.h"

/* How long the boot waits for the others; they come in milliseconds. */
#define START_TIMEOUT_NS (2 * NSEC_PER_SEC)

static struct mutex harts_lock = MUTEX_INIT(harts_lock, LOCK_HARTS);
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
	idle->irq.owed.any = 0;
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

static void wait_for(uint64_t wanted)
{
	WAIT_EVENT_DEADLINE(&hart_came, sched_online_harts() == wanted, 0,
			    clock_now_ns() + START_TIMEOUT_NS);
	if (sched_online_harts() != wanted)
		log_warning("harts %#lx were started but have not come yet",
			    wanted & ~sched_online_harts());
}

void sched_start_harts(unsigned int max)
{
	uint64_t wanted;
	unsigned int num = 1;

	mutex_lock(&harts_lock);
	wanted = sched_online_harts();
	for (unsigned int i = 0; i < arch_num_harts() && num < max; i++) {
		if (wanted & BIT(i))
			continue;
		if (start_hart(i) == 0) {
			wanted |= BIT(i);
			num++;
		}
	}
	wait_for(wanted);
	mutex_unlock(&harts_lock);
}

/* ---- Stopping ------------------------------------------------------------- */

void sched_hart_drain(struct run_queue *rq) UNCHECKED_LOCKING
{
	struct thread *thread;

	for (;;) {
		spin_lock(&rq->lock);
		thread = run_queue_pick(rq);
		if (!thread)
			break;
		sched_place(rq, thread, ADD_MOVED); /* unlocks */
	}
	if (rq->current != rq->idle)
		thread_set_work(rq->current, WORK_RESCHEDULE);
	spin_unlock(&rq->lock);
}

void sched_hart_leaves(struct run_queue *rq)
{
	struct thread *me = current();

	timers_leave_hart(sched_boot_hart);
	arch_send_ipi(sched_boot_hart);
	spin_lock(&rq->lock);
	account_run_time(rq, me, clock_now_ns(), CPU_SYSTEM);
	me->sched.on_hart = false;
	rq->quantum_armed_ns = UINT64_MAX;
	page_table_switch(&kernel_page_table);
	WRITE_ONCE(rq->borrowed, NULL);
	spin_unlock(&rq->lock);
	arch_hart_stop();
}

static void nobody_minds(unsigned int hart)
{
}

static void (*hart_gone)(unsigned int hart) = nobody_minds;

void sched_set_hart_gone_hook(void (*gone)(unsigned int hart))
{
	hart_gone = gone;
}

static int stop_hart(unsigned int hart)
{
	struct run_queue *rq = run_queue_of(hart);

	__atomic_fetch_and(&online_harts, ~BIT(hart), __ATOMIC_RELAXED);
	hart_gone(hart);
	spin_lock(&rq->lock);
	rq->online = false;
	spin_unlock(&rq->lock);
	__atomic_fetch_and(&sched_idle_harts, ~BIT(hart), __ATOMIC_RELAXED);
	do {
		arch_send_ipi(hart);
		sched_sleep_ns(NSEC_PER_MSEC);
	} while (!arch_hart_is_stopped(hart));
	log_info("hart %u stopped", hart);
	return 0;
}

bool sched_hart_may_stop(unsigned int hart)
{
	return hart != sched_boot_hart;
}

int sched_set_hart_online(unsigned int hart, bool online)
{
	uint64_t bit = BIT(hart);
	int err = 0;

	if (!online && !sched_hart_may_stop(hart))
		return -EBUSY;
	mutex_lock(&harts_lock);
	if (online && !(sched_online_harts() & bit)) {
		err = start_hart(hart);
		if (!err)
			wait_for(sched_online_harts() | bit);
	} else if (!online && (sched_online_harts() & bit)) {
		err = stop_hart(hart);
	}
	mutex_unlock(&harts_lock);
	return err;
}

/* ---- Facts ---------------------------------------------------------------- */

uint64_t sched_hart_ipis(unsigned int hart)
{
	return READ_ONCE(run_queue_of(hart)->num_ipis);
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
