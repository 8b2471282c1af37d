/* SPDX-License-Identifier: MIT */
/*
 * files.c - open files: flags, positions, sizes, copies, attributes
 *
 * Run in a directory on a file system that keeps holes and user attributes
 * (tmpfs on Linux 6.6 and later; the claims on attributes are left out where
 * it says EOPNOTSUPP).
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>
#include "asleep.h"
#include "expect.h"

static char buf[65536];

static int make_file(const char *name, const char *text)
{
	int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0644);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		check(false, "make %s", name);
	lseek(fd, 0, SEEK_SET);
	return fd;
}

static off_t size_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) ? -1 : st.st_size;
}

static bool holds(int fd, const char *text)
{
	size_t len = strlen(text);

	memset(buf, 0, len + 1);
	return pread(fd, buf, sizeof(buf), 0) == (ssize_t)len &&
	       !memcmp(buf, text, len);
}

/* The descriptor, closed at once; -1 and errno. */
static long try_open(const char *name, int flags)
{
	int fd = open(name, flags, 0644);

	if (fd < 0)
		return -1;
	close(fd);
	return 0;
}

/* ---- open ---- */

static void test_open_flags(void)
{
	int fd;

	close(make_file("f", "hello"));
	mkdir("d", 0755);
	symlink("f", "link");
	symlink("made", "to_made");
	symlink("d", "to_d");
	FAILS(try_open("none", O_RDONLY), ENOENT);
	FAILS(try_open("", O_RDONLY), ENOENT);
	FAILS(try_open("f", O_RDONLY | O_DIRECTORY), ENOTDIR);
	FAILS(try_open("f/", O_RDONLY), ENOTDIR);
	FAILS(try_open("d", O_WRONLY), EISDIR);
	FAILS(try_open("d", O_RDWR), EISDIR);
	FAILS(try_open("d", O_RDONLY | O_CREAT), EISDIR);
	FAILS(try_open("d", O_RDONLY | O_TRUNC), EISDIR);
	FAILS(try_open("new/", O_WRONLY | O_CREAT), EISDIR);
	FAILS(try_open("f/", O_WRONLY | O_CREAT), EISDIR);
	FAILS(try_open(".", O_WRONLY | O_CREAT), EISDIR);
	FAILS(try_open("/", O_WRONLY | O_CREAT), EISDIR);
	FAILS(try_open("f", O_WRONLY | O_CREAT | O_EXCL), EEXIST);
	FAILS(try_open("d", O_WRONLY | O_CREAT | O_EXCL), EEXIST);
	FAILS(try_open("link", O_WRONLY | O_CREAT | O_EXCL), EEXIST);
	FAILS(try_open("to_made", O_WRONLY | O_CREAT | O_EXCL), EEXIST);
	FAILS(try_open("link", O_RDONLY | O_NOFOLLOW), ELOOP);
	FAILS(try_open("to_d", O_RDONLY | O_DIRECTORY | O_NOFOLLOW), ENOTDIR);
	WORKS(try_open("to_d/", O_RDONLY | O_NOFOLLOW));
	WORKS(try_open("to_made", O_WRONLY | O_CREAT));
	WORKS(unlink("made")); /* O_CREAT went through the link */
	FAILS(try_open("none/x", O_WRONLY | O_CREAT), ENOENT);
	FAILS(try_open("f/x", O_WRONLY | O_CREAT), ENOTDIR);
	FAILS(openat(AT_FDCWD, (char *)1, O_RDONLY), EFAULT);

	fd = open("f", O_RDONLY);
	FAILS(write(fd, "x", 1), EBADF);
	FAILS(ftruncate(fd, 0), EINVAL);
	check((fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDONLY, "F_GETFL mode");
	close(fd);
	fd = open("f", O_WRONLY);
	FAILS(read(fd, buf, 1), EBADF);
	close(fd);
	fd = open("f", 3); /* for ioctl only */
	FAILS(read(fd, buf, 1), EBADF);
	FAILS(write(fd, "x", 1), EBADF);
	close(fd);
	FAILS(close(fd), EBADF);
	FAILS(close(-1), EBADF);
	WORKS(try_open("f", O_WRONLY | O_TRUNC));
	fd = open("f", O_RDONLY);
	GIVES(size_of(fd), 0);
	close(fd);
	unlink("link");
	unlink("to_made");
	unlink("to_d");
}

static void test_o_path(void)
{
	struct stat st;
	char name[64];
	int fd = open("f", O_PATH), fd2;

	WORKS(fstat(fd, &st));
	FAILS(read(fd, buf, 1), EBADF);
	FAILS(write(fd, buf, 1), EBADF);
	FAILS(ioctl(fd, FIONREAD, buf), EBADF);
	FAILS(fchmod(fd, 0600), EBADF);
	FAILS(lseek(fd, 0, SEEK_SET), EBADF);
	FAILS(fcntl(fd, F_SETFL, 0), EBADF);
	GIVES(fcntl(fd, F_GETFL) & O_PATH, O_PATH);
	fd2 = dup(fd);
	check(fd2 >= 0, "O_PATH can be duplicated");
	close(fd2);
	sprintf(name, "/proc/self/fd/%d", fd);
	fd2 = open(name, O_RDWR);
	check(fd2 >= 0, "and opened again through /proc");
	close(fd2);
	close(fd);
	symlink("f", "link");
	fd = open("link", O_PATH | O_NOFOLLOW);
	WORKS(fstat(fd, &st));
	check(S_ISLNK(st.st_mode), "O_PATH|O_NOFOLLOW is the link itself");
	close(fd);
	unlink("link");
}

/* ---- Reading and writing ---- */

static void test_positions(void)
{
	int fd = make_file("p", "0123456789"), fd2;

	GIVES(read(fd, buf, 4), 4);
	GIVES(lseek(fd, 0, SEEK_CUR), 4);
	fd2 = dup(fd);
	GIVES(lseek(fd2, 0, SEEK_CUR), 4);
	GIVES(read(fd2, buf, 2), 2);
	GIVES(lseek(fd, 0, SEEK_CUR), 6); /* shared after dup */
	close(fd2);
	GIVES(lseek(fd, -1, SEEK_END), 9);
	GIVES(read(fd, buf, 10), 1);
	GIVES(read(fd, buf, 10), 0);
	FAILS(lseek(fd, -1, SEEK_SET), EINVAL);
	FAILS(lseek(fd, 0, 99), EINVAL);
	FAILS(lseek(fd, INT64_MAX, SEEK_CUR), EINVAL);
	GIVES(lseek(fd, 100, SEEK_SET), 100);
	GIVES(read(fd, buf, 10), 0);
	GIVES(pread(fd, buf, 3, 2), 3);
	check(!memcmp(buf, "234", 3), "pread reads there");
	GIVES(lseek(fd, 0, SEEK_CUR), 100);
	FAILS(pread(fd, buf, 1, -1), EINVAL);
	FAILS(pwrite(fd, buf, 1, -1), EINVAL);
	GIVES(write(fd, "x", 1), 1);
	GIVES(size_of(fd), 101);
	GIVES(pread(fd, buf, 20, 90), 11);
	check(buf[0] == 0 && buf[9] == 0 && buf[10] == 'x', "a gap is zeros");
	GIVES(read(fd, NULL, 0), 0);
	FAILS(read(fd, (void *)-4096L, 1), EFAULT);
	FAILS(write(fd, (void *)-4096L, 1), EFAULT);
	close(fd);
	unlink("p");
}

static void test_append(void)
{
	int fd = make_file("a", "abc");
	int app = open("a", O_WRONLY | O_APPEND);

	GIVES(write(app, "d", 1), 1);
	GIVES(lseek(app, 0, SEEK_SET), 0);
	GIVES(write(app, "e", 1), 1);
	GIVES(lseek(app, 0, SEEK_CUR), 5);
	check(holds(fd, "abcde"), "O_APPEND writes at the end");
	GIVES(pwrite(app, "f", 1, 0), 1); /* BUGS in pwrite(2) */
	check(holds(fd, "abcdef"), "pwrite too");
	WORKS(fcntl(app, F_SETFL, 0));
	GIVES(pwrite(app, "A", 1, 0), 1);
	check(holds(fd, "Abcdef"), "F_SETFL takes O_APPEND off");
	close(app);
	close(fd);
	unlink("a");
}

static void test_vectors(void)
{
	int fd = make_file("v", "");
	struct iovec out[3] = { { "ab", 2 }, { "", 0 }, { "cde", 3 } };
	char a[2], b[8];
	struct iovec in[2] = { { a, 2 }, { b, 8 } };

	GIVES(writev(fd, out, 3), 5);
	lseek(fd, 0, SEEK_SET);
	GIVES(readv(fd, in, 2), 5);
	check(!memcmp(a, "ab", 2) && !memcmp(b, "cde", 3), "in pieces");
	GIVES(pwritev(fd, out, 3, 10), 5);
	GIVES(preadv(fd, in, 1, 12), 2);
	check(!memcmp(a, "cd", 2), "preadv reads there");
	FAILS(syscall(SYS_readv, fd, in, -1), EINVAL);
	FAILS(syscall(SYS_readv, fd, in, 1025), EINVAL);
	GIVES(readv(fd, in, 0), 0);
	in[1].iov_len = (size_t)-1;
	FAILS(readv(fd, in, 2), EINVAL);
	FAILS(syscall(SYS_readv, fd, 1, 1), EFAULT);
	FAILS(preadv(fd, in, 1, -1), EINVAL);
	close(fd);
	unlink("v");
}

/* ---- Sizes and holes ---- */

static void test_truncate(void)
{
	int fd = make_file("t", "0123456789");

	WORKS(ftruncate(fd, 4));
	check(holds(fd, "0123"), "cut");
	WORKS(ftruncate(fd, 10000));
	GIVES(pread(fd, buf, 20000, 0), 10000);
	check(!memcmp(buf, "0123\0\0\0\0\0\0", 10), "grown with zeros");
	FAILS(ftruncate(fd, -1), EINVAL);
	FAILS(truncate("t", -1), EINVAL);
	FAILS(truncate("d", 0), EISDIR);
	FAILS(truncate("none", 0), ENOENT);
	WORKS(truncate("t", 1));
	GIVES(size_of(fd), 1);
	close(fd);
	unlink("t");
}

static void test_holes(void)
{
	int fd = make_file("h", "");
	struct stat st;

	pwrite(fd, "x", 1, 1 << 20);
	fstat(fd, &st);
	check(st.st_blocks <= 16, "a hole takes no blocks (%ld)",
	      (long)st.st_blocks);
	GIVES(lseek(fd, 0, SEEK_DATA), 1 << 20);
	GIVES(lseek(fd, 0, SEEK_HOLE), 0);
	GIVES(lseek(fd, 1 << 20, SEEK_HOLE), (1 << 20) + 1);
	FAILS(lseek(fd, (1 << 20) + 1, SEEK_DATA), ENXIO);
	FAILS(lseek(fd, -1, SEEK_DATA), ENXIO);
	WORKS(fallocate(fd, 0, 0, 65536));
	fstat(fd, &st);
	check(st.st_blocks >= 128, "fallocate takes blocks");
	WORKS(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 2 << 20));
	GIVES(size_of(fd), (1 << 20) + 1);
	memset(buf, 'y', 16384);
	pwrite(fd, buf, 16384, 0);
	WORKS(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 100,
			9000));
	pread(fd, buf, 16384, 0);
	check(buf[99] == 'y' && !buf[100] && !buf[9099] && buf[9100] == 'y',
	      "a punched hole reads as zeros");
	FAILS(fallocate(fd, FALLOC_FL_PUNCH_HOLE, 0, 4096), EOPNOTSUPP);
	FAILS(fallocate(fd, 0, -1, 1), EINVAL);
	FAILS(fallocate(fd, 0, 0, 0), EINVAL);
	FAILS(fallocate(fd, 0, INT64_MAX, 1), EFBIG);
	close(fd);
	fd = open("h", O_RDONLY);
	FAILS(fallocate(fd, 0, 0, 1), EBADF);
	close(fd);
	unlink("h");
}

static void big_file_child(void)
{
	struct rlimit limit = { 8, 8 };
	int fd = make_file("l", "");

	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &limit);
	GIVES(write(fd, "0123456789", 10), 8);
	FAILS(write(fd, "x", 1), EFBIG);
	FAILS(ftruncate(fd, 9), EFBIG);
	WORKS(ftruncate(fd, 8));
	FAILS(fallocate(fd, 0, 8, 1), EFBIG);
	signal(SIGXFSZ, SIG_DFL);
	for (int way = 0; way < 4; way++) {
		int status;

		fflush(stdout);
		if (fork() == 0) {
			if (way == 0)
				write(fd, "x", 1);
			else if (way == 1)
				ftruncate(fd, 9);
			else if (way == 2)
				truncate("l", 9);
			else
				fallocate(fd, 0, 8, 1);
			_exit(0);
		}
		wait(&status);
		check(WIFSIGNALED(status) && WTERMSIG(status) == SIGXFSZ,
		      way < 3 ? "SIGXFSZ" : "fallocate: SIGXFSZ");
	}
	close(fd);
	unlink("l");
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
	check(status == 0, "the child's claims (%#x)", status);
}

/* ---- Descriptors ---- */

static void test_descriptors(void)
{
	int fd = open("f", O_RDONLY | O_CLOEXEC), fd2;

	GIVES(fcntl(fd, F_GETFD), FD_CLOEXEC);
	fd2 = dup(fd);
	GIVES(fcntl(fd2, F_GETFD), 0);
	GIVES(dup3(fd, fd2, O_CLOEXEC), fd2);
	GIVES(fcntl(fd2, F_GETFD), FD_CLOEXEC);
	FAILS(dup3(fd, fd, 0), EINVAL);
	FAILS(dup3(fd, 300, 1), EINVAL);
	FAILS(dup3(999, 300, 0), EBADF);
	FAILS(dup3(fd, 1 << 30, 0), EBADF);
	FAILS(dup3(fd, -1, 0), EBADF);
	GIVES(fcntl(fd, F_DUPFD, 200), 200);
	GIVES(fcntl(fd, F_DUPFD_CLOEXEC, 200), 201);
	FAILS(fcntl(fd, F_DUPFD, 1 << 30), EINVAL);
	FAILS(fcntl(fd, F_DUPFD, -1), EINVAL);
	FAILS(fcntl(999, F_DUPFD, 0), EBADF);
	FAILS(fcntl(fd, 9999), EINVAL);
	close(fd2);
	GIVES(dup(fd), fd2); /* the lowest that is free */
	WORKS(syscall(SYS_close_range, 200, 201, 0));
	FAILS(fcntl(200, F_GETFD), EBADF);
	FAILS(syscall(SYS_close_range, 5, 4, 0), EINVAL);
	WORKS(syscall(SYS_close_range, fd2, fd2, 4)); /* CLOEXEC */
	GIVES(fcntl(fd2, F_GETFD), FD_CLOEXEC);
	close(fd);
	close(fd2);
}

static void limit_child(void)
{
	struct rlimit limit = { 20, 20 };
	int fd, last = -1;

	setrlimit(RLIMIT_NOFILE, &limit);
	while ((fd = open("f", O_RDONLY)) >= 0)
		last = fd;
	check(last == 19 && errno == EMFILE, "EMFILE at the limit");
	FAILS(dup(0), EMFILE);
	FAILS(fcntl(0, F_DUPFD, 20), EINVAL);
	FAILS(dup2(0, 20), EBADF);
}

static void test_ioctls(void)
{
	int fd = make_file("i", "12345"), n = 0, on = 1;

	WORKS(ioctl(fd, FIONREAD, &n));
	check(n == 5, "FIONREAD on a file");
	WORKS(ioctl(fd, FIONBIO, &on));
	GIVES(fcntl(fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	WORKS(ioctl(fd, FIOCLEX));
	GIVES(fcntl(fd, F_GETFD), FD_CLOEXEC);
	WORKS(ioctl(fd, FIONCLEX));
	GIVES(fcntl(fd, F_GETFD), 0);
	FAILS(ioctl(fd, 0x5401, buf), ENOTTY); /* TCGETS: isatty() */
	FAILS(ioctl(999, FIONREAD, &n), EBADF);
	close(fd);
	unlink("i");
}

/* ---- Locks ---- */

static long lock(int fd, int cmd, short type, off_t start, off_t len)
{
	struct flock fl = { .l_type = type, .l_start = start, .l_len = len };

	return fcntl(fd, cmd, &fl);
}

/* What another process would meet. */
static void locks_child(void)
{
	struct flock fl = { .l_type = F_WRLCK };
	int fd = open("k", O_RDWR), ro = open("k", O_RDONLY);

	FAILS(lock(fd, F_SETLK, F_WRLCK, 0, 1), EAGAIN);
	FAILS(lock(fd, F_SETLK, F_WRLCK, 9, 1), EAGAIN);
	FAILS(lock(fd, F_SETLK, F_RDLCK, 5, 1), EAGAIN);
	WORKS(lock(fd, F_SETLK, F_WRLCK, 10, 10));
	WORKS(lock(fd, F_SETLK, F_RDLCK, 20, 1));
	FAILS(lock(fd, F_SETLK, F_WRLCK, 20, 1), EAGAIN);
	WORKS(fcntl(fd, F_GETLK, &fl));
	check(fl.l_type == F_WRLCK && fl.l_start == 0 && fl.l_len == 10 &&
		      fl.l_pid == getppid(),
	      "F_GETLK tells whose (%d %ld %ld %d)", fl.l_type,
	      (long)fl.l_start, (long)fl.l_len, fl.l_pid);
	fl = (struct flock){ .l_type = F_WRLCK, .l_start = 25, .l_len = 5 };
	WORKS(fcntl(fd, F_GETLK, &fl));
	check(fl.l_type == F_UNLCK && fl.l_start == 25, "or that it is free");
	FAILS(lock(ro, F_SETLK, F_WRLCK, 100, 1), EBADF);
	FAILS(lock(fd, F_SETLK, 77, 0, 1), EINVAL);
	FAILS(lock(fd, F_SETLK, F_WRLCK, -1, 1), EINVAL);
	FAILS(lock(fd, F_SETLK, F_WRLCK, 0, -1), EINVAL);
	close(fd);
}

static void test_record_locks(void)
{
	int fd = make_file("k", ""), fd2;

	WORKS(lock(fd, F_SETLK, F_WRLCK, 0, 5));
	WORKS(lock(fd, F_SETLK, F_WRLCK, 5, 5)); /* one record of 10 */
	WORKS(lock(fd, F_SETLK, F_RDLCK, 20, 1));
	in_child(locks_child);
	fd2 = open("k", O_RDWR);
	WORKS(lock(fd2, F_SETLK, F_WRLCK, 3, 1)); /* our own */
	/* OFD locks belong to the open file: they meet the process's. */
	FAILS(lock(fd2, F_OFD_SETLK, F_WRLCK, 0, 0), EAGAIN);
	WORKS(lock(fd2, F_OFD_SETLK, F_WRLCK, 30, 5));
	FAILS(lock(fd, F_SETLK, F_WRLCK, 34, 1), EAGAIN);
	struct flock fl = { .l_type = F_WRLCK, .l_start = 30, .l_pid = 1 };
	FAILS(fcntl(fd2, F_OFD_SETLK, &fl), EINVAL);
	close(fd2); /* drops the OFD lock, and all of the process's */
	WORKS(lock(fd, F_SETLK, F_WRLCK, 34, 1));
	fd2 = open("k", O_RDWR);
	WORKS(lock(fd2, F_OFD_SETLK, F_WRLCK, 0, 10));
	close(fd2);
	close(fd);
}

/* Two processes that wait for each other: one must be told. */
static void test_deadlock(void)
{
	int fd = open("k", O_RDWR), ready[2], status;
	char c;
	pid_t pid;

	pipe(ready);
	WORKS(lock(fd, F_SETLK, F_WRLCK, 0, 1));
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		lock(fd, F_SETLK, F_WRLCK, 1, 1);
		write(ready[1], "x", 1);
		_exit(lock(fd, F_SETLKW, F_WRLCK, 0, 1) ? 1 : 0);
	}
	read(ready[0], &c, 1);
	until_asleep(pid, pid);
	FAILS(lock(fd, F_SETLKW, F_WRLCK, 1, 1), EDEADLK);
	WORKS(lock(fd, F_SETLK, F_UNLCK, 0, 1));
	waitpid(pid, &status, 0);
	check(status == 0, "F_SETLKW wakes when the lock is given up");
	WORKS(lock(fd, F_SETLKW, F_WRLCK, 1, 1)); /* dropped at its exit */
	close(fd);
	close(ready[0]);
	close(ready[1]);
	unlink("k");
}

static void alarm_handler(int signo)
{
	(void)signo;
}

static void test_flock(void)
{
	int fd = make_file("k", ""), fd2 = open("k", O_RDONLY), fd3;
	/* Again: the first may come before the wait. */
	struct itimerval soon = { { 0, 100000 }, { 0, 100000 } }, never = { 0 };
	struct sigaction act = { .sa_handler = alarm_handler };

#define LOCK_SH       1
#define LOCK_EX       2
#define LOCK_NB       4
#define LOCK_UN       8
#define FLOCK(fd, op) syscall(SYS_flock, fd, op)
	WORKS(FLOCK(fd, LOCK_EX));
	FAILS(FLOCK(fd2, LOCK_SH | LOCK_NB), EWOULDBLOCK);
	fd3 = dup(fd);
	WORKS(FLOCK(fd3, LOCK_SH)); /* the same open file */
	WORKS(FLOCK(fd2, LOCK_SH | LOCK_NB));
	FAILS(FLOCK(fd2, LOCK_EX | LOCK_NB), EWOULDBLOCK);
	close(fd);
	FAILS(FLOCK(fd2, LOCK_EX | LOCK_NB), EWOULDBLOCK);
	sigaction(SIGALRM, &act, NULL);
	setitimer(ITIMER_REAL, &soon, NULL);
	FAILS(FLOCK(fd2, LOCK_EX), EINTR);
	setitimer(ITIMER_REAL, &never, NULL);
	close(fd3);
	WORKS(FLOCK(fd2, LOCK_EX | LOCK_NB));
	FAILS(FLOCK(fd2, 0), EINVAL);
	FAILS(FLOCK(999, LOCK_EX), EBADF);
	WORKS(FLOCK(fd2, LOCK_UN));
	close(fd2);
	unlink("k");
}

/* ---- Copies within the kernel ---- */

static void test_copies(void)
{
	int in = make_file("in", "0123456789"), out = make_file("out", "");
	int app = open("out", O_WRONLY | O_APPEND), pipefd[2];
	off_t off = 2, off2 = 0;
	loff_t loff = 3;

	pipe(pipefd);
	GIVES(sendfile(out, in, NULL, 4), 4);
	GIVES(lseek(in, 0, SEEK_CUR), 4);
	GIVES(sendfile(out, in, &off, 3), 3);
	check(off == 5 && lseek(in, 0, SEEK_CUR) == 4, "sendfile offset");
	check(holds(out, "0123234"), "sendfile copies");
	GIVES(sendfile(out, in, NULL, 100), 6);
	GIVES(sendfile(out, in, NULL, 100), 0);
	FAILS(sendfile(out, pipefd[0], NULL, 1), EINVAL);
	FAILS(sendfile(app, in, NULL, 1), EINVAL);
	FAILS(sendfile(out, 999, NULL, 1), EBADF);
	GIVES(sendfile(pipefd[1], in, &off2, 5), 5);
	GIVES(read(pipefd[0], buf, 10), 5);
	check(!memcmp(buf, "01234", 5), "sendfile to a pipe");

	ftruncate(out, 0);
	off = 0;
	GIVES(copy_file_range(in, &off, out, &loff, 5, 0), 5);
	check(off == 5 && loff == 8, "copy_file_range moves both offsets");
	GIVES(pread(out, buf, 10, 0), 8);
	check(!memcmp(buf, "\0\0\00001234", 3), "and leaves a gap");
	FAILS(copy_file_range(in, &off, in, &off, 2, 0), EINVAL);
	FAILS(copy_file_range(in, NULL, app, NULL, 1, 0), EBADF);
	FAILS(copy_file_range(in, NULL, out, NULL, 1, 1), EINVAL);
	FAILS(copy_file_range(in, NULL, pipefd[1], NULL, 1, 0), EINVAL);

	off = 0;
	GIVES(splice(in, &off, pipefd[1], NULL, 6, 0), 6);
	loff = 0;
	GIVES(splice(pipefd[0], NULL, out, &loff, 100, 0), 6);
	GIVES(pread(out, buf, 6, 0), 6);
	check(!memcmp(buf, "012345", 6), "splice through a pipe");
	FAILS(splice(in, NULL, out, NULL, 1, 0), EINVAL);
	FAILS(splice(in, NULL, pipefd[1], &loff, 1, 0), ESPIPE);
	FAILS(splice(pipefd[0], NULL, out, NULL, 1, SPLICE_F_NONBLOCK), EAGAIN);
	FAILS(splice(pipefd[0], NULL, app, NULL, 1, 0), EINVAL);
	FAILS(splice(in, NULL, pipefd[1], NULL, 1, 64), EINVAL);
	close(in);
	close(out);
	close(app);
	close(pipefd[0]);
	close(pipefd[1]);
	unlink("in");
	unlink("out");
}

static void test_tee(void)
{
	int a[2], b[2], fd = make_file("x", "");

	pipe(a);
	pipe(b);
	write(a[1], "hello", 5);
	GIVES(tee(a[0], b[1], 100, 0), 5);
	GIVES(read(a[0], buf, 10), 5);
	GIVES(read(b[0], buf, 10), 5);
	check(!memcmp(buf, "hello", 5), "tee duplicates");
	FAILS(tee(a[0], fd, 1, 0), EINVAL);
	FAILS(tee(a[0], a[1], 1, 0), EINVAL);
	FAILS(tee(a[0], b[1], 1, SPLICE_F_NONBLOCK), EAGAIN);
	struct iovec vec = { "piece", 5 };
	GIVES(vmsplice(a[1], &vec, 1, 0), 5);
	GIVES(splice(a[0], NULL, b[1], NULL, 10, 0), 5);
	GIVES(read(b[0], buf, 10), 5);
	FAILS(vmsplice(fd, &vec, 1, 0), EBADF);
	close(fd);
	close(a[0]);
	close(a[1]);
	close(b[0]);
	close(b[1]);
	unlink("x");
}

static void test_streams(void)
{
	int pipefd[2];

	pipe(pipefd);
	FAILS(lseek(pipefd[0], 0, SEEK_CUR), ESPIPE);
	FAILS(pread(pipefd[0], buf, 1, 0), ESPIPE);
	FAILS(pwrite(pipefd[1], buf, 1, 0), ESPIPE);
	FAILS(ftruncate(pipefd[1], 0), EINVAL);
	FAILS(fsync(pipefd[1]), EINVAL);
	FAILS(fallocate(pipefd[1], 0, 0, 1), ESPIPE);
	GIVES(posix_fadvise(pipefd[0], 0, 0, 0), ESPIPE);
	FAILS(read(pipefd[1], buf, 1), EBADF);
	signal(SIGPIPE, SIG_IGN);
	close(pipefd[0]);
	FAILS(write(pipefd[1], "x", 1), EPIPE);
	close(pipefd[1]);
	signal(SIGPIPE, SIG_DFL);
}

/* ---- Attributes ---- */

static bool same_time(struct timespec a, long sec, long nsec)
{
	return a.tv_sec == sec && a.tv_nsec == nsec;
}

static void test_times(void)
{
	int fd = make_file("u", "");
	struct timespec both[2] = { { 1000, 1 }, { 2000, 999999999 } };
	struct stat st, st2;

	WORKS(utimensat(AT_FDCWD, "u", both, 0));
	stat("u", &st);
	check(same_time(st.st_atim, 1000, 1) &&
		      same_time(st.st_mtim, 2000, 999999999),
	      "times to the nanosecond");
	both[0].tv_nsec = UTIME_OMIT;
	both[1].tv_nsec = UTIME_NOW;
	WORKS(utimensat(AT_FDCWD, "u", both, 0));
	stat("u", &st2);
	check(same_time(st2.st_atim, 1000, 1) && st2.st_mtim.tv_sec > 2000,
	      "UTIME_OMIT and UTIME_NOW");
	both[1].tv_nsec = UTIME_OMIT;
	WORKS(utimensat(AT_FDCWD, "none", both, 0));
	both[1].tv_nsec = 1000000000;
	FAILS(utimensat(AT_FDCWD, "u", both, 0), EINVAL);
	FAILS(utimensat(AT_FDCWD, "none", NULL, 0), ENOENT);
	FAILS(utimensat(AT_FDCWD, "u", NULL, 0x4000), EINVAL);
	both[0] = both[1] = (struct timespec){ 3000, 3 };
	WORKS(futimens(fd, both));
	symlink("u", "l");
	both[0].tv_sec = both[1].tv_sec = 4000;
	WORKS(utimensat(AT_FDCWD, "l", both, AT_SYMLINK_NOFOLLOW));
	lstat("l", &st);
	check(st.st_mtim.tv_sec == 4000, "the link's own time");
	stat("u", &st);
	check(st.st_mtim.tv_sec == 3000, "not its target's");
	write(fd, "x", 1);
	fstat(fd, &st);
	check(st.st_mtim.tv_sec > 4000, "writing sets mtime");
	close(fd);
	unlink("u");
	unlink("l");
}

static void test_modes(void)
{
	struct statx stx;
	struct stat st;
	int fd = make_file("m", "12345");

	WORKS(fchmod(fd, 07777));
	fstat(fd, &st);
	check((st.st_mode & 07777) == 07777, "all the bits");
	WORKS(fchown(fd, 5, 6));
	fstat(fd, &st);
	check(st.st_uid == 5 && st.st_gid == 6 && (st.st_mode & 07777) == 01777,
	      "chown takes the set-id bits");
	WORKS(chown("m", -1, 7));
	stat("m", &st);
	check(st.st_uid == 5 && st.st_gid == 7, "-1 leaves one");
	symlink("m", "l");
	WORKS(lchown("l", 8, 8));
	lstat("l", &st);
	check(st.st_uid == 8, "lchown");
	stat("m", &st);
	check(st.st_uid == 5, "of the link only");
	WORKS(statx(AT_FDCWD, "m", 0, STATX_BASIC_STATS, &stx));
	check((stx.stx_mask & STATX_BASIC_STATS) == STATX_BASIC_STATS &&
		      stx.stx_size == 5 && stx.stx_uid == 5 &&
		      stx.stx_ino == st.st_ino && stx.stx_nlink == 1,
	      "statx says the same");
	FAILS(statx(AT_FDCWD, "m", 0, 0x80000000u, &stx), EINVAL);
	FAILS(statx(AT_FDCWD, "m", 0x6000, 0, &stx), EINVAL);
	FAILS(chmod("none", 0), ENOENT);
	FAILS(fchmod(999, 0), EBADF);
	close(fd);
	unlink("l");
	unlink("m");
}

static void test_xattrs(void)
{
	int fd = make_file("x", "");

	if (setxattr("x", "user.a", "1", 1, 0) && errno == EOPNOTSUPP) {
		close(fd);
		unlink("x");
		return;
	}
	GIVES(getxattr("x", "user.a", buf, 10), 1);
	GIVES(getxattr("x", "user.a", NULL, 0), 1);
	WORKS(fsetxattr(fd, "user.bb", "234", 3, XATTR_CREATE));
	FAILS(setxattr("x", "user.a", "", 0, XATTR_CREATE), EEXIST);
	FAILS(setxattr("x", "user.c", "", 0, XATTR_REPLACE), ENODATA);
	FAILS(getxattr("x", "user.bb", buf, 2), ERANGE);
	FAILS(getxattr("x", "user.none", buf, 2), ENODATA);
	FAILS(getxattr("x", "strange", buf, 2), EOPNOTSUPP);
	FAILS(setxattr("x", "user.a", "", 0, 4), EINVAL);
	FAILS(setxattr("x", "", "", 0, 0), ERANGE);
	FAILS(setxattr("none", "user.a", "", 0, 0), ENOENT);
	WORKS(setxattr("x", "user.a", "", 0, 0));
	GIVES(fgetxattr(fd, "user.a", buf, 10), 0);
	FAILS(listxattr("x", buf, 3), ERANGE);
	WORKS(removexattr("x", "user.a"));
	FAILS(removexattr("x", "user.a"), ENODATA);
	symlink("x", "l");
	FAILS(lsetxattr("l", "user.a", "", 0, 0), EPERM);
	GIVES(getxattr("l", "user.bb", buf, 10), 3);
	unlink("l");
	close(fd);
	unlink("x");
}

static void test_special_stats(void)
{
	struct statfs sfs;
	struct stat st;
	int pipefd[2];

	pipe(pipefd);
	WORKS(fstat(pipefd[0], &st));
	check(S_ISFIFO(st.st_mode), "a pipe is a fifo");
	WORKS(fstatfs(pipefd[0], &sfs));
	check(sfs.f_type == 0x50495045, "of pipefs");
	close(pipefd[0]);
	close(pipefd[1]);
	WORKS(stat("/dev/null", &st));
	check(S_ISCHR(st.st_mode) && st.st_rdev == 0x103, "/dev/null is 1:3");
	WORKS(statfs("/proc", &sfs));
	check(sfs.f_type == 0x9fa0, "/proc is procfs");
	WORKS(statfs(".", &sfs));
	check(sfs.f_bsize >= 512 && sfs.f_namelen == 255, "statfs");
	FAILS(statfs("none", &sfs), ENOENT);
	FAILS(fstatfs(999, &sfs), EBADF);
	FAILS(fstat(999, &st), EBADF);
	FAILS(fsync(999), EBADF);
}

/* ---- memfd and its seals ---- */

static void test_memfd(void)
{
	int fd = (int)syscall(SYS_memfd_create, "test", 2); /* sealing */
	char name[64], target[64] = "";

	GIVES(write(fd, "hello", 5), 5);
	sprintf(name, "/proc/self/fd/%d", fd);
	readlink(name, target, sizeof(target) - 1);
	check(!strcmp(target, "/memfd:test (deleted)"), "name %s", target);
	GIVES(fcntl(fd, F_GET_SEALS), 0);
	WORKS(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW));
	FAILS(ftruncate(fd, 1), EPERM);
	FAILS(ftruncate(fd, 10), EPERM);
	GIVES(pwrite(fd, "J", 1, 0), 1);
	void *p = mmap(NULL, 5, PROT_WRITE, MAP_SHARED, fd, 0);
	FAILS(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EBUSY);
	munmap(p, 5);
	WORKS(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SEAL));
	FAILS(write(fd, "x", 1), EPERM);
	FAILS((long)mmap(NULL, 5, PROT_WRITE, MAP_SHARED, fd, 0), EPERM);
	FAILS(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW), EPERM);
	close(fd);
	fd = (int)syscall(SYS_memfd_create, "plain", 0);
	GIVES(fcntl(fd, F_GET_SEALS), F_SEAL_SEAL);
	FAILS(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW), EPERM);
	close(fd);
	fd = open("/dev/null", O_RDWR);
	FAILS(fcntl(fd, F_GET_SEALS), EINVAL);
	GIVES(pwrite(fd, "x", 1, 100), 1);
	GIVES(lseek(fd, 1L << 60, SEEK_SET), 0);
	close(fd);
	fd = open("/dev/zero", O_RDONLY);
	GIVES(pread(fd, (char[1]){ 1 }, 1, 100), 1);
	close(fd);
}

int main(void)
{
	char top[] = "files-XXXXXX";

	if (!mkdtemp(top) || chdir(top)) {
		perror(top);
		return 2;
	}
	test_open_flags();
	test_o_path();
	test_positions();
	test_append();
	test_vectors();
	test_truncate();
	test_holes();
	in_child(big_file_child);
	test_descriptors();
	in_child(limit_child);
	test_ioctls();
	test_record_locks();
	test_deadlock();
	test_flock();
	test_copies();
	test_tee();
	test_streams();
	test_times();
	test_modes();
	test_xattrs();
	test_special_stats();
	test_memfd();
	unlink("f");
	rmdir("d");
	chdir("..");
	WORKS(rmdir(top)); /* nothing was left behind */
	return check_status();
}
