/* SPDX-License-Identifier: MIT */
/*
 * divide.c - division by zero, which does not trap on RISC-V
 *
 * Many courses use it as the example of an illegal act. Here the instruction
 * gives a result that the specification fixes, and the program goes on; who
 * wants a trap has to test and execute one. Source: RISC-V Unprivileged Spec,
 * "M" extension, table of division by zero and overflow.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static long divide(long a, long b)
{
	long quotient;

	__asm__ volatile("div %0, %1, %2" : "=r"(quotient) : "r"(a), "r"(b));
	return quotient;
}

static long remainder_of(long a, long b)
{
	long rest;

	__asm__ volatile("rem %0, %1, %2" : "=r"(rest) : "r"(a), "r"(b));
	return rest;
}

/* What a compiler for a language with checked division does. */
static long checked_divide(long a, long b)
{
	if (b == 0)
		__asm__ volatile("ebreak");
	return divide(a, b);
}

int main(void)
{
	volatile double zero = 0.0;
	int status;

	printf("7 / 0            = %ld\n", divide(7, 0));
	printf("7 %% 0            = %ld\n", remainder_of(7, 0));
	printf("LONG_MIN / -1    = %ld\n", divide(LONG_MIN, -1));
	printf("7.0 / 0.0        = %g\n", 7.0 / zero);
	fflush(stdout);
	if (fork() == 0) {
		checked_divide(7, 0);
		_exit(0);
	}
	wait(&status);
	printf("checked division = %s\n",
	       WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "no trap");
	return 0;
}
