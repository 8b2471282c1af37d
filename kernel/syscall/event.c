/* SPDX-License-Identifier: MIT */
/*
 * event.c - system calls: pipes, descriptors that are events, memory files
 */
#include "kernel/abi/errno.h"
#include "kernel/abi/fcntl.h"
#include "kernel/fs/tmpfs/tmpfs.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "kernel/mm/user_copy.h"
#include "kernel/proc/signalfd.h"
#include "kernel/syscall/args.h"
#include "kernel/syscall/fd_give.h"
#include "kernel/syscall/table.h"
#include "kernel/syscall/timeout.h"
#include "kernel/syscall/user_path.h"
#include "kernel/vfs/cred.h"
#include "kernel/vfs/eventfd.h"
#include "kernel/vfs/file.h"
#include "kernel/vfs/inotify.h"
#include "kernel/vfs/notify.h"
#include "kernel/vfs/pipe.h"
#include "kernel/vfs/timerfd.h"

#include <linux/capability.h>
#include <linux/memfd.h>

/* eventfd(2): EFD_SEMAPHORE, which has no header, and EFD_NONBLOCK and
 * EFD_CLOEXEC, which are O_*. */
#define EVENTFD_SEMAPHORE 1u
#define EVENTFD_FLAGS                                                          \
	((unsigned int)(O_CLOEXEC | O_NONBLOCK) | EVENTFD_SEMAPHORE)

/* ---- Pipes --------------------------------------------------------------- */

static int give_two_descriptors(struct file *files[2], bool close_on_exec,
				int fds[2])
{
	fds[0] = fd_install(files[0], 0, close_on_exec);
	if (fds[0] < 0) {
		file_put(files[0]);
		file_put(files[1]);
		return fds[0];
	}
	fds[1] = fd_install(files[1], 0, close_on_exec);
	if (fds[1] < 0) {
		fd_close(fds[0]);
		file_put(files[1]);
		return fds[1];
	}
	return 0;
}

long sys_pipe2(const struct syscall_args *a)
{
	int __user *pipefd = arg_ptr(a, 0);
	unsigned int flags = arg_uint(a, 1);
	struct file *files[2];
	int fds[2];
	int err;

	/* O_DIRECT (packets) is taken and ignored: nobody depends on it. */
	if (flags & ~(unsigned int)(O_CLOEXEC | O_NONBLOCK | O_DIRECT))
		return -EINVAL;
	err = pipe_create(flags & O_NONBLOCK, files);
	if (err)
		return err;
	err = give_two_descriptors(files, flags & O_CLOEXEC, fds);
	if (err)
		return err;
	if (copy_to_user(pipefd, fds, sizeof(fds))) {
		fd_close(fds[0]);
		fd_close(fds[1]);
		return -EFAULT;
	}
	return 0;
}

/* ---- Counters ------------------------------------------------------------ */

long sys_eventfd2(const struct syscall_args *a)
{
	unsigned int initial = arg_uint(a, 0);
	unsigned int flags = arg_uint(a, 1);
	struct file *file;
	int err;

	if (flags & ~EVENTFD_FLAGS)
		return -EINVAL;
	err = eventfd_create(initial, flags & EVENTFD_SEMAPHORE,
			     flags & O_NONBLOCK, &file);
	if (err)
		return err;
	return fd_give(file, flags);
}

/* ---- Signals ------------------------------------------------------------- */

static int change_signalfd(int fd, uint64_t mask)
{
	struct file *file = fd_get(fd);
	int err;

	if (!file)
		return -EBADF;
	err = signalfd_set_mask(file, mask);
	file_put(file);
	return err ? err : fd;
}

long sys_signalfd4(const struct syscall_args *a)
{
	int fd = arg_int(a, 0);
	const void __user *umask = arg_ptr(a, 1);
	size_t size = arg_size(a, 2);
	unsigned int flags = arg_uint(a, 3);
	struct file *file;
	uint64_t mask;
	int err;

	if (flags & ~(unsigned int)(O_CLOEXEC | O_NONBLOCK) ||
	    size != sizeof(mask))
		return -EINVAL;
	if (get_user_u64(&mask, umask))
		return -EFAULT;
	if (fd != -1)
		return change_signalfd(fd, mask);
	err = signalfd_create(mask, flags & O_NONBLOCK, &file);
	return err ? err : fd_give(file, flags);
}

/* ---- Timers -------------------------------------------------------------- */

static bool is_timerfd_clock(int clock)
{
	switch (clock) {
	case CLOCK_REALTIME:
	case CLOCK_MONOTONIC:
	case CLOCK_BOOTTIME:
	case CLOCK_REALTIME_ALARM:
	case CLOCK_BOOTTIME_ALARM:
		return true;
	}
	return false;
}

long sys_timerfd_create(const struct syscall_args *a)
{
	int clock = arg_int(a, 0);
	unsigned int flags = arg_uint(a, 1);
	struct file *file;
	int err;

	if (flags & ~(unsigned int)(O_CLOEXEC | O_NONBLOCK) ||
	    !is_timerfd_clock(clock))
		return -EINVAL;
	if ((clock == CLOCK_REALTIME_ALARM || clock == CLOCK_BOOTTIME_ALARM) &&
	    !capable(CAP_WAKE_ALARM))
		return -EPERM;
	err = timerfd_create(clock, flags & O_NONBLOCK, &file);
	return err ? err : fd_give(file, flags);
}

static int setting_from_user(struct timerfd_setting *setting,
			     const void __user *from)
{
	struct __kernel_itimerspec spec;

	if (copy_from_user(&spec, from, sizeof(spec)))
		return -EFAULT;
	if (timespec_to_ns(&spec.it_value, &setting->value))
		return -EINVAL;
	return timespec_to_ns(&spec.it_interval, &setting->interval);
}

static int setting_to_user(void __user *to,
			   const struct timerfd_setting *setting)
{
	struct __kernel_itimerspec spec = {
		.it_value = ns_to_timespec(setting->value),
		.it_interval = ns_to_timespec(setting->interval),
	};

	return copy_to_user(to, &spec, sizeof(spec));
}

long sys_timerfd_settime(const struct syscall_args *a)
{
	int fd = arg_int(a, 0);
	int flags = arg_int(a, 1);
	const void __user *unew = arg_ptr(a, 2);
	void __user *uold = arg_ptr(a, 3);
	struct timerfd_setting new, old;
	struct file *file;
	int err;

	err = setting_from_user(&new, unew);
	if (err)
		return err;
	if (flags & ~(TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET))
		return -EINVAL;
	file = fd_get(fd);
	if (!file)
		return -EBADF;
	err = timerfd_set(file, flags, &new, &old);
	file_put(file);
	if (!err && uold)
		err = setting_to_user(uold, &old);
	return err;
}

long sys_timerfd_gettime(const struct syscall_args *a)
{
	int fd = arg_int(a, 0);
	void __user *unow = arg_ptr(a, 1);
	struct timerfd_setting now;
	struct file *file = fd_get(fd);
	int err;

	if (!file)
		return -EBADF;
	err = timerfd_get(file, &now);
	file_put(file);
	return err ? err : setting_to_user(unow, &now);
}

/* ---- Changes to files ---------------------------------------------------- */

long sys_inotify_init1(const struct syscall_args *a)
{
	unsigned int flags = arg_uint(a, 0);
	struct file *file;
	int err;

	if (flags & ~(unsigned int)(O_CLOEXEC | O_NONBLOCK))
		return -EINVAL;
	err = inotify_create(flags & O_NONBLOCK, &file);
	return err ? err : fd_give(file, flags);
}

static int watch_path(struct file *file, const char __user *name, uint32_t mask)
{
	unsigned int lookup = 0;
	struct path path;
	int result;

	if (!(mask & IN_DONT_FOLLOW))
		lookup |= LOOKUP_FOLLOW;
	if (mask & IN_ONLYDIR)
		lookup |= LOOKUP_DIRECTORY;
	result = user_at_lookup(AT_FDCWD, name, 0, lookup, &path);
	if (result)
		return result;
	result = inode_permission(path.dentry->inode, MAY_READ);
	if (!result)
		result = inotify_add(file, &path, mask);
	path_put(&path);
	return result;
}

#define KNOWN_BITS                                                             \
	(IN_ALL_EVENTS | IN_UNMOUNT | IN_Q_OVERFLOW | IN_IGNORED |             \
	 IN_ONLYDIR | IN_DONT_FOLLOW | IN_EXCL_UNLINK | IN_MASK_CREATE |       \
	 IN_MASK_ADD | IN_ISDIR | IN_ONESHOT)

long sys_inotify_add_watch(const struct syscall_args *a)
{
	int fd = arg_int(a, 0);
	const char __user *name = arg_str(a, 1);
	uint32_t mask = arg_uint(a, 2);
	struct file *file;
	int wd;

	if (!(mask & KNOWN_BITS) ||
	    ((mask & IN_MASK_ADD) && (mask & IN_MASK_CREATE)))
		return -EINVAL;
	file = fd_get(fd);
	if (!file)
		return -EBADF;
	wd = watch_path(file, name, mask);
	file_put(file);
	return wd;
}

long sys_inotify_rm_watch(const struct syscall_args *a)
{
	int fd = arg_int(a, 0);
	int wd = arg_int(a, 1);
	struct file *file = fd_get(fd);
	int err;

	if (!file)
		return -EBADF;
	err = inotify_remove(file, wd);
	file_put(file);
	return err;
}

/* ---- Files in memory ----------------------------------------------------- */

#define MEMFD_PREFIX   "memfd:"
#define MEMFD_NAME_MAX 249 /* NAME_MAX without the prefix: memfd_create(2) */

static long create_memfd(const char __user *uname, unsigned int flags,
			 char *name, size_t size)
{
	struct file *file;
	ssize_t length;
	int err;

	strcopy(name, MEMFD_PREFIX, size);
	length = copy_string_from_user(name + strlen(MEMFD_PREFIX), uname,
				       size - strlen(MEMFD_PREFIX));
	if (length < 0)
		return length == -ENAMETOOLONG ? -EINVAL : length;
	err = tmpfs_create_unnamed(name, 0, &file);
	if (err)
		return err;
	if (flags & MFD_ALLOW_SEALING)
		tmpfs_allow_seals(file);
	return fd_give(file, flags & MFD_CLOEXEC ? O_CLOEXEC : 0);
}

long sys_memfd_create(const struct syscall_args *a)
{
	const char __user *uname = arg_str(a, 0);
	unsigned int flags = arg_uint(a, 1);
	size_t size = strlen(MEMFD_PREFIX) + MEMFD_NAME_MAX + 1;
	char *name;
	long fd;

	if (flags & ~(MFD_CLOEXEC | MFD_ALLOW_SEALING))
		return -EINVAL;
	name = kmalloc(size);
	if (!name)
		return -ENOMEM;
	fd = create_memfd(uname, flags, name, size);
	kfree(name);
	return fd;
}
