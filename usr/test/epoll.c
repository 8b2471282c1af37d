/* SPDX-License-Identifier: MIT */
/*
 * epoll.c - what epoll(7) promises
 */
#define _GNU_SOURCE
#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int ep;
static int fds[2];
static void *volatile bad = (void *)8; /* mapped nowhere */

static int control(int op, int fd, unsigned int events)
{
	struct epoll_event event = { .events = events, .data.u64 = 0x1234 };

	return epoll_ctl(ep, op, fd, &event);
}

/* The events of the only ready descriptor; -1: none or several. */
static int ready(int timeout)
{
	struct epoll_event events[4];
	int n = epoll_wait(ep, events, 4, timeout);

	if (n == 1 && events[0].data.u64 != 0x1234)
		return -2;
	return n == 1 ? (int)events[0].events : -1;
}

static void drain(int fd)
{
	char buf[64];

	while (read(fd, buf, sizeof(buf)) > 0)
		;
}

static void errors(void)
{
	struct epoll_event event;
	int file = open("/etc/passwd", O_RDONLY);
	int dir = open("/tmp", O_RDONLY);

	check(epoll_create1(1) < 0 && errno == EINVAL, "unknown flag");
	check(epoll_create(0) < 0 && errno == EINVAL, "size 0");
	ep = epoll_create1(EPOLL_CLOEXEC);
	check(ep >= 0 && fcntl(ep, F_GETFD) == FD_CLOEXEC, "EPOLL_CLOEXEC");
	check(control(EPOLL_CTL_ADD, file, EPOLLIN) < 0 && errno == EPERM,
	      "regular file: EPERM");
	check(control(EPOLL_CTL_ADD, dir, EPOLLIN) < 0 && errno == EPERM,
	      "directory: EPERM");
	check(control(EPOLL_CTL_ADD, 999, EPOLLIN) < 0 && errno == EBADF,
	      "not open: EBADF");
	check(control(EPOLL_CTL_ADD, ep, EPOLLIN) < 0 && errno == EINVAL,
	      "itself: EINVAL");
	check(epoll_ctl(fds[0], EPOLL_CTL_ADD, fds[1], &event) < 0 &&
		      errno == EINVAL,
	      "not an epoll descriptor: EINVAL");
	check(epoll_ctl(999, EPOLL_CTL_ADD, fds[1], &event) < 0 &&
		      errno == EBADF,
	      "epoll descriptor not open: EBADF");
	check(epoll_ctl(ep, EPOLL_CTL_ADD, fds[0], bad) < 0 && errno == EFAULT,
	      "bad pointer: EFAULT");
	check(control(EPOLL_CTL_MOD, fds[0], EPOLLIN) < 0 && errno == ENOENT,
	      "MOD of an unknown one: ENOENT");
	check(control(EPOLL_CTL_DEL, fds[0], 0) < 0 && errno == ENOENT,
	      "DEL of an unknown one: ENOENT");
	check(control(EPOLL_CTL_ADD, fds[0], EPOLLIN) == 0, "ADD");
	check(control(EPOLL_CTL_ADD, fds[0], EPOLLIN) < 0 && errno == EEXIST,
	      "ADD again: EEXIST");
	check(control(99, fds[0], EPOLLIN) < 0 && errno == EINVAL,
	      "unknown operation: EINVAL");
	check(epoll_wait(ep, &event, 0, 0) < 0 && errno == EINVAL,
	      "no room for events: EINVAL");
	check(epoll_wait(fds[0], &event, 1, 0) < 0 && errno == EINVAL,
	      "wait on a pipe: EINVAL");
	check(epoll_ctl(ep, EPOLL_CTL_DEL, fds[0], NULL) == 0,
	      "DEL needs no event");
	close(file);
	close(dir);
}

static void level(void)
{
	control(EPOLL_CTL_ADD, fds[0], EPOLLIN);
	check(ready(0) == -1, "nothing");
	write(fds[1], "x", 1);
	check(ready(0) == EPOLLIN, "ready");
	check(ready(0) == EPOLLIN, "level triggered: ready again");
	drain(fds[0]);
	check(ready(0) == -1, "no longer");
	control(EPOLL_CTL_MOD, fds[0], 0);
	write(fds[1], "x", 1);
	check(ready(0) == -1, "no events wanted");
	control(EPOLL_CTL_MOD, fds[0], EPOLLIN);
	check(ready(0) == EPOLLIN, "MOD finds what is there");
	drain(fds[0]);
	control(EPOLL_CTL_DEL, fds[0], 0);
}

static void edge(void)
{
	write(fds[1], "x", 1);
	control(EPOLL_CTL_ADD, fds[0], EPOLLIN | EPOLLET);
	check(ready(0) == EPOLLIN, "edge triggered: there from the start");
	check(ready(0) == -1, "once");
	write(fds[1], "x", 1);
	check(ready(0) == EPOLLIN, "more data: again");
	check(ready(0) == -1, "once");
	control(EPOLL_CTL_MOD, fds[0], EPOLLIN | EPOLLET);
	check(ready(0) == EPOLLIN, "MOD arms it again");
	drain(fds[0]);
	control(EPOLL_CTL_DEL, fds[0], 0);
}

static void oneshot(void)
{
	control(EPOLL_CTL_ADD, fds[0], EPOLLIN | EPOLLONESHOT);
	write(fds[1], "x", 1);
	check(ready(0) == EPOLLIN, "oneshot");
	write(fds[1], "x", 1);
	check(ready(0) == -1, "only once");
	control(EPOLL_CTL_MOD, fds[0], EPOLLIN | EPOLLONESHOT);
	check(ready(0) == EPOLLIN, "MOD arms it");
	drain(fds[0]);
	control(EPOLL_CTL_DEL, fds[0], 0);
}

static void *write_soon(void *arg)
{
	usleep(30000);
	write(fds[1], "x", 1);
	return arg;
}

static void on_alarm(int signo)
{
	(void)signo;
}

static long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void waiting(void)
{
	struct sigaction action = { .sa_handler = on_alarm,
				    .sa_flags = SA_RESTART };
	struct epoll_event event;
	sigset_t alarm, none;
	pthread_t thread;
	long start = now_ms();

	control(EPOLL_CTL_ADD, fds[0], EPOLLIN);
	check(ready(50) == -1 && now_ms() - start >= 50, "waits 50 ms");
	pthread_create(&thread, NULL, write_soon, NULL);
	check(ready(-1) == EPOLLIN, "woken by data");
	pthread_join(thread, NULL);
	drain(fds[0]);

	sigaction(SIGALRM, &action, NULL);
	ualarm(20000, 20000); /* again: it may come before the wait */
	check(epoll_wait(ep, &event, 1, -1) < 0 && errno == EINTR,
	      "EINTR, SA_RESTART or not");
	ualarm(0, 0);
	sigemptyset(&none);
	sigemptyset(&alarm);
	sigaddset(&alarm, SIGALRM);
	sigprocmask(SIG_BLOCK, &alarm, NULL);
	raise(SIGALRM);
	check(epoll_wait(ep, &event, 1, 10) == 0, "blocked signal");
	check(epoll_pwait(ep, &event, 1, 60000, &none) < 0 && errno == EINTR,
	      "epoll_pwait lets it in");
	sigprocmask(SIG_UNBLOCK, &alarm, NULL);
	write(fds[1], "x", 1);
	check(epoll_wait(ep, bad, 1, 0) < 0 && errno == EFAULT,
	      "bad pointer: EFAULT");
	check(ready(0) == EPOLLIN, "the event is not lost");
	drain(fds[0]);
	control(EPOLL_CTL_DEL, fds[0], 0);
}

static void many(void)
{
	struct epoll_event event[100];
	int efd[100], seen[100] = { 0 };
	int i, n, once = 1;

	for (i = 0; i < 100; i++) {
		efd[i] = eventfd(i % 2, EFD_NONBLOCK);
		event[0].events = EPOLLIN;
		event[0].data.u32 = (unsigned int)i;
		epoll_ctl(ep, EPOLL_CTL_ADD, efd[i], &event[0]);
	}
	check(epoll_wait(ep, event, 100, 0) == 50, "50 of 100");
	/* A few at a time: everybody's turn comes. */
	for (i = 0; i < 10; i++) {
		int k;

		n = epoll_wait(ep, event, 5, 0);
		for (k = 0; k < n; k++)
			seen[event[k].data.u32]++;
	}
	for (i = 0; i < 100; i++)
		once &= seen[i] == i % 2;
	check(once, "small batches go round");
	for (i = 0; i < 100; i++)
		close(efd[i]);
	check(epoll_wait(ep, event, 100, 0) == 0, "closed ones are gone");
}

static void closing(void)
{
	int sv[2], copy;

	socketpair(AF_UNIX, SOCK_STREAM, 0, sv);
	control(EPOLL_CTL_ADD, sv[0], EPOLLIN | EPOLLRDHUP);
	copy = dup(sv[0]);
	close(sv[0]);
	write(sv[1], "x", 1);
	check(ready(0) == EPOLLIN, "the file lives on in a copy");
	close(copy);
	check(ready(0) == -1, "the last copy takes it out");

	close(sv[1]);
	socketpair(AF_UNIX, SOCK_STREAM, 0, sv);
	control(EPOLL_CTL_ADD, sv[0], EPOLLRDHUP);
	shutdown(sv[1], SHUT_WR);
	check(ready(0) == EPOLLRDHUP, "half closed: EPOLLRDHUP");
	close(sv[1]);
	check(ready(0) == (EPOLLRDHUP | EPOLLHUP), "closed: EPOLLHUP unasked");
	close(sv[0]);
}

static void nested(void)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u64 = 0x1234 };
	struct pollfd p;
	int inner = epoll_create1(0), chain[10], i;

	epoll_ctl(inner, EPOLL_CTL_ADD, fds[0], &event);
	check(control(EPOLL_CTL_ADD, inner, EPOLLIN) == 0, "a set in a set");
	check(epoll_ctl(inner, EPOLL_CTL_ADD, ep, &event) < 0 && errno == ELOOP,
	      "a ring: ELOOP");
	check(ready(0) == -1, "nothing inside");
	write(fds[1], "x", 1);
	check(ready(0) == EPOLLIN, "ready through two sets");
	p = (struct pollfd){ .fd = ep, .events = POLLIN };
	check(poll(&p, 1, 0) == 1 && p.revents == POLLIN,
	      "an epoll descriptor can be polled");
	drain(fds[0]);
	check(poll(&p, 1, 0) == 0, "and is no longer ready");
	close(inner);
	check(ready(0) == -1, "the inner set is closed");

	for (i = 0; i < 10; i++)
		chain[i] = epoll_create1(0);
	for (i = 0; i < 9; i++) {
		if (epoll_ctl(chain[i + 1], EPOLL_CTL_ADD, chain[i], &event))
			break;
	}
	check(i < 9 && errno == ELOOP, "too long a chain: ELOOP");
	check(i == 4, "five in a chain");
	for (i = 0; i < 10; i++)
		close(chain[i]);
}

/* One event wakes one of several waiting threads. */
static volatile int woken;

static void *wait_once(void *arg)
{
	struct epoll_event event;

	if (epoll_wait(ep, &event, 1, -1) == 1)
		__atomic_fetch_add(&woken, 1, __ATOMIC_SEQ_CST);
	return arg;
}

static void threads(void)
{
	pthread_t thread[4];
	int i;

	control(EPOLL_CTL_ADD, fds[0], EPOLLIN | EPOLLET);
	for (i = 0; i < 4; i++)
		pthread_create(&thread[i], NULL, wait_once, NULL);
	usleep(50000);
	write(fds[1], "x", 1);
	for (i = 0; i < 60000 && !woken; i++)
		usleep(1000);
	usleep(100000);
	check(woken == 1, "one event, one thread");
	for (i = 0; i < 60000 && woken < 4; i++) {
		write(fds[1], "x", 1);
		usleep(1000);
	}
	for (i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
	check(woken == 4, "and each its own");
	drain(fds[0]);
	control(EPOLL_CTL_DEL, fds[0], 0);
}

static void exclusive(void)
{
	int sets[3], i, n = 0;
	struct epoll_event event = { .events = EPOLLIN | EPOLLEXCLUSIVE };

	check(control(EPOLL_CTL_ADD, fds[0],
		      EPOLLIN | EPOLLEXCLUSIVE | EPOLLONESHOT) < 0 &&
		      errno == EINVAL,
	      "EPOLLEXCLUSIVE with EPOLLONESHOT: EINVAL");
	check(control(EPOLL_CTL_ADD, fds[0], EPOLLIN | EPOLLEXCLUSIVE) == 0,
	      "EPOLLEXCLUSIVE");
	check(control(EPOLL_CTL_MOD, fds[0], EPOLLIN) < 0 && errno == EINVAL,
	      "MOD of an exclusive one: EINVAL");
	control(EPOLL_CTL_DEL, fds[0], 0);
	for (i = 0; i < 3; i++) {
		sets[i] = epoll_create1(0);
		epoll_ctl(sets[i], EPOLL_CTL_ADD, fds[0], &event);
	}
	write(fds[1], "x", 1);
	for (i = 0; i < 3; i++)
		n += epoll_wait(sets[i], &event, 1, 0);
	check(n >= 1, "at least one set is told");
	drain(fds[0]);
	for (i = 0; i < 3; i++)
		close(sets[i]);
}

int main(void)
{
	pipe2(fds, O_NONBLOCK);
	errors();
	level();
	edge();
	oneshot();
	waiting();
	many();
	closing();
	nested();
	threads();
	exclusive();
	return check_status();
}
