/* SPDX-License-Identifier: MIT */
/*
 * powercut.c - a mix of operations on files, until the power goes
 *
 *	powercut run DIR DISK SLOT SEED COUNT
 *	powercut plan SLOT SEED COUNT
 *	powercut report DISK SLOT NUMBER	one report, for other programs
 *
 * What is done follows from SEED alone: `plan` prints it (also on another
 * machine), one line for each operation. So a report is one number: whenever a
 * persistence call has returned, the operation's number goes to place SLOT of
 * DISK, and only when it is there the next one begins. Who finds DIR's disk
 * after a power cut compares it with the plan (test/test_powercut.py). The first
 * error ends it, and is told with the operation's number: on a disk that fails,
 * all that was reported before must be there, too (test/test_faults.py).
 *
 * Contents: sizes and places are multiples of CHUNK. Each word of a chunk names
 * the slot, the operation that wrote it, and its place in the file.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHUNK = 512, MAX_CHUNKS = 80, NUM_NAMES = 16, NUM_FILES = 64 };

static const char *const names[NUM_NAMES] = {
	"f0",    "f1",    "f2",    "f3",    "f4",    "f5",    "f6",    "f7",
	"d0/g0", "d0/g1", "d0/g2", "d0/g3", "d1/g0", "d1/g1", "d1/g2", "d1/g3",
};

static bool doing; /* not only planning */
static unsigned int slot, number;
static int report_fd = -1, top_fd = -1;
static uint64_t state;

/* What there is. */
static bool dir_exists[2];
static int file_of[NUM_NAMES]; /* -1: no such name */
static struct {
	unsigned int links, chunks;
} files[NUM_FILES];

static unsigned int pick(unsigned int n)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned int)(state >> 33) % n;
}

static void must(bool good, const char *what)
{
	if (good)
		return;
	printf("powercut: operation %u: %s: %s\n", number, what,
	       strerror(errno));
	exit(1);
}

/* ---- The model ---- */

static bool in_a_dir(unsigned int name)
{
	return name < 8 || dir_exists[(name - 8) / 4];
}

/* A name that is (not) there, or NUM_NAMES. */
static unsigned int pick_name(bool there)
{
	for (int tries = 0; tries < 40; tries++) {
		unsigned int name = pick(NUM_NAMES);

		if (in_a_dir(name) && (file_of[name] >= 0) == there)
			return name;
	}
	return NUM_NAMES;
}

static void drop_name(unsigned int name)
{
	if (file_of[name] >= 0)
		files[file_of[name]].links--;
	file_of[name] = -1;
}

static int new_file(void)
{
	for (int i = 0; i < NUM_FILES; i++) {
		if (!files[i].links) {
			files[i].links = 1;
			files[i].chunks = 0;
			return i;
		}
	}
	return -1; /* never: there are more than names */
}

/* ---- Doing ---- */

static void write_chunks(unsigned int name, unsigned int first,
			 unsigned int count)
{
	static uint64_t data[MAX_CHUNKS * CHUNK / 8];
	size_t size = (size_t)count * CHUNK, done = 0;
	int fd;

	for (unsigned int i = 0; i < size / 8; i++)
		data[i] = (uint64_t)slot << 56 | (uint64_t)number << 32 |
			  (first + i / 64) << 8 | i % 64;
	fd = open(names[name], O_WRONLY | O_CREAT, 0644);
	must(fd >= 0, "open");
	while (done < size) { /* a full disk takes the beginning */
		ssize_t part =
			pwrite(fd, (const char *)data + done, size - done,
			       (off_t)first * CHUNK + (off_t)done);

		must(part > 0, "write");
		done += (size_t)part;
	}
	close(fd);
}

static void sync_name(const char *name, bool data_only)
{
	int fd = open(name, O_RDONLY);

	must(fd >= 0, name);
	must(!(data_only ? fdatasync(fd) : fsync(fd)), "fsync");
	close(fd);
}

/* sync(2) has no way to tell of an error. */
static void sync_all(void)
{
	sync();
	must(!syncfs(top_fd), "syncfs");
}

static void report(void)
{
	uint32_t record[128] = { 0x50435554, slot, number };

	if (!doing)
		return;
	must(pwrite(report_fd, record, sizeof(record), slot * 4096) ==
			     sizeof(record) &&
		     !fsync(report_fd),
	     "report");
}

/* ---- Operations: each prints itself, or is done ---- */

#define SAY(...) (doing ? 0 : printf("%u " __VA_ARGS__))

static bool op_write(void)
{
	unsigned int name = pick_name(pick(3) > 0);
	unsigned int first, count, *chunks;

	if (name == NUM_NAMES)
		return false;
	if (file_of[name] < 0)
		file_of[name] = new_file();
	chunks = &files[file_of[name]].chunks;
	first = pick(2) ? *chunks : pick(*chunks + 8);
	count = 1 + pick(pick(2) ? 4 : 32);
	if (first + count > MAX_CHUNKS)
		first = 0;
	if (*chunks < first + count)
		*chunks = first + count;
	SAY("write %s %u %u\n", number, names[name], first, count);
	if (doing)
		write_chunks(name, first, count);
	return true;
}

static bool op_cut(void)
{
	unsigned int name = pick_name(true);
	unsigned int chunks;

	if (name == NUM_NAMES)
		return false;
	chunks = pick(MAX_CHUNKS / 2);
	files[file_of[name]].chunks = chunks;
	SAY("truncate %s %u\n", number, names[name], chunks);
	if (doing)
		must(!truncate(names[name], (off_t)chunks * CHUNK), "truncate");
	return true;
}

static bool op_fsync(void)
{
	unsigned int name = pick_name(true);
	bool data_only = pick(3) == 0;

	if (name == NUM_NAMES)
		return false;
	SAY("fsync %s\n", number, names[name]);
	if (doing)
		sync_name(names[name], data_only);
	report();
	return true;
}

static bool op_fsync_dir(void)
{
	unsigned int dir = pick(3);
	const char *const dirs[] = { "d0", "d1", "." };

	if (dir < 2 && !dir_exists[dir])
		return false;
	SAY("fsyncdir %s\n", number, dirs[dir]);
	if (doing)
		sync_name(dirs[dir], false);
	report();
	return true;
}

static bool op_sync(void)
{
	if (pick(4))
		return false;
	SAY("sync\n", number);
	if (doing)
		sync_all();
	report();
	return true;
}

static bool op_rename(void)
{
	unsigned int from = pick_name(true), to = pick_name(pick(2));

	if (from == NUM_NAMES || to == NUM_NAMES || from == to ||
	    file_of[from] == file_of[to])
		return false;
	drop_name(to);
	file_of[to] = file_of[from];
	file_of[from] = -1;
	SAY("rename %s %s\n", number, names[from], names[to]);
	if (doing)
		must(!rename(names[from], names[to]), "rename");
	return true;
}

static bool op_link(void)
{
	unsigned int from = pick_name(true), to = pick_name(false);

	if (from == NUM_NAMES || to == NUM_NAMES)
		return false;
	file_of[to] = file_of[from];
	files[file_of[to]].links++;
	SAY("link %s %s\n", number, names[from], names[to]);
	if (doing)
		must(!link(names[from], names[to]), "link");
	return true;
}

static bool op_unlink(void)
{
	unsigned int name = pick_name(true);

	if (name == NUM_NAMES)
		return false;
	drop_name(name);
	SAY("unlink %s\n", number, names[name]);
	if (doing)
		must(!unlink(names[name]), "unlink");
	return true;
}

static bool op_dir(void)
{
	unsigned int dir = pick(2);
	const char *name = dir ? "d1" : "d0";

	if (!dir_exists[dir]) {
		SAY("mkdir %s\n", number, name);
		if (doing)
			must(!mkdir(name, 0755), "mkdir");
		dir_exists[dir] = true;
		return true;
	}
	for (unsigned int i = 8 + 4 * dir; i < 12 + 4 * dir; i++)
		if (file_of[i] >= 0)
			return false;
	SAY("rmdir %s\n", number, name);
	if (doing)
		must(!rmdir(name), "rmdir");
	dir_exists[dir] = false;
	return true;
}

/* Those that come more often stand there more often. */
static bool (*const ops[])(void) = {
	op_write, op_write, op_write,  op_write,  op_fsync,
	op_fsync, op_fsync, op_rename, op_rename, op_unlink,
	op_link,  op_dir,   op_cut,    op_sync,   op_fsync_dir,
};

static void run(unsigned int count)
{
	for (unsigned int i = 0; i < NUM_NAMES; i++)
		file_of[i] = -1;
	for (number = 1; number <= count; number++)
		while (!ops[pick(sizeof(ops) / sizeof(ops[0]))]())
			;
}

int main(int argc, char **argv)
{
	if (argc == 5 && !strcmp(argv[1], "report")) {
		doing = true;
		report_fd = open(argv[2], O_WRONLY);
		must(report_fd >= 0, argv[2]);
		slot = (unsigned int)atoi(argv[3]);
		number = (unsigned int)atoi(argv[4]);
		report();
		return 0;
	}
	doing = argc == 7 && !strcmp(argv[1], "run");
	if (!doing && (argc != 5 || strcmp(argv[1], "plan")))
		return 2;
	slot = (unsigned int)atoi(argv[argc - 3]);
	state = strtoul(argv[argc - 2], NULL, 0) * 1000 + slot;
	if (doing) {
		report_fd = open(argv[3], O_WRONLY);
		must(report_fd >= 0, argv[3]);
		must(!mkdir(argv[2], 0755) && !chdir(argv[2]), argv[2]);
		top_fd = open(".", O_RDONLY | O_DIRECTORY);
		must(top_fd >= 0, argv[2]);
	}
	run((unsigned int)atoi(argv[argc - 1]));
	if (doing)
		printf("powercut: done\n");
	return 0;
}
