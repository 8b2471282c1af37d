/* SPDX-License-Identifier: MIT */
/*
 * race.c - two threads add to one counter
 *
 *   race none [ROUNDS]      without a lock: load, add, store
 *   race lock [ROUNDS]      the same three steps inside a mutex
 *   race atomic [ROUNDS]    one instruction: amoadd
 *
 * OSTEP ch. 26 (the race), ch. 28 (locks). The three steps are written as the
 * instructions they are, so that no compiler folds them into one.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define THREADS 2

static long counter, rounds = 1000000;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t start;

static void add_one(void)
{
	long value;

	__asm__ volatile("ld   %0, (%1)\n\t"
			 "addi %0, %0, 1\n\t"
			 "sd   %0, (%1)"
			 : "=&r"(value)
			 : "r"(&counter)
			 : "memory");
}

static void *without_lock(void *arg)
{
	pthread_barrier_wait(&start);
	for (long i = 0; i < rounds; i++)
		add_one();
	return arg;
}

static void *with_lock(void *arg)
{
	pthread_barrier_wait(&start);
	for (long i = 0; i < rounds; i++) {
		pthread_mutex_lock(&mutex);
		add_one();
		pthread_mutex_unlock(&mutex);
	}
	return arg;
}

static void *with_atomic(void *arg)
{
	pthread_barrier_wait(&start);
	for (long i = 0; i < rounds; i++)
		__atomic_add_fetch(&counter, 1, __ATOMIC_RELAXED);
	return arg;
}

static const struct {
	const char *name;
	void *(*run)(void *);
} ways[] = {
	{ "none", without_lock },
	{ "lock", with_lock },
	{ "atomic", with_atomic },
};

int main(int argc, char **argv)
{
	pthread_t thread[THREADS];
	void *(*run)(void *) = NULL;

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		if (argc >= 2 && !strcmp(argv[1], ways[i].name))
			run = ways[i].run;
	if (argc == 3)
		rounds = strtol(argv[2], NULL, 10);
	if (!run || argc > 3 || rounds <= 0) {
		fputs("usage: race none|lock|atomic [ROUNDS]\n", stderr);
		return 2;
	}
	pthread_barrier_init(&start, NULL, THREADS);
	for (int i = 0; i < THREADS; i++)
		pthread_create(&thread[i], NULL, run, NULL);
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	printf("%d threads x %ld additions: expected %ld, counted %ld: %s\n",
	       THREADS, rounds, THREADS * rounds, counter,
	       counter == THREADS * rounds ? "right" : "lost some");
	return 0;
}
