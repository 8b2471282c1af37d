/* SPDX-License-Identifier: MIT */
/*
 * cpio_test.c - the reader of archives, whole and broken
 *
 * The fuzzer changes bytes and cuts archives short; the address sanitizer
 * watches that nothing outside is read (each archive lies in memory of exactly
 * its size), and every archive must come to an end. CPIO_FUZZ_SEED in the
 * environment repeats a run.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/debug/ktest.h"
#include "kernel/vfs/cpio.h"
#include "test/host/host.h"

#define FUZZ_RUNS 20000

/* ---- Making archives ---- */

struct archive {
	char bytes[8192];
	size_t size;
};

static void pad(struct archive *archive)
{
	while (archive->size % 4)
		archive->bytes[archive->size++] = '\0';
}

static void add(struct archive *archive, const char *name, unsigned int mode,
		const char *data)
{
	unsigned int len = (unsigned int)strlen(data);

	archive->size += (size_t)sprintf(
		archive->bytes + archive->size,
		"070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x",
		7u, mode, 1000u, 100u, 1u, 1234567890u, len, 8u, 1u, 5u, 64u,
		(unsigned int)strlen(name) + 1, 0u);
	strcpy(archive->bytes + archive->size, name);
	archive->size += strlen(name) + 1;
	pad(archive);
	memcpy(archive->bytes + archive->size, data, len);
	archive->size += len;
	pad(archive);
}

static void make_sample(struct archive *archive)
{
	archive->size = 0;
	add(archive, "bin", 040755, "");
	add(archive, "bin/sh", 0100755, "#!\n");
	add(archive, "dev/console", 020600, "");
	add(archive, "lib", 0120777, "usr/lib");
	add(archive, "TRAILER!!!", 0, "");
}

/* Members until the end; the last result in @last. */
static unsigned int count(const void *data, size_t size, enum cpio_result *last)
{
	struct cpio_reader reader;
	struct cpio_entry entry;
	unsigned int members = 0;

	cpio_open(&reader, data, size);
	while ((*last = cpio_next(&reader, &entry)) == CPIO_ENTRY ||
	       *last == CPIO_TRAILER) {
		if (*last == CPIO_ENTRY)
			members++;
	}
	return members;
}

/* ---- Whole archives ---- */

KTEST(cpio_reads_all_fields)
{
	struct archive archive;
	struct cpio_reader reader;
	struct cpio_entry entry;

	make_sample(&archive);
	cpio_open(&reader, archive.bytes, archive.size);
	KTEST_EQUAL(cpio_next(&reader, &entry), CPIO_ENTRY);
	KTEST_EQUAL(cpio_next(&reader, &entry), CPIO_ENTRY);
	KTEST_TRUE(!strcmp(entry.name, "bin/sh"));
	KTEST_EQUAL(entry.name_len, 6);
	KTEST_EQUAL(entry.mode, 0100755);
	KTEST_EQUAL(entry.ino, 7);
	KTEST_EQUAL(entry.uid, 1000);
	KTEST_EQUAL(entry.gid, 100);
	KTEST_EQUAL(entry.nlink, 1);
	KTEST_EQUAL(entry.mtime, 1234567890);
	KTEST_EQUAL(entry.dev_major, 8);
	KTEST_EQUAL(entry.dev_minor, 1);
	KTEST_EQUAL(entry.rdev_major, 5);
	KTEST_EQUAL(entry.rdev_minor, 64);
	KTEST_EQUAL(entry.size, 3);
	KTEST_TRUE(!memcmp(entry.data, "#!\n", 3));
}

KTEST(cpio_ends_with_the_trailer_and_the_bytes)
{
	struct archive archive;
	enum cpio_result last;

	make_sample(&archive);
	KTEST_EQUAL(count(archive.bytes, archive.size, &last), 4);
	KTEST_EQUAL(last, CPIO_END);
}

KTEST(cpio_reads_archives_with_zeros_between)
{
	struct archive archive;
	enum cpio_result last;

	make_sample(&archive);
	memset(archive.bytes + archive.size, 0, 512);
	archive.size += 512;
	add(&archive, "second", 0100644, "x");
	add(&archive, "TRAILER!!!", 0, "");
	KTEST_EQUAL(count(archive.bytes, archive.size, &last), 5);
	KTEST_EQUAL(last, CPIO_END);
}

KTEST(cpio_of_nothing_is_empty)
{
	enum cpio_result last;

	KTEST_EQUAL(count("", 0, &last), 0);
	KTEST_EQUAL(last, CPIO_END);
	KTEST_EQUAL(count("\0\0\0\0", 4, &last), 0);
	KTEST_EQUAL(last, CPIO_END);
}

/* ---- Broken ones ---- */

KTEST(cpio_says_where_it_is_broken)
{
	struct archive archive;
	struct cpio_reader reader;
	struct cpio_entry entry;
	enum cpio_result last;

	make_sample(&archive);
	archive.bytes[2] = 'x';
	KTEST_EQUAL(count(archive.bytes, archive.size, &last), 0);
	KTEST_EQUAL(last, CPIO_BROKEN);

	make_sample(&archive);
	cpio_open(&reader, archive.bytes, 130);
	KTEST_EQUAL(cpio_next(&reader, &entry), CPIO_ENTRY);
	KTEST_EQUAL(cpio_next(&reader, &entry), CPIO_BROKEN);
	KTEST_EQUAL(reader.at, 116);
	KTEST_TRUE(reader.error != NULL);
}

/* Read a copy in memory of exactly @size bytes, all of every member. */
static unsigned int read_exactly(const char *bytes, size_t size)
{
	char *copy = malloc(size ? size : 1);
	unsigned int sum = 0, members = 0;
	struct cpio_reader reader;
	struct cpio_entry entry;
	enum cpio_result result;

	memcpy(copy, bytes, size);
	cpio_open(&reader, copy, size);
	while ((result = cpio_next(&reader, &entry)) == CPIO_ENTRY ||
	       result == CPIO_TRAILER) {
		for (size_t i = 0; i < entry.size; i++)
			sum += (unsigned char)((const char *)entry.data)[i];
		sum += (unsigned int)strlen(entry.name);
		KTEST_TRUE(strlen(entry.name) == entry.name_len);
		KTEST_TRUE(++members <= size / 110);
	}
	free(copy);
	return sum;
}

KTEST(cpio_survives_being_cut)
{
	struct archive archive;

	make_sample(&archive);
	for (size_t size = 0; size <= archive.size; size++)
		read_exactly(archive.bytes, size);
}

/* One of a member's eight-digit numbers becomes one at the edge. */
static void smash_field(struct archive *archive, uint64_t *seed)
{
	static const char *const edges[] = { "00000000", "00000001", "FFFFFFFF",
					     "FFFFFFFC", "7FFFFFFF", "80000000",
					     "00001000" };
	const char *edge = edges[host_random(seed) % 7];
	unsigned int member = host_random(seed) % 5;
	char *header = archive->bytes;

	while (member--) {
		do {
			header++;
		} while (memcmp(header, "070701", 6));
	}
	memcpy(header + 6 + 8 * (host_random(seed) % 13), edge, 8);
}

KTEST(cpio_survives_being_changed)
{
	const char *text = getenv("CPIO_FUZZ_SEED");
	uint64_t seed = text ? strtoull(text, NULL, 0) : 88172645463325252ull;
	struct archive archive;

	for (int run = 0; run < FUZZ_RUNS; run++) {
		unsigned int changes = 1 + host_random(&seed) % 4;

		make_sample(&archive);
		if (host_random(&seed) % 2)
			smash_field(&archive, &seed);
		while (changes--) {
			size_t at = host_random(&seed) % archive.size;
			const char *digits = "0123456789abcdefF/. ";

			archive.bytes[at] =
				host_random(&seed) % 2
					? digits[host_random(&seed) % 20]
					: (char)host_random(&seed);
		}
		read_exactly(archive.bytes, archive.size);
	}
}
