/* SPDX-License-Identifier: MIT */
/*
 * open.c - from a name to an open file
 *
 * Idea: without O_CREAT the walk alone finds the file. With it, it most often
 * does so, too; else it stops in the directory, which is locked while the name
 * is looked up and, if missing, made, so that of two creators one is first
 * (O_EXCL). The references that the walk ends with become the file's.
 *
 * Then, in this order: is it of the right kind, may it be opened so, let its
 * implementation agree, and only then cut it (O_TRUNC).
 * Source: open(2), openat2(2).
 */
#include "kernel/lib/format.h"
#include "kernel/vfs/attributes.h"
#include "kernel/vfs/device.h"
#include "kernel/vfs/internal.h"
#include "kernel/vfs/notify.h"

/* What F_GETFL does not show and the file need not remember. */
#define OPEN_ONLY_FLAGS (O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_CLOEXEC)
/* With O_PATH all others are ignored. */
#define PATH_FLAGS (O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

static const struct file_ops path_file_ops; /* a name only: can do nothing */

/* ---- May it be opened? ---- */

static unsigned int wanted_access(unsigned int flags)
{
	static const unsigned char access[4] = {
		[O_RDONLY] = MAY_READ,
		[O_WRONLY] = MAY_WRITE,
		[O_RDWR] = MAY_READ | MAY_WRITE,
		[3] = MAY_READ | MAY_WRITE, /* for ioctl only: open(2) */
	};
	unsigned int may = access[flags & O_ACCMODE];

	if (flags & O_TRUNC)
		may |= MAY_WRITE;
	return may;
}

static int check_kind(const struct path *path, unsigned int flags,
		      unsigned int may)
{
	uint32_t mode = path->dentry->inode->mode;

	if (S_ISLNK(mode))
		return -ELOOP;
	if (S_ISDIR(mode) && may & MAY_WRITE)
		return -EISDIR;
	if ((S_ISCHR(mode) || S_ISBLK(mode)) && path->mount &&
	    path->mount->flags & MS_NODEV)
		return -EACCES;
	return 0;
}

/* A file system that cannot be written says so first, a mount that must not
 * be only to those who may write the file. */
static int check_access(const struct path *path, unsigned int may)
{
	struct inode *inode = path->dentry->inode;
	bool write = may & MAY_WRITE && S_ISREG(inode->mode);
	int err;

	if (write && inode->sb->flags & MS_RDONLY)
		return -EROFS;
	err = inode_permission(inode, may);
	return !err && write ? path_may_write(path) : err;
}

/* @created: by this open, so its mode does not bind the creator. */
static int check_open(const struct path *path, unsigned int flags, bool created)
{
	struct inode *inode = path->dentry->inode;
	unsigned int may = wanted_access(flags);
	int err;

	err = check_kind(path, flags, may);
	if (!err && !created)
		err = check_access(path, may);
	if (!err && flags & O_NOATIME && vfs_cred()->fsuid != inode->uid &&
	    !cred_capable(vfs_cred(), CAP_FOWNER))
		err = -EPERM;
	return err;
}

/* ---- Making the open file ---- */

/* The operations of what lies behind the inode; NULL: -ENXIO. */
static const struct file_ops *find_ops(const struct inode *inode)
{
	if (S_ISSOCK(inode->mode))
		return NULL;
	if (inode->file_ops)
		return inode->file_ops;
	if (S_ISCHR(inode->mode) || S_ISBLK(inode->mode))
		return device_file_ops(inode->mode, inode->rdev);
	return NULL;
}

/* No file may be written that is on what is being remounted read-only. */
static int claim_super(struct super_block *sb)
{
	long *part = hart_count_part(&sb->writers);

	/* Either we see the flag, or remount() sees us. What we take back goes
	 * from the same part, so that it never sees too few. */
	__atomic_fetch_add(part, 1, __ATOMIC_SEQ_CST);
	if (likely(!(__atomic_load_n(&sb->flags, __ATOMIC_SEQ_CST) &
		     MS_RDONLY)))
		return 0;
	__atomic_fetch_sub(part, 1, __ATOMIC_RELEASE);
	return -EROFS;
}

/* A program that runs may not be written to, and the other way round. */
static int claim_write(struct inode *inode)
{
	int err = 0;

	__atomic_fetch_add(&inode->writers, 1, __ATOMIC_ACQ_REL);
	if (__atomic_load_n(&inode->exec_count, __ATOMIC_ACQUIRE))
		err = -ETXTBSY;
	else if (S_ISREG(inode->mode))
		err = claim_super(inode->sb);
	if (unlikely(err))
		__atomic_fetch_sub(&inode->writers, 1, __ATOMIC_RELEASE);
	return err;
}

static int claim_exec(struct inode *inode)
{
	__atomic_fetch_add(&inode->exec_count, 1, __ATOMIC_ACQ_REL);
	if (__atomic_load_n(&inode->writers, __ATOMIC_ACQUIRE) == 0)
		return 0;
	__atomic_fetch_sub(&inode->exec_count, 1, __ATOMIC_RELEASE);
	return -ETXTBSY;
}

static int open_contents(struct file *file, unsigned int flags)
{
	struct inode *inode = file->inode;
	int err = 0;

	file->ops = find_ops(inode);
	if (!file->ops)
		return -ENXIO;
	if (flags & O_DIRECT && !S_ISREG(inode->mode) &&
	    !S_ISFIFO(inode->mode) && !file->ops->direct)
		return -EINVAL;
	if (file_is_writable(file))
		err = claim_write(inode);
	else if (flags & O_TRUNC &&
		 __atomic_load_n(&inode->exec_count, __ATOMIC_ACQUIRE))
		err = -ETXTBSY;
	if (err)
		return err;
	if (file->ops->open)
		err = file->ops->open(inode, file);
	if (!err && flags & O_TRUNC && S_ISREG(inode->mode)) {
		err = inode_truncate(inode, 0);
		if (err && file->ops->release)
			file->ops->release(file);
	}
	file->counts_as_writer = !err && file_is_writable(file);
	if (err && file_is_writable(file))
		inode_end_writer(inode);
	return err;
}

/* Free a file whose open failed: its implementation never had it. */
static void file_discard(struct file *file)
{
	static const struct file_ops no_ops;

	file->ops = &no_ops;
	file->flags = O_PATH;
	file_put(file);
}

/* The references on @path go to the file, or are dropped. */
static int open_checked(const struct path *path, unsigned int flags,
			struct file **out)
{
	/* A terminal's open() wants to know about O_NOCTTY, a disk's about
	 * O_EXCL. */
	const unsigned int seen = O_NOCTTY | O_EXCL;
	const unsigned int dropped = OPEN_ONLY_FLAGS & ~seen;
	struct file *file;
	int err;

	err = file_alloc(path, flags & ~dropped, &file);
	if (err) {
		path_put(path);
		return err;
	}
	if (flags & O_PATH)
		file->ops = &path_file_ops;
	else
		err = open_contents(file, flags);
	file->flags &= ~seen;
	if (err) {
		file_discard(file);
		return err;
	}
	if (!(flags & O_PATH))
		notify_dentry(path->dentry, IN_OPEN);
	if (flags & O_TRUNC && S_ISREG(file->inode->mode))
		notify_dentry(path->dentry, IN_MODIFY);
	*out = file;
	return 0;
}

/* As open_checked(). */
static int open_found(const struct path *path, unsigned int flags, bool created,
		      struct file **out)
{
	int err = 0;

	if (!(flags & O_PATH))
		err = check_open(path, flags, created);
	if (!err)
		return open_checked(path, flags, out);
	path_put(path);
	return err;
}

int file_open_path(const struct path *path, unsigned int flags,
		   struct file **out)
{
	if (flags & O_PATH)
		flags &= PATH_FLAGS;
	if (flags & O_DIRECTORY && !S_ISDIR(path->dentry->inode->mode))
		return -ENOTDIR;
	path_get(path);
	return open_found(path, flags, false, out);
}

int file_open_exec(const struct path *path, struct file **out)
{
	struct inode *inode = path->dentry->inode;
	int err;

	if (!S_ISREG(inode->mode))
		return -EACCES;
	if (path->mount && path->mount->flags & MS_NOEXEC)
		return -EACCES;
	err = inode_permission(inode, MAY_EXEC);
	if (!err)
		err = claim_exec(inode);
	if (err)
		return err;
	path_get(path);
	err = open_checked(path, O_RDONLY | FILE_EXEC, out);
	if (err)
		__atomic_fetch_sub(&inode->exec_count, 1, __ATOMIC_RELEASE);
	return err;
}

/* ---- O_CREAT ---- */

/* What the last step came to: the file's dentry, and whether it is new. */
struct found {
	struct dentry *dentry; /* with a reference */
	bool created;
};

static int find_or_create(struct walk *walk, unsigned int flags, uint32_t mode,
			  struct found *found)
{
	struct dentry *dir = walk->at.dentry, *dentry;
	int err;

	mutex_lock(&dir->inode->lock);
	err = dentry_lookup_locked(dir, walk->last.name, walk->last.len,
				   walk->last_hash, &dentry);
	if (err)
		goto unlock;
	found->dentry = dentry;
	found->created = !dentry->inode;
	if (!dentry->inode) {
		err = path_may_write(&walk->at);
		if (!err)
			err = may_create(dir->inode);
		if (!err)
			err = create_regular(dir, dentry, mode);
	} else if (flags & O_EXCL) {
		err = -EEXIST;
	}
	if (err)
		dentry_put(dentry);
unlock:
	mutex_unlock(&dir->inode->lock);
	return err;
}

/* As open_checked(). */
static int open_no_directory(const struct path *path, unsigned int flags,
			     bool created, struct file **out)
{
	if (S_ISDIR(path->dentry->inode->mode)) {
		path_put(path);
		return -EISDIR;
	}
	if (created)
		flags &= ~(unsigned int)O_TRUNC;
	return open_found(path, flags, created, out);
}

/* Where the walk ended. */
static int open_end(struct walk *walk, unsigned int flags, struct file **out)
{
	struct path at;

	walk_result(walk, &at);
	return open_no_directory(&at, flags, false, out);
}

/* The walk stands in the directory: the last name, links followed. */
static int open_last(struct walk *walk, unsigned int flags, uint32_t mode,
		     struct file **out)
{
	struct found found;
	int err;

	for (;;) {
		struct path at;

		if (!is_plain_name(&walk->last))
			return flags & O_EXCL ? -EEXIST : -EISDIR;
		if (walk->last.slash)
			return -EISDIR;
		err = inode_permission(walk->at.dentry->inode, MAY_EXEC);
		if (!err)
			err = find_or_create(walk, flags, mode, &found);
		if (err)
			return err;
		if (!S_ISLNK(found.dentry->inode->mode) || flags & O_NOFOLLOW) {
			walk_step_to(walk, found.dentry, &at);
			dentry_put(found.dentry);
			return open_no_directory(&at, flags, found.created,
						 out);
		}
		err = walk_may_follow(walk, found.dentry->inode);
		if (!err)
			err = walk_follow(walk, found.dentry);
		dentry_put(found.dentry);
		if (err)
			return err;
		if (!*walk->rest) /* a jump, or a link to "/" */
			return open_end(walk, flags, out);
		err = walk_run(walk);
		if (err)
			return err;
		if (walk->arrived)
			return open_end(walk, flags, out);
	}
}

static int open_create(const struct path *start, const char *name,
		       unsigned int flags, unsigned int lookup, uint32_t mode,
		       struct file **out)
{
	struct walk walk;
	int err;

	lookup |= LOOKUP_PARENT;
	if (!(flags & O_EXCL))
		lookup |= LOOKUP_IF_THERE;
	err = walk_start(&walk, start, name, lookup);
	if (!err)
		err = walk_run(&walk);
	if (!err)
		err = walk.arrived ? open_end(&walk, flags, out)
				   : open_last(&walk, flags, mode, out);
	walk_end(&walk);
	return err;
}

/* ---- O_TMPFILE ---- */

static int make_unnamed(const struct path *dir_path, uint32_t mode,
			struct inode **out)
{
	struct inode *dir = dir_path->dentry->inode;
	int err;

	err = path_may_write(dir_path);
	if (!err)
		err = inode_permission(dir, MAY_WRITE | MAY_EXEC);
	if (err)
		return err;
	if (!dir->ops->tmpfile)
		return -EOPNOTSUPP;
	mutex_lock(&dir->lock);
	err = dir->ops->tmpfile(dir, S_IFREG | apply_umask(dir, mode & 07777),
				out);
	mutex_unlock(&dir->lock);
	return err;
}

static int open_unnamed(const struct path *start, const char *name,
			unsigned int flags, unsigned int lookup, uint32_t mode,
			struct file **out)
{
	struct path dir, path;
	struct inode *inode;
	char text[32];
	int err;

	err = path_lookup(start, name, lookup | LOOKUP_DIRECTORY, &dir, NULL);
	if (err)
		return err;
	err = make_unnamed(&dir, mode, &inode);
	if (err)
		goto put_dir;
	inode->linkable = !(flags & O_EXCL);
	format_string(text, sizeof(text), "/#%lu (deleted)",
		      (unsigned long)inode->ino);
	path.mount = dir.mount;
	path.dentry = dentry_make_anonymous(inode, text);
	err = -ENOMEM;
	if (!path.dentry)
		goto put_dir;
	mount_get(path.mount);
	err = open_checked(&path, flags & ~(unsigned int)O_DIRECTORY, out);
put_dir:
	path_put(&dir);
	return err;
}

/* ---- open(2) ---- */

int file_open_resolve(const struct path *start, const char *name,
		      unsigned int flags, unsigned int lookup, uint32_t mode,
		      struct file **out)
{
	struct path path;
	int err;

	if (!(flags & O_NOFOLLOW) &&
	    (flags & (O_CREAT | O_EXCL)) != (O_CREAT | O_EXCL))
		lookup |= LOOKUP_FOLLOW;
	if (flags & O_PATH)
		flags &= PATH_FLAGS;
	else if ((flags & O_TMPFILE) == O_TMPFILE)
		return open_unnamed(start, name, flags, lookup, mode, out);
	else if (flags & O_CREAT)
		return open_create(start, name, flags, lookup, mode, out);
	if (flags & O_DIRECTORY)
		lookup |= LOOKUP_DIRECTORY;
	err = path_lookup(start, name, lookup, &path, NULL);
	return err ? err : open_found(&path, flags, false, out);
}

int file_open(const struct path *start, const char *name, unsigned int flags,
	      uint32_t mode, struct file **out)
{
	return file_open_resolve(start, name, flags, 0, mode, out);
}
