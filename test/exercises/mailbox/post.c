/* SPDX-License-Identifier: MIT */
/*
 * post.c - tries /dev/mailbox
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MOST     256
#define WRITERS  3
#define MESSAGES 500

#define CHECK(condition)                                                       \
	do {                                                                   \
		if (!(condition)) {                                            \
			printf("line %d: not so: %s (errno %d)\n", __LINE__,   \
			       #condition, errno);                             \
			fflush(stdout);                                        \
			_exit(0);                                              \
		}                                                              \
	} while (0)

static int open_box(int flags)
{
	int fd = open("/dev/mailbox", O_RDWR | flags);

	CHECK(fd >= 0);
	return fd;
}

static void one(void)
{
	int fd = open_box(0);
	char big[MOST + 1], buf[MOST];

	memset(big, 'x', sizeof(big));
	CHECK(write(fd, "hello", 5) == 5);
	CHECK(read(fd, buf, sizeof(buf)) == 5 && !memcmp(buf, "hello", 5));
	CHECK(write(fd, big, MOST) == MOST);
	CHECK(read(fd, buf, sizeof(buf)) == MOST && !memcmp(buf, big, MOST));
	CHECK(write(fd, big, MOST + 1) == -1 && errno == EMSGSIZE);
	CHECK(write(fd, "long", 4) == 4);
	CHECK(read(fd, buf, 2) == 2 && !memcmp(buf, "lo", 2));
	CHECK(write(fd, "next", 4) == 4); /* the rest of "long" is lost */
	CHECK(read(fd, buf, sizeof(buf)) == 4 && !memcmp(buf, "next", 4));
}

static void nonblock(void)
{
	int fd = open_box(O_NONBLOCK);
	char buf[MOST];

	CHECK(read(fd, buf, sizeof(buf)) == -1 && errno == EAGAIN);
	CHECK(write(fd, "a", 1) == 1);
	CHECK(write(fd, "b", 1) == -1 && errno == EAGAIN);
	CHECK(read(fd, buf, sizeof(buf)) == 1 && buf[0] == 'a');
}

static void pause_ms(long ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&t, NULL);
}

static void sleeps(void)
{
	int fd = open_box(0), status;
	struct rusage usage;
	char buf[MOST];
	pid_t child = fork();

	if (child == 0) {
		CHECK(read(fd, buf, sizeof(buf)) == 4);
		_exit(42);
	}
	pause_ms(500);
	CHECK(waitpid(child, &status, WNOHANG) == 0); /* it waits */
	CHECK(write(fd, "ping", 4) == 4);
	CHECK(wait4(child, &status, 0, &usage) == child);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 42);
	CHECK((usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 +
		      usage.ru_utime.tv_usec + usage.ru_stime.tv_usec <
	      200000);
}

static void on_alarm(int signal)
{
}

static void signalled(void)
{
	struct sigaction action = { .sa_handler = on_alarm };
	/* Again and again: the first may come before the wait. */
	struct itimerval soon = { { 1, 0 }, { 1, 0 } };
	int fd = open_box(0);
	char buf[MOST];

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &soon, NULL);
	CHECK(read(fd, buf, sizeof(buf)) == -1 && errno == EINTR);
}

struct message {
	int writer, number;
	char filling[200];
};

static void writes(int fd, int writer)
{
	struct message message = { .writer = writer };

	for (int i = 0; i < MESSAGES; i++) {
		message.number = i;
		memset(message.filling, (char)i, sizeof(message.filling));
		CHECK(write(fd, &message, sizeof(message)) == sizeof(message));
	}
	_exit(0);
}

/* Each message is counted where all readers see it. */
static void reads(int fd, unsigned char (*seen)[MESSAGES])
{
	struct message m;

	for (int i = 0; i < MESSAGES; i++) {
		CHECK(read(fd, &m, sizeof(m)) == sizeof(m));
		CHECK(m.writer < WRITERS && m.number < MESSAGES);
		for (size_t k = 0; k < sizeof(m.filling); k++)
			CHECK(m.filling[k] == (char)m.number);
		__atomic_fetch_add(&seen[m.writer][m.number], 1,
				   __ATOMIC_RELAXED);
	}
	_exit(0);
}

static void many(void)
{
	unsigned char(*seen)[MESSAGES] =
		mmap(NULL, WRITERS * MESSAGES, PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int fd = open_box(0);

	for (int i = 0; i < WRITERS; i++) {
		if (fork() == 0)
			writes(fd, i);
		if (fork() == 0)
			reads(fd, seen);
	}
	while (wait(NULL) > 0)
		;
	for (int i = 0; i < WRITERS; i++)
		for (int k = 0; k < MESSAGES; k++)
			CHECK(seen[i][k] == 1);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!strcmp(what, "one"))
		one();
	else if (!strcmp(what, "nonblock"))
		nonblock();
	else if (!strcmp(what, "sleep"))
		sleeps();
	else if (!strcmp(what, "signal"))
		signalled();
	else
		many();
	puts("ok");
	return 0;
}
