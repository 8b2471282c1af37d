/* SPDX-License-Identifier: MIT */
/*
 * user_path.h - file names that programs pass, and where they begin
 *
 * Used like this; the name and the dirfd's file are kept until the put:
 *
 *	struct user_at at;
 *	int err = user_at_get(&at, dirfd, name, 0);
 *	if (!err)
 *		err = vfs_mkdir(user_at_name(&at), mode);
 *	user_at_put(&at);
 */
#pragma once

#include "kernel/vfs/file.h"
#include "kernel/vfs/path.h"

/* Most names fit here; longer ones get memory of their own. */
#define USER_PATH_SMALL 128

struct user_path {
	char *name; /* ended by NUL */
	char small[USER_PATH_SMALL];
};

/* 0, -EFAULT, -ENAMETOOLONG, -ENOMEM; free it in any case. */
int user_path_get(struct user_path *path, const char __user *name);
void user_path_put(struct user_path *path);

struct user_at {
	struct user_path path;
	const struct path *start; /* NULL: the working directory */
	struct file *file;        /* of the dirfd, with a reference */
};

/* An absolute name, too, begins at the dirfd. */
#define USER_AT_ALWAYS 0x40000000
/* With AT_EMPTY_PATH, NULL is as good as "". */
#define USER_AT_NULL 0x20000000

/*
 * @flags  AT_EMPTY_PATH: the name may be empty; USER_AT_ALWAYS
 *
 * Also -ENOENT (empty), -EBADF. Put it in any case.
 */
int user_at_get(struct user_at *at, int dirfd, const char __user *name,
		int flags);
void user_at_put(struct user_at *at);
static inline struct fs_name user_at_name(const struct user_at *at)
{
	return (struct fs_name){ at->start, at->path.name };
}

/*
 * Walk in one go. AT_EMPTY_PATH and USER_AT_NULL in @flags and LOOKUP_* in @lookup; references
 * in *@out.
 */
int user_at_lookup(int dirfd, const char __user *name, int flags,
		   unsigned int lookup, struct path *out);
