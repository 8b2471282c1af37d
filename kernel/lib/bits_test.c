/* SPDX-License-Identifier: MIT */
/*
 * bits_test.c - places of bits
 */
#include "kernel/debug/ktest.h"
#include "kernel/lib/bits.h"

KTEST(every_single_bit_is_found)
{
	for (unsigned int i = 0; i < 64; i++) {
		KTEST_EQUAL(bit_lowest(BIT(i)), i);
		KTEST_EQUAL(bit_highest(BIT(i)), i);
		KTEST_EQUAL(bit_lowest(UINT64_MAX << i), i);
		KTEST_EQUAL(bit_highest(UINT64_MAX >> i), 63 - i);
		KTEST_EQUAL(bit_count(UINT64_MAX << i), 64 - i);
	}
	KTEST_EQUAL(bit_count(0), 0);
	KTEST_EQUAL(bit_count(0x8000400020001001), 5);
}
