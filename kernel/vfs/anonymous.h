/* SPDX-License-Identifier: MIT */
/*
 * anonymous.h - descriptors that are neither a file nor a channel
 *
 * eventfd, timerfd, signalfd, epoll, inotify, pidfd.
 */
#pragma once

#include "kernel/lib/compiler.h"

struct file;
struct file_ops;

/*
 * An open file on an inode of its own; /proc shows it as @name, for instance
 * "anon_inode:[eventfd]". @flags O_*; it can be read and written. 0, -ENOMEM
 * (@data stays the caller's then).
 */
int anonymous_file_create(const char *name, const struct file_ops *ops,
			  unsigned int flags, void *data, struct file **out);
