/* SPDX-License-Identifier: MIT */
/*
 * pipe.c - what pipe(7) and fifo(7) promise
 */
#define _GNU_SOURCE
#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define FIFO "/tmp/pipe-test-fifo"

static char big[1 << 20];
static void *volatile bad = (void *)8; /* mapped nowhere */

static int fill(int fd, size_t piece)
{
	int total = 0;
	ssize_t n;

	while ((n = write(fd, big, piece)) > 0)
		total += (int)n;
	return total;
}

static int bytes_in(int fd)
{
	int n = -1;

	ioctl(fd, FIONREAD, &n);
	return n;
}

static short poll_now(int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };

	poll(&p, 1, 0);
	return p.revents;
}

static void make_nonblock(int fd)
{
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

static void basics(void)
{
	char buf[16];
	int fds[2];

	check(pipe2(fds, 0x1) < 0 && errno == EINVAL, "pipe2 unknown flag");
	check(pipe2(bad, 0) < 0 && errno == EFAULT, "pipe2 bad pointer");
	check(pipe2(fds, O_CLOEXEC | O_NONBLOCK) == 0, "pipe2");
	check(fcntl(fds[0], F_GETFD) == FD_CLOEXEC, "O_CLOEXEC");
	check(fcntl(fds[0], F_GETFL) == (O_RDONLY | O_NONBLOCK),
	      "read end's flags");
	check(fcntl(fds[1], F_GETFL) == (O_WRONLY | O_NONBLOCK),
	      "write end's flags");
	check(read(fds[0], buf, 1) < 0 && errno == EAGAIN, "empty: EAGAIN");
	check(read(fds[1], buf, 1) < 0 && errno == EBADF,
	      "read of the write end: EBADF");
	check(write(fds[0], buf, 1) < 0 && errno == EBADF,
	      "write to the read end: EBADF");
	check(lseek(fds[0], 0, SEEK_CUR) < 0 && errno == ESPIPE,
	      "lseek: ESPIPE");
	check(pread(fds[0], buf, 1, 0) < 0 && errno == ESPIPE, "pread: ESPIPE");
	check(write(fds[1], "hello", 5) == 5, "write");
	check(write(fds[1], "world", 5) == 5, "write more");
	check(bytes_in(fds[0]) == 10, "FIONREAD");
	check(write(fds[1], "", 0) == 0, "write of nothing");
	check(read(fds[0], buf, 3) == 3 && !memcmp(buf, "hel", 3),
	      "read a part");
	check(read(fds[0], buf, sizeof(buf)) == 7 && !memcmp(buf, "loworld", 7),
	      "read the rest across two writes");
	check(write(fds[1], bad, 10) < 0 && errno == EFAULT,
	      "write bad pointer");
	write(fds[1], "x", 1);
	check(read(fds[0], bad, 1) < 0 && errno == EFAULT, "read bad pointer");
	check(read(fds[0], buf, 1) == 1 && buf[0] == 'x',
	      "the byte is still there");
	close(fds[1]);
	check(read(fds[0], buf, 1) == 0, "end when the writer is gone");
	close(fds[0]);
}

static void kind(void)
{
	struct stat st;
	char link[64] = "", want[64];
	char path[32];
	int fds[2];

	pipe(fds);
	fstat(fds[0], &st);
	check(S_ISFIFO(st.st_mode) && (st.st_mode & 0777) == 0600,
	      "fstat: a fifo, 0600");
	sprintf(path, "/proc/self/fd/%d", fds[0]);
	sprintf(want, "pipe:[%lu]", (unsigned long)st.st_ino);
	readlink(path, link, sizeof(link) - 1);
	check(!strcmp(link, want), "/proc/self/fd: %s", link);
	check(ioctl(fds[0], 0x5401, big) < 0 && errno == ENOTTY,
	      "isatty: ENOTTY");
	close(fds[0]);
	close(fds[1]);
}

static void capacity(void)
{
	char buf[4096];
	int fds[2];

	pipe2(fds, O_NONBLOCK);
	check(fcntl(fds[0], F_GETPIPE_SZ) == 65536, "64 KiB by default");
	check(fill(fds[1], 1) == 65536, "bytes fill it");
	check(poll_now(fds[1], POLLOUT) == 0, "full: no POLLOUT");
	check(write(fds[1], buf, 1) < 0 && errno == EAGAIN, "full: EAGAIN");
	check(read(fds[0], buf, 4095) == 4095, "take 4095");
	check(poll_now(fds[1], POLLOUT) == 0,
	      "still no whole page: no POLLOUT");
	check(read(fds[0], buf, 1) == 1, "take one more");
	check(poll_now(fds[1], POLLOUT) == POLLOUT, "POLLOUT again");
	check(write(fds[1], big, 8192) == 4096, "partial write of a large one");
	while (read(fds[0], big, sizeof(big)) > 0)
		;
	check(fill(fds[1], 4096) == 65536, "pages fill it");
	while (read(fds[0], big, sizeof(big)) > 0)
		;
	check(fill(fds[1], 4000) == 16 * 4000, "PIPE_BUF writes stay whole");
	check(fcntl(fds[1], F_SETPIPE_SZ, 4096) < 0 && errno == EBUSY,
	      "F_SETPIPE_SZ smaller than what is inside: EBUSY");
	while (read(fds[0], big, sizeof(big)) > 0)
		;
	check(fcntl(fds[1], F_SETPIPE_SZ, 5000) == 8192, "F_SETPIPE_SZ");
	check(fcntl(fds[0], F_GETPIPE_SZ) == 8192, "seen at the other end");
	check(fill(fds[1], 100000) == 8192, "8 KiB fit");
	check(fcntl(fds[1], F_SETPIPE_SZ, 1 << 20) == 1 << 20, "1 MiB");
	check(bytes_in(fds[0]) == 8192, "the contents stay");
	close(fds[0]);
	close(fds[1]);
	check(fcntl(0, F_GETPIPE_SZ) != 65536 || errno == 0,
	      "F_GETPIPE_SZ elsewhere");
}

static int got_sigpipe;

static void on_sigpipe(int signo)
{
	got_sigpipe = signo;
}

static void broken(void)
{
	int fds[2];

	signal(SIGPIPE, on_sigpipe);
	pipe(fds);
	close(fds[0]);
	check(poll_now(fds[1], POLLOUT) == (POLLOUT | POLLERR),
	      "no reader: POLLERR");
	check(write(fds[1], "x", 1) < 0 && errno == EPIPE, "no reader: EPIPE");
	check(got_sigpipe == SIGPIPE, "and SIGPIPE");
	close(fds[1]);
	signal(SIGPIPE, SIG_IGN);

	pipe(fds);
	write(fds[1], "x", 1);
	close(fds[1]);
	check(poll_now(fds[0], POLLIN) == (POLLIN | POLLHUP),
	      "no writer, data: POLLIN POLLHUP");
	read(fds[0], big, 1);
	check(poll_now(fds[0], POLLIN) == POLLHUP, "no writer: POLLHUP");
	close(fds[0]);
}

/* Blocking, both ways, with partial progress. */
static void blocking(void)
{
	int fds[2], status;
	ssize_t n, total = 0;
	pid_t child;

	pipe(fds);
	child = fork();
	if (!child) {
		close(fds[0]);
		_exit(write(fds[1], big, sizeof(big)) == sizeof(big) ? 0 : 1);
	}
	close(fds[1]);
	while ((n = read(fds[0], big, 10000)) > 0)
		total += n;
	waitpid(child, &status, 0);
	check(total == sizeof(big), "a megabyte through");
	check(status == 0, "in one write");
	close(fds[0]);
}

static void *late_reader(void *arg)
{
	int *fds = arg;
	char buf[65536];

	usleep(50000);
	read(fds[0], buf, sizeof(buf));
	return NULL;
}

static void on_alarm(int signo)
{
	(void)signo;
}

static void interrupted(void)
{
	struct sigaction action = { .sa_handler = on_alarm };
	int fds[2];
	char c;
	pthread_t reader;

	sigaction(SIGALRM, &action, NULL);
	pipe(fds);
	ualarm(20000, 20000); /* again: it may come before the wait */
	check(read(fds[0], &c, 1) < 0 && errno == EINTR, "read: EINTR");
	ualarm(0, 0);
	make_nonblock(fds[1]);
	fill(fds[1], 4096);
	fcntl(fds[1], F_SETFL, O_WRONLY);
	ualarm(20000, 20000); /* again: it may come before the wait */
	check(write(fds[1], "x", 1) < 0 && errno == EINTR, "write: EINTR");
	ualarm(0, 0);
	read(fds[0], big, 4096);
	ualarm(20000, 20000); /* again: it may come before the wait */
	check(write(fds[1], big, 8192) == 4096,
	      "interrupted after a part: the part");
	ualarm(0, 0);

	action.sa_flags = SA_RESTART;
	sigaction(SIGALRM, &action, NULL);
	pthread_create(&reader, NULL, late_reader, fds);
	ualarm(20000, 20000); /* again: it may come before the wait */
	check(write(fds[1], "x", 1) == 1, "SA_RESTART");
	ualarm(0, 0);
	pthread_join(reader, NULL);
	close(fds[0]);
	close(fds[1]);
}

/* Writers of whole lines must not mix them. */
static void atomic(void)
{
	enum { WRITERS = 4, LINES = 200, SIZE = 3000 };
	static char line[SIZE];
	int counts[WRITERS] = { 0 };
	int fds[2], i, bad = 0;
	size_t have = 0;
	ssize_t n;

	pipe(fds);
	for (i = 0; i < WRITERS; i++) {
		if (fork() == 0) {
			memset(line, 'a' + i, SIZE);
			for (int j = 0; j < LINES; j++)
				write(fds[1], line, SIZE);
			_exit(0);
		}
	}
	close(fds[1]);
	while ((n = read(fds[0], line + have, SIZE - have)) > 0) {
		have += (size_t)n;
		if (have < SIZE)
			continue;
		for (i = 1; i < SIZE; i++)
			bad += line[i] != line[0];
		if (line[0] >= 'a' && line[0] < 'a' + WRITERS)
			counts[line[0] - 'a']++;
		have = 0;
	}
	check(!bad, "writes of PIPE_BUF are whole");
	for (i = 0; i < WRITERS; i++)
		bad += counts[i] != LINES;
	check(!bad, "nothing is lost");
	while (wait(NULL) > 0)
		;
	close(fds[0]);
}

static void fifos(void)
{
	struct sigaction action = { .sa_handler = on_alarm };
	char buf[8];
	int r, w, status;

	unlink(FIFO);
	check(mkfifo(FIFO, 0600) == 0, "mkfifo");
	check(open(FIFO, O_WRONLY | O_NONBLOCK) < 0 && errno == ENXIO,
	      "O_WRONLY O_NONBLOCK alone: ENXIO");
	r = open(FIFO, O_RDONLY | O_NONBLOCK);
	check(r >= 0, "O_RDONLY O_NONBLOCK alone");
	check(read(r, buf, 1) == 0, "no writer yet: 0");
	check(poll_now(r, POLLIN) == 0, "no writer yet: no POLLHUP");
	w = open(FIFO, O_WRONLY | O_NONBLOCK);
	check(w >= 0, "now a writer");
	check(read(r, buf, 1) < 0 && errno == EAGAIN, "EAGAIN");
	check(write(w, "abc", 3) == 3 && read(r, buf, 8) == 3, "through");
	close(w);
	check(poll_now(r, POLLIN) == POLLHUP, "writer gone: POLLHUP");
	check(read(r, buf, 1) == 0, "writer gone: 0");
	w = open(FIFO, O_WRONLY);
	check(poll_now(r, POLLIN) == 0, "a new writer: no POLLHUP");
	close(w);
	close(r);

	r = open(FIFO, O_RDWR);
	check(r >= 0, "O_RDWR does not wait");
	check(write(r, "x", 1) == 1 && read(r, buf, 1) == 1, "to itself");
	close(r);

	if (fork() == 0) {
		usleep(20000);
		w = open(FIFO, O_WRONLY);
		_exit(write(w, "late", 4) != 4);
	}
	r = open(FIFO, O_RDONLY);
	check(r >= 0 && read(r, buf, 8) == 4, "open waits for a writer");
	wait(&status);
	check(status == 0, "the writer is served");
	close(r);

	if (fork() == 0) {
		usleep(20000);
		r = open(FIFO, O_RDONLY);
		_exit(read(r, buf, 8) != 2);
	}
	w = open(FIFO, O_WRONLY);
	check(w >= 0 && write(w, "hi", 2) == 2, "open waits for a reader");
	close(w);
	wait(&status);
	check(status == 0, "the reader is served");

	sigaction(SIGALRM, &action, NULL);
	ualarm(20000, 20000); /* again: it may come before the wait */
	check(open(FIFO, O_RDONLY) < 0 && errno == EINTR, "open: EINTR");
	ualarm(0, 0);
	unlink(FIFO);
}

static void reopened(void)
{
	char path[32], c;
	int fds[2], w;

	pipe(fds);
	sprintf(path, "/proc/self/fd/%d", fds[1]);
	w = open(path, O_WRONLY);
	check(w >= 0 && write(w, "x", 1) == 1 && read(fds[0], &c, 1) == 1,
	      "a pipe opened again through /proc");
	close(w);
	close(fds[0]);
	close(fds[1]);
}

int main(void)
{
	basics();
	kind();
	capacity();
	broken();
	blocking();
	interrupted();
	atomic();
	fifos();
	reopened();
	return check_status();
}
