/* SPDX-License-Identifier: MIT */
/*
 * cpu_clock.c - clocks that run only while a thread or process does
 *
 * Nothing counts them: they are sums of what the scheduler accounts. A timer
 * on such a clock is a kernel timer that looks now and then how far it got.
 */
#include "kernel/proc/cpu_clock.h"
#include <arch/hart.h>
#include "kernel/abi/errno.h"
#include "kernel/abi/time.h"
#include "kernel/proc/process.h"
#include "kernel/sched/sched.h"
#include "kernel/time/clock.h"

/* Of the low bits of a clock number below 0. */
#define CLOCK_KIND(clock) ((clock)&3)
#define KIND_PROF         0
#define KIND_VIRT         1
#define KIND_SCHED        2
#define CLOCK_PER_THREAD  4

#define LOOK_INTERVAL_MIN NSEC_PER_MSEC

bool cpu_clock_is(int clock)
{
	return clock < 0 || clock == CLOCK_PROCESS_CPUTIME_ID ||
	       clock == CLOCK_THREAD_CPUTIME_ID;
}

static int get_thread(int tid, struct cpu_clock *out)
{
	struct thread *thread = current();

	if (tid)
		thread = thread_find(tid);
	else
		thread_get(thread);
	if (!thread)
		return -EINVAL;
	/* Threads of other processes are none of ours. */
	out->process = thread_process_get(thread);
	if (out->process == current_process()) {
		out->thread = thread;
		return 0;
	}
	if (out->process)
		process_put(out->process);
	thread_put(thread);
	return -EINVAL;
}

static int get_process(int pid, struct cpu_clock *out)
{
	struct process *process = current_process();

	if (pid)
		process = process_find(pid);
	else
		process_get(process);
	if (!process)
		return -EINVAL;
	out->thread = NULL;
	out->process = process;
	return 0;
}

int cpu_clock_get(int clock, struct cpu_clock *out)
{
	int number = 0;
	bool per_thread = clock == CLOCK_THREAD_CPUTIME_ID;

	out->what = CPU_TIME_ALL;
	if (clock < 0) {
		if (CLOCK_KIND(clock) > KIND_SCHED)
			return -EINVAL; /* the clock of a device file */
		if (CLOCK_KIND(clock) == KIND_VIRT)
			out->what = CPU_TIME_USER;
		number = ~(clock >> 3);
		per_thread = clock & CLOCK_PER_THREAD;
	}
	return per_thread ? get_thread(number, out) : get_process(number, out);
}

void cpu_clock_put(struct cpu_clock *clock)
{
	if (clock->thread)
		thread_put(clock->thread);
	process_put(clock->process);
}

static uint64_t thread_cpu_time(struct thread *thread, enum cpu_time what)
{
	uint64_t user_ns, system_ns;

	sched_cpu_time(thread, &user_ns, &system_ns);
	return what == CPU_TIME_USER ? user_ns : user_ns + system_ns;
}

uint64_t process_cpu_time(struct process *process, enum cpu_time what)
{
	const struct usage *dead = &process->dead_threads_usage;
	uint64_t sum = dead->user_ns;
	struct thread *thread;

	if (what == CPU_TIME_ALL)
		sum += dead->system_ns;
	list_for_each (thread, &process->threads, process_node)
		sum += thread_cpu_time(thread, what);
	return sum;
}

uint64_t cpu_clock_read_locked(const struct cpu_clock *clock)
{
	if (clock->thread)
		return thread_cpu_time(clock->thread, clock->what);
	return process_cpu_time(clock->process, clock->what);
}

uint64_t cpu_clock_read(const struct cpu_clock *clock)
{
	uint64_t now_ns;

	spin_lock(&clock->process->lock);
	now_ns = cpu_clock_read_locked(clock);
	spin_unlock(&clock->process->lock);
	return now_ns;
}

uint64_t cpu_clock_next_look(const struct process *process, uint64_t left_ns)
{
	unsigned int harts = MIN(arch_num_harts(), process->num_threads);
	uint64_t wait_ns = left_ns / MAX(harts, 1u);

	return clock_now_ns() + MAX(wait_ns, LOOK_INTERVAL_MIN);
}
