/* SPDX-License-Identifier: MIT */
/*
 * regions.c - do harts have their frames side by side, or each in regions of its own?
 *
 *	regions HARTS
 *
 * On each hart a process touches memory; then all move on by one hart, give their
 * memory back there, and touch new. No 2 MiB of RAM may have frames of two harts,
 * neither before nor after (kernel/mm/buddy.c). This is no promise of the system
 * calls: Linux does not make it.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "../lde/pagemap.h"
#include "check.h"

#define PAGES     300UL
#define REGION    (2UL << 20)
#define MAX_HARTS 8
#define ROUNDS    2

/* Shared by all. */
struct report {
	atomic_uint arrived;
	uintptr_t frames[ROUNDS][MAX_HARTS][PAGES];
};
static struct report *report;

static void *map(size_t size, int flags)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    flags | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		exit(1);
	return memory;
}

static void run_on(int hart)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((size_t)hart, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		exit(1);
}

/* Until all @harts have come here @times times. */
static void meet(unsigned int harts, unsigned int times)
{
	atomic_fetch_add(&report->arrived, 1);
	while (atomic_load(&report->arrived) < harts * times)
		sched_yield();
}

static void work(int harts, int hart)
{
	unsigned int met = 0;
	char *memory = NULL;

	for (int round = 0; round < ROUNDS; round++) {
		int here = (hart + round) % harts;

		run_on(here);
		if (memory)
			munmap(memory, PAGES * PAGE_BYTES);
		meet((unsigned int)harts, ++met);
		memory = map(PAGES * PAGE_BYTES, MAP_PRIVATE);
		for (size_t i = 0; i < PAGES; i++) {
			memory[i * PAGE_BYTES] = 1;
			report->frames[round][here][i] =
				frame_of(memory + i * PAGE_BYTES);
		}
		meet((unsigned int)harts, ++met);
	}
	exit(0);
}

/* Frames of hart @a and of hart @b in the same region. */
static unsigned int shared(int round, int a, int b)
{
	unsigned int count = 0;

	for (size_t i = 0; i < PAGES; i++) {
		for (size_t j = 0; j < PAGES; j++)
			count += report->frames[round][a][i] / REGION ==
				 report->frames[round][b][j] / REGION;
	}
	return count;
}

int main(int argc, char **argv)
{
	int harts = argc > 1 ? atoi(argv[1]) : 0;

	if (harts < 2 || harts > MAX_HARTS)
		return 2;
	report = map(sizeof(*report), MAP_SHARED);
	for (int hart = 0; hart < harts; hart++) {
		if (fork() == 0)
			work(harts, hart);
	}
	for (int hart = 0; hart < harts; hart++) {
		int status = -1;

		wait(&status);
		if (status)
			return 1;
	}
	for (int round = 0; round < ROUNDS; round++) {
		for (int a = 0; a < harts; a++) {
			check(report->frames[round][a][0] &&
				      report->frames[round][a][PAGES - 1],
			      "round %d: hart %d has its frames", round, a);
			for (int b = 0; b < a; b++) {
				unsigned int pairs = shared(round, a, b);

				check(pairs == 0,
				      "round %d: harts %d and %d apart (%u)",
				      round, b, a, pairs);
			}
		}
	}
	return check_status();
}
