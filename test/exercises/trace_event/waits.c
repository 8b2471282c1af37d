/* SPDX-License-Identifier: MIT */
/*
 * waits.c - wait for another process, or for a time
 */
#include <poll.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROUNDS 100

/* Wait for the byte from @in, then hand it on to @out. */
static void play(int in, int out)
{
	char byte;

	for (int i = 0; i < ROUNDS; i++) {
		if (read(in, &byte, 1) != 1 || write(out, &byte, 1) != 1)
			_exit(1);
	}
}

static void pingpong(void)
{
	int there[2], back[2];

	if (pipe(there) || pipe(back))
		_exit(1);
	if (fork() == 0) {
		play(there[0], back[1]);
		_exit(0);
	}
	if (write(there[1], "x", 1) != 1)
		_exit(1);
	play(back[0], there[1]);
	wait(NULL);
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "poll"))
		poll(NULL, 0, 300);
	else
		pingpong();
	return 0;
}
