/* SPDX-License-Identifier: MIT */
/*
 * links.c - a name is a link, a directory, a file and nothing, while others use it
 *
 * Idea: who walks a path finds a link and then reads its text; between the two
 * the link may be gone, and the name may have become something else. Processes
 * that walk through the name, on other harts, must get one of the answers that
 * were right at some moment, and the kernel must live.
 *
 *	links [rounds]
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "expect.h"

#define WALKERS 3

static volatile int *done;

/* Any call that fails ends the process: whoever waits for it sees that. */
static void must(bool good, const char *call)
{
	if (good)
		return;
	fprintf(stderr, "links: %s: %s\n", call, error_name(errno));
	_exit(1);
}

#define MUST(call) must((call) >= 0, #call)

static void make_file(const char *name)
{
	int fd = open(name, O_CREAT | O_EXCL | O_WRONLY, 0644);

	MUST(fd);
	close(fd);
}

static void change(long rounds)
{
	for (long i = 0; i < rounds; i++) {
		MUST(symlink("there", "name"));
		if (i % 4 == 1) {
			MUST(symlink("away", "other"));
			MUST(rename("other", "name"));
		}
		MUST(unlink("name"));
		if (i % 4 == 2) {
			MUST(mkdir("name", 0755));
			MUST(rmdir("name"));
		} else if (i % 4 == 3) {
			make_file("name");
			MUST(unlink("name"));
		}
	}
}

static void walk(void)
{
	struct stat st;

	while (!*done) {
		if (stat("name/file", &st) == 0)
			must(S_ISREG(st.st_mode), "type");
		else
			must(errno == ENOENT || errno == ENOTDIR, "walk");
		if (stat("name", &st))
			must(errno == ENOENT, "stat");
	}
	_exit(0);
}

int main(int argc, char **argv)
{
	long rounds = argc > 1 ? atol(argv[1]) : 1000;
	char folder[] = "links-XXXXXX";
	int status, failed = 0;

	done = mmap(NULL, sizeof(*done), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (!mkdtemp(folder) || chdir(folder) || mkdir("there", 0755)) {
		perror(folder);
		return 2;
	}
	make_file("there/file");
	for (int i = 0; i < WALKERS; i++) {
		if (fork() == 0)
			walk();
	}
	change(rounds);
	*done = 1;
	while (wait(&status) > 0)
		failed |= status;
	check(failed == 0, "whoever walked got a right answer");
	WORKS(unlink("there/file"));
	WORKS(rmdir("there"));
	WORKS(chdir(".."));
	WORKS(rmdir(folder));
	return check_status();
}
