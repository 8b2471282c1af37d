/* SPDX-License-Identifier: MIT */
/*
 * io_stress.c - everything at once: threads that open, pass, watch, write and
 * close each other's descriptors at random
 *
 * There is one claim: the kernel lives, no call waits for ever, and nobody
 * gets an error that makes no sense. A debug kernel checks more by itself.
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
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { THREADS = 4, SLOTS = 24, ROUNDS = 3000 };

/* Descriptors that all threads share; a slot may be stale at any time. */
static int slots[SLOTS];
static int strange;

static unsigned int next_random(unsigned int *state)
{
	*state = *state * 1103515245u + 12345u;
	return *state >> 8;
}

static int pick(unsigned int *state)
{
	return __atomic_load_n(&slots[next_random(state) % SLOTS],
			       __ATOMIC_RELAXED);
}

/* A descriptor goes into a slot; what was there is closed. */
static void put(unsigned int *state, int fd)
{
	int old;

	if (fd < 0)
		return;
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	old = __atomic_exchange_n(&slots[next_random(state) % SLOTS], fd,
				  __ATOMIC_RELAXED);
	close(old);
}

static void make(unsigned int *state)
{
	static const int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET };
	struct itimerspec soon = { { 0, 1000000 }, { 0, 1000000 } };
	int two[2] = { -1, -1 }, fd;

	switch (next_random(state) % 5) {
	case 0:
		if (pipe(two))
			return;
		break;
	case 1:
	case 2:
		if (socketpair(AF_UNIX, types[next_random(state) % 3], 0, two))
			return;
		break;
	case 3:
		two[0] = eventfd(0, EFD_NONBLOCK);
		two[1] = epoll_create1(0);
		break;
	case 4:
		fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
		timerfd_settime(fd, 0, &soon, NULL);
		two[0] = fd;
		break;
	}
	put(state, two[0]);
	put(state, two[1]);
}

static void pass(unsigned int *state)
{
	char control[CMSG_SPACE(2 * sizeof(int))] = { 0 };
	char data[64] = { 0 };
	struct iovec iov = { data, sizeof(data) };
	struct msghdr m = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = control,
			    .msg_controllen = sizeof(control) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	int fds[2] = { pick(state), pick(state) };

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(fds));
	memcpy(CMSG_DATA(c), fds, sizeof(fds));
	sendmsg(pick(state), &m, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void receive(unsigned int *state)
{
	char control[CMSG_SPACE(2 * sizeof(int))];
	char data[64];
	struct iovec iov = { data, sizeof(data) };
	struct msghdr m = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = control,
			    .msg_controllen = sizeof(control) };
	struct cmsghdr *c;
	int fds[2], peek = next_random(state) % 4 ? 0 : MSG_PEEK;
	size_t i, n;

	if (recvmsg(pick(state), &m, MSG_DONTWAIT | peek) < 0)
		return;
	c = CMSG_FIRSTHDR(&m);
	if (!c || c->cmsg_type != SCM_RIGHTS)
		return;
	n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	memcpy(fds, CMSG_DATA(c), n * sizeof(int));
	for (i = 0; i < n; i++)
		put(state, fds[i]);
}

static void watch(unsigned int *state)
{
	static const int ops[] = { EPOLL_CTL_ADD, EPOLL_CTL_MOD,
				   EPOLL_CTL_DEL };
	struct epoll_event events[4] = { { .events = EPOLLIN | EPOLLOUT } };

	if (next_random(state) % 2)
		events[0].events |= EPOLLET;
	epoll_ctl(pick(state), ops[next_random(state) % 3], pick(state),
		  &events[0]);
	epoll_wait(pick(state), events, 4, 0);
}

static void wait_a_little(unsigned int *state)
{
	struct pollfd p[12];
	int i;

	for (i = 0; i < 12; i++)
		p[i] = (struct pollfd){ .fd = pick(state), .events = POLLIN };
	if (poll(p, 12, 1) < 0 && errno != EINTR)
		__atomic_store_n(&strange, errno, __ATOMIC_RELAXED);
}

static void move_bytes(unsigned int *state)
{
	static char data[20000];
	size_t size = next_random(state) % sizeof(data);

	if (next_random(state) % 2)
		write(pick(state), data, size);
	else
		read(pick(state), data, size);
}

static void *hammer(void *arg)
{
	unsigned int state = (unsigned int)(long)arg * 7919 + 1;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		switch (next_random(&state) % 8) {
		case 0:
			make(&state);
			break;
		case 1:
			pass(&state);
			break;
		case 2:
			receive(&state);
			break;
		case 3:
		case 4:
			watch(&state);
			break;
		case 5:
			wait_a_little(&state);
			break;
		case 6:
			shutdown(pick(&state), next_random(&state) % 3 ? 1 : 2);
			move_bytes(&state);
			break;
		case 7:
			move_bytes(&state);
			break;
		}
	}
	return NULL;
}

int main(void)
{
	pthread_t threads[THREADS];
	long i;

	signal(SIGPIPE, SIG_IGN);
	for (i = 0; i < SLOTS; i++)
		slots[i] = -1;
	for (i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, hammer, (void *)i);
	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	for (i = 0; i < SLOTS; i++)
		close(slots[i]);
	check(!strange, "the machine lives%s%s", strange ? ": " : "",
	      strange ? strerror(strange) : "");
	return check_status();
}
