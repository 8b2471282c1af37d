/* SPDX-License-Identifier: MIT */
/*
 * shared.c - address spaces are apart, except where both sides agree
 *
 * Two processes, two pages. One page is private: the same address, two frames.
 * The other is shared memory that the kernel allocated: two addresses, one
 * frame. What one writes there the other reads, without a system call.
 * OSTEP ch. 13 (address spaces), ch. 5 (processes).
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "pagemap.h"

static volatile int private_page[PAGE_BYTES / sizeof(int)]
	__attribute__((aligned(PAGE_BYTES)));

static void show(const char *who, volatile int *shared_page)
{
	/* Touch it first: until then there is no frame behind the address. */
	int seen = shared_page[0];

	printf("%-7s private %#11lx -> frame %#11lx = %d    "
	       "shared %#12lx -> frame %#11lx = %d\n",
	       who, (unsigned long)private_page, frame_of(private_page),
	       private_page[0], (unsigned long)shared_page,
	       frame_of(shared_page), seen);
	fflush(stdout);
}

/* The shared memory @fd, at an address of this process's own choosing. */
static volatile int *attach(int fd, unsigned long wish)
{
	void *at = mmap((void *)wish, PAGE_BYTES, PROT_READ | PROT_WRITE,
			MAP_SHARED, fd, 0);

	if (at == MAP_FAILED) {
		perror("mmap");
		_exit(1);
	}
	return at;
}

int main(void)
{
	int fd = memfd_create("shared", MFD_CLOEXEC);
	volatile int *memory;

	if (fd < 0 || ftruncate(fd, PAGE_BYTES)) {
		perror("memfd_create");
		return 1;
	}
	private_page[0] = 1;
	if (fork() == 0) {
		memory = attach(fd, 0x2000000000);
		private_page[0] = 2;
		memory[0] = 42;
		show("child", memory);
		_exit(0);
	}
	wait(NULL);
	memory = attach(fd, 0x1000000000);
	show("parent", memory);
	return 0;
}
