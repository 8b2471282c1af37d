/* SPDX-License-Identifier: MIT */
/*
 * xattr.c - system calls: extended attributes
 *
 * Idea: twelve calls are four operations, each on a path, on a path without
 * following a link at its end, and on a descriptor.
 * Source: setxattr(2), getxattr(2), listxattr(2), removexattr(2).
 */
#include "kernel/abi/fcntl.h"
#include "kernel/mm/slab.h"
#include "kernel/mm/user_copy.h"
#include "kernel/syscall/table.h"
#include "kernel/syscall/user_path.h"
#include "kernel/vfs/attributes.h"

#include <linux/limits.h>
#include <linux/xattr.h>

/* An operation on a path that was found; arguments 1.. are its own. */
typedef ssize_t (*xattr_fn)(const struct path *path,
			    const struct syscall_args *a);

static ssize_t on_name(const struct syscall_args *a, unsigned int lookup,
		       xattr_fn fn)
{
	struct path path;
	ssize_t done;

	done = user_at_lookup(AT_FDCWD, arg_str(a, 0), 0, lookup, &path);
	if (done)
		return done;
	done = fn(&path, a);
	path_put(&path);
	return done;
}

static ssize_t on_fd(const struct syscall_args *a, xattr_fn fn)
{
	struct file *file = fd_get(arg_int(a, 0));
	ssize_t done;

	if (!file)
		return -EBADF;
	done = fn(&file->path, a);
	file_put(file);
	return done;
}

/* The attribute's name into @to, of XATTR_NAME_MAX + 1 bytes. */
static int get_name(char *to, const char __user *from)
{
	ssize_t len = copy_string_from_user(to, from, XATTR_NAME_MAX + 1);

	if (len == -ENAMETOOLONG || len == 0)
		return -ERANGE;
	return len < 0 ? (int)len : 0;
}

/* ---- Set ---- */

static ssize_t set_value(const struct path *path, const char *name,
			 const void __user *from, size_t size, int flags)
{
	void *value;
	int err;

	if (size > XATTR_SIZE_MAX)
		return -E2BIG;
	value = kmalloc(size ? size : 1);
	if (!value)
		return -ENOMEM;
	err = copy_from_user(value, from, size);
	if (!err)
		err = vfs_set_xattr(path, name, value, size, flags);
	kfree(value);
	return err;
}

static ssize_t set(const struct path *path, const struct syscall_args *a)
{
	int flags = arg_int(a, 4);
	char name[XATTR_NAME_MAX + 1];
	int err;

	if (flags & ~(XATTR_CREATE | XATTR_REPLACE))
		return -EINVAL;
	err = get_name(name, arg_str(a, 1));
	if (err)
		return err;
	return set_value(path, name, arg_ptr(a, 2), arg_size(a, 3), flags);
}

long sys_setxattr(const struct syscall_args *a)
{
	return on_name(a, LOOKUP_FOLLOW, set);
}

long sys_lsetxattr(const struct syscall_args *a)
{
	return on_name(a, 0, set);
}

long sys_fsetxattr(const struct syscall_args *a)
{
	return on_fd(a, set);
}

/* ---- Get, and list: both fill a buffer, or say how large it should be ---- */

static ssize_t get_value(const struct path *path, const char *name,
			 void __user *to, size_t size)
{
	ssize_t done;
	void *value;

	if (!size)
		return vfs_get_xattr(path, name, NULL, 0);
	if (size > XATTR_SIZE_MAX)
		size = XATTR_SIZE_MAX;
	value = kmalloc(size);
	if (!value)
		return -ENOMEM;
	done = vfs_get_xattr(path, name, value, size);
	if (done > 0 && copy_to_user(to, value, (size_t)done))
		done = -EFAULT;
	kfree(value);
	return done;
}

static ssize_t get(const struct path *path, const struct syscall_args *a)
{
	char name[XATTR_NAME_MAX + 1];
	int err = get_name(name, arg_str(a, 1));

	return err ? err : get_value(path, name, arg_ptr(a, 2), arg_size(a, 3));
}

long sys_getxattr(const struct syscall_args *a)
{
	return on_name(a, LOOKUP_FOLLOW, get);
}

long sys_lgetxattr(const struct syscall_args *a)
{
	return on_name(a, 0, get);
}

long sys_fgetxattr(const struct syscall_args *a)
{
	return on_fd(a, get);
}

static ssize_t list(const struct path *path, const struct syscall_args *a)
{
	char __user *to = arg_ptr(a, 1);
	size_t size = arg_size(a, 2);
	ssize_t done;
	char *names;

	if (!size)
		return vfs_list_xattr(path, NULL, 0);
	if (size > XATTR_LIST_MAX)
		size = XATTR_LIST_MAX;
	names = kmalloc(size);
	if (!names)
		return -ENOMEM;
	done = vfs_list_xattr(path, names, size);
	if (done > 0 && copy_to_user(to, names, (size_t)done))
		done = -EFAULT;
	kfree(names);
	return done;
}

long sys_listxattr(const struct syscall_args *a)
{
	return on_name(a, LOOKUP_FOLLOW, list);
}

long sys_llistxattr(const struct syscall_args *a)
{
	return on_name(a, 0, list);
}

long sys_flistxattr(const struct syscall_args *a)
{
	return on_fd(a, list);
}

/* ---- Remove ---- */

static ssize_t remove_name(const struct path *path,
			   const struct syscall_args *a)
{
	char name[XATTR_NAME_MAX + 1];
	int err = get_name(name, arg_str(a, 1));

	return err ? err : vfs_remove_xattr(path, name);
}

long sys_removexattr(const struct syscall_args *a)
{
	return on_name(a, LOOKUP_FOLLOW, remove_name);
}

long sys_lremovexattr(const struct syscall_args *a)
{
	return on_name(a, 0, remove_name);
}

long sys_fremovexattr(const struct syscall_args *a)
{
	return on_fd(a, remove_name);
}
