/* SPDX-License-Identifier: MIT */
/*
 * main.c - broken FAT images: whatever they say, the kernel is not hurt
 *
 *	fat IMAGE SEED COUNT
 *
 * Each round mutates a copy of the image where it says something (but for
 * files' own bytes, which are x in the image), mounts it, walks over all of it,
 * changes it and unmounts. Anything may fail; the sanitizers see to it that
 * nothing else happens, and time that nothing goes on for ever.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "kernel/lib/radix_tree.h"
#include "test/host/fat/fat.h"
#include "test/host/host.h"

enum { SLOWEST = 20, UNIT = 512 };

static uint64_t seed;

uint64_t host_random(uint64_t *state)
{
	/* xorshift64*: Vigna, "An experimental exploration of Marsaglia's
	 * xorshift generators, scrambled" (2016). */
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 2685821657736338717ULL;
}

static size_t pick(size_t n)
{
	return (size_t)(host_random(&seed) % n);
}

static void *alloc_node(size_t size)
{
	return malloc(size);
}

static unsigned char *load(const char *path, size_t *size)
{
	FILE *file = fopen(path, "rb");
	unsigned char *data;
	struct stat st;

	if (!file || fstat(fileno(file), &st)) {
		perror(path);
		exit(2);
	}
	*size = (size_t)st.st_size;
	data = malloc(*size);
	if (fread(data, 1, *size, file) != *size)
		exit(2);
	fclose(file);
	return data;
}

/* Places that say something. */
static size_t *used;
static size_t num_used;

static void find_used(const unsigned char *data, size_t size)
{
	used = malloc(size * sizeof(*used));
	for (size_t i = 0; i < size; i++)
		if (data[i] && data[i] != 'x')
			used[num_used++] = i;
}

static void mutate(unsigned char *data, size_t size)
{
	static const unsigned char odd[] = { 0,    1,    2,    0xff, 0xf7,
					     0xf8, 0xe5, 0x80, 0x0f, 0x10 };
	size_t count = 1 + pick(10);

	while (count--) {
		size_t at = pick(5) ? used[pick(num_used)] + pick(4) : pick(90);

		if (at < size)
			data[at] = pick(3) ? odd[pick(sizeof(odd))]
					   : (unsigned char)pick(256);
	}
}

int main(int argc, char **argv)
{
	unsigned long count, mounted = 0, met = 0;
	unsigned char *original;
	clock_t start, took; /* processor time: the host may be busy */

	if (argc != 4) {
		fprintf(stderr, "fat IMAGE SEED COUNT\n");
		return 2;
	}
	original = load(argv[1], &fat_image_size);
	seed = strtoul(argv[2], NULL, 0) * 2654435761u + 1;
	count = strtoul(argv[3], NULL, 0);
	find_used(original, fat_image_size);
	radix_set_allocator(alloc_node, free);
	fat_start();
	fat_image = malloc(fat_image_size);
	for (unsigned long i = 0; i < count; i++) {
		memcpy(fat_image, original, fat_image_size);
		if (i)
			mutate(fat_image, fat_image_size);
		start = clock();
		if (!fat_mount()) {
			mounted++;
			met += fat_walk();
			fat_change();
			met += fat_walk();
			if (fat_unmount()) {
				printf("round %lu: still busy\n", i);
				return 1;
			}
		}
		took = (clock() - start) / CLOCKS_PER_SEC;
		if (took > SLOWEST) {
			printf("round %lu took %ld s\n", i, (long)took);
			return 1;
		}
	}
	printf("%lu images, %lu mounted, %lu names met\n", count, mounted, met);
	free(original);
	free(used);
	free(fat_image);
	return mounted ? 0 : 1;
}
