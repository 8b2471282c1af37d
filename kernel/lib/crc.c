/* SPDX-License-Identifier: MIT */
/*
 * crc.c - cyclic redundancy checks, as file systems use them
 *
 * Idea: a table of 256 remainders lets a byte be done at once; eight tables,
 * each one byte further on, let eight bytes be done at once ("slicing by 8").
 * The tables are made at the first use: two who make them at the same time
 * write the same numbers.
 *
 * A hart that multiplies polynomials needs no tables for whole words (Barrett's
 * way): the quotient of a word S and the polynomial P is the upper half of
 * S * floor(x^95 / P), and the remainder is the lower half of quotient * P.
 * There is nothing to carry in GF(2), so the quotient is exact.
 *
 * Source: Ross Williams, "A Painless Guide to CRC Error Detection Algorithms";
 * Kounavis and Berry, "Novel Table Lookup-Based Algorithms for
 * High-Performance CRC Generation".
 */
#include "kernel/lib/crc.h"

#define SLICES 8

struct crc_tables {
	bool made;         /* atomic */
	uint64_t quotient; /* floor(x^95 / P), bits reversed */
	uint32_t slice[SLICES][256];
};

static struct crc_tables castagnoli, ieee;
static crc_words_fn *fast_words; /* NULL: tables; fixed after boot */

void crc_use_words(crc_words_fn *words)
{
	fast_words = words;
}

/* Long division, a digit a step. */
static uint64_t quotient_of(uint32_t polynomial)
{
	uint64_t quotient = 0;
	uint32_t rest = 1;

	for (int i = 0; i < 64; i++) {
		uint32_t digit = rest & 1;

		quotient |= (uint64_t)digit << i;
		rest = (rest >> 1) ^ (digit ? polynomial : 0);
	}
	return quotient;
}

static void make_tables(struct crc_tables *tables, uint32_t polynomial)
{
	for (uint32_t byte = 0; byte < 256; byte++) {
		uint32_t crc = byte;

		for (int bit = 0; bit < 8; bit++)
			crc = (crc >> 1) ^ (crc & 1 ? polynomial : 0);
		tables->slice[0][byte] = crc;
	}
	for (int i = 1; i < SLICES; i++) {
		for (uint32_t byte = 0; byte < 256; byte++) {
			uint32_t crc = tables->slice[i - 1][byte];

			tables->slice[i][byte] =
				(crc >> 8) ^ tables->slice[0][crc & 0xff];
		}
	}
	tables->quotient = quotient_of(polynomial);
	/* pairs with the acquire in update() */
	STORE_RELEASE(tables->made, true);
}

static uint32_t eight_bytes(const struct crc_tables *tables, uint32_t crc,
			    uint64_t word)
{
	uint32_t low = (uint32_t)word ^ crc, high = (uint32_t)(word >> 32);

	return tables->slice[7][low & 0xff] ^
	       tables->slice[6][(low >> 8) & 0xff] ^
	       tables->slice[5][(low >> 16) & 0xff] ^
	       tables->slice[4][low >> 24] ^ tables->slice[3][high & 0xff] ^
	       tables->slice[2][(high >> 8) & 0xff] ^
	       tables->slice[1][(high >> 16) & 0xff] ^
	       tables->slice[0][high >> 24];
}

static uint32_t update(struct crc_tables *tables, uint32_t polynomial,
		       uint32_t crc, const void *data, size_t size)
{
	const uint8_t *p = data;

	/* pairs with the release in make_tables() */
	if (unlikely(!__atomic_load_n(&tables->made, __ATOMIC_ACQUIRE)))
		make_tables(tables, polynomial);
	for (; size && !IS_ALIGNED((uintptr_t)p, 8); size--)
		crc = (crc >> 8) ^ tables->slice[0][(crc ^ *p++) & 0xff];
	if (fast_words && size >= 8) {
		crc = fast_words(crc, (const uint64_t *)(const void *)p,
				 size / 8, tables->quotient, polynomial);
		p += size & ~7ul;
		size &= 7;
	}
	for (; size >= 8; size -= 8, p += 8)
		crc = eight_bytes(tables, crc,
				  *(const uint64_t *)(const void *)p);
	for (; size; size--)
		crc = (crc >> 8) ^ tables->slice[0][(crc ^ *p++) & 0xff];
	return crc;
}

uint32_t crc32c(uint32_t crc, const void *data, size_t size)
{
	return update(&castagnoli, 0x82f63b78u, crc, data, size);
}

uint32_t crc32(uint32_t crc, const void *data, size_t size)
{
	return update(&ieee, 0xedb88320u, crc, data, size);
}

uint16_t crc16(uint16_t crc, const void *data, size_t size)
{
	const uint8_t *p = data;
	uint32_t rest = crc;

	while (size--) {
		rest ^= *p++;
		for (int bit = 0; bit < 8; bit++)
			rest = (rest >> 1) ^ (rest & 1 ? 0xa001u : 0);
	}
	return (uint16_t)rest;
}
