/* SPDX-License-Identifier: MIT */
/*
 * crc_test.c - checksums against published check values
 *
 * Source: the catalogue of parametrised CRC algorithms: the value of each for
 * "123456789".
 */
#include "kernel/debug/ktest.h"
#include "kernel/lib/crc.h"

static const char digits[] = "123456789";

KTEST(crc_has_published_check_values)
{
	KTEST_EQUAL(~crc32c(~0u, digits, 9), 0xe3069283u);
	KTEST_EQUAL(~crc32(~0u, digits, 9), 0xcbf43926u);
	KTEST_EQUAL(crc16(0xffff, digits, 9), 0x4b37u);
}

KTEST(crc_of_parts_is_crc_of_whole)
{
	static uint8_t bytes[100];

	for (unsigned int i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 7 + 3);
	for (unsigned int cut = 0; cut < sizeof(bytes); cut++) {
		uint32_t crc = crc32c(~0u, bytes, cut);

		crc = crc32c(crc, bytes + cut, sizeof(bytes) - cut);
		KTEST_EQUAL(crc, crc32c(~0u, bytes, sizeof(bytes)));
	}
}

/* Words are done in another way than bytes; a byte at a time is always bytes. */
KTEST(crc_of_words_is_crc_of_bytes)
{
	static uint8_t bytes[96] __attribute__((aligned(8)));

	for (unsigned int i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * i * 11 + 1);
	for (unsigned int size = 0; size <= sizeof(bytes); size++) {
		uint32_t c = 0x12345678, ieee = c;

		for (unsigned int i = 0; i < size; i++) {
			c = crc32c(c, bytes + i, 1);
			ieee = crc32(ieee, bytes + i, 1);
		}
		KTEST_EQUAL(crc32c(0x12345678, bytes, size), c);
		KTEST_EQUAL(crc32(0x12345678, bytes, size), ieee);
	}
}
