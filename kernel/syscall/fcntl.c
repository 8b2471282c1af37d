/* SPDX-License-Identifier: MIT */
/*
 * fcntl.c - system calls: fcntl and flock
 *
 * Source: fcntl(2), flock(2).
 */
#include "kernel/abi/fcntl.h"

#include "kernel/fs/tmpfs/tmpfs.h"
#include "kernel/mm/user_copy.h"
#include "kernel/proc/process.h"
#include "kernel/syscall/table.h"
#include "kernel/vfs/cred.h"
#include "kernel/vfs/file.h"
#include "kernel/vfs/file_lock.h"
#include "kernel/vfs/pipe.h"

#include <linux/capability.h>
#include <linux/fs.h>
#include <linux/resource.h>

/* What F_SETFL may change. */
#define SETTABLE_FLAGS (O_APPEND | O_NONBLOCK | O_DIRECT | O_NOATIME | FASYNC)

/* ---- Descriptors ---- */

static long dup_fd(int fd, unsigned long min, bool close_on_exec)
{
	struct file *file = fd_get_any(fd);
	int new_fd = -EINVAL;

	if (!file)
		return -EBADF;
	if (min < process_limit(current_process(), RLIMIT_NOFILE))
		new_fd = fd_install(file, (int)min, close_on_exec);
	if (new_fd < 0)
		file_put(file);
	return new_fd;
}

static long set_flags(struct file *file, unsigned int wanted)
{
	unsigned int old = READ_ONCE(file->flags), new;

	if (wanted & ~old & O_NOATIME &&
	    current()->cred->fsuid != file->inode->uid && !capable(CAP_FOWNER))
		return -EPERM;
	if (wanted & O_DIRECT && !S_ISREG(file->inode->mode) &&
	    !S_ISFIFO(file->inode->mode) && !file->ops->direct)
		return -EINVAL;
	do {
		new = (old & ~(unsigned int)SETTABLE_FLAGS) |
		      (wanted & SETTABLE_FLAGS);
	} while (!__atomic_compare_exchange_n(&file->flags, &old, new, false,
					      __ATOMIC_RELAXED,
					      __ATOMIC_RELAXED));
	return 0;
}

/* ---- Record locks ---- */

/* The byte that l_start counts from. */
static int lock_base(struct file *file, short whence, loff_t *base)
{
	switch (whence) {
	case SEEK_SET:
		*base = 0;
		return 0;
	case SEEK_CUR:
		*base = READ_ONCE(file->pos);
		return 0;
	case SEEK_END:
		*base = (loff_t)inode_size(file->inode);
		return 0;
	default:
		return -EINVAL;
	}
}

/* l_len 0: to the end of all files; negative: the bytes before l_start. */
static int lock_from_user(struct file *file, const struct flock *user,
			  struct record_lock *lock)
{
	loff_t start;
	int err;

	if (user->l_type != F_RDLCK && user->l_type != F_WRLCK &&
	    user->l_type != F_UNLCK)
		return -EINVAL;
	err = lock_base(file, user->l_whence, &start);
	if (err)
		return err;
	if (__builtin_add_overflow(start, user->l_start, &start))
		return -EOVERFLOW;
	if (start < 0)
		return -EINVAL;
	lock->type = user->l_type;
	lock->start = start;
	lock->end = INT64_MAX;
	if (user->l_len > 0) {
		if (__builtin_add_overflow(start, user->l_len - 1, &lock->end))
			return -EOVERFLOW;
	} else if (user->l_len < 0) {
		if (start + user->l_len < 0)
			return -EINVAL;
		lock->start = start + user->l_len;
		lock->end = start - 1;
	}
	return 0;
}

static int get_lock(struct file *file, const void __user *from, bool by_file,
		    struct flock *user, struct record_lock *lock)
{
	if (copy_from_user(user, from, sizeof(*user)))
		return -EFAULT;
	if (by_file && user->l_pid)
		return -EINVAL;
	lock->pid = by_file ? -1 : process_pid(current_process());
	return lock_from_user(file, user, lock);
}

static long set_lock(struct file *file, const void __user *from, bool by_file,
		     bool wait)
{
	struct record_lock lock;
	struct flock user;
	int err;

	err = get_lock(file, from, by_file, &user, &lock);
	if (err)
		return err;
	if ((lock.type == F_RDLCK && !file_is_readable(file)) ||
	    (lock.type == F_WRLCK && !file_is_writable(file)))
		return -EBADF;
	return file_lock_set(file, &lock, by_file, wait);
}

static long test_lock(struct file *file, void __user *at, bool by_file)
{
	struct record_lock lock;
	struct flock user;
	int err;

	err = get_lock(file, at, by_file, &user, &lock);
	if (err)
		return err;
	if (lock.type == F_UNLCK && !by_file)
		return -EINVAL;
	file_lock_test(file, &lock, by_file);
	user.l_type = lock.type;
	if (lock.type != F_UNLCK) {
		user.l_whence = SEEK_SET;
		user.l_start = lock.start;
		user.l_len =
			lock.end == INT64_MAX ? 0 : lock.end - lock.start + 1;
		user.l_pid = lock.pid;
	}
	return copy_to_user(at, &user, sizeof(user));
}

/* ---- Who gets SIGIO: kept and shown, nothing sends it yet ---- */

static long set_owner(struct file *file, int pid)
{
	if (pid == INT32_MIN)
		return -EINVAL;
	file->owner.pid = pid;
	return 0;
}

static long set_owner_ex(struct file *file, const void __user *from)
{
	struct f_owner_ex owner;

	if (copy_from_user(&owner, from, sizeof(owner)))
		return -EFAULT;
	if (owner.type != F_OWNER_TID && owner.type != F_OWNER_PID &&
	    owner.type != F_OWNER_PGRP)
		return -EINVAL;
	return set_owner(file,
			 owner.type == F_OWNER_PGRP ? -owner.pid : owner.pid);
}

static long get_owner_ex(const struct file *file, void __user *to)
{
	struct f_owner_ex owner = { .type = F_OWNER_PID,
				    .pid = file->owner.pid };

	if (owner.pid < 0) {
		owner.type = F_OWNER_PGRP;
		owner.pid = -owner.pid;
	}
	return copy_to_user(to, &owner, sizeof(owner));
}

static long set_signal(struct file *file, unsigned long signal)
{
	if (signal > NUM_SIGNALS)
		return -EINVAL;
	file->owner.signal = (int)signal;
	return 0;
}

/* ---- Pipes ---- */

static long pipe_size(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct pipe *pipe = pipe_of(file);

	if (!pipe)
		return -EBADF;
	if (cmd == F_GETPIPE_SZ)
		return (long)pipe_capacity(pipe);
	return pipe_set_capacity(pipe, (unsigned int)arg);
}

/* ---- The calls ---- */

/* The commands that need more than a descriptor; not for O_PATH. */
static long file_command(struct file *file, unsigned int cmd, unsigned long arg)
{
	void __user *ptr = (void __user *)arg;

	switch (cmd) {
	case F_SETFL:
		return set_flags(file, (unsigned int)arg);
	case F_GETLK:
		return test_lock(file, ptr, false);
	case F_SETLK:
	case F_SETLKW:
		return set_lock(file, ptr, false, cmd == F_SETLKW);
	case F_OFD_GETLK:
		return test_lock(file, ptr, true);
	case F_OFD_SETLK:
	case F_OFD_SETLKW:
		return set_lock(file, ptr, true, cmd == F_OFD_SETLKW);
	case F_SETOWN:
		return set_owner(file, (int)arg);
	case F_GETOWN:
		return file->owner.pid;
	case F_SETOWN_EX:
		return set_owner_ex(file, ptr);
	case F_GETOWN_EX:
		return get_owner_ex(file, ptr);
	case F_SETSIG:
		return set_signal(file, arg);
	case F_GETSIG:
		return file->owner.signal;
	case F_GETLEASE:
		return F_UNLCK; /* none: leases are not offered */
	case F_SETPIPE_SZ:
	case F_GETPIPE_SZ:
		return pipe_size(file, cmd, arg);
	case F_ADD_SEALS:
		return tmpfs_add_seals(file, (unsigned int)arg);
	case F_GET_SEALS:
		return tmpfs_get_seals(file);
	default:
		return -EINVAL;
	}
}

long sys_fcntl(const struct syscall_args *a)
{
	int fd = arg_int(a, 0);
	unsigned int cmd = arg_uint(a, 1);
	unsigned long arg = arg_u64(a, 2);
	struct file *file;
	long result;

	switch (cmd) {
	case F_DUPFD:
	case F_DUPFD_CLOEXEC:
		return dup_fd(fd, arg, cmd == F_DUPFD_CLOEXEC);
	case F_GETFD:
		return fd_get_close_on_exec(fd);
	case F_SETFD:
		return fd_set_close_on_exec(fd, arg & FD_CLOEXEC);
	}
	file = fd_get_any(fd);
	if (!file)
		return -EBADF;
	if (cmd == F_GETFL)
		result = file->flags;
	else if (file->flags & O_PATH)
		result = -EBADF;
	else
		result = file_command(file, cmd, arg);
	file_put(file);
	return result;
}

long sys_flock(const struct syscall_args *a)
{
	int fd = arg_int(a, 0);
	int operation = arg_int(a, 1);
	struct file *file;
	short type;
	int err;

	switch (operation & ~LOCK_NB) {
	case LOCK_SH:
		type = F_RDLCK;
		break;
	case LOCK_EX:
		type = F_WRLCK;
		break;
	case LOCK_UN:
		type = F_UNLCK;
		break;
	default:
		return -EINVAL;
	}
	file = fd_get(fd);
	if (!file)
		return -EBADF;
	err = file_flock(file, type, !(operation & LOCK_NB));
	file_put(file);
	return err;
}
