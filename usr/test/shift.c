/* SPDX-License-Identifier: MIT */
/*
 * shift.c - the middle of a file goes away and comes back, while it is mapped
 *
 *	shift FILE ROUNDS
 *
 * One thread stores a number through a shared mapping, at any moment; meanwhile
 * the other takes the first page out of the file, or puts one in. Afterwards the
 * number is in the file: where it was stored, or where that has moved. A private
 * copy of what moved is gone: the mapping shows the file.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PAGE = 4096, PAGES = 32, AT = 10 };

static int fd;
static volatile uint64_t *shared;
static atomic_ulong asked, answered;
static long turns; /* before the store */

static _Noreturn void fail(const char *what, long round)
{
	printf("not ok %s in round %ld (%s)\nFAILED\n", what, round,
	       strerror(errno));
	exit(1);
}

static void *storer(void *arg)
{
	for (unsigned long round = 1;; round++) {
		while (atomic_load(&asked) != round)
			;
		for (volatile long i = 0; i < turns; i++)
			;
		shared[AT * PAGE / 8] = round;
		atomic_store(&answered, round);
	}
	return arg;
}

static uint64_t word_of(long page)
{
	uint64_t word = 0;

	if (pread(fd, &word, sizeof(word), page * PAGE) < 0)
		fail("pread", page);
	return word;
}

static void shift(long round, int mode)
{
	atomic_store(&asked, (unsigned long)round);
	if (fallocate(fd, mode, 0, PAGE))
		fail("fallocate", round);
	while (atomic_load(&answered) != (unsigned long)round)
		;
}

static void run_shared(long rounds)
{
	pthread_t thread;

	shared = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED,
		      fd, 0);
	if (shared == MAP_FAILED || pthread_create(&thread, NULL, storer, NULL))
		fail("mmap, pthread_create", 0);
	for (long round = 1; round <= rounds; round++) {
		long moved = round & 1 ? AT - 1 : AT + 1;
		uint64_t number = (uint64_t)round;

		turns = round * 7919 % 40000;
		shift(round, round & 1 ? FALLOC_FL_COLLAPSE_RANGE
				       : FALLOC_FL_INSERT_RANGE);
		if (word_of(AT) != number && word_of(moved) != number)
			fail("a store was lost", round);
	}
}

static void run_private(void)
{
	volatile uint64_t *copy = mmap(
		NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	uint64_t number = 1234567;

	if (copy == MAP_FAILED)
		fail("mmap", 0);
	if (pwrite(fd, &number, 8, (AT + 1) * PAGE) != 8)
		fail("pwrite", 0);
	copy[AT * PAGE / 8] = 89;
	if (copy[AT * PAGE / 8] != 89 || word_of(AT) == 89)
		fail("a private copy", 0);
	if (fallocate(fd, FALLOC_FL_COLLAPSE_RANGE, 0, PAGE))
		fail("fallocate", 0);
	if (copy[AT * PAGE / 8] != number)
		fail("what moved there is not seen", 0);
}

int main(int argc, char **argv)
{
	if (argc != 3) {
		fputs("usage: shift FILE ROUNDS\n", stderr);
		return 2;
	}
	fd = open(argv[1], O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (fd < 0)
		fail("open", 0);
	for (long i = 0; i < PAGES; i++)
		if (pwrite(fd, "page", 4, i * PAGE) != 4)
			fail("pwrite", i);
	run_shared(atol(argv[2]));
	run_private();
	printf("ok shift\nPASSED\n");
	return 0;
}
