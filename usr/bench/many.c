/* SPDX-License-Identifier: MIT */
/*
 * many.c - what one more process costs when there are 10,000 already
 *
 *   many [-p processes] [-t threads] [-w window] [command...]
 *
 * Makes processes that only sleep, then threads that only sleep, and prints
 * how long one more took around the hundredth and around the last. While all
 * of them are there it runs the command; then it kills the processes, waits for
 * each, and prints what one costs when all are there and when few are left.
 *
 * A window is so many creations and as many sleepers: it ends when the last one
 * made has told that it is about to sleep. Times are of CLOCK_MONOTONIC, so on a
 * machine that counts instructions (scripts/qemu --icount) they are exact.
 *
 * Also runs on Linux: there /proc/sys/kernel/threads-max and pid_max are set.
 *
 * Exit status: 0 all were made; 3 refused (EAGAIN or ENOMEM; it says how many
 * there were, and cleans up); 1 anything else.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* A sleeping thread calls next to nothing; its stack is a page. */
#define THREAD_STACK 4096ul

static long window = 100;
static int ready[2]; /* each one made writes a byte before it sleeps */

static double now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void allow(const char *file, long number)
{
	FILE *f = fopen(file, "w");

	if (!f)
		return;
	fprintf(f, "%ld\n", number);
	fclose(f);
}

/* ---- Those who sleep ------------------------------------------------------- */

static int process_main(void)
{
	if (write(ready[1], "", 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

/* No C library here: it has no thread block of its own. */
static int thread_main(void *arg)
{
	(void)arg;
	syscall(SYS_write, ready[1], "", 1);
	for (;;)
		syscall(SYS_ppoll, NULL, 0, NULL, NULL, 0);
	return 0;
}

/* Its number, or a negative errno. */
static long make_process(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(process_main());
	return pid < 0 ? -errno : pid;
}

static char *stacks;

static long make_thread(long i)
{
	int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND |
		    CLONE_THREAD | CLONE_SYSVSEM;
	int tid = clone(thread_main, stacks + (i + 1) * (long)THREAD_STACK,
			flags, NULL);

	return tid < 0 ? -errno : tid;
}

/* ---- Making many ----------------------------------------------------------- */

static void await(long number)
{
	char bytes[256];

	while (number > 0) {
		long want = number < 256 ? number : 256;
		ssize_t got = read(ready[0], bytes, (size_t)want);

		if (got <= 0)
			fail("read");
		number -= got;
	}
}

/*
 * Up to @number more; *@first and *@last are what one cost in the second
 * window and in the last one. Returns how many there are: fewer if refused.
 */
static long make(const char *what, long number, pid_t *pids, double *first,
		 double *last)
{
	long made = 0;

	while (made < number) {
		double start = now_ns();
		long i;

		for (i = 0; i < window && made + i < number; i++) {
			long id = pids ? make_process() : make_thread(made + i);

			if (id < 0) {
				await(i);
				made += i;
				printf("refused after %ld %s: %s\n", made, what,
				       strerror((int)-id));
				fflush(stdout);
				return made;
			}
			if (pids)
				pids[made + i] = (pid_t)id;
		}
		await(i);
		made += i;
		*last = (now_ns() - start) / (double)i;
		if (made == 2 * window)
			*first = *last;
	}
	printf("%s %ld first %.0f last %.0f ratio %.3f\n", what, made, *first,
	       *last, *last / *first);
	fflush(stdout);
	return made;
}

/* ---- The end of them ------------------------------------------------------- */

static void kill_all(const pid_t *pids, long number)
{
	double start = now_ns(), first = 0, last = 0;
	long done = 0;

	/* The last ones first: the order of creation is no help to wait(2). */
	while (done < number) {
		long i;

		start = now_ns();
		for (i = 0; i < window && done + i < number; i++)
			kill(pids[number - 1 - done - i], SIGKILL);
		for (i = 0; i < window && done + i < number; i++) {
			if (wait(NULL) < 0)
				fail("wait");
		}
		done += i;
		last = (now_ns() - start) / (double)i;
		if (first == 0)
			first = last;
	}
	printf("ends %ld first %.0f last %.0f\n", done, first, last);
}

int main(int argc, char **argv)
{
	long processes = 10000, threads = 0, made = 0;
	bool refused;
	double first = 0, last = 0;
	pid_t *pids;
	int option;

	while ((option = getopt(argc, argv, "+p:t:w:")) != -1) {
		if (option == 'p')
			processes = atol(optarg);
		else if (option == 't')
			threads = atol(optarg);
		else if (option == 'w')
			window = atol(optarg);
		else
			return 1;
	}
	allow("/proc/sys/kernel/threads-max", processes + threads + 1000);
	allow("/proc/sys/kernel/pid_max", processes + threads + 32768);
	pids = calloc((size_t)processes + 1, sizeof(*pids));
	if (!pids || pipe2(ready, O_CLOEXEC))
		fail("pipe");
	if (processes)
		made = make("processes", processes, pids, &first, &last);
	refused = made < processes;
	if (threads && !refused) {
		stacks = mmap(NULL, (size_t)threads * THREAD_STACK,
			      PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
			      0);
		if (stacks == MAP_FAILED)
			fail("mmap");
		refused =
			make("threads", threads, NULL, &first, &last) < threads;
	}
	for (int i = optind; i < argc && !refused; i++) {
		double start = now_ns();
		int status = system(argv[i]);

		printf("command %d status %d ns %.0f\n", i - optind,
		       WEXITSTATUS(status), now_ns() - start);
		fflush(stdout);
	}
	kill_all(pids, made);
	return refused ? 3 : 0;
}
