/* SPDX-License-Identifier: MIT */
/*
 * time_test.c - the clock's arithmetic, and timers over a clock that the test
 * moves
 */
#include <arch/hart.h>
#include "kernel/arch_entry.h"
#include "kernel/debug/ktest.h"
#include "kernel/sched/sched.h"
#include "kernel/time/clock.h"
#include "kernel/time/timer.h"
#include "test/host/host.h"

enum { MHZ = 1000000 };

static unsigned int ticks_of_scheduler;

/* The scheduler's side of timer.c. */
void sched_tick(uint64_t now_ns)
{
	ticks_of_scheduler++;
}

static void start_clock(uint64_t frequency)
{
	host_hart = (struct host_hart){ .num_harts = 2, .ticks = 12345 };
	clock_init(frequency);
	timers_init();
	ticks_of_scheduler = 0;
}

KTEST(clock_counts_centuries_without_drift)
{
	static const uint64_t frequencies[] = { 1 * MHZ,  4 * MHZ, 10 * MHZ,
						24 * MHZ, 32768,   1000 * MHZ };

	for (unsigned int i = 0; i < 6; i++) {
		uint64_t hz = frequencies[i];
		uint64_t century = 100ul * 365 * 86400;
		uint64_t found;

		start_clock(hz);
		KTEST_EQUAL(clock_now_ns(), 0);
		host_hart.ticks += hz;
		found = clock_now_ns();
		KTEST_TRUE(found <= NSEC_PER_SEC && found + 2 > NSEC_PER_SEC);
		host_hart.ticks = 12345 + century * hz;
		found = clock_now_ns();
		KTEST_TRUE(found <= century * NSEC_PER_SEC &&
			   century * NSEC_PER_SEC - found < 100);
		found = clock_ns_to_ticks(century * NSEC_PER_SEC);
		KTEST_TRUE(found <= century * hz && century * hz - found < 100);
	}
}

static struct timer timers[200];
static uint64_t fired_at[200];
static unsigned int num_fired;

static void note(struct timer *timer)
{
	fired_at[timer - timers] = clock_now_ns();
	num_fired++;
}

/* Let time pass as the hardware would: to each deadline it is armed for. */
static unsigned int pass_time(uint64_t until_ticks)
{
	unsigned int interrupts = 0;

	while (host_hart.timer_ticks <= until_ticks) {
		if (host_hart.ticks < host_hart.timer_ticks)
			host_hart.ticks = host_hart.timer_ticks;
		handle_timer_interrupt();
		interrupts++;
	}
	host_hart.ticks = until_ticks;
	return interrupts;
}

KTEST(timers_fire_once_and_never_early)
{
	uint64_t state = 7, deadlines[200];
	unsigned int interrupts;

	start_clock(10 * MHZ);
	num_fired = 0;
	for (int i = 0; i < 200; i++) {
		timer_init(&timers[i], note);
		deadlines[i] = 1 + host_random(&state) % NSEC_PER_SEC;
		timer_start(&timers[i], deadlines[i]);
	}
	interrupts = pass_time(12345 + 11 * MHZ);
	KTEST_EQUAL(num_fired, 200);
	KTEST_TRUE(interrupts <= 201);
	for (int i = 0; i < 200; i++) {
		KTEST_TRUE(fired_at[i] >= deadlines[i]);
		KTEST_TRUE(fired_at[i] < deadlines[i] + 300);
		KTEST_TRUE(!timers[i].queued);
	}
}

KTEST(cancelled_timers_do_not_fire)
{
	start_clock(10 * MHZ);
	num_fired = 0;
	timer_init(&timers[0], note);
	timer_init(&timers[1], note);
	timer_start(&timers[0], 1000);
	timer_start(&timers[1], 2000);
	KTEST_TRUE(timer_cancel(&timers[0]));
	KTEST_TRUE(!timer_cancel(&timers[0]));
	timer_start(&timers[1], 5000); /* restarted later */
	pass_time(12345 + 30);
	KTEST_EQUAL(num_fired, 0);
	pass_time(12345 + 100);
	KTEST_EQUAL(num_fired, 1);
	KTEST_TRUE(!timer_cancel_sync(&timers[1]));
}

KTEST(timers_move_between_harts)
{
	start_clock(10 * MHZ);
	num_fired = 0;
	timer_init(&timers[0], note);
	timer_start(&timers[0], 1000);
	KTEST_EQUAL(timers[0].hart, 0);
	host_hart.index = 1;
	timer_start(&timers[0], 2000);
	KTEST_EQUAL(timers[0].hart, 1);
	host_hart.ticks += 1000;
	host_hart.index = 0;
	handle_timer_interrupt();
	KTEST_EQUAL(num_fired, 0);
	host_hart.index = 1;
	handle_timer_interrupt();
	KTEST_EQUAL(num_fired, 1);
}

static void start_again(struct timer *timer)
{
	note(timer);
	timer_start(timer, clock_now_ns() + 1000);
}

KTEST(timer_functions_may_start_their_timer_again)
{
	start_clock(10 * MHZ);
	num_fired = 0;
	timer_init(&timers[0], start_again);
	timer_start(&timers[0], 1000);
	pass_time(12345 + 1000);
	KTEST_TRUE(num_fired >= 80 && num_fired <= 100);
	KTEST_TRUE(timer_cancel(&timers[0]));
}

KTEST(a_quantum_that_moves_later_costs_no_hardware_access)
{
	unsigned int sets;

	start_clock(10 * MHZ);
	timers_set_quantum_end(10 * NSEC_PER_MSEC);
	sets = host_hart.timer_sets;
	for (uint64_t i = 0; i < 1000; i++)
		timers_set_quantum_end(10 * NSEC_PER_MSEC + i);
	KTEST_EQUAL(host_hart.timer_sets, sets);
	pass_time(12345 + 99 * 1000);
	KTEST_EQUAL(ticks_of_scheduler, 0);
	pass_time(12345 + 101 * 1000);
	KTEST_EQUAL(ticks_of_scheduler, 1);
	KTEST_EQUAL(host_hart.timer_ticks, UINT64_MAX);
}
