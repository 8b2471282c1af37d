/* SPDX-License-Identifier: MIT */
/*
 * posix_timer.c - timers that a program makes: timer_create(2)
 *
 * Idea: a timer owns the queue entry of its signal, so firing needs no memory
 * and one timer has at most one signal pending. A periodic timer is started
 * again when its signal is taken, and rests a while then (timer_start_next());
 * the periods that went by unseen meanwhile are the overrun. So its interval may
 * be as short as it likes.
 *
 * Timers on CPU clocks are kernel timers that look how far the clock got, not
 * sooner than a millisecond after they last did.
 *
 * Deliberate simplification: an absolute time on the wall clock is not moved
 * when that clock is set.
 *
 * Locks: process.lock, for the list and everything in a timer.
 * Source: timer_create(2), timer_settime(2), timer_getoverrun(2), sigevent(7).
 */
#include "kernel/proc/posix_timer.h"
#include "kernel/abi/errno.h"
#include "kernel/abi/resource.h"
#include "kernel/abi/time.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "kernel/proc/cpu_clock.h"
#include "kernel/proc/itimer.h"
#include "kernel/proc/signal_internal.h"
#include "kernel/time/clock.h"
#include "kernel/time/timer.h"

/* How often a periodic timer whose signal is ignored looks again. */
#define IGNORED_INTERVAL_NS (10 * NSEC_PER_MSEC)

struct posix_timer {
	struct list_head node; /* process->posix_timers */
	struct process *process;
	struct timer timer;
	int id;
	int clock; /* CLOCK_* */
	bool on_cpu_clock;
	struct cpu_clock cpu;  /* with references, if so */
	struct thread *target; /* SIGEV_THREAD_ID: with a reference; or NULL */
	bool silent;           /* SIGEV_NONE */

	bool armed;
	uint64_t due_ns; /* of the monotonic or the CPU clock */
	uint64_t interval_ns;
	int overrun;               /* of the signal last taken */
	struct signal_info signal; /* queued, or its node is empty */
};

/* ---- Its clock ----------------------------------------------------------- */

/* process.lock is held, of the timer's process. */
static uint64_t now_of(const struct posix_timer *timer)
{
	return timer->on_cpu_clock ? cpu_clock_read_locked(&timer->cpu)
				   : clock_now_ns();
}

/* When it is worth a look whether it is due. */
static uint64_t look_at(const struct posix_timer *timer, uint64_t now_ns)
{
	uint64_t left_ns = timer->due_ns > now_ns ? timer->due_ns - now_ns : 0;

	return timer->on_cpu_clock
		       ? cpu_clock_next_look(timer->process, left_ns)
		       : timer->due_ns;
}

static void start(struct posix_timer *timer, uint64_t now_ns)
{
	if (timer->silent)
		return; /* only asked how long it has to go */
	timer_start(&timer->timer, look_at(timer, now_ns));
}

/* To the first period after @now; returns how many were missed. */
static uint64_t forward(struct posix_timer *timer, uint64_t now_ns)
{
	uint64_t missed;

	timer->due_ns = timer_next_after(timer->due_ns, timer->interval_ns,
					 now_ns, &missed);
	return missed;
}

/* ---- Firing -------------------------------------------------------------- */

static void fire(struct posix_timer *timer) MUST_HOLD(timer->process->lock)
{
	uint64_t now_ns;

	if (!list_empty(&timer->signal.node))
		return; /* set again before its last signal was taken */
	if (signal_send_entry(timer->process, timer->target, &timer->signal)) {
		timer->armed = timer->interval_ns != 0;
		return;
	}
	timer->armed = timer->interval_ns != 0;
	if (timer->armed) {
		now_ns = now_of(timer);
		forward(timer, now_ns + IGNORED_INTERVAL_NS);
		start(timer, now_ns);
	}
}

static void timer_fired(struct timer *kernel_timer)
{
	struct posix_timer *timer =
		container_of(kernel_timer, struct posix_timer, timer);
	uint64_t now_ns;

	spin_lock(&timer->process->lock);
	now_ns = now_of(timer);
	/* It may have been set anew while we waited for the lock. */
	if (timer->armed && now_ns >= timer->due_ns)
		fire(timer);
	else if (timer->armed && timer->process->num_threads > 0)
		start(timer, now_ns);
	spin_unlock(&timer->process->lock);
}

void posix_timer_signal_taken(struct posix_timer *timer,
			      struct short_siginfo *info)
{
	uint64_t now_ns, missed;

	timer->overrun = 0;
	if (timer->armed && timer->interval_ns) {
		now_ns = now_of(timer);
		if (now_ns >= timer->due_ns) {
			missed = forward(timer, now_ns);
			timer->overrun = (int)MIN(missed, (uint64_t)INT32_MAX);
			timer_start_next(&timer->timer, look_at(timer, now_ns),
					 clock_now_ns());
		}
	}
	info->si_overrun = timer->overrun;
}

/* ---- Making and deleting ------------------------------------------------- */

static int check_clock(int clock)
{
	switch (clock) {
	case CLOCK_REALTIME:
	case CLOCK_MONOTONIC:
	case CLOCK_BOOTTIME:
	case CLOCK_TAI:
		return 0;
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_REALTIME_COARSE:
	case CLOCK_MONOTONIC_COARSE:
	case CLOCK_REALTIME_ALARM: /* would wake the machine */
	case CLOCK_BOOTTIME_ALARM:
		return -EOPNOTSUPP;
	default:
		return cpu_clock_is(clock) ? 0 : -EINVAL;
	}
}

static int set_target(struct posix_timer *timer, int tid)
{
	struct thread *thread = thread_find(tid);
	struct process *process;

	if (!thread)
		return -EINVAL;
	timer->target = thread; /* timer_free() puts it */
	process = thread_process_get(thread);
	if (process)
		process_put(process);
	return process == timer->process ? 0 : -EINVAL;
}

static int set_event(struct posix_timer *timer, const struct sigevent *event)
{
	struct short_siginfo *info = &timer->signal.info;

	info->si_signo = SIGALRM;
	info->si_code = SI_TIMER;
	if (!event)
		return 0;
	timer->silent = event->sigev_notify == SIGEV_NONE;
	if (timer->silent)
		return 0;
	if (event->sigev_signo < 1 || event->sigev_signo > NUM_SIGNALS)
		return -EINVAL;
	info->si_signo = event->sigev_signo;
	info->si_value = event->sigev_value;
	switch (event->sigev_notify) {
	case SIGEV_SIGNAL:
	case SIGEV_THREAD: /* the library's business; to us a signal */
		return 0;
	case SIGEV_THREAD_ID:
		return set_target(timer, event->sigev_notify_thread_id);
	default:
		return -EINVAL;
	}
}

static int set_up(struct posix_timer *timer, int clock,
		  const struct sigevent *event)
{
	int err = check_clock(clock);

	if (!err)
		err = set_event(timer, event);
	if (!err && cpu_clock_is(clock)) {
		err = cpu_clock_get(clock, &timer->cpu);
		timer->on_cpu_clock = !err;
	}
	/* Time on other processes' clocks would need their locks. */
	if (!err && timer->on_cpu_clock && timer->cpu.process != timer->process)
		err = -EINVAL;
	return err;
}

static void timer_free(struct posix_timer *timer)
{
	if (timer->on_cpu_clock)
		cpu_clock_put(&timer->cpu);
	if (timer->target)
		thread_put(timer->target);
	kfree(timer);
}

/* Timers count as queued signals, whether or not theirs is queued. */
static int add(struct process *process, struct posix_timer *timer, int *id)
{
	int err = -EAGAIN;

	spin_lock(&process->lock);
	if (process->queued_signals <
	    process->rlimits[RLIMIT_SIGPENDING].soft) {
		process->queued_signals++;
		*id = timer->id = process->next_posix_timer++ & INT32_MAX;
		timer->signal.info.si_tid = timer->id;
		list_push_back(&process->posix_timers, &timer->node);
		err = 0;
	}
	spin_unlock(&process->lock);
	return err;
}

int posix_timer_create(int clock, const struct sigevent *event, int *id)
{
	struct process *process = current_process();
	struct posix_timer *timer = kzalloc(sizeof(*timer));
	int err;

	if (!timer)
		return -ENOMEM;
	timer->process = process;
	timer->clock = clock;
	timer->signal.timer = timer;
	list_init(&timer->signal.node);
	timer_init(&timer->timer, timer_fired);
	err = set_up(timer, clock, event);
	if (!err)
		err = add(process, timer, id);
	if (err) {
		timer_free(timer);
		return err;
	}
	/* Without an event, the value is the timer's number. */
	if (!event)
		timer->signal.info.si_value.sival_int = *id;
	return 0;
}

/* process.lock is held. */
static struct posix_timer *find(struct process *process, int id)
{
	struct posix_timer *timer;

	list_for_each (timer, &process->posix_timers, node) {
		if (timer->id == id)
			return timer;
	}
	return NULL;
}

/* @timer is off the list: nobody else will find it. */
static void destroy(struct process *process, struct posix_timer *timer)
{
	/* It may be waiting for the lock, to find that it is not armed. */
	timer_cancel_sync(&timer->timer);
	spin_lock(&process->lock);
	if (!list_empty(&timer->signal.node))
		pending_remove_entry(timer->target
					     ? pending_of_thread(timer->target)
					     : pending_of_process(process),
				     &timer->signal);
	process->queued_signals--;
	spin_unlock(&process->lock);
	timer_free(timer);
}

int posix_timer_delete(int id)
{
	struct process *process = current_process();
	struct posix_timer *timer;

	spin_lock(&process->lock);
	timer = find(process, id);
	if (timer) {
		list_remove(&timer->node);
		timer->armed = false;
	}
	spin_unlock(&process->lock);
	if (!timer)
		return -EINVAL;
	destroy(process, timer);
	return 0;
}

void posix_timers_delete_all(struct process *process)
{
	struct posix_timer *timer;

	for (;;) {
		spin_lock(&process->lock);
		if (list_empty(&process->posix_timers))
			break;
		timer = list_first(&process->posix_timers, struct posix_timer,
				   node);
		list_remove(&timer->node);
		timer->armed = false;
		spin_unlock(&process->lock);
		destroy(process, timer);
	}
	spin_unlock(&process->lock);
}

/* ---- Setting and asking -------------------------------------------------- */

static void get_locked(const struct posix_timer *timer,
		       struct posix_timer_value *value)
{
	uint64_t now_ns = now_of(timer);
	uint64_t due_ns = timer->due_ns;
	uint64_t missed;

	value->interval_ns = timer->interval_ns;
	value->value_ns = 0;
	if (!timer->armed)
		return;
	/* Its signal waits, or it has none: the period goes on. */
	if (due_ns <= now_ns && timer->interval_ns)
		due_ns = timer_next_after(due_ns, timer->interval_ns, now_ns,
					  &missed);
	if (due_ns > now_ns)
		value->value_ns = due_ns - now_ns;
	else if (!timer->silent)
		value->value_ns = 1; /* due this moment, but armed */
}

static uint64_t due_at(const struct posix_timer *timer, bool absolute,
		       uint64_t value_ns)
{
	uint64_t generation;
	int64_t due_ns;

	if (!absolute)
		return now_of(timer) + value_ns;
	if (timer->clock != CLOCK_REALTIME && timer->clock != CLOCK_TAI)
		return value_ns;
	due_ns = (int64_t)value_ns - clock_realtime_offset_ns(&generation);
	return due_ns > 0 ? (uint64_t)due_ns : 1;
}

static void set_locked(struct posix_timer *timer, bool absolute,
		       const struct posix_timer_value *value)
{
	timer_cancel(&timer->timer);
	timer->armed = value->value_ns != 0;
	timer->interval_ns = value->interval_ns;
	timer->overrun = 0;
	if (!timer->armed)
		return;
	timer->due_ns = due_at(timer, absolute, value->value_ns);
	start(timer, now_of(timer));
}

int posix_timer_set(int id, bool absolute,
		    const struct posix_timer_value *value,
		    struct posix_timer_value *old)
{
	struct process *process = current_process();
	struct posix_timer *timer;

	spin_lock(&process->lock);
	timer = find(process, id);
	if (timer) {
		get_locked(timer, old);
		set_locked(timer, absolute, value);
	}
	spin_unlock(&process->lock);
	return timer ? 0 : -EINVAL;
}

int posix_timer_get(int id, struct posix_timer_value *value)
{
	struct process *process = current_process();
	struct posix_timer *timer;

	spin_lock(&process->lock);
	timer = find(process, id);
	if (timer)
		get_locked(timer, value);
	spin_unlock(&process->lock);
	return timer ? 0 : -EINVAL;
}

int posix_timer_overrun(int id)
{
	struct process *process = current_process();
	struct posix_timer *timer;
	int overrun = -EINVAL;

	spin_lock(&process->lock);
	timer = find(process, id);
	if (timer)
		overrun = timer->overrun;
	spin_unlock(&process->lock);
	return overrun;
}
