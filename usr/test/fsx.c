/* SPDX-License-Identifier: MIT */
/*
 * fsx.c - one file, random operations, and a copy in memory that knows better
 *
 *	fsx [-n OPERATIONS] [-s SEED] [-l LARGEST] [-d] [-c N] FILE
 *
 * Idea: each operation is done to the file and to a plain array; whatever is
 * read is compared. Writes are numbered in their bytes, so that a wrong byte
 * tells which write it came from. The first difference ends it: the last
 * operations are printed, and what should have been there.
 *
 *	-d    some transfers with O_DIRECT
 *	-c N  every N operations the page cache is dropped (as root)
 *
 * Operations that the file system does not have (collapsing, inserting) are
 * tried once and then left out. The same seed gives the same operations.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <linux/falloc.h>

enum { PAGE = 4096, SECTOR = 512, LOG = 60, LARGEST = 1 << 20 };

static const char *name;
static int fd = -1, direct_fd = -1;
static long limit = 256 << 10; /* the file's largest size */
static unsigned char *good;    /* what is in the file */
static long size;              /* how much of it */
static unsigned char *buffer;  /* page aligned */
static uint64_t seed = 1;
static long number;
static char history[LOG][120];
static unsigned long checked;

/* ---- Random numbers (xorshift64*) ---- */

static uint32_t next(void)
{
	seed ^= seed >> 12;
	seed ^= seed << 25;
	seed ^= seed >> 27;
	return (uint32_t)((seed * 2685821657736338717ull) >> 32);
}

static long below(long n)
{
	return n > 0 ? (long)(next() % (unsigned long)n) : 0;
}

/* A place or a length: anywhere, but often at the edge of a page or block. */
static long place(long n)
{
	static const int edges[] = { 1024, 2048, PAGE, 16384 };
	long at = below(n);

	switch (below(4)) {
	case 0:
		at -= at % edges[below(4)];
		break;
	case 1:
		at = at - at % edges[below(4)] + below(5) - 2;
		break;
	}
	return at < 0 || n <= 0 ? 0 : at >= n ? n - 1 : at;
}

static long length(long most)
{
	long n = below(8) ? below(8 << 10) : below(64 << 10);

	if (!below(4))
		n = (n | (PAGE - 1)) + 1;
	return n > most ? (most > 0 ? most : 0) : n;
}

/* ---- What happened ---- */

__attribute__((format(printf, 1, 2))) static void note(const char *format, ...)
{
	char *line = history[number % LOG];
	int used = snprintf(line, 30, "%ld ", number);
	va_list args;

	va_start(args, format);
	vsnprintf(line + used, sizeof(history[0]) - (size_t)used, format, args);
	va_end(args);
}

__attribute__((format(printf, 1, 2))) static _Noreturn void
fail(const char *format, ...)
{
	va_list args;

	printf("the last operations:\n");
	for (long i = number - LOG + 1; i <= number; i++)
		if (i >= 0)
			printf("%s\n", history[i % LOG]);
	printf("not ok fsx: operation %ld: ", number);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf(" (%s)\nFAILED\n", strerror(errno));
	exit(1);
}

/* @got is what the file has at @at. */
static void compare(const unsigned char *got, long at, long n)
{
	long first = 0, last;

	checked += (unsigned long)n;
	if (!memcmp(got, good + at, (size_t)n))
		return;
	while (got[first] == good[at + first])
		first++;
	for (last = n - 1; got[last] == good[at + last]; last--)
		;
	fail("bytes %#lx to %#lx of %#lx differ: %02x instead of %02x, "
	     "... %02x instead of %02x",
	     at + first, at + last, size, got[first], good[at + first],
	     got[last], good[at + last]);
}

static void expect(bool holds, const char *what)
{
	if (!holds)
		fail("%s", what);
}

/* ---- The model ---- */

/* Bytes that tell the operation, and where they were meant for. */
static void fill(unsigned char *to, long at, long n)
{
	for (long i = 0; i < n; i++)
		to[i] = (unsigned char)((at + i) % 2 ? (at + i) >> 8 : number);
}

static void grow(long to)
{
	if (to > size)
		size = to;
}

static void set_size(long to)
{
	if (to < size)
		memset(good + to, 0, (size_t)(size - to));
	size = to;
}

/* ---- Operations ---- */

static void op_read(void)
{
	long at = place(size), n = length(size - at);

	note("read %#lx +%#lx", at, n);
	expect(pread(fd, buffer, (size_t)n, at) == n, "pread");
	compare(buffer, at, n);
}

static void op_write(void)
{
	long at = place(limit), n = length(limit - at);

	note("write %#lx +%#lx (size %#lx)", at, n, size);
	if (n <= 0)
		return;
	fill(buffer, at, n);
	expect(pwrite(fd, buffer, (size_t)n, at) == n, "pwrite");
	memcpy(good + at, buffer, (size_t)n);
	grow(at + n);
}

static void op_append(void)
{
	long n = length(limit - size);

	note("append %#lx +%#lx", size, n);
	fill(buffer, size, n);
	expect(lseek(fd, 0, SEEK_END) == size, "lseek to the end");
	expect(write(fd, buffer, (size_t)n) == n, "write");
	memcpy(good + size, buffer, (size_t)n);
	size += n;
}

static void op_map_read(void)
{
	long at = place(size), n = length(size - at), skip = at % PAGE;
	unsigned char *p;

	note("mapped read %#lx +%#lx", at, n);
	if (!n)
		return;
	p = mmap(NULL, (size_t)(n + skip), PROT_READ, MAP_SHARED, fd,
		 at - skip);
	expect(p != MAP_FAILED, "mmap");
	compare(p + skip, at, n);
	expect(!munmap(p, (size_t)(n + skip)), "munmap");
}

static void op_map_write(void)
{
	long at = place(size), n = length(size - at), skip = at % PAGE;
	int sync = below(4) == 0;
	unsigned char *p;

	note("mapped write %#lx +%#lx%s (size %#lx)", at, n,
	     sync ? " msync" : "", size);
	if (!n)
		return;
	p = mmap(NULL, (size_t)(n + skip), PROT_READ | PROT_WRITE, MAP_SHARED,
		 fd, at - skip);
	expect(p != MAP_FAILED, "mmap");
	fill(good + at, at, n);
	memcpy(p + skip, good + at, (size_t)n);
	if (sync)
		expect(!msync(p, (size_t)(n + skip), MS_SYNC), "msync");
	compare(p + skip, at, n);
	expect(!munmap(p, (size_t)(n + skip)), "munmap");
}

static void op_truncate(void)
{
	long to = below(3) ? place(size + 1) : place(limit + 1);

	note("truncate %#lx to %#lx", size, to);
	expect(below(2) ? !ftruncate(fd, to) : !truncate(name, to), "truncate");
	set_size(to);
}

static bool allocate(int mode, long at, long n, bool *has)
{
	if (!fallocate(fd, mode, at, n))
		return true;
	expect(errno == EOPNOTSUPP, "fallocate");
	*has = false;
	return false;
}

static void op_fallocate(void)
{
	static bool has = true;
	long at = place(limit), n = length(limit - at);
	int keep = below(2) ? FALLOC_FL_KEEP_SIZE : 0;

	note("fallocate%s %#lx +%#lx (size %#lx)", keep ? " keep" : "", at, n,
	     size);
	if (has && n && allocate(keep, at, n, &has) && !keep)
		grow(at + n);
}

static void clear(long at, long n)
{
	if (at < size)
		memset(good + at, 0, (size_t)(at + n > size ? size - at : n));
}

static void op_punch(void)
{
	static bool has = true;
	long at = place(limit), n = length(limit - at);

	note("punch %#lx +%#lx (size %#lx)", at, n, size);
	if (has && n &&
	    allocate(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at, n, &has))
		clear(at, n);
}

static void op_zero(void)
{
	static bool has = true;
	long at = place(limit), n = length(limit - at);
	int keep = below(2) ? FALLOC_FL_KEEP_SIZE : 0;

	note("zero%s %#lx +%#lx (size %#lx)", keep ? " keep" : "", at, n, size);
	if (!has || !n || !allocate(FALLOC_FL_ZERO_RANGE | keep, at, n, &has))
		return;
	clear(at, n);
	if (!keep)
		grow(at + n);
}

static void op_collapse(void)
{
	static bool has = true;
	long at = place(size), n = length(size - at);

	at -= at % PAGE;
	n -= n % PAGE;
	note("collapse %#lx +%#lx (size %#lx)", at, n, size);
	if (!has || n <= 0 || at + n >= size ||
	    !allocate(FALLOC_FL_COLLAPSE_RANGE, at, n, &has))
		return;
	memmove(good + at, good + at + n, (size_t)(size - at - n));
	set_size(size - n);
}

static void op_insert(void)
{
	static bool has = true;
	long at = place(size), n = length(limit - size);

	at -= at % PAGE;
	n -= n % PAGE;
	note("insert %#lx +%#lx (size %#lx)", at, n, size);
	if (!has || n <= 0 || at >= size ||
	    !allocate(FALLOC_FL_INSERT_RANGE, at, n, &has))
		return;
	memmove(good + at + n, good + at, (size_t)(size - at));
	memset(good + at, 0, (size_t)n);
	size += n;
}

static void op_copy(void)
{
	long from = place(size), n = length(size - from), to = place(limit);
	off_t in = from, out;

	if (n > limit - to)
		n = limit - to;
	out = to;
	note("copy %#lx to %#lx +%#lx (size %#lx)", from, to, n, size);
	if ((from < to + n && to < from + n) || !n)
		return;
	while (in < from + n) {
		ssize_t done = copy_file_range(fd, &in, fd, &out,
					       (size_t)(from + n - in), 0);

		expect(done > 0, "copy_file_range");
	}
	memmove(good + to, good + from, (size_t)n);
	grow(to + n);
}

static void op_sync(void)
{
	note("sync");
	expect(below(2) ? !fsync(fd) : !fdatasync(fd), "fsync");
}

static void open_file(void)
{
	fd = open(name, O_RDWR | O_CREAT, 0644);
	expect(fd >= 0, "open");
}

static void op_reopen(void)
{
	struct stat st;

	note("close and open");
	expect(!close(fd), "close");
	open_file();
	expect(!fstat(fd, &st) && st.st_size == size, "the size");
}

static void op_direct_read(void)
{
	long at = place(size), n = length(size - at) + SECTOR;

	note("direct read %#lx +%#lx (size %#lx)", at & -PAGE, n & -PAGE, size);
	at &= -PAGE;
	n &= -PAGE;
	if (direct_fd < 0 || !n)
		return;
	n = pread(direct_fd, buffer, (size_t)n, at);
	expect(n >= 0, "direct pread");
	compare(buffer, at, at + n > size ? size - at : n);
}

static void op_direct_write(void)
{
	long at = place(limit) & -PAGE, n = length(limit - at) & -PAGE;

	note("direct write %#lx +%#lx (size %#lx)", at, n, size);
	if (direct_fd < 0 || !n)
		return;
	fill(buffer, at, n);
	expect(pwrite(direct_fd, buffer, (size_t)n, at) == n, "direct pwrite");
	memcpy(good + at, buffer, (size_t)n);
	grow(at + n);
}

/* Data where the file says there is a hole? */
static void op_seek(void)
{
	long at = place(size), hole, data;

	note("seek %#lx (size %#lx)", at, size);
	if (at >= size)
		return;
	data = lseek(fd, at, SEEK_DATA);
	hole = lseek(fd, at, SEEK_HOLE);
	expect(hole >= at && hole <= size, "SEEK_HOLE");
	expect(data >= at || (data == -1 && errno == ENXIO), "SEEK_DATA");
	if (data < 0)
		data = size;
	for (long i = at; i < data; i++)
		expect(!good[i], "SEEK_DATA jumped over data");
}

static const struct {
	void (*run)(void);
	int weight;
} operations[] = {
	{ op_read, 12 },        { op_write, 14 },     { op_append, 3 },
	{ op_map_read, 8 },     { op_map_write, 10 }, { op_truncate, 7 },
	{ op_fallocate, 4 },    { op_punch, 5 },      { op_zero, 4 },
	{ op_collapse, 2 },     { op_insert, 2 },     { op_copy, 5 },
	{ op_sync, 2 },         { op_reopen, 2 },     { op_direct_read, 4 },
	{ op_direct_write, 4 }, { op_seek, 3 },
};

static void one_operation(void)
{
	int all = 0, at;

	for (size_t i = 0; i < sizeof(operations) / sizeof(*operations); i++)
		all += operations[i].weight;
	at = (int)below(all);
	for (size_t i = 0; i < sizeof(operations) / sizeof(*operations); i++) {
		at -= operations[i].weight;
		if (at < 0) {
			operations[i].run();
			return;
		}
	}
}

static void drop_caches(void)
{
	int drop = open("/proc/sys/vm/drop_caches", O_WRONLY);

	fsync(fd);
	expect(drop >= 0 && write(drop, "3", 1) == 1, "drop_caches");
	close(drop);
}

static void check_all(void)
{
	struct stat st;

	expect(!fstat(fd, &st) && st.st_size == size, "the size");
	for (long at = 0; at < size; at += 65536) {
		long n = size - at < 65536 ? size - at : 65536;

		expect(pread(fd, buffer, (size_t)n, at) == n, "pread");
		compare(buffer, at, n);
	}
}

int main(int argc, char **argv)
{
	long count = 20000, drop = 0;
	bool direct = false;
	int c;

	while ((c = getopt(argc, argv, "n:s:l:c:d")) != -1) {
		switch (c) {
		case 'n':
			count = atol(optarg);
			break;
		case 's':
			seed = strtoull(optarg, NULL, 0);
			break;
		case 'l':
			limit = strtol(optarg, NULL, 0);
			break;
		case 'c':
			drop = atol(optarg);
			break;
		case 'd':
			direct = true;
			break;
		default:
			return 2;
		}
	}
	if (optind + 1 != argc || limit <= 0 || limit > LARGEST || !seed) {
		fputs("usage: fsx [-n OPERATIONS] [-s SEED] [-l LARGEST] [-d] "
		      "[-c N] FILE\n",
		      stderr);
		return 2;
	}
	name = argv[optind];
	seed *= 0x9e3779b97f4a7c15ull;
	good = calloc(1, (size_t)limit + 65536);
	buffer = aligned_alloc(PAGE, LARGEST + 65536);
	unlink(name);
	open_file();
	if (direct)
		direct_fd = open(name, O_RDWR | O_DIRECT);
	for (number = 0; number < count; number++) {
		one_operation();
		if (drop && number % drop == drop - 1)
			drop_caches();
		if (number % 1000 == 999)
			check_all();
	}
	check_all();
	if (drop)
		drop_caches();
	check_all();
	printf("ok fsx: %ld operations, %lu KiB compared\nPASSED\n", count,
	       checked >> 10);
	return 0;
}
