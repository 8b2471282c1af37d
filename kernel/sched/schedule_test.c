/* SPDX-License-Identifier: MIT */
/*
 * schedule_test.c - switching, yielding, priorities, quanta, sleeping
 */
#include <arch/hart.h>
#include "kernel/abi/errno.h"
#include "kernel/abi/sched.h"
#include "kernel/debug/ktest.h"
#include "kernel/lib/string.h"
#include "kernel/sched/sched.h"
#include "kernel/sync/wait.h"
#include "kernel/time/clock.h"

/* What threads write down, in the order in which they ran. */
static char trail[64];
static unsigned int steps, running;
static struct wait_queue all_done = WAIT_QUEUE_INIT(all_done);

/* Whoever starts them may go to another hart meanwhile: some then run there. */
static void step(char letter)
{
	unsigned int at = __atomic_fetch_add(&steps, 1, __ATOMIC_RELAXED);

	if (at < sizeof(trail) - 1)
		trail[at] = letter;
}

/* On this hart: what is tested here is whose turn it is on one. */
static void start(char letter, void (*fn)(void *), int rt_priority)
{
	struct thread *thread =
		thread_create_kernel("test", fn, (void *)(uintptr_t)letter);

	KTEST_TRUE(thread);
	if (!thread)
		return;
	sched_set_affinity(thread, 1UL << arch_hart_index());
	if (rt_priority)
		sched_set_policy(thread, SCHED_FIFO, rt_priority);
	__atomic_fetch_add(&running, 1, __ATOMIC_RELAXED);
	sched_start(thread);
}

static void finish(void)
{
	__atomic_fetch_sub(&running, 1, __ATOMIC_RELEASE);
	wake_all(&all_done);
}

static void wait_for_all(void)
{
	WAIT_EVENT(&all_done, __atomic_load_n(&running, __ATOMIC_ACQUIRE) == 0);
}

static void begin(void)
{
	memset(trail, 0, sizeof(trail));
	steps = 0;
}

static void three_turns(void *letter)
{
	for (int i = 0; i < 3; i++) {
		step((char)(uintptr_t)letter);
		sched_yield();
	}
	finish();
}

/* The order of equals is round robin's promise, not every policy's. */
KTEST(sched_yield_takes_turns)
{
	const char *in_use = sched_policy_in_use();

	KTEST_EQUAL(sched_choose_policy("rr"), 0);
	begin();
	interrupts_off_enter(); /* nobody runs until all are there */
	start('a', three_turns, 0);
	start('b', three_turns, 0);
	start('c', three_turns, 0);
	interrupts_off_leave();
	wait_for_all();
	KTEST_EQUAL(strcmp(trail, "abcabcabc"), 0);
	KTEST_EQUAL(sched_choose_policy(in_use), 0);
}

KTEST(sched_realtime_goes_first_by_priority)
{
	begin();
	interrupts_off_enter();
	start('n', three_turns, 0);
	start('l', three_turns, 1);
	start('h', three_turns, 50);
	interrupts_off_leave();
	wait_for_all();
	KTEST_EQUAL(strcmp(trail, "hhhlllnnn"), 0);
}

static bool seen[2];

/* Without ever giving the hart away, wait for the other one. */
static void spin_for_other(void *which)
{
	bool *mine = &seen[(uintptr_t)which - 'a'];
	bool *other = &seen['b' - (uintptr_t)which];

	WRITE_ONCE(*mine, true);
	while (!READ_ONCE(*other))
		arch_spin_hint();
	finish();
}

KTEST(sched_quantum_ends_a_loop)
{
	seen[0] = seen[1] = false;
	interrupts_off_enter(); /* both on one hart */
	start('a', spin_for_other, 0);
	start('b', spin_for_other, 0);
	interrupts_off_leave();
	wait_for_all();
	KTEST_TRUE(seen[0] && seen[1]);
}

KTEST(sched_sleep_is_not_too_short)
{
	uint64_t begin_ns = clock_now_ns();

	sched_sleep_ns(3 * NSEC_PER_MSEC);
	KTEST_TRUE(clock_now_ns() - begin_ns >= 3 * NSEC_PER_MSEC);
}

KTEST(sched_dead_threads_give_their_memory_back)
{
	begin();
	for (int i = 0; i < 200; i++) {
		start('a', three_turns, 0);
		wait_for_all();
	}
	KTEST_EQUAL(running, 0);
}

KTEST(sched_policies_change_while_threads_run)
{
	const char *in_use = sched_policy_in_use();
	const char *name;

	KTEST_EQUAL(sched_choose_policy("none of them"), -EINVAL);
	for (unsigned int i = 0; (name = sched_policy_name(i)); i++) {
		begin();
		for (char letter = 'a'; letter <= 'e'; letter++)
			start(letter, three_turns, letter == 'c');
		KTEST_EQUAL(sched_choose_policy(name), 0);
		KTEST_EQUAL(strcmp(sched_policy_in_use(), name), 0);
		wait_for_all();
		KTEST_EQUAL(steps, 15);
	}
	KTEST_EQUAL(sched_choose_policy(in_use), 0);
}
