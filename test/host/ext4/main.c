/* SPDX-License-Identifier: MIT */
/*
 * main.c - mount an image with the kernel's ext4, and do something with it
 *
 *	ext4 tree IMAGE		all there is: type, mode, owner, links, size,
 *				checksum of the contents, attributes, name
 *	ext4 run IMAGE		commands from the standard input (see below); the
 *				image is changed
 *	ext4 fuzz IMAGE SEED COUNT	mutated copies are mounted and walked
 *	ext4 listing IMAGE SEED COUNT	directories are read while they change
 *	ext4 crash IMAGE ...	crash.c
 *	ext4 faults IMAGE ...	faults.c
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "kernel/lib/radix_tree.h"
#include "test/host/ext4/fs.h"
#include "test/host/ext4/image.h"
#include "test/host/ext4/commands.h"
#include "test/host/host.h"

static void *alloc_node(size_t size)
{
	return malloc(size);
}

uint64_t host_random(uint64_t *state)
{
	/* xorshift64*: Vigna, "An experimental exploration of Marsaglia's
	 * xorshift generators, scrambled" (2016). */
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 2685821657736338717ULL;
}

void *host_read_file(const char *path, size_t *size)
{
	FILE *file = fopen(path, "rb");
	struct stat st;
	void *data;

	if (!file || fstat(fileno(file), &st)) {
		perror(path);
		exit(2);
	}
	*size = (size_t)st.st_size;
	data = malloc(*size + 1);
	if (fread(data, 1, *size, file) != *size) {
		perror(path);
		exit(2);
	}
	fclose(file);
	return data;
}

void image_load(struct image *image, const char *path)
{
	memset(image, 0, sizeof(*image));
	image->data = host_read_file(path, &image->size);
}

void image_save(const struct image *image, const char *path)
{
	FILE *file = fopen(path, "r+b");

	if (!file)
		file = fopen(path, "wb");
	if (!file || fwrite(image->data, 1, image->size, file) != image->size ||
	    fclose(file)) {
		perror(path);
		exit(2);
	}
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	radix_set_allocator(alloc_node, free);
	fs_start();
	if (argc >= 3 && !strcmp(argv[1], "tree"))
		return command_tree(argv[2]);
	if (argc >= 3 && !strcmp(argv[1], "run"))
		return command_run(argv[2]);
	if (argc >= 5 && !strcmp(argv[1], "fuzz"))
		return command_fuzz(argc - 2, argv + 2);
	if (argc >= 5 && !strcmp(argv[1], "listing"))
		return command_listing(argc - 2, argv + 2);
	if (argc >= 3 && !strcmp(argv[1], "crash"))
		return command_crash(argc - 2, argv + 2);
	if (argc >= 3 && !strcmp(argv[1], "faults"))
		return command_faults(argc - 2, argv + 2);
	fprintf(stderr, "ext4 tree|run|fuzz|listing|crash|faults IMAGE ...\n");
	return 2;
}
