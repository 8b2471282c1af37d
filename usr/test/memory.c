/* SPDX-License-Identifier: MIT */
/*
 * memory.c - what mmap, munmap, mprotect, mremap, brk, madvise and their kin
 * promise (mmap(2) and the other manual pages), errors included
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

#define PAGE 4096UL
#define RW   (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_READ  22
#define MADV_POPULATE_WRITE 23
#endif

static sigjmp_buf escape;
static volatile int caught, caught_code;

static void on_fault(int signo, siginfo_t *info, void *context)
{
	(void)context;
	caught = signo;
	caught_code = info->si_code;
	siglongjmp(escape, 1);
}

/* The signal that reading (or writing) one byte gives; 0: none. */
static int touch(volatile char *p, bool write)
{
	caught = 0;
	if (sigsetjmp(escape, 1) == 0) {
		if (write)
			*p = 1;
		else
			(void)*p;
	}
	return caught;
}

static char *map(size_t pages, int prot, int flags)
{
	return mmap(NULL, pages * PAGE, prot, flags, -1, 0);
}

/* A file of @pages pages, page i full of 'a' + i. */
static int make_file(size_t pages)
{
	char name[] = "/tmp/memory-XXXXXX", text[PAGE];
	int fd = mkstemp(name);

	unlink(name);
	for (size_t i = 0; i < pages; i++) {
		memset(text, 'a' + (int)i, sizeof(text));
		if (write(fd, text, sizeof(text)) != (ssize_t)sizeof(text))
			exit(2);
	}
	return fd;
}

/* The call failed, with this error. */
static void fails(long result, int expected, const char *name)
{
	int found = errno;

	check(result == -1 && found == expected, "%s: %s", name,
	      result == -1 ? strerror(found) : "no error");
}

static long mmap_call(void *at, size_t size, int prot, int flags, int fd,
		      off_t offset)
{
	return syscall(SYS_mmap, at, size, prot, flags, fd, offset);
}

/* ---- mmap ------------------------------------------------------------------------ */

static void test_mmap_errors(void)
{
	char *page = map(1, RW, ANON);
	int read_only = open("/proc/self/exe", O_RDONLY);
	int fd = make_file(1);
	int write_only = open("/dev/null", O_WRONLY);

	fails(mmap_call(NULL, 0, RW, ANON, -1, 0), EINVAL, "size 0");
	fails(mmap_call(NULL, PAGE, RW, MAP_ANONYMOUS, -1, 0), EINVAL,
	      "neither shared nor private");
	fails(mmap_call(NULL, PAGE, RW, MAP_PRIVATE, -1, 0), EBADF, "fd -1");
	fails(mmap_call(NULL, PAGE, RW, MAP_PRIVATE, fd, 5), EINVAL,
	      "offset not aligned");
	fails(mmap_call(NULL, PAGE, RW, MAP_SHARED, read_only, 0), EACCES,
	      "shared write, file read-only");
	fails(mmap_call(NULL, PAGE, PROT_READ, MAP_PRIVATE, write_only, 0),
	      EACCES, "file write-only");
	fails(mmap_call(NULL, SIZE_MAX - PAGE, RW, ANON, -1, 0), ENOMEM,
	      "more than the address space");
	fails(mmap_call(page + 1, PAGE, RW, ANON | MAP_FIXED, -1, 0), EINVAL,
	      "fixed, not aligned");
	fails(mmap_call((void *)(~0UL << 20), PAGE, RW, ANON | MAP_FIXED, -1,
			0),
	      ENOMEM, "fixed, in the kernel's half");
	fails(mmap_call(page, PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0),
	      EEXIST, "no-replace, taken");
	check((char *)mmap_call(page + 1, PAGE, RW, ANON, -1, 0) != MAP_FAILED,
	      "a hint need not be aligned");
	check(mmap_call(NULL, PAGE, PROT_READ, MAP_PRIVATE, read_only, 0) != -1,
	      "private read of a read-only file");
	check(mmap_call(NULL, PAGE, RW, MAP_PRIVATE, read_only, 0) != -1,
	      "private write of a read-only file");
	close(fd);
	close(read_only);
	close(write_only);
}

static void test_anonymous(void)
{
	char *p = map(4, RW, ANON), *q;

	check(p[0] == 0 && p[3 * PAGE] == 0, "anonymous memory is zero");
	p[PAGE] = 7;
	q = mmap(p, PAGE * 2, RW, ANON | MAP_FIXED, -1, 0);
	check(q == p && p[PAGE] == 0, "MAP_FIXED replaces");
	check(munmap(p + PAGE, PAGE) == 0, "a hole can be cut");
	check(touch(p + PAGE, false) == SIGSEGV && caught_code == SEGV_MAPERR,
	      "the hole is SEGV_MAPERR");
	check(touch(p, true) == 0 && touch(p + 2 * PAGE, true) == 0,
	      "what is around it stays");
	q = mmap(p + PAGE, PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0);
	check(q == p + PAGE, "no-replace takes a hole");
	check(munmap(p, 4 * PAGE) == 0 && munmap(p, 4 * PAGE) == 0,
	      "munmap of nothing is no error");
	fails(munmap(p + 1, PAGE), EINVAL, "munmap, not aligned");
	fails(munmap(p, 0), EINVAL, "munmap, size 0");
	q = mmap(p, PAGE, RW, ANON, -1, 0);
	check(q == p, "a free hint is honoured");
}

static void test_huge_reservation(void)
{
	char *p =
		mmap(NULL, 64UL << 30, PROT_NONE, ANON | MAP_NORESERVE, -1, 0);

	check(p != MAP_FAILED, "64 GiB of PROT_NONE can be reserved");
	check(mprotect(p + (1UL << 30), PAGE, RW) == 0 &&
		      touch(p + (1UL << 30), true) == 0,
	      "a page of it can be used");
	check(touch(p, false) == SIGSEGV && caught_code == SEGV_ACCERR,
	      "the rest is SEGV_ACCERR");
	munmap(p, 64UL << 30);
	fails(mmap_call(NULL, 100UL << 30, RW, ANON, -1, 0), ENOMEM,
	      "obvious overcommit is refused");
}

static void test_shared_anonymous(void)
{
	int *p = (int *)(void *)map(2, RW, MAP_SHARED | MAP_ANONYMOUS);
	int *q = (int *)(void *)map(1, RW, ANON);
	pid_t child;

	*p = 1;
	*q = 1;
	child = fork();
	if (child == 0) {
		*p = 2;
		*q = 2;
		p[PAGE / sizeof(int)] = 3;
		_exit(*q);
	}
	waitpid(child, NULL, 0);
	check(*p == 2, "shared memory is shared with a child");
	check(p[PAGE / sizeof(int)] == 3, "also what was untouched at fork");
	check(*q == 1, "private memory is not");
}

static void test_copy_on_write(void)
{
	size_t pages = 64, wrong = 0;
	char *p = map(pages, RW, ANON);
	int status;
	pid_t child;

	for (size_t i = 0; i < pages; i++)
		p[i * PAGE] = (char)i;
	child = fork();
	if (child == 0) {
		for (size_t i = 0; i < pages; i++) {
			if (p[i * PAGE] != (char)i)
				_exit(1);
			p[i * PAGE] = 99;
		}
		/* A grandchild sees our changes. */
		if (fork() == 0)
			_exit(p[5 * PAGE] == 99 ? 0 : 1);
		wait(&status);
		_exit(status ? 1 : 0);
	}
	for (size_t i = 0; i < pages; i += 2)
		p[i * PAGE] = 50;
	waitpid(child, &status, 0);
	for (size_t i = 0; i < pages; i++)
		wrong += p[i * PAGE] != (i % 2 ? (char)i : 50);
	check(status == 0 && wrong == 0, "fork copies on write, both ways");
}

/* ---- Files --------------------------------------------------------------------------- */

static void test_file(void)
{
	int fd = make_file(4);
	char *shared = mmap(NULL, 4 * PAGE, RW, MAP_SHARED, fd, 0);
	char *private = mmap(NULL, 4 * PAGE, RW, MAP_PRIVATE, fd, 0);
	char *second = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, PAGE);
	char byte;

	check(shared[0] == 'a' && private[3 * PAGE] == 'd' && *second == 'b',
	      "a mapping shows the file");
	shared[PAGE] = 'X';
	check(*second == 'X' && private[PAGE] == 'X',
	      "a shared write is seen by all mappings");
	check(pread(fd, &byte, 1, PAGE) == 1 && byte == 'X', "and by read()");
	private[PAGE] = 'Y';
	check(shared[PAGE] == 'X', "a private write by none");
	check(pwrite(fd, "Z", 1, 2 * PAGE + 5) == 1 &&
		      shared[2 * PAGE + 5] == 'Z',
	      "write() is seen by mappings");
	shared[PAGE] = 'W';
	check(private[PAGE] == 'Y', "a private copy stays what it is");
	check(msync(shared, 4 * PAGE, MS_SYNC) == 0, "msync");
	check(write(fd, shared, 100) == 100, "write() from a mapping of it");
	check(pread(fd, shared + PAGE, PAGE, 0) == (ssize_t)PAGE &&
		      shared[PAGE] == 'a',
	      "read() into a mapping of it");
	munmap(second, PAGE);
	close(fd);
	check(shared[0] == 'a', "a mapping outlives the descriptor");
	munmap(shared, 4 * PAGE);
	munmap(private, 4 * PAGE);
}

static void test_end_of_file(void)
{
	int fd = make_file(2);
	char *p = mmap(NULL, 4 * PAGE, RW, MAP_SHARED, fd, 0);
	char byte = 1;

	check(touch(p + 2 * PAGE, false) == SIGBUS && caught_code == BUS_ADRERR,
	      "past the end: SIGBUS");
	p[PAGE + 100] = 'x';
	check(ftruncate(fd, PAGE + 50) == 0, "truncate");
	check(p[PAGE + 100] == 0, "the rest of the last page is zero");
	check(ftruncate(fd, PAGE) == 0 && touch(p + PAGE, false) == SIGBUS,
	      "a truncated page is gone");
	check(ftruncate(fd, 4 * PAGE) == 0 && p[3 * PAGE] == 0 && p[PAGE] == 0,
	      "a grown file shows zeros");
	p[3 * PAGE] = 'q';
	check(pread(fd, &byte, 1, 3 * PAGE) == 1 && byte == 'q',
	      "and can be written");
	check(ftruncate(fd, 0) == 0, "truncate to nothing");
	fails(write(STDOUT_FILENO, p, 1), EFAULT, "a call that meets the end");
	munmap(p, 4 * PAGE);
	close(fd);
}

/* ---- fork, and a truncation at the same time ----------------------------------------------- */

#define FORK_ROUNDS 200u
#define FORK_PAGES  16L

static void run_on(int hart)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(hart, &set);
	sched_setaffinity(0, sizeof(set), &set); /* if there is such a one */
}

static void wait_until(const unsigned int *word, unsigned int value)
{
	while (__atomic_load_n(word, __ATOMIC_ACQUIRE) != value)
		sched_yield();
}

static void truncate_when_told(int fd, unsigned int *go, unsigned int *done)
{
	run_on(1);
	for (unsigned int i = 1; i <= FORK_ROUNDS; i++) {
		wait_until(go, i);
		/* A little later each time. */
		for (volatile unsigned int j = 0; j < i * 50; j++)
			continue;
		if (ftruncate(fd, 0))
			_exit(1);
		__atomic_store_n(done, i, __ATOMIC_RELEASE);
	}
	_exit(0);
}

/* A child of fork; true if none of the pages is left once they are cut off. */
static bool child_loses(char *p, const unsigned int *done, unsigned int round)
{
	int status;
	pid_t child = fork();

	if (!child) {
		wait_until(done, round);
		for (long i = 0; i < FORK_PAGES; i++) {
			if (touch(p + i * PAGE, false) != SIGBUS)
				_exit(1);
		}
		_exit(0);
	}
	return waitpid(child, &status, 0) == child && status == 0;
}

/*
 * A truncation takes the private copies of the pages, too, the child's as well
 * as the parent's, wherever the copying is at that moment.
 */
static void test_truncate_while_forking(void)
{
	unsigned int *words = (void *)map(1, RW, MAP_SHARED | MAP_ANONYMOUS);
	unsigned int lost = 0;
	int fd = make_file(FORK_PAGES);
	/* The file's areas are from two harts, ours is not from where we fork. */
	char *other = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0), *p;
	cpu_set_t all;
	pid_t cutter;

	sched_getaffinity(0, sizeof(all), &all);
	run_on(1);
	p = mmap(NULL, FORK_PAGES * PAGE, RW, MAP_PRIVATE, fd, 0);
	cutter = fork();
	if (!cutter)
		truncate_when_told(fd, &words[0], &words[1]);
	run_on(0);
	for (unsigned int round = 1; round <= FORK_ROUNDS; round++) {
		if (ftruncate(fd, FORK_PAGES * PAGE))
			break;
		for (long i = 0; i < FORK_PAGES; i++)
			p[i * PAGE] = 'x';
		__atomic_store_n(&words[0], round, __ATOMIC_RELEASE);
		lost += child_loses(p, &words[1], round);
		wait_until(&words[1], round);
	}
	check(lost == FORK_ROUNDS, "a page cut off during fork is in no child");
	waitpid(cutter, NULL, 0);
	sched_setaffinity(0, sizeof(all), &all);
	munmap(other, PAGE);
	munmap(p, FORK_PAGES * PAGE);
	munmap(words, PAGE);
	close(fd);
}

/* ---- mprotect ---------------------------------------------------------------------------- */

static void test_mprotect(void)
{
	int fd = make_file(1), read_only = open("/proc/self/exe", O_RDONLY);
	char *p = map(3, RW, ANON), *q;

	p[PAGE] = 5;
	check(mprotect(p + PAGE, PAGE, PROT_READ) == 0 &&
		      touch(p + PAGE, true) == SIGSEGV &&
		      caught_code == SEGV_ACCERR && p[PAGE] == 5,
	      "read-only refuses writes");
	check(mprotect(p + PAGE, PAGE, PROT_NONE) == 0 &&
		      touch(p + PAGE, false) == SIGSEGV,
	      "PROT_NONE refuses reads");
	check(mprotect(p, 3 * PAGE, RW) == 0 && p[PAGE] == 5 &&
		      touch(p + PAGE, true) == 0,
	      "rights come back, contents too");
	munmap(p + PAGE, PAGE);
	fails(mprotect(p, 3 * PAGE, PROT_READ), ENOMEM, "mprotect over a hole");
	check(touch(p, true) == SIGSEGV, "what is before the hole was changed");
	fails(mprotect(p + 1, PAGE, RW), EINVAL, "mprotect, not aligned");
	fails(mprotect(p, PAGE, 0x100), EINVAL, "mprotect, unknown right");
	check(mprotect(p, 0, RW) == 0, "mprotect of nothing");
	q = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, read_only, 0);
	fails(mprotect(q, PAGE, RW), EACCES,
	      "no writing to a file that is open for reading");
	q = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
	check(mprotect(q, PAGE, RW) == 0 && touch(q, true) == 0,
	      "but to one open for both");
	close(fd);
	close(read_only);
}

/* ---- mremap ------------------------------------------------------------------------------- */

static void test_mremap(void)
{
	int fd = make_file(4);
	char *p = map(8, RW, ANON), *q;

	munmap(p + 4 * PAGE, 4 * PAGE);
	p[0] = 1;
	p[3 * PAGE] = 4;
	q = mremap(p, 4 * PAGE, 6 * PAGE, 0);
	check(q == p && q[5 * PAGE] == 0 && q[3 * PAGE] == 4,
	      "mremap grows in place");
	q = mremap(p, 6 * PAGE, 2 * PAGE, 0);
	check(q == p && touch(p + 2 * PAGE, false) == SIGSEGV,
	      "mremap shrinks");
	p[PAGE] = 2;
	mmap(p + 2 * PAGE, PAGE, PROT_READ, ANON | MAP_FIXED, -1, 0);
	q = mremap(p, 2 * PAGE, 3 * PAGE, 0);
	fails((long)q, ENOMEM, "no room to grow in place");
	q = mremap(p, 2 * PAGE, 3 * PAGE, MREMAP_MAYMOVE);
	check(q != MAP_FAILED && q != p && q[0] == 1 && q[PAGE] == 2 &&
		      q[2 * PAGE] == 0,
	      "mremap moves the contents");
	check(touch(p, false) == SIGSEGV, "nothing is left behind");
	p = map(3, RW, ANON);
	p[0] = 9;
	check(mremap(q, 3 * PAGE, 3 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, p) ==
			      p &&
		      p[PAGE] == 2 && p[0] == 1,
	      "MREMAP_FIXED replaces");
	fails((long)mremap(p, PAGE, 0, 0), EINVAL, "mremap to nothing");
	fails((long)mremap(p + 1, PAGE, PAGE, 0), EINVAL,
	      "mremap, not aligned");
	fails((long)mremap(p, PAGE, PAGE, 64), EINVAL, "mremap, unknown flag");
	munmap(p, 3 * PAGE);
	fails((long)mremap(p, PAGE, 2 * PAGE, MREMAP_MAYMOVE), EFAULT,
	      "mremap of nothing");
	p = mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0);
	q = mremap(p, PAGE, 4 * PAGE, MREMAP_MAYMOVE);
	check(q != MAP_FAILED && q[3 * PAGE] == 'd',
	      "a grown file mapping shows more of the file");
	p = mremap(q, 0, PAGE, MREMAP_MAYMOVE);
	check(p != MAP_FAILED && p != q && (*p = 'k') && *q == 'k',
	      "old size 0 maps shared memory once more");
	close(fd);
}

/* ---- brk ------------------------------------------------------------------------------------ */

static void test_brk(void)
{
	char *start = (char *)syscall(SYS_brk, 0);
	char *end = start + 10 * PAGE;

	check((char *)syscall(SYS_brk, end) == end && touch(end - 1, true) == 0,
	      "the break moves up");
	end[-1] = 5;
	check((char *)syscall(SYS_brk, start) == start, "the break moves down");
	check((char *)syscall(SYS_brk, end) == end && end[-1] == 0,
	      "memory comes back cleared");
	check((char *)syscall(SYS_brk, 1) == end, "below its start: unchanged");
	check((char *)syscall(SYS_brk, ~0UL) == end,
	      "out of bounds: unchanged");
	syscall(SYS_brk, start);
}

/* ---- madvise --------------------------------------------------------------------------------- */

static void test_madvise(void)
{
	int fd = make_file(2), status;
	char *p = map(4, RW, ANON);
	char *f = mmap(NULL, 2 * PAGE, RW, MAP_PRIVATE, fd, 0);
	pid_t child;

	p[0] = p[PAGE] = 1;
	check(madvise(p, PAGE, MADV_DONTNEED) == 0 && p[0] == 0 && p[PAGE] == 1,
	      "MADV_DONTNEED clears anonymous memory");
	f[0] = 'z';
	check(madvise(f, PAGE, MADV_DONTNEED) == 0 && f[0] == 'a',
	      "MADV_DONTNEED brings the file back");
	p[0] = p[PAGE] = p[2 * PAGE] = 1;
	check(madvise(p, PAGE, MADV_DONTFORK) == 0 &&
		      madvise(p + PAGE, PAGE, MADV_WIPEONFORK) == 0,
	      "MADV_DONTFORK, MADV_WIPEONFORK");
	child = fork();
	if (child == 0) {
		_exit(touch(p, false) == SIGSEGV && p[PAGE] == 0 &&
				      p[2 * PAGE] == 1
			      ? 0
			      : 1);
	}
	waitpid(child, &status, 0);
	check(status == 0, "are heeded by fork");
	check(madvise(p, PAGE, MADV_DOFORK) == 0, "MADV_DOFORK");
	check(madvise(p, PAGE, MADV_FREE) == 0, "MADV_FREE");
	fails(madvise(f, PAGE, MADV_FREE), EINVAL, "MADV_FREE of a file");
	fails(madvise(p, PAGE, 12345), EINVAL, "unknown advice");
	fails(madvise(p + 1, PAGE, MADV_NORMAL), EINVAL,
	      "madvise, not aligned");
	check(madvise(p, 4 * PAGE, MADV_RANDOM) == 0 &&
		      madvise(p, 4 * PAGE, MADV_WILLNEED) == 0 &&
		      madvise(p, 4 * PAGE, MADV_DONTDUMP) == 0,
	      "advice about speed");
	munmap(p + PAGE, PAGE);
	p[2 * PAGE] = 1;
	fails(madvise(p, 3 * PAGE, MADV_DONTNEED), ENOMEM,
	      "madvise over a hole");
	check(p[2 * PAGE] == 0, "goes on behind it");
	check(madvise(p + 2 * PAGE, 2 * PAGE, MADV_POPULATE_WRITE) == 0,
	      "MADV_POPULATE_WRITE");
	close(fd);
}

/* ---- The rest ---------------------------------------------------------------------------------- */

static void test_mincore(void)
{
	char *p = map(4, RW, ANON);
	unsigned char vec[4] = { 9, 9, 9, 9 };

	p[PAGE] = 1;
	check(mincore(p, 4 * PAGE, vec) == 0 && !(vec[0] & 1) && (vec[1] & 1) &&
		      !(vec[3] & 1),
	      "mincore tells what is there");
	fails(mincore(p + 1, PAGE, vec), EINVAL, "mincore, not aligned");
	fails(mincore(p, PAGE, (unsigned char *)8), EFAULT,
	      "mincore, bad vector");
	munmap(p + PAGE, PAGE);
	fails(mincore(p, 2 * PAGE, vec), ENOMEM, "mincore over a hole");
}

static void test_mlock(void)
{
	char *p = map(4, RW, ANON);
	unsigned char vec[1] = { 0 };

	check(mlock(p, PAGE) == 0 && mincore(p, PAGE, vec) == 0 && (vec[0] & 1),
	      "mlock brings memory in");
	fails(madvise(p, PAGE, MADV_DONTNEED), EINVAL,
	      "locked memory is needed");
	check(munlock(p, PAGE) == 0, "munlock");
	munmap(p + PAGE, PAGE);
	fails(mlock(p, 3 * PAGE), ENOMEM, "mlock over a hole");
	fails(mlockall(0), EINVAL, "mlockall of nothing");
	munlockall();
}

static void test_msync(void)
{
	char *p = map(3, RW, ANON);

	fails(msync(p + 1, PAGE, MS_SYNC), EINVAL, "msync, not aligned");
	fails(msync(p, PAGE, MS_SYNC | MS_ASYNC), EINVAL, "msync, both ways");
	fails(msync(p, PAGE, 64), EINVAL, "msync, unknown flag");
	munmap(p + PAGE, PAGE);
	fails(msync(p, 3 * PAGE, MS_SYNC), ENOMEM, "msync over a hole");
	check(msync(p, PAGE, MS_SYNC) == 0, "msync of anonymous memory");
}

static void test_limits(void)
{
	struct rlimit old, low;
	char *p;

	getrlimit(RLIMIT_AS, &old);
	low = old;
	low.rlim_cur = 64UL << 20;
	setrlimit(RLIMIT_AS, &low);
	p = mmap(NULL, 128UL << 20, RW, ANON, -1, 0);
	fails((long)p, ENOMEM, "RLIMIT_AS");
	setrlimit(RLIMIT_AS, &old);
}

static void test_process_vm(void)
{
	char here[32] = "", there[32] = "in another process", more[8] = "";
	struct iovec local[2] = { { here, 6 }, { more, 5 } };
	struct iovec remote = { there + 3, 20 };
	int ready[2], done[2], status;
	pid_t child;

	if (pipe(ready) || pipe(done))
		exit(2);
	child = fork();
	if (child == 0) {
		char byte;

		strcpy(there, "in a child's memory");
		if (write(ready[1], "r", 1) != 1 || read(done[0], &byte, 1) < 0)
			_exit(1);
		_exit(strcmp(there, "in THE PARENT wrote") ? 1 : 0);
	}
	if (read(ready[0], here, 1) != 1)
		exit(2);
	check(process_vm_readv(child, local, 2, &remote, 1, 0) == 11 &&
		      !memcmp(here, "a chil", 6) && !memcmp(more, "d's m", 5),
	      "process_vm_readv");
	local[0].iov_base = (char[]){ "THE PARENT wrote" };
	local[0].iov_len = 16;
	remote.iov_len = 16;
	check(process_vm_writev(child, local, 1, &remote, 1, 0) == 16,
	      "process_vm_writev");
	remote.iov_base = (void *)16;
	fails(process_vm_readv(child, local, 1, &remote, 1, 0), EFAULT,
	      "process_vm_readv, bad address");
	if (write(done[1], "d", 1) != 1)
		exit(2);
	waitpid(child, &status, 0);
	check(status == 0, "the child sees what was written");
	fails(process_vm_readv(child, local, 1, &remote, 1, 0), ESRCH,
	      "process_vm_readv, nobody there");
}

static void test_membarrier(void)
{
	long known = syscall(SYS_membarrier, 0, 0, 0);

	check(known > 0, "membarrier says what it knows");
	fails(syscall(SYS_membarrier, 12345, 0, 0), EINVAL,
	      "membarrier, unknown command");
	fails(syscall(SYS_membarrier, 8, 0, 0), EPERM,
	      "membarrier, not registered");
	check(syscall(SYS_membarrier, 16, 0, 0) == 0 &&
		      syscall(SYS_membarrier, 8, 0, 0) == 0,
	      "membarrier, registered");
}

/* Grow the stack by recursion; the depth keeps the compiler from unrolling. */
static int use_stack(int depth)
{
	volatile char frame[8192];

	frame[0] = (char)depth;
	frame[8191] = (char)depth;
	return depth == 0 ? 0 : use_stack(depth - 1) + frame[0] - frame[8191];
}

static void test_stack(void)
{
	check(use_stack(500) == 0, "the stack grows by 4 MiB");
}

int main(void)
{
	struct sigaction action = { .sa_sigaction = on_fault,
				    .sa_flags = SA_SIGINFO };

	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
	test_mmap_errors();
	test_anonymous();
	test_huge_reservation();
	test_shared_anonymous();
	test_copy_on_write();
	test_file();
	test_end_of_file();
	test_truncate_while_forking();
	test_mprotect();
	test_mremap();
	test_brk();
	test_madvise();
	test_mincore();
	test_mlock();
	test_msync();
	test_limits();
	test_process_vm();
	test_membarrier();
	test_stack();
	return check_status();
}
