/* SPDX-License-Identifier: MIT */
/*
 * paths.c - every path system call, every error, as one table
 *
 *	paths [-l] [-k WORD] DIR
 *
 * Idea: a case is one line of a small language (paths_cases.h): system calls
 * by their name, with words for their arguments. Each runs in a process and an
 * empty folder of its own, and what its calls gave is printed behind it:
 *
 *	file f; open f O_RDONLY|O_DIRECTORY = ENOTDIR
 *
 * Nothing is judged here. The expectations are what Linux prints on the same
 * file system (test/data/paths, made by `pytest test/test_paths.py --kernel
 * linux --record`). Must run as root; `as UID` makes a case somebody else.
 *
 *	-l  list the cases, run none
 *	-k  only those with WORD in them
 *
 * Words for paths: NULL, BAD (unmapped), "" (empty), A:x (in the folder open
 * as A), BADF:x, %255 (so many letters), ~4096x (a path of this length to x),
 * ^ (the absolute name of the folder of the case).
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <linux/stat.h>

#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif
#define BAD_ADDRESS ((void *)1)
#define BAD_FD      999

struct output {
	size_t used;
	char text[16000];
};

static struct output *output;   /* shared with children */
static char base[PATH_MAX];     /* the folder of all cases */
static char here[PATH_MAX + 2]; /* of this one */
static int slot[26];
static pid_t spawned[8];
static int num_spawned;
static struct aged {
	char *name;
	struct timespec ctime;
} aged[8];
static int num_aged;

__attribute__((format(printf, 1, 2))) static void out(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	output->used += (size_t)vsnprintf(output->text + output->used,
					  sizeof(output->text) - output->used,
					  format, args);
	va_end(args);
}

/* ---- Words ---- */

struct word {
	const char *name;
	long value;
};

#define W(name)                                                                \
	{                                                                      \
#name, (long)(name)                                            \
	}
#define SHORT(prefix, name)                                                    \
	{                                                                      \
#name, (long)(prefix##name)                                    \
	}
static const struct word words[] = {
	W(O_RDONLY),
	W(O_WRONLY),
	W(O_RDWR),
	W(O_CREAT),
	W(O_EXCL),
	W(O_TRUNC),
	W(O_APPEND),
	W(O_NONBLOCK),
	W(O_DIRECTORY),
	W(O_NOFOLLOW),
	W(O_PATH),
	W(O_TMPFILE),
	W(O_DIRECT),
	W(O_NOATIME),
	W(O_CLOEXEC),
	W(O_SYNC),
	W(AT_SYMLINK_NOFOLLOW),
	W(AT_SYMLINK_FOLLOW),
	W(AT_EMPTY_PATH),
	W(AT_REMOVEDIR),
	W(AT_EACCESS),
	W(AT_NO_AUTOMOUNT),
	W(AT_STATX_FORCE_SYNC),
	W(AT_STATX_DONT_SYNC),
	W(RENAME_NOREPLACE),
	W(RENAME_EXCHANGE),
	W(RENAME_WHITEOUT),
	W(RESOLVE_BENEATH),
	W(RESOLVE_IN_ROOT),
	W(RESOLVE_NO_XDEV),
	W(RESOLVE_NO_SYMLINKS),
	W(RESOLVE_NO_MAGICLINKS),
	W(RESOLVE_CACHED),
	W(F_OK),
	W(R_OK),
	W(W_OK),
	W(X_OK),
	{ "KEEP", FALLOC_FL_KEEP_SIZE },
	{ "PUNCH", FALLOC_FL_PUNCH_HOLE },
	{ "ZERO", FALLOC_FL_ZERO_RANGE },
	{ "COLLAPSE", FALLOC_FL_COLLAPSE_RANGE },
	{ "INSERT", FALLOC_FL_INSERT_RANGE },
	{ "UNSHARE", FALLOC_FL_UNSHARE_RANGE },
	W(SEEK_SET),
	W(SEEK_CUR),
	W(SEEK_END),
	W(SEEK_DATA),
	W(SEEK_HOLE),
	W(LOCK_SH),
	W(LOCK_EX),
	W(LOCK_UN),
	W(LOCK_NB),
	W(F_RDLCK),
	W(F_WRLCK),
	W(F_UNLCK),
	W(MS_RDONLY),
	W(MS_BIND),
	W(MS_REMOUNT),
	W(MS_MOVE),
	W(MS_NOEXEC),
	W(MS_NODEV),
	W(MS_NOSUID),
	W(MS_REC),
	W(MNT_DETACH),
	W(MNT_FORCE),
	W(MNT_EXPIRE),
	W(UMOUNT_NOFOLLOW),
	W(XATTR_CREATE),
	W(XATTR_REPLACE),
	W(IN_MODIFY),
	W(IN_CREATE),
	W(IN_ONLYDIR),
	W(IN_DONT_FOLLOW),
	W(IN_MASK_ADD),
	W(IN_MASK_CREATE),
	W(IN_EXCL_UNLINK),
	W(IN_ALL_EVENTS),
	W(STATX_BASIC_STATS),
	W(STATX_ALL),
	{ "fifo", S_IFIFO },
	{ "chr", S_IFCHR },
	{ "blk", S_IFBLK },
	{ "sock", S_IFSOCK },
	{ "reg", S_IFREG },
	{ "dir", S_IFDIR },
	{ "lnk", S_IFLNK },
	{ "max", LONG_MAX },
	{ "-1", -1 },
	{ "MAP_SHARED", MAP_SHARED },
	{ "MAP_PRIVATE", MAP_PRIVATE },
	{ "now", UTIME_NOW },
	{ "omit", UTIME_OMIT },
	{ "NULL", 0 },
	{ "BAD", 1 },
	{ "BADF", BAD_FD },
	{ "CWD", AT_FDCWD },
};

static _Noreturn void wrong(const char *what, const char *text)
{
	out(" wrong %s: %s", what, text);
	_exit(1);
}

static long number_of(const char *text, size_t len, int radix)
{
	char copy[64];
	char *end;
	long value;

	snprintf(copy, sizeof(copy), "%.*s", (int)len, text);
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (!strcmp(words[i].name, copy))
			return words[i].value;
	if (len == 1 && isupper((unsigned char)*copy))
		return slot[*copy - 'A'];
	value = strtol(copy, &end, radix);
	if (*end)
		wrong("word", copy);
	return value;
}

/* "A|B|3"; a missing one is @otherwise. */
static long number(const char *text, int radix, long otherwise)
{
	long value = 0;

	if (!text)
		return otherwise;
	for (;;) {
		size_t len = strcspn(text, "|");

		value |= number_of(text, len, radix);
		if (!text[len])
			return value;
		text += len + 1;
	}
}

#define NUM(i)     number(a[i], 0, 0)
#define OR(i, n)   number(a[i], 0, n)
#define MODE(i, n) number(a[i], 8, n)

/* The words of a path, spelt out. */
static char *spell(const char *text)
{
	char *name = malloc(4 * PATH_MAX), *to = name;
	size_t total = 0;

	if (!strcmp(text, "NULL"))
		return NULL;
	if (!strcmp(text, "BAD"))
		return BAD_ADDRESS;
	if (!strcmp(text, "\"\""))
		text = "";
	if (*text == '~')
		total = strtoul(text + 1, (char **)&text, 10);
	if (*text == '^') {
		to = stpcpy(to, here);
		text++;
	}
	while ((size_t)(to - name) + 2 + strlen(text) <= total)
		to = stpcpy(to, "./");
	if (total && (size_t)(to - name) + strlen(text) < total)
		*to++ = '/';
	while (*text) {
		if (*text == '%') {
			size_t n = strtoul(text + 1, (char **)&text, 10);

			memset(to, 'x', n);
			to += n;
		} else {
			*to++ = *text++;
		}
	}
	*to = '\0';
	return name;
}

struct where {
	int fd;
	char *name;
};

static struct where where(const char *text)
{
	struct where w = { AT_FDCWD, NULL };

	if (!text)
		wrong("number of words", "");
	if (!strncmp(text, "BADF:", 5)) {
		w.fd = BAD_FD;
		text += 5;
	} else if (isupper((unsigned char)text[0]) && text[1] == ':') {
		w.fd = slot[text[0] - 'A'];
		text += 2;
	}
	w.name = spell(text);
	return w;
}

#define AT(i)   where(a[i])
#define NAME(i) (where(a[i]).name)

/* A pointer argument: a word, or @usual. */
static void *pointer(const char *text, void *usual)
{
	if (text && !strcmp(text, "NULL"))
		return NULL;
	return text && !strcmp(text, "BAD") ? BAD_ADDRESS : usual;
}

/* ---- The calls ---- */

static char buffer[70000];

static long c_open(char **a)
{
	struct where w = AT(0);

	return syscall(SYS_openat, w.fd, w.name, NUM(1), MODE(2, 0));
}

/* openat2 PATH FLAGS MODE RESOLVE SIZE */
static long c_openat2(char **a)
{
	struct where w = AT(0);
	struct {
		struct open_how how;
		uint64_t more;
	} h = { { (uint64_t)NUM(1), (uint64_t)MODE(2, 0), (uint64_t)NUM(3) },
		(uint64_t)NUM(5) };

	return syscall(SYS_openat2, w.fd, w.name, pointer(a[3], &h),
		       OR(4, sizeof(h.how)));
}

static long c_creat(char **a)
{
	struct where w = AT(0);

	return syscall(SYS_openat, w.fd, w.name, O_CREAT | O_WRONLY | O_TRUNC,
		       MODE(1, 0644));
}

static long c_close(char **a)
{
	return syscall(SYS_close, NUM(0));
}

static long c_mkdir(char **a)
{
	struct where w = AT(0);

	return syscall(SYS_mkdirat, w.fd, w.name, MODE(1, 0755));
}

/* mknod PATH TYPE|MODE MAJOR MINOR */
static long c_mknod(char **a)
{
	struct where w = AT(0);

	return syscall(SYS_mknodat, w.fd, w.name, MODE(1, 0644),
		       makedev((unsigned int)NUM(2), (unsigned int)OR(3, 0)));
}

static long c_unlink(char **a)
{
	struct where w = AT(0);

	return syscall(SYS_unlinkat, w.fd, w.name, NUM(1));
}

static long c_rmdir(char **a)
{
	struct where w = AT(0);

	return syscall(SYS_unlinkat, w.fd, w.name, AT_REMOVEDIR);
}

static long c_link(char **a)
{
	struct where w = AT(0), v = AT(1);

	return syscall(SYS_linkat, w.fd, w.name, v.fd, v.name, NUM(2));
}

static long c_symlink(char **a)
{
	struct where w = AT(1);

	return syscall(SYS_symlinkat, NAME(0), w.fd, w.name);
}

static long c_readlink(char **a)
{
	struct where w = AT(0);
	long n = syscall(SYS_readlinkat, w.fd, w.name, pointer(a[2], buffer),
			 OR(1, 4096));

	if (n > 0 && n < 40)
		out(" %.*s", (int)n, buffer);
	return n;
}

static long c_rename(char **a)
{
	struct where w = AT(0), v = AT(1);

	return syscall(SYS_renameat2, w.fd, w.name, v.fd, v.name, NUM(2));
}

static long c_chmod(char **a)
{
	struct where w = AT(0);

	return syscall(SYS_fchmodat, w.fd, w.name, MODE(1, 0));
}

static long c_fchmodat2(char **a)
{
	struct where w = AT(0);

	return syscall(SYS_fchmodat2, w.fd, w.name, MODE(1, 0), NUM(2));
}

static long c_fchmod(char **a)
{
	return syscall(SYS_fchmod, NUM(0), MODE(1, 0));
}

/* chown PATH UID GID FLAGS */
static long c_chown(char **a)
{
	struct where w = AT(0);

	return syscall(SYS_fchownat, w.fd, w.name, NUM(1), NUM(2), NUM(3));
}

static long c_fchown(char **a)
{
	return syscall(SYS_fchown, NUM(0), NUM(1), NUM(2));
}

/* utimens PATH ATIME MTIME FLAGS: seconds, S.N, now or omit; NULL for both. */
static struct timespec time_of(const char *text)
{
	struct timespec t = { 0, 0 };
	const char *dot = strchr(text, '.');

	if (dot)
		t.tv_nsec = atol(dot + 1);
	if (isalpha((unsigned char)*text))
		t.tv_nsec = number(text, 0, 0);
	else
		t.tv_sec = atol(text);
	return t;
}

static long c_utimens(char **a)
{
	struct where w = AT(0);
	struct timespec t[2] = { { 0, 0 }, { 0, 0 } };

	if (a[1] && strcmp(a[1], "NULL") && strcmp(a[1], "BAD")) {
		t[0] = time_of(a[1]);
		t[1] = time_of(a[2]);
	}
	return syscall(SYS_utimensat, w.fd, w.name, pointer(a[1], t), NUM(3));
}

static long c_access(char **a)
{
	struct where w = AT(0);

	return syscall(SYS_faccessat, w.fd, w.name, NUM(1));
}

static long c_access2(char **a)
{
	struct where w = AT(0);

	return syscall(SYS_faccessat2, w.fd, w.name, NUM(1), NUM(2));
}

static long c_truncate(char **a)
{
	return syscall(SYS_truncate, NAME(0), NUM(1));
}

static long c_ftruncate(char **a)
{
	return syscall(SYS_ftruncate, NUM(0), NUM(1));
}

static long c_stat(char **a)
{
	struct where w = AT(0);

	return syscall(SYS_newfstatat, w.fd, w.name, pointer(a[2], buffer),
		       NUM(1));
}

static long c_fstat(char **a)
{
	return syscall(SYS_fstat, NUM(0), pointer(a[1], buffer));
}

static long c_statx(char **a)
{
	struct where w = AT(0);

	return syscall(SYS_statx, w.fd, w.name, NUM(1),
		       OR(2, STATX_BASIC_STATS), pointer(a[3], buffer));
}

static long c_statfs(char **a)
{
	return syscall(SYS_statfs, NAME(0), pointer(a[1], buffer));
}

static long c_fstatfs(char **a)
{
	return syscall(SYS_fstatfs, NUM(0), pointer(a[1], buffer));
}

static long c_chdir(char **a)
{
	return syscall(SYS_chdir, NAME(0));
}

static long c_fchdir(char **a)
{
	return syscall(SYS_fchdir, NUM(0));
}

static long c_chroot(char **a)
{
	return syscall(SYS_chroot, NAME(0));
}

static long c_getcwd(char **a)
{
	long n = syscall(SYS_getcwd, pointer(a[1], buffer), OR(0, 4096));
	size_t skip = strlen(base);

	if (n > 0 && !strncmp(buffer, base, skip))
		out(" %s", buffer + skip);
	return n < 0 ? n : 0;
}

static long c_getdents(char **a)
{
	long n = syscall(SYS_getdents64, NUM(0), pointer(a[2], buffer),
			 OR(1, sizeof(buffer)));

	return n > 0 ? 1 : n;
}

/* mount SOURCE TARGET TYPE FLAGS DATA; undone at once, except by `mounted`. */
static long mount_it(char **a)
{
	return syscall(SYS_mount, NAME(0), NAME(1), a[2] ? spell(a[2]) : NULL,
		       NUM(3), a[3] && a[4] ? spell(a[4]) : NULL);
}

static long c_mount(char **a)
{
	char *target = NAME(1), *real = NULL;
	long result;
	int error;

	if (target > (char *)BAD_ADDRESS)
		real = realpath(target, NULL);
	result = mount_it(a);
	error = errno;
	if (!result && real)
		umount2(real, MNT_DETACH);
	errno = error;
	return result;
}

static long c_umount(char **a)
{
	return syscall(SYS_umount2, NAME(0), NUM(1));
}

static long c_pivot_root(char **a)
{
	return syscall(SYS_pivot_root, NAME(0), NAME(1));
}

/* setxattr PATH NAME VALUE FLAGS; a number with # is a size. */
static size_t value_size(const char *value)
{
	if (!value)
		return 0;
	return *value == '#' ? strtoul(value + 1, NULL, 0) : strlen(value);
}

static void *value_of(char *value)
{
	static char large[70000];

	if (!value)
		return "";
	memset(large, 'v', sizeof(large));
	return pointer(value, *value == '#' ? large : value);
}

#define XATTR(name, number, target)                                            \
	static long c_##name##setxattr(char **a)                               \
	{                                                                      \
		return syscall(SYS_##name##setxattr, target, spell(a[1]),      \
			       value_of(a[2]), value_size(a[2]), NUM(3));      \
	}                                                                      \
	static long c_##name##getxattr(char **a)                               \
	{                                                                      \
		long n = syscall(SYS_##name##getxattr, target, spell(a[1]),    \
				 pointer(a[3], buffer), OR(2, 65536));         \
		if (n > 0 && n < 40 && NUM(2))                                 \
			out(" %.*s", (int)n, buffer);                          \
		return n;                                                      \
	}                                                                      \
	static long c_##name##listxattr(char **a)                              \
	{                                                                      \
		return list_result(syscall(SYS_##name##listxattr, target,      \
					   pointer(a[2], buffer),              \
					   OR(1, 65536)),                      \
				   OR(1, 65536));                              \
	}                                                                      \
	static long c_##name##removexattr(char **a)                            \
	{                                                                      \
		return syscall(SYS_##name##removexattr, target, spell(a[1]));  \
	}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void out_sorted(char **names, size_t count)
{
	qsort(names, count, sizeof(*names), by_name);
	out(" [");
	for (size_t i = 0; i < count; i++)
		out("%s%s", i ? " " : "", names[i]);
	out("]");
}

static long list_result(long n, long size)
{
	char *names[100];
	size_t count = 0;

	if (n > 0 && size) {
		for (char *p = buffer; p < buffer + n; p += strlen(p) + 1)
			names[count++] = p;
		out_sorted(names, count);
	}
	return n;
}

XATTR(, 0, NAME(0))
XATTR(l, 0, NAME(0))
XATTR(f, 0, NUM(0))

static long c_handle(char **a)
{
	struct where w = AT(0);
	struct {
		struct file_handle h;
		char bytes[128];
	} h = { .h.handle_bytes = (unsigned int)OR(2, 128) };
	int mount_id;

	return syscall(SYS_name_to_handle_at, w.fd, w.name, pointer(a[3], &h),
		       &mount_id, NUM(1));
}

static long c_inotify(char **a)
{
	int fd = inotify_init1(IN_CLOEXEC);

	return syscall(SYS_inotify_add_watch, fd, NAME(0), OR(1, IN_MODIFY));
}

/* A child's result: its exit status, or the errno it reports. */
static long run_child(struct where w, long flags)
{
	char *argv[] = { "x", "exit7", NULL }, *env[] = { NULL };
	volatile int *error = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid = fork();
	int status;

	if (!pid) {
		if (flags < 0)
			syscall(SYS_execve, w.name, argv, env);
		else
			syscall(SYS_execveat, w.fd, w.name, argv, env, flags);
		*error = errno;
		_exit(0);
	}
	waitpid(pid, &status, 0);
	errno = *error;
	if (errno)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000;
}

static long c_exec(char **a)
{
	return run_child(AT(0), -1);
}

static long c_execat(char **a)
{
	return run_child(AT(0), NUM(1));
}

/* fallocate FD MODE OFFSET LENGTH */
static long c_fallocate(char **a)
{
	return syscall(SYS_fallocate, NUM(0), NUM(1), NUM(2), NUM(3));
}

static long *offset_of(const char *text, long *memory)
{
	if (!text || !strcmp(text, "NULL"))
		return NULL;
	*memory = number(text, 0, 0);
	return pointer(text, memory);
}

/* copy_range IN OFF OUT OFF LENGTH FLAGS */
static long c_copy_range(char **a)
{
	long in, to;

	return syscall(SYS_copy_file_range, NUM(0), offset_of(a[1], &in),
		       NUM(2), offset_of(a[3], &to), NUM(4), NUM(5));
}

/* sendfile OUT IN OFF LENGTH */
static long c_sendfile(char **a)
{
	long in;

	return syscall(SYS_sendfile, NUM(0), NUM(1), offset_of(a[2], &in),
		       NUM(3));
}

static long c_lseek(char **a)
{
	return syscall(SYS_lseek, NUM(0), NUM(1), NUM(2));
}

static long c_flock(char **a)
{
	return syscall(SYS_flock, NUM(0), NUM(1));
}

/* lock FD TYPE START LENGTH */
static long c_lock(char **a)
{
	struct flock l = { .l_type = (short)NUM(1),
			   .l_start = NUM(2),
			   .l_len = OR(3, 0) };

	return syscall(SYS_fcntl, NUM(0), F_SETLK, &l);
}

static long c_getlk(char **a)
{
	struct flock l = { .l_type = (short)NUM(1),
			   .l_start = NUM(2),
			   .l_len = OR(3, 0) };
	long result = syscall(SYS_fcntl, NUM(0), F_GETLK, &l);

	if (!result)
		out(" %d:%ld+%ld", l.l_type, (long)l.l_start, (long)l.l_len);
	return result;
}

static long c_fsync(char **a)
{
	return syscall(SYS_fsync, NUM(0));
}

static long c_read(char **a)
{
	return syscall(SYS_read, NUM(0), pointer(a[2], buffer), OR(1, 100));
}

/* write FD TEXT, or #SIZE */
static long c_write(char **a)
{
	return syscall(SYS_write, NUM(0), value_of(a[1]), value_size(a[1]));
}

static long c_pread(char **a)
{
	return syscall(SYS_pread64, NUM(0), buffer, NUM(1), NUM(2));
}

static long c_pwrite(char **a)
{
	return syscall(SYS_pwrite64, NUM(0), value_of(a[1]), value_size(a[1]),
		       NUM(2));
}

/* Transfers of O_DIRECT: FD, ADDRESS in an aligned buffer, SIZE, OFFSET. */
static char aligned[65536] __attribute__((aligned(4096)));

static long c_dread(char **a)
{
	return syscall(SYS_pread64, NUM(0), aligned + NUM(1), NUM(2), NUM(3));
}

static long c_dwrite(char **a)
{
	return syscall(SYS_pwrite64, NUM(0), aligned + NUM(1), NUM(2), NUM(3));
}

static long c_fadvise(char **a)
{
	return syscall(SYS_fadvise64, NUM(0), NUM(1), NUM(2), NUM(3));
}

/* mmap FD LENGTH PROT FLAGS OFFSET */
static long c_mmap(char **a)
{
	void *p = mmap(NULL, (size_t)NUM(1), (int)NUM(2), (int)NUM(3),
		       (int)NUM(0), NUM(4));

	return p == MAP_FAILED ? -1 : 0;
}

static long socket_call(char **a,
			int (*call)(int, const struct sockaddr *, socklen_t))
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char *name = NAME(0);

	if (name <= (char *)BAD_ADDRESS)
		return call(socket(AF_UNIX, SOCK_STREAM, 0), (void *)name,
			    sizeof(address));
	if (strlen(name) >= sizeof(address.sun_path))
		name[sizeof(address.sun_path) - 1] = '\0';
	strcpy(address.sun_path, name);
	return call(socket(AF_UNIX, SOCK_STREAM, 0),
		    (struct sockaddr *)&address, sizeof(address));
}

static long c_bind(char **a)
{
	return socket_call(a, bind);
}

static long c_connect(char **a)
{
	return socket_call(a, connect);
}

static long c_umask(char **a)
{
	umask((mode_t)MODE(0, 0));
	return 0;
}

static long c_dup(char **a)
{
	return syscall(SYS_dup, NUM(0));
}

/* ---- Preparing, silently ---- */

static void must(bool done, const char *what, const char *name)
{
	if (done)
		return;
	out(" (%s %s: %s)", what, name, strerrorname_np(errno));
}

/* file NAME TEXT MODE */
static long c_file(char **a)
{
	struct where w = AT(0);
	int fd = openat(w.fd, w.name, O_CREAT | O_WRONLY | O_TRUNC, 0600);
	const char *text = a[1] ? a[1] : "";

	must(fd >= 0 &&
		     write(fd, value_of((char *)text), value_size(text)) >= 0,
	     "file", a[0]);
	fchmod(fd, (mode_t)MODE(a[1] ? 2 : 1, 0644));
	close(fd);
	return 0;
}

static long c_dir(char **a)
{
	struct where w = AT(0);

	must(!mkdirat(w.fd, w.name, 0700) &&
		     !fchmodat(w.fd, w.name, (mode_t)MODE(1, 0755), 0),
	     "dir", a[0]);
	return 0;
}

static long c_sym(char **a)
{
	must(!symlink(spell(a[0]), NAME(1)), "sym", a[1]);
	return 0;
}

static long c_fifo(char **a)
{
	must(!mkfifo(NAME(0), 0644), "fifo", a[0]);
	return 0;
}

/* many DIR COUNT: so many files in it */
static long c_many(char **a)
{
	char name[100];

	for (long i = 0; i < NUM(1); i++) {
		snprintf(name, sizeof(name), "%s/%ld", a[0], i);
		must(mknod(name, S_IFREG | 0644, 0) == 0, "many", name);
	}
	return 0;
}

/* subdirs DIR COUNT */
static long c_subdirs(char **a)
{
	char name[100];

	for (long i = 0; i < NUM(1); i++) {
		snprintf(name, sizeof(name), "%s/%ld", a[0], i);
		must(mkdir(name, 0755) == 0, "subdirs", name);
	}
	return 0;
}

/* owner PATH UID GID */
static long c_owner(char **a)
{
	must(!lchown(NAME(0), (uid_t)NUM(1), (gid_t)OR(2, NUM(1))), "owner",
	     a[0]);
	return 0;
}

static long c_perm(char **a)
{
	must(!chmod(NAME(0), (mode_t)MODE(1, 0)), "perm", a[0]);
	return 0;
}

static long c_mounted(char **a)
{
	must(!mount_it(a), "mount", a[1]);
	return 0;
}

/* A program that runs until the case ends. */
static long c_spawn(char **a)
{
	int ready[2], byte;
	pid_t pid;

	if (pipe2(ready, O_CLOEXEC))
		return -1;
	pid = fork();
	if (!pid) {
		execl(NAME(0), "x", "wait", NULL);
		_exit(1);
	}
	close(ready[1]);
	/* The pipe closes when the other program is there. */
	(void)!read(ready[0], &byte, 1);
	spawned[num_spawned++] = pid;
	return 0;
}

/* Be somebody else, who can come back. as UID [GID [GROUP]] */
static long c_as(char **a)
{
	gid_t gid = (gid_t)OR(1, NUM(0)), group = (gid_t)OR(a[1] ? 2 : 1, gid);

	must(!setresuid(0, 0, 0) && !setgroups(1, &group) &&
		     !setresgid(gid, gid, 0) &&
		     !setresuid((uid_t)NUM(0), (uid_t)NUM(0), 0),
	     "as", a[0]);
	return 0;
}

static long c_limit(char **a)
{
	struct rlimit l = { (rlim_t)NUM(0), (rlim_t)NUM(0) };

	signal(SIGXFSZ, SIG_IGN);
	must(!setrlimit(RLIMIT_FSIZE, &l), "limit", a[0]);
	return 0;
}

/* Old times, and a clock that has moved on since. */
static long c_age(char **a)
{
	struct timespec old[2] = { { 1000, 0 }, { 1000, 0 } }, now;
	struct aged *one = &aged[num_aged++];
	struct where w = AT(0);
	struct stat st;

	must(!utimensat(w.fd, w.name, old, AT_SYMLINK_NOFOLLOW) &&
		     !fstatat(w.fd, w.name, &st, AT_SYMLINK_NOFOLLOW),
	     "age", a[0]);
	one->name = a[0];
	one->ctime = st.st_ctim;
	do
		clock_gettime(CLOCK_REALTIME_COARSE, &now);
	while (now.tv_sec == st.st_ctim.tv_sec
		       ? now.tv_nsec <= st.st_ctim.tv_nsec + 100000
		       : now.tv_sec < st.st_ctim.tv_sec);
	return 0;
}

/* ---- Asking ---- */

static struct stat ask(const char *text)
{
	struct where w = where(text);
	struct stat st = { 0 };

	if (fstatat(w.fd, w.name, &st, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		out(" %s?", strerrorname_np(errno));
	return st;
}

/* Which times of NAME changed since it was aged as OLD (or NAME). */
static long c_changed(char **a)
{
	const char *old = a[1] ? a[1] : a[0];
	struct stat st = ask(a[0]);

	for (int i = 0; i < num_aged; i++)
		if (!strcmp(aged[i].name, old))
			out(" %c%c%c", st.st_atime != 1000 ? 'a' : '-',
			    st.st_mtime != 1000 ? 'm' : '-',
			    memcmp(&st.st_ctim, &aged[i].ctime,
				   sizeof(st.st_ctim))
				    ? 'c'
				    : '-');
	return 0;
}

static long c_mode(char **a)
{
	out(" %o", ask(a[0]).st_mode & 07777);
	return 0;
}

static long c_type(char **a)
{
	out(" %o", (ask(a[0]).st_mode & S_IFMT) >> 12);
	return 0;
}

static long c_own(char **a)
{
	struct stat st = ask(a[0]);

	out(" %u:%u", st.st_uid, st.st_gid);
	return 0;
}

static long c_size(char **a)
{
	out(" %ld", (long)ask(a[0]).st_size);
	return 0;
}

static long c_nlink(char **a)
{
	out(" %lu", (unsigned long)ask(a[0]).st_nlink);
	return 0;
}

static long c_rdev(char **a)
{
	struct stat st = ask(a[0]);

	out(" %u:%u", major(st.st_rdev), minor(st.st_rdev));
	return 0;
}

static long c_times(char **a)
{
	struct stat st = ask(a[0]);

	out(" %ld.%ld %ld.%ld", (long)st.st_atim.tv_sec, st.st_atim.tv_nsec,
	    (long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
	return 0;
}

static long c_same(char **a)
{
	out(ask(a[0]).st_ino == ask(a[1]).st_ino ? " same" : " other");
	return 0;
}

/* Is any block allocated? */
static long c_blocks(char **a)
{
	out(ask(a[0]).st_blocks ? " blocks" : " none");
	return 0;
}

static long c_ls(char **a)
{
	DIR *dir = opendir(a[0] ? NAME(0) : ".");
	char *names[200];
	size_t count = 0;
	struct dirent *entry;

	if (!dir)
		return -1;
	while ((entry = readdir(dir)))
		if (count < 200 && strcmp(entry->d_name, ".") &&
		    strcmp(entry->d_name, ".."))
			names[count++] = strdup(entry->d_name);
	closedir(dir);
	out_sorted(names, count);
	return 0;
}

static long c_cat(char **a)
{
	int fd = open(NAME(0), O_RDONLY);
	long n = read(fd, buffer, 60);

	for (long i = 0; i < n; i++)
		if (!buffer[i])
			buffer[i] = '0';
	out(" %.*s", n > 0 ? (int)n : 0, buffer);
	close(fd);
	return 0;
}

static long run_one(char *text);

/* fork CMD: in another process */
static long c_fork(char **a)
{
	char text[1000] = "";
	pid_t pid;

	for (; *a; a++)
		strcat(strcat(text, *a), " ");
	pid = fork();
	if (!pid) {
		run_one(text);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	return 0;
}

enum kind { SILENT, RESULT, FD };

static const struct command {
	const char *name;
	long (*run)(char **a);
	enum kind kind;
} commands[] = {
	{ "open", c_open, FD },
	{ "openat2", c_openat2, FD },
	{ "creat", c_creat, FD },
	{ "close", c_close, RESULT },
	{ "mkdir", c_mkdir, RESULT },
	{ "mknod", c_mknod, RESULT },
	{ "unlink", c_unlink, RESULT },
	{ "rmdir", c_rmdir, RESULT },
	{ "link", c_link, RESULT },
	{ "symlink", c_symlink, RESULT },
	{ "readlink", c_readlink, RESULT },
	{ "rename", c_rename, RESULT },
	{ "chmod", c_chmod, RESULT },
	{ "fchmodat2", c_fchmodat2, RESULT },
	{ "fchmod", c_fchmod, RESULT },
	{ "chown", c_chown, RESULT },
	{ "fchown", c_fchown, RESULT },
	{ "utimens", c_utimens, RESULT },
	{ "access", c_access, RESULT },
	{ "access2", c_access2, RESULT },
	{ "truncate", c_truncate, RESULT },
	{ "ftruncate", c_ftruncate, RESULT },
	{ "stat", c_stat, RESULT },
	{ "fstat", c_fstat, RESULT },
	{ "statx", c_statx, RESULT },
	{ "statfs", c_statfs, RESULT },
	{ "fstatfs", c_fstatfs, RESULT },
	{ "chdir", c_chdir, RESULT },
	{ "fchdir", c_fchdir, RESULT },
	{ "chroot", c_chroot, RESULT },
	{ "getcwd", c_getcwd, RESULT },
	{ "getdents", c_getdents, RESULT },
	{ "mount", c_mount, RESULT },
	{ "umount", c_umount, RESULT },
	{ "pivot_root", c_pivot_root, RESULT },
	{ "setxattr", c_setxattr, RESULT },
	{ "getxattr", c_getxattr, RESULT },
	{ "listxattr", c_listxattr, RESULT },
	{ "removexattr", c_removexattr, RESULT },
	{ "lsetxattr", c_lsetxattr, RESULT },
	{ "lgetxattr", c_lgetxattr, RESULT },
	{ "llistxattr", c_llistxattr, RESULT },
	{ "lremovexattr", c_lremovexattr, RESULT },
	{ "fsetxattr", c_fsetxattr, RESULT },
	{ "fgetxattr", c_fgetxattr, RESULT },
	{ "flistxattr", c_flistxattr, RESULT },
	{ "fremovexattr", c_fremovexattr, RESULT },
	{ "handle", c_handle, RESULT },
	{ "inotify", c_inotify, RESULT },
	{ "exec", c_exec, RESULT },
	{ "execat", c_execat, RESULT },
	{ "fallocate", c_fallocate, RESULT },
	{ "copy_range", c_copy_range, RESULT },
	{ "sendfile", c_sendfile, RESULT },
	{ "lseek", c_lseek, RESULT },
	{ "flock", c_flock, RESULT },
	{ "lock", c_lock, RESULT },
	{ "getlk", c_getlk, RESULT },
	{ "fsync", c_fsync, RESULT },
	{ "read", c_read, RESULT },
	{ "write", c_write, RESULT },
	{ "pread", c_pread, RESULT },
	{ "pwrite", c_pwrite, RESULT },
	{ "dread", c_dread, RESULT },
	{ "dwrite", c_dwrite, RESULT },
	{ "fadvise", c_fadvise, RESULT },
	{ "mmap", c_mmap, RESULT },
	{ "bind", c_bind, RESULT },
	{ "connect", c_connect, RESULT },
	{ "umask", c_umask, SILENT },
	{ "dup", c_dup, FD },
	{ "file", c_file, SILENT },
	{ "dir", c_dir, SILENT },
	{ "sym", c_sym, SILENT },
	{ "fifo", c_fifo, SILENT },
	{ "many", c_many, SILENT },
	{ "subdirs", c_subdirs, SILENT },
	{ "owner", c_owner, SILENT },
	{ "perm", c_perm, SILENT },
	{ "mounted", c_mounted, SILENT },
	{ "spawn", c_spawn, SILENT },
	{ "as", c_as, SILENT },
	{ "limit", c_limit, SILENT },
	{ "age", c_age, SILENT },
	{ "changed", c_changed, SILENT },
	{ "mode", c_mode, SILENT },
	{ "type", c_type, SILENT },
	{ "own", c_own, SILENT },
	{ "size", c_size, SILENT },
	{ "nlink", c_nlink, SILENT },
	{ "rdev", c_rdev, SILENT },
	{ "times", c_times, SILENT },
	{ "same", c_same, SILENT },
	{ "blocks", c_blocks, SILENT },
	{ "ls", c_ls, SILENT },
	{ "cat", c_cat, SILENT },
	{ "fork", c_fork, SILENT },
};

/* One call: "[A=]name word word ..." */
static long run_one(char *text)
{
	char *a[16] = { NULL }, *rest, *name = strtok_r(text, " ", &rest);
	const struct command *c = NULL;
	int into = -1;
	long result;

	if (!name)
		return 0;
	for (int n = 0; n < 15 && (a[n] = strtok_r(NULL, " ", &rest)); n++)
		;
	if (isupper((unsigned char)name[0]) && name[1] == '=') {
		into = name[0] - 'A';
		name += 2;
	}
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		if (!strcmp(commands[i].name, name))
			c = &commands[i];
	if (!c)
		wrong("command", name);
	errno = 0;
	result = c->run(a);
	if (into >= 0)
		slot[into] = (int)result;
	if (result == -1)
		out(" %s", strerrorname_np(errno));
	else if (c->kind == FD && into < 0)
		out(" ok");
	else if (c->kind == RESULT)
		out(" %ld", result);
	return result;
}

static void run_script(const char *script)
{
	char *text = strdup(script), *rest, *one = strtok_r(text, ";", &rest);

	for (; one; one = strtok_r(NULL, ";", &rest))
		run_one(one);
}

/* ---- The table ---- */

#include "paths_cases.h"

static const char *only;
static bool list_only;
static unsigned int num_cases;

static void remove_tree(const char *name);

static void remove_children(const char *name)
{
	DIR *dir = opendir(name);
	struct dirent *entry;

	if (!dir)
		return;
	while ((entry = readdir(dir))) {
		char path[2 * PATH_MAX];

		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		snprintf(path, sizeof(path), "%s/%s", name, entry->d_name);
		remove_tree(path);
	}
	closedir(dir);
}

static void remove_tree(const char *name)
{
	if (!unlink(name))
		return;
	while (!umount2(name, MNT_DETACH))
		;
	if (rmdir(name)) {
		remove_children(name);
		rmdir(name);
	}
}

static void in_child(const char *setup, const char *script)
{
	alarm(120); /* stuck for good, not only because the host is */
	umask(022);
	if (setup)
		run_script(setup);
	output->used = 0;
	run_script(script);
	for (int i = 0; i < num_spawned; i++) {
		kill(spawned[i], SIGKILL);
		waitpid(spawned[i], NULL, 0);
	}
	_exit(0);
}

/* Run @script after @setup; its line is "@script = results". */
static void run_case(const char *setup, const char *script)
{
	int status;
	pid_t pid;

	if (only && !strstr(script, only))
		return;
	num_cases++;
	if (list_only) {
		puts(script);
		return;
	}
	if (mkdir(here, 0755) || chdir(here)) {
		perror(here);
		exit(1);
	}
	output->used = 0;
	pid = fork();
	if (!pid)
		in_child(setup, script);
	waitpid(pid, &status, 0);
	if (!WIFEXITED(status))
		out(" (signal %d)", WTERMSIG(status));
	printf("%s =%.*s\n", script, (int)output->used, output->text);
	if (chdir(base))
		exit(1);
	remove_tree(here);
}

/* A template with a path for its "$". */
static void run_product(const char *who, const char *call, const char *path)
{
	char script[1000];
	const char *dollar = strchr(call, '$');

	snprintf(script, sizeof(script), "%s%.*s%s%s", who,
		 (int)(dollar - call), call, path, dollar + 1);
	run_case(STANDARD_TREE, script);
}

static void run_products(void)
{
	for (size_t i = 0; i < sizeof(templates) / sizeof(*templates); i++) {
		const struct template *t = &templates[i];

		for (size_t k = 0; k < sizeof(places) / sizeof(*places); k++) {
			const char *place = places[k];

			/* Names in an open folder: only for calls with one. */
			if (strchr(place, ':') && !(t->flags & DIRFD))
				continue;
			if (!strcmp(place, "/") && t->flags & NOT_ROOT)
				continue;
			run_product("", t->call, place);
		}
		for (size_t k = 0;
		     k < sizeof(user_places) / sizeof(*user_places); k++)
			run_product("as 1000; ", t->call, user_places[k]);
	}
}

/* What all cases may use: a read-only mount, another file system, a program. */
static void make_fixtures(void)
{
	char command[3 * PATH_MAX];

	snprintf(command, sizeof(command),
		 "mkdir -p ro.src/d ro tm && echo x > ro.src/f && echo x > "
		 "ro.src/d/x"
		 " && ln -s f ro.src/s && ln -s missing ro.src/dangling"
		 " && ln -s d ro.src/sd && cp /proc/%d/exe prog && chmod 755 "
		 "prog"
		 " && cp prog ro.src/prog",
		 getpid());
	if (system(command) || mount("ro.src", "ro", NULL, MS_BIND, NULL) ||
	    mount(NULL, "ro", NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL) ||
	    mount("none", "tm", "tmpfs", 0, NULL) ||
	    mknod("tm/f", S_IFREG | 0644, 0) || mkdir("tm/d", 0755)) {
		perror("fixtures");
		exit(1);
	}
}

static void arguments(int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "lk:")) != -1) {
		if (c == 'l')
			list_only = true;
		else if (c == 'k')
			only = optarg;
		else
			exit(2);
	}
	if (optind + 1 != argc && !list_only) {
		fputs("usage: paths [-l] [-k WORD] DIR\n", stderr);
		exit(2);
	}
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "exit7"))
		return 7;
	if (argc == 2 && !strcmp(argv[1], "wait"))
		for (;;)
			pause();
	setvbuf(stdout, NULL, _IOLBF, 0);
	arguments(argc, argv);
	output = mmap(NULL, sizeof(*output), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	umask(022);
	if (!list_only) {
		if (chdir(argv[optind]) || mkdir("paths", 0755) ||
		    chdir("paths") || !getcwd(base, sizeof(base)))
			return 1;
		snprintf(here, sizeof(here), "%s/c", base);
		make_fixtures();
	}
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		run_case(NULL, cases[i]);
	run_products();
	if (!list_only) {
		umount2("ro", MNT_DETACH);
		umount2("tm", MNT_DETACH);
		chdir("..");
		remove_tree("paths");
	}
	fprintf(stderr, "%u cases\n", num_cases);
	return 0;
}
