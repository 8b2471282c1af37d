/* SPDX-License-Identifier: MIT */
/*
 * memory_random.c - calls on memory with arguments that make no sense
 *
 * Each child makes a few thousand random calls in an address space full of
 * random mappings; most end by a signal. The claim is that the machine stays
 * well: children end, and the parent's memory is what it was.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

#define CHILDREN 40
#define CALLS    3000
#define BASE     0x100000000UL
#define PAGE     4096UL

static uint64_t state;
static int file;

static uint64_t below(uint64_t limit)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state % limit;
}

/* An address: mostly in a small range of its own, sometimes anywhere. */
static uint64_t any_address(void)
{
	switch (below(20)) {
	case 0:
		return below(1UL << 39) & -PAGE;
	case 1:
		return ~below(1UL << 20);
	case 2:
		return BASE + below(64 * PAGE);
	default:
		return BASE + below(64) * PAGE;
	}
}

static uint64_t any_size(void)
{
	switch (below(20)) {
	case 0:
		return below(UINT64_MAX);
	case 1:
		return below(1UL << 36);
	case 2:
		return 0;
	default:
		return (1 + below(16)) * PAGE;
	}
}

static void any_call(void)
{
	uint64_t at = any_address(), size = any_size();
	int flags = MAP_FIXED;

	switch (below(12)) {
	case 0:
	case 1:
	case 2:
		flags |= below(2) ? MAP_PRIVATE : MAP_SHARED;
		flags |= below(2) ? MAP_ANONYMOUS : 0;
		flags |= below(8) ? 0 : (int)below(1 << 21);
		syscall(SYS_mmap, at, size, below(8), flags, file,
			below(4) ? below(8) * PAGE : below(UINT64_MAX));
		break;
	case 3:
		syscall(SYS_munmap, at, size);
		break;
	case 4:
		syscall(SYS_mprotect, at, size, below(8));
		break;
	case 5:
		syscall(SYS_mremap, at, size, any_size(), below(8),
			any_address());
		break;
	case 6:
		syscall(SYS_madvise, at, size, below(26));
		break;
	case 7:
		syscall(SYS_msync, at, size, below(8));
		break;
	case 8:
		syscall(SYS_mincore, at, size, any_address());
		break;
	case 9:
		/* The kernel touches it for us: no signal. */
		if (read(file, (void *)at, size % 65536) < 0)
			lseek(file, (off_t)below(8 * PAGE), SEEK_SET);
		break;
	case 10:
		if (write(file, (void *)at, size % 16384) < 0)
			lseek(file, 0, SEEK_SET);
		break;
	default:
		if (ftruncate(file, (off_t)below(12 * PAGE)))
			return;
		syscall(SYS_mlock, at, size % (64 * PAGE));
		break;
	}
}

static void live(unsigned int seed)
{
	int status;

	state = seed * 0x9e3779b97f4a7c15UL;
	alarm(20);
	for (int i = 0; i < CALLS; i++) {
		any_call();
		if (below(500) == 0 && fork() == 0)
			continue; /* go on in the child too */
		if (below(400) == 0)
			*(volatile char *)any_address() = 1;
	}
	while (wait(&status) > 0)
		;
	_exit(0);
}

int main(void)
{
	char name[] = "/tmp/random-XXXXXX";
	char *mine = malloc(100000);
	size_t wrong = 0;
	int ended = 0;

	memset(mine, 0x5a, 100000);
	file = mkstemp(name);
	unlink(name);
	for (unsigned int i = 1; i <= CHILDREN; i++) {
		pid_t child = fork();

		if (child == 0)
			live(i);
		ended += child > 0 && waitpid(child, NULL, 0) == child;
	}
	for (size_t i = 0; i < 100000; i++)
		wrong += mine[i] != 0x5a;
	check(ended == CHILDREN, "%d children ended", ended);
	check(wrong == 0, "the parent's memory is untouched");
	return check_status();
}
