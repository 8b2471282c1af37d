/* SPDX-License-Identifier: MIT */
/*
 * file.c - system calls: descriptors
 */
#include "kernel/abi/fcntl.h"
#include "kernel/abi/fs.h"
#include "kernel/lib/string.h"
#include "kernel/mm/user_copy.h"
#include "kernel/proc/process.h"
#include "kernel/syscall/size_limit.h"
#include "kernel/syscall/table.h"
#include "kernel/syscall/user_path.h"
#include "kernel/vfs/attributes.h"
#include "kernel/vfs/notify.h"

#include <asm/ioctls.h>
#include <linux/close_range.h>
#include <linux/openat2.h>
#include <linux/resource.h>

/* What open(2) knows; openat() ignores the rest, openat2() refuses it. */
#define VALID_OPEN_FLAGS                                                       \
	(O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND |        \
	 O_NONBLOCK | O_SYNC | FASYNC | O_DIRECT | O_LARGEFILE | O_DIRECTORY | \
	 O_NOFOLLOW | O_NOATIME | O_CLOEXEC | O_PATH | __O_TMPFILE)

/* ---- open, close ---- */

static int check_open_flags(unsigned int flags)
{
	if (flags & __O_TMPFILE) {
		if ((flags & O_TMPFILE_MASK) != O_TMPFILE)
			return -EINVAL;
		if (!(flags & (O_WRONLY | O_RDWR)))
			return -EINVAL;
	} else if ((flags & (O_DIRECTORY | O_CREAT)) ==
		   (O_DIRECTORY | O_CREAT)) {
		return -EINVAL;
	}
	return 0;
}

/* Open and give it a descriptor. */
static int open_fd(const struct user_at *at, unsigned int flags,
		   unsigned int lookup, uint32_t mode)
{
	struct file *file;
	int fd;

	fd = file_open_resolve(at->start, at->path.name, flags, lookup, mode,
			       &file);
	if (fd)
		return fd;
	fd = fd_install(file, 0, flags & O_CLOEXEC);
	if (fd < 0)
		file_put(file);
	return fd;
}

long sys_openat(const struct syscall_args *a)
{
	int dirfd = arg_int(a, 0);
	const char __user *name = arg_str(a, 1);
	unsigned int flags = arg_uint(a, 2) & VALID_OPEN_FLAGS;
	uint32_t mode = arg_uint(a, 3);
	struct user_at at;
	int fd;

	fd = flags & O_PATH ? 0 : check_open_flags(flags);
	if (fd)
		return fd;
	fd = user_at_get(&at, dirfd, name, 0);
	if (!fd)
		fd = open_fd(&at, flags | O_LARGEFILE, 0, mode);
	user_at_put(&at);
	return fd;
}

/* RESOLVE_* of openat2(2) as LOOKUP_*. */
static int lookup_of_resolve(uint64_t resolve, unsigned int *lookup)
{
	static const struct {
		unsigned int resolve, lookup;
	} pairs[] = {
		{ RESOLVE_NO_XDEV, LOOKUP_NO_XDEV },
		{ RESOLVE_NO_MAGICLINKS, LOOKUP_NO_MAGIC },
		{ RESOLVE_NO_SYMLINKS, LOOKUP_NO_LINKS },
		{ RESOLVE_BENEATH, LOOKUP_BENEATH },
		{ RESOLVE_IN_ROOT, LOOKUP_IN_ROOT },
		{ RESOLVE_CACHED, LOOKUP_CACHED },
	};

	*lookup = 0;
	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		if (resolve & pairs[i].resolve)
			*lookup |= pairs[i].lookup;
		resolve &= ~(uint64_t)pairs[i].resolve;
	}
	if ((*lookup & (LOOKUP_BENEATH | LOOKUP_IN_ROOT)) ==
	    (LOOKUP_BENEATH | LOOKUP_IN_ROOT))
		return -EINVAL;
	return resolve ? -EINVAL : 0;
}

/* A later struct may be longer; what is behind ours must be zero. */
static int get_open_how(struct open_how *how, const void __user *from,
			size_t size)
{
	const char __user *rest = (const char __user *)from + sizeof(*how);
	char byte;

	if (size < sizeof(*how))
		return -EINVAL;
	if (size > PAGE_SIZE)
		return -E2BIG;
	if (copy_from_user(how, from, sizeof(*how)))
		return -EFAULT;
	for (size_t i = sizeof(*how); i < size; i++) {
		if (copy_from_user(&byte, rest++, 1))
			return -EFAULT;
		if (byte)
			return -E2BIG;
	}
	return 0;
}

long sys_openat2(const struct syscall_args *a)
{
	int dirfd = arg_int(a, 0);
	const char __user *name = arg_str(a, 1);
	const void __user *from = arg_ptr(a, 2);
	size_t size = arg_size(a, 3);
	unsigned int lookup, flags;
	struct open_how how;
	struct user_at at;
	int fd;

	fd = get_open_how(&how, from, size);
	if (fd)
		return fd;
	if (how.flags & ~(uint64_t)VALID_OPEN_FLAGS || how.mode & ~07777ULL)
		return -EINVAL;
	if (how.mode && !(how.flags & (O_CREAT | __O_TMPFILE)))
		return -EINVAL;
	flags = (unsigned int)how.flags;
	if (flags & O_PATH && flags & ~(unsigned int)(O_PATH | O_DIRECTORY |
						      O_NOFOLLOW | O_CLOEXEC))
		return -EINVAL;
	fd = check_open_flags(flags);
	if (!fd)
		fd = lookup_of_resolve(how.resolve, &lookup);
	if (fd)
		return fd;
	/* Whatever makes or cuts files has to sleep. */
	if (lookup & LOOKUP_CACHED && flags & (O_CREAT | O_TRUNC | __O_TMPFILE))
		return -EAGAIN;
	fd = user_at_get(&at, dirfd, name,
			 lookup & LOOKUP_IN_ROOT ? USER_AT_ALWAYS : 0);
	if (!fd)
		fd = open_fd(&at, flags | O_LARGEFILE, lookup,
			     (uint32_t)how.mode);
	user_at_put(&at);
	return fd;
}

long sys_close(const struct syscall_args *a)
{
	return fd_close(arg_int(a, 0));
}

/* CLOSE_RANGE_UNSHARE: the others keep the descriptors that we close. */
static int unshare_files(void)
{
	struct fd_table *copy, *old = current()->files;

	if (refcount_read(&old->refs) == 1)
		return 0;
	copy = fd_table_copy(old);
	if (!copy)
		return -ENOMEM;
	current()->files = copy;
	fd_table_put(old);
	return 0;
}

long sys_close_range(const struct syscall_args *a)
{
	unsigned int first = arg_uint(a, 0), last = arg_uint(a, 1);
	unsigned int flags = arg_uint(a, 2);
	int err = 0;

	if (flags & ~(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC) ||
	    first > last)
		return -EINVAL;
	if (flags & CLOSE_RANGE_UNSHARE)
		err = unshare_files();
	if (!err)
		fd_close_range(first, last, flags & CLOSE_RANGE_CLOEXEC);
	return err;
}

/* ---- dup ---- */

long sys_dup(const struct syscall_args *a)
{
	struct file *file = fd_get_any(arg_int(a, 0));
	int fd;

	if (!file)
		return -EBADF;
	fd = fd_install(file, 0, false);
	if (fd < 0)
		file_put(file);
	return fd;
}

static uint64_t descriptor_limit(void)
{
	return process_limit(current_process(), RLIMIT_NOFILE);
}

long sys_dup3(const struct syscall_args *a)
{
	int old_fd = arg_int(a, 0), new_fd = arg_int(a, 1);
	int flags = arg_int(a, 2);
	struct file *file;

	if (flags & ~O_CLOEXEC || old_fd == new_fd)
		return -EINVAL;
	if ((unsigned int)new_fd >= descriptor_limit())
		return -EBADF;
	file = fd_get_any(old_fd);
	if (!file)
		return -EBADF;
	return fd_replace(new_fd, file, flags & O_CLOEXEC);
}

/* ---- ioctl ---- */

static void change_flags(struct file *file, unsigned int clear,
			 unsigned int set)
{
	unsigned int old = READ_ONCE(file->flags);

	while (!__atomic_compare_exchange_n(&file->flags, &old,
					    (old & ~clear) | set, false,
					    __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
}

/* FIONBIO, FIOASYNC: a flag as the int at @arg says. */
static int ioctl_set_flag(struct file *file, unsigned int flag,
			  unsigned long arg)
{
	uint32_t on;

	if (get_user_u32(&on, (const void __user *)arg))
		return -EFAULT;
	change_flags(file, flag, on ? flag : 0);
	return 0;
}

/* What holds for plain files. */
static long ioctl_regular(struct file *file, unsigned int cmd,
			  unsigned long arg)
{
	switch (cmd) {
	case FIONREAD: {
		long left =
			(long)inode_size(file->inode) - READ_ONCE(file->pos);

		return put_user_u32((void __user *)arg, (uint32_t)left);
	}
	case FIGETBSZ:
		return put_user_u32((void __user *)arg, (uint32_t)PAGE_SIZE);
	default:
		return -ENOTTY;
	}
}

static long do_ioctl(struct file *file, int fd, unsigned int cmd,
		     unsigned long arg)
{
	switch (cmd) {
	case FIOCLEX:
		return fd_set_close_on_exec(fd, true);
	case FIONCLEX:
		return fd_set_close_on_exec(fd, false);
	case FIONBIO:
		return ioctl_set_flag(file, O_NONBLOCK, arg);
	case FIOASYNC:
		return ioctl_set_flag(file, FASYNC, arg);
	}
	if (file->ops->ioctl)
		return file->ops->ioctl(file, cmd, arg);
	if (S_ISREG(file->inode->mode))
		return ioctl_regular(file, cmd, arg);
	return -ENOTTY;
}

long sys_ioctl(const struct syscall_args *a)
{
	int fd = arg_int(a, 0);
	unsigned int cmd = arg_uint(a, 1);
	unsigned long arg = arg_u64(a, 2);
	struct file *file = fd_get(fd);
	long result;

	if (!file)
		return -EBADF;
	result = do_ioctl(file, fd, cmd, arg);
	file_put(file);
	return result;
}

/* ---- Syncing and sizes ---- */

static long sync_fd(int fd, bool data_only)
{
	struct file *file = fd_get(fd);
	int err;

	if (!file)
		return -EBADF;
	err = file_sync(file, data_only);
	file_put(file);
	return err;
}

long sys_fsync(const struct syscall_args *a)
{
	return sync_fd(arg_int(a, 0), false);
}

long sys_fdatasync(const struct syscall_args *a)
{
	return sync_fd(arg_int(a, 0), true);
}

static void sync_mount(struct mount *mount, void *arg)
{
	(void)arg;
	super_block_sync(mount->sb);
}

long sys_sync(const struct syscall_args *a)
{
	(void)a;
	/* Devices before what their contents are files of (loop), and after. */
	writeback_sync_group(NULL, true);
	mount_for_each(sync_mount, NULL);
	/* What is written to disks past file systems. */
	writeback_sync_group(NULL, true);
	return 0;
}

long sys_syncfs(const struct syscall_args *a)
{
	struct file *file = fd_get(arg_int(a, 0));
	struct super_block *sb;
	int err, old_err;

	if (!file)
		return -EBADF;
	sb = file->inode->sb;
	err = super_block_sync(sb);
	old_err = error_sequence_check(&sb->errors, &file->super_error_seen);
	file_put(file);
	return err ? err : old_err;
}

/* Bytes [first, last]: no flush, no attributes, as sync_file_range(2) warns. */
static int sync_range(struct file *file, uint64_t first, uint64_t last,
		      unsigned int flags)
{
	struct page_cache *cache = file->cache;
	int err = 0;

	if (flags & SYNC_FILE_RANGE_WAIT_BEFORE)
		page_cache_wait_written(cache, first, last);
	if (flags & SYNC_FILE_RANGE_WRITE)
		err = page_cache_start_write(cache, first, last);
	if (flags & SYNC_FILE_RANGE_WAIT_AFTER)
		page_cache_wait_written(cache, first, last);
	if (!err)
		err = error_sequence_check(&cache->errors, &file->error_seen);
	return err;
}

long sys_sync_file_range(const struct syscall_args *a)
{
	struct file *file = fd_get(arg_int(a, 0));
	long offset = arg_long(a, 1), bytes = arg_long(a, 2), end;
	unsigned int flags = arg_uint(a, 3);
	int err = 0;

	if (!file)
		return -EBADF;
	if (flags & ~(unsigned int)(SYNC_FILE_RANGE_WAIT_BEFORE |
				    SYNC_FILE_RANGE_WRITE |
				    SYNC_FILE_RANGE_WAIT_AFTER) ||
	    offset < 0 || bytes < 0 ||
	    __builtin_add_overflow(offset, bytes, &end))
		err = -EINVAL;
	else if (!S_ISREG(file->inode->mode) && !S_ISBLK(file->inode->mode) &&
		 !S_ISDIR(file->inode->mode))
		err = -ESPIPE;
	else
		err = sync_range(file, (uint64_t)offset,
				 bytes ? (uint64_t)end - 1 : UINT64_MAX, flags);
	file_put(file);
	return err;
}

long sys_ftruncate(const struct syscall_args *a)
{
	int fd = arg_int(a, 0);
	long length = arg_long(a, 1);
	struct file *file;
	int err;

	if (length < 0)
		return -EINVAL;
	file = fd_get(fd);
	if (!file)
		return -EBADF;
	if (!S_ISREG(file->inode->mode) || !file_is_writable(file))
		err = -EINVAL;
	else
		err = inode_truncate(file->inode, (uint64_t)length);
	if (!err)
		notify_dentry(file->path.dentry, IN_MODIFY);
	file_put(file);
	return signal_if_too_big(err);
}

static int do_fallocate(struct file *file, int mode, long offset, long size)
{
	uint32_t type = file->inode->mode & S_IFMT;
	long end;

	if (offset < 0 || size <= 0)
		return -EINVAL;
	if (mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE |
		     FALLOC_FL_COLLAPSE_RANGE | FALLOC_FL_ZERO_RANGE |
		     FALLOC_FL_INSERT_RANGE | FALLOC_FL_UNSHARE_RANGE))
		return -EOPNOTSUPP;
	/* A hole is made within a file, never behind its end. */
	if (mode & FALLOC_FL_PUNCH_HOLE && !(mode & FALLOC_FL_KEEP_SIZE))
		return -EOPNOTSUPP;
	if (!file_is_writable(file))
		return -EBADF;
	if (type == S_IFIFO)
		return -ESPIPE;
	if (type == S_IFDIR)
		return -EISDIR;
	if (type != S_IFREG && type != S_IFBLK)
		return -ENODEV;
	if (__builtin_add_overflow(offset, size, &end))
		return -EFBIG;
	if (!file->ops->fallocate)
		return -EOPNOTSUPP;
	return file->ops->fallocate(file, mode, offset, size);
}

long sys_fallocate(const struct syscall_args *a)
{
	struct file *file = fd_get(arg_int(a, 0));
	int mode = arg_int(a, 1);
	long offset = arg_long(a, 2), size = arg_long(a, 3);
	int err;

	if (!file)
		return -EBADF;
	err = do_fallocate(file, mode, offset, size);
	file_put(file);
	return signal_if_too_big(err);
}

/* Advice is welcome; what is in memory needs none. */
long sys_fadvise64(const struct syscall_args *a)
{
	struct file *file = fd_get(arg_int(a, 0));
	long size = arg_long(a, 2);
	int advice = arg_int(a, 3);
	int err = 0;

	if (!file)
		return -EBADF;
	if (S_ISFIFO(file->inode->mode))
		err = -ESPIPE;
	else if (size < 0 || advice < 0 || advice > 5)
		err = -EINVAL;
	file_put(file);
	return err;
}

long sys_readahead(const struct syscall_args *a)
{
	struct file *file = fd_get(arg_int(a, 0));
	int err = 0;

	if (!file)
		return -EBADF;
	if (!file_is_readable(file))
		err = -EBADF;
	else if (!S_ISREG(file->inode->mode) && !S_ISBLK(file->inode->mode))
		err = -EINVAL;
	file_put(file);
	return err;
}
