/* SPDX-License-Identifier: MIT */
/*
 * pages.c - a program's pages arrive one by one, when they are touched
 *
 *   pages [ahead]
 *
 * Touches a large table page after page and counts its own page faults
 * (getrusage(2)) and the pages it has in memory (/proc/self/statm). exec()
 * loads nothing: it only notes what should be where. OSTEP ch. 21.
 *
 * Who writes page after page is given more than it asks for, unless it says that
 * it wants one page at a fault (MADV_NOHUGEPAGE, as on Linux): "ahead" does not.
 */
#define _DEFAULT_SOURCE
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>
#include "pagemap.h"

#define PAGES 64

/* In .bss: the file has no bytes of it, so zeros are to be seen. */
static char table[PAGES * PAGE_BYTES] __attribute__((aligned(PAGE_BYTES)));

static long faults(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_minflt;
}

static int present(void)
{
	int count = 0;

	for (int i = 0; i < PAGES; i++)
		count += frame_of(table + (unsigned long)i * PAGE_BYTES) != 0;
	return count;
}

int main(int argc, char **argv)
{
	long before;

	(void)argv;
	if (argc < 2)
		madvise(table, sizeof(table), MADV_NOHUGEPAGE);
	printf("pages touched    pages of the table in memory    faults "
	       "since\n");
	(void)present();
	fflush(stdout);
	before = faults();
	printf("%13d %31d %15ld\n", 0, present(), faults() - before);
	for (int touched = 1; touched <= PAGES; touched *= 2) {
		before = faults();
		for (int i = touched / 2; i < touched; i++)
			((volatile char *)
				 table)[(unsigned long)i * PAGE_BYTES] = 1;
		printf("%13d %31d %15ld\n", touched, present(),
		       faults() - before);
	}
	return 0;
}
