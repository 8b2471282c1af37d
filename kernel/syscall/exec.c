/* SPDX-License-Identifier: MIT */
/*
 * exec.c - system calls: execve, execveat
 */
#include "kernel/proc/exec.h"
#include "kernel/abi/errno.h"
#include "kernel/abi/fcntl.h"
#include "kernel/abi/fs.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "kernel/mm/user_copy.h"
#include "kernel/proc/exec_strings.h"
#include "kernel/proc/process.h"
#include "kernel/syscall/args.h"
#include "kernel/syscall/table.h"
#include "kernel/vfs/file.h"

#include <linux/resource.h>

/* "/dev/fd/2147483647/" */
#define FD_NAME_SIZE 24u

/* @list ends with a null pointer, or is one itself. */
static int add_user_list(struct exec_strings *strings,
			 const uint64_t __user *list)
{
	uint64_t text;
	int err;

	for (; list; list++) {
		if (get_user_u64(&text, list))
			return -EFAULT;
		if (!text)
			break;
		err = exec_strings_add_user(strings, (const char __user *)text);
		if (err)
			return err;
		if (thread_has_work(current(), WORK_KILL))
			return -EINTR;
	}
	return 0;
}

static int add_user_strings(struct exec_strings *strings,
			    const uint64_t __user *argv,
			    const uint64_t __user *envp)
{
	int err = add_user_list(strings, argv);

	/* Many programs count on argv[0]: as Linux, give them an empty one. */
	if (!err && strings->num_args == 0)
		err = exec_strings_add(strings, "");
	if (err)
		return err;
	exec_strings_end_args(strings);
	return add_user_list(strings, envp);
}

static long run(const struct path *path, const char *name,
		const uint64_t __user *argv, const uint64_t __user *envp)
{
	struct exec_strings strings;
	int err;

	exec_strings_init(&strings,
			  process_limit(current_process(), RLIMIT_STACK));
	err = add_user_strings(&strings, argv, envp);
	if (!err)
		err = exec_path(path, name, &strings);
	exec_strings_free(&strings);
	return err;
}

/* @name of the program into @buf, of PATH_MAX bytes. */
static int get_name(char *buf, const char __user *name, int flags)
{
	ssize_t len = copy_string_from_user(buf, name, PATH_MAX);

	if (len < 0)
		return (int)len;
	return len || (flags & AT_EMPTY_PATH) ? 0 : -ENOENT;
}

static int find(const struct path *start, const char *name, int flags,
		struct path *out)
{
	unsigned int lookup = 0;
	int err;

	if (!(flags & AT_SYMLINK_NOFOLLOW))
		lookup |= LOOKUP_FOLLOW;
	if (flags & AT_EMPTY_PATH)
		lookup |= LOOKUP_EMPTY;
	err = path_lookup(start, name, lookup, out, NULL);
	if (!err && S_ISLNK(out->dentry->inode->mode)) {
		path_put(out);
		err = -ELOOP;
	}
	return err;
}

static long exec_at_cwd(const char *name, const struct syscall_args *a,
			unsigned int argv_at, int flags)
{
	struct path path;
	long result;
	int err = find(NULL, name, flags, &path);

	if (err)
		return err;
	result = run(&path, name, arg_ptr(a, argv_at), arg_ptr(a, argv_at + 1));
	path_put(&path);
	return result;
}

/* Relative to a descriptor: the program gets a name that leads there. */
static long exec_at_fd(int dirfd, const char *name,
		       const struct syscall_args *a, int flags)
{
	size_t size = FD_NAME_SIZE + strlen(name);
	struct file *start;
	struct path path;
	char *full_name;
	long result;

	start = fd_get_any(dirfd);
	if (!start)
		return -EBADF;
	result = find(&start->path, name, flags, &path);
	if (result)
		goto put_start;
	full_name = kmalloc(size);
	result = -ENOMEM;
	if (!full_name)
		goto put_path;
	format_string(full_name, size, *name ? "/dev/fd/%d/%s" : "/dev/fd/%d",
		      dirfd, name);
	result = run(&path, full_name, arg_ptr(a, 2), arg_ptr(a, 3));
	kfree(full_name);
put_path:
	path_put(&path);
put_start:
	file_put(start);
	return result;
}

long sys_execve(const struct syscall_args *a)
{
	char *name = kmalloc(PATH_MAX);
	long result;

	if (!name)
		return -ENOMEM;
	result = get_name(name, arg_str(a, 0), 0);
	if (!result)
		result = exec_at_cwd(name, a, 1, 0);
	kfree(name);
	return result;
}

long sys_execveat(const struct syscall_args *a)
{
	int dirfd = arg_int(a, 0);
	int flags = arg_int(a, 4);
	char *name;
	long result;

	if (flags & ~(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW))
		return -EINVAL;
	name = kmalloc(PATH_MAX);
	if (!name)
		return -ENOMEM;
	result = get_name(name, arg_str(a, 1), flags);
	if (!result && (*name == '/' || dirfd == AT_FDCWD))
		result = exec_at_cwd(name, a, 2, flags);
	else if (!result)
		result = exec_at_fd(dirfd, name, a, flags);
	kfree(name);
	return result;
}
