/* SPDX-License-Identifier: MIT */
/*
 * wakelat.c - how long until a real-time thread runs that should run now
 *
 *   wakelat [-b BUSY] [-p PIPES] [-n WAKEUPS] [-i INTERVAL_NS]
 *
 * A SCHED_FIFO thread sleeps until a moment, again and again, and notes how late
 * it is: interrupt, wake-up, switch and return together. Meanwhile BUSY processes
 * compute, and PIPES pairs throw bytes at each other through pipes. Under QEMU's
 * -icount a nanosecond is an instruction, so the numbers compare kernels.
 * Prints "latency NS COUNT" for each bucket of 1000 ns, then the greatest.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BUCKET_NS   1000
#define NUM_BUCKETS 2000

static long histogram[NUM_BUCKETS];

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static long long now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static void compute(void)
{
	for (volatile unsigned long i = 0;; i++)
		;
}

static void throw_bytes(int from, int to)
{
	char bytes[512];
	ssize_t n;

	for (;;) {
		n = read(from, bytes, sizeof(bytes));
		if (n <= 0 || write(to, bytes, n) != n)
			_exit(1);
	}
}

/* A child that ends with us. */
static int child(void)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (pid == 0)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return pid == 0;
}

static void start_load(int busy, int pipes)
{
	char bytes[512] = { 0 };

	for (int i = 0; i < busy; i++) {
		if (child())
			compute();
	}
	for (int i = 0; i < pipes; i++) {
		int there[2], back[2];

		if (pipe(there) || pipe(back))
			die("pipe");
		if (write(there[1], bytes, sizeof(bytes)) < 0)
			die("write");
		if (child())
			throw_bytes(there[0], back[1]);
		if (child())
			throw_bytes(back[0], there[1]);
	}
}

static long long measure(long wakeups, long long interval_ns)
{
	long long due_ns = now_ns() + interval_ns, worst_ns = 0;

	for (long i = 0; i < wakeups; i++, due_ns += interval_ns) {
		struct timespec due = { due_ns / 1000000000LL,
					due_ns % 1000000000LL };
		long long late_ns;

		if (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL))
			die("clock_nanosleep");
		late_ns = now_ns() - due_ns;
		if (late_ns > worst_ns)
			worst_ns = late_ns;
		late_ns /= BUCKET_NS;
		histogram[late_ns < NUM_BUCKETS ? late_ns : NUM_BUCKETS - 1]++;
		while (due_ns < now_ns())
			due_ns += interval_ns;
	}
	return worst_ns;
}

int main(int argc, char **argv)
{
	struct sched_param fifo = { .sched_priority = 50 };
	int busy = 200, pipes = 4, option;
	long long interval_ns = 1013000, worst_ns;
	long wakeups = 1000;

	while ((option = getopt(argc, argv, "b:p:n:i:")) != -1) {
		switch (option) {
		case 'b':
			busy = atoi(optarg);
			break;
		case 'p':
			pipes = atoi(optarg);
			break;
		case 'n':
			wakeups = atol(optarg);
			break;
		case 'i':
			interval_ns = atoll(optarg);
			break;
		default:
			return 2;
		}
	}
	/* First, so that we are not the last of 200 to run. */
	if (sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &fifo))
		die("sched_setscheduler");
	if (mlockall(MCL_CURRENT | MCL_FUTURE))
		perror("mlockall");
	start_load(busy, pipes);
	worst_ns = measure(wakeups, interval_ns);
	for (int i = 0; i < NUM_BUCKETS; i++) {
		if (histogram[i])
			printf("latency %d %ld\n", i * BUCKET_NS, histogram[i]);
	}
	printf("worst %lld\n", worst_ns);
	return 0;
}
