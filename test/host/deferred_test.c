/* SPDX-License-Identifier: MIT */
/*
 * deferred_test.c - who is waited for before something is freed
 */
#include "kernel/debug/ktest.h"
#include "kernel/lib/string.h"
#include "kernel/sched/sched.h"
#include "kernel/sync/deferred.h"
#include "test/host/sync.h"

static unsigned int freed;

struct thread *thread_create_kernel(const char *name, void (*fn)(void *),
				    void *arg)
{
	return NULL;
}

void sched_start(struct thread *thread)
{
}

static void count_free(struct deferred *deferred)
{
	freed++;
}

static void set_up(bool others)
{
	memset(fake_harts, 0, sizeof(fake_harts));
	for (unsigned int i = 0; i < FAKE_HARTS; i++)
		fake_harts[i].idle = true;
	host_hart.num_harts = FAKE_HARTS;
	sched_other_harts = others;
	freed = 0;
}

KTEST(one_hart_frees_at_once)
{
	struct deferred d;

	set_up(false);
	deferred_call(&d, count_free);
	KTEST_EQUAL(freed, 1);
}

KTEST(one_hart_frees_nothing_that_it_reads)
{
	struct deferred d;

	set_up(false);
	read_enter();
	deferred_call(&d, count_free);
	read_leave();
	KTEST_EQUAL(freed, 0);
	deferred_wait();
	KTEST_EQUAL(freed, 1);
}

KTEST(idle_harts_are_not_waited_for)
{
	struct deferred d[3];

	set_up(true);
	for (unsigned int i = 0; i < 3; i++)
		deferred_call(&d[i], count_free);
	KTEST_EQUAL(freed, 0);
	deferred_wait();
	KTEST_EQUAL(freed, 3);
	for (unsigned int i = 0; i < FAKE_HARTS; i++)
		KTEST_EQUAL(fake_harts[i].asked, 0);
	sched_other_harts = false;
}

KTEST(a_hart_that_runs_on_is_asked)
{
	struct deferred d;

	set_up(true);
	fake_harts[2].idle = false;
	fake_harts[2].answers = true;
	deferred_call(&d, count_free);
	deferred_wait();
	KTEST_EQUAL(freed, 1);
	KTEST_EQUAL(fake_harts[2].asked, 1);
	KTEST_EQUAL(fake_harts[3].asked, 0);
	sched_other_harts = false;
}

static bool read_on_hart_1;

static void free_after_reader(struct deferred *deferred)
{
	/* The reader's hart has been seen to switch. */
	KTEST_EQUAL(fake_harts[1].count, 1);
	read_on_hart_1 = false;
	freed++;
}

KTEST(a_reader_that_an_interrupt_hits_is_waited_for)
{
	struct deferred d;

	set_up(true);
	fake_harts[1].idle = false;
	fake_harts[1].looks_to_go = 500;
	read_on_hart_1 = true;
	deferred_call(&d, free_after_reader);
	deferred_wait();
	KTEST_EQUAL(freed, 1);
	KTEST_TRUE(!read_on_hart_1);
	KTEST_TRUE(fake_harts[1].looks >= 500);
	KTEST_TRUE(fake_harts[1].asked > 1);
	sched_other_harts = false;
}

KTEST(frees_do_not_pile_up)
{
	static struct deferred d[30000];

	set_up(true);
	for (unsigned int i = 0; i < 30000; i++)
		deferred_call(&d[i], count_free);
	KTEST_TRUE(freed >= 10000);
	deferred_wait();
	KTEST_EQUAL(freed, 30000);
	sched_other_harts = false;
}
