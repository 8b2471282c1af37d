/* SPDX-License-Identifier: MIT */
/*
 * tickets.c - tries usr/course/ticket.h
 */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "usr/course/ticket.h"

#define THREADS 4
#define ROUNDS  20000
#define QUEUE   8
#define HANDS   500

static struct ticket_lock lock;
static volatile long sum;
static int order[QUEUE];
static int served;

static void *add(void *arg)
{
	for (int i = 0; i < ROUNDS; i++) {
		ticket_lock(&lock);
		sum = sum + 1;
		ticket_unlock(&lock);
	}
	return arg;
}

static void *queue_up(void *arg)
{
	ticket_lock(&lock);
	order[served++] = (int)(long)arg;
	ticket_unlock(&lock);
	return NULL;
}

/* Hold it, and let go of it only when the other one waits for it. */
static void *hand_over(void *arg)
{
	for (int i = 0; i < HANDS; i++) {
		ticket_lock(&lock);
		sum = sum + 1;
		sched_yield();
		ticket_unlock(&lock);
	}
	return arg;
}

static void run(int count, void *(*function)(void *))
{
	pthread_t threads[QUEUE];

	for (long i = 0; i < count; i++)
		pthread_create(&threads[i], NULL, function, (void *)i);
	for (int i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
}

static void in_order(void)
{
	pthread_t threads[QUEUE];

	ticket_lock(&lock);
	for (long i = 0; i < QUEUE; i++) {
		pthread_create(&threads[i], NULL, queue_up, (void *)i);
		while (ticket_waiting(&lock) < i + 1)
			sched_yield();
	}
	ticket_unlock(&lock);
	for (int i = 0; i < QUEUE; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < QUEUE; i++)
		printf("%d%c", order[i], i == QUEUE - 1 ? '\n' : ' ');
}

/* Enough for numbers of 16 bits. */
static void many_times(void)
{
	for (int i = 0; i < 70000; i++) {
		ticket_lock(&lock);
		ticket_unlock(&lock);
	}
	puts(ticket_waiting(&lock) == 0 ? "ok" : "somebody waits");
}

static void time_hand_overs(void)
{
	struct timespec from, to;

	clock_gettime(CLOCK_MONOTONIC, &from);
	run(2, hand_over);
	clock_gettime(CLOCK_MONOTONIC, &to);
	printf("%ld\n", (to.tv_sec - from.tv_sec) * 1000 +
				(to.tv_nsec - from.tv_nsec) / 1000000);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	ticket_init(&lock);
	if (!strcmp(what, "exclude")) {
		run(THREADS, add);
		printf("%ld\n", sum);
	} else if (!strcmp(what, "order")) {
		in_order();
	} else if (!strcmp(what, "many")) {
		many_times();
	} else {
		time_hand_overs();
	}
	return 0;
}
