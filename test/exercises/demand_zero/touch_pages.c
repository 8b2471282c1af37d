/* SPDX-License-Identifier: MIT */
/*
 * touch_pages.c - how much pgzero grows when pages are touched
 *
 *   touch_pages nothing|read|write|read-write|fork PAGES
 *
 * fork: the pages have contents, and a child writes to them. MADV_NOHUGEPAGE: one
 * page at a fault, also when they are touched one after the other.
 */
#define _DEFAULT_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096ul

/* Read without the C library's buffers, which are memory as well. */
static char text[16384];

static long counter(void)
{
	FILE *f = fopen("/proc/vmstat", "r");
	const char *line;
	size_t size;

	if (!f)
		exit(1);
	setvbuf(f, NULL, _IONBF, 0);
	size = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[size] = '\0';
	line = strstr(text, "\npgzero ");
	if (!line) {
		fprintf(stderr, "no pgzero in /proc/vmstat\n");
		exit(1);
	}
	return atol(line + 8);
}

static void touch(volatile char *memory, long pages, int write)
{
	for (long i = 0; i < pages; i++) {
		if (write)
			memory[i * PAGE] = 1;
		else
			(void)memory[i * PAGE];
	}
}

int main(int argc, char **argv)
{
	const char *how = argc > 2 ? argv[1] : "";
	long pages = argc > 2 ? atol(argv[2]) : 0;
	char *memory = mmap(NULL, (size_t)pages * PAGE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	long before;

	madvise(memory, (size_t)pages * PAGE, MADV_NOHUGEPAGE);
	counter(); /* its own pages are there now */
	if (!strcmp(how, "fork"))
		touch(memory, pages, 1);
	before = counter();
	if (!strncmp(how, "read", 4))
		touch(memory, pages, 0);
	if (strstr(how, "write"))
		touch(memory, pages, 1);
	if (!strcmp(how, "fork")) {
		if (fork() == 0) {
			touch(memory, pages, 1);
			_exit(0);
		}
		wait(NULL);
	}
	printf("%ld\n", counter() - before);
	return 0;
}
