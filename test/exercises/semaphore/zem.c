/* SPDX-License-Identifier: MIT */
/*
 * zem.c - tries usr/course/zemaphore.h
 */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "usr/course/zemaphore.h"

#define THREADS 4
#define ROUNDS  20000
#define CROWD   6
#define ROOM    3
#define SLOTS   4
#define ITEMS   4000

static zem_t zem, empty, full;
static volatile long sum;
static char said[32];
static int inside, most;
static int slots[SLOTS], put_at, take_at;
static unsigned char seen[2 * ITEMS];

static void pause_ms(long ms)
{
	struct timespec t = { 0, ms * 1000000 };

	nanosleep(&t, NULL);
}

static void run(int count, void *(*function)(void *))
{
	pthread_t threads[CROWD];

	for (long i = 0; i < count; i++)
		pthread_create(&threads[i], NULL, function, (void *)i);
	for (int i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
}

static void *child(void *arg)
{
	pause_ms(100);
	strcat(said, "child ");
	zem_post(&zem);
	return arg;
}

static void order(void)
{
	pthread_t thread;

	zem_init(&zem, 0);
	pthread_create(&thread, NULL, child, NULL);
	zem_wait(&zem);
	strcat(said, "parent");
	pthread_join(thread, NULL);
	puts(said);
}

static void *add(void *arg)
{
	for (int i = 0; i < ROUNDS; i++) {
		zem_wait(&zem);
		sum = sum + 1;
		zem_post(&zem);
	}
	return arg;
}

/* Who is inside stays until the room is full: it must get full, at some time. */
static void wait_for_others(void)
{
	static int looks;

	while (__atomic_load_n(&most, __ATOMIC_SEQ_CST) < ROOM &&
	       __atomic_fetch_add(&looks, 1, __ATOMIC_SEQ_CST) < 10000)
		pause_ms(5);
}

static void *crowd(void *arg)
{
	for (int i = 0; i < 200; i++) {
		int now, old;

		zem_wait(&zem);
		now = __atomic_add_fetch(&inside, 1, __ATOMIC_SEQ_CST);
		old = __atomic_load_n(&most, __ATOMIC_SEQ_CST);
		while (now > old && !__atomic_compare_exchange_n(
					    &most, &old, now, 0,
					    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
			;
		wait_for_others();
		sched_yield();
		__atomic_sub_fetch(&inside, 1, __ATOMIC_SEQ_CST);
		zem_post(&zem);
	}
	return arg;
}

static void *produce_or_consume(void *arg)
{
	int number = (int)(long)arg;

	for (int i = 0; i < ITEMS; i++) {
		if (number < 2) {
			zem_wait(&empty);
			zem_wait(&zem);
			slots[put_at++ % SLOTS] = number * ITEMS + i;
			zem_post(&zem);
			zem_post(&full);
		} else {
			int item;

			zem_wait(&full);
			zem_wait(&zem);
			item = slots[take_at++ % SLOTS];
			zem_post(&zem);
			zem_post(&empty);
			__atomic_fetch_add(&seen[item], 1, __ATOMIC_SEQ_CST);
		}
	}
	return arg;
}

static void buffer(void)
{
	zem_init(&zem, 1);
	zem_init(&empty, SLOTS);
	zem_init(&full, 0);
	run(4, produce_or_consume);
	for (int i = 0; i < 2 * ITEMS; i++) {
		if (seen[i] != 1) {
			printf("item %d arrived %d times\n", i, seen[i]);
			return;
		}
	}
	puts("ok");
}

static void *waiter(void *arg)
{
	struct timespec used;

	zem_wait(&zem);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
	printf("%ld\n", used.tv_sec * 1000 + used.tv_nsec / 1000000);
	return arg;
}

static void sleeps(void)
{
	pthread_t thread;

	zem_init(&zem, 0);
	pthread_create(&thread, NULL, waiter, NULL);
	pause_ms(500);
	zem_post(&zem);
	pthread_join(thread, NULL);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (!strcmp(what, "order")) {
		order();
	} else if (!strcmp(what, "lock")) {
		zem_init(&zem, 1);
		run(THREADS, add);
		printf("%ld\n", sum);
	} else if (!strcmp(what, "bound")) {
		zem_init(&zem, ROOM);
		run(CROWD, crowd);
		printf("%d\n", most);
	} else if (!strcmp(what, "buffer")) {
		buffer();
	} else {
		sleeps();
	}
	return 0;
}
