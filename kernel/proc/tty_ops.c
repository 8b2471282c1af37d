/* SPDX-License-Identifier: MIT */
/*
 * tty_ops.c - the way from processes up to their terminals
 *
 * tty/ stands above proc/ and replaces these functions at boot (tty_init()).
 */
#include "kernel/proc/process.h"

static void no_terminal_to_leave(struct session *session)
{
}

static void no_terminal_to_describe(struct session *session, uint64_t *rdev,
				    int *group)
{
	*rdev = 0;
	*group = -1;
}

struct process_tty_ops process_tty_ops = {
	.disassociate = no_terminal_to_leave,
	.describe = no_terminal_to_describe,
};
