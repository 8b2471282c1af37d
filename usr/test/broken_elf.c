/* SPDX-License-Identifier: MIT */
/*
 * broken_elf.c - damaged programs are executed
 *
 *   broken_elf [SEED [COUNT]]
 *
 * Bits are flipped and numbers changed, mostly in the headers, in copies of
 * programs: a static one (this), one with an interpreter, and that
 * interpreter. Each is executed, as nobody and with a time limit. It may be
 * refused, it may die, it may even work; what matters is that all of them come
 * to an end and that execve() gives no error it should not give.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

#define BROKEN        "/tmp/broken-program"
#define MAX_SIZE      (4u << 20)
#define NOBODY        65534
#define LIMIT_SECONDS 2

static const struct victim {
	const char *path;
	const char *argument;
} victims[] = {
	{ "/proc/self/exe", "victim" },
	{ "/bin/true", NULL },
	{ "/lib/ld-linux-riscv64-lp64d.so.1", "--version" },
};

#define NUM_VICTIMS (sizeof(victims) / sizeof(victims[0]))

static uint64_t seed = 1;
static unsigned char whole[NUM_VICTIMS][MAX_SIZE], broken[MAX_SIZE];
static size_t sizes[NUM_VICTIMS]; /* 0: not on this system */

/* What became of them. */
static int num_refused, num_killed, num_ended, num_late, num_strange;

static uint64_t random_number(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

/* ---- Damage -------------------------------------------------------------- */

static uint64_t hurtful_number(void)
{
	static const uint64_t edges[] = {
		0,         1,         4095,      4096,
		65536,     1ul << 30, 1ul << 31, 1ul << 32,
		1ul << 38, INT64_MAX, 1ul << 63, UINT64_MAX,
	};
	uint64_t edge = edges[random_number() % 12];

	return random_number() % 2 ? edge : edge + random_number() % 9 - 4;
}

static void smash_field(size_t headers)
{
	size_t width = 1ul << random_number() % 4;
	uint64_t number = hurtful_number();

	memcpy(broken + random_number() % (headers / width) * width, &number,
	       width);
}

/* The size of what is left of @victim. */
static size_t damage(size_t victim)
{
	const Elf64_Ehdr *file = (const Elf64_Ehdr *)whole[victim];
	size_t headers = sizeof(*file) + file->e_phnum * sizeof(Elf64_Phdr);
	size_t size = sizes[victim];
	unsigned int changes = 1 + random_number() % 3;

	memcpy(broken, whole[victim], size);
	switch (random_number() % 5) {
	case 0: /* the file ends early */
		return random_number() % (random_number() % 2 ? size : 1024);
	case 1: /* bits anywhere */
		for (changes *= 20; changes; changes--)
			broken[random_number() % size] ^=
				1u << random_number() % 8;
		return size;
	case 2: /* bits of the headers */
		while (changes--)
			broken[random_number() % headers] ^=
				1u << random_number() % 8;
		return size;
	default:
		while (changes--)
			smash_field(headers);
		return size;
	}
}

/* ---- Running ------------------------------------------------------------- */

static void write_broken(size_t size)
{
	int fd = open(BROKEN, O_WRONLY | O_CREAT | O_TRUNC, 0755);

	if (fd < 0 || write(fd, broken, size) != (ssize_t)size ||
	    fchmod(fd, 0755)) {
		perror(BROKEN);
		exit(2);
	}
	close(fd);
}

static void limit(int what, rlim_t value)
{
	struct rlimit rlimit = { value, value };

	setrlimit(what, &rlimit);
}

/* Never comes back; tells @report why the program cannot be run. */
static void become_broken(const char *argument, int report)
{
	char *args[] = { (char *)"broken", (char *)argument, NULL };
	int null = open("/dev/null", O_RDWR), err;

	setpgid(0, 0);
	for (int fd = 0; fd < 3; fd++)
		dup2(null, fd);
	limit(RLIMIT_CPU, LIMIT_SECONDS);
	limit(RLIMIT_FSIZE, 0);
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_AS, 128u << 20);
	if (setgid(NOBODY) || setuid(NOBODY))
		_exit(2);
	limit(RLIMIT_NPROC, 20);
	execv(BROKEN, args);
	err = errno;
	if (write(report, &err, sizeof(err)) != sizeof(err))
		_exit(2);
	_exit(0);
}

static bool is_exec_error(int err)
{
	static const int known[] = { ENOEXEC, ENOMEM,  EINVAL,       ENOENT,
				     EACCES,  ELIBBAD, EEXIST,       ENOTDIR,
				     EIO,     EFAULT,  ENAMETOOLONG, E2BIG };

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (known[i] == err)
			return true;
	}
	printf("# execve: %s\n", strerror(err));
	return false;
}

/* Wait for @child; whoever takes too long is killed. Its status. */
static int wait_or_kill(pid_t child, const sigset_t *child_ended)
{
	struct timespec patience = { .tv_sec = LIMIT_SECONDS + 1 };
	int status;

	while (waitpid(child, &status, WNOHANG) == 0) {
		if (sigtimedwait(child_ended, NULL, &patience) < 0 &&
		    errno == EAGAIN) {
			num_late++;
			kill(-child, SIGKILL);
			kill(child, SIGKILL);
		}
	}
	kill(-child, SIGKILL); /* what it may have left */
	return status;
}

static void run_broken(const char *argument, const sigset_t *child_ended)
{
	int report[2], err = 0, status;
	pid_t child;

	if (pipe2(report, O_CLOEXEC)) {
		perror("pipe");
		exit(2);
	}
	child = fork();
	if (child == 0)
		become_broken(argument, report[1]);
	close(report[1]);
	if (child < 0) {
		perror("fork");
		exit(2);
	}
	status = wait_or_kill(child, child_ended);
	if (read(report[0], &err, sizeof(err)) == sizeof(err)) {
		num_refused++;
		num_strange += !is_exec_error(err);
	} else if (WIFSIGNALED(status)) {
		num_killed++;
	} else {
		num_ended++;
	}
	close(report[0]);
}

static void read_victims(void)
{
	for (size_t i = 0; i < NUM_VICTIMS; i++) {
		int fd = open(victims[i].path, O_RDONLY);
		ssize_t size = fd < 0 ? 0 : read(fd, whole[i], MAX_SIZE);

		sizes[i] = size > 4096 && size < MAX_SIZE ? (size_t)size : 0;
		if (fd >= 0)
			close(fd);
	}
}

int main(int argc, char **argv)
{
	int count = argc > 2 ? atoi(argv[2]) : 200;
	sigset_t child_ended;

	if (argc == 2 && !strcmp(argv[1], "victim"))
		return 0;
	if (argc > 1)
		seed = strtoull(argv[1], NULL, 0) * 2654435761u + 1;
	sigemptyset(&child_ended);
	sigaddset(&child_ended, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child_ended, NULL);
	read_victims();

	for (int i = 0; i < count; i++) {
		size_t victim = random_number() % NUM_VICTIMS;

		if (!sizes[victim])
			victim = 0;
		write_broken(damage(victim));
		run_broken(victims[victim].argument, &child_ended);
	}
	unlink(BROKEN);
	printf("# %d refused, %d killed by a signal, %d ended, %d took too "
	       "long\n",
	       num_refused, num_killed, num_ended, num_late);
	check(num_refused + num_killed + num_ended == count,
	      "each of %d broken programs comes to an end", count);
	check(num_strange == 0, "execve refuses with the errors it may give");
	check(num_refused > count / 10, "many are refused");
	return check_status();
}
