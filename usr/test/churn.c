/* SPDX-License-Identifier: MIT */
/*
 * churn.c - many processes change one tree of names at once
 *
 * Idea: each picks calls and names at random, among few names, so that they
 * meet: the same name is made, moved, linked and removed by several at once.
 * Errors are expected; what must hold is that the tree stays a tree: at the end
 * it can be read and removed, and counts of links are right.
 *
 *	churn [seconds [processes [seed]]]
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "expect.h"

static unsigned long state;

static unsigned int pick(unsigned int n)
{
	state = state * 6364136223846793005ul + 1442695040888963407ul;
	return (unsigned int)(state >> 33) % n;
}

/* "b", "a/c", "a/a/b": up to three levels of three names. */
static char *random_name(char *buf)
{
	unsigned int depth = 1 + pick(3);
	char *p = buf;

	for (unsigned int i = 0; i < depth; i++) {
		*p++ = (char)('a' + pick(3));
		*p++ = '/';
	}
	p[-1] = '\0';
	return buf;
}

static void touch(const char *name)
{
	char buf[5000];
	int fd = open(name, O_RDWR | O_CREAT | (pick(2) ? O_EXCL : 0), 0644);

	if (fd < 0)
		return;
	memset(buf, 'x', sizeof(buf));
	write(fd, buf, pick(sizeof(buf)));
	pread(fd, buf, sizeof(buf), pick(100));
	if (pick(3) == 0)
		ftruncate(fd, pick(10000));
	close(fd);
}

static void list(const char *name)
{
	DIR *dir = opendir(name);

	while (dir && readdir(dir))
		;
	if (dir)
		closedir(dir);
}

static void walk_away(const char *name)
{
	char cwd[256];
	int top = open(".", O_RDONLY);
	struct stat st;

	if (chdir(name) == 0) {
		getcwd(cwd, sizeof(cwd));
		stat("..", &st);
		mkdir("a", 0755);
		fchdir(top);
	}
	close(top);
}

static void one_call(void)
{
	char a[32], b[32];
	struct stat st;

	random_name(a);
	random_name(b);
	switch (pick(12)) {
	case 0:
	case 1:
		mkdir(a, 0755);
		break;
	case 2:
		rmdir(a);
		break;
	case 3:
		unlink(a);
		break;
	case 4:
		rename(a, b);
		break;
	case 5:
		syscall(SYS_renameat2, AT_FDCWD, a, AT_FDCWD, b, 1 + pick(2));
		break;
	case 6:
		link(a, b);
		break;
	case 7:
		symlink(b, a);
		break;
	case 8:
		list(a);
		break;
	case 9:
		walk_away(a);
		break;
	case 10:
		stat(a, &st);
		break;
	default:
		touch(a);
		break;
	}
}

static void child(time_t end, unsigned long seed)
{
	state = seed;
	while (time(NULL) < end) {
		for (int i = 0; i < 100; i++)
			one_call();
	}
	_exit(0);
}

static bool is_dot(const char *name)
{
	return !strcmp(name, ".") || !strcmp(name, "..");
}

/* The links of the directory we are in: its name, its ".", its children's "..". */
static void check_links(const char *name)
{
	unsigned int subdirs = 0;
	DIR *dir = opendir(".");
	struct dirent *entry;
	struct stat st;

	while (dir && (entry = readdir(dir))) {
		if (is_dot(entry->d_name))
			continue;
		if (lstat(entry->d_name, &st))
			check(false, "stat %s", entry->d_name);
		else if (S_ISDIR(st.st_mode))
			subdirs++;
	}
	if (dir)
		closedir(dir);
	stat(".", &st);
	if (st.st_nlink != subdirs + 2)
		check(false, "%s has %lu links, %u directories", name,
		      (unsigned long)st.st_nlink, subdirs);
}

/* Any name in the directory we are in; false: it is empty. */
static bool first_name(char name[256])
{
	DIR *dir = opendir(".");
	struct dirent *entry;
	bool found = false;

	while (dir && !found && (entry = readdir(dir))) {
		if (!is_dot(entry->d_name)) {
			snprintf(name, 256, "%s", entry->d_name);
			found = true;
		}
	}
	if (dir)
		closedir(dir);
	return found;
}

/* Remove @name and all below; counts of directories' links must be right. The
 * tree may be deeper than a process may have files open. */
static void remove_tree(const char *name)
{
	char child[256];

	if (chdir(name)) {
		check(false, "enter %s: %s", name, error_name(errno));
		return;
	}
	check_links(name);
	while (first_name(child)) {
		if (unlink(child) == 0)
			continue;
		if (errno != EISDIR) {
			check(false, "unlink %s: %s", child, error_name(errno));
			break;
		}
		remove_tree(child);
	}
	if (chdir("..") || rmdir(name))
		check(false, "rmdir %s: %s", name, error_name(errno));
}

int main(int argc, char **argv)
{
	int seconds = argc > 1 ? atoi(argv[1]) : 3;
	int processes = argc > 2 ? atoi(argv[2]) : 6;
	unsigned long seed = argc > 3 ? strtoul(argv[3], NULL, 0) : 1;
	char top[] = "churn-XXXXXX";
	time_t end = time(NULL) + seconds;
	int status, failed = 0;

	if (!mkdtemp(top) || chdir(top)) {
		perror(top);
		return 2;
	}
	for (int i = 0; i < processes; i++) {
		if (fork() == 0)
			child(end, seed * 1000 + (unsigned long)i);
	}
	while (wait(&status) > 0)
		failed |= status;
	check(failed == 0, "all processes came to their end");
	chdir("..");
	remove_tree(top);
	check(access(top, F_OK) != 0, "the tree is gone");
	return check_status();
}
