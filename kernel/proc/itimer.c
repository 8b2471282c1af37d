/* SPDX-License-Identifier: MIT */
/*
 * itimer.c - the three interval timers of a process, and its CPU-time limit
 *
 * ITIMER_REAL is a kernel timer that sends SIGALRM. It is started again only
 * when that signal has been taken (itimer_signal_taken()): however short the
 * interval, it cannot fire faster than the program takes the signals. Nor so
 * soon that the program would do nothing but take them: see REST_MIN_NS. It
 * fires at whole intervals from its start, or late if it has to rest.
 *
 * ITIMER_VIRTUAL, ITIMER_PROF and RLIMIT_CPU measure CPU time. One kernel
 * timer looks after all three, at the earliest moment one could be due.
 *
 * Invariants
 *   I1  cpu_timer_ns[i] is 0, or the CPU time of the process at which timer i
 *       is due.
 *   I2  cpu_timer is queued while the process lives and one of I1 is set or
 *       RLIMIT_CPU is not infinite (or its function is about to run).
 *
 * Locks: process.lock.
 * Source: setitimer(2), getrlimit(2) RLIMIT_CPU.
 */
#include "kernel/proc/itimer.h"
#include "kernel/abi/resource.h"
#include "kernel/abi/time.h"
#include "kernel/proc/cpu_clock.h"
#include "kernel/proc/posix_timer.h"
#include "kernel/proc/signal_internal.h"
#include "kernel/time/clock.h"

/*
 * From the moment a periodic timer's signal is taken, its handler must be
 * entered and left, and some of the program must run, before the next signal
 * comes; else the program stands still for ever. How long the kernel needs
 * for that depends on the machine. It needed about as long to bring the signal:
 * so the timer rests REST_FACTOR times as long, within limits. A program whose
 * handler computes for longer than both that and the interval has itself to
 * blame. (Linux knows no such rest but the least time that the hardware's timer
 * is set to, 100 ticks of it.)
 */
#define REST_FACTOR 4
#define REST_MIN_NS (50 * NSEC_PER_USEC)
#define REST_MAX_NS NSEC_PER_MSEC

/* ---- ITIMER_REAL --------------------------------------------------------- */

static void real_fired(struct timer *timer)
{
	struct itimer *real = container_of(timer, struct itimer, timer);

	signal_send_process(real->process, SIGALRM, NULL);
}

/* The next of the moments @start + n * @interval after now. */
uint64_t timer_next_after(uint64_t start_ns, uint64_t interval_ns,
			  uint64_t now_ns, uint64_t *missed)
{
	*missed = now_ns < start_ns ? 0 : (now_ns - start_ns) / interval_ns;
	return start_ns + (*missed + 1) * interval_ns;
}

void timer_start_next(struct timer *timer, uint64_t due_ns, uint64_t now_ns)
{
	uint64_t took_ns =
		now_ns > timer->deadline_ns ? now_ns - timer->deadline_ns : 0;
	uint64_t rest_ns = REST_MAX_NS;

	if (took_ns < REST_MAX_NS / REST_FACTOR)
		rest_ns = MAX(took_ns * REST_FACTOR, REST_MIN_NS);
	timer_start(timer, MAX(due_ns, now_ns + rest_ns));
}

void itimer_signal_taken(struct process *process)
{
	struct itimer *real = &process->real_timer;
	uint64_t now_ns, missed;

	if (real->interval_ns == 0 || real->timer.queued)
		return;
	now_ns = clock_now_ns();
	real->due_ns = timer_next_after(real->due_ns, real->interval_ns, now_ns,
					&missed);
	timer_start_next(&real->timer, real->due_ns, now_ns);
}

static void real_get(struct process *process, struct itimer_value *value)
{
	struct itimer *real = &process->real_timer;
	uint64_t now_ns = clock_now_ns();

	value->interval_ns = real->interval_ns;
	value->value_ns = 0;
	/* Due this moment, but not 0: that would mean "not armed". */
	if (real->timer.queued)
		value->value_ns = real->timer.deadline_ns > now_ns
					  ? real->timer.deadline_ns - now_ns
					  : NSEC_PER_USEC;
}

static void real_set(struct process *process, const struct itimer_value *value)
{
	struct itimer *real = &process->real_timer;

	timer_cancel(&real->timer);
	real->interval_ns = value->interval_ns;
	if (!value->value_ns) {
		real->interval_ns = 0;
		return;
	}
	real->due_ns = clock_now_ns() + value->value_ns;
	timer_start(&real->timer, real->due_ns);
}

/* ---- CPU time ------------------------------------------------------------ */

/* The kinds of I1. */
static const struct cpu_kind {
	enum cpu_time what;
	int signo;
} cpu_kinds[2] = {
	{ CPU_TIME_USER, SIGVTALRM },
	{ CPU_TIME_ALL, SIGPROF },
};

/*
 * If timer @i is due: true, and it is set for its next time. Else *@left_ns
 * becomes the least that is left to it.
 */
static bool cpu_timer_due(struct process *process, unsigned int i,
			  uint64_t *left_ns)
{
	uint64_t *due_ns = &process->cpu_timer_ns[i];
	uint64_t interval_ns = process->cpu_timer_interval_ns[i];
	uint64_t used_ns, missed;
	bool due;

	if (!*due_ns)
		return false;
	used_ns = process_cpu_time(process, cpu_kinds[i].what);
	due = used_ns >= *due_ns;
	if (due)
		*due_ns = interval_ns ? timer_next_after(*due_ns, interval_ns,
							 used_ns, &missed)
				      : 0;
	if (*due_ns)
		*left_ns = MIN(*left_ns, *due_ns - used_ns);
	return due;
}

/* RLIMIT_CPU: SIGXCPU each second from the soft limit on, SIGKILL at the
 * hard one. Returns the signal, or 0. */
static int cpu_limit_due(struct process *process, uint64_t *left_ns)
{
	struct rlimit_pair *limit = &process->rlimits[RLIMIT_CPU];
	uint64_t used_ns;

	if (limit->soft == RLIM_INFINITY)
		return 0;
	used_ns = process_cpu_time(process, CPU_TIME_ALL);
	if (used_ns / NSEC_PER_SEC >= limit->hard)
		return SIGKILL;
	if (used_ns / NSEC_PER_SEC < limit->soft) {
		if (limit->soft <= UINT64_MAX / NSEC_PER_SEC)
			*left_ns = MIN(*left_ns,
				       limit->soft * NSEC_PER_SEC - used_ns);
		return 0;
	}
	limit->soft = used_ns / NSEC_PER_SEC + 1;
	*left_ns = MIN(*left_ns, NSEC_PER_SEC);
	return SIGXCPU;
}

static void cpu_fired(struct timer *timer)
{
	struct itimer *cpu = container_of(timer, struct itimer, timer);
	struct process *process = cpu->process;
	uint64_t left_ns = UINT64_MAX;
	bool due[2];
	int limit_signal;

	spin_lock(&process->lock);
	for (unsigned int i = 0; i < 2; i++)
		due[i] = cpu_timer_due(process, i, &left_ns);
	limit_signal = cpu_limit_due(process, &left_ns);
	if (left_ns != UINT64_MAX && process->num_threads > 0)
		timer_start(timer, cpu_clock_next_look(process, left_ns));
	spin_unlock(&process->lock);

	for (unsigned int i = 0; i < 2; i++) {
		if (due[i])
			signal_send_process(process, cpu_kinds[i].signo, NULL);
	}
	if (limit_signal)
		signal_send_process(process, limit_signal, NULL);
}

static void cpu_get(struct process *process, unsigned int i,
		    struct itimer_value *value)
{
	uint64_t due_ns = process->cpu_timer_ns[i];
	uint64_t used_ns = process_cpu_time(process, cpu_kinds[i].what);

	value->interval_ns = process->cpu_timer_interval_ns[i];
	value->value_ns = 0;
	if (due_ns)
		value->value_ns =
			due_ns > used_ns ? due_ns - used_ns : NSEC_PER_USEC;
}

static void cpu_set(struct process *process, unsigned int i,
		    const struct itimer_value *value)
{
	uint64_t used_ns = process_cpu_time(process, cpu_kinds[i].what);
	bool armed = value->value_ns != 0;

	process->cpu_timer_ns[i] = armed ? used_ns + value->value_ns : 0;
	process->cpu_timer_interval_ns[i] = armed ? value->interval_ns : 0;
	if (armed)
		timer_start(&process->cpu_timer.timer, clock_now_ns());
}

/* ---- For system calls, and in the life of a process ---------------------- */

void itimer_get(int which, struct itimer_value *value)
{
	struct process *process = current_process();

	spin_lock(&process->lock);
	if (which == ITIMER_REAL)
		real_get(process, value);
	else
		cpu_get(process, which == ITIMER_PROF, value);
	spin_unlock(&process->lock);
}

void itimer_set(int which, const struct itimer_value *value,
		struct itimer_value *old)
{
	struct process *process = current_process();

	spin_lock(&process->lock);
	if (which == ITIMER_REAL) {
		real_get(process, old);
		real_set(process, value);
	} else {
		cpu_get(process, which == ITIMER_PROF, old);
		cpu_set(process, which == ITIMER_PROF, value);
	}
	spin_unlock(&process->lock);
}

void itimer_limit_changed(struct process *process)
{
	if (process_limit(process, RLIMIT_CPU) == RLIM_INFINITY)
		return;
	spin_lock(&process->lock);
	if (process->num_threads > 0)
		timer_start(&process->cpu_timer.timer, clock_now_ns());
	spin_unlock(&process->lock);
}

void process_timers_init(struct process *process)
{
	timer_init(&process->real_timer.timer, real_fired);
	process->real_timer.process = process;
	timer_init(&process->cpu_timer.timer, cpu_fired);
	process->cpu_timer.process = process;
	list_init(&process->posix_timers);
}

void process_timers_exit(struct process *process)
{
	posix_timers_delete_all(process);
	timer_cancel_sync(&process->real_timer.timer);
	timer_cancel_sync(&process->cpu_timer.timer);
}

void process_timers_exec(struct process *process)
{
	posix_timers_delete_all(process);
}
