/* SPDX-License-Identifier: MIT */
/*
 * boot_args_test.c - the kernel's command line
 */
#include <string.h>

#include "kernel/debug/ktest.h"
#include "kernel/lib/boot_args.h"

static bool is(const char *found, const char *expected)
{
	return found && !strcmp(found, expected);
}

KTEST(boot_args_are_found_by_name)
{
	boot_args_init("quiet sched=mlfq  root=\"a b\" sched=rr \"x y=z w\"");
	KTEST_TRUE(is(boot_arg("quiet"), ""));
	KTEST_TRUE(is(boot_arg("sched"), "rr"));
	KTEST_TRUE(is(boot_arg("root"), "a b"));
	KTEST_TRUE(is(boot_arg("x y"), "z w"));
	KTEST_TRUE(!boot_arg("sch") && !boot_arg("schedule"));
}

KTEST(boot_args_leave_the_rest_to_init)
{
	const char *word;
	unsigned int i = 0;
	bool is_variable;

	boot_args_init("quiet TERM=vt100 single -- quiet a=b");
	boot_arg("quiet");
	KTEST_TRUE(boot_args_for_init(&i, &word, &is_variable));
	KTEST_TRUE(is(word, "TERM=vt100") && is_variable);
	KTEST_TRUE(boot_args_for_init(&i, &word, &is_variable));
	KTEST_TRUE(is(word, "single") && !is_variable);
	KTEST_TRUE(boot_args_for_init(&i, &word, &is_variable));
	KTEST_TRUE(is(word, "quiet") && !is_variable);
	KTEST_TRUE(boot_args_for_init(&i, &word, &is_variable));
	KTEST_TRUE(is(word, "a=b") && !is_variable);
	KTEST_TRUE(!boot_args_for_init(&i, &word, &is_variable));
}

KTEST(boot_args_too_long_are_cut)
{
	char line[5000];

	memset(line, 'a', sizeof(line));
	for (size_t i = 0; i < sizeof(line); i += 10)
		line[i] = ' ';
	line[sizeof(line) - 1] = '\0';
	boot_args_init(line);
	KTEST_TRUE(boot_arg("aaaaaaaaa") != NULL);
	boot_args_init("\"never closed");
	KTEST_TRUE(boot_arg("never closed") != NULL);
	boot_args_init(NULL);
	KTEST_TRUE(is(boot_args_line(), ""));
}
