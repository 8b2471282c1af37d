/* SPDX-License-Identifier: MIT */
/*
 * ktest.c - find the unit tests that the linker collected, and run them
 */
#include "kernel/debug/ktest.h"

#include "kernel/debug/log.h"
#include "kernel/lib/string.h"

/* From linker.ld; empty unless built with KTEST=1. */
extern const struct ktest *const ktests_start[], *const ktests_end[];

/* Failed claims of the running test; the runner is one thread. */
static unsigned int failures;

void ktest_failed(const char *expr, const char *file, int line)
{
	failures++;
	log_error("ktest: %s:%d: not true: %s", file, line, expr);
}

void ktest_not_equal(const char *expr, uint64_t found, uint64_t expected,
		     const char *file, int line)
{
	failures++;
	log_error("ktest: %s:%d: %s is %#lx, expected %#lx", file, line, expr,
		  (unsigned long)found, (unsigned long)expected);
}

/* Is @file "kernel/@room/..." or "@room/..."? */
static bool is_in_room(const char *file, const char *room)
{
	size_t length = strlen(room);

	if (starts_with(file, "kernel/"))
		file += strlen("kernel/");
	return starts_with(file, room) && file[length] == '/';
}

static bool is_wanted(const struct ktest *test, const char *which)
{
	return !strcmp(which, "all") || !strcmp(which, test->name) ||
	       is_in_room(test->file, which);
}

static bool passes(const struct ktest *test)
{
	failures = 0;
	test->run();
	log_info("ktest: %s %s", test->name, failures ? "FAILED" : "passed");
	return failures == 0;
}

int ktest_run(const char *which)
{
	int passed = 0, failed = 0;

	if (!which)
		return 0;
	for (const struct ktest *const *t = ktests_start; t < ktests_end; t++) {
		if (!is_wanted(*t, which))
			continue;
		if (passes(*t))
			passed++;
		else
			failed++;
	}
	log_info("ktest: %d passed, %d failed", passed, failed);
	return passed + failed ? failed : -1;
}
