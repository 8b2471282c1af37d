/* SPDX-License-Identifier: MIT */
/*
 * diskwork: work on a disk, of which scripts/bench-disk counts the instructions.
 *
 *   diskwork DIR NAME COUNT
 *
 *   read_4k, write_4k   COUNT times 4 KiB of a cached file of 1 MiB
 *   create_unlink       COUNT times create + close + unlink
 *   fsync_4k            COUNT times 4 KiB appended + fsync
 *   find                busybox find over DIR/tree, which has COUNT files
 *   tar                 busybox tar of DIR/tree.tar, COUNT files, into DIR/out, + sync
 *
 * mark() is called before and after what counts: QEMU's plugin looks for its
 * address (scripts/count_plugin.c). Prints `done<TAB>NAME<TAB>COUNT`.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE      4096L
#define FILE_SIZE (256 * PAGE)
#define BUSYBOX   "/bin/busybox"

static char page[PAGE];
static const char *dir;

__attribute__((noinline)) void mark(void)
{
	__asm__ volatile("" ::: "memory");
}

static void fail(const char *what)
{
	fprintf(stderr, "diskwork: %s: %s\n", what, strerror(errno));
	exit(1);
}

static const char *in_dir(const char *name)
{
	static char path[512];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

/* ---- a single file ------------------------------------------------------- */

static int make_file(const char *name, long size)
{
	int fd = open(in_dir(name), O_RDWR | O_CREAT | O_TRUNC, 0644);

	if (fd < 0)
		fail(name);
	for (long at = 0; at < size; at += PAGE)
		if (write(fd, page, PAGE) != PAGE)
			fail("write");
	if (fsync(fd) < 0)
		fail("fsync");
	return fd;
}

static void pages(int fd, long count, bool writing)
{
	for (long i = 0; i < count; i++) {
		off_t at = i * PAGE % FILE_SIZE;
		ssize_t n = writing ? pwrite(fd, page, PAGE, at)
				    : pread(fd, page, PAGE, at);
		if (n != PAGE)
			fail("4 KiB");
	}
}

static void over_pages(long count, bool writing)
{
	int fd = make_file("pages", FILE_SIZE);

	pages(fd, FILE_SIZE / PAGE, writing);
	mark();
	pages(fd, count, writing);
	mark();
	close(fd);
	unlink(in_dir("pages"));
}

static void read_4k(long count)
{
	over_pages(count, false);
}

static void write_4k(long count)
{
	over_pages(count, true);
}

static void appends(int fd, long count)
{
	for (long i = 0; i < count; i++)
		if (write(fd, page, PAGE) != PAGE || fsync(fd) < 0)
			fail("append");
}

static void fsync_4k(long count)
{
	int fd = make_file("log", PAGE);

	appends(fd, 4);
	mark();
	appends(fd, count);
	mark();
	close(fd);
	unlink(in_dir("log"));
}

static void lives(const char *path, long count)
{
	for (long i = 0; i < count; i++) {
		int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0644);

		if (fd < 0 || close(fd) < 0 || unlink(path) < 0)
			fail(path);
	}
}

static void create_unlink(long count)
{
	char *path = strdup(in_dir("new"));

	lives(path, 16);
	mark();
	lives(path, count);
	mark();
	free(path);
}

/* ---- other programs ------------------------------------------------------- */

static void run(char *const argv[])
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		int null = open("/dev/null", O_WRONLY);

		dup2(null, STDOUT_FILENO);
		execv(BUSYBOX, argv);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
		fail(argv[0]);
}

static void find(long count)
{
	char *tree = strdup(in_dir("tree"));

	(void)count;
	mark();
	run((char *[]){ "find", tree, NULL });
	mark();
	free(tree);
}

static void tar(long count)
{
	char *out = strdup(in_dir("out")),
	     *archive = strdup(in_dir("tree.tar"));

	(void)count;
	if (mkdir(out, 0755) < 0)
		fail(out);
	mark();
	run((char *[]){ "tar", "-xf", archive, "-C", out, NULL });
	sync();
	mark();
	free(out);
	free(archive);
}

static const struct {
	const char *name;
	void (*run)(long count);
} work[] = {
	{ "read_4k", read_4k },
	{ "write_4k", write_4k },
	{ "create_unlink", create_unlink },
	{ "fsync_4k", fsync_4k },
	{ "find", find },
	{ "tar", tar },
};

int main(int argc, char **argv)
{
	if (argc != 4)
		goto usage;
	dir = argv[1];
	for (size_t i = 0; i < sizeof(work) / sizeof(work[0]); i++) {
		if (strcmp(work[i].name, argv[2]))
			continue;
		work[i].run(atol(argv[3]));
		printf("done\t%s\t%s\n", argv[2], argv[3]);
		return 0;
	}
usage:
	fprintf(stderr, "usage: diskwork DIR NAME COUNT\n");
	return 2;
}
