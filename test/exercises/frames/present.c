/* SPDX-License-Identifier: MIT */
/*
 * present.c - touch pages, and ask /proc/PID/frames what became of them
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE  4096ul
#define PAGES 8

struct frame {
	unsigned long pa;
	char rights[8];
};

/* 1 if @va of process @pid is present. */
static int find(int pid, void *va, struct frame *out)
{
	unsigned long line_va;
	char name[64];
	int found = 0;
	FILE *f;

	snprintf(name, sizeof(name), "/proc/%d/frames", pid);
	f = fopen(name, "r");
	if (!f) {
		perror(name);
		exit(1);
	}
	while (!found &&
	       fscanf(f, "%lx %lx %7s", &line_va, &out->pa, out->rights) == 3)
		found = line_va == (unsigned long)va;
	fclose(f);
	return found;
}

static char *map_pages(void)
{
	return mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void report(char *memory)
{
	struct frame frames[PAGES];
	int present = 0, distinct = 0, writable = 0;

	for (int i = 0; i < PAGES; i++) {
		int is_new = 1;

		if (!find(getpid(), memory + i * PAGE, &frames[present]))
			continue;
		for (int k = 0; k < present; k++)
			is_new &= frames[k].pa != frames[present].pa;
		distinct += is_new;
		writable += !strcmp(frames[present].rights, "rw-");
		present++;
	}
	printf("%d present, %d frames, %d rw-\n", present, distinct, writable);
}

static const char *compare(char *memory, char *rights)
{
	struct frame mine, parents;

	if (!find(getpid(), memory, &mine) ||
	    !find(getppid(), memory, &parents))
		return "missing";
	strcpy(rights, mine.rights);
	return mine.pa == parents.pa ? "same" : "other";
}

static void forked(char *memory)
{
	char before[8] = "", after[8] = "";
	const char *was, *is;

	memory[0] = 1;
	if (fork() == 0) {
		was = compare(memory, before);
		memory[0] = 2;
		is = compare(memory, after);
		printf("before: %s %s, after: %s %s\n", was, before, is, after);
		exit(0);
	}
	wait(NULL);
}

int main(int argc, char **argv)
{
	char *memory = map_pages();
	volatile char sum = 0;

	if (argc > 1 && !strcmp(argv[1], "touched")) {
		memory[0] = memory[2 * PAGE] = memory[7 * PAGE] = 1;
		report(memory);
	} else if (argc > 1 && !strcmp(argv[1], "zeros")) {
		for (int i = 0; i < 4; i++)
			sum += memory[i * PAGE];
		report(memory);
	} else {
		forked(memory);
	}
	return sum;
}
