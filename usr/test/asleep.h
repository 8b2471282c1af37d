/* SPDX-License-Identifier: MIT */
/*
 * asleep.h - wait until somebody sleeps
 *
 * A test of what happens to a waiting thread has to know that it waits. No time
 * is long enough for that on every host; the state in /proc is.
 */
#pragma once

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static bool asleep_now(pid_t pid, pid_t tid)
{
	char text[512] = "";
	const char *end;
	int fd;

	snprintf(text, sizeof(text), "/proc/%d/task/%d/stat", pid, tid);
	fd = open(text, O_RDONLY);
	if (fd < 0)
		return false;
	text[0] = 0;
	if (read(fd, text, sizeof(text) - 1) < 0)
		text[0] = 0;
	close(fd);
	end = strrchr(text, ')'); /* the name may hold anything */
	return end && !strncmp(end, ") S ", 4);
}

/*
 * Wait until thread @tid of process @pid sleeps, seen twice a millisecond apart
 * (a page fault may wait for a moment, too). Gives up after some minutes (its
 * hart may stand still for one, when the host has no time for it); what is
 * claimed next fails then.
 */
static void until_asleep(pid_t pid, pid_t tid)
{
	int seen = 0;

	for (int i = 0; i < 200000 && seen < 2; i++) {
		usleep(1000);
		seen = asleep_now(pid, tid) ? seen + 1 : 0;
	}
}
