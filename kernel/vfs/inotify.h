/* SPDX-License-Identifier: MIT */
/*
 * inotify.h - reading what happens to files: inotify(7)
 */
#pragma once

#include "kernel/lib/compiler.h"

struct file;
struct path;

/* inotify_init1(2). 0, -ENOMEM. */
int inotify_create(unsigned int flags, struct file **out);

/*
 * Watch what @path names (references stay the caller's). The watch descriptor;
 * -EINVAL: @file is something else, or no event in @mask; -EEXIST, -ENOSPC,
 * -ENOMEM.
 */
int inotify_add(struct file *file, const struct path *path, uint32_t mask);
/* 0, -EINVAL. */
int inotify_remove(struct file *file, int wd);
