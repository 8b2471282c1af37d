/* SPDX-License-Identifier: MIT */
/*
 * demand.c - how many pages a fault brings, and who may say that it be one
 *
 * A kernel may give a program that writes page after page more than it asked
 * for (larger folios on Linux, pages cleared ahead here: kernel/mm/fault.c);
 * MADV_NOHUGEPAGE, MADV_RANDOM and PR_SET_THP_DISABLE ask for one at a fault.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

#define PAGE  4096UL
#define PAGES 256UL /* less than a huge page of Linux, however it is aligned */

static char *map(void)
{
	char *p = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		exit(1);
	return p;
}

static void unmap(char *p)
{
	munmap(p, PAGES * PAGE);
}

static long faults(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_minflt;
}

/* Write to pages @from to @to - 1 of @p in order: so many faults. */
static long write_run(volatile char *p, unsigned long from, unsigned long to)
{
	long before = faults();

	for (unsigned long i = from; i < to; i++)
		p[i * PAGE + i % PAGE] = (char)i;
	return faults() - before;
}

static unsigned long resident(char *p)
{
	unsigned char vec[PAGES];
	unsigned long count = 0;

	if (mincore(p, PAGES * PAGE, vec))
		return ~0UL;
	for (unsigned long i = 0; i < PAGES; i++)
		count += vec[i] & 1;
	return count;
}

static bool contents_are_right(const char *p, unsigned long written)
{
	for (unsigned long i = 0; i < PAGES; i++) {
		for (unsigned long j = 0; j < PAGE; j++) {
			char expected =
				i < written && j == i % PAGE ? (char)i : 0;

			if (p[i * PAGE + j] != expected)
				return false;
		}
	}
	return true;
}

/* ---- Without advice ------------------------------------------------------------------- */

static void test_default(void)
{
	char *p = map();
	long count;

	check(resident(p) == 0, "nothing is there that was not touched");
	count = write_run(p, 0, 8);
	check(count == 8 && resident(p) == 8,
	      "8 pages in order: one fault each (%ld)", count);
	count = write_run(p, 8, 200);
	check(count <= 192 && resident(p) >= 200 && resident(p) <= PAGES,
	      "192 more: no more faults than pages (%ld, %lu there)", count,
	      resident(p));
	check(contents_are_right(p, 200),
	      "all other bytes are 0, ahead of what was written too");
	unmap(p);

	p = map();
	count = 0;
	for (unsigned long i = 0; i < 100; i++)
		count += write_run(p, i * 37 % PAGES, i * 37 % PAGES + 1);
	check(count == 100 && resident(p) == 100,
	      "100 pages here and there: one fault each (%ld)", count);
	unmap(p);
}

/* A child's pages are its own, also those cleared ahead before the fork. */
static void test_fork(void)
{
	char *p = map();
	int status = -1;

	write_run(p, 0, 100);
	if (fork() == 0) {
		write_run(p, 100, 150);
		_exit(contents_are_right(p, 150) ? 0 : 1);
	}
	wait(&status);
	check(status == 0 && contents_are_right(p, 100),
	      "a run goes on in a child of fork, unseen by its parent");
	write_run(p, 100, PAGES);
	check(contents_are_right(p, PAGES), "and in the parent");
	unmap(p);
}

static void test_kernel_writes(void)
{
	static char buf[100 * PAGE];
	int fd[2];
	char *p = map();
	bool right = true;

	if (pipe(fd))
		exit(1);
	for (unsigned long i = 0; i < 100; i++) {
		memset(buf, (int)i, PAGE);
		right = right && write(fd[1], buf, PAGE) == (ssize_t)PAGE &&
			read(fd[0], p + i * PAGE, PAGE) == (ssize_t)PAGE;
	}
	for (unsigned long i = 0; i < 100; i++)
		right = right && p[i * PAGE] == (char)i &&
			p[i * PAGE + PAGE - 1] == (char)i;
	check(right && p[100 * PAGE] == 0,
	      "read() into fresh memory, in order");
	close(fd[0]);
	close(fd[1]);
	unmap(p);
}

/* ---- madvise ---------------------------------------------------------------------------- */

static void test_advice(int advice, int opposite, const char *name)
{
	char *p = map();
	long count;

	check(madvise(p, PAGES * PAGE, advice) == 0, "%s", name);
	count = write_run(p, 0, 200);
	check(count == 200 && resident(p) == 200,
	      "200 pages in order: 200 faults (%ld, %lu there)", count,
	      resident(p));
	check(madvise(p, PAGES * PAGE, opposite) == 0, "may be taken back");
	count = write_run(p, 200, PAGES);
	check(count <= (long)(PAGES - 200) && contents_are_right(p, PAGES),
	      "then there may be fewer (%ld)", count);
	unmap(p);
}

/* Of /proc/self/smaps: has the area that holds @p flag @name? And its pages. */
static bool has_flag(const char *p, const char *name, unsigned long *pages)
{
	FILE *f = fopen("/proc/self/smaps", "r");
	char line[512];
	bool here = false, found = false;

	*pages = 0;
	while (f && fgets(line, sizeof(line), f)) {
		unsigned long start, end;

		if (sscanf(line, "%lx-%lx ", &start, &end) == 2) {
			here = (unsigned long)p >= start &&
			       (unsigned long)p < end;
			if (here)
				*pages = (end - start) / PAGE;
		} else if (here && strncmp(line, "VmFlags:", 8) == 0) {
			found = strstr(line, name);
		}
	}
	if (f)
		fclose(f);
	return found;
}

static void test_areas(void)
{
	/* Others at both ends, so that it has no neighbour to become one with. */
	char *all = mmap(NULL, 12 * PAGE, PROT_NONE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *p = all + PAGE;
	unsigned long pages;

	if (all == MAP_FAILED || mprotect(p, 10 * PAGE, PROT_READ | PROT_WRITE))
		exit(1);
	check(!has_flag(p, " nh", &pages) && pages == 10,
	      "an area of 10 pages");
	madvise(p + 4 * PAGE, 2 * PAGE, MADV_NOHUGEPAGE);
	check(has_flag(p + 5 * PAGE, " nh", &pages) && pages == 2 &&
		      !has_flag(p, " nh", &pages) && pages == 4,
	      "advice for 2 of them parts it in three");
	madvise(p, 10 * PAGE, MADV_NOHUGEPAGE);
	check(has_flag(p, " nh", &pages) && pages == 10,
	      "advice for all makes it one again");
	madvise(p, 10 * PAGE, MADV_HUGEPAGE);
	check(has_flag(p, " hg", &pages) && !has_flag(p, " nh", &pages),
	      "MADV_HUGEPAGE undoes MADV_NOHUGEPAGE");
	madvise(p, 10 * PAGE, MADV_RANDOM);
	check(has_flag(p, " rr", &pages) && has_flag(p, " hg", &pages),
	      "MADV_RANDOM is another thing");
	madvise(p, 10 * PAGE, MADV_SEQUENTIAL);
	check(has_flag(p, " sr", &pages) && !has_flag(p, " rr", &pages),
	      "MADV_SEQUENTIAL undoes it");
	madvise(p, 10 * PAGE, MADV_NORMAL);
	check(!has_flag(p, " sr", &pages) && !has_flag(p, " rr", &pages) &&
		      pages == 10,
	      "MADV_NORMAL undoes both");
	munmap(all, 12 * PAGE);
}

/* ---- prctl -------------------------------------------------------------------------------- */

static int disabled(void)
{
	return prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0);
}

/* THP_enabled of /proc/self/status; -1: there is no such line. */
static int enabled(void)
{
	FILE *f = fopen("/proc/self/status", "r");
	char line[256];
	int value = -1;

	while (f && fgets(line, sizeof(line), f))
		sscanf(line, "THP_enabled: %d", &value);
	if (f)
		fclose(f);
	return value;
}

/* What a child of fork answers; with @exec: this program, run anew. */
static int asked_in_child(bool exec)
{
	int status = -1;

	if (fork() == 0) {
		if (exec)
			execl("/proc/self/exe", "demand", "disabled", NULL);
		_exit(disabled());
	}
	wait(&status);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void test_prctl(void)
{
	char *p = map();
	long count;

	check(disabled() == 0 && enabled() == 1, "PR_GET_THP_DISABLE: 0");
	check(prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0) == 0 && disabled() == 1 &&
		      enabled() == 0,
	      "PR_SET_THP_DISABLE");
	count = write_run(p, 0, 200);
	check(count == 200 && resident(p) == 200,
	      "200 pages in order: 200 faults (%ld)", count);
	madvise(p, PAGES * PAGE, MADV_HUGEPAGE);
	count = write_run(p, 200, PAGES);
	check(count == (long)PAGES - 200, "whatever the area was advised (%ld)",
	      count);
	check(asked_in_child(false) == 1, "a child of fork inherits it");
	check(asked_in_child(true) == 1, "and what it then runs");
	check(prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0) == 0 && disabled() == 0 &&
		      enabled() == 1 && asked_in_child(true) == 0,
	      "may be taken back");
	check(prctl(PR_GET_THP_DISABLE, 1, 0, 0, 0) == -1 && errno == EINVAL,
	      "PR_GET_THP_DISABLE has no arguments");
	check(prctl(PR_SET_THP_DISABLE, 1, 0, 0, 1) == -1 && errno == EINVAL &&
		      disabled() == 0,
	      "PR_SET_THP_DISABLE has no others");
	unmap(p);
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "disabled") == 0)
		return disabled();
	faults(); /* what this needs is there now */
	test_default();
	test_fork();
	test_kernel_writes();
	test_advice(MADV_NOHUGEPAGE, MADV_HUGEPAGE, "MADV_NOHUGEPAGE");
	test_advice(MADV_RANDOM, MADV_NORMAL, "MADV_RANDOM");
	test_areas();
	test_prctl();
	return check_status();
}
