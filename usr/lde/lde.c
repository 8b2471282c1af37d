/* SPDX-License-Identifier: MIT */
/*
 * lde.c - limited direct execution, watched: the command
 *
 * lde shows what the kernel's protocol trace records while a program runs.
 * Read: kernel/trace/README.md; OSTEP ch. 6.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lde.h"

bool verbose, unfolded;
extern bool as_rows;

static int usage(void)
{
	fputs("lde - watch limited direct execution\n\n"
	      "  lde run PROGRAM ARG...       the lecture's three columns, of "
	      "this run\n"
	      "      -v  with values, registers and places in the source\n"
	      "      -a  every step, nothing folded\n"
	      "      -1  alone, without a second process to share the hart "
	      "with\n"
	      "      -t  a line for each row, fields separated by tabs\n"
	      "  lde boot                     the rows of the boot\n"
	      "  lde calls PROGRAM ARG...     system calls with arguments and "
	      "results\n"
	      "  lde timeline PROGRAM ARG...  who ran when on each hart\n"
	      "      -s SECONDS               the whole system for so long, "
	      "instead\n"
	      "  lde top                      who switches, calls, faults; q "
	      "leaves\n"
	      "      -n TIMES  -s SECONDS     so many times, every so many "
	      "seconds\n"
	      "  lde dump PROGRAM ARG...      every event as a line\n"
	      "  lde record FILE PROGRAM ARG...  the kernel's records into a "
	      "file\n"
	      "  lde check PROGRAM ARG...     is the trace in order and "
	      "complete, and\n"
	      "                               how much slower is the "
	      "program?\n",
	      stderr);
	return 2;
}

static int command(const char *name, char **argv, bool alone, int times,
		   double seconds)
{
	if (!strcmp(name, "run") && *argv)
		return command_run(argv, alone);
	if (!strcmp(name, "boot"))
		return command_boot();
	if (!strcmp(name, "calls") && *argv)
		return command_calls(argv);
	if (!strcmp(name, "timeline") && (*argv || seconds > 0))
		return command_timeline(argv, seconds);
	if (!strcmp(name, "top"))
		return command_top(times, seconds > 0 ? seconds : 1);
	if (!strcmp(name, "dump") && *argv)
		return command_dump(argv);
	if (!strcmp(name, "record") && argv[0] && argv[1])
		return command_record(argv);
	if (!strcmp(name, "check") && *argv)
		return command_check(argv);
	return usage();
}

int main(int argc, char **argv)
{
	const char *name = NULL;
	bool alone = false;
	double seconds = 0;
	int option, times = 0;

	/* Options may stand before and after the command's name. */
	for (;;) {
		option = getopt(argc, argv, "+va1tn:s:");
		if (option == -1 && !name && optind < argc) {
			name = argv[optind++];
			continue;
		}
		if (option == -1)
			break;
		switch (option) {
		case 'v':
			verbose = true;
			break;
		case 'a':
			unfolded = true;
			break;
		case '1':
			alone = true;
			break;
		case 't':
			as_rows = true;
			break;
		case 'n':
			times = atoi(optarg);
			break;
		case 's':
			seconds = atof(optarg);
			break;
		default:
			return usage();
		}
	}
	if (!name)
		return usage();
	events_init();
	return command(name, argv + optind, alone, times, seconds);
}
