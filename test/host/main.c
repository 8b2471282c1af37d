/* SPDX-License-Identifier: MIT */
/*
 * main.c - run unit tests on the host
 *
 *	unit --list	the names of all tests
 *	unit NAME...	these tests, or rooms ("lib"), or "all"
 *
 * The tests are KTEST()s: those beside the kernel's files, which run at boot
 * too, and those in test/host, which need files or a device's model.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/debug/ktest.h"
#include "kernel/lib/radix_tree.h"
#include "test/host/host.h"

extern const struct ktest *const ktests_start[], *const ktests_end[];

static void *alloc_node(size_t size)
{
	return malloc(size);
}

int main(int argc, char **argv)
{
	int failed = argc < 2;

	if (argc == 2 && !strcmp(argv[1], "--list")) {
		for (const struct ktest *const *t = ktests_start;
		     t < ktests_end; t++)
			puts((*t)->name);
		return 0;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	radix_set_allocator(alloc_node, free);
	for (int i = 1; i < argc; i++) {
		if (ktest_run(argv[i]) != 0)
			failed = 1;
	}
	return failed;
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
	void *data;
	long length;

	if (!file || fseek(file, 0, SEEK_END) || (length = ftell(file)) < 0) {
		perror(path);
		exit(2);
	}
	rewind(file);
	data = malloc((size_t)length);
	if (fread(data, 1, (size_t)length, file) != (size_t)length) {
		perror(path);
		exit(2);
	}
	fclose(file);
	*size = (size_t)length;
	return data;
}
