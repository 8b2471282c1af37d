/* SPDX-License-Identifier: MIT */
/*
 * wait.h - waiting for children: wait4(2), waitid(2)
 */
#pragma once

#include "kernel/proc/process.h"

/* Which children: P_ALL, P_PID, P_PGID of waitid(2); P_PGID 0: our group. */
struct wait_request {
	int which;
	int number;
	struct process *process; /* P_PIDFD: that one */
	unsigned int options;    /* W*, __W* */
};

/* What happened to one of them. */
struct wait_event {
	int pid;
	int status; /* wait(2) encoding */
	struct short_siginfo info;
	struct usage usage; /* it and its waited-for children */
};

/*
 * The next event, waiting for one unless WNOHANG. Returns the child's pid; 0
 * with WNOHANG: none yet; -ECHILD: there is no such child; -ERESTARTSYS.
 */
int process_wait(const struct wait_request *request, struct wait_event *event);
