/* SPDX-License-Identifier: MIT */
/*
 * ktest.h - unit tests that live beside the code, and run at boot
 *
 * A file foo_test.c beside foo.c holds tests of the form
 *
 *	KTEST(buddy_merges_freed_halves)
 *	{
 *		KTEST_EQUAL(buddy_free_pages(), before);
 *	}
 *
 * It is built by `make KTEST=1`, and run by the boot argument ktest=mm (the
 * room, that is the folder), ktest=all, or ktest=NAME of one test. Tests run
 * in a kernel thread after boot and may sleep.
 */
#pragma once

#include "kernel/lib/compiler.h"

#ifndef CONFIG_KTEST
#define CONFIG_KTEST 0
#endif

struct ktest {
	const char *name;
	const char *file; /* "kernel/mm/buddy_test.c" */
	void (*run)(void);
};

#define KTEST(id)                                                              \
	static void ktest_##id(void);                                          \
	static const struct ktest ktest_entry_##id = { .name = #id,            \
						       .file = __FILE__,       \
						       .run = ktest_##id };    \
	static const struct ktest *const ktest_pointer_##id __section(         \
		".ktests") = &ktest_entry_##id;                                \
	static void ktest_##id(void)

/* The claim @expr of the running test; the test goes on, but has failed. */
#define KTEST_TRUE(expr)                                                       \
	do {                                                                   \
		if (!(expr))                                                   \
			ktest_failed(#expr, __FILE__, __LINE__);               \
	} while (0)
#define KTEST_EQUAL(found, expected)                                           \
	do {                                                                   \
		uint64_t found_ = (uint64_t)(found);                           \
		uint64_t expected_ = (uint64_t)(expected);                     \
		if (found_ != expected_)                                       \
			ktest_not_equal(#found, found_, expected_, __FILE__,   \
					__LINE__);                             \
	} while (0)

void ktest_failed(const char *expr, const char *file, int line);
void ktest_not_equal(const char *expr, uint64_t found, uint64_t expected,
		     const char *file, int line);

/*
 * Run the tests of room or name @which (NULL: none, silently). Prints a line
 * for each and a sum: "ktest: 12 passed, 0 failed". Returns how many failed; -1
 * when there was none of that name. Context: thread.
 */
int ktest_run(const char *which);
