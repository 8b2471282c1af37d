/* SPDX-License-Identifier: MIT */
/*
 * listing.c - directories are read while they change: each name comes once
 *
 * Each round makes a directory of some names and reads it in pieces of random
 * size. Between two pieces names come and go, so that blocks are split and the
 * index appears and grows. Then
 *
 *	L1  a name that was there all the time came exactly once,
 *	L2  any other at most once,
 *	L3  from a position that was given with a name, what then was behind it and
 *	    is still there comes again in the same order,
 *	L4  who deletes what he reads has deleted all at the end.
 *
 * In half of the rounds the hash of a name loses most of its bits: then names of
 * one hash fill many blocks, as they never would in years.
 */
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test/host/ext4/commands.h"
#include "test/host/ext4/fs.h"
#include "test/host/ext4/image.h"
#include "test/host/host.h"

enum { MAX_NAMES = 3000, DIR_NAME = 16 };

struct name {
	char path[DIR_NAME + 260];
	bool there;
	bool stays; /* is there from the beginning to the end of a reading */
	unsigned int times;
	unsigned int order; /* in which it came */
	int64_t next;
};

static struct name names[MAX_NAMES];
static unsigned int num_names, num_listed;
static uint64_t seed, round_seed;
static const char *const dir = "/mnt/listing";

static unsigned int pick(unsigned int n)
{
	return (unsigned int)(host_random(&seed) % n);
}

static _Noreturn __attribute__((format(printf, 1, 2))) void
fail(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	printf("round of seed %lu: ", (unsigned long)round_seed);
	vprintf(fmt, args);
	printf("\n");
	va_end(args);
	exit(1);
}

static void must(int err, const char *what)
{
	if (err < 0)
		fail("%s: error %d", what, -err);
}

/* ---- Names ---- */

/* Their numbers come first, to be found again. */
static void make_names(unsigned int count, unsigned int longest)
{
	num_names = count;
	for (unsigned int i = 0; i < count; i++) {
		struct name *n = &names[i];
		int at = snprintf(n->path, sizeof(n->path), "%s/%u-", dir, i);
		unsigned int more = longest > 8 ? pick(longest - 8) : 0;

		memset(n->path + at, 'x', more);
		n->path[(unsigned int)at + more] = '\0';
		n->there = n->stays = false;
	}
}

static void create(struct name *n)
{
	must(fs_create(n->path), "create");
	n->there = true;
}

static void delete (struct name *n)
{
	must(fs_unlink(n->path), "unlink");
	n->there = n->stays = false;
}

/* Some come, some go; those that stay only seldom. */
static void change(unsigned int most)
{
	for (unsigned int i = pick(most + 1); i > 0; i--) {
		struct name *n = &names[pick(num_names)];

		if (!n->there)
			create(n);
		else if (!n->stays || !pick(8))
			delete (n);
	}
}

/* ---- Reading ---- */

static struct name *name_of(const char *entry)
{
	unsigned long number = strtoul(entry, NULL, 10);

	if (number >= num_names ||
	    strcmp(names[number].path + strlen(dir) + 1, entry))
		fail("an unknown name %s", entry);
	return &names[number];
}

static void note(void *arg, const char *entry, int64_t next)
{
	struct name *n = name_of(entry);

	n->times++;
	n->order = num_listed++;
	n->next = next;
}

static void begin_reading(void)
{
	num_listed = 0;
	for (unsigned int i = 0; i < num_names; i++) {
		names[i].times = 0;
		names[i].stays = names[i].there;
	}
}

static void check_listed(void)
{
	for (unsigned int i = 0; i < num_names; i++) {
		if (names[i].stays && names[i].times == 0) /* L1 */
			fail("%s was skipped", names[i].path);
		if (names[i].times > 1) /* L2 */
			fail("%s came %u times", names[i].path, names[i].times);
	}
}

static void read_while_it_changes(unsigned int piece, unsigned int changes)
{
	struct file *file;
	int found;

	must(fs_open_dir(dir, &file), "open");
	begin_reading();
	do {
		found = fs_read_dir(file, 1 + pick(piece), note, NULL);
		must(found, "read");
		change(changes);
	} while (found > 0);
	check_listed();
	fs_close(file);
}

/* ---- Seeking ---- */

static unsigned int least_order;

static void note_again(void *arg, const char *entry, int64_t next)
{
	struct name *n = name_of(entry);

	if (!n->stays)
		return;
	if (n->order < least_order)
		fail("%s came too late", n->path);
	least_order = n->order;
	n->times++;
}

/* L3; names that share a position with @from may come again. */
static void read_from(struct file *file, const struct name *from)
{
	int found;

	for (unsigned int i = 0; i < num_names; i++)
		names[i].times = 0;
	least_order = 0;
	must(fs_seek_dir(file, from->next), "seek");
	do {
		found = fs_read_dir(file, 1 + pick(40), note_again, NULL);
		must(found, "read");
	} while (found > 0);
	for (unsigned int i = 0; i < num_names; i++) {
		const struct name *n = &names[i];

		if (n->stays && n->times != 1 && n->order > from->order)
			fail("%s came %u times from %s on", n->path, n->times,
			     from->path);
		if (n->times && n->next < from->next)
			fail("%s came again from %s on", n->path, from->path);
	}
}

static void seek_here_and_there(void)
{
	struct file *file;
	int found;

	must(fs_open_dir(dir, &file), "open");
	begin_reading();
	do {
		found = fs_read_dir(file, 1 + pick(100), note, NULL);
		must(found, "read");
	} while (found > 0);
	check_listed();
	for (int i = 0; i < 8; i++) {
		const struct name *from = &names[pick(num_names)];

		if (from->stays)
			read_from(file, from);
		change(50);
	}
	/* Any number may be told. */
	for (int i = 0; i < 8; i++) {
		must(fs_seek_dir(file, (int64_t)(host_random(&seed) >> 1)),
		     "seek");
		begin_reading();
		must(fs_read_dir(file, 1 + pick(9), note, NULL), "read");
	}
	fs_close(file);
}

/* ---- Deleting ---- */

static void note_and_delete(void *arg, const char *entry, int64_t next)
{
	name_of(entry)->times++;
}

static void delete_all(unsigned int piece)
{
	struct file *file;
	int found;

	must(fs_open_dir(dir, &file), "open");
	begin_reading();
	do {
		found = fs_read_dir(file, 1 + pick(piece), note_and_delete,
				    NULL);
		must(found, "read");
		for (unsigned int i = 0; i < num_names; i++)
			if (names[i].times && names[i].there)
				delete (&names[i]);
	} while (found > 0);
	fs_close(file);
	must(fs_rmdir(dir), "rmdir"); /* L4 */
}

/* ---- Rounds ---- */

static void one_round(const struct image *original, struct image *image)
{
	static const unsigned int pieces[] = { 3, 60, 60, 2000 };
	static const uint32_t lost[][2] = {
		{ 0, 0 },         { 0, 0 },          { 0, 0 },
		{ 0, ~0u },       { ~0u, 0 },        { ~0u, ~0u },
		{ ~0xcu, ~0x3u }, { 0xffffff, ~0u }, { ~0x80000000u, 0x7fff },
	};
	unsigned int weak = pick(sizeof(lost) / sizeof(lost[0]));
	unsigned int count = pick(3) ? 1 + pick(400) : 1 + pick(MAX_NAMES);
	unsigned int piece = pieces[pick(4)];

	memcpy(image->data, original->data, original->size);
	fs_weaken_hash(lost[weak][0], lost[weak][1]);
	must(fs_mount(image, false, ""), "mount");
	must(fs_mkdir(dir), "mkdir");
	make_names(weak > 3 && count > 1000 ? 1000 : count,
		   pick(2) ? 12 : 12 + pick(240));
	for (unsigned int i = pick(4) ? pick(num_names) : num_names; i > 0; i--)
		create(&names[i - 1]);
	read_while_it_changes(piece, num_names / 8 + 1);
	seek_here_and_there();
	read_while_it_changes(piece, 10);
	delete_all(piece * 2);
	must(fs_unmount(), "unmount");
}

int command_listing(int argc, char **argv)
{
	unsigned int count = (unsigned int)atoi(argv[2]);
	uint64_t first = strtoull(argv[1], NULL, 0);
	struct image original, image;

	image_load(&original, argv[0]);
	image = original;
	image.data = malloc(image.size);
	for (unsigned int i = 0; i < count; i++) {
		round_seed = first + i;
		seed = (round_seed + 1) * 0x9e3779b97f4a7c15ULL;
		one_round(&original, &image);
	}
	printf("%u directories\n", count);
	free(image.data);
	free(original.data);
	return 0;
}
