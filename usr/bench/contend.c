/* SPDX-License-Identifier: MIT */
/*
 * contend: processes that do the same things side by side, and which locks they met.
 *
 *   contend KIND WORKERS OPERATIONS
 *
 *   null         each asks for its parent's number: a trap, and nothing else
 *   open_close   each opens and closes a file of its own, in one directory
 *   pipe         pairs send a byte to and fro
 *   fault        each maps memory of its own, touches it, unmaps it; an operation is a page
 *   fork_exit    each makes processes that end at once, and waits for them
 *
 * All begin together and stay until all are done, so that neither their making nor
 * their end is counted. mark() is called before and after that: QEMU's plugin
 * looks for it (scripts/count_plugin.c). What it says as they begin, and as the last
 * is done:
 *
 *   begin
 *   contend KIND WORKERS OPERATIONS NANOSECONDS        operations of all, time from first to last
 *
 * and then, where the kernel counts its locks (/proc/creance/locks), for each
 *
 *   lock NAME ACQUIRED CONTENDED SPINS MOVED
 *
 * Build: riscv64-linux-gnu-gcc -std=gnu99 -O2 -Wall -Wextra -static contend.c -o contend
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define PAGE      4096L
#define CHUNK     256L /* pages mapped at a time */
#define LOCKS     "/proc/creance/locks"
#define MAX_PAIRS 64

struct worker {
	int index;
	long operations;
	int in, out; /* pipe: from and to the other one */
};

/* Shared by all. */
static struct meeting {
	unsigned int ready, go, done, leave;
} *meeting;

__attribute__((noinline)) void mark(void)
{
	__asm__ volatile("");
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void futex(unsigned int *word, int op, unsigned int value)
{
	syscall(SYS_futex, word, op, value, NULL, NULL, 0);
}

static void raise_to(unsigned int *word, unsigned int add)
{
	__atomic_fetch_add(word, add, __ATOMIC_SEQ_CST);
	futex(word, FUTEX_WAKE, 1000);
}

static void wait_for(unsigned int *word, unsigned int value)
{
	unsigned int seen;

	while ((seen = __atomic_load_n(word, __ATOMIC_SEQ_CST)) < value)
		futex(word, FUTEX_WAIT, seen);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* ---- The kinds ---- */

static void null(struct worker *w)
{
	for (long i = 0; i < w->operations; i++)
		syscall(SYS_getppid);
}

static void open_close(struct worker *w)
{
	char name[64];
	int fd;

	snprintf(name, sizeof(name), "/tmp/contend.%d", w->index);
	for (long i = 0; i < w->operations; i++) {
		fd = open(name, O_RDWR | O_CREAT, 0600);
		if (fd < 0)
			die(name);
		close(fd);
	}
}

static void ping(struct worker *w)
{
	char byte = 0;

	for (long i = 0; i < w->operations; i++) {
		if (write(w->out, &byte, 1) != 1 || read(w->in, &byte, 1) != 1)
			die("ping");
	}
}

static void pong(struct worker *w)
{
	char byte;

	for (long i = 0; i < w->operations; i++) {
		if (read(w->in, &byte, 1) != 1 || write(w->out, &byte, 1) != 1)
			die("pong");
	}
}

static void fault(struct worker *w)
{
	for (long left = w->operations; left > 0; left -= CHUNK) {
		long pages = left < CHUNK ? left : CHUNK;
		char *memory = mmap(NULL, (size_t)(pages * PAGE), PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (memory == MAP_FAILED)
			die("mmap");
		for (long i = 0; i < pages; i++)
			memory[i * PAGE] = 1;
		munmap(memory, (size_t)(pages * PAGE));
	}
}

static void fork_exit(struct worker *w)
{
	for (long i = 0; i < w->operations; i++) {
		pid_t pid = fork();

		if (pid < 0)
			die("fork");
		if (!pid)
			_exit(0);
		if (waitpid(pid, NULL, 0) != pid)
			die("waitpid");
	}
}

static const struct kind {
	const char *name;
	void (*run)(struct worker *w);
} kinds[] = {
	{ "null", null },
	{ "open_close", open_close },
	{ "pipe", ping },
	{ "fault", fault },
	{ "fork_exit", fork_exit },
};

/* ---- Running them ---- */

static void start(void (*run)(struct worker *), struct worker w)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (pid)
		return;
	raise_to(&meeting->ready, 1);
	wait_for(&meeting->go, 1);
	run(&w);
	raise_to(&meeting->done, 1);
	wait_for(&meeting->leave, 1);
	_exit(0);
}

static unsigned int start_all(const struct kind *kind, int workers, long operations)
{
	unsigned int started = 0;

	for (int i = 0; i < workers; i++) {
		struct worker w = { i, operations, -1, -1 };
		int there[2], back[2];

		if (kind->run == ping) {
			struct worker other = w;

			if (pipe(there) || pipe(back))
				die("pipe");
			w.out = there[1], w.in = back[0];
			other.out = back[1], other.in = there[0];
			start(pong, other);
			started++;
		}
		start(kind->run, w);
		started++;
	}
	return started;
}

static void locks_clear(void)
{
	int fd = open(LOCKS, O_WRONLY);

	if (fd >= 0) {
		if (write(fd, "0\n", 2) != 2)
			die(LOCKS);
		close(fd);
	}
}

static size_t locks_read(char *text, size_t size)
{
	int fd = open(LOCKS, O_RDONLY);
	size_t length = 0;
	ssize_t got;

	if (fd < 0)
		return 0;
	while (length < size - 1 && (got = read(fd, text + length, size - 1 - length)) > 0)
		length += (size_t)got;
	text[length] = '\0';
	close(fd);
	return length;
}

static void locks_print(char *text)
{
	char name[32];
	unsigned long acquired, contended, spins, moved;

	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		if (sscanf(line, "%31s %lu %lu %lu %lu", name, &acquired, &contended, &spins, &moved) == 5)
			printf("lock %s %lu %lu %lu %lu\n", name, acquired, contended, spins, moved);
	}
}

int main(int argc, char **argv)
{
	static char text[16384];
	const struct kind *kind = NULL;
	unsigned int started;
	uint64_t begin, end;
	long operations;
	int workers;

	for (size_t i = 0; argc == 4 && i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (!strcmp(argv[1], kinds[i].name))
			kind = &kinds[i];
	}
	workers = argc == 4 ? atoi(argv[2]) : 0;
	operations = argc == 4 ? atol(argv[3]) : 0;
	if (!kind || workers < 1 || workers > MAX_PAIRS || operations < 1) {
		fprintf(stderr, "usage: contend null|open_close|pipe|fault|fork_exit WORKERS OPERATIONS\n");
		return 2;
	}
	meeting = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (meeting == MAP_FAILED)
		die("mmap");
	started = start_all(kind, workers, operations);
	wait_for(&meeting->ready, started);
	puts("begin");
	fflush(stdout);
	tcdrain(STDOUT_FILENO); /* not while they work */
	locks_clear();
	begin = now_ns();
	mark();
	raise_to(&meeting->go, 1);
	wait_for(&meeting->done, started);
	mark();
	end = now_ns();
	locks_read(text, sizeof(text));
	printf("contend %s %d %ld %lu\n", kind->name, workers, operations * workers,
	       (unsigned long)(end - begin));
	locks_print(text);
	fflush(stdout);
	raise_to(&meeting->leave, 1);
	while (wait(NULL) > 0 || errno == EINTR)
		;
	return 0;
}
