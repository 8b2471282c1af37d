/* SPDX-License-Identifier: MIT */
/*
 * format_test.c - texts as ISO C wants them
 */
#include "kernel/debug/ktest.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"

/* The text has the length that is returned, and is @expected. */
#define EXPECT(expected, ...)                                                  \
	do {                                                                   \
		char buf[80];                                                  \
		int length = format_string(buf, sizeof(buf), __VA_ARGS__);     \
		KTEST_EQUAL(length, strlen(expected));                         \
		KTEST_EQUAL(strcmp(buf, expected), 0);                         \
	} while (0)

KTEST(integers_are_formatted)
{
	EXPECT("0 -1 7", "%d %d %u", 0, -1, 7u);
	EXPECT("-2147483648", "%d", INT32_MIN);
	EXPECT("-9223372036854775808", "%ld", INT64_MIN);
	EXPECT("18446744073709551615", "%lu", UINT64_MAX);
	EXPECT("ff FF 0xff 0", "%x %X %#x %#x", 255u, 255u, 255u, 0u);
	EXPECT("10 010 0", "%o %#o %#o", 8u, 8u, 0u);
	EXPECT("-1 255", "%hhd %hhu", (signed char)-1, (unsigned char)255);
	EXPECT("5 -5", "%zu %zd", (size_t)5, (ssize_t)-5);
	EXPECT("0x1000", "%p", (void *)0x1000);
}

KTEST(width_precision_and_flags_are_obeyed)
{
	EXPECT("[   42]", "[%5d]", 42);
	EXPECT("[42   ]", "[%-5d]", 42);
	EXPECT("[00042]", "[%05d]", 42);
	EXPECT("[-0042]", "[%05d]", -42);
	EXPECT("[  042]", "[%5.3d]", 42);
	EXPECT("[+42] [ 42]", "[%+d] [% d]", 42, 42);
	EXPECT("[0x00ff]", "[%#06x]", 255u);
	EXPECT("[]", "[%.0d]", 0);
	EXPECT("[    7][7    ]", "[%*d][%*d]", 5, 7, -5, 7);
}

KTEST(strings_and_characters_are_formatted)
{
	EXPECT("abc|  abc|abc  |ab", "%s|%5s|%-5s|%.2s", "abc", "abc", "abc",
	       "abc");
	EXPECT("x|  x|x  |%", "%c|%3c|%-3c|%%", 'x', 'x', 'x');
	EXPECT("a|ab", "%.*s|%.*s", 1, "ab", -1, "ab");
}

KTEST(a_short_buffer_gets_the_beginning_and_nul)
{
	char buf[4] = "xyz";

	KTEST_EQUAL(format_string(buf, sizeof(buf), "%d", 12345), 5);
	KTEST_EQUAL(strcmp(buf, "123"), 0);
	KTEST_EQUAL(format_string(buf, 1, "%s", "abc"), 3);
	KTEST_EQUAL(buf[0], '\0');
	KTEST_EQUAL(format_string(NULL, 0, "%s", "abc"), 3);
}
