/* SPDX-License-Identifier: MIT */
/*
 * names.c - path resolution, and making, moving and removing names
 *
 * Idea: most claims are "this call gives this error", one line each, in the
 * order of path_resolution(7) and of the manual pages. Run as root in a
 * directory that is made here and removed at the end.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "expect.h"

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE 1
#define RENAME_EXCHANGE  2
#endif

static void make_file(const char *name, const char *text)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		check(false, "make %s", name);
	close(fd);
}

static ino_t inode_of(const char *name)
{
	struct stat st;

	return lstat(name, &st) ? 0 : st.st_ino;
}

static nlink_t links_of(const char *name)
{
	struct stat st;

	return lstat(name, &st) ? 0 : st.st_nlink;
}

static mode_t mode_of(const char *name)
{
	struct stat st;

	return lstat(name, &st) ? 0 : st.st_mode;
}

static bool exists(const char *name)
{
	return inode_of(name) != 0;
}

static long open_close(const char *name, int flags)
{
	int fd = open(name, flags, 0644);

	if (fd >= 0)
		close(fd);
	return fd < 0 ? -1 : 0;
}

/* ---- Walking ---- */

static char long_name[NAME_MAX + 2], long_path[PATH_MAX + 10];

static void test_resolution(void)
{
	struct stat st;

	make_file("f", "x");
	mkdir("d", 0755);
	symlink("f", "to_f");
	symlink("d", "to_d");
	symlink("nowhere", "dangling");
	symlink("loop2", "loop1");
	symlink("loop1", "loop2");

	FAILS(stat("", &st), ENOENT);
	FAILS(stat("none", &st), ENOENT);
	FAILS(stat("none/x", &st), ENOENT);
	FAILS(stat("f/x", &st), ENOTDIR);
	FAILS(stat("f/", &st), ENOTDIR);
	FAILS(stat("f/.", &st), ENOTDIR);
	FAILS(stat("f/..", &st), ENOTDIR);
	FAILS(stat("to_f/", &st), ENOTDIR);
	FAILS(lstat("to_f/", &st), ENOTDIR);
	WORKS(stat("d/", &st));
	WORKS(stat("d///.//", &st));
	WORKS(stat("to_d/", &st));
	WORKS(lstat("to_d/", &st));
	check(S_ISDIR(st.st_mode), "lstat of link/ is the directory");
	WORKS(lstat("to_d", &st));
	check(S_ISLNK(st.st_mode) && st.st_size == 1, "lstat of link");
	FAILS(stat("dangling", &st), ENOENT);
	FAILS(stat("loop1", &st), ELOOP);
	FAILS(stat("loop1/x", &st), ELOOP);
	WORKS(lstat("loop1", &st));
	WORKS(stat("/..", &st));
	check(inode_of("/") == inode_of("/../.."), "/.. is /");
	check(inode_of("d/..") == inode_of("."), "d/.. is .");
	check(inode_of("to_d/..") == inode_of("."), "link/.. is its target's");

	memset(long_name, 'n', NAME_MAX + 1);
	FAILS(stat(long_name, &st), ENAMETOOLONG);
	FAILS(mkdir(long_name, 0755), ENAMETOOLONG);
	long_name[NAME_MAX] = '\0';
	FAILS(stat(long_name, &st), ENOENT);
	WORKS(mkdir(long_name, 0755));
	WORKS(rmdir(long_name));
	memset(long_path, '/', PATH_MAX);
	FAILS(stat(long_path, &st), ENAMETOOLONG);
	long_path[PATH_MAX - 1] = '\0';
	WORKS(stat(long_path, &st));
	FAILS(stat((char *)1, &st), EFAULT);
}

static void test_link_depth(void)
{
	char name[16], target[16];
	struct stat st;

	make_file("end", "");
	symlink("end", "link0");
	for (int i = 1; i < 45; i++) {
		sprintf(name, "link%d", i);
		sprintf(target, "link%d", i - 1);
		symlink(target, name);
	}
	WORKS(stat("link39", &st));
	FAILS(stat("link40", &st), ELOOP);
	for (int i = 0; i < 45; i++) {
		sprintf(name, "link%d", i);
		unlink(name);
	}
	unlink("end");
}

static void test_dirfd(void)
{
	int dir = open("d", O_RDONLY | O_DIRECTORY), file = open("f", O_RDONLY);
	struct stat st;

	make_file("d/in", "");
	WORKS(fstatat(dir, "in", &st, 0));
	WORKS(fstatat(dir, "../f", &st, 0));
	FAILS(fstatat(dir, "", &st, 0), ENOENT);
	WORKS(fstatat(dir, "", &st, AT_EMPTY_PATH));
	check(S_ISDIR(st.st_mode), "AT_EMPTY_PATH is the descriptor itself");
	FAILS(fstatat(file, "in", &st, 0), ENOTDIR);
	WORKS(fstatat(file, "", &st, AT_EMPTY_PATH));
	FAILS(fstatat(999, "in", &st, 0), EBADF);
	WORKS(fstatat(999, "/", &st, 0));
	FAILS(fstatat(dir, "in", &st, 0x80000), EINVAL);
	WORKS(unlinkat(dir, "in", 0));
	close(dir);
	close(file);
}

static void test_openat2(void)
{
	int dir = open("d", O_PATH);
	struct open_how how = { .flags = O_RDONLY };

#define OPENAT2(name) syscall(SYS_openat2, dir, name, &how, sizeof(how))
	if (OPENAT2("none") == -1 && errno == ENOSYS) {
		close(dir);
		return; /* QEMU's user emulation does not know it */
	}
	make_file("d/in", "");
	symlink("/", "d/to_root");
	symlink("in", "d/to_in");
	how.resolve = RESOLVE_BENEATH;
	FAILS(OPENAT2("../f"), EXDEV);
	FAILS(OPENAT2("/etc"), EXDEV);
	FAILS(OPENAT2("to_root"), EXDEV);
	close((int)OPENAT2("to_in"));
	how.resolve = RESOLVE_NO_SYMLINKS;
	FAILS(OPENAT2("to_in"), ELOOP);
	how.resolve = RESOLVE_IN_ROOT;
	int fd = (int)OPENAT2("to_root/../in");
	check(fd >= 0, "RESOLVE_IN_ROOT stays inside");
	close(fd);
	how.resolve = 0;
	how.mode = 0644;
	FAILS(OPENAT2("in"), EINVAL);
	how.mode = 0;
	how.flags = 1ull << 40;
	FAILS(OPENAT2("in"), EINVAL);
	FAILS(syscall(SYS_openat2, dir, "in", &how, 8), EINVAL);
	unlink("d/in");
	unlink("d/to_in");
	unlink("d/to_root");
	close(dir);
}

/* ---- mkdir, mknod, symlink ---- */

static void test_create(void)
{
	umask(022);
	WORKS(mkdir("new/", 0777));
	check((mode_of("new") & 07777) == 0755, "mkdir applies the umask");
	FAILS(mkdir("new", 0755), EEXIST);
	FAILS(mkdir("f", 0755), EEXIST);
	FAILS(mkdir("dangling", 0755), EEXIST);
	FAILS(mkdir("none/new", 0755), ENOENT);
	FAILS(mkdir("f/new", 0755), ENOTDIR);
	FAILS(mkdir("/", 0755), EEXIST);
	FAILS(mkdir(".", 0755), EEXIST);
	FAILS(mkdir("new/..", 0755), EEXIST);
	FAILS(mkdir("none/.", 0755), ENOENT);
	check(links_of("new") == 2, "an empty directory has 2 links");
	mkdir("new/sub", 0755);
	check(links_of("new") == 3, "a subdirectory is a link");
	rmdir("new/sub");
	check(links_of("new") == 2, "until it is removed");

	WORKS(mkfifo("fifo", 0644));
	FAILS(mkfifo("fifo", 0644), EEXIST);
	FAILS(mkfifo("fifo2/", 0644), ENOENT);
	check(S_ISFIFO(mode_of("fifo")), "mkfifo makes a fifo");
	WORKS(mknod("node", S_IFCHR | 0600, 0x103));
	FAILS(mknod("x", S_IFDIR | 0755, 0), EPERM);
	FAILS(mknod("x", S_IFMT, 0), EINVAL);
	WORKS(mknod("plain", 0644, 0));
	check(S_ISREG(mode_of("plain")), "mknod without a type makes a file");

	FAILS(symlink("", "s"), ENOENT);
	FAILS(symlink("x", "f"), EEXIST);
	FAILS(symlink("x", "dangling"), EEXIST);
	FAILS(symlink("x", "s/"), ENOENT);
	FAILS(symlink("x", "none/s"), ENOENT);
	unlink("fifo");
	unlink("node");
	unlink("plain");
	rmdir("new");
}

static void test_readlink(void)
{
	char text[8] = "-------";

	GIVES(readlink("to_f", text, sizeof(text)), 1);
	check(!memcmp(text, "f------", 7), "readlink adds no NUL");
	GIVES(readlink("dangling", text, 3), 3);
	check(!memcmp(text, "now---", 6), "readlink cuts");
	FAILS(readlink("f", text, sizeof(text)), EINVAL);
	FAILS(readlink("d", text, sizeof(text)), EINVAL);
	FAILS(readlink("to_d/", text, sizeof(text)), EINVAL);
	FAILS(readlink("none", text, sizeof(text)), ENOENT);
	FAILS(readlink("to_f", text, 0), EINVAL);
	int fd = open("to_f", O_PATH | O_NOFOLLOW);
	GIVES(readlinkat(fd, "", text, sizeof(text)), 1);
	close(fd);
	fd = open("f", O_PATH);
	FAILS(readlinkat(fd, "", text, sizeof(text)), ENOENT);
	close(fd);
}

/* ---- unlink, rmdir ---- */

static void test_remove(void)
{
	mkdir("r", 0755);
	make_file("r/f", "");
	FAILS(unlink("r"), EISDIR);
	FAILS(unlink("r/"), EISDIR);
	FAILS(unlink("r/."), EISDIR);
	FAILS(unlink("r/.."), EISDIR);
	FAILS(unlink("/"), EISDIR);
	FAILS(unlink("r/f/"), ENOTDIR);
	FAILS(unlink("r/none"), ENOENT);
	FAILS(unlink("r/none/"), ENOENT);
	FAILS(rmdir("r"), ENOTEMPTY);
	FAILS(rmdir("r/f"), ENOTDIR);
	FAILS(rmdir("r/."), EINVAL);
	FAILS(rmdir("r/.."), ENOTEMPTY);
	FAILS(rmdir("/"), EBUSY);
	FAILS(rmdir("to_d"), ENOTDIR);
	FAILS(rmdir("to_d/"), ENOTDIR);
	FAILS(unlinkat(AT_FDCWD, "r/f", 1), EINVAL);
	WORKS(unlink("r/f"));
	WORKS(rmdir("r/"));
	FAILS(rmdir("r"), ENOENT);
}

static void test_removed_directory(void)
{
	char name[64];
	struct stat st;
	int fd;

	mkdir("gone", 0755);
	chdir("gone");
	rmdir("../gone");
	FAILS(getcwd(name, sizeof(name)) ? 0 : -1, ENOENT);
	WORKS(stat(".", &st));
	check(st.st_nlink == 0, "a removed directory has no links");
	WORKS(stat("..", &st));
	FAILS(open("new", O_CREAT | O_WRONLY, 0644), ENOENT);
	FAILS(mkdir("new", 0755), ENOENT);
	fd = open(".", O_RDONLY);
	check(fd >= 0, "it can be opened");
	char buf[256];
	FAILS(syscall(SYS_getdents64, fd, buf, sizeof(buf)), ENOENT);
	close(fd);
	WORKS(chdir(".."));
}

static void test_unlinked_file(void)
{
	char buf[8];
	struct stat st;
	int fd;

	make_file("open", "data");
	fd = open("open", O_RDWR);
	WORKS(unlink("open"));
	check(!exists("open"), "the name is gone at once");
	GIVES(read(fd, buf, sizeof(buf)), 4);
	WORKS(fstat(fd, &st));
	check(st.st_nlink == 0, "an unlinked file has no links");
	close(fd);
}

/* ---- link ---- */

static void test_link(void)
{
	make_file("one", "1");
	WORKS(link("one", "two"));
	check(inode_of("one") == inode_of("two") && links_of("one") == 2,
	      "two names, one file");
	FAILS(link("one", "two"), EEXIST);
	FAILS(link("none", "three"), ENOENT);
	FAILS(link("d", "three"), EPERM);
	FAILS(link("one", "none/three"), ENOENT);
	FAILS(link("one", "three/"), ENOENT);
	WORKS(link("to_f", "link_to_link"));
	check(S_ISLNK(mode_of("link_to_link")), "link does not follow");
	WORKS(linkat(AT_FDCWD, "to_f", AT_FDCWD, "followed",
		     AT_SYMLINK_FOLLOW));
	check(inode_of("followed") == inode_of("f"), "AT_SYMLINK_FOLLOW does");
	FAILS(linkat(AT_FDCWD, "one", AT_FDCWD, "x", 0x8000), EINVAL);
	FAILS(link("/proc/self/status", "x"), EXDEV);
	int fd = open("one", O_RDONLY);
	WORKS(linkat(fd, "", AT_FDCWD, "from_fd", AT_EMPTY_PATH));
	close(fd);
	unlink("one");
	unlink("two");
	unlink("from_fd");
	unlink("followed");
	unlink("link_to_link");
}

static void test_tmpfile(void)
{
	char name[64];
	struct stat st;
	int fd = open(".", O_TMPFILE | O_RDWR, 0640);

	check(fd >= 0, "O_TMPFILE");
	fstat(fd, &st);
	check(st.st_nlink == 0 && (st.st_mode & 07777) == 0640,
	      "has no name yet");
	GIVES(write(fd, "hello", 5), 5);
	sprintf(name, "/proc/self/fd/%d", fd);
	WORKS(linkat(AT_FDCWD, name, AT_FDCWD, "published", AT_SYMLINK_FOLLOW));
	fstat(fd, &st);
	check(st.st_nlink == 1 && st.st_ino == inode_of("published"),
	      "linkat gives it one");
	unlink("published");
	close(fd);
	fd = open(".", O_TMPFILE | O_EXCL | O_RDWR, 0600);
	sprintf(name, "/proc/self/fd/%d", fd);
	FAILS(linkat(AT_FDCWD, name, AT_FDCWD, "published", AT_SYMLINK_FOLLOW),
	      ENOENT);
	close(fd);
	FAILS(open(".", O_TMPFILE | O_RDONLY, 0600), EINVAL);
	FAILS(open("f", O_TMPFILE | O_RDWR, 0600), ENOTDIR);
}

/* ---- rename ---- */

static int rename2(const char *old, const char *new, unsigned int flags)
{
	return (int)syscall(SYS_renameat2, AT_FDCWD, old, AT_FDCWD, new, flags);
}

static void test_rename_errors(void)
{
	mkdir("a", 0755);
	mkdir("a/b", 0755);
	mkdir("e", 0755);
	make_file("x", "x");
	make_file("y", "y");
	FAILS(rename("none", "new"), ENOENT);
	FAILS(rename("x", "none/new"), ENOENT);
	FAILS(rename("x", "a"), EISDIR);
	FAILS(rename("a", "x"), ENOTDIR);
	FAILS(rename("e", "a"), ENOTEMPTY);
	FAILS(rename("a", "a/b/c"), EINVAL);
	FAILS(rename("a", "a/c"), EINVAL);
	FAILS(rename("a/b", "a"), ENOTEMPTY);
	FAILS(rename("x", "x2/"), ENOTDIR);
	FAILS(rename("x/", "x2"), ENOTDIR);
	FAILS(rename("a/.", "c"), EBUSY);
	FAILS(rename("a/..", "c"), EBUSY);
	FAILS(rename("x", "a/."), EBUSY);
	FAILS(rename("x", "/proc/new"), EXDEV);
	FAILS(rename2("x", "y", RENAME_NOREPLACE), EEXIST);
	FAILS(rename2("x", "none", RENAME_EXCHANGE), ENOENT);
	FAILS(rename2("a", "a/b", RENAME_EXCHANGE), EINVAL);
	FAILS(rename2("a/b", "a", RENAME_EXCHANGE), EINVAL);
	FAILS(rename2("x", "y", RENAME_EXCHANGE | RENAME_NOREPLACE), EINVAL);
	FAILS(rename2("x", "y", 128), EINVAL);
}

static void test_rename(void)
{
	ino_t x = inode_of("x"), y = inode_of("y"), a = inode_of("a"),
	      e = inode_of("e");

	WORKS(rename2("x", "y", RENAME_EXCHANGE));
	check(inode_of("x") == y && inode_of("y") == x, "exchange of files");
	WORKS(rename2("x", "a", RENAME_EXCHANGE));
	check(inode_of("x") == a && inode_of("a") == y,
	      "exchange of file and directory");
	WORKS(rename2("x", "a", RENAME_EXCHANGE));
	WORKS(rename2("x", "z", RENAME_NOREPLACE));
	check(!exists("x") && inode_of("z") == y, "NOREPLACE to a free name");
	WORKS(rename("z", "y"));
	check(!exists("z") && inode_of("y") == y, "rename replaces");
	WORKS(rename("y", "y"));
	WORKS(rename("a/b", "e"));
	check(inode_of("e") != e && links_of("a") == 2,
	      "an empty directory is replaced");
	link("y", "y2");
	WORKS(rename("y", "y2"));
	check(exists("y") && exists("y2"), "names of one file both stay");
	WORKS(rename("y", "e/deep"));
	WORKS(rename("e/", "a/e"));
	check(inode_of("a/e/deep") == y && links_of("a") == 3,
	      "a tree moves with what is in it");
	check(inode_of("a/e/..") == a, "and gets another ..");
	unlink("a/e/deep");
	rmdir("a/e");
	rmdir("a");
	unlink("y2");
}

static void test_names_of_moved(void)
{
	char name[256], *end;
	int fd;

	mkdir("m", 0755);
	make_file("m/f", "");
	fd = open("m/f", O_RDONLY);
	rename("m", "moved");
	sprintf(name, "/proc/self/fd/%d", fd);
	char target[PATH_MAX] = "";
	readlink(name, target, sizeof(target) - 1);
	end = strrchr(target, '/');
	check(end && !strcmp(end - 6, "/moved/f"), "open files move: %s",
	      target);
	unlink("moved/f");
	memset(target, 0, sizeof(target));
	readlink(name, target, sizeof(target) - 1);
	end = strrchr(target, '/');
	check(end && !strcmp(end, "/f (deleted)"), "and say so: %s", target);
	close(fd);
	rmdir("moved");
}

/* ---- Reading directories ---- */

static unsigned int count_entries(const char *name)
{
	DIR *dir = opendir(name);
	unsigned int n = 0;

	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

/* rm -r reads on while it removes: nothing may be missed. */
static void test_readdir(void)
{
	enum { FILES = 1000 };
	char name[32], buf[16];
	struct dirent *entry;
	unsigned int removed = 0;
	DIR *dir;
	int fd;

	mkdir("many", 0755);
	for (int i = 0; i < FILES; i++) {
		sprintf(name, "many/%d", i);
		close(open(name, O_CREAT | O_WRONLY, 0644));
	}
	check(count_entries("many") == FILES + 2, "all entries, . and ..");
	dir = opendir("many");
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		check_failed += entry->d_type != DT_REG;
		removed += !unlinkat(dirfd(dir), entry->d_name, 0);
	}
	check(removed == FILES, "removing while reading misses none");
	rewinddir(dir);
	unsigned int left = 0;
	while (readdir(dir))
		left++;
	check(left == 2, "rewinding shows what is left");
	closedir(dir);
	fd = open("many", O_RDONLY);
	FAILS(syscall(SYS_getdents64, fd, buf, sizeof(buf)), EINVAL);
	FAILS(read(fd, buf, sizeof(buf)), EISDIR);
	close(fd);
	fd = open("f", O_RDONLY);
	FAILS(syscall(SYS_getdents64, fd, buf, sizeof(buf)), ENOTDIR);
	close(fd);
	rmdir("many");
}

/* ---- Working directory ---- */

static void test_cwd(void)
{
	char here[PATH_MAX], name[PATH_MAX];
	long len;

	len = syscall(SYS_getcwd, here, sizeof(here));
	check(len == (long)strlen(here) + 1, "getcwd counts the NUL");
	FAILS(syscall(SYS_getcwd, name, len - 1), ERANGE);
	WORKS(chdir("to_d"));
	getcwd(name, sizeof(name));
	check(!strncmp(name, here, strlen(here)) &&
		      !strcmp(name + strlen(here), "/d"),
	      "getcwd names the directory, not the link");
	WORKS(chdir(".."));
	FAILS(chdir("f"), ENOTDIR);
	FAILS(chdir("none"), ENOENT);
	int fd = open("f", O_RDONLY);
	FAILS(fchdir(fd), ENOTDIR);
	FAILS(fchdir(999), EBADF);
	close(fd);
	fd = open("d", O_PATH);
	WORKS(fchdir(fd));
	close(fd);
	WORKS(chdir(here));
}

static void in_chroot(void)
{
	char name[PATH_MAX];

	WORKS(chroot("d"));
	syscall(SYS_getcwd, name, sizeof(name));
	check(!strncmp(name, "(unreachable)/", 14), "outside: %s", name);
	WORKS(chdir("/"));
	check(inode_of("/..") == inode_of("/"), "the new root is the top");
	syscall(SYS_getcwd, name, sizeof(name));
	check(!strcmp(name, "/"), "its name is /");
	check(!exists("/f"), "nothing else is there");
}

static void in_child(void (*fn)(void))
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		check_failed = 0;
		fn();
		_exit(check_failed);
	}
	waitpid(pid, &status, 0);
	check(status == 0, "the child's claims");
}

/* ---- Permissions of another user ---- */

static void as_nobody(void)
{
	char name[8];

	setgid(65534);
	setuid(65534);
	FAILS(open_close("p/f", O_RDONLY), EACCES);
	FAILS(mkdir("p/new", 0755), EACCES);
	FAILS(open_close("w/600", O_RDONLY), EACCES);
	FAILS(open_close("w/600", O_WRONLY), EACCES);
	WORKS(open_close("w/644", O_RDONLY));
	FAILS(open_close("w/644", O_WRONLY), EACCES);
	FAILS(open_close("w/644", O_RDONLY | O_TRUNC), EACCES);
	FAILS(open_close("w/644", O_RDONLY | O_NOATIME), EPERM);
	FAILS(open_close("w/new", O_CREAT | O_WRONLY), EACCES);
	FAILS(unlink("w/644"), EACCES);
	FAILS(rename("w/644", "w/645"), EACCES);
	FAILS(chmod("w/644", 0777), EPERM);
	FAILS(chown("w/644", 65534, 65534), EPERM);
	FAILS(access("w/644", W_OK), EACCES);
	WORKS(access("w/644", R_OK));
	FAILS(access("w/644", X_OK), EACCES);
	FAILS(access("w/644", 8), EINVAL);
	FAILS(unlink("t/root"), EPERM);
	FAILS(rename("t/root", "t/x"), EPERM);
	WORKS(mkdir("t/mine", 0755));
	WORKS(rename("t/mine", "t/mine2"));
	WORKS(rmdir("t/mine2"));
	FAILS(mknod("t/dev", S_IFCHR | 0600, 0x103), EPERM);
	FAILS(chroot("."), EPERM);
	(void)name;
}

static void test_permissions(void)
{
	mkdir("p", 0700);
	make_file("p/f", "");
	mkdir("w", 0755);
	make_file("w/600", "");
	chmod("w/600", 0600);
	make_file("w/644", "");
	mkdir("t", 0755);
	chmod("t", 01777);
	make_file("t/root", "");
	chmod("t/root", 0666);
	in_child(as_nobody);
	/* Root may do all but run what nobody may run. */
	WORKS(access("w/600", R_OK | W_OK));
	FAILS(access("w/600", X_OK), EACCES);
	unlink("p/f");
	rmdir("p");
	unlink("w/600");
	unlink("w/644");
	rmdir("w");
	unlink("t/root");
	rmdir("t");
}

static void test_setgid_directory(void)
{
	struct stat st;

	mkdir("g", 0755);
	chown("g", (uid_t)-1, 1234);
	chmod("g", 02775);
	mkdir("g/d", 0755);
	stat("g/d", &st);
	check(st.st_gid == 1234 && st.st_mode & S_ISGID,
	      "a directory takes group and setgid");
	make_file("g/f", "");
	stat("g/f", &st);
	check(st.st_gid == 1234 && !(st.st_mode & S_ISGID),
	      "a file takes the group");
	unlink("g/f");
	rmdir("g/d");
	rmdir("g");
}

int main(void)
{
	char top[] = "names-XXXXXX";

	if (!mkdtemp(top) || chdir(top)) {
		perror(top);
		return 2;
	}
	chmod(".", 0755);
	test_resolution();
	test_link_depth();
	test_dirfd();
	test_openat2();
	test_create();
	test_readlink();
	test_remove();
	test_removed_directory();
	test_unlinked_file();
	test_link();
	test_tmpfile();
	test_rename_errors();
	test_rename();
	test_names_of_moved();
	test_readdir();
	test_cwd();
	in_child(in_chroot);
	test_permissions();
	test_setgid_directory();
	unlink("f");
	unlink("to_f");
	unlink("to_d");
	unlink("dangling");
	unlink("loop1");
	unlink("loop2");
	rmdir("d");
	chdir("..");
	WORKS(rmdir(top)); /* nothing was left behind */
	return check_status();
}
