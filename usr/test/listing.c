/* SPDX-License-Identifier: MIT */
/*
 * listing.c - a directory changes while it is read
 *
 *	listing delete|seek|create|grow|tell DIR COUNT
 *
 * POSIX: who reads a directory gets each name that is there all the time exactly
 * once, whatever comes and goes meanwhile.
 *
 *	delete  each second name goes while the list is read
 *	seek    the reading goes back to where it was, also if that name is gone
 *	create  as many names come while the list is read
 *	grow    the same, from a few names on: ext4's block becomes an index
 *	tell    telldir(3) and seekdir(3), also where as many names came since
 *
 * It is read in small pieces, so that the changes fall between two calls.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PIECE = 512, MOST = 100000 };

struct entry {
	uint64_t ino;
	int64_t off;
	uint16_t reclen;
	uint8_t type;
	char name[];
};

static const char *dir;
static int fd;
static int count;
static unsigned char seen[MOST];
static char piece[PIECE];

static _Noreturn void fail(const char *what, int number)
{
	printf("not ok %s: name %d (%s)\nFAILED\n", what, number,
	       strerror(errno));
	exit(1);
}

/* Names long enough to fill many blocks. */
static void make(int number)
{
	char name[64];
	int file;

	snprintf(name, sizeof(name), "file-with-a-name-%d", number);
	file = openat(fd, name, O_CREAT | O_EXCL | O_WRONLY, 0600);
	if (file < 0 || close(file))
		fail("cannot be made", number);
}

static void delete (int number)
{
	char name[64];

	snprintf(name, sizeof(name), "file-with-a-name-%d", number);
	if (unlinkat(fd, name, 0))
		fail("cannot be deleted", number);
}

static int number_of(const char *name)
{
	int number = -1;

	sscanf(name, "file-with-a-name-%d", &number);
	return number;
}

/* Read on; call @each for each number and the position behind it. */
static bool read_piece(void (*each)(int number, int64_t next))
{
	long size = syscall(SYS_getdents64, fd, piece, sizeof(piece));

	if (size < 0)
		fail("getdents64", -1);
	for (long at = 0; at < size;) {
		const struct entry *e = (const void *)(piece + at);
		int number = number_of(e->name);

		if (number >= 0 && number < MOST)
			each(number, e->off);
		at += e->reclen;
	}
	return size > 0;
}

static void check_once(int from, int to)
{
	for (int i = from; i < to; i++)
		if (seen[i] != 1)
			fail(seen[i] ? "seen twice" : "skipped", i);
}

static void note(int number, __attribute__((unused)) int64_t next)
{
	seen[number]++;
}

/* ---- delete ---- */

static void note_and_delete(int number, int64_t next)
{
	note(number, next);
	if (number % 2)
		delete (number);
}

static void run_delete(void)
{
	while (read_piece(note_and_delete))
		;
	check_once(0, count);
	memset(seen, 0, sizeof(seen));
	lseek(fd, 0, SEEK_SET);
	while (read_piece(note))
		;
	for (int i = 0; i < count; i++)
		if (seen[i] != (i % 2 == 0))
			fail("is there or not, wrongly", i);
}

/* ---- seek ---- */

static int order[MOST], listed;
static int64_t behind[MOST];

static void remember(int number, int64_t next)
{
	order[listed] = number;
	behind[listed++] = next;
}

/* From behind the entry that was @i-th the rest must come, in the same order. */
static void check_rest(int i, bool deleted_too)
{
	int before = listed, at = i + 1;

	if (lseek(fd, behind[i], SEEK_SET) != behind[i])
		fail("seek", order[i]);
	for (int n = 0; n < 20 && read_piece(remember); n++)
		;
	for (int k = before; k < listed; k++, at++) {
		while (deleted_too && at < before && order[at] % 3 == 0)
			at++;
		if (at >= before || order[k] != order[at])
			fail("is not the next one", order[k]);
	}
	listed = before;
}

static void run_seek(void)
{
	while (read_piece(remember))
		;
	if (listed != count)
		fail("not all are listed", listed);
	for (int i = 0; i < listed; i += 97)
		check_rest(i, false);
	for (int i = 0; i < count; i += 3)
		delete (i);
	for (int i = 0; i < listed; i += 89)
		check_rest(i, true);
}

/* ---- create ---- */

static int made;

static void run_create(void)
{
	while (read_piece(note))
		for (int i = 0; i < 20 && made < count; i++)
			make(count + made++);
	check_once(0, count);
	for (int i = count; i < count + made; i++)
		if (seen[i] > 1)
			fail("new one seen twice", i);
}

/* ---- grow ---- */

enum { FEW = 12 };

static void run_grow(void)
{
	int target = count;

	for (int i = FEW; i < count; i++)
		delete (i);
	count = FEW;
	while (read_piece(note))
		for (int i = 0; i < 40 && count + made < target; i++)
			make(count + made++);
	check_once(0, count);
	for (int i = count; i < count + made; i++)
		if (seen[i] > 1)
			fail("new one seen twice", i);
}

/* ---- tell ---- */

static long told[MOST]; /* the position before the name */

static int next_old(DIR *d)
{
	const struct dirent *e;
	int number = -1;

	while ((e = readdir(d))) {
		number = number_of(e->d_name);
		if (number >= 0 && number < count)
			return number;
	}
	return -1;
}

static void run_tell(void)
{
	DIR *d = opendir(dir);
	const struct dirent *e;
	long at;

	if (!d)
		fail("opendir", -1);
	for (at = telldir(d); (e = readdir(d)); at = telldir(d)) {
		if (e->d_name[0] == '.')
			continue;
		order[listed] = number_of(e->d_name);
		told[listed++] = at;
	}
	if (listed != count)
		fail("not all are listed", listed);
	for (int i = 0; i < count; i++)
		make(count + i);
	for (int i = listed - 1; i >= 0; i -= 83) {
		seekdir(d, told[i]);
		for (int k = i; k < i + 30 && k < listed; k++)
			if (next_old(d) != order[k])
				fail("does not come where it was", order[k]);
	}
	rewinddir(d);
	for (int k = 0; k < listed; k++)
		if (next_old(d) != order[k])
			fail("does not come in its turn", order[k]);
	if (next_old(d) >= 0)
		fail("comes behind the last", 0);
	closedir(d);
}

int main(int argc, char **argv)
{
	if (argc != 4 || (count = atoi(argv[3])) <= 0 || count > MOST / 2) {
		fputs("usage: listing delete|seek|create|grow|tell DIR COUNT\n",
		      stderr);
		return 2;
	}
	dir = argv[2];
	if (mkdir(dir, 0700))
		fail("mkdir", -1);
	fd = open(dir, O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		fail("open", -1);
	for (int i = 0; i < count; i++)
		make(i);
	if (!strcmp(argv[1], "delete"))
		run_delete();
	else if (!strcmp(argv[1], "seek"))
		run_seek();
	else if (!strcmp(argv[1], "grow"))
		run_grow();
	else if (!strcmp(argv[1], "tell"))
		run_tell();
	else
		run_create();
	printf("ok listing %s: %d names\nPASSED\n", argv[1], count);
	return 0;
}
