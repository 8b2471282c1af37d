/* SPDX-License-Identifier: MIT */
/*
 * hello.c - the program column of the lecture's table, in full
 *
 * run main(), call system call, trap into OS, return from main, trap (via
 * exit()): the C library's write() is spelled out here, so that the ecall can
 * be seen. The number of the call is in a7, its arguments in a0 to a2, and the
 * result comes back in a0 (docs/tour.md follows this very call).
 */
#include <string.h>

#define NR_WRITE 64
#define STDOUT   1

static long system_call(long number, long arg0, long arg1, long arg2)
{
	register long a0 __asm__("a0") = arg0;
	register long a1 __asm__("a1") = arg1;
	register long a2 __asm__("a2") = arg2;
	register long a7 __asm__("a7") = number;

	/* The trap: from here the kernel runs, until its sret. */
	__asm__ volatile("ecall"
			 : "+r"(a0)
			 : "r"(a1), "r"(a2), "r"(a7)
			 : "memory");
	return a0;
}

int main(void)
{
	static const char text[] = "hello from user mode\n";
	long written =
		system_call(NR_WRITE, STDOUT, (long)text, (long)strlen(text));

	return written == (long)strlen(text) ? 0 : 1;
}
