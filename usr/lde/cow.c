/* SPDX-License-Identifier: MIT */
/*
 * cow.c - fork() copies nothing; the first store does
 *
 * Prints which frame is behind one page of parent and child: before the fork,
 * after it, after the child has only read, and after it has written.
 * OSTEP ch. 5 (fork) and ch. 23 (copy-on-write).
 */
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include "pagemap.h"

static volatile int page[PAGE_BYTES / sizeof(int)]
	__attribute__((aligned(PAGE_BYTES)));

static void show(const char *who, const char *when)
{
	printf("%-7s %-26s frame %#11lx  contents %d\n", who, when,
	       frame_of(page), page[0]);
	fflush(stdout);
}

static long faults(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_minflt;
}

int main(void)
{
	page[0] = 1;
	show("parent", "before the fork");
	if (fork() == 0) {
		long before;

		show("child", "after the fork");
		before = faults();
		page[0] = 2;
		before = faults() - before;
		show("child", "after its store");
		printf("child   the store took             %ld fault\n",
		       before);
		fflush(stdout);
		_exit(0);
	}
	wait(NULL);
	show("parent", "after the child's store");
	page[0] = 3;
	show("parent", "after its own store");
	return 0;
}
