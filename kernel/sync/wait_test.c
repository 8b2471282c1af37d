/* SPDX-License-Identifier: MIT */
/*
 * wait_test.c - waiting and waking, mutexes
 */
#include "kernel/abi/errno.h"
#include "kernel/debug/ktest.h"
#include "kernel/sched/sched.h"
#include "kernel/sync/mutex.h"
#include "kernel/sync/wait.h"
#include "kernel/time/clock.h"

#define ROUNDS  2000u
#define WORKERS 4u

static struct wait_queue ping = WAIT_QUEUE_INIT(ping);
static struct wait_queue pong = WAIT_QUEUE_INIT(pong);
static struct wait_queue ended = WAIT_QUEUE_INIT(ended);
static unsigned int ball, num_ended;

static void start(void (*fn)(void *))
{
	struct thread *thread = thread_create_kernel("test", fn, NULL);

	KTEST_TRUE(thread);
	if (thread)
		sched_start(thread);
}

static void note_end(void)
{
	__atomic_fetch_add(&num_ended, 1, __ATOMIC_RELEASE);
	wake_all(&ended);
}

static void wait_for_ends(unsigned int count)
{
	WAIT_EVENT(&ended,
		   __atomic_load_n(&num_ended, __ATOMIC_ACQUIRE) >= count);
	num_ended = 0;
}

static void return_ball(void *unused)
{
	for (unsigned int i = 0; i < ROUNDS; i++) {
		WAIT_EVENT(&ping, READ_ONCE(ball) == 2 * i + 1);
		WRITE_ONCE(ball, 2 * i + 2);
		wake_one(&pong);
	}
	note_end();
}

KTEST(wait_loses_no_wake_up)
{
	ball = 0;
	start(return_ball);
	for (unsigned int i = 0; i < ROUNDS; i++) {
		WRITE_ONCE(ball, 2 * i + 1);
		wake_all(&ping);
		WAIT_EVENT(&pong, READ_ONCE(ball) == 2 * i + 2);
	}
	wait_for_ends(1);
	KTEST_EQUAL(ball, 2 * ROUNDS);
}

KTEST(wait_ends_at_its_deadline)
{
	uint64_t begin_ns = clock_now_ns();
	uint64_t deadline_ns = begin_ns + 2 * NSEC_PER_MSEC;

	KTEST_EQUAL(WAIT_EVENT_DEADLINE(&ping, false, 0, deadline_ns),
		    -ETIMEDOUT);
	KTEST_TRUE(clock_now_ns() >= deadline_ns);
	KTEST_EQUAL(current()->state, (unsigned int)THREAD_RUNNING);
	KTEST_TRUE(wait_queue_idle(&ping));
}

KTEST(wait_with_a_true_condition_does_not_sleep)
{
	KTEST_EQUAL(WAIT_EVENT_DEADLINE(&ping, true, 0, 1), 0);
}

static bool note_wake(struct waiter *waiter, unsigned int events)
{
	ball += events;
	return true;
}

KTEST(wait_wake_one_stops_after_one_exclusive)
{
	struct waiter shared, first, second;

	ball = 0;
	waiter_init_callback(&shared, note_wake);
	waiter_init_callback(&first, note_wake);
	waiter_init_callback(&second, note_wake);
	first.exclusive = second.exclusive = true;
	wait_add(&ping, &first);
	wait_add(&ping, &second);
	wait_add(&ping, &shared);
	wake_all_events(&ping, 1);
	KTEST_EQUAL(ball, 3);
	wait_remove(&ping, &first);
	wait_remove(&ping, &second);
	wait_remove(&ping, &shared);
}

static struct mutex mutex = MUTEX_INIT(mutex, LOCK_FILE);
static unsigned int inside, most_inside, entries;

static void enter_often(void *unused)
{
	for (unsigned int i = 0; i < ROUNDS / WORKERS; i++) {
		mutex_lock(&mutex);
		inside++;
		if (inside > most_inside)
			most_inside = inside;
		entries++;
		if (i % 8 == 0)
			sched_yield(); /* with it held: others must queue */
		inside--;
		mutex_unlock(&mutex);
		if (i % 3 == 0)
			sched_yield();
	}
	note_end();
}

KTEST(mutex_lets_one_in_at_a_time)
{
	inside = most_inside = entries = 0;
	for (unsigned int i = 0; i < WORKERS; i++)
		start(enter_often);
	wait_for_ends(WORKERS);
	KTEST_EQUAL(most_inside, 1);
	KTEST_EQUAL(entries, ROUNDS);
	KTEST_TRUE(!mutex.owner && !mutex.contended);
}

KTEST(mutex_trylock_fails_when_taken)
{
	KTEST_TRUE(mutex_trylock(&mutex));
	KTEST_TRUE(!mutex_trylock(&mutex));
	KTEST_TRUE(mutex_is_mine(&mutex));
	mutex_unlock(&mutex);
	KTEST_TRUE(!mutex_is_mine(&mutex));
}
