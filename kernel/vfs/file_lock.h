/* SPDX-License-Identifier: MIT */
/*
 * file_lock.h - advisory locks: POSIX record locks, OFD locks, flock
 *
 * Source: fcntl(2) "Advisory record locking", flock(2).
 */
#pragma once

#include "kernel/lib/compiler.h"

struct fd_table;
struct file;
struct inode;

/* A range of bytes; type F_RDLCK, F_WRLCK or F_UNLCK. */
struct record_lock {
	short type;
	loff_t start, end; /* both included; INT64_MAX: to the end */
	int pid;           /* who holds it; -1: an open file (OFD) */
};

/*
 * Set or remove a record lock of the current process (its descriptor table)
 * or, with @by_file, of the open file itself.
 * 0; -EAGAIN (held by another), or with @wait -EDEADLK, -ERESTARTSYS; -ENOLCK.
 */
int file_lock_set(struct file *file, const struct record_lock *wanted,
		  bool by_file, bool wait);
/* The first lock that would be in the way into @lock, else type F_UNLCK. */
int file_lock_test(struct file *file, struct record_lock *lock, bool by_file);

/* flock(2); @type as above. -EWOULDBLOCK, -ERESTARTSYS, -ENOLCK. */
int file_flock(struct file *file, short type, bool wait);
