/* SPDX-License-Identifier: MIT */
/*
 * format_libc_test.c - random formats, compared with the C library's printf
 */
#include <stdio.h>
#include <string.h>

#include "kernel/debug/ktest.h"
#include "kernel/lib/format.h"
#include "test/host/host.h"

#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat"
#pragma GCC diagnostic ignored "-Wformat-security"

/* "%[flags][width][.precision]l(d|u|x|X|o)" */
static void make_format(char *fmt, uint64_t *state)
{
	static const char *const flags[] = { "",  "-",  "0",  "+",  " ",
					     "#", "-0", "#0", "+-", "+0" };
	char precision[8] = "";

	if (host_random(state) % 2)
		sprintf(precision, ".%d", (int)(host_random(state) % 12));
	sprintf(fmt, "<%%%s%d%sl%c>", flags[host_random(state) % 10],
		(int)(1 + host_random(state) % 20), precision,
		"duxXo"[host_random(state) % 5]);
}

KTEST(format_agrees_with_the_c_library)
{
	uint64_t state = 99;

	for (int i = 0; i < 100000; i++) {
		uint64_t value =
			host_random(&state) >> host_random(&state) % 64;
		char fmt[40], ours[80], theirs[80];
		int length, expected;

		make_format(fmt, &state);
		length = format_string(ours, sizeof(ours), fmt, value);
		expected = snprintf(theirs, sizeof(theirs), fmt, value);
		if (length != expected || strcmp(ours, theirs)) {
			printf("%s of %lu: ours %s, theirs %s\n", fmt, value,
			       ours, theirs);
			KTEST_TRUE(!"the same text");
			return;
		}
	}
}
