/* SPDX-License-Identifier: MIT */
/*
 * epoll.h - a lasting set of files to wait for: epoll(7)
 */
#pragma once

#include "kernel/abi/poll.h"
#include "kernel/lib/list.h"

struct file;

/* epoll_create1(2). 0, -ENOMEM. */
int epoll_create(unsigned int flags, struct file **out);

/*
 * epoll_ctl(2): @op EPOLL_CTL_*, @file is known as @fd. -EINVAL if @epoll is
 * not an epoll file; -EEXIST, -ENOENT, -EPERM, -ELOOP, -ENOMEM.
 */
int epoll_control(struct file *epoll, int op, struct file *file, int fd,
		  const struct epoll_event *event);

/*
 * epoll_wait(2): up to @max events go to @events. Their number, 0 at
 * @deadline_ns (0: do not wait), -EINTR, -EFAULT, -EINVAL.
 */
long epoll_wait(struct file *epoll, struct epoll_event __user *events, int max,
		uint64_t deadline_ns);

/*
 * The last reference to @file is gone: out of all sets. vfs/ calls it before
 * release, if file->epoll_items is not empty.
 */
void epoll_forget(struct file *file);
