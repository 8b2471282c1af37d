/* SPDX-License-Identifier: MIT */
/*
 * unix.c - what unix(7) and the socket calls promise
 */
#define _GNU_SOURCE
#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PATH  "/tmp/unix-test"
#define PATH2 "/tmp/unix-test2"

static char buf[300000];
static void *volatile bad = (void *)8; /* mapped nowhere */

static short poll_now(int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };

	poll(&p, 1, 0);
	return p.revents;
}

static void nonblock(int fd)
{
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

static socklen_t name_of(struct sockaddr_un *a, const char *path)
{
	memset(a, 0, sizeof(*a));
	a->sun_family = AF_UNIX;
	strcpy(a->sun_path, path);
	return sizeof(*a);
}

static int bind_to(int fd, const char *path)
{
	struct sockaddr_un a;

	return bind(fd, (void *)&a, name_of(&a, path));
}

static int connect_to(int fd, const char *path)
{
	struct sockaddr_un a;

	return connect(fd, (void *)&a, name_of(&a, path));
}

static int listener(int type, const char *path, int backlog)
{
	int fd = socket(AF_UNIX, type, 0);

	unlink(path);
	bind_to(fd, path);
	listen(fd, backlog);
	return fd;
}

static int fails(long result, int error)
{
	return result < 0 && errno == error;
}

/* ---- Making ---- */

static void making(void)
{
	struct stat st;
	char link[64] = "", want[64], path[32];
	int sv[2], fd;

	check(fails(socket(99, SOCK_STREAM, 0), EAFNOSUPPORT),
	      "unknown family: EAFNOSUPPORT");
	check(fails(socket(-1, SOCK_STREAM, 0), EAFNOSUPPORT),
	      "negative family: EAFNOSUPPORT");
	check(fails(socket(AF_UNIX, SOCK_RDM, 0), ESOCKTNOSUPPORT),
	      "SOCK_RDM: ESOCKTNOSUPPORT");
	check(fails(socket(AF_UNIX, 15, 0), EINVAL), "type 15: EINVAL");
	check(fails(socket(AF_UNIX, SOCK_STREAM, 7), EPROTONOSUPPORT),
	      "protocol 7: EPROTONOSUPPORT");
	check(fails(socket(AF_UNIX, SOCK_STREAM | 0x100, 0), EINVAL),
	      "unknown flag: EINVAL");
	check(fails(socketpair(AF_UNIX, SOCK_STREAM, 0, bad), EFAULT),
	      "socketpair: EFAULT");
	check(fails(listen(0, 1), ENOTSOCK), "listen(0): ENOTSOCK");
	check(fails(listen(999, 1), EBADF), "listen(999): EBADF");
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	check(fcntl(fd, F_GETFD) == FD_CLOEXEC, "SOCK_CLOEXEC");
	check(fcntl(fd, F_GETFL) == (O_RDWR | O_NONBLOCK), "SOCK_NONBLOCK");
	fstat(fd, &st);
	check(S_ISSOCK(st.st_mode) && (st.st_mode & 0777) == 0777,
	      "fstat: a socket");
	sprintf(path, "/proc/self/fd/%d", fd);
	sprintf(want, "socket:[%lu]", (unsigned long)st.st_ino);
	readlink(path, link, sizeof(link) - 1);
	check(!strcmp(link, want), "/proc/self/fd: %s", link);
	check(fails(open(path, O_RDWR), ENXIO), "open through /proc: ENXIO");
	check(fails(lseek(fd, 0, SEEK_SET), ESPIPE), "lseek: ESPIPE");
	check(fails(ioctl(fd, 0x5401, buf), ENOTTY), "isatty: ENOTTY");
	check(poll_now(fd, POLLIN | POLLOUT) == (POLLOUT | POLLHUP),
	      "unconnected: POLLOUT POLLHUP");
	check(fails(read(fd, buf, 1), EINVAL), "unconnected: read EINVAL");
	check(fails(write(fd, buf, 1), ENOTCONN),
	      "unconnected: write ENOTCONN");
	check(fails(listen(fd, 1), EINVAL), "listen unbound: EINVAL");
	check(fails(accept(fd, NULL, NULL), EINVAL),
	      "accept when not listening: EINVAL");
	close(fd);
	check(socketpair(AF_UNIX, SOCK_STREAM, 0, sv) == 0, "socketpair");
	close(sv[0]);
	close(sv[1]);
}

/* ---- Streams ---- */

static int got_sigpipe;

static void on_sigpipe(int signo)
{
	got_sigpipe = signo;
}

static void stream(void)
{
	int sv[2], n = 0;

	socketpair(AF_UNIX, SOCK_STREAM, 0, sv);
	check(poll_now(sv[0], POLLIN | POLLOUT) == POLLOUT, "POLLOUT");
	check(write(sv[0], "hello", 5) == 5, "write");
	check(send(sv[0], "world", 5, 0) == 5, "send");
	check(poll_now(sv[1], POLLIN) == POLLIN, "POLLIN");
	check(ioctl(sv[1], FIONREAD, &n) == 0 && n == 10, "FIONREAD");
	check(recv(sv[1], buf, 3, MSG_PEEK) == 3 && !memcmp(buf, "hel", 3),
	      "MSG_PEEK");
	check(recv(sv[1], buf, 20, MSG_PEEK) == 10, "MSG_PEEK across two");
	check(read(sv[1], buf, 7) == 7 && !memcmp(buf, "hellowo", 7),
	      "read across two");
	check(recv(sv[1], buf, 20, 0) == 3, "the rest");
	check(fails(recv(sv[1], buf, 1, MSG_DONTWAIT), EAGAIN),
	      "MSG_DONTWAIT: EAGAIN");
	check(fails(recv(sv[1], buf, 0, MSG_DONTWAIT), EAGAIN),
	      "recv of nothing: EAGAIN all the same");
	check(read(sv[1], buf, 0) == 0, "read of nothing: 0");
	check(fails(sendto(sv[0], "x", 1, 0, (void *)buf, 16), EISCONN),
	      "sendto with an address: EISCONN");
	check(fails(send(sv[0], bad, 1, 0), EFAULT), "send: EFAULT");
	write(sv[0], "x", 1);
	check(fails(recv(sv[1], bad, 1, 0), EFAULT), "recv: EFAULT");
	check(recv(sv[1], buf, 1, 0) == 1, "the byte is still there");

	/* Half close. */
	check(shutdown(sv[0], SHUT_WR) == 0, "shutdown");
	check(read(sv[1], buf, 1) == 0, "end of the stream");
	check(poll_now(sv[1], POLLIN | POLLRDHUP) == (POLLIN | POLLRDHUP),
	      "POLLRDHUP");
	check(write(sv[1], "back", 4) == 4 && read(sv[0], buf, 9) == 4,
	      "the other way is open");
	signal(SIGPIPE, on_sigpipe);
	check(fails(write(sv[0], "x", 1), EPIPE) && got_sigpipe == SIGPIPE,
	      "write after shutdown: EPIPE, SIGPIPE");
	got_sigpipe = 0;
	check(fails(send(sv[0], "x", 1, MSG_NOSIGNAL), EPIPE) && !got_sigpipe,
	      "MSG_NOSIGNAL");
	check(fails(send(sv[0], "x", 1, 0), EPIPE) && got_sigpipe,
	      "send: SIGPIPE");
	signal(SIGPIPE, SIG_IGN);
	check(fails(shutdown(sv[0], 3), EINVAL), "shutdown(3): EINVAL");
	close(sv[1]);
	check(poll_now(sv[0], POLLIN | POLLOUT | POLLRDHUP) ==
		      (POLLIN | POLLOUT | POLLHUP | POLLRDHUP),
	      "peer closed: POLLHUP");
	close(sv[0]);

	socketpair(AF_UNIX, SOCK_STREAM, 0, sv);
	write(sv[0], "x", 1);
	close(sv[1]);
	check(fails(read(sv[0], buf, 1), ECONNRESET),
	      "peer closed with data unread: ECONNRESET");
	check(read(sv[0], buf, 1) == 0, "then the end");
	close(sv[0]);
}

static void *send_slowly(void *arg)
{
	int fd = *(int *)arg, i;

	for (i = 0; i < 5; i++) {
		usleep(5000);
		send(fd, "ab", 2, 0);
	}
	return NULL;
}

static long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void on_alarm(int signo)
{
	(void)signo;
}

static void waiting(void)
{
	struct sigaction action = { .sa_handler = on_alarm };
	struct timeval t = { 0, 30000 }, got;
	socklen_t size = sizeof(got);
	pthread_t thread;
	int sv[2], status;
	ssize_t n, total = 0;
	long start;

	socketpair(AF_UNIX, SOCK_STREAM, 0, sv);
	pthread_create(&thread, NULL, send_slowly, &sv[0]);
	check(recv(sv[1], buf, 10, MSG_WAITALL) == 10, "MSG_WAITALL");
	pthread_join(thread, NULL);
	check(setsockopt(sv[1], SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t)) == 0,
	      "SO_RCVTIMEO");
	check(getsockopt(sv[1], SOL_SOCKET, SO_RCVTIMEO, &got, &size) == 0 &&
		      size == sizeof(got) && got.tv_usec >= 30000 &&
		      got.tv_usec < 40000,
	      "SO_RCVTIMEO read back");
	start = now_ms();
	check(fails(recv(sv[1], buf, 1, 0), EAGAIN) && now_ms() - start >= 30,
	      "recv ends after 30 ms: EAGAIN");
	t.tv_usec = 0;
	setsockopt(sv[1], SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
	sigaction(SIGALRM, &action, NULL);
	ualarm(20000, 20000); /* again: it may come before the wait */
	check(fails(recv(sv[1], buf, 1, 0), EINTR), "recv: EINTR");
	ualarm(0, 0);

	if (fork() == 0) {
		int k, ok = 1;

		for (k = 0; k < 10; k++)
			ok &= write(sv[0], buf, 100000) == 100000;
		_exit(!ok);
	}
	close(sv[0]);
	while ((n = read(sv[1], buf, 30000)) > 0)
		total += n;
	wait(&status);
	check(total == 1000000 && status == 0, "a megabyte through");
	close(sv[1]);
}

static void full(void)
{
	int sv[2], n = 0, size = 0;
	socklen_t len = sizeof(size);

	socketpair(AF_UNIX, SOCK_STREAM, 0, sv);
	nonblock(sv[0]);
	while (write(sv[0], buf, 4096) > 0)
		n++;
	check(errno == EAGAIN && n >= 30 && n <= 80, "a full socket: EAGAIN");
	check(poll_now(sv[0], POLLOUT) == 0, "no POLLOUT");
	nonblock(sv[1]);
	while (read(sv[1], buf, 65536) > 0)
		;
	check(poll_now(sv[0], POLLOUT) == POLLOUT, "POLLOUT again");
	getsockopt(sv[0], SOL_SOCKET, SO_SNDBUF, &size, &len);
	check(size == 212992, "SO_SNDBUF %d", size);
	size = 10000;
	setsockopt(sv[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	getsockopt(sv[0], SOL_SOCKET, SO_SNDBUF, &size, &len);
	check(size == 20000, "SO_SNDBUF is doubled");
	close(sv[0]);
	close(sv[1]);
}

/* ---- Names and connections ---- */

static void names(void)
{
	struct sockaddr_un a;
	socklen_t len = sizeof(a);
	struct stat st;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	int other = socket(AF_UNIX, SOCK_STREAM, 0);

	unlink(PATH);
	unlink(PATH2);
	check(getsockname(fd, (void *)&a, &len) == 0 && len == 2 &&
		      a.sun_family == AF_UNIX,
	      "unnamed: size 2");
	len = sizeof(a);
	check(fails(getpeername(fd, (void *)&a, &len), ENOTCONN),
	      "getpeername: ENOTCONN");
	check(fails(bind_to(fd, "/nonexistent/x"), ENOENT), "bind: ENOENT");
	a.sun_family = AF_INET;
	check(fails(bind(fd, (void *)&a, sizeof(a)), EINVAL),
	      "bind with another family: EINVAL");
	check(fails(bind(fd, (void *)&a, 200), EINVAL),
	      "bind with a long address: EINVAL");
	check(fails(bind(fd, bad, 20), EFAULT), "bind: EFAULT");
	umask(027);
	check(bind_to(fd, PATH) == 0, "bind");
	umask(022);
	check(stat(PATH, &st) == 0 && S_ISSOCK(st.st_mode) &&
		      (st.st_mode & 0777) == 0750,
	      "the name is a socket, with the umask");
	check(fails(bind_to(fd, PATH2), EINVAL), "bind again: EINVAL");
	check(fails(bind_to(other, PATH), EADDRINUSE), "EADDRINUSE");
	len = sizeof(a);
	check(getsockname(fd, (void *)&a, &len) == 0 &&
		      len == offsetof(struct sockaddr_un, sun_path) +
				      sizeof(PATH) &&
		      !strcmp(a.sun_path, PATH),
	      "getsockname");
	len = 5;
	memset(&a, 'x', sizeof(a));
	check(getsockname(fd, (void *)&a, &len) == 0 &&
		      len == 2 + sizeof(PATH) && a.sun_path[3] == 'x',
	      "getsockname into little room");
	check(fails(connect_to(other, PATH), ECONNREFUSED),
	      "connect to one that does not listen: ECONNREFUSED");
	check(fails(connect_to(other, "/tmp/none"), ENOENT), "connect: ENOENT");
	check(fails(connect_to(other, "/etc/passwd"), ECONNREFUSED),
	      "connect to a file: ECONNREFUSED");
	check(fails(open(PATH, O_RDWR), ENXIO), "open of a socket: ENXIO");
	close(fd);
	check(fails(connect_to(other, PATH), ECONNREFUSED),
	      "connect to a closed one: ECONNREFUSED");
	unlink(PATH);
	close(other);
}

static void abstract(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX,
				 .sun_path = "\0unix-test" };
	socklen_t len = 2 + 10, got = sizeof(a);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	int other = socket(AF_UNIX, SOCK_STREAM, 0);

	check(bind(fd, (void *)&a, len) == 0, "abstract name");
	check(fails(bind(other, (void *)&a, len), EADDRINUSE),
	      "abstract name in use");
	listen(fd, 1);
	check(fails(connect(other, (void *)&a, len - 1), ECONNREFUSED),
	      "the exact length counts");
	check(connect(other, (void *)&a, len) == 0, "connect by it");
	memset(&a, 'x', sizeof(a));
	check(getpeername(other, (void *)&a, &got) == 0 && got == len &&
		      !memcmp(a.sun_path, "\0unix-test", 10),
	      "its length is kept");
	close(fd);
	close(other);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	memcpy(a.sun_path, "\0unix-test", 10);
	check(bind(fd, (void *)&a, len) == 0, "gone with the socket");
	close(fd);
	fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	check(bind(fd, (void *)&a, 2) == 0, "a name of the kernel's choice");
	got = sizeof(a);
	getsockname(fd, (void *)&a, &got);
	check(got == 8 && a.sun_path[0] == 0, "of five digits");
	close(fd);
}

static void connections(void)
{
	struct sockaddr_un a;
	socklen_t len = sizeof(a);
	struct ucred cred;
	int l = listener(SOCK_STREAM, PATH, 1);
	int c = socket(AF_UNIX, SOCK_STREAM, 0);
	int d = socket(AF_UNIX, SOCK_DGRAM, 0);
	int s, c2, c3, on = 0;

	check(fails(connect_to(d, PATH), EPROTOTYPE),
	      "connect of another type: EPROTOTYPE");
	close(d);
	nonblock(l);
	check(fails(accept(l, NULL, NULL), EAGAIN), "accept: EAGAIN");
	check(poll_now(l, POLLIN | POLLOUT) == 0, "listening: nothing");
	len = sizeof(on);
	getsockopt(l, SOL_SOCKET, SO_ACCEPTCONN, &on, &len);
	check(on == 1, "SO_ACCEPTCONN");
	check(connect_to(c, PATH) == 0, "connect");
	check(poll_now(l, POLLIN) == POLLIN, "somebody is there");
	check(write(c, "early", 5) == 5, "write before accept");
	len = sizeof(a);
	s = accept4(l, (void *)&a, &len, SOCK_CLOEXEC);
	check(s >= 0 && len == 2, "accept: an unnamed peer");
	check(fcntl(s, F_GETFD) == FD_CLOEXEC, "accept4 SOCK_CLOEXEC");
	check(!(fcntl(s, F_GETFL) & O_NONBLOCK), "O_NONBLOCK is not passed on");
	check(read(s, buf, 9) == 5, "read what came early");
	len = sizeof(a);
	check(getpeername(c, (void *)&a, &len) == 0 &&
		      !strcmp(a.sun_path, PATH),
	      "the client's peer");
	len = sizeof(a);
	check(getsockname(s, (void *)&a, &len) == 0 &&
		      !strcmp(a.sun_path, PATH),
	      "the server's name");
	len = sizeof(cred);
	check(getsockopt(s, SOL_SOCKET, SO_PEERCRED, &cred, &len) == 0 &&
		      cred.pid == getpid() && cred.uid == geteuid(),
	      "SO_PEERCRED");
	check(fails(connect_to(c, PATH), EISCONN), "connect again: EISCONN");
	check(fails(listen(c, 1), EINVAL), "listen when connected: EINVAL");
	close(s);
	close(c);

	/* Backlog 1: two wait, the third may not. */
	c = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	c2 = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	c3 = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	check(connect_to(c, PATH) == 0 && connect_to(c2, PATH) == 0,
	      "a backlog of 1 takes two");
	check(fails(connect_to(c3, PATH), EAGAIN), "then EAGAIN");
	close(l);
	check(fails(recv(c, buf, 1, 0), ECONNRESET),
	      "never accepted: ECONNRESET");
	check(fails(send(c2, "x", 1, MSG_NOSIGNAL), EPIPE),
	      "never accepted: EPIPE");
	close(c);
	close(c2);
	close(c3);
	unlink(PATH);
}

static void blocking_connect(void)
{
	int l = listener(SOCK_STREAM, PATH, 0), s, status;
	int c = socket(AF_UNIX, SOCK_STREAM, 0);
	pid_t child;

	connect_to(c, PATH);
	child = fork();
	if (!child) {
		int c2 = socket(AF_UNIX, SOCK_STREAM, 0);

		_exit(connect_to(c2, PATH) != 0 || write(c2, "x", 1) != 1);
	}
	usleep(30000);
	check(waitpid(child, &status, WNOHANG) == 0,
	      "connect waits for the backlog");
	s = accept(l, NULL, NULL);
	close(s);
	s = accept(l, NULL, NULL);
	check(read(s, buf, 1) == 1, "and gets through");
	waitpid(child, &status, 0);
	check(status == 0, "in the other process");
	close(s);
	close(c);
	close(l);
	unlink(PATH);
}

/* ---- Datagrams ---- */

static void datagrams(void)
{
	struct sockaddr_un a, from;
	socklen_t len;
	int r = socket(AF_UNIX, SOCK_DGRAM, 0);
	int s = socket(AF_UNIX, SOCK_DGRAM, 0);
	int n;

	unlink(PATH);
	unlink(PATH2);
	bind_to(r, PATH);
	bind_to(s, PATH2);
	check(fails(send(s, "x", 1, 0), ENOTCONN), "send unconnected");
	len = name_of(&a, PATH);
	check(sendto(s, "hello", 5, 0, (void *)&a, len) == 5, "sendto");
	check(sendto(s, "", 0, 0, (void *)&a, len) == 0, "an empty one");
	check(ioctl(r, FIONREAD, &n) == 0 && n == 5, "FIONREAD: the first");
	len = sizeof(from);
	check(recvfrom(r, buf, 3, MSG_PEEK | MSG_TRUNC, (void *)&from, &len) ==
			      5 &&
		      !strcmp(from.sun_path, PATH2),
	      "MSG_TRUNC gives the real size");
	check(recv(r, buf, 3, 0) == 3, "cut");
	check(recv(r, buf, 9, 0) == 0, "the empty one");
	check(fails(recv(r, buf, 9, MSG_DONTWAIT), EAGAIN),
	      "the rest of the cut one is gone");
	check(connect_to(s, PATH) == 0, "connect");
	check(write(s, "again", 5) == 5 && read(r, buf, 9) == 5, "write");
	check(fails(listen(r, 1), EOPNOTSUPP), "listen: EOPNOTSUPP");
	check(fails(accept(r, NULL, NULL), EOPNOTSUPP), "accept: EOPNOTSUPP");
	check(fails(send(s, buf, 250000, 0), EMSGSIZE), "EMSGSIZE");

	nonblock(s);
	for (n = 0; send(s, "x", 1, 0) == 1; n++)
		;
	check(errno == EAGAIN && n == 11, "a queue of 11 (%d)", n);
	check(poll_now(s, POLLOUT) == 0, "full: no POLLOUT");
	recv(r, buf, 1, 0);
	check(poll_now(s, POLLOUT) == POLLOUT, "POLLOUT again");

	/* Only its peer may send to a connected one. */
	connect_to(r, PATH2);
	n = socket(AF_UNIX, SOCK_DGRAM, 0);
	len = name_of(&a, PATH);
	check(fails(sendto(n, "x", 1, 0, (void *)&a, len), EPERM),
	      "send to somebody else's peer: EPERM");
	close(n);
	close(r);
	check(fails(send(s, "x", 1, 0), ECONNREFUSED),
	      "peer closed: ECONNREFUSED");
	check(fails(send(s, "x", 1, 0), ENOTCONN), "then ENOTCONN");
	close(s);
	unlink(PATH);
	unlink(PATH2);

	{
		int sv[2];

		socketpair(AF_UNIX, SOCK_DGRAM, 0, sv);
		send(sv[0], "ab", 2, 0);
		send(sv[0], "cde", 3, 0);
		check(read(sv[1], buf, 99) == 2 && read(sv[1], buf, 99) == 3,
		      "a pair keeps messages apart");
		a.sun_family = AF_UNSPEC;
		check(connect(sv[0], (void *)&a, sizeof(a)) == 0 &&
			      fails(send(sv[0], "x", 1, 0), ENOTCONN),
		      "connect to nobody");
		close(sv[0]);
		close(sv[1]);
	}
}

static void seqpackets(void)
{
	int l = listener(SOCK_SEQPACKET, PATH, 5);
	int c = socket(AF_UNIX, SOCK_SEQPACKET, 0), s;

	check(fails(send(c, "x", 1, 0), ENOTCONN), "seqpacket: ENOTCONN");
	check(connect_to(c, PATH) == 0, "seqpacket: connect");
	s = accept(l, NULL, NULL);
	send(c, "ab", 2, MSG_EOR);
	send(c, "cde", 3, 0);
	check(recv(s, buf, 99, 0) == 2 && recv(s, buf, 2, 0) == 2,
	      "seqpacket: messages");
	check(fails(recv(s, buf, 9, MSG_DONTWAIT), EAGAIN),
	      "seqpacket: the rest is gone");
	close(c);
	check(recv(s, buf, 9, 0) == 0, "seqpacket: the end");
	check(fails(send(s, "x", 1, MSG_NOSIGNAL), EPIPE), "seqpacket: EPIPE");
	close(s);
	close(l);
	unlink(PATH);
}

/* ---- Ancillary data ---- */

static ssize_t send_fds(int sock, const int *fds, int count, const char *text)
{
	char control[CMSG_SPACE(300 * sizeof(int))];
	struct iovec iov = { (void *)(long)text, strlen(text) };
	struct msghdr m = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = control,
			    .msg_controllen =
				    CMSG_SPACE((size_t)count * sizeof(int)) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN((size_t)count * sizeof(int));
	memcpy(CMSG_DATA(c), fds, (size_t)count * sizeof(int));
	return sendmsg(sock, &m, MSG_DONTWAIT);
}

/* Descriptors that came, up to @max; their number. */
static int recv_fds(int sock, int *fds, int max, int flags, int *out_flags)
{
	char control[CMSG_SPACE(300 * sizeof(int))];
	struct iovec iov = { buf, 100 };
	struct msghdr m = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = max ? control : NULL,
		.msg_controllen = max ? CMSG_LEN((size_t)max * sizeof(int)) : 0
	};
	struct cmsghdr *c;
	int n;

	if (recvmsg(sock, &m, flags) < 0)
		return -1;
	if (out_flags)
		*out_flags = m.msg_flags;
	c = CMSG_FIRSTHDR(&m);
	if (!c || c->cmsg_type != SCM_RIGHTS)
		return 0;
	n = (int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
	memcpy(fds, CMSG_DATA(c), (size_t)n * sizeof(int));
	return n;
}

static void rights(void)
{
	int sv[2], p[2], got[8], send3[3], flags, i, n;
	int many[254];

	socketpair(AF_UNIX, SOCK_STREAM, 0, sv);
	pipe(p);
	check(send_fds(sv[0], p, 2, "x") == 1, "send two descriptors");
	close(p[0]);
	close(p[1]);
	n = recv_fds(sv[1], got, 8, MSG_CMSG_CLOEXEC, &flags);
	check(n == 2 && !(flags & MSG_CTRUNC), "receive two");
	check(fcntl(got[0], F_GETFD) == FD_CLOEXEC, "MSG_CMSG_CLOEXEC");
	check(write(got[1], "y", 1) == 1 && read(got[0], buf, 1) == 1,
	      "they are the pipe");

	for (i = 0; i < 3; i++)
		send3[i] = got[0];
	send_fds(sv[0], send3, 3, "x");
	n = recv_fds(sv[1], got + 2, 2, 0, &flags);
	check(n == 2 && (flags & MSG_CTRUNC), "room for two of three");
	close(got[2]);
	close(got[3]);
	send_fds(sv[0], got, 2, "x");
	n = recv_fds(sv[1], got + 2, 0, 0, &flags);
	check(n == 0 && (flags & MSG_CTRUNC), "no room at all");

	/* A receive stops behind descriptors. */
	write(sv[0], "ab", 2);
	send_fds(sv[0], got, 1, "cd");
	write(sv[0], "ef", 2);
	n = recv_fds(sv[1], got + 2, 2, 0, &flags);
	check(n == 1 && !memcmp(buf, "abcd", 4), "with the bytes before");
	close(got[2]);
	check(read(sv[1], buf, 9) == 2 && !memcmp(buf, "ef", 2),
	      "not those behind");
	send_fds(sv[0], got, 1, "x");
	n = recv_fds(sv[1], got + 2, 1, MSG_PEEK, &flags);
	check(n == 1, "MSG_PEEK gives descriptors");
	close(got[2]);
	n = recv_fds(sv[1], got + 2, 1, 0, &flags);
	check(n == 1, "and again");
	close(got[2]);

	for (i = 0; i < 254; i++)
		many[i] = got[0];
	check(fails(send_fds(sv[0], many, 254, "x"), EINVAL), "254: EINVAL");
	many[0] = 999;
	check(fails(send_fds(sv[0], many, 1, "x"), EBADF), "EBADF");

	/* Descriptors of the receiver's last copy of a pipe. */
	pipe(p);
	send_fds(sv[0], &p[1], 1, "x");
	close(p[1]);
	close(sv[0]);
	close(sv[1]);
	check(read(p[0], buf, 1) == 0, "closed with the socket in whose queue");
	close(p[0]);
	close(got[0]);
	close(got[1]);
}

/* Rings of sockets that only carry each other are found. */
static void garbage(void)
{
	int sv[2], other[2], p[2], i;
	struct pollfd poll_end;

	pipe(p);
	socketpair(AF_UNIX, SOCK_STREAM, 0, sv);
	socketpair(AF_UNIX, SOCK_STREAM, 0, other);
	/* other[0]'s queue holds sv[0] and the pipe; sv[0]'s holds other[0]. */
	send_fds(other[1], (int[]){ sv[0], p[1] }, 2, "x");
	send_fds(sv[1], &other[0], 1, "x");
	close(p[1]);
	close(other[0]);
	close(other[1]);
	close(sv[0]);
	close(sv[1]);
	/* Linux collects at the next close, in the background. */
	poll_end = (struct pollfd){ .fd = p[0], .events = POLLIN };
	for (i = 0; i < 50 && poll(&poll_end, 1, 20) == 0; i++) {
		socketpair(AF_UNIX, SOCK_STREAM, 0, sv);
		close(sv[0]);
		close(sv[1]);
	}
	check(poll_end.revents == POLLHUP, "a ring in flight is collected");
	close(p[0]);

	/* A chain: each queue holds the next socket. */
	socketpair(AF_UNIX, SOCK_STREAM, 0, sv);
	for (i = 0; i < 500; i++) {
		socketpair(AF_UNIX, SOCK_STREAM, 0, other);
		send_fds(other[1], sv, 2, "x");
		close(sv[0]);
		close(sv[1]);
		sv[0] = other[0];
		sv[1] = other[1];
	}
	close(sv[0]);
	close(sv[1]);
	check(1, "a chain of 500 is closed");
}

static void credentials(void)
{
	char control[CMSG_SPACE(sizeof(struct ucred))];
	struct iovec iov = { buf, 10 };
	struct msghdr m = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = control,
			    .msg_controllen = sizeof(control) };
	struct cmsghdr *c;
	struct ucred cred;
	int sv[2], on = 1;

	socketpair(AF_UNIX, SOCK_DGRAM, 0, sv);
	setsockopt(sv[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on));
	send(sv[0], "x", 1, 0);
	check(recvmsg(sv[1], &m, 0) == 1, "recvmsg");
	c = CMSG_FIRSTHDR(&m);
	check(c && c->cmsg_type == SCM_CREDENTIALS &&
		      c->cmsg_len == CMSG_LEN(sizeof(cred)),
	      "SO_PASSCRED brings credentials");
	memcpy(&cred, CMSG_DATA(c), sizeof(cred));
	check(cred.pid == getpid() && cred.uid == getuid() &&
		      cred.gid == getgid(),
	      "ours");
	cred.pid = 1;
	if (fork() == 0) {
		setresuid(1000, 1000, 1000);
		memcpy(CMSG_DATA(c), &cred, sizeof(cred));
		_exit(!fails(sendmsg(sv[0], &m, 0), EPERM));
	}
	wait(&on);
	check(on == 0, "nobody may say he is process 1: EPERM");
	c->cmsg_len = 20;
	check(fails(sendmsg(sv[0], &m, 0), EINVAL), "wrong size: EINVAL");
	c->cmsg_type = 77;
	check(fails(sendmsg(sv[0], &m, 0), EINVAL), "unknown type: EINVAL");
	close(sv[0]);
	close(sv[1]);
}

static void options(void)
{
	static const int switches[] = { SO_REUSEADDR, SO_KEEPALIVE,
					SO_BROADCAST, SO_PASSCRED };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), v, ok = 1;
	struct linger linger = { 1, 5 };
	socklen_t len;
	size_t i;

	for (i = 0; i < 4; i++) {
		v = 1;
		ok &= !setsockopt(fd, SOL_SOCKET, switches[i], &v, 4);
		v = 0;
		len = 4;
		ok &= !getsockopt(fd, SOL_SOCKET, switches[i], &v, &len);
		ok &= v == 1;
	}
	check(ok, "switches");
	len = 4;
	check(!getsockopt(fd, SOL_SOCKET, SO_TYPE, &v, &len) &&
		      v == SOCK_STREAM,
	      "SO_TYPE");
	check(!getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &v, &len) && v == AF_UNIX,
	      "SO_DOMAIN");
	check(!getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &v, &len) && v == 0,
	      "SO_PROTOCOL");
	check(!getsockopt(fd, SOL_SOCKET, SO_ERROR, &v, &len) && v == 0,
	      "SO_ERROR");
	check(!setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)),
	      "SO_LINGER");
	len = 2;
	check(!getsockopt(fd, SOL_SOCKET, SO_TYPE, &v, &len) && len == 2,
	      "little room");
	len = 4;
	check(fails(setsockopt(fd, SOL_SOCKET, SO_TYPE, &v, 4), ENOPROTOOPT),
	      "setting SO_TYPE: ENOPROTOOPT");
	check(fails(setsockopt(fd, SOL_SOCKET, 999, &v, 4), ENOPROTOOPT),
	      "unknown: ENOPROTOOPT");
	check(fails(getsockopt(fd, SOL_SOCKET, 999, &v, &len), ENOPROTOOPT),
	      "get unknown: ENOPROTOOPT");
	check(fails(setsockopt(fd, 6, 1, &v, 4), EOPNOTSUPP),
	      "TCP option: EOPNOTSUPP");
	check(fails(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &v, 2), EINVAL),
	      "too small: EINVAL");
	check(fails(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, bad, 4), EFAULT),
	      "set: EFAULT");
	check(fails(getsockopt(fd, SOL_SOCKET, SO_TYPE, bad, &len), EFAULT),
	      "get: EFAULT");
	close(fd);
}

static void vectors(void)
{
	struct mmsghdr mm[3];
	struct iovec iov[3] = { { "ab", 2 }, { NULL, 0 }, { "cd", 2 } };
	struct iovec in[2] = { { buf, 3 }, { buf + 100, 10 } };
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = 3 };
	struct sockaddr_un a;
	int sv[2], i, n;

	socketpair(AF_UNIX, SOCK_STREAM, 0, sv);
	check(sendmsg(sv[0], &m, 0) == 4, "sendmsg gathers");
	m.msg_iov = in;
	m.msg_iovlen = 2;
	m.msg_name = &a;
	m.msg_namelen = sizeof(a);
	check(recvmsg(sv[1], &m, 0) == 4 && !memcmp(buf, "abc", 3) &&
		      buf[100] == 'd',
	      "recvmsg scatters");
	check(m.msg_namelen == 0 && m.msg_controllen == 0 && !m.msg_flags,
	      "nothing else came");
	m.msg_name = NULL;
	m.msg_iovlen = 1025;
	check(fails(sendmsg(sv[0], &m, 0), EMSGSIZE), "1025 vectors: EMSGSIZE");
	check(fails(sendmsg(sv[0], bad, 0), EFAULT), "sendmsg: EFAULT");
	close(sv[0]);
	close(sv[1]);

	socketpair(AF_UNIX, SOCK_DGRAM, 0, sv);
	memset(mm, 0, sizeof(mm));
	for (i = 0; i < 3; i++) {
		mm[i].msg_hdr.msg_iov = &iov[0];
		mm[i].msg_hdr.msg_iovlen = 1;
	}
	check(sendmmsg(sv[0], mm, 3, 0) == 3 && mm[2].msg_len == 2, "sendmmsg");
	for (i = 0; i < 3; i++)
		mm[i].msg_hdr.msg_iov = &in[1];
	n = recvmmsg(sv[1], mm, 3, MSG_WAITFORONE, NULL);
	check(n == 3 && mm[0].msg_len == 2, "recvmmsg");
	close(sv[0]);
	close(sv[1]);
}

int main(void)
{
	making();
	stream();
	waiting();
	full();
	names();
	abstract();
	connections();
	blocking_connect();
	datagrams();
	seqpackets();
	rights();
	garbage();
	credentials();
	options();
	vectors();
	return check_status();
}
