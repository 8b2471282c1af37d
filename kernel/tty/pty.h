/* SPDX-License-Identifier: MIT */
/*
 * pty.h - between pty.c (pairs of terminals) and devpts.c (their names)
 */
#pragma once

#include "kernel/tty/internal.h"

#define MAX_PTYS 1024u

/*
 * A pair: the slave is a terminal like any other; the master is an open file
 * of /dev/ptmx, whose holder plays the part of keyboard and screen.
 * Lives as long as the slave's struct tty.
 */
struct pty {
	/* Fixed. */
	struct tty *slave;
	unsigned int index; /* /dev/pts/N */

	/* The node in devpts, while the master is open; devpts's lock. */
	struct inode *node;

	/* Under slave->lock. */
	bool locked;            /* TIOCSPTLCK: the slave cannot be opened yet */
	bool slave_was_open;    /* ever */
	bool packet_mode;       /* TIOCPKT */
	unsigned char happened; /* TIOCPKT_* not yet told in packet mode */

	struct wait_queue master_readers;
	struct wait_queue master_writers;
};

/* pty.c: the pair number @index with a reference to its slave, or NULL. */
struct pty *pty_find(unsigned int index);
/* The first number in use at or above @index, or -1. */
int pty_next(unsigned int index);

/* devpts.c */

int devpts_init(void);
/* Make and remove the node /dev/pts/N. 0, -ENOMEM. */
int devpts_add(struct pty *pty);
void devpts_remove(struct pty *pty);
