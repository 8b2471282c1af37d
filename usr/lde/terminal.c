/* SPDX-License-Identifier: MIT */
/*
 * terminal.c - a program where the chip was: run a command on a pseudo-terminal
 *
 *   terminal COMMAND ARGS...    what it writes is shown with "| " before each line
 *
 * The command believes that it has a terminal, and it has: the same line
 * discipline as on the serial port, with this program at the other end of the
 * wire. pty(7).
 */
#include <pty.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int wire, status, begin = 1;
	char c;

	if (argc < 2) {
		fputs("usage: terminal COMMAND ARGS...\n", stderr);
		return 2;
	}
	if (forkpty(&wire, NULL, NULL, NULL) == 0) {
		execvp(argv[1], argv + 1);
		perror(argv[1]);
		_exit(127);
	}
	/* When the last program has closed its end, reading fails (EIO). */
	while (read(wire, &c, 1) == 1) {
		if (begin)
			fputs("| ", stdout);
		begin = c == '\n';
		if (c != '\r')
			putchar(c);
	}
	wait(&status);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
