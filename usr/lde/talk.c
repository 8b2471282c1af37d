/* SPDX-License-Identifier: MIT */
/*
 * talk.c - two processes exchange messages: by pipe, and by shared memory
 *
 *   talk pipe SIZE      each message is written into and read out of a pipe
 *   talk shared SIZE    each message is written into shared memory; a futex
 *                       tells the other side
 *
 * The pipe costs two copies through the kernel; shared memory none, but the
 * two have to agree on whose turn it is, and sleeping still needs the kernel.
 * Time is the machine's clock; with icount a nanosecond is an instruction.
 */
#include <linux/futex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MESSAGES 200
#define MAX_SIZE 65536UL

static struct {
	unsigned int turn; /* 0: the sender may write, 1: the receiver read */
	char message[MAX_SIZE];
} * box;

static char buffer[MAX_SIZE];

static long now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000L + t.tv_nsec;
}

static void wait_turn(unsigned int mine)
{
	while (__atomic_load_n(&box->turn, __ATOMIC_ACQUIRE) != mine)
		syscall(SYS_futex, &box->turn, FUTEX_WAIT, !mine, NULL);
}

static void give_turn(unsigned int next)
{
	__atomic_store_n(&box->turn, next, __ATOMIC_RELEASE);
	syscall(SYS_futex, &box->turn, FUTEX_WAKE, 1);
}

static void read_all(int fd, size_t size)
{
	while (size) {
		ssize_t got = read(fd, buffer, size);

		if (got <= 0)
			_exit(1);
		size -= (size_t)got;
	}
}

static void receive(int fd, size_t size)
{
	for (int i = 0; i < MESSAGES; i++) {
		if (fd >= 0) {
			read_all(fd, size);
		} else {
			wait_turn(1);
			/* Reading it in place: no copy. */
			if (box->message[size - 1] != (char)i)
				_exit(1);
			give_turn(0);
		}
	}
	_exit(0);
}

static void send(int fd, size_t size)
{
	for (int i = 0; i < MESSAGES; i++) {
		if (fd >= 0) {
			memset(buffer, i, size);
			if (write(fd, buffer, size) != (ssize_t)size)
				exit(1);
		} else {
			wait_turn(0);
			memset(box->message, i, size);
			give_turn(1);
		}
	}
}

int main(int argc, char **argv)
{
	size_t size = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;
	int by_pipe = argc == 3 && !strcmp(argv[1], "pipe");
	int fds[2] = { -1, -1 }, status;
	long begin;

	if (!size || size > MAX_SIZE ||
	    (!by_pipe && strcmp(argv[1], "shared"))) {
		fprintf(stderr, "usage: talk pipe|shared SIZE (1..%lu)\n",
			MAX_SIZE);
		return 2;
	}
	box = mmap(NULL, sizeof(*box), PROT_READ | PROT_WRITE,
		   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (box == MAP_FAILED || (by_pipe && pipe(fds))) {
		perror("talk");
		return 1;
	}
	memset(box, 0, sizeof(*box));
	begin = now_ns();
	if (fork() == 0)
		receive(fds[0], size);
	send(fds[1], size);
	wait(&status);
	printf("%-6s %d messages of %5zu bytes: %6ld instructions each%s\n",
	       argv[1], MESSAGES, size, (now_ns() - begin) / MESSAGES,
	       status ? " (and something went wrong)" : "");
	return status != 0;
}
