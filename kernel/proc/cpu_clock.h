/* SPDX-License-Identifier: MIT */
/*
 * cpu_clock.h - clocks that run only while a thread or process does
 *
 * Source: clock_gettime(2), clock_getcpuclockid(3): a clock number below 0
 * holds a pid or tid, ~(id >> 3), and in its low bits what is measured.
 */
#pragma once

#include "kernel/lib/compiler.h"

struct process;
struct thread;

/* What is measured. */
enum cpu_time {
	CPU_TIME_ALL,
	CPU_TIME_USER,
};

/* One such clock; who it belongs to is kept by a reference. */
struct cpu_clock {
	struct process *process;
	struct thread *thread; /* NULL: all of the process */
	enum cpu_time what;
};

/* Could @clock (CLOCK_*) be one? */
bool cpu_clock_is(int clock);
/* 0, -EINVAL: there is no such clock. */
int cpu_clock_get(int clock, struct cpu_clock *out);
void cpu_clock_put(struct cpu_clock *clock);
/* Its time in ns; takes process->lock, or is called with it held. */
uint64_t cpu_clock_read(const struct cpu_clock *clock);
uint64_t cpu_clock_read_locked(const struct cpu_clock *clock);
/* Of all threads, dead ones too; process->lock held. */
uint64_t process_cpu_time(struct process *process, enum cpu_time what);

/*
 * When to look again whether @left_ns of CPU time have been used up: not
 * before that is possible, and not too often.
 */
uint64_t cpu_clock_next_look(const struct process *process, uint64_t left_ns);
