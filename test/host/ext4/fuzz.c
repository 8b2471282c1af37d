/* SPDX-License-Identifier: MIT */
/*
 * fuzz.c - broken images: whatever they say, the kernel is not hurt
 *
 * Each round mutates a copy of the image where its metadata is (every block
 * that is not empty), mounts it, walks over all of it, and, if it can be written,
 * changes it. (Images without checksums let most mutations through.) Anything may fail; the sanitizers
 * see to it that nothing else happens.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "test/host/ext4/commands.h"
#include "test/host/ext4/fs.h"
#include "test/host/ext4/image.h"
#include "test/host/host.h"

static uint64_t seed;

static size_t pick(size_t n)
{
	return (size_t)(host_random(&seed) % n);
}

/* Values that are wrong more often than others. */
static uint32_t odd_value(uint32_t old)
{
	static const uint32_t values[] = { 0,          1,          0xffffffff,
					   0x7fffffff, 0x80000000, 0xffff,
					   0x10000,    2 };

	switch (pick(4)) {
	case 0:
		return values[pick(8)];
	case 1:
		return old ^ (1u << pick(32));
	case 2:
		return old + (uint32_t)pick(5) - 2;
	default:
		return (uint32_t)host_random(&seed);
	}
}

static size_t find_used_block(const struct image *image)
{
	for (int tries = 0; tries < 1000; tries++) {
		size_t block = pick(image->size / 1024);

		for (size_t i = 0; i < 1024; i += 8)
			if (*(uint64_t *)(image->data + block * 1024 + i))
				return block;
	}
	return 1;
}

static void mutate_once(struct image *image)
{
	size_t block = pick(4) ? find_used_block(image) : 1;
	uint8_t *at = image->data + block * 1024;
	uint32_t word;
	size_t offset;

	if (pick(20) == 0) { /* a block strays */
		memcpy(at, image->data + find_used_block(image) * 1024, 1024);
		return;
	}
	offset = pick(1024 - 4);
	if (pick(3))
		offset &= ~3ul;
	memcpy(&word, at + offset, 4);
	word = odd_value(word);
	memcpy(at + offset, &word, pick(2) ? 4 : 1 + pick(2));
}

static void change_things(void)
{
	static uint8_t data[20000];

	fs_write("/mnt/fuzz-new", 0, data, sizeof(data));
	fs_mkdir("/mnt/fuzz-dir");
	fs_rename("/mnt/fuzz-new", "/mnt/fuzz-dir/moved", 0);
	fs_set_xattr("/mnt/fuzz-dir/moved", "user.x", data, 200);
	fs_truncate("/mnt/fuzz-dir/moved", 100);
	fs_sync();
	fs_unlink("/mnt/fuzz-dir/moved");
	fs_rmdir("/mnt/fuzz-dir");
}

static void add_to_list(void *arg, const char *name)
{
	char(*names)[256] = arg;

	for (int i = 0; i < 16; i++) {
		if (!names[i][0]) {
			snprintf(names[i], 256, "/mnt/%s", name);
			return;
		}
	}
}

/* Also what the image brought. */
static void change_existing(void)
{
	char names[16][256] = { "" };

	fs_list("/mnt", add_to_list, names);
	for (int i = 0; i < 16 && names[i][0]; i++) {
		fs_write(names[i], pick(100000), "fuzz", 4);
		fs_chmod(names[i], 0600);
		if (pick(2))
			fs_truncate(names[i], pick(20000));
		if (pick(3) == 0)
			fs_set_xattr(names[i], "user.fuzz", "value", 5);
		if (pick(2))
			fs_unlink(names[i]);
		fs_rmdir(names[i]);
	}
}

static void one_round(const struct image *original, struct image *image)
{
	unsigned int mutations = 1 + (unsigned int)pick(pick(4) ? 4 : 30);

	memcpy(image->data, original->data, original->size);
	for (unsigned int i = 0; i < mutations; i++)
		mutate_once(image);
	if (fs_mount(image, pick(4) == 0, pick(4) ? "" : "errors=continue"))
		return;
	walk_all();
	change_things();
	change_existing();
	fs_forget();
	walk_all();
	if (fs_unmount()) {
		printf("unmount failed\n");
		abort();
	}
}

int command_fuzz(int argc, char **argv)
{
	struct image original, image;
	unsigned int count = (unsigned int)atoi(argv[2]);
	uint64_t first = strtoull(argv[1], NULL, 0);
	time_t slowest = 0;

	image_load(&original, argv[0]);
	image = original;
	image.data = malloc(image.size);
	for (unsigned int i = 0; i < count; i++) {
		time_t start = time(NULL);

		seed = (first + i + 1) * 0x9e3779b97f4a7c15ULL;
		fprintf(stderr, "seed %lu\r", (unsigned long)(first + i));
		one_round(&original, &image);
		if (time(NULL) - start > slowest)
			slowest = time(NULL) - start;
	}
	printf("%u images, slowest %lds\n", count, (long)slowest);
	free(image.data);
	free(original.data);
	return 0;
}
