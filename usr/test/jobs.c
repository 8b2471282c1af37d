/* SPDX-License-Identifier: MIT */
/*
 * jobs.c - run jobs of given lengths side by side, and tell when each ran
 *
 *   jobs [-p POLICY] [-u UNTIL_MS] NAME:ARRIVE_MS:BURSTS[:CLASS=VALUE] ...
 *   jobs -w FROM_MS -u UNTIL_MS ...    what each ran between the two
 *
 * BURSTS is RUN_MS[/IO_MS][xTIMES], with "+" between several. CLASS is nice, fifo
 * or rr. A job computes until it has used RUN_MS of its own CPU time, sleeps for
 * IO_MS, and so on; all count from one moment. For each job is printed, in
 * milliseconds: "NAME turnaround T response R ran T", -1: never; with -u all are
 * stopped then.
 * With -p the policy is chosen shortly before that moment, so that it knows
 * nothing of any job, and begins with the same random numbers each time. Jobs
 * that arrive together become ready in the order in which they were named,
 * whoever went to sleep first: each waits a nanosecond longer than the one before.
 * For the figures of OSTEP ch. 7-9, on a hart of their own (--icount).
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_JOBS 64
#define MS       1000000LL

struct job {
	char name[16];
	double arrive_ms;
	char bursts[256];
	char class[8];
	int value;
	pid_t pid;
	volatile long long first_ns, finish_ns, ran_ns;
};

static struct {
	volatile long long begin_ns, until_ns;
	unsigned int left; /* jobs that are not done; a futex */
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

/* False: all are to stop. */
static bool compute(struct job *job, long long ns)
{
	long long before = job->ran_ns, used,
		  begin = clock_ns(CLOCK_THREAD_CPUTIME_ID);

	do {
		for (volatile int i = 0; i < 1000; i++)
			;
		used = clock_ns(CLOCK_THREAD_CPUTIME_ID) - begin;
		if (clock_ns(CLOCK_MONOTONIC) >= shared->until_ns)
			return false;
		job->ran_ns = before + used;
	} while (used < ns);
	return true;
}

static bool do_bursts(struct job *job)
{
	char *word = strtok(job->bursts, "+");

	for (; word; word = strtok(NULL, "+")) {
		double run_ms = 0, io_ms = 0;
		int times = 1;

		if (sscanf(word, "%lf/%lfx%d", &run_ms, &io_ms, &times) < 2)
			sscanf(word, "%lfx%d", &run_ms, &times);
		while (times-- > 0) {
			if (!compute(job, (long long)(run_ms * MS)))
				return false;
			if (io_ms > 0)
				sleep_until(clock_ns(CLOCK_MONOTONIC) +
					    (long long)(io_ms * MS));
		}
	}
	return true;
}

/*
 * Done: without a step that would need the hart again, as the end of a process
 * does; the parent ends all of them.
 */
static void stop(void)
{
	if (__atomic_sub_fetch(&shared->left, 1, __ATOMIC_SEQ_CST) == 0)
		syscall(SYS_futex, &shared->left, FUTEX_WAKE, 1, NULL, NULL, 0);
	for (;;)
		pause();
}

static void run(struct job *job)
{
	struct sched_param p = { .sched_priority = job->value };

	if (!strcmp(job->class, "fifo"))
		sched_setscheduler(0, SCHED_FIFO, &p);
	else if (!strcmp(job->class, "rr"))
		sched_setscheduler(0, SCHED_RR, &p);
	else
		setpriority(PRIO_PROCESS, 0, job->value);
	sleep_until(shared->begin_ns + (long long)(job->arrive_ms * MS) +
		    (job - shared->jobs));
	if (clock_ns(CLOCK_MONOTONIC) >= shared->until_ns)
		stop();
	job->first_ns = clock_ns(CLOCK_MONOTONIC);
	if (do_bursts(job))
		job->finish_ns = clock_ns(CLOCK_MONOTONIC);
	stop();
}

static void write_policy(const char *name)
{
	int fd = open("/sys/kernel/sched/policy", O_WRONLY);

	if (fd < 0 || write(fd, name, strlen(name)) < 0) {
		perror(name);
		exit(1);
	}
	close(fd);
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

static double ms_since(long long ns, const struct job *job)
{
	return ns ? (double)(ns - shared->begin_ns) / MS - job->arrive_ms : -1;
}

static void print_all(int num)
{
	for (int i = 0; i < num; i++) {
		struct job *job = &shared->jobs[i];

		printf("%s turnaround %.2f response %.2f ran %.2f\n", job->name,
		       ms_since(job->finish_ns, job),
		       ms_since(job->first_ns, job), (double)job->ran_ns / MS);
	}
}

/* "NAME:ARRIVE_MS:BURSTS[:CLASS=VALUE]" */
static void start(const char *text, struct job *job)
{
	pid_t pid;

	if (sscanf(text, "%15[^:]:%lf:%255[^:]:%7[^=]=%d", job->name,
		   &job->arrive_ms, job->bursts, job->class, &job->value) < 3)
		exit(2);
	pid = fork();
	if (pid == 0)
		run(job);
	job->pid = pid;
}

static void wait_for_all(void)
{
	unsigned int left;

	while ((left = __atomic_load_n(&shared->left, __ATOMIC_SEQ_CST)))
		syscall(SYS_futex, &shared->left, FUTEX_WAIT, left, NULL, NULL,
			0);
}

int main(int argc, char **argv)
{
	struct sched_param first = { .sched_priority = 99 };
	long until_ms = 1000000, from_ms = -1;
	const char *policy = NULL;
	int num, i = 1;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (; i + 1 < argc && argv[i][0] == '-'; i += 2) {
		if (argv[i][1] == 'u')
			until_ms = atol(argv[i + 1]);
		else if (argv[i][1] == 'p')
			policy = argv[i + 1];
		else
			from_ms = atol(argv[i + 1]);
	}
	sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &first);
	num = argc - i < MAX_JOBS ? argc - i : MAX_JOBS;
	shared->left = num;
	shared->begin_ns = clock_ns(CLOCK_MONOTONIC) + 20 * MS + num * MS;
	shared->until_ns = shared->begin_ns + until_ms * MS;
	for (int k = 0; k < num; k++)
		start(argv[i + k], &shared->jobs[k]);
	if (policy) {
		sleep_until(shared->begin_ns - 5 * MS);
		write_policy(strcmp(policy, "rr") ? "rr" : "stride");
		write_policy(policy);
	}
	if (from_ms >= 0)
		measure_shares(num, from_ms);
	wait_for_all();
	for (int k = 0; k < num; k++) {
		kill(shared->jobs[k].pid, SIGKILL);
		waitpid(shared->jobs[k].pid, NULL, 0);
	}
	if (from_ms < 0)
		print_all(num);
	return 0;
}
