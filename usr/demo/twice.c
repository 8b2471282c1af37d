/* SPDX-License-Identifier: MIT */
/*
 * twice.c - one address, two values: each process has its own memory
 *
 * OSTEP ch. 2: after fork(), parent and child print the same address with
 * different contents, because the same virtual page is two frames
 * (copy-on-write: the second comes into being at the first store).
 */
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static int value = 1;

int main(void)
{
	pid_t child = fork();

	if (child < 0) {
		perror("fork");
		return 1;
	}
	if (child == 0) {
		value = 2;
		printf("child:  value at %p is %d\n", (void *)&value, value);
		return 0;
	}
	waitpid(child, NULL, 0);
	printf("parent: value at %p is %d\n", (void *)&value, value);
	return 0;
}
