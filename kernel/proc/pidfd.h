/* SPDX-License-Identifier: MIT */
/*
 * pidfd.h - a process as an open file: pidfd_open(2)
 *
 * Readable once the process has ended. It keeps naming that one process, even
 * when its number has long been given to another.
 */
#pragma once

struct file;
struct process;

/* A new descriptor (close-on-exec); @flags may be O_NONBLOCK. -EMFILE, ... */
int pidfd_open(struct process *process, unsigned int flags);
/* The process @file names, with a reference; NULL: @file is no pidfd. */
struct process *pidfd_process(struct file *file);
