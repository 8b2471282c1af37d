/* SPDX-License-Identifier: MIT */
/*
 * wakelat.c - how long until a real-time thread runs that should run now
 *
 *   wakelat [-b BUSY] [-p PIPES] [-d FOLDER [-f FILES]] [-n WAKEUPS]
 *           [-i INTERVAL_NS]
 *
 * A SCHED_FIFO thread sleeps until a moment, again and again, and notes how late
 * it is: interrupt, wake-up, switch and return together. Meanwhile BUSY processes
 * compute, PIPES pairs throw bytes at each other through pipes, and for each of
 * FILES four processes use the disk that FOLDER is on: write and fsync, make,
 * rename and remove, read past the cache, read what the cache was told to forget.
 * Under QEMU's -icount a nanosecond is an instruction, so the numbers compare
 * kernels.
 * Prints "latency NS COUNT" for each bucket of 1000 ns, the greatest, and how
 * often each part of the storm came round: "storm NAME COUNT".
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BUCKET_NS   1000
#define NUM_BUCKETS 2000

#define FILE_SIZE (4 << 20)
#define CHUNK     (64 << 10)

static long histogram[NUM_BUCKETS];

/* How often; shared by all processes, counted without a lock. */
enum storm { PIPE, WRITE, NAMES, DIRECT, COLD, NUM_STORMS };
static const char *const storm_names[] = { "pipe", "write", "names", "direct",
					   "cold" };
static volatile unsigned long *storms;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static long long now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static void compute(void)
{
	for (volatile unsigned long i = 0;; i++)
		;
}

static void throw_bytes(int from, int to)
{
	char bytes[512];
	ssize_t n;

	for (;;) {
		n = read(from, bytes, sizeof(bytes));
		if (n <= 0 || write(to, bytes, n) != n)
			_exit(1);
		__atomic_fetch_add(&storms[PIPE], 1, __ATOMIC_RELAXED);
	}
}

/* A child that ends with us. */
static int child(void)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (pid == 0)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return pid == 0;
}

/* One that need not wait for all that compute. */
static int storm_child(void)
{
	if (!child())
		return 0;
	setpriority(PRIO_PROCESS, 0, -10);
	return 1;
}

/* ---- The disk ---- */

static int open_file(const char *folder, const char *kind, int i, int flags)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/%s%d", folder, kind, i);
	fd = open(path, flags, 0600);
	if (fd < 0)
		die(path);
	return fd;
}

static void write_and_sync(const char *folder, int i, char *chunk)
{
	int fd = open_file(folder, "w", i, O_RDWR | O_CREAT);

	for (unsigned long n = 0;; n++) {
		off_t at = (off_t)(n * 7 % (FILE_SIZE / CHUNK)) * CHUNK;

		if (pwrite(fd, chunk, CHUNK, at) != CHUNK || fsync(fd))
			die("write");
		__atomic_fetch_add(&storms[WRITE], 1, __ATOMIC_RELAXED);
	}
}

static void change_names(const char *folder, int i, char *chunk)
{
	char from[128], to[128];

	snprintf(from, sizeof(from), "%s/n%d", folder, i);
	snprintf(to, sizeof(to), "%s/m%d", folder, i);
	for (;;) {
		int fd = open_file(folder, "n", i, O_RDWR | O_CREAT | O_TRUNC);

		if (write(fd, chunk, CHUNK / 4) < 0 || close(fd) ||
		    rename(from, to) || unlink(to))
			die("rename");
		__atomic_fetch_add(&storms[NAMES], 1, __ATOMIC_RELAXED);
	}
}

static void fill(int fd, char *chunk)
{
	for (off_t at = 0; at < FILE_SIZE; at += CHUNK) {
		if (pwrite(fd, chunk, CHUNK, at) != CHUNK)
			die("pwrite");
	}
	if (fsync(fd))
		die("fsync");
}

static void read_again(int fd, char *chunk, enum storm kind)
{
	for (;;) {
		if (kind == COLD)
			posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
		for (off_t at = 0; at < FILE_SIZE; at += CHUNK) {
			if (pread(fd, chunk, CHUNK, at) != CHUNK)
				die("pread");
			__atomic_fetch_add(&storms[kind], 1, __ATOMIC_RELAXED);
		}
	}
}

static void start_disk_storm(const char *folder, int files)
{
	char *chunk = mmap(NULL, CHUNK, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (chunk == MAP_FAILED)
		die("mmap");
	memset(chunk, 'x', CHUNK);
	for (int i = 0; i < files; i++) {
		fill(open_file(folder, "d", i, O_RDWR | O_CREAT), chunk);
		fill(open_file(folder, "c", i, O_RDWR | O_CREAT), chunk);
		if (storm_child())
			write_and_sync(folder, i, chunk);
		if (storm_child())
			change_names(folder, i, chunk);
		if (storm_child())
			read_again(open_file(folder, "d", i,
					     O_RDONLY | O_DIRECT),
				   chunk, DIRECT);
		if (storm_child())
			read_again(open_file(folder, "c", i, O_RDONLY), chunk,
				   COLD);
	}
}

static void start_load(int busy, int pipes)
{
	char bytes[512] = { 0 };

	for (int i = 0; i < busy; i++) {
		if (child())
			compute();
	}
	for (int i = 0; i < pipes; i++) {
		int there[2], back[2];

		if (pipe(there) || pipe(back))
			die("pipe");
		if (write(there[1], bytes, sizeof(bytes)) < 0)
			die("write");
		if (storm_child())
			throw_bytes(there[0], back[1]);
		if (storm_child())
			throw_bytes(back[0], there[1]);
	}
}

/* Until each part of it has come round. */
static void wait_for_storm(int pipes, const char *folder)
{
	struct timespec a_while = { 0, 10000000 };

	for (int i = pipes ? PIPE : WRITE; i < (folder ? NUM_STORMS : WRITE); i++) {
		while (!storms[i])
			nanosleep(&a_while, NULL);
	}
}

static long long measure(long wakeups, long long interval_ns)
{
	long long due_ns = now_ns() + interval_ns, worst_ns = 0;

	for (long i = 0; i < wakeups; i++, due_ns += interval_ns) {
		struct timespec due = { due_ns / 1000000000LL,
					due_ns % 1000000000LL };
		long long late_ns;

		if (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL))
			die("clock_nanosleep");
		late_ns = now_ns() - due_ns;
		if (late_ns > worst_ns)
			worst_ns = late_ns;
		late_ns /= BUCKET_NS;
		histogram[late_ns < NUM_BUCKETS ? late_ns : NUM_BUCKETS - 1]++;
		while (due_ns < now_ns())
			due_ns += interval_ns;
	}
	return worst_ns;
}

int main(int argc, char **argv)
{
	struct sched_param fifo = { .sched_priority = 50 };
	int busy = 200, pipes = 4, files = 2, option;
	const char *folder = NULL;
	long long interval_ns = 1013000, worst_ns;
	long wakeups = 1000;

	while ((option = getopt(argc, argv, "b:p:n:i:d:f:")) != -1) {
		switch (option) {
		case 'b':
			busy = atoi(optarg);
			break;
		case 'p':
			pipes = atoi(optarg);
			break;
		case 'd':
			folder = optarg;
			break;
		case 'f':
			files = atoi(optarg);
			break;
		case 'n':
			wakeups = atol(optarg);
			break;
		case 'i':
			interval_ns = atoll(optarg);
			break;
		default:
			return 2;
		}
	}
	storms = mmap(NULL, sizeof(*storms) * NUM_STORMS,
		      PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (storms == MAP_FAILED)
		die("mmap");
	/* First, so that we are not the last of 200 to run. */
	if (sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &fifo))
		die("sched_setscheduler");
	if (mlockall(MCL_CURRENT | MCL_FUTURE))
		perror("mlockall");
	start_load(busy, pipes);
	if (folder)
		start_disk_storm(folder, files);
	wait_for_storm(pipes, folder);
	worst_ns = measure(wakeups, interval_ns);
	for (int i = 0; i < NUM_BUCKETS; i++) {
		if (histogram[i])
			printf("latency %d %ld\n", i * BUCKET_NS, histogram[i]);
	}
	printf("worst %lld\n", worst_ns);
	for (int i = 0; i < NUM_STORMS; i++)
		printf("storm %s %lu\n", storm_names[i], storms[i]);
	return 0;
}
