/* SPDX-License-Identifier: MIT */
/*
 * disk.c - what write-back promises: msync(2), fsync(2), O_SYNC,
 * sync_file_range(2), and how errors are told
 *
 *	disk [FILE [OFFSET]]
 *
 * FILE is a disk or a file of at least 2 MiB (one is made if it is not named);
 * a write of the 4 KiB at OFFSET fails. What is expected on the disk at the end
 * is known to test/test_block.py.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"

enum { PAGE = 4096, MAPPED = 64 };

static char block[PAGE];

/* Stores to a mapping reach the disk with msync, also those after the first. */
static void test_mapping(int fd)
{
	char *p = mmap(NULL, MAPPED * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED,
		       fd, 0);

	if (!check(p != MAP_FAILED, "mmap"))
		return;
	for (int i = 0; i < MAPPED; i += 2)
		memset(p + i * PAGE, 'a', PAGE);
	check(!msync(p, MAPPED * PAGE, MS_SYNC), "msync");
	/* Written pages are clean, and writable only by a fault again. */
	for (int i = 0; i < MAPPED; i += 4)
		memset(p + i * PAGE + 100, 'b', 200);
	check(!msync(p, MAPPED * PAGE, MS_SYNC), "msync of later stores");
	check(pread(fd, block, PAGE, 4 * PAGE) == PAGE && block[99] == 'a' &&
		      block[100] == 'b' && block[300] == 'a',
	      "read sees the stores");
	memset(block, 'c', PAGE);
	check(pwrite(fd, block, PAGE, 3 * PAGE) == PAGE && p[3 * PAGE] == 'c',
	      "the mapping sees a write");
	check(!munmap(p, MAPPED * PAGE), "munmap");
	check(!fdatasync(fd), "fdatasync");
}

static void test_synchronous(const char *name)
{
	int fd = open(name, O_WRONLY | O_SYNC);

	memset(block, 'd', PAGE);
	check(pwrite(fd, block, 100, 100 * PAGE + 50) == 100, "O_SYNC");
	close(fd);
	fd = open(name, O_WRONLY | O_DSYNC);
	check(pwrite(fd, block, 100, 101 * PAGE + 50) == 100, "O_DSYNC");
	close(fd);
}

static void test_range(int fd)
{
	const unsigned int all = SYNC_FILE_RANGE_WAIT_BEFORE |
				 SYNC_FILE_RANGE_WRITE |
				 SYNC_FILE_RANGE_WAIT_AFTER;

	memset(block, 'e', PAGE);
	pwrite(fd, block, PAGE, 110 * PAGE);
	check(!sync_file_range(fd, 110 * PAGE, PAGE, all), "sync_file_range");
	check(sync_file_range(fd, -1, 0, all) == -1 && errno == EINVAL,
	      "sync_file_range: EINVAL");
}

static bool sync_fails(int fd)
{
	return fsync(fd) == -1 && errno == EIO;
}

/* What a file's write-back met, its file system tells, too: once to each. */
static void test_error_of_all(int fd, const int *others, long offset)
{
	check(pwrite(fd, block, PAGE, offset) == PAGE, "write for all");
	sync();
	for (int i = 0; i < 2; i++) {
		check(syncfs(others[i]) == -1 && errno == EIO,
		      "syncfs tells the error of a file");
		check(!syncfs(others[i]), "syncfs: once");
	}
	check(sync_fails(fd), "fsync tells what sync could not");
	check(!fsync(fd), "once, as ever");
}

/* An error of write-back is told once to each open file. */
static void test_error(const char *name, long offset)
{
	int a = open(name, O_RDWR), b = open(name, O_RDWR), c;
	const int others[] = { open(name, O_RDONLY), b };
	struct stat st;

	check(pwrite(a, block, PAGE, offset) == PAGE, "write to the cache");
	check(sync_fails(a), "fsync tells the error");
	check(!fsync(a), "once");
	check(sync_fails(b), "also to another open file");
	check(!fsync(b), "once, too");
	c = open(name, O_RDWR);
	check(!fsync(c), "who opens later is not told");
	check(pwrite(c, block, PAGE, offset) == PAGE, "write again");
	check(sync_fails(c) && sync_fails(a), "the next error is a new one");
	/* A disk is no file of its own: which file system is asked? */
	if (!fstat(a, &st) && S_ISREG(st.st_mode)) {
		syncfs(others[0]);
		syncfs(others[1]);
		test_error_of_all(a, others, offset);
	}
	close(others[0]);
	close(a);
	close(b);
	close(c);
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "/tmp/disk.test";
	int fd = open(name, O_RDWR | (argc > 1 ? 0 : O_CREAT), 0600);

	if (!check(fd >= 0, "open"))
		return check_status();
	if (argc == 1)
		check(!ftruncate(fd, 2 << 20), "ftruncate");
	test_mapping(fd);
	test_synchronous(name);
	test_range(fd);
	if (argc > 2)
		test_error(name, atol(argv[2]));
	close(fd);
	if (argc == 1)
		unlink(name);
	return check_status();
}
