/* SPDX-License-Identifier: MIT */
/*
 * experiments.c - the programs of docs/experiments in one file
 *
 * Each is a program of its own, with a main() of its own. A static C library
 * in each of them would fill a small machine, so the Makefile links them
 * together, as busybox does with its commands: the name that the file is
 * called by chooses the program.
 */
#include <stdio.h>
#include <string.h>

/* PROGRAMS is the Makefile's: P(causes) P(context) ... */
#define P(name) int name##_main(int argc, char **argv);
PROGRAMS
#undef P

static const struct {
	const char *name;
	int (*main)(int argc, char **argv);
} programs[] = {
#define P(name) { #name, name##_main },
	PROGRAMS
#undef P
};

int main(int argc, char **argv)
{
	const char *slash = argc ? strrchr(argv[0], '/') : NULL;
	const char *name = slash ? slash + 1 : argc ? argv[0] : "";

	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++)
		if (!strcmp(programs[i].name, name))
			return programs[i].main(argc, argv);
	fputs("call me by one of these names:", stderr);
	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++)
		fprintf(stderr, " %s", programs[i].name);
	fputc('\n', stderr);
	return 2;
}
