/* SPDX-License-Identifier: MIT */
/*
 * workload.c - run jobs of given lengths, and print turnaround and response time
 *
 *   workload JOB...       JOB is NAME:LENGTH[@ARRIVAL][+NICE], times in ms
 *
 *   workload -f JOB...    first in, first out: real-time priority, SCHED_FIFO
 *
 * A job computes until it has used LENGTH of processor time; it arrives ARRIVAL
 * ms after the first. The line behind it shows which part of each column's time
 * it had. Turnaround: from arrival to the end. Response: from arrival to the
 * first instruction. OSTEP ch. 7, "Scheduling: Introduction".
 */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_JOBS 8
#define COLUMNS  48
#define MS       1000000L

struct job {
	char name[16];
	long length_ns, arrival_ns;
	int nice;
	/* Written by the job itself; ns after the start of all. */
	long first_ns, end_ns;
	long had_ns[COLUMNS];
};

/* Shared memory, so that noting something needs no system call. */
static struct plan {
	struct job job[MAX_JOBS];
	int num_jobs, first_in_first_out;
	long start_ns, column_ns;
} * plan;

static long clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * 1000000000L + t.tv_nsec;
}

static long since_start(void)
{
	return clock_ns(CLOCK_MONOTONIC) - plan->start_ns;
}

static int parse(const char *text, struct job *job)
{
	char *end;
	const char *colon = strchr(text, ':');

	if (!colon || colon == text ||
	    (size_t)(colon - text) >= sizeof(job->name))
		return 0;
	memcpy(job->name, text, (size_t)(colon - text));
	job->length_ns = strtol(colon + 1, &end, 10) * MS;
	if (*end == '@')
		job->arrival_ns = strtol(end + 1, &end, 10) * MS;
	if (*end == '+')
		job->nice = (int)strtol(end + 1, &end, 10);
	return !*end && job->length_ns > 0;
}

static void sleep_until_ns(long time_ns)
{
	struct timespec t = { time_ns / 1000000000L, time_ns % 1000000000L };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL))
		;
}

static void run(struct job *job)
{
	long used = 0, before = 0;

	struct sched_param priority = { .sched_priority = 1 };

	setpriority(PRIO_PROCESS, 0, job->nice);
	if (plan->first_in_first_out &&
	    sched_setscheduler(0, SCHED_FIFO, &priority)) {
		perror("sched_setscheduler");
		_exit(1);
	}
	sleep_until_ns(plan->start_ns + job->arrival_ns);
	before = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	job->first_ns = since_start();
	while (used < job->length_ns) {
		long now = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
		long column = since_start() / plan->column_ns;

		if (column >= COLUMNS)
			column = COLUMNS - 1;
		job->had_ns[column] += now - before;
		used += now - before;
		before = now;
	}
	job->end_ns = since_start();
}

static void print_job(const struct job *job)
{
	printf("%-6s %5ld ms %4d %6ld ms %8ld ms  |", job->name,
	       job->length_ns / MS, job->nice,
	       (job->first_ns - job->arrival_ns) / MS,
	       (job->end_ns - job->arrival_ns) / MS);
	for (int i = 0; i < COLUMNS; i++) {
		long tenths = 10 * job->had_ns[i] / plan->column_ns;

		putchar(tenths >= 9   ? '#'
			: tenths >= 5 ? '+'
			: tenths >= 1 ? '-'
				      : ' ');
	}
	printf("|\n");
}

static void print_averages(void)
{
	long response = 0, turnaround = 0;

	for (int i = 0; i < plan->num_jobs; i++) {
		const struct job *job = &plan->job[i];

		response += job->first_ns - job->arrival_ns;
		turnaround += job->end_ns - job->arrival_ns;
	}
	printf("%-20s %6ld ms %8ld ms\n", "average",
	       response / plan->num_jobs / MS,
	       turnaround / plan->num_jobs / MS);
}

int main(int argc, char **argv)
{
	long total_ns = 0;

	plan = mmap(NULL, sizeof(*plan), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (plan == MAP_FAILED) {
		perror("mmap");
		return 1;
	}
	if (argc > 1 && !strcmp(argv[1], "-f")) {
		plan->first_in_first_out = 1;
		argc--;
		argv++;
	}
	for (int i = 1; i < argc && i <= MAX_JOBS; i++) {
		struct job *job = &plan->job[plan->num_jobs];

		if (!parse(argv[i], job)) {
			plan->num_jobs = 0;
			break;
		}
		total_ns += job->length_ns;
		plan->num_jobs++;
	}
	if (!plan->num_jobs || argc > MAX_JOBS + 1) {
		fprintf(stderr,
			"usage: workload [-f] NAME:MS[@ARRIVAL][+NICE]... "
			"(at most %d)\n",
			MAX_JOBS);
		return 2;
	}
	plan->column_ns = total_ns / COLUMNS + 1;
	/* Late enough for all of them to be asleep by then. */
	plan->start_ns = clock_ns(CLOCK_MONOTONIC) + 20 * MS;
	for (int i = 0; i < plan->num_jobs; i++) {
		if (fork() == 0) {
			run(&plan->job[i]);
			_exit(0);
		}
	}
	while (wait(NULL) > 0)
		;
	printf("job      length nice  response  turnaround  who had the "
	       "hart\n");
	for (int i = 0; i < plan->num_jobs; i++)
		print_job(&plan->job[i]);
	print_averages();
	return 0;
}
