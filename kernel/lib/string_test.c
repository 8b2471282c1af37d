/* SPDX-License-Identifier: MIT */
/*
 * string_test.c - the word-wise routines against byte-wise ones
 *
 * Every alignment of both pointers and every size up to some words, so that
 * each way through the routines is taken.
 */
#include "kernel/abi/errno.h"
#include "kernel/debug/ktest.h"
#include "kernel/lib/string.h"

enum { SIZE = 256, MAX_COPY = 150, GUARD = 0xee };

static unsigned char source[SIZE] __aligned(16);
static unsigned char target[SIZE] __aligned(16);
static unsigned char expected[SIZE] __aligned(16);
static unsigned char page_a[PAGE_SIZE] __aligned(PAGE_SIZE);
static unsigned char page_b[PAGE_SIZE] __aligned(PAGE_SIZE);

static void fill(void)
{
	for (unsigned int i = 0; i < SIZE; i++) {
		source[i] = (unsigned char)(i * 7 + 1);
		target[i] = expected[i] = GUARD;
	}
}

static bool as_expected(void)
{
	for (unsigned int i = 0; i < SIZE; i++) {
		if (target[i] != expected[i])
			return false;
	}
	return true;
}

static bool copy_is_right(unsigned int to, unsigned int from, unsigned int n)
{
	fill();
	for (unsigned int i = 0; i < n; i++)
		expected[to + i] = source[from + i];
	return memcpy(target + to, source + from, n) == target + to &&
	       as_expected();
}

KTEST(memcpy_copies_exactly_at_every_alignment)
{
	for (unsigned int to = 0; to < 8; to++) {
		for (unsigned int from = 0; from < 8; from++) {
			for (unsigned int n = 0; n < MAX_COPY; n++)
				KTEST_TRUE(copy_is_right(to, from, n));
		}
	}
}

static bool move_is_right(unsigned int to, unsigned int from, unsigned int n)
{
	fill();
	for (unsigned int i = 0; i < SIZE; i++)
		target[i] = expected[i] = source[i];
	for (unsigned int i = 0; i < n; i++)
		expected[to + i] = source[from + i];
	return memmove(target + to, target + from, n) == target + to &&
	       as_expected();
}

KTEST(memmove_allows_every_overlap)
{
	for (unsigned int to = 0; to < 20; to++) {
		for (unsigned int from = 0; from < 20; from++) {
			for (unsigned int n = 0; n < 90; n += 3)
				KTEST_TRUE(move_is_right(to, from, n));
		}
	}
}

static bool set_is_right(unsigned int to, unsigned int n)
{
	fill();
	for (unsigned int i = 0; i < n; i++)
		expected[to + i] = 0xa5;
	memset(target + to, 0x1a5, n);
	return as_expected();
}

KTEST(memset_sets_exactly_at_every_alignment)
{
	for (unsigned int to = 0; to < 8; to++) {
		for (unsigned int n = 0; n < MAX_COPY; n++)
			KTEST_TRUE(set_is_right(to, n));
	}
}

KTEST(memcmp_finds_the_first_difference)
{
	fill();
	for (unsigned int at = 0; at < 40; at++) {
		memcpy(target, source, 40);
		KTEST_EQUAL(memcmp(target, source, 40), 0);
		target[at] = (unsigned char)(source[at] + 1);
		KTEST_TRUE(memcmp(target, source, 40) > 0);
		KTEST_TRUE(memcmp(source, target, 40) < 0);
		KTEST_EQUAL(memcmp(target, source, at), 0);
	}
}

KTEST(pages_are_cleared_and_copied_whole)
{
	for (unsigned int i = 0; i < PAGE_SIZE; i++)
		page_a[i] = (unsigned char)(i % 251);
	copy_page(page_b, page_a);
	KTEST_EQUAL(memcmp(page_a, page_b, PAGE_SIZE), 0);
	clear_page(page_b);
	for (unsigned int i = 0; i < PAGE_SIZE; i++)
		KTEST_EQUAL(page_b[i], 0);
}

KTEST(strings_are_searched_and_compared)
{
	const char *text = "one two one";

	KTEST_EQUAL(strlen(text), 11);
	KTEST_EQUAL(strnlen(text, 4), 4);
	KTEST_TRUE(strchr(text, 'o') == text);
	KTEST_TRUE(strrchr(text, 'o') == text + 8);
	KTEST_TRUE(strchr(text, '\0') == text + 11);
	KTEST_TRUE(strchr(text, 'x') == NULL);
	KTEST_TRUE(strstr(text, "two") == text + 4);
	KTEST_TRUE(strstr(text, "three") == NULL);
	KTEST_TRUE(memchr(text, 'w', 11) == text + 5);
	KTEST_TRUE(memchr(text, 'w', 5) == NULL);
	KTEST_EQUAL(strcmp("abc", "abc"), 0);
	KTEST_TRUE(strcmp("abc", "abd") < 0);
	KTEST_TRUE(strcmp("\xff", "a") > 0);
	KTEST_EQUAL(strncmp("abc", "abd", 2), 0);
	KTEST_TRUE(starts_with("sched=mlfq", "sched="));
	KTEST_TRUE(!starts_with("sch", "sched="));
}

KTEST(strcopy_ends_with_nul_and_tells_of_cuts)
{
	char buf[4];

	KTEST_EQUAL(strcopy(buf, "abc", sizeof(buf)), 3);
	KTEST_EQUAL(strcmp(buf, "abc"), 0);
	KTEST_EQUAL(strcopy(buf, "abcd", sizeof(buf)), -E2BIG);
	KTEST_EQUAL(strcmp(buf, "abc"), 0);
	KTEST_EQUAL(strcopy(buf, "", 0), -E2BIG);
}

KTEST(numbers_are_parsed_in_three_bases)
{
	const char *end;

	KTEST_EQUAL(parse_u64("42", NULL), 42);
	KTEST_EQUAL(parse_u64("0x1fF,", &end), 0x1ff);
	KTEST_EQUAL(*end, ',');
	KTEST_EQUAL(parse_u64("017", NULL), 017);
	KTEST_EQUAL(parse_u64("0x", &end), 0);
	KTEST_EQUAL(*end, 'x');
	KTEST_EQUAL(parse_u64("18446744073709551615", NULL), UINT64_MAX);
}
