/* SPDX-License-Identifier: MIT */
/*
 * countdown.c - count down, a second a line: sleeping instead of spinning
 *
 * While it sleeps it is on no run queue and costs nothing (watch it in top).
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int n = argc > 1 ? atoi(argv[1]) : 5;

	for (; n > 0; n--) {
		printf("%d\n", n);
		fflush(stdout);
		sleep(1);
	}
	puts("lift-off");
	return 0;
}
