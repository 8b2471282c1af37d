/* SPDX-License-Identifier: MIT */
/*
 * yielders.c - two programs share a hart, if both are polite
 *
 *   yielders polite    each works a little and yields: sched_yield(2)
 *   yielders greedy    each works to the end before it would yield
 *
 * The cooperative approach of OSTEP ch. 6: without a timer the kernel gets the
 * hart only when a program makes a system call. The letters show who had it.
 */
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define STEPS     12
#define WORK      20000000L
#define MAX_MARKS (2 * STEPS)

/* Who worked when; shared by both, so that noting it needs no system call. */
static struct {
	volatile unsigned int used;
	volatile char letter[MAX_MARKS + 1];
	volatile unsigned int started;
} * diary;

static void work(char letter)
{
	for (volatile long i = 0; i < WORK / STEPS; i++)
		;
	diary->letter[__atomic_fetch_add(&diary->used, 1, __ATOMIC_RELAXED)] =
		letter;
}

static void program(char letter, int polite)
{
	/* Begin together. */
	__atomic_add_fetch(&diary->started, 1, __ATOMIC_RELAXED);
	while (diary->started < 2)
		sched_yield();
	for (int i = 0; i < STEPS; i++) {
		work(letter);
		if (polite)
			sched_yield();
	}
}

int main(int argc, char **argv)
{
	int polite = argc == 2 && !strcmp(argv[1], "polite");

	if (argc != 2 || (!polite && strcmp(argv[1], "greedy"))) {
		fputs("usage: yielders polite|greedy\n", stderr);
		return 2;
	}
	diary = mmap(NULL, sizeof(*diary), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (diary == MAP_FAILED) {
		perror("mmap");
		return 1;
	}
	for (char letter = 'A'; letter <= 'B'; letter++) {
		if (fork() == 0) {
			program(letter, polite);
			_exit(0);
		}
	}
	while (wait(NULL) > 0)
		;
	printf("%s\n", (const char *)diary->letter);
	return 0;
}
