/* SPDX-License-Identifier: MIT */
/*
 * hand_off_test.c - when a woken thread waits for its waker to sleep
 */
#include "kernel/sched/hand_off.h"
#include "kernel/debug/ktest.h"
#include "kernel/sched/current.h"
#include "kernel/sched/run_queue.h"
#include "kernel/time/clock.h"

/* Nobody runs or sees them. */
static struct run_queue queue;
static struct thread waker, woken, idle;

static void begin(void)
{
	waker.sched = woken.sched = (struct sched_entity){ .affinity = 1 };
	queue.idle = &idle;
	queue.num_ready = 0;
	queue.online = true;
}

/* It gets the hart, wakes somebody, and sleeps after @ran_ns. */
static void turn(uint64_t ran_ns)
{
	waker.sched.woke = true;
	hand_off_slept(&waker, ran_ns);
	KTEST_TRUE(!waker.sched.woke);
}

static bool wanted(void)
{
	return hand_off_wanted(&queue, &waker, &woken);
}

KTEST(hand_off_to_whom_a_quick_sleeper_wakes)
{
	begin();
	KTEST_TRUE(!wanted());
	turn(0);
	KTEST_TRUE(!wanted()); /* once is chance */
	turn(HAND_OFF_LEAST_NS - 1);
	KTEST_TRUE(wanted());
}

KTEST(hand_off_not_from_who_goes_on)
{
	begin();
	for (int i = 0; i < 5; i++)
		turn(HAND_OFF_MOST_NS);
	KTEST_TRUE(!wanted());
	for (int i = 0; i < 9; i++)
		turn(0);
	KTEST_TRUE(wanted());
}

KTEST(hand_off_only_where_it_helps)
{
	begin();
	turn(0);
	turn(0);
	queue.num_ready = 1;
	KTEST_TRUE(!wanted());
	queue.num_ready = 0;
	woken.sched.rt_priority = 1;
	KTEST_TRUE(!wanted());
	woken.sched.rt_priority = 0;
	woken.sched.affinity = 2; /* another hart only */
	KTEST_TRUE(!wanted());
	woken.sched.affinity = 1;
	queue.idle = &waker; /* an interrupt hit a hart that waited */
	KTEST_TRUE(!wanted());
}

KTEST(hand_off_that_failed_is_not_repeated)
{
	begin();
	for (int i = 0; i < 9; i++)
		turn(0);
	waker.sched.handed_off = true;
	list_init(&queue.background);
	queue.policy = sched_first_policy();
	queue.policy->init(&queue);
	KTEST_EQUAL(hand_off_failed(&queue, &waker), 0);
	KTEST_TRUE(!waker.sched.handed_off && !wanted());
}

/* Wake @queue's hart, which is this one and idle, as if it took @ns. */
static void wake_took(uint64_t ns)
{
	hand_off_ipi_goes(&queue);
	KTEST_TRUE(queue.ipi_sent_ns != 0);
	queue.ipi_sent_ns -= ns;
	hand_off_ipi_came(&queue);
	KTEST_EQUAL(queue.ipi_sent_ns, 0);
}

/* All harts measure, beside this test: so many that the others do not matter. */
#define MANY 200

KTEST(hand_off_short_is_what_waking_takes)
{
	begin();
	queue.current = queue.idle = current();
	for (int i = 0; i < MANY; i++)
		wake_took(100 * NSEC_PER_USEC);
	KTEST_TRUE(hand_off_short_ns() > 150 * NSEC_PER_USEC);
	KTEST_TRUE(hand_off_short_ns() < 250 * NSEC_PER_USEC);
	for (int i = 0; i < MANY; i++)
		wake_took(NSEC_PER_SEC); /* the host had other things to do */
	KTEST_EQUAL(hand_off_short_ns(), HAND_OFF_MOST_NS);

	/* Who found something to do by itself was not woken. */
	queue.idle = &idle;
	for (int i = 0; i < MANY; i++) {
		queue.ipi_sent_ns = clock_now_ns();
		hand_off_ipi_came(&queue);
		KTEST_EQUAL(queue.ipi_sent_ns, 0);
	}
	KTEST_EQUAL(hand_off_short_ns(), HAND_OFF_MOST_NS);
	/* Nor was one that is not waiting when it is interrupted. */
	hand_off_ipi_goes(&queue);
	KTEST_EQUAL(queue.ipi_sent_ns, 0);

	queue.idle = current();
	for (int i = 0; i < MANY; i++)
		wake_took(0);
	KTEST_TRUE(hand_off_short_ns() < 2 * HAND_OFF_LEAST_NS);
}
