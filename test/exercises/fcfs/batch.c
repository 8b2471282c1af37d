/* SPDX-License-Identifier: MIT */
/*
 * batch.c - jobs that only compute: when does each begin, and when does it end?
 *
 *   batch [yield] MS...    one job per number, each that many ms of work
 *
 * Work is counted in loops, so that it takes the same number of instructions
 * whoever runs in between; run it where the clock counts instructions. The
 * jobs note their events in memory that they share and the parent prints them.
 */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_EVENTS 64
#define TENTHS     10

static struct {
	unsigned int count;
	struct event {
		const char *what;
		int job;
		long ms;
	} event[MAX_EVENTS];
} * shared;

static struct timespec start;

static long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - start.tv_sec) * 1000 +
	       (now.tv_nsec - start.tv_nsec) / 1000000;
}

static void note(const char *what, int job)
{
	unsigned int i =
		__atomic_fetch_add(&shared->count, 1, __ATOMIC_SEQ_CST);

	shared->event[i] = (struct event){ what, job, now_ms() };
}

/* Two instructions a loop, one nanosecond each. */
static void work(long ms)
{
	long loops = ms * 500000;

	__asm__ volatile("1: addi %0, %0, -1\n\tbnez %0, 1b" : "+r"(loops));
}

static void job(int number, long ms, int yields)
{
	note("begin", number);
	for (int i = 0; i < TENTHS; i++) {
		work(ms / TENTHS);
		if (yields)
			sched_yield();
	}
	note("end", number);
	_exit(0);
}

int main(int argc, char **argv)
{
	int yields = argc > 1 && !strcmp(argv[1], "yield");

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	clock_gettime(CLOCK_MONOTONIC, &start);
	for (int i = 1 + yields; i < argc; i++)
		if (fork() == 0)
			job(i - yields, atol(argv[i]), yields);
	while (wait(NULL) > 0)
		;
	for (unsigned int i = 0; i < shared->count; i++)
		printf("%s %d %ld\n", shared->event[i].what,
		       shared->event[i].job, shared->event[i].ms);
	return 0;
}
