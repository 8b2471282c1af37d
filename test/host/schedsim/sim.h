/* SPDX-License-Identifier: MIT */
/*
 * sim.h - what the simulator knows of a thread, for policies that may ask
 */
#pragma once

#include "kernel/sched/policy.h"
#include "kernel/sched/thread.h"

struct burst {
	uint64_t cpu_ns; /* then: */
	uint64_t io_ns;
};

struct job {
	struct thread thread; /* first */
	const char *name;
	uint64_t arrive_ns, first_ns, finish_ns;
	struct burst *bursts;
	unsigned int num_bursts, burst; /* the one it is in */
	uint64_t left_ns;               /* of the burst's CPU time */
	unsigned int moves;
	bool began, finished;
};

static inline struct job *job_of(struct thread *thread)
{
	return (struct job *)thread;
}

/* oracle.c: policies that know how long jobs will take. */
extern const struct sched_policy sjf_policy, stcf_policy;
