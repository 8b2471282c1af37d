/* SPDX-License-Identifier: MIT */
/*
 * reenter.c - can a process be interrupted in the middle of a system call?
 *
 * One process makes long system calls: each fills 32 MiB from /dev/zero. The
 * other only looks at the clock, and notes the longest time for which it did
 * not have the hart. If the kernel may be interrupted and left in the middle
 * of a call, and entered by another process meanwhile, that is a quantum;
 * if not, it is as long as the call.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BYTES (32UL << 20)
#define CALLS 40

static long now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000L + t.tv_nsec;
}

/* Shared: what the caller saw, and whether it is still at it. */
static struct {
	volatile long call_ns;
	volatile int done;
} * notes;

/* Asked for when it is needed: this program shares its file with others. */
static char *get_buffer(void)
{
	char *buffer = malloc(BYTES);

	if (!buffer) {
		perror("malloc");
		exit(1);
	}
	return buffer;
}

static void long_calls(void)
{
	char *buffer = get_buffer();
	int zero = open("/dev/zero", O_RDONLY);

	for (int i = 0; i < CALLS; i++)
		if (read(zero, buffer, BYTES) != (ssize_t)BYTES)
			break;
	notes->done = 1;
}

/* Without a competitor: what one call takes. */
static long one_call_ns(void)
{
	char *buffer = get_buffer();
	int zero = open("/dev/zero", O_RDONLY);
	long begin = 0;

	for (int i = 0; i < 2; i++) {
		begin = now_ns();
		if (read(zero, buffer, BYTES) != (ssize_t)BYTES)
			return 0;
	}
	close(zero);
	begin = now_ns() - begin;
	free(buffer);
	return begin;
}

int main(void)
{
	long last, longest = 0, call;

	notes = mmap(NULL, sizeof(*notes), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (notes == MAP_FAILED) {
		perror("mmap");
		return 1;
	}
	call = one_call_ns();
	if (fork() == 0) {
		long_calls();
		_exit(0);
	}
	last = now_ns();
	while (!notes->done) {
		long now = now_ns();

		if (now - last > longest)
			longest = now - last;
		last = now;
	}
	wait(NULL);
	printf("one system call takes        %6ld us\n", call / 1000);
	printf("longest time without the hart %5ld us\n", longest / 1000);
	return 0;
}
