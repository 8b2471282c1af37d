/* SPDX-License-Identifier: MIT */
/*
 * main.c - run mm/'s unit tests on the host: memory --list, memory NAME...
 */
#include <stdio.h>
#include <string.h>

#include "kernel/debug/ktest.h"
#include "test/host/mm/machine.h"

extern const struct ktest *const ktests_start[], *const ktests_end[];

int main(int argc, char **argv)
{
	int failed = argc < 2;

	if (argc == 2 && !strcmp(argv[1], "--list")) {
		for (const struct ktest *const *t = ktests_start;
		     t < ktests_end; t++)
			puts((*t)->name);
		return 0;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	machine_start();
	for (int i = 1; i < argc; i++) {
		if (ktest_run(argv[i]) != 0)
			failed = 1;
	}
	return failed;
}
