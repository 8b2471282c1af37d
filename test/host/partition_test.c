// SPDX-License-Identifier: MIT
/*
 * partition_test.c - tables of partitions, whole and damaged
 *
 * The images are made here; the checksums with a table-driven CRC, another way
 * than the tested code goes.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/block/partition_table.h"
#include "kernel/debug/ktest.h"
#include "test/host/host.h"

enum { SECTORS = 4096, SIZE = SECTORS * 512, FUZZ_ROUNDS = 20000 };

static uint8_t image[SIZE];
static unsigned int failing_sector = UINT32_MAX;

static int read_image(void *data, uint64_t pos, void *buf, size_t size)
{
	KTEST_TRUE(pos % 512 == 0 && size % 512 == 0);
	KTEST_TRUE(pos <= SIZE && size <= SIZE - pos);
	if (failing_sector >= pos / 512 && failing_sector < (pos + size) / 512)
		return -5;
	memcpy(buf, image + pos, size);
	return 0;
}

static const struct partition_source source = {
	.read = read_image,
	.size_bytes = SIZE,
	.block_size = 512,
};

static void put32(size_t at, uint32_t value)
{
	memcpy(image + at, &value, 4);
}

static void put64(size_t at, uint64_t value)
{
	memcpy(image + at, &value, 8);
}

static uint32_t crc_of(const uint8_t *p, size_t size)
{
	static uint32_t table[256];
	uint32_t crc = UINT32_MAX;

	for (uint32_t i = 0; i < 256 && !table[255]; i++) {
		table[i] = i;
		for (int k = 0; k < 8; k++)
			table[i] = table[i] >> 1 ^
				   (table[i] & 1 ? 0xedb88320u : 0);
	}
	while (size--)
		crc = crc >> 8 ^ table[(crc ^ *p++) & 255];
	return ~crc;
}

static void put_header(uint64_t at, uint64_t entries)
{
	size_t pos = at * 512;

	memcpy(image + pos, "EFI PART", 8);
	put32(pos + 12, 92);
	put32(pos + 16, 0);
	put64(pos + 24, at);
	put64(pos + 40, 34);
	put64(pos + 48, SECTORS - 34);
	put64(pos + 72, entries);
	put32(pos + 80, 128);
	put32(pos + 84, 128);
	put32(pos + 88, crc_of(image + entries * 512, 128 * 128));
	put32(pos + 16, crc_of(image + pos, 92));
}

static void put_entry(uint64_t table, unsigned int i, uint64_t first,
		      uint64_t last)
{
	size_t pos = table * 512 + i * 128;

	memset(image + pos, 0xa0 + (int)i, 32);
	put64(pos + 32, first);
	put64(pos + 40, last);
	memcpy(image + pos + 56, "n\0a\0m\0e\0", 8);
}

static void make_gpt(void)
{
	memset(image, 0, SIZE);
	failing_sector = UINT32_MAX;
	image[446 + 4] = 0xee;
	image[510] = 0x55;
	image[511] = 0xaa;
	for (uint64_t table = 2; table; table = table == 2 ? SECTORS - 33 : 0) {
		put_entry(table, 0, 100, 199);
		put_entry(table, 3, 1000, 1000);
	}
	put_header(1, 2);
	put_header(SECTORS - 1, SECTORS - 33);
}

static void make_mbr(void)
{
	static const struct {
		size_t table;
		unsigned int i;
		uint8_t type;
		uint32_t start, count;
	} entries[] = {
		{ 0, 0, 0x83, 64, 100 },     { 0, 1, 0x0f, 1000, 2000 },
		{ 0, 3, 0x0c, 3500, 10000 }, { 1000, 0, 0x83, 1, 50 },
		{ 1000, 1, 0x05, 100, 60 },  { 1100, 0, 0x83, 1, 40 },
	};

	memset(image, 0, SIZE);
	failing_sector = UINT32_MAX;
	for (size_t k = 0; k < sizeof(entries) / sizeof(*entries); k++) {
		size_t pos = entries[k].table * 512;

		image[pos + 446 + 16 * entries[k].i + 4] = entries[k].type;
		put32(pos + 446 + 16 * entries[k].i + 8, entries[k].start);
		put32(pos + 446 + 16 * entries[k].i + 12, entries[k].count);
		image[pos + 510] = 0x55;
		image[pos + 511] = 0xaa;
	}
}

static struct partition found[PARTITIONS_MAX];

static void expect_gpt(void)
{
	KTEST_EQUAL(partition_table_read(&source, found, PARTITIONS_MAX), 2);
	KTEST_EQUAL(found[0].number, 1);
	KTEST_EQUAL(found[0].start, 100);
	KTEST_EQUAL(found[0].sectors, 100);
	KTEST_EQUAL(found[1].number, 4);
	KTEST_EQUAL(found[1].sectors, 1);
	KTEST_TRUE(
		!strcmp(found[0].uuid, "a0a0a0a0-a0a0-a0a0-a0a0-a0a0a0a0a0a0"));
	KTEST_TRUE(!strcmp(found[0].label, "name"));
}

KTEST(partition_gpt_is_read)
{
	make_gpt();
	expect_gpt();
}

KTEST(partition_gpt_copy_serves_when_the_first_is_damaged)
{
	make_gpt();
	image[512 + 50] ^= 1;
	expect_gpt();
	make_gpt();
	image[2 * 512 + 33] ^= 1;
	expect_gpt();
	make_gpt();
	failing_sector = 5;
	expect_gpt();
	/* Both: no partitions, and no error. */
	make_gpt();
	image[512 + 50] ^= 1;
	image[SIZE - 512 + 50] ^= 1;
	KTEST_EQUAL(partition_table_read(&source, found, PARTITIONS_MAX), 0);
}

KTEST(partition_mbr_with_logical_ones_is_read)
{
	static const uint64_t expected[][3] = { { 1, 64, 100 },
						{ 4, 3500, 596 },
						{ 5, 1001, 50 },
						{ 6, 1101, 40 } };

	make_mbr();
	KTEST_EQUAL(partition_table_read(&source, found, PARTITIONS_MAX), 4);
	for (int i = 0; i < 4; i++) {
		KTEST_EQUAL(found[i].number, expected[i][0]);
		KTEST_EQUAL(found[i].start, expected[i][1]);
		KTEST_EQUAL(found[i].sectors, expected[i][2]);
	}
}

KTEST(partition_mbr_chain_in_a_circle_ends)
{
	make_mbr();
	put32(1100 * 512 + 446 + 16 + 8, 100); /* itself again */
	image[1100 * 512 + 446 + 16 + 4] = 0x05;
	KTEST_TRUE(partition_table_read(&source, found, PARTITIONS_MAX) <= 64);
}

KTEST(partition_read_error_is_told)
{
	make_mbr();
	failing_sector = 0;
	KTEST_EQUAL(partition_table_read(&source, found, PARTITIONS_MAX), -5);
	failing_sector = 1000;
	KTEST_EQUAL(partition_table_read(&source, found, PARTITIONS_MAX), -5);
}

/* Whatever comes out lies on the disk. */
static void expect_sane(int count)
{
	KTEST_TRUE(count >= -12 && count <= (int)PARTITIONS_MAX);
	for (int i = 0; i < count; i++) {
		KTEST_TRUE(found[i].number >= 1);
		KTEST_TRUE(found[i].sectors > 0);
		KTEST_TRUE(found[i].start <= SECTORS &&
			   found[i].sectors <= SECTORS - found[i].start);
	}
}

static void mutate(uint64_t *state, bool gpt)
{
	static const size_t places[] = {
		440, 512, 1024, 1000 * 512 + 440, 1100 * 512 + 440, SIZE - 512
	};
	unsigned int changes = 1 + host_random(state) % 8;

	while (changes--) {
		size_t at = places[host_random(state) % 6] +
			    host_random(state) % 100;

		if (at < SIZE)
			image[at] = (uint8_t)host_random(state);
	}
	/* Half of them get past the checksum. */
	if (gpt && host_random(state) % 2) {
		put32(512 + 16, 0);
		put32(512 + 16, crc_of(image + 512, 92));
	}
}

KTEST(partition_fuzzed_tables_do_no_harm)
{
	const char *more = getenv("CREANCE_FUZZ_ROUNDS");
	unsigned long rounds = more ? strtoul(more, NULL, 0) : FUZZ_ROUNDS;
	uint64_t state = 12345;
	struct volume_names names;

	for (unsigned long i = 0; i < rounds; i++) {
		bool gpt = i % 2;

		/* Making one anew is the slow part: several changes each. */
		if (i % 16 < 2 && gpt)
			make_gpt();
		else if (i % 16 < 2)
			make_mbr();
		mutate(&state, gpt);
		expect_sane(
			partition_table_read(&source, found, PARTITIONS_MAX));
		KTEST_EQUAL(volume_names_read(&source, &names), 0);
	}
}
