/* SPDX-License-Identifier: MIT */
/*
 * stat.c - system calls: what is known about files, and changing it
 */
#include "kernel/abi/stat.h"

#include "kernel/abi/fcntl.h"
#include "kernel/abi/fs.h"
#include "kernel/abi/time.h"
#include "kernel/lib/string.h"
#include "kernel/mm/user_copy.h"
#include "kernel/sched/thread.h"
#include "kernel/syscall/size_limit.h"
#include "kernel/syscall/table.h"
#include "kernel/syscall/user_path.h"
#include "kernel/vfs/attributes.h"
#include "kernel/vfs/cred.h"
#include "kernel/vfs/device.h"

#define STAT_FLAGS                                                             \
	(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH |               \
	 AT_STATX_SYNC_TYPE)

static unsigned int follow_unless(int flags)
{
	return flags & AT_SYMLINK_NOFOLLOW ? 0 : LOOKUP_FOLLOW;
}

/* ---- stat ---- */

static struct inode *refreshed(struct inode *inode)
{
	if (inode->ops && inode->ops->refresh)
		inode->ops->refresh(inode);
	return inode;
}

/* Times before 1970 or far in the future (see INODE_TIME_MAX_S). */
static __noinline void put_far_times(const struct inode *inode, struct stat *st)
{
	st->st_atime = (long)inode_time_seconds(inode->atime);
	st->st_atime_nsec = inode_time_nsec(inode->atime);
	st->st_mtime = (long)inode_time_seconds(inode->mtime);
	st->st_mtime_nsec = inode_time_nsec(inode->mtime);
	st->st_ctime = (long)inode_time_seconds(inode->ctime);
	st->st_ctime_nsec = inode_time_nsec(inode->ctime);
}

static int put_stat(struct inode *inode, struct stat __user *to)
{
	struct stat st = {
		.st_dev = inode->sb->dev,
		.st_ino = inode->ino,
		.st_mode = inode->mode,
		.st_nlink = inode->nlink,
		.st_uid = inode->uid,
		.st_gid = inode->gid,
		.st_rdev = inode->rdev,
		.st_size = (long)inode_size(inode),
		.st_blksize = (int)PAGE_SIZE,
		.st_blocks = (long)inode_blocks_512(inode),
		.st_atime = (long)(inode->atime / NSEC_PER_SEC),
		.st_atime_nsec = inode->atime % NSEC_PER_SEC,
		.st_mtime = (long)(inode->mtime / NSEC_PER_SEC),
		.st_mtime_nsec = inode->mtime % NSEC_PER_SEC,
		.st_ctime = (long)(inode->ctime / NSEC_PER_SEC),
		.st_ctime_nsec = inode->ctime % NSEC_PER_SEC,
	};
	if (unlikely((int64_t)(inode->atime | inode->mtime | inode->ctime) < 0))
		put_far_times(inode, &st);
	return copy_to_user(to, &st, sizeof(st));
}

long sys_fstat(const struct syscall_args *a)
{
	struct file *file = fd_get_any(arg_int(a, 0));
	struct stat __user *to = arg_ptr(a, 1);
	int err;

	if (!file)
		return -EBADF;
	err = put_stat(refreshed(file->inode), to);
	file_put(file);
	return err;
}

long sys_newfstatat(const struct syscall_args *a)
{
	int dirfd = arg_int(a, 0);
	const char __user *name = arg_str(a, 1);
	struct stat __user *to = arg_ptr(a, 2);
	int flags = arg_int(a, 3);
	struct path path;
	int err;

	if (flags & ~STAT_FLAGS)
		return -EINVAL;
	err = user_at_lookup(dirfd, name, flags | USER_AT_NULL,
			     follow_unless(flags), &path);
	if (err)
		return err;
	err = put_stat(refreshed(path.dentry->inode), to);
	path_put(&path);
	return err;
}

static struct statx_timestamp statx_time(uint64_t ns)
{
	struct statx_timestamp time = {
		.tv_sec = inode_time_seconds(ns),
		.tv_nsec = inode_time_nsec(ns),
	};

	return time;
}

static int put_statx(const struct path *path, struct statx __user *to)
{
	const struct inode *inode = refreshed(path->dentry->inode);
	struct statx stx = {
		.stx_mask = STATX_BASIC_STATS | STATX_BTIME | STATX_MNT_ID,
		.stx_blksize = (uint32_t)PAGE_SIZE,
		.stx_attributes_mask = STATX_ATTR_MOUNT_ROOT,
		.stx_nlink = inode->nlink,
		.stx_uid = inode->uid,
		.stx_gid = inode->gid,
		.stx_mode = (uint16_t)inode->mode,
		.stx_ino = inode->ino,
		.stx_size = inode_size(inode),
		.stx_blocks = inode_blocks_512(inode),
		.stx_atime = statx_time(inode->atime),
		.stx_btime = statx_time(inode->btime),
		.stx_ctime = statx_time(inode->ctime),
		.stx_mtime = statx_time(inode->mtime),
		.stx_rdev_major = device_major(inode->rdev),
		.stx_rdev_minor = device_minor(inode->rdev),
		.stx_dev_major = device_major(inode->sb->dev),
		.stx_dev_minor = device_minor(inode->sb->dev),
	};

	if (path->mount) {
		stx.stx_mnt_id = (unsigned int)path->mount->id;
		if (path->dentry == path->mount->root)
			stx.stx_attributes |= STATX_ATTR_MOUNT_ROOT;
	}
	return copy_to_user(to, &stx, sizeof(stx));
}

long sys_statx(const struct syscall_args *a)
{
	int dirfd = arg_int(a, 0);
	const char __user *name = arg_str(a, 1);
	int flags = arg_int(a, 2);
	unsigned int mask = arg_uint(a, 3);
	struct statx __user *to = arg_ptr(a, 4);
	struct path path;
	int err;

	if (mask & STATX__RESERVED || flags & ~STAT_FLAGS ||
	    (flags & AT_STATX_SYNC_TYPE) == AT_STATX_SYNC_TYPE)
		return -EINVAL;
	err = user_at_lookup(dirfd, name, flags | USER_AT_NULL,
			     follow_unless(flags), &path);
	if (err)
		return err;
	err = put_statx(&path, to);
	path_put(&path);
	return err;
}

/* ---- statfs ---- */

/* f_flags, ST_* of statvfs(3): the mount's, with a bit "these are valid". */
static long statfs_flags(const struct path *path)
{
	unsigned int mount = path->mount ? path->mount->flags : 0;
	unsigned int all = mount | path->dentry->sb->flags;
	long flags = 0x20; /* ST_VALID */

	flags |= all & (MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC |
			MS_SYNCHRONOUS);
	if (mount & MS_NOATIME)
		flags |= 0x400;
	if (mount & MS_NODIRATIME)
		flags |= 0x800;
	if (mount & MS_RELATIME)
		flags |= 0x1000;
	return flags;
}

static int put_statfs(const struct path *path, struct statfs __user *to)
{
	const struct super_block *sb = path->dentry->sb;
	struct statfs_info info;
	struct statfs st;
	int err;

	err = vfs_statfs(path, &info);
	if (err)
		return err;
	memset(&st, 0, sizeof(st));
	st.f_type = (long)sb->magic;
	st.f_bsize = st.f_frsize = (long)info.block_size;
	st.f_blocks = (long)info.blocks;
	st.f_bfree = st.f_bavail = (long)info.blocks_free;
	st.f_files = (long)info.files;
	st.f_ffree = (long)info.files_free;
	st.f_fsid.val[0] = (int)sb->dev;
	st.f_namelen = (long)info.max_name;
	st.f_flags = statfs_flags(path);
	return copy_to_user(to, &st, sizeof(st));
}

long sys_statfs(const struct syscall_args *a)
{
	const char __user *name = arg_str(a, 0);
	struct statfs __user *to = arg_ptr(a, 1);
	struct path path;
	int err;

	err = user_at_lookup(AT_FDCWD, name, 0, LOOKUP_FOLLOW, &path);
	if (err)
		return err;
	err = put_statfs(&path, to);
	path_put(&path);
	return err;
}

long sys_fstatfs(const struct syscall_args *a)
{
	struct file *file = fd_get_any(arg_int(a, 0));
	struct statfs __user *to = arg_ptr(a, 1);
	int err;

	if (!file)
		return -EBADF;
	err = put_statfs(&file->path, to);
	file_put(file);
	return err;
}

/* ---- access ---- */

/*
 * access(2) asks for the real user, who started a set-user-ID program: walk
 * with credentials in which the file ids are the real ones. NULL: no memory.
 */
static struct cred *real_cred(void)
{
	struct cred *cred = cred_copy(current()->cred);

	if (!cred)
		return NULL;
	cred->fsuid = cred->uid;
	cred->fsgid = cred->gid;
	cred->cap_effective = cred->uid == 0 ? cred->cap_permitted : 0;
	return cred;
}

static bool is_real_already(const struct cred *cred)
{
	uint64_t caps = cred->uid == 0 ? cred->cap_permitted : 0;

	return cred->fsuid == cred->uid && cred->fsgid == cred->gid &&
	       cred->cap_effective == caps;
}

static int check_access(const struct path *path, unsigned int may)
{
	struct inode *inode = path->dentry->inode;
	int err;

	if (!may)
		return 0;
	if (may & MAY_EXEC && S_ISREG(inode->mode) && path->mount &&
	    path->mount->flags & MS_NOEXEC)
		return -EACCES;
	err = inode_permission(inode, may);
	if (err || !(may & MAY_WRITE))
		return err;
	/* Devices, pipes and sockets can be written to anywhere. */
	if (!S_ISREG(inode->mode) && !S_ISDIR(inode->mode) &&
	    !S_ISLNK(inode->mode))
		return 0;
	if (inode->sb->flags & MS_RDONLY ||
	    (path->mount && path->mount->flags & MS_RDONLY))
		return -EROFS;
	return 0;
}

static int access_at(const struct syscall_args *a, int flags)
{
	int dirfd = arg_int(a, 0);
	const char __user *name = arg_str(a, 1);
	struct path path;
	int err;

	err = user_at_lookup(dirfd, name, flags, follow_unless(flags), &path);
	if (err)
		return err;
	err = check_access(&path, arg_uint(a, 2));
	path_put(&path);
	return err;
}

static long access_checked(const struct syscall_args *a, int flags)
{
	const struct cred *saved = current()->cred;
	struct cred *real;
	int err;

	if (arg_int(a, 2) & ~7)
		return -EINVAL;
	if (flags & AT_EACCESS || is_real_already(saved))
		return access_at(a, flags);
	real = real_cred();
	if (!real)
		return -ENOMEM;
	current()->cred = real;
	err = access_at(a, flags);
	current()->cred = saved;
	cred_put(real);
	return err;
}

long sys_faccessat(const struct syscall_args *a)
{
	return access_checked(a, 0);
}

long sys_faccessat2(const struct syscall_args *a)
{
	int flags = arg_int(a, 3);

	if (flags & ~(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	return access_checked(a, flags);
}

/* ---- chmod, chown ---- */

long sys_fchmod(const struct syscall_args *a)
{
	struct file *file = fd_get(arg_int(a, 0));
	uint32_t mode = arg_uint(a, 1);
	int err;

	if (!file)
		return -EBADF;
	err = vfs_chmod(&file->path, mode);
	file_put(file);
	return err;
}

long sys_fchmodat(const struct syscall_args *a)
{
	int dirfd = arg_int(a, 0);
	const char __user *name = arg_str(a, 1);
	uint32_t mode = arg_uint(a, 2);
	struct path path;
	int err;

	err = user_at_lookup(dirfd, name, 0, LOOKUP_FOLLOW, &path);
	if (err)
		return err;
	err = vfs_chmod(&path, mode);
	path_put(&path);
	return err;
}

/* What fchmodat2() or fchownat() is to change. */
static int look_up_to_change(int dirfd, const char __user *name, int flags,
			     struct path *path)
{
	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	return user_at_lookup(dirfd, name, flags, follow_unless(flags), path);
}

long sys_fchmodat2(const struct syscall_args *a)
{
	int dirfd = arg_int(a, 0);
	const char __user *name = arg_str(a, 1);
	uint32_t mode = arg_uint(a, 2);
	int flags = arg_int(a, 3);
	struct path path;
	int err;

	err = look_up_to_change(dirfd, name, flags, &path);
	if (err)
		return err;
	err = vfs_chmod(&path, mode);
	path_put(&path);
	return err;
}

long sys_fchown(const struct syscall_args *a)
{
	struct file *file = fd_get(arg_int(a, 0));
	uint32_t uid = arg_uint(a, 1), gid = arg_uint(a, 2);
	int err;

	if (!file)
		return -EBADF;
	err = vfs_chown(&file->path, uid, gid);
	file_put(file);
	return err;
}

long sys_fchownat(const struct syscall_args *a)
{
	int dirfd = arg_int(a, 0);
	const char __user *name = arg_str(a, 1);
	uint32_t uid = arg_uint(a, 2), gid = arg_uint(a, 3);
	int flags = arg_int(a, 4);
	struct path path;
	int err;

	err = look_up_to_change(dirfd, name, flags, &path);
	if (err)
		return err;
	err = vfs_chown(&path, uid, gid);
	path_put(&path);
	return err;
}

/* ---- utimensat ---- */

static int time_change(const struct __kernel_timespec *ts,
		       struct time_change *change)
{
	*change = (struct time_change){ .set = true };
	if (ts->tv_nsec == UTIME_OMIT) {
		change->set = false;
	} else if (ts->tv_nsec == UTIME_NOW) {
		change->now = true;
	} else {
		if (ts->tv_nsec < 0 || ts->tv_nsec >= (long)NSEC_PER_SEC)
			return -EINVAL;
		change->time_ns =
			inode_time_from(ts->tv_sec, (uint32_t)ts->tv_nsec);
	}
	return 0;
}

/* Both times; @from NULL means now. */
static int get_times(const struct __kernel_timespec __user *from,
		     struct time_change change[2], bool *both_now)
{
	struct __kernel_timespec ts[2];
	int err;

	*both_now = true;
	change[0] = change[1] = (struct time_change){ true, true, 0 };
	if (!from)
		return 0;
	if (copy_from_user(ts, from, sizeof(ts)))
		return -EFAULT;
	err = time_change(&ts[0], &change[0]);
	if (!err)
		err = time_change(&ts[1], &change[1]);
	*both_now = change[0].now && change[1].now;
	return err;
}

/* futimens(3): no name, the descriptor's own file. */
static int set_times_of_fd(int fd, const struct time_change change[2],
			   bool both_now)
{
	struct file *file = fd_get(fd);
	int err;

	if (!file)
		return -EBADF;
	err = vfs_set_times(&file->path, &change[0], &change[1], both_now);
	file_put(file);
	return err;
}

long sys_utimensat(const struct syscall_args *a)
{
	int dirfd = arg_int(a, 0);
	const char __user *name = arg_str(a, 1);
	const struct __kernel_timespec __user *times = arg_ptr(a, 2);
	int flags = arg_int(a, 3);
	struct time_change change[2];
	struct path path;
	bool both_now;
	int err;

	err = get_times(times, change, &both_now);
	if (err)
		return err;
	if (!change[0].set && !change[1].set)
		return 0; /* nothing to do, whatever the name */
	if (!name && dirfd != AT_FDCWD)
		return flags ? -EINVAL
			     : set_times_of_fd(dirfd, change, both_now);
	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	err = user_at_lookup(dirfd, name, flags, follow_unless(flags), &path);
	if (err)
		return err;
	err = vfs_set_times(&path, &change[0], &change[1], both_now);
	path_put(&path);
	return err;
}

/* ---- Sizes ---- */

long sys_truncate(const struct syscall_args *a)
{
	const char __user *name = arg_str(a, 0);
	long length = arg_long(a, 1);
	struct path path;
	int err;

	if (length < 0)
		return -EINVAL;
	err = user_at_lookup(AT_FDCWD, name, 0, LOOKUP_FOLLOW, &path);
	if (err)
		return err;
	err = vfs_truncate(&path, (uint64_t)length);
	path_put(&path);
	return signal_if_too_big(err);
}
