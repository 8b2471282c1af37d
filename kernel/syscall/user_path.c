/* SPDX-License-Identifier: MIT */
/*
 * user_path.c - file names that programs pass, and where they begin
 */
#include "kernel/syscall/user_path.h"

#include "kernel/abi/errno.h"
#include "kernel/abi/fs.h"
#include "kernel/mm/slab.h"
#include "kernel/mm/user_copy.h"

int user_path_get(struct user_path *path, const char __user *name)
{
	ssize_t len;

	path->name = path->small;
	len = copy_string_from_user(path->small, name, USER_PATH_SMALL);
	if (likely(len >= 0))
		return 0;
	if (len != -ENAMETOOLONG)
		return (int)len;
	path->name = kmalloc(PATH_MAX);
	if (!path->name)
		return -ENOMEM;
	len = copy_string_from_user(path->name, name, PATH_MAX);
	return len < 0 ? (int)len : 0;
}

void user_path_put(struct user_path *path)
{
	if (unlikely(path->name != path->small))
		kfree(path->name);
}

int user_at_get(struct user_at *at, int dirfd, const char __user *name,
		int flags)
{
	int err;

	at->start = NULL;
	at->file = NULL;
	err = user_path_get(&at->path, name);
	if (err)
		return err;
	if (at->path.name[0] == '/' && !(flags & USER_AT_ALWAYS))
		return 0;
	if (!at->path.name[0] && !(flags & AT_EMPTY_PATH))
		return -ENOENT;
	if (dirfd == AT_FDCWD)
		return 0;
	at->file = fd_get_any(dirfd);
	if (!at->file)
		return -EBADF;
	at->start = &at->file->path;
	return 0;
}

void user_at_put(struct user_at *at)
{
	user_path_put(&at->path);
	if (at->file)
		file_put(at->file);
}

static __noinline int path_of_fd(int fd, struct path *out)
{
	struct file *file = fd_get_any(fd);

	if (!file)
		return -EBADF;
	*out = file->path;
	path_get(out);
	file_put(file);
	return 0;
}

int user_at_lookup(int dirfd, const char __user *name, int flags,
		   unsigned int lookup, struct path *out)
{
	struct user_at at;
	int err;

	/* stat(2): no name at all is an empty one, of a descriptor. */
	if (unlikely(!name) && flags & AT_EMPTY_PATH && flags & USER_AT_NULL &&
	    dirfd >= 0)
		return path_of_fd(dirfd, out);
	if (flags & AT_EMPTY_PATH)
		lookup |= LOOKUP_EMPTY;
	err = user_at_get(&at, dirfd, name, flags);
	if (!err)
		err = path_lookup(at.start, at.path.name, lookup, out, NULL);
	user_at_put(&at);
	return err;
}
