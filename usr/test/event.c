/* SPDX-License-Identifier: MIT */
/*
 * event.c - descriptors that are events: eventfd, timerfd, signalfd, pidfd,
 * and memory files
 */
#define _GNU_SOURCE
#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static short poll_now(int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };

	poll(&p, 1, 0);
	return p.revents;
}

static long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- eventfd ---- */

static int efd;

static void *add_soon(void *arg)
{
	uint64_t one = 1;

	usleep(30000);
	write(efd, &one, 8);
	return arg;
}

static void eventfds(void)
{
	uint64_t v;
	pthread_t thread;
	int fd = eventfd(3, EFD_NONBLOCK | EFD_CLOEXEC);

	check(eventfd(0, 2) < 0 && errno == EINVAL, "eventfd: unknown flag");
	check(fd >= 0 && fcntl(fd, F_GETFD) == FD_CLOEXEC, "eventfd");
	check(poll_now(fd, POLLIN | POLLOUT) == (POLLIN | POLLOUT),
	      "eventfd: readable and writable");
	check(read(fd, &v, 4) < 0 && errno == EINVAL, "eventfd: short read");
	check(read(fd, &v, 8) == 8 && v == 3, "eventfd: read takes all");
	check(read(fd, &v, 8) < 0 && errno == EAGAIN, "eventfd: EAGAIN");
	check(poll_now(fd, POLLIN | POLLOUT) == POLLOUT, "eventfd: empty");
	v = UINT64_MAX;
	check(write(fd, &v, 8) < 0 && errno == EINVAL, "eventfd: too much");
	v = UINT64_MAX - 1;
	check(write(fd, &v, 8) == 8, "eventfd: the most");
	check(poll_now(fd, POLLIN | POLLOUT) == POLLIN, "eventfd: full");
	v = 1;
	check(write(fd, &v, 8) < 0 && errno == EAGAIN, "eventfd: no room");
	close(fd);

	fd = eventfd(2, EFD_SEMAPHORE | EFD_NONBLOCK);
	check(read(fd, &v, 8) == 8 && v == 1, "semaphore: one");
	check(read(fd, &v, 8) == 8 && v == 1, "semaphore: one more");
	check(read(fd, &v, 8) < 0 && errno == EAGAIN, "semaphore: none");
	close(fd);

	efd = eventfd(0, 0);
	pthread_create(&thread, NULL, add_soon, NULL);
	check(read(efd, &v, 8) == 8 && v == 1, "eventfd: read waits");
	pthread_join(thread, NULL);
	close(efd);
}

/* ---- timerfd ---- */

static void timerfds(void)
{
	struct itimerspec in_1000s = { .it_value = { 1000, 0 } };
	struct itimerspec in_20ms = { .it_value = { 0, 20000000 } };
	struct itimerspec each_10ms = { { 0, 10000000 }, { 0, 10000000 } };
	struct itimerspec off = { 0 }, now, t;
	struct pollfd p;
	uint64_t n;
	long start;
	int fd;

	check(timerfd_create(99, 0) < 0 && errno == EINVAL,
	      "timerfd: unknown clock");
	fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	check(fd >= 0, "timerfd");
	check(read(fd, &n, 8) < 0 && errno == EAGAIN, "timerfd: not running");
	check(timerfd_settime(fd, 0, &in_1000s, NULL) == 0, "timerfd: started");
	check(timerfd_gettime(fd, &now) == 0 && now.it_value.tv_sec < 1000 &&
		      now.it_value.tv_sec >= 500 && now.it_value.tv_nsec > 0,
	      "timerfd: what is left");
	check(poll_now(fd, POLLIN) == 0, "timerfd: not yet");
	p = (struct pollfd){ .fd = fd, .events = POLLIN };
	start = now_ms();
	timerfd_settime(fd, 0, &in_20ms, NULL);
	check(poll(&p, 1, 600000) == 1 && now_ms() - start < 300000,
	      "timerfd: poll wakes");
	check(read(fd, &n, 8) == 8 && n == 1, "timerfd: once");
	check(read(fd, &n, 8) < 0 && errno == EAGAIN, "timerfd: no more");
	check(read(fd, &n, 4) < 0 && errno == EINVAL, "timerfd: short read");

	start = now_ms();
	timerfd_settime(fd, 0, &each_10ms, NULL);
	usleep(55000);
	check(read(fd, &n, 8) == 8 && n >= 4 &&
		      n <= (uint64_t)(now_ms() - start) / 10 + 1,
	      "timerfd: periods are counted");
	timerfd_gettime(fd, &now);
	check(now.it_interval.tv_nsec == 10000000 &&
		      now.it_value.tv_nsec <= 10000000 &&
		      now.it_value.tv_nsec > 0,
	      "timerfd: the next period");
	check(timerfd_settime(fd, 0, &off, &now) == 0 &&
		      now.it_interval.tv_nsec == 10000000,
	      "timerfd: stopped, old setting told");
	usleep(30000);
	check(poll_now(fd, POLLIN) == 0, "timerfd: stays stopped");

	t = (struct itimerspec){ .it_value = { 0, 1000000000 } };
	check(timerfd_settime(fd, 0, &t, NULL) < 0 && errno == EINVAL,
	      "timerfd: bad time");
	check(timerfd_settime(fd, 8, &off, NULL) < 0 && errno == EINVAL,
	      "timerfd: bad flag");
	check(timerfd_settime(0, 0, &off, NULL) < 0 && errno == EINVAL,
	      "timerfd: not one");
	close(fd);

	fd = timerfd_create(CLOCK_REALTIME, 0);
	clock_gettime(CLOCK_REALTIME, &t.it_value);
	t.it_value.tv_sec -= 5;
	timerfd_settime(fd, TFD_TIMER_ABSTIME, &t, NULL);
	check(read(fd, &n, 8) == 8 && n == 1, "timerfd: a time in the past");
	start = now_ms();
	clock_gettime(CLOCK_REALTIME, &t.it_value);
	t.it_value.tv_nsec += 30000000;
	if (t.it_value.tv_nsec >= 1000000000) {
		t.it_value.tv_sec++;
		t.it_value.tv_nsec -= 1000000000;
	}
	timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &t,
			NULL);
	check(read(fd, &n, 8) == 8 && n == 1 && now_ms() - start >= 25,
	      "timerfd: a wall time, read waits");
	close(fd);
}

/* ---- signalfd ---- */

static void signalfds(void)
{
	struct signalfd_siginfo info[4];
	union sigval value = { .sival_int = 42 };
	struct pollfd p;
	sigset_t set, both;
	pid_t child;
	int fd, status;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	both = set;
	sigaddset(&both, SIGCHLD);
	sigaddset(&both, SIGRTMIN);
	sigprocmask(SIG_BLOCK, &both, NULL);
	fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	check(fd >= 0, "signalfd");
	check(read(fd, info, sizeof(info)) < 0 && errno == EAGAIN,
	      "signalfd: none");
	check(read(fd, info, 127) < 0 && errno == EINVAL,
	      "signalfd: short read");
	check(poll_now(fd, POLLIN) == 0, "signalfd: not ready");
	kill(getpid(), SIGUSR1);
	check(poll_now(fd, POLLIN) == POLLIN, "signalfd: ready");
	check(read(fd, info, sizeof(info)) == 128 &&
		      info[0].ssi_signo == SIGUSR1 &&
		      info[0].ssi_pid == (uint32_t)getpid() &&
		      info[0].ssi_code == SI_USER,
	      "signalfd: who sent it");
	raise(SIGUSR1);
	check(read(fd, info, sizeof(info)) == 128 &&
		      info[0].ssi_code == SI_TKILL,
	      "signalfd: to this thread");
	check(signalfd(fd, &both, 0) == fd, "signalfd: another mask");
	check(signalfd(0, &both, 0) < 0 && errno == EINVAL,
	      "signalfd: not one");
	sigqueue(getpid(), SIGRTMIN, value);
	sigqueue(getpid(), SIGRTMIN, value);
	check(read(fd, info, sizeof(info)) == 256 && info[1].ssi_int == 42 &&
		      info[1].ssi_code == SI_QUEUE,
	      "signalfd: two at once, with a value");

	p = (struct pollfd){ .fd = fd, .events = POLLIN };
	child = fork();
	if (!child) {
		usleep(20000);
		_exit(7);
	}
	check(poll(&p, 1, -1) == 1, "signalfd: poll wakes");
	check(read(fd, info, sizeof(info)) == 128 &&
		      info[0].ssi_signo == SIGCHLD &&
		      info[0].ssi_pid == (uint32_t)child &&
		      info[0].ssi_status == 7 && info[0].ssi_code == CLD_EXITED,
	      "signalfd: a child ended");
	waitpid(child, &status, 0);
	fcntl(fd, F_SETFL, O_RDWR);
	child = fork();
	if (!child) {
		usleep(20000);
		kill(getppid(), SIGUSR1);
		/* The same descriptor is about our own signals here. */
		_exit(poll_now(fd, POLLIN) != 0);
	}
	check(read(fd, info, 128) == 128 && info[0].ssi_signo == SIGUSR1,
	      "signalfd: read waits");
	waitpid(child, &status, 0);
	check(status == 0, "signalfd: a child sees its own");
	close(fd);
	read(0, info, 0);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

/* ---- pidfd ---- */

static void pidfds(void)
{
	struct pollfd p = { .events = POLLIN };
	int status, go[2];
	pid_t child;
	char c = 0;

	pipe(go);
	child = fork();
	if (!child) {
		read(go[0], &c, 1);
		usleep(30000);
		_exit(0);
	}
	p.fd = (int)syscall(SYS_pidfd_open, child, 0);
	check(p.fd >= 0, "pidfd_open");
	check(poll(&p, 1, 0) == 0, "pidfd: it runs");
	write(go[1], &c, 1);
	check(poll(&p, 1, -1) == 1 && (p.revents & POLLIN),
	      "pidfd: poll wakes at its end");
	waitpid(child, &status, 0);
	check(poll(&p, 1, 0) == 1, "pidfd: still readable");
	close(p.fd);
	close(go[0]);
	close(go[1]);
}

/* ---- memfd ---- */

static void memfds(void)
{
	char name[300], link[64] = "", path[32];
	char *map;
	int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	check(fd >= 0, "memfd_create");
	sprintf(path, "/proc/self/fd/%d", fd);
	readlink(path, link, sizeof(link) - 1);
	check(!strcmp(link, "/memfd:test (deleted)"), "memfd: %s", link);
	check(ftruncate(fd, 8192) == 0, "memfd: ftruncate");
	map = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	check(map != MAP_FAILED, "memfd: mmap");
	strcpy(map + 4090, "across");
	check(pread(fd, name, 7, 4090) == 7 && !strcmp(name, "across"),
	      "memfd: read sees the mapping");
	munmap(map, 8192);
	check(fcntl(fd, F_GET_SEALS) == 0, "memfd: no seals");
	check(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW) == 0, "memfd: F_ADD_SEALS");
	check(ftruncate(fd, 16384) < 0 && errno == EPERM,
	      "memfd: sealed against growing");
	close(fd);
	fd = memfd_create("", 0);
	check(fcntl(fd, F_GET_SEALS) == F_SEAL_SEAL,
	      "memfd: no sealing unless asked for");
	check(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW) < 0 && errno == EPERM,
	      "memfd: F_ADD_SEALS: EPERM");
	close(fd);
	memset(name, 'a', sizeof(name));
	name[249] = 0;
	fd = memfd_create(name, 0);
	check(fd >= 0, "memfd: the longest name");
	close(fd);
	name[249] = 'a';
	name[250] = 0;
	check(memfd_create(name, 0) < 0 && errno == EINVAL,
	      "memfd: too long a name");
	check(memfd_create("x", 0x8000) < 0 && errno == EINVAL,
	      "memfd: unknown flag");
}

int main(void)
{
	eventfds();
	timerfds();
	signalfds();
	pidfds();
	memfds();
	return check_status();
}
