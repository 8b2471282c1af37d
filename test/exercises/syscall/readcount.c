/* SPDX-License-Identifier: MIT */
/*
 * readcount.c - asks getreadcount(), as its exercise says
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define NR_GETREADCOUNT 400

static long count(void)
{
	return syscall(NR_GETREADCOUNT);
}

static void reads(int n)
{
	int fd = open("/dev/zero", O_RDONLY);
	char byte;

	while (n--)
		if (read(fd, &byte, 1) != 1)
			_exit(1);
	close(fd);
}

static void other_calls(void)
{
	int fd = open("/dev/zero", O_RDWR);
	char byte = 0;
	struct iovec vec = { &byte, 1 };

	for (int i = 0; i < 10; i++) {
		if (read(-1, &byte, 1) != -1 || errno != EBADF)
			_exit(1);
		if (pread(fd, &byte, 1, 0) != 1 || readv(fd, &vec, 1) != 1 ||
		    write(fd, &byte, 1) != 1)
			_exit(1);
	}
}

static void in_parallel(void)
{
	for (int i = 0; i < 4; i++) {
		if (fork() == 0) {
			reads(20000);
			_exit(0);
		}
	}
	while (wait(NULL) > 0)
		;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	long before = count();

	if (before < 0) {
		printf("errno %d\n", errno);
		return 0;
	}
	if (!strcmp(what, "exists")) {
		printf("ok\n");
		return 0;
	}
	if (!strcmp(what, "counts"))
		reads(1000);
	else if (!strcmp(what, "only"))
		other_calls();
	else
		in_parallel();
	printf("%ld\n", count() - before);
	return 0;
}
