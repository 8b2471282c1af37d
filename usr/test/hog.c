/* SPDX-License-Identifier: MIT */
/*
 * hog.c - take as much of one thing as the kernel gives, then go
 *
 *   hog forks     processes that fork processes, until refused; then all end
 *   hog memory    touch memory until refused or killed
 *   hog files     descriptors until refused
 *   hog threads   10,000 threads, or as many as there are
 *   hog pipes     pipes full of data until refused
 *
 * Prints how far it got. Being refused (or killed, for memory) is the right
 * end; what matters is what the machine is like afterwards: test/test_limits.py.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static int hog_forks(void)
{
	int pipe_fds[2];
	char byte;

	/* Every process holds the write end; reading ends when all are gone. */
	if (pipe(pipe_fds))
		return 1;
	if (fork() == 0) {
		int sleepers = 0;

		setpgid(0, 0);
		for (;;) {
			pid_t child = fork();

			if (child < 0)
				break;
			if (child > 0)
				sleepers++;
		}
		/* Refused: everyone in the group ends. */
		printf("refused: %s\n", strerror(errno));
		fflush(stdout);
		kill(0, SIGKILL);
		_exit(0);
	}
	close(pipe_fds[1]);
	while (read(pipe_fds[0], &byte, 1) > 0)
		;
	while (wait(NULL) > 0)
		;
	puts("all gone");
	return 0;
}

static int hog_memory(void)
{
	size_t chunk = 1 << 20, taken = 0;
	int status;
	pid_t child = fork();

	if (child == 0) {
		for (;;) {
			char *p = mmap(NULL, chunk, PROT_READ | PROT_WRITE,
				       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

			if (p == MAP_FAILED)
				_exit(0);
			memset(p, 1, chunk);
			taken += chunk;
		}
	}
	waitpid(child, &status, 0);
	if (WIFSIGNALED(status))
		printf("killed by signal %d\n", WTERMSIG(status));
	else
		puts("refused");
	return 0;
}

static int hog_files(void)
{
	int count = 0;

	while (open("/dev/null", O_RDONLY) >= 0)
		count++;
	printf("refused after %d: %s\n", count, strerror(errno));
	return errno == EMFILE || errno == ENFILE ? 0 : 1;
}

static void *sleep_for_ever(void *unused)
{
	(void)unused;
	for (;;)
		pause();
	return NULL;
}

static int hog_threads(void)
{
	pthread_attr_t attributes;
	pthread_t thread;
	int count = 0, err = 0;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, 16384);
	while (count < 10000) {
		err = pthread_create(&thread, &attributes, sleep_for_ever,
				     NULL);
		if (err)
			break;
		count++;
	}
	printf("%d threads: %s\n", count, err ? strerror(err) : "all");
	return err && err != EAGAIN && err != ENOMEM ? 1 : 0;
}

static int hog_pipes(void)
{
	static char page[4096];
	struct rlimit many = { 100000, 100000 };
	int count = 0, fds[2];

	setrlimit(RLIMIT_NOFILE, &many);
	while (pipe2(fds, O_NONBLOCK) == 0) {
		while (write(fds[1], page, sizeof(page)) > 0)
			;
		if (errno != EAGAIN)
			break;
		count++;
	}
	printf("refused after %d pipes: %s\n", count, strerror(errno));
	return 0;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(void);
	} kinds[] = {
		{ "forks", hog_forks }, { "memory", hog_memory },
		{ "files", hog_files }, { "threads", hog_threads },
		{ "pipes", hog_pipes },
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		if (argc == 2 && strcmp(argv[1], kinds[i].name) == 0)
			return kinds[i].run();
	}
	fputs("usage: hog forks|memory|files|threads|pipes\n", stderr);
	return 2;
}
