/* SPDX-License-Identifier: MIT */
/*
 * names_test.c - our tree of names against the host's
 *
 * Idea: the host is a Linux with a file system, so it knows the answers. The
 * same random calls with the same random names are made to both; each must
 * give the same error, and afterwards both trees must look the same.
 *
 * Names are few, so that they meet; they may be ".", "..", links to links,
 * doubled slashes. The base lies so deep below the temporary directory that no
 * path of a test leads out of it. NAMES_SEED in the environment repeats a run.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernel/debug/ktest.h"
#include "test/host/host.h"
#include "test/host/vfs_kernel.h"

enum {
	ROUNDS = 150,
	CALLS = 120,     /* of one round */
	MAX_CHDIRS = 10, /* of one round */
	/* More than all ".." that a path, its links and chdirs can have. */
	DEPTH = 128,
	NAME_SIZE = 64,
	PATH_SIZE = 4096,
};

static uint64_t seed;
static char history[CALLS][200];
static unsigned int num_history;
static bool wrong; /* enough was printed: stop */

static unsigned int pick(unsigned int n)
{
	return (unsigned int)(host_random(&seed) % n);
}

/* ---- Random paths ---- */

/* Up to four components; never absolute. */
static void random_path(char *buf)
{
	static const char *const names[] = { "a", "b", "c",  "a", "b",
					     "a", ".", "..", "d" };
	unsigned int depth = pick(3) ? 1 + pick(2) : 1 + pick(4);
	char *p = buf;

	if (pick(100) == 0) {
		*buf = '\0'; /* the empty name */
		return;
	}
	for (unsigned int i = 0; i < depth; i++)
		p += sprintf(p, "%s%s", names[pick(9)], pick(10) ? "/" : "//");
	/* Mostly without a slash at the end. */
	if (pick(8)) {
		while (p[-1] == '/')
			p--;
		*p = '\0';
	}
}

/* ---- One call to both ---- */

struct call {
	unsigned int kind, flags;
	char a[NAME_SIZE], b[NAME_SIZE];
};

enum {
	MKDIR,
	RMDIR,
	UNLINK,
	RENAME,
	LINK,
	SYMLINK,
	STAT,
	LSTAT,
	OPEN,
	OPEN_CREATE,
	TRUNCATE,
	READLINK,
	CHDIR,
	NUM_KINDS
};

static const char *const kind_names[NUM_KINDS] = {
	"mkdir",    "rmdir",    "unlink", "rename", "link",
	"symlink",  "stat",     "lstat",  "open",   "open_create",
	"truncate", "readlink", "chdir",
};

static const int open_flags[] = {
	O_RDONLY,
	O_WRONLY,
	O_RDONLY | O_DIRECTORY,
	O_RDONLY | O_NOFOLLOW,
	O_RDONLY | O_NOFOLLOW | O_DIRECTORY,
	O_PATH | O_NOFOLLOW,
	O_PATH,
	O_RDWR | O_TRUNC,
};

static const int create_flags[] = {
	O_WRONLY | O_CREAT,
	O_WRONLY | O_CREAT | O_EXCL,
	O_RDONLY | O_CREAT,
	O_RDWR | O_CREAT | O_TRUNC,
	O_WRONLY | O_CREAT | O_NOFOLLOW,
};

static void random_call(struct call *call, unsigned int *chdirs)
{
	do {
		call->kind = pick(NUM_KINDS);
	} while (call->kind == CHDIR && *chdirs >= MAX_CHDIRS);
	if (call->kind == CHDIR)
		++*chdirs;
	random_path(call->a);
	random_path(call->b);
	switch (call->kind) {
	case OPEN:
		call->flags = (unsigned int)open_flags[pick(8)];
		break;
	case OPEN_CREATE:
		call->flags = (unsigned int)create_flags[pick(5)];
		break;
	case RENAME:
		call->flags = pick(3); /* RENAME_NOREPLACE, _EXCHANGE */
		break;
	default:
		call->flags = pick(2);
		break;
	}
}

static int error_of(long result)
{
	return result < 0 ? -errno : 0;
}

static int host_open(const char *name, int flags)
{
	int fd = open(name, flags, 0644);

	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

static int ask_host(const struct call *call)
{
	char text[NAME_SIZE];
	struct stat st;

	switch (call->kind) {
	case MKDIR:
		return error_of(mkdir(call->a, 0777));
	case RMDIR:
		return error_of(rmdir(call->a));
	case UNLINK:
		return error_of(unlink(call->a));
	case RENAME:
		return error_of(syscall(SYS_renameat2, AT_FDCWD, call->a,
					AT_FDCWD, call->b, call->flags));
	case LINK:
		return error_of(linkat(AT_FDCWD, call->a, AT_FDCWD, call->b,
				       call->flags ? AT_SYMLINK_FOLLOW : 0));
	case SYMLINK:
		return error_of(symlink(call->a, call->b));
	case STAT:
		return error_of(stat(call->a, &st));
	case LSTAT:
		return error_of(lstat(call->a, &st));
	case TRUNCATE:
		return error_of(truncate(call->a, call->flags * 100));
	case READLINK:
		return error_of(readlink(call->a, text, sizeof(text)));
	case CHDIR:
		return error_of(chdir(call->a));
	default:
		return host_open(call->a, (int)call->flags);
	}
}

static int ask_kernel(const struct call *call)
{
	struct kernel_stat st;
	char text[NAME_SIZE];
	long len;

	switch (call->kind) {
	case MKDIR:
		return kernel_mkdir(call->a);
	case RMDIR:
		return kernel_rmdir(call->a);
	case UNLINK:
		return kernel_unlink(call->a);
	case RENAME:
		return kernel_rename(call->a, call->b, call->flags);
	case LINK:
		return kernel_link(call->a, call->b, call->flags);
	case SYMLINK:
		return kernel_symlink(call->a, call->b);
	case STAT:
		return kernel_stat(call->a, true, &st);
	case LSTAT:
		return kernel_stat(call->a, false, &st);
	case TRUNCATE:
		return kernel_truncate(call->a, call->flags * 100);
	case READLINK:
		len = kernel_readlink(call->a, text, sizeof(text));
		return len < 0 ? (int)len : 0;
	case CHDIR:
		return kernel_chdir(call->a);
	default:
		return kernel_open(call->a, call->flags);
	}
}

static void print_history(void)
{
	for (unsigned int i = 0; i < num_history; i++)
		printf("  %s\n", history[i]);
}

/* Both gave the same; false: the round is over. */
static bool make_call(const struct call *call)
{
	int host = ask_host(call), ours = ask_kernel(call);

	snprintf(history[num_history++], sizeof(history[0]),
		 "%s(\"%s\", \"%s\", %#o) = %d", kind_names[call->kind],
		 call->a, call->b, call->flags, -host);
	if (host == ours)
		return true;
	print_history();
	printf("the host says %d (%s), we say %d (%s)\n", -host,
	       strerror(-host), -ours, strerror(-ours));
	KTEST_TRUE(!"the same error");
	wrong = true;
	return false;
}

/* ---- The trees ---- */

struct listing {
	char *name[64];
	unsigned int count;
};

static void add_name(void *arg, const char *name)
{
	struct listing *list = arg;

	if (list->count < 64)
		list->name[list->count++] = strdup(name);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void sort(struct listing *list)
{
	qsort(list->name, list->count, sizeof(list->name[0]), by_name);
}

static void free_listing(struct listing *list)
{
	while (list->count)
		free(list->name[--list->count]);
}

static void list_host(const char *name, struct listing *list)
{
	struct dirent *entry;
	DIR *dir = opendir(name);

	while (dir && (entry = readdir(dir))) {
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			add_name(list, entry->d_name);
	}
	if (dir)
		closedir(dir);
	sort(list);
}

static void compare_tree(const char *path);

static void compare_entry(const char *path)
{
	char ours[NAME_SIZE] = "", theirs[NAME_SIZE] = "";
	struct kernel_stat st;
	struct stat host;

	KTEST_EQUAL(lstat(path, &host), 0);
	KTEST_EQUAL(kernel_stat(path, false, &st), 0);
	KTEST_EQUAL(st.mode & S_IFMT, host.st_mode & S_IFMT);
	if (S_ISDIR(st.mode)) {
		compare_tree(path);
		return;
	}
	KTEST_EQUAL(st.nlink, host.st_nlink);
	KTEST_EQUAL(st.size, host.st_size);
	if (S_ISLNK(st.mode)) {
		kernel_readlink(path, ours, sizeof(ours) - 1);
		readlink(path, theirs, sizeof(theirs) - 1);
		KTEST_TRUE(!strcmp(ours, theirs));
	}
}

static void compare_tree(const char *path)
{
	struct listing host = { .count = 0 }, ours = { .count = 0 };
	char *below = malloc(PATH_SIZE);

	list_host(path, &host);
	KTEST_EQUAL(kernel_list(path, add_name, &ours), 0);
	sort(&ours);
	KTEST_EQUAL(ours.count, host.count);
	for (unsigned int i = 0; i < host.count && i < ours.count; i++) {
		if (strcmp(host.name[i], ours.name[i])) {
			print_history();
			printf("%s: %s there, %s here\n", path, host.name[i],
			       ours.name[i]);
			KTEST_TRUE(!"the same names");
			wrong = true;
			break;
		}
		snprintf(below, PATH_SIZE, "%s/%s", path, host.name[i]);
		compare_entry(below);
	}
	free_listing(&host);
	free_listing(&ours);
	free(below);
}

static void remove_host_tree(const char *path)
{
	struct listing list = { .count = 0 };
	char *below = malloc(PATH_SIZE);

	list_host(path, &list);
	for (unsigned int i = 0; i < list.count; i++) {
		snprintf(below, PATH_SIZE, "%s/%s", path, list.name[i]);
		if (unlink(below))
			remove_host_tree(below);
	}
	rmdir(path);
	free_listing(&list);
	free(below);
}

static void remove_our_tree(const char *path)
{
	struct listing list = { .count = 0 };
	char *below = malloc(PATH_SIZE);

	kernel_list(path, add_name, &list);
	for (unsigned int i = 0; i < list.count; i++) {
		snprintf(below, PATH_SIZE, "%s/%s", path, list.name[i]);
		if (kernel_unlink(below))
			remove_our_tree(below);
	}
	KTEST_EQUAL(kernel_rmdir(path), 0);
	free_listing(&list);
	free(below);
}

/* ---- Rounds ---- */

static void go_deep(void)
{
	KTEST_EQUAL(mkdir("top", 0755), 0);
	KTEST_EQUAL(kernel_mkdir("top"), 0);
	KTEST_EQUAL(chdir("top"), 0);
	KTEST_EQUAL(kernel_chdir("top"), 0);
	for (int i = 0; i < DEPTH; i++) {
		mkdir("n", 0755);
		kernel_mkdir("n");
		if (chdir("n") || kernel_chdir("n"))
			exit(2);
	}
}

/* Something to begin with. */
static void plant(void)
{
	static const struct call calls[] = {
		{ MKDIR, 0, "a", "" },
		{ MKDIR, 0, "a/b", "" },
		{ MKDIR, 0, "b", "" },
		{ OPEN_CREATE, O_WRONLY | O_CREAT, "c", "" },
		{ OPEN_CREATE, O_WRONLY | O_CREAT, "a/a", "" },
		{ SYMLINK, 0, "a", "d" },
	};

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		make_call(&calls[i]);
}

static void one_round(int top_fd)
{
	unsigned int chdirs = 0;
	struct call call;

	go_deep();
	num_history = 0;
	plant();
	while (num_history < CALLS) {
		random_call(&call, &chdirs);
		if (!make_call(&call))
			break;
		if (pick(20) == 0)
			kernel_forget(pick(50));
	}
	if (fchdir(top_fd))
		exit(2);
	KTEST_EQUAL(kernel_chdir("/"), 0);
	compare_tree("top");
	remove_host_tree("top");
	remove_our_tree("top");
}

KTEST(names_agree_with_the_host)
{
	const char *text = getenv("NAMES_SEED");
	/* In memory it takes a second, on a disk half a minute. */
	char shm[] = "/dev/shm/creance-names-XXXXXX";
	char tmp[] = "/tmp/creance-names-XXXXXX";
	char *top = mkdtemp(access("/dev/shm", W_OK) ? tmp : shm);
	int here = open(".", O_RDONLY), top_fd;

	seed = text ? strtoull(text, NULL, 0) : 0x2545f4914f6cdd1dull;
	if (!top || chdir(top)) {
		perror("/dev/shm, /tmp");
		exit(2);
	}
	umask(022);
	top_fd = open(".", O_RDONLY);
	kernel_start();
	for (int round = 0; round < ROUNDS && !wrong; round++)
		one_round(top_fd);
	close(top_fd);
	if (fchdir(here))
		exit(2);
	close(here);
	rmdir(top);
}
