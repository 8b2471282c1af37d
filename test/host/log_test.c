/* SPDX-License-Identifier: MIT */
/*
 * log_test.c - messages in the ring
 */
#include <stdio.h>
#include <string.h>

#include "kernel/debug/ktest.h"
#include "kernel/debug/log.h"

KTEST(log_records_have_the_format_of_dev_kmsg)
{
	uint64_t sequence = 0;
	char buf[256], expected[256];
	size_t size;

	log_debug("first");
	while ((size = log_read_record(&sequence, buf, sizeof(buf))))
		;
	log_debug("two\nlines \\ %d", 7);
	size = log_read_record(&sequence, buf, sizeof(buf));
	snprintf(expected, sizeof(expected),
		 "7,%lu,0,-;two\\x0alines \\x5c 7\n", sequence - 1);
	KTEST_EQUAL(size, strlen(expected));
	KTEST_EQUAL(memcmp(buf, expected, size), 0);
	KTEST_EQUAL(log_read_record(&sequence, buf, sizeof(buf)), 0);
}

KTEST(log_keeps_the_newest_messages)
{
	uint64_t sequence = 0, first;
	char buf[2048], wanted[32];
	unsigned int found = 0;
	size_t size;

	for (int i = 0; i < 5000; i++)
		log_debug("message %d %.*s", i, i % 300,
			  "........................................");
	while ((size = log_read_record(&sequence, buf, sizeof(buf) - 1))) {
		buf[size] = '\0';
		if (!found++)
			first = sequence - 1;
		else
			KTEST_EQUAL(sequence - 1, first + found - 1);
	}
	snprintf(wanted, sizeof(wanted), ";message %d ", 4999);
	KTEST_TRUE(found > 500 && strstr(buf, wanted));
}

KTEST(log_record_is_cut_to_the_buffer)
{
	uint64_t sequence = 0;
	char buf[40];
	size_t size;

	log_debug("%s", "0123456789012345678901234567890123456789");
	while ((size = log_read_record(&sequence, buf, sizeof(buf)))) {
		KTEST_TRUE(size <= sizeof(buf));
		KTEST_EQUAL(buf[size - 1], '\n');
	}
}
