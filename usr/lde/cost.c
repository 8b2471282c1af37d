/* SPDX-License-Identifier: MIT */
/*
 * cost.c - what the protocol costs: a call, a system call, a fault, a switch
 *
 * In a machine that counts instructions (icount) the clock's nanoseconds are
 * instructions, so the figures are exact and the same every time. The homework
 * of OSTEP ch. 6, "Measuring the cost of a system call and context switch".
 */
#define _GNU_SOURCE
#include <sched.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS     1000L
#define PAGE_BYTES 4096L

static long now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000L + t.tv_nsec;
}

__attribute__((noinline)) static void procedure(void)
{
	__asm__ volatile("");
}

static void procedure_calls(void)
{
	for (long i = 0; i < ROUNDS; i++)
		procedure();
}

static void system_calls(void)
{
	for (long i = 0; i < ROUNDS; i++)
		syscall(SYS_getppid);
}

static void faults(void)
{
	char *memory = mmap(NULL, ROUNDS * PAGE_BYTES, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return;
	/* One fault for one page; else a run of stores gets pages ahead. */
	madvise(memory, ROUNDS * PAGE_BYTES, MADV_NOHUGEPAGE);
	for (long i = 0; i < ROUNDS; i++)
		((volatile char *)memory)[i * PAGE_BYTES] = 1;
	munmap(memory, ROUNDS * PAGE_BYTES);
}

/* Parent and child yield to each other: two switches a round. */
static void switches(void)
{
	pid_t child = fork();

	for (long i = 0; i < ROUNDS; i++)
		sched_yield();
	if (child == 0)
		_exit(0);
	wait(NULL);
}

static void processes(void)
{
	for (long i = 0; i < ROUNDS; i++) {
		if (fork() == 0)
			_exit(0);
		wait(NULL);
	}
}

static const struct {
	const char *name;
	void (*run)(void);
	long events; /* a round */
} rows[] = {
	{ "procedure call", procedure_calls, 1 },
	{ "system call (getppid)", system_calls, 1 },
	{ "context switch (sched_yield)", switches, 2 },
	{ "page fault (first touch)", faults, 1 },
	{ "process (fork, exit, wait)", processes, 1 },
};

int main(void)
{
	long first = 0;

	printf("%-30s %12s %8s\n", "", "instructions", "times");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		long begin = now_ns(), each;

		rows[i].run();
		each = (now_ns() - begin) / (ROUNDS * rows[i].events);
		if (!first)
			first = each ? each : 1;
		printf("%-30s %12ld %8ld\n", rows[i].name, each, each / first);
	}
	return 0;
}
