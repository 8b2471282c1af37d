/* SPDX-License-Identifier: MIT */
/*
 * poll.c - what poll(2), ppoll(2) and select(2) promise
 */
#define _GNU_SOURCE
#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int fds[2];
static void *volatile bad = (void *)8; /* mapped nowhere */

static long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void *write_soon(void *arg)
{
	usleep(30000);
	write(*(int *)arg, "x", 1);
	return NULL;
}

static volatile int alarms;

static void on_alarm(int signo)
{
	(void)signo;
	alarms++;
}

static void polls(void)
{
	struct pollfd p[3] = {
		{ .fd = fds[0], .events = POLLIN },
		{ .fd = -1, .events = POLLIN, .revents = 77 },
		{ .fd = 999, .events = POLLIN },
	};
	pthread_t thread;
	long start;
	char c;

	check(poll(p, 2, 0) == 0, "nothing ready");
	check(p[1].revents == 0, "negative descriptor: no events");
	check(poll(p, 3, -1) == 1 && p[2].revents == POLLNVAL,
	      "bad descriptor: POLLNVAL");
	start = now_ms();
	check(poll(p, 1, 50) == 0 && now_ms() - start >= 50, "waits 50 ms");
	check(poll(NULL, 0, 10) == 0, "no descriptors: a sleep");
	pthread_create(&thread, NULL, write_soon, &fds[1]);
	check(poll(p, 1, -1) == 1 && p[0].revents == POLLIN, "woken by data");
	pthread_join(thread, NULL);
	p[0].events = 0;
	check(poll(p, 1, 0) == 0, "no events asked: none");
	p[0].events = POLLIN | POLLOUT;
	check(poll(p, 1, 0) == 1 && p[0].revents == POLLIN,
	      "the read end is never POLLOUT");
	read(fds[0], &c, 1);

	p[0].fd = open("/etc/passwd", O_RDONLY);
	p[0].events = POLLIN | POLLOUT;
	check(poll(p, 1, -1) == 1 && p[0].revents == (POLLIN | POLLOUT),
	      "a regular file is always ready");
	close(p[0].fd);
	check(poll(bad, 1, 0) < 0 && errno == EFAULT, "EFAULT");
}

static void limits(void)
{
	struct rlimit old, low = { 16, 16 };
	static struct pollfd p[200];
	int i, n;

	getrlimit(RLIMIT_NOFILE, &old);
	low.rlim_max = old.rlim_max;
	setrlimit(RLIMIT_NOFILE, &low);
	check(poll(p, 17, 0) < 0 && errno == EINVAL,
	      "more than RLIMIT_NOFILE: EINVAL");
	setrlimit(RLIMIT_NOFILE, &old);

	/* Many waiters: the same descriptor again and again. */
	for (i = 0; i < 200; i++)
		p[i] = (struct pollfd){ .fd = fds[0], .events = POLLIN };
	check(poll(p, 200, 10) == 0, "200 entries, nothing");
	write(fds[1], "x", 1);
	n = poll(p, 200, 60000);
	check(n == 200, "200 entries, all ready");
	read(fds[0], &p[0], 1);
}

static void signals(void)
{
	struct sigaction action = { .sa_handler = on_alarm,
				    .sa_flags = SA_RESTART };
	struct pollfd p = { .fd = fds[0], .events = POLLIN };
	struct timespec long_time = { 600, 0 };
	sigset_t blocked, none, now;

	sigaction(SIGALRM, &action, NULL);
	ualarm(20000, 20000); /* again: it may come before the wait */
	check(poll(&p, 1, 600000) < 0 && errno == EINTR,
	      "a handler interrupts poll, SA_RESTART or not");
	ualarm(0, 0);

	sigemptyset(&none);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGALRM);
	sigprocmask(SIG_BLOCK, &blocked, NULL);
	alarms = 0;
	raise(SIGALRM);
	check(alarms == 0, "blocked");
	check(ppoll(&p, 1, &long_time, &none) < 0 && errno == EINTR,
	      "ppoll lets it in");
	check(alarms == 1, "the handler ran");
	sigprocmask(SIG_SETMASK, NULL, &now);
	check(sigismember(&now, SIGALRM), "the mask is back");
	raise(SIGALRM);
	check(ppoll(&p, 1, &(struct timespec){ 0, 1000000 }, &blocked) == 0 &&
		      alarms == 1,
	      "ppoll keeps it out");
	write(fds[1], "x", 1);
	check(ppoll(&p, 1, &long_time, &none) == 1 && alarms == 1,
	      "something ready: no signal is taken");
	read(fds[0], &now, 1);
	sigprocmask(SIG_UNBLOCK, &blocked, NULL);
	check(alarms == 2, "unblocked at last");
}

static void remaining_time(void)
{
	struct pollfd p = { .fd = fds[0], .events = POLLIN };
	struct timespec t = { 1000, 0 };

	write(fds[1], "x", 1);
	syscall(SYS_ppoll, &p, 1, &t, NULL, 8);
	check(t.tv_sec >= 500 && t.tv_sec < 1000 && t.tv_nsec > 0,
	      "the kernel says what is left");
	read(fds[0], &p.revents, 1);
	t = (struct timespec){ 0, 1000000 };
	syscall(SYS_ppoll, &p, 1, &t, NULL, 8);
	check(t.tv_sec == 0 && t.tv_nsec == 0, "nothing is left");
	t.tv_nsec = 1000000000;
	check(syscall(SYS_ppoll, &p, 1, &t, NULL, 8) < 0 && errno == EINVAL,
	      "a billion ns: EINVAL");
	t = (struct timespec){ -1, 0 };
	check(syscall(SYS_ppoll, &p, 1, &t, NULL, 8) < 0 && errno == EINVAL,
	      "negative: EINVAL");
	check(syscall(SYS_ppoll, &p, 1, NULL, &t, 4) < 0 && errno == EINVAL,
	      "wrong size of the mask: EINVAL");
}

/* Stopped and continued, a poll goes on with the rest of its time. */
static void stop_and_continue(void)
{
	struct pollfd p = { .fd = fds[0], .events = POLLIN };
	long start = now_ms();
	int status;
	pid_t child = fork();

	if (!child)
		_exit(poll(&p, 1, 150) == 0 && now_ms() - start >= 150 ? 0 : 1);
	usleep(30000);
	kill(child, SIGSTOP);
	waitpid(child, &status, WUNTRACED);
	kill(child, SIGCONT);
	waitpid(child, &status, 0);
	check(status == 0, "poll goes on after a stop");
}

static void selects(void)
{
	struct timeval t = { 0, 30000 };
	fd_set in, out, ex;
	long start = now_ms();
	pthread_t thread;
	char c;

	FD_ZERO(&in);
	FD_ZERO(&out);
	FD_ZERO(&ex);
	FD_SET(fds[0], &in);
	FD_SET(fds[1], &out);
	FD_SET(fds[0], &ex);
	check(select(fds[1] + 1, &in, &out, &ex, NULL) == 1, "one is ready");
	check(!FD_ISSET(fds[0], &in) && FD_ISSET(fds[1], &out) &&
		      !FD_ISSET(fds[0], &ex),
	      "it is the write end");
	FD_SET(fds[0], &in);
	check(select(fds[0] + 1, &in, NULL, NULL, &t) == 0, "select waits");
	check(now_ms() - start >= 30, "for its time");
	check(!FD_ISSET(fds[0], &in), "and clears the bits");
	FD_SET(fds[0], &in);
	pthread_create(&thread, NULL, write_soon, &fds[1]);
	check(select(fds[0] + 1, &in, NULL, NULL, NULL) == 1, "woken");
	pthread_join(thread, NULL);
	read(fds[0], &c, 1);
	FD_ZERO(&in);
	FD_SET(100, &in);
	t = (struct timeval){ 0, 0 };
	close(100);
	dup2(fds[0], 101);
	check(select(102, &in, NULL, NULL, &t) < 0 && errno == EBADF,
	      "a descriptor that is not open: EBADF");
	close(101);
	check(select(-1, NULL, NULL, NULL, &t) < 0 && errno == EINVAL,
	      "negative number: EINVAL");
	check(select(0, NULL, NULL, NULL, &t) == 0, "nothing at all");
	check(select(1, bad, NULL, NULL, &t) < 0 && errno == EFAULT, "EFAULT");
	FD_ZERO(&in);
	FD_SET(fds[0], &in);
	ualarm(20000, 20000); /* again: it may come before the wait */
	check(select(fds[0] + 1, &in, NULL, NULL, NULL) < 0 && errno == EINTR,
	      "select: EINTR");
	ualarm(0, 0);
}

int main(void)
{
	pipe(fds);
	polls();
	limits();
	signals();
	remaining_time();
	stop_and_continue();
	selects();
	return check_status();
}
