/* SPDX-License-Identifier: MIT */
/*
 * jobs.c - run jobs of given lengths side by side, and tell when each ran
 *
 *   jobs [-u UNTIL_MS] NAME:ARRIVE_MS:RUN_MS[:CLASS=VALUE] ...
 *   jobs -w FROM_MS -u UNTIL_MS ...    what each ran between the two
 *
 * CLASS is nice, fifo or rr. A job computes until it has used RUN_MS of its own
 * CPU time; all count from one moment. For each job is printed, in milliseconds:
 * "NAME turnaround T response R ran T"; with -u all are stopped then.
 * For the figures of OSTEP ch. 7-9, on a hart of their own (--icount).
 */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_JOBS 64
#define MS       1000000LL

struct job {
	char name[16];
	long arrive_ms, run_ms;
	char class[8];
	int value;
	pid_t pid;
	volatile long long first_ns, finish_ns, ran_ns;
};

static struct {
	volatile long long begin_ns, until_ns;
	struct job jobs[MAX_JOBS];
} * shared;

static long long clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void sleep_until(long long ns)
{
	struct timespec t = { ns / 1000000000LL, ns % 1000000000LL };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL))
		;
}

static void run(struct job *job)
{
	struct sched_param p = { .sched_priority = job->value };
	long long used, begin;

	if (!strcmp(job->class, "fifo"))
		sched_setscheduler(0, SCHED_FIFO, &p);
	else if (!strcmp(job->class, "rr"))
		sched_setscheduler(0, SCHED_RR, &p);
	else
		setpriority(PRIO_PROCESS, 0, job->value);
	sleep_until(shared->begin_ns + job->arrive_ms * MS);
	job->first_ns = clock_ns(CLOCK_MONOTONIC);
	begin = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	do {
		for (volatile int i = 0; i < 2000; i++)
			;
		used = clock_ns(CLOCK_THREAD_CPUTIME_ID) - begin;
		job->ran_ns = used;
	} while (used < job->run_ms * MS &&
		 clock_ns(CLOCK_MONOTONIC) < shared->until_ns);
	job->finish_ns = clock_ns(CLOCK_MONOTONIC);
	_exit(0);
}

/* What each job has run, as it last noted, at one moment. */
static void sample(int num, long long ns, long long used[])
{
	sleep_until(ns);
	for (int i = 0; i < num; i++)
		used[i] = shared->jobs[i].ran_ns;
}

static void measure_shares(int num, long from_ms)
{
	long long before[MAX_JOBS], after[MAX_JOBS];

	sample(num, shared->begin_ns + from_ms * MS, before);
	sample(num, shared->until_ns - 20 * MS, after);
	for (int i = 0; i < num; i++)
		printf("%s turnaround 0 response 0 ran %.1f\n",
		       shared->jobs[i].name,
		       (double)(after[i] - before[i]) / MS);
}

int main(int argc, char **argv)
{
	struct sched_param first = { .sched_priority = 99 };
	long until_ms = 1000000, from_ms = -1;
	int num = 0, i = 1;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (; i + 1 < argc && argv[i][0] == '-'; i += 2) {
		if (argv[i][1] == 'u')
			until_ms = atol(argv[i + 1]);
		else
			from_ms = atol(argv[i + 1]);
	}
	sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &first);
	shared->begin_ns = clock_ns(CLOCK_MONOTONIC) + 20 * MS;
	shared->until_ns = shared->begin_ns + until_ms * MS;
	for (; i < argc && num < MAX_JOBS; i++) {
		struct job *job = &shared->jobs[num++];

		if (sscanf(argv[i], "%15[^:]:%ld:%ld:%7[^=]=%d", job->name,
			   &job->arrive_ms, &job->run_ms, job->class,
			   &job->value) < 3)
			return 2;
		job->pid = fork();
		if (job->pid == 0)
			run(job);
	}
	if (from_ms >= 0)
		measure_shares(num, from_ms);
	for (i = 0; i < num; i++)
		waitpid(shared->jobs[i].pid, NULL, 0);
	for (i = 0; i < num && from_ms < 0; i++) {
		struct job *job = &shared->jobs[i];
		long long arrived = shared->begin_ns + job->arrive_ms * MS;

		printf("%s turnaround %.1f response %.1f ran %.1f\n", job->name,
		       (double)(job->finish_ns - arrived) / MS,
		       (double)(job->first_ns - arrived) / MS,
		       (double)job->ran_ns / MS);
	}
	return 0;
}
