/* SPDX-License-Identifier: MIT */
/*
 * fs.c - system calls: names and places
 */
#include "kernel/abi/fcntl.h"
#include "kernel/abi/fs.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "kernel/mm/user_copy.h"
#include "kernel/sched/thread.h"
#include "kernel/syscall/table.h"
#include "kernel/syscall/user_path.h"
#include "kernel/vfs/cred.h"

#include <linux/capability.h>

/* ---- Making and removing names ---- */

long sys_mknodat(const struct syscall_args *a)
{
	int dirfd = arg_int(a, 0);
	const char __user *name = arg_str(a, 1);
	uint32_t mode = arg_uint(a, 2);
	uint64_t dev = arg_uint(a, 3);
	struct user_at at;
	int err;

	switch (mode & S_IFMT) {
	case 0:
		mode |= S_IFREG;
		break;
	case S_IFREG:
	case S_IFCHR:
	case S_IFBLK:
	case S_IFIFO:
	case S_IFSOCK:
		break;
	case S_IFDIR:
		return -EPERM;
	default:
		return -EINVAL;
	}
	err = user_at_get(&at, dirfd, name, 0);
	if (!err)
		err = vfs_mknod(user_at_name(&at), mode & (S_IFMT | 07777),
				dev);
	user_at_put(&at);
	return err;
}

long sys_mkdirat(const struct syscall_args *a)
{
	int dirfd = arg_int(a, 0);
	const char __user *name = arg_str(a, 1);
	uint32_t mode = arg_uint(a, 2);
	struct user_at at;
	int err;

	err = user_at_get(&at, dirfd, name, 0);
	if (!err)
		err = vfs_mkdir(user_at_name(&at), mode);
	user_at_put(&at);
	return err;
}

long sys_unlinkat(const struct syscall_args *a)
{
	int dirfd = arg_int(a, 0);
	const char __user *name = arg_str(a, 1);
	int flags = arg_int(a, 2);
	struct user_at at;
	int err;

	if (flags & ~AT_REMOVEDIR)
		return -EINVAL;
	err = user_at_get(&at, dirfd, name, 0);
	if (!err)
		err = flags & AT_REMOVEDIR ? vfs_rmdir(user_at_name(&at))
					   : vfs_unlink(user_at_name(&at));
	user_at_put(&at);
	return err;
}

long sys_symlinkat(const struct syscall_args *a)
{
	const char __user *target = arg_str(a, 0);
	int dirfd = arg_int(a, 1);
	const char __user *name = arg_str(a, 2);
	struct user_path text;
	struct user_at at;
	int err;

	err = user_path_get(&text, target);
	if (err)
		goto put_text;
	if (!*text.name) {
		err = -ENOENT;
		goto put_text;
	}
	err = user_at_get(&at, dirfd, name, 0);
	if (!err)
		err = vfs_symlink(user_at_name(&at), text.name);
	user_at_put(&at);
put_text:
	user_path_put(&text);
	return err;
}

/*
 * linkat(2) of "" gives a descriptor's file a name: only with the capability,
 * or by who opened it with the credentials he still has.
 */
static int may_link_empty(const struct user_at *old)
{
	if (*old->path.name)
		return 0;
	if (old->file && old->file->cred == current()->cred)
		return 0;
	return capable(CAP_DAC_READ_SEARCH) ? 0 : -ENOENT;
}

static int link_names(const struct user_at *old, const struct user_at *new,
		      int flags)
{
	unsigned int lookup = 0;
	int err = may_link_empty(old);

	if (err)
		return err;
	if (flags & AT_SYMLINK_FOLLOW)
		lookup |= LOOKUP_FOLLOW;
	if (flags & AT_EMPTY_PATH)
		lookup |= LOOKUP_EMPTY;
	return vfs_link(user_at_name(old), user_at_name(new), lookup);
}

long sys_linkat(const struct syscall_args *a)
{
	int old_dirfd = arg_int(a, 0);
	const char __user *old_name = arg_str(a, 1);
	int new_dirfd = arg_int(a, 2);
	const char __user *new_name = arg_str(a, 3);
	int flags = arg_int(a, 4);
	struct user_at old, new;
	int err;

	if (flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	err = user_at_get(&old, old_dirfd, old_name, flags);
	if (err)
		goto put_old;
	err = user_at_get(&new, new_dirfd, new_name, 0);
	if (!err)
		err = link_names(&old, &new, flags);
	user_at_put(&new);
put_old:
	user_at_put(&old);
	return err;
}

long sys_renameat2(const struct syscall_args *a)
{
	int old_dirfd = arg_int(a, 0);
	const char __user *old_name = arg_str(a, 1);
	int new_dirfd = arg_int(a, 2);
	const char __user *new_name = arg_str(a, 3);
	unsigned int flags = arg_uint(a, 4);
	struct user_at old, new;
	int err;

	if (flags >= RENAME_WHITEOUT << 1)
		return -EINVAL;
	if (flags & RENAME_EXCHANGE &&
	    flags & (RENAME_NOREPLACE | RENAME_WHITEOUT))
		return -EINVAL;
	err = user_at_get(&old, old_dirfd, old_name, 0);
	if (err)
		goto put_old;
	err = user_at_get(&new, new_dirfd, new_name, 0);
	if (!err)
		err = vfs_rename(user_at_name(&old), user_at_name(&new), flags);
	user_at_put(&new);
put_old:
	user_at_put(&old);
	return err;
}

/* ---- Symbolic links ---- */

static ssize_t read_link(const struct path *path, char __user *buf, size_t size)
{
	struct inode *inode = path->dentry->inode;
	ssize_t len;
	char *text;

	if (!S_ISLNK(inode->mode) || !inode->ops->readlink)
		return -EINVAL;
	text = kmalloc(PATH_MAX);
	if (!text)
		return -ENOMEM;
	inode_touch_atime(inode);
	len = inode->ops->readlink(inode, text, PATH_MAX);
	if (len > 0) {
		len = (ssize_t)MIN((size_t)len, size);
		if (copy_to_user(buf, text, (size_t)len))
			len = -EFAULT;
	}
	kfree(text);
	return len;
}

long sys_readlinkat(const struct syscall_args *a)
{
	int dirfd = arg_int(a, 0);
	const char __user *name = arg_str(a, 1);
	char __user *buf = arg_ptr(a, 2);
	int size = arg_int(a, 3);
	struct path path;
	ssize_t len;

	if (size <= 0)
		return -EINVAL;
	len = user_at_lookup(dirfd, name, AT_EMPTY_PATH, 0, &path);
	if (len)
		return len;
	len = read_link(&path, buf, (size_t)size);
	/* "" of something that is no link: readlinkat(2) says ENOENT. */
	if (len == -EINVAL && !S_ISLNK(path.dentry->inode->mode)) {
		uint32_t first;

		if (!get_user_u32(&first, name) && !(first & 0xff))
			len = -ENOENT;
	}
	path_put(&path);
	return len;
}

/* ---- Where one is ---- */

long sys_chdir(const struct syscall_args *a)
{
	const char __user *name = arg_str(a, 0);
	struct path path;
	int err;

	err = user_at_lookup(AT_FDCWD, name, 0,
			     LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &path);
	return err ? err : vfs_chdir(&path);
}

long sys_fchdir(const struct syscall_args *a)
{
	struct file *file = fd_get_any(arg_int(a, 0));
	struct path path;

	if (!file)
		return -EBADF;
	path = file->path;
	path_get(&path);
	file_put(file);
	return vfs_chdir(&path);
}

long sys_chroot(const struct syscall_args *a)
{
	const char __user *name = arg_str(a, 0);
	struct path path;
	int err;

	err = user_at_lookup(AT_FDCWD, name, 0,
			     LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &path);
	return err ? err : vfs_chroot(&path);
}

/* The thread's root and cwd, with references. */
static void get_context(struct path *root, struct path *cwd)
{
	struct fs_context *fs = current()->fs;

	spin_lock(&fs->lock);
	*root = fs->root;
	*cwd = fs->cwd;
	path_get(root);
	path_get(cwd);
	spin_unlock(&fs->lock);
}

/* The name in @buf of PATH_MAX bytes; its length with the NUL. */
static ssize_t cwd_name(char *buf, char **name)
{
	static const char unreachable[] = "(unreachable)";
	size_t room = sizeof(unreachable) - 1;
	struct path root, cwd;
	ssize_t len;

	get_context(&root, &cwd);
	if (cwd.dentry->inode->nlink == 0) {
		len = -ENOENT; /* removed */
	} else {
		len = path_name(&cwd, &root, buf + room, PATH_MAX - room, name);
		if (len == -ENOENT) { /* outside of a chroot */
			*name -= room;
			memcpy(*name, unreachable, room);
			len = 0;
		}
	}
	path_put(&root);
	path_put(&cwd);
	return len ? len : (ssize_t)strlen(*name) + 1;
}

long sys_getcwd(const struct syscall_args *a)
{
	char __user *buf = arg_ptr(a, 0);
	size_t size = arg_size(a, 1);
	char *memory = kmalloc(PATH_MAX);
	char *name = NULL;
	ssize_t len;

	if (!memory)
		return -ENOMEM;
	len = cwd_name(memory, &name);
	if (len > 0) {
		if ((size_t)len > size)
			len = -ERANGE;
		else if (copy_to_user(buf, name, (size_t)len))
			len = -EFAULT;
	}
	kfree(memory);
	return len;
}

long sys_umask(const struct syscall_args *a)
{
	uint32_t mask = arg_uint(a, 0) & 0777;

	return __atomic_exchange_n(&current()->fs->umask, mask,
				   __ATOMIC_RELAXED);
}

/* ---- Mounts ---- */

/* A string that may be missing: NULL gives "". */
static int get_optional(struct user_path *text, const char __user *from)
{
	if (from)
		return user_path_get(text, from);
	text->name = text->small;
	text->small[0] = '\0';
	return 0;
}

/* Options are a page of text at most; what lies behind may be unmapped. */
static int get_options(char **options, const char __user *from)
{
	size_t copied = 0;

	*options = kmalloc(PAGE_SIZE);
	if (!*options)
		return -ENOMEM;
	if (from) {
		copied = copy_from_user_partial(*options, from, PAGE_SIZE - 1);
		if (!copied)
			return -EFAULT;
	}
	(*options)[copied] = '\0';
	return 0;
}

#define NO_TYPE_NEEDED                                                         \
	(MS_REMOUNT | MS_BIND | MS_MOVE | MS_SHARED | MS_PRIVATE | MS_SLAVE |  \
	 MS_UNBINDABLE)

long sys_mount(const struct syscall_args *a)
{
	const char __user *source = arg_str(a, 0);
	const char __user *target = arg_str(a, 1);
	const char __user *type = arg_str(a, 2);
	uint64_t flags = arg_u64(a, 3);
	const char __user *data = arg_ptr(a, 4);
	struct user_path source_text, target_text, type_text;
	char *options = NULL;
	int err;

	err = get_optional(&type_text, type);
	if (err)
		goto put_type;
	if (!type && !(flags & NO_TYPE_NEEDED)) {
		err = -EINVAL;
		goto put_type;
	}
	err = get_optional(&source_text, source);
	if (err)
		goto put_source;
	err = get_options(&options, data);
	if (err)
		goto put_options;
	err = user_path_get(&target_text, target);
	if (!err)
		err = vfs_mount(source_text.name, target_text.name,
				type_text.name, flags, options);
	user_path_put(&target_text);
put_options:
	kfree(options);
put_source:
	user_path_put(&source_text);
put_type:
	user_path_put(&type_text);
	return err;
}

long sys_pivot_root(const struct syscall_args *a)
{
	const char __user *new_root = arg_str(a, 0);
	const char __user *put_old = arg_str(a, 1);
	struct path root, old;
	int err;

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	err = user_at_lookup(AT_FDCWD, new_root, 0,
			     LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &root);
	if (err)
		return err;
	err = user_at_lookup(AT_FDCWD, put_old, 0,
			     LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &old);
	if (!err) {
		/* The root we boot with has nothing above it, and such a one
		 * cannot be exchanged (pivot_root(2)). Mount namespaces, where
		 * another could be, there are none. */
		err = -EINVAL;
		path_put(&old);
	}
	path_put(&root);
	return err;
}

/* ---- Handles ---- */

/* Who has one cannot open it again (open_by_handle_at(2) is not there), but
 * two files are the same if their handles are. */
struct handle {
	uint32_t size;
	int32_t type;
	uint64_t ino;
	uint32_t generation;
};
#define HANDLE_HEADER 8u
#define HANDLE_BYTES  12u
#define HANDLE_MAX    128u
#define HANDLE_FLAGS  (AT_SYMLINK_FOLLOW | AT_EMPTY_PATH | 0x200 | 1)

static int put_handle(const struct path *path, char __user *to,
		      int __user *mount_id)
{
	const struct inode *inode = path->dentry->inode;
	struct handle handle;
	uint32_t room;
	int id, err;

	err = copy_from_user(&room, to, sizeof(room));
	if (err)
		return err;
	if (room > HANDLE_MAX)
		return -EINVAL;
	if (!path->mount || !inode->sb->type->has_handles)
		return -EOPNOTSUPP;
	memset(&handle, 0, sizeof(handle));
	handle.size = HANDLE_BYTES;
	handle.type = 1;
	handle.ino = inode->ino;
	handle.generation = (uint32_t)inode->btime;
	id = path->mount->id;
	err = copy_to_user(mount_id, &id, sizeof(id));
	if (!err)
		err = copy_to_user(to, &handle,
				   room < HANDLE_BYTES
					   ? HANDLE_HEADER
					   : HANDLE_HEADER + HANDLE_BYTES);
	return !err && room < HANDLE_BYTES ? -EOVERFLOW : err;
}

long sys_name_to_handle_at(const struct syscall_args *a)
{
	int dirfd = arg_int(a, 0);
	const char __user *name = arg_str(a, 1);
	char __user *to = arg_ptr(a, 2);
	int __user *mount_id = arg_ptr(a, 3);
	int flags = arg_int(a, 4);
	struct path path;
	int err;

	if (flags & ~HANDLE_FLAGS)
		return -EINVAL;
	err = user_at_lookup(dirfd, name, flags,
			     flags & AT_SYMLINK_FOLLOW ? LOOKUP_FOLLOW : 0,
			     &path);
	if (err)
		return err;
	err = put_handle(&path, to, mount_id);
	path_put(&path);
	return err;
}

/* ---- umount ---- */

long sys_umount2(const struct syscall_args *a)
{
	const char __user *target = arg_str(a, 0);
	int flags = arg_int(a, 1);
	struct user_path text;
	int err;

	err = user_path_get(&text, target);
	if (!err)
		err = vfs_unmount(text.name, flags);
	user_path_put(&text);
	return err;
}
