/* SPDX-License-Identifier: MIT */
/*
 * name_ops.c - making, removing and moving names
 *
 * Idea: each operation walks to the directory, locks it, looks the last name
 * up, checks what the manual page says in the order Linux checks it, calls the
 * file system, and tells the dentry cache.
 *
 * Locks: the directory's inode, then the inode that loses or gets a name. Two
 * directories (rename): the file system's rename_lock, then the ancestor
 * first, else by address; then the moved and the replaced inode by address.
 * Source: mkdir(2), mknod(2), unlink(2), rmdir(2), symlink(2), link(2),
 * rename(2).
 */
#include "kernel/debug/panic.h"
#include "kernel/lib/string.h"
#include "kernel/vfs/internal.h"
#include "kernel/vfs/notify.h"

/* The last name of a path, in its locked directory. */
struct name {
	struct path dir;       /* references held */
	struct path_last last; /* points into the caller's string */
	struct dentry *dentry; /* reference held; while locked */
};

static int name_find_parent(struct fs_name at, struct name *name)
{
	int err;

	name->dentry = NULL;
	err = path_lookup(at.start, at.name, LOOKUP_PARENT, &name->dir,
			  &name->last);
	if (err)
		return err;
	/* What may not be searched does not tell what is in it. */
	err = inode_permission(name->dir.dentry->inode, MAY_EXEC);
	if (err)
		path_put(&name->dir);
	return err;
}

/* Look the last name up; the directory is locked. */
static int name_lookup(struct name *name)
{
	const struct path_last *last = &name->last;

	return dentry_lookup_locked(name->dir.dentry, last->name, last->len,
				    name_hash(last->name, last->len),
				    &name->dentry);
}

static void name_unlock(struct name *name) UNCHECKED_LOCKING
{
	mutex_unlock(&name->dir.dentry->inode->lock);
	dentry_put(name->dentry);
	path_put(&name->dir);
}

/* ---- What may be done ---- */

int may_create(struct inode *dir)
{
	if (dir->nlink == 0)
		return -ENOENT; /* removed, but someone is still in it */
	return inode_permission(dir, MAY_WRITE | MAY_EXEC);
}

/* May @victim be taken out of @dir, as a directory or as a file? */
static int may_delete(struct inode *dir, const struct dentry *victim,
		      bool as_directory)
{
	const struct inode *inode = victim->inode;
	int err;

	err = inode_permission(dir, MAY_WRITE | MAY_EXEC);
	if (err)
		return err;
	if (!inode_sticky_allows(dir, inode))
		return -EPERM;
	if (as_directory && !S_ISDIR(inode->mode))
		return -ENOTDIR;
	if (!as_directory && S_ISDIR(inode->mode))
		return -EISDIR;
	if (dir->nlink == 0)
		return -ENOENT;
	return 0;
}

/* ---- Creating ---- */

/*
 * Walk to the place of a new name and lock it. On success name->dentry is
 * negative, and the caller calls name_unlock() at the end. Whether the
 * directory may be written to is still to be asked: may_create().
 */
static int create_find(struct fs_name at, bool directory,
		       struct name *name) UNCHECKED_LOCKING
{
	int err;

	err = name_find_parent(at, name);
	if (err)
		return err;
	if (!is_plain_name(&name->last)) {
		path_put(&name->dir);
		return -EEXIST;
	}
	mutex_lock(&name->dir.dentry->inode->lock);
	err = name_lookup(name);
	if (!err && name->dentry->inode)
		err = -EEXIST;
	if (!err && name->last.slash && !directory)
		err = -ENOENT;
	if (!err)
		err = path_may_write(&name->dir);
	if (err)
		name_unlock(name);
	return err;
}

static int create_start(struct fs_name at, bool directory,
			struct name *name) UNCHECKED_LOCKING
{
	int err;

	err = create_find(at, directory, name);
	if (err)
		return err;
	err = may_create(name->dir.dentry->inode);
	if (err)
		name_unlock(name);
	return err;
}

/* The file system made @inode under the name: remember and tell. */
static void name_created(struct dentry *dir, struct dentry *dentry,
			 struct inode *inode)
{
	uint32_t mask = IN_CREATE;

	if (S_ISDIR(inode->mode))
		mask |= IN_ISDIR;
	dentry_set_inode(dentry, inode);
	notify_event(dir->inode, mask, 0, dentry->name);
}

uint32_t apply_umask(const struct inode *dir, uint32_t mode)
{
	const struct fs_context *fs = current()->fs;

	return fs && likely(!dir->has_default_acl) ? mode & ~fs->umask : mode;
}

static int make_node(struct dentry *dir, struct dentry *dentry, uint32_t mode,
		     uint64_t rdev)
{
	struct inode *inode = NULL;
	int err;

	if (!dir->inode->ops->create)
		return -EPERM;
	err = dir->inode->ops->create(
		dir->inode, dentry->name, dentry->name_len,
		apply_umask(dir->inode, mode), rdev, &inode);
	if (!err)
		name_created(dir, dentry, inode);
	return err;
}

int create_regular(struct dentry *dir, struct dentry *dentry, uint32_t mode)
{
	return make_node(dir, dentry, S_IFREG | (mode & 07777), 0);
}

int vfs_mknod(struct fs_name at, uint32_t mode, uint64_t rdev)
{
	struct name name;
	int err;

	err = create_start(at, false, &name);
	if (err)
		return err;
	/* A device 0:0 is a whiteout, which hides a name and opens nothing. */
	if ((S_ISBLK(mode) || (S_ISCHR(mode) && rdev)) &&
	    !cred_capable(vfs_cred(), CAP_MKNOD))
		err = -EPERM;
	else
		err = make_node(name.dir.dentry, name.dentry, mode, rdev);
	name_unlock(&name);
	return err;
}

int vfs_mkdir(struct fs_name at, uint32_t mode)
{
	struct inode *dir, *inode = NULL;
	struct name name;
	int err;

	err = create_start(at, true, &name);
	if (err)
		return err;
	dir = name.dir.dentry->inode;
	mode = S_IFDIR | apply_umask(dir, mode & (0777 | S_ISVTX));
	if (dir->ops->mkdir)
		err = dir->ops->mkdir(dir, name.last.name, name.last.len, mode,
				      &inode);
	else
		err = -EPERM;
	if (!err)
		name_created(name.dir.dentry, name.dentry, inode);
	name_unlock(&name);
	return err;
}

int vfs_symlink(struct fs_name at, const char *target)
{
	struct inode *dir, *inode = NULL;
	struct name name;
	int err;

	if (!*target)
		return -ENOENT;
	err = create_start(at, false, &name);
	if (err)
		return err;
	dir = name.dir.dentry->inode;
	if (dir->ops->symlink)
		err = dir->ops->symlink(dir, name.last.name, name.last.len,
					target, &inode);
	else
		err = -EPERM;
	if (!err)
		name_created(name.dir.dentry, name.dentry, inode);
	name_unlock(&name);
	return err;
}

int vfs_make_socket(const char *path, uint32_t mode, struct path *out)
{
	struct fs_name at = { NULL, path };
	struct name name;
	int err;

	err = create_start(at, false, &name);
	if (err)
		return err == -EEXIST ? -EADDRINUSE : err;
	err = make_node(name.dir.dentry, name.dentry, S_IFSOCK | (mode & 0777),
			0);
	if (!err) {
		out->mount = name.dir.mount;
		out->dentry = name.dentry;
		path_get(out);
	}
	name_unlock(&name);
	return err;
}

/*
 * Who does not own a file may give it another name only if he could as well
 * have copied it: otherwise it could be kept from being removed, or a
 * set-user-id program from being replaced (fs.protected_hardlinks of proc(5)).
 */
static int may_link(struct inode *inode)
{
	const uint32_t group = S_ISGID | S_IXGRP;

	if (vfs_cred()->fsuid == inode->uid ||
	    cred_capable(vfs_cred(), CAP_FOWNER))
		return 0;
	if (!S_ISREG(inode->mode) || inode->mode & S_ISUID ||
	    (inode->mode & group) == group ||
	    inode_permission(inode, MAY_READ | MAY_WRITE))
		return -EPERM;
	return 0;
}

/* Another name for @inode; the directory is locked. */
static int link_inode(struct name *name, struct inode *inode)
{
	struct inode *dir = name->dir.dentry->inode;
	int err;

	err = may_link(inode);
	if (!err)
		err = may_create(dir);
	if (err)
		return err;
	if (inode->sb != dir->sb)
		return -EXDEV;
	if (S_ISDIR(inode->mode))
		return -EPERM;
	if (!dir->ops->link)
		return -EPERM;
	mutex_lock(&inode->lock);
	if (inode->nlink == 0 && !inode->linkable)
		err = -ENOENT;
	else
		err = dir->ops->link(dir, name->last.name, name->last.len,
				     inode);
	mutex_unlock(&inode->lock);
	if (err)
		return err;
	notify_event(inode, IN_ATTRIB, 0, NULL);
	name_created(name->dir.dentry, name->dentry, inode_get(inode));
	return 0;
}

int vfs_link(struct fs_name old_name, struct fs_name new_name,
	     unsigned int lookup_flags)
{
	struct name name;
	struct path old;
	int err;

	err = path_lookup(old_name.start, old_name.name, lookup_flags, &old,
			  NULL);
	if (err)
		return err;
	err = create_find(new_name, false, &name);
	if (err)
		goto put_old;
	/* Unnamed files of the kernel's own (O_TMPFILE has a mount). */
	if (old.mount != name.dir.mount)
		err = -EXDEV;
	else
		err = link_inode(&name, old.dentry->inode);
	name_unlock(&name);
put_old:
	path_put(&old);
	return err;
}

/* ---- Removing ---- */

static int remove_start(struct name *name) UNCHECKED_LOCKING
{
	int err;

	mutex_lock(&name->dir.dentry->inode->lock);
	err = path_may_write(&name->dir);
	if (!err)
		err = name_lookup(name);
	if (!err && !name->dentry->inode)
		err = -ENOENT;
	if (err)
		name_unlock(name);
	return err;
}

/* The last name is gone: an inode without names tells its watchers. */
static void name_removed(struct name *name, struct inode *inode, bool directory)
{
	uint32_t mask = IN_DELETE;

	if (directory)
		mask |= IN_ISDIR;
	notify_unlinked(inode, directory);
	notify_event(name->dir.dentry->inode, mask, 0, name->dentry->name);
	dentry_forget(name->dentry);
}

static int unlink_locked(struct name *name)
{
	struct inode *dir = name->dir.dentry->inode;
	struct inode *inode = name->dentry->inode;
	int err;

	if (name->last.slash)
		return S_ISDIR(inode->mode) ? -EISDIR : -ENOTDIR;
	err = may_delete(dir, name->dentry, false);
	if (err)
		return err;
	if (name->dentry->mount_point)
		return -EBUSY;
	if (!dir->ops->unlink)
		return -EPERM;
	mutex_lock(&inode->lock);
	err = dir->ops->unlink(dir, name->last.name, name->last.len, inode);
	mutex_unlock(&inode->lock);
	return err;
}

int vfs_unlink(struct fs_name at)
{
	struct inode *inode;
	struct name name;
	int err;

	err = name_find_parent(at, &name);
	if (err)
		return err;
	if (!is_plain_name(&name.last)) {
		path_put(&name.dir);
		return -EISDIR;
	}
	err = remove_start(&name);
	if (err)
		return err;
	/* Freeing the contents may take long: not with the directory locked. */
	inode = inode_get(name.dentry->inode);
	err = unlink_locked(&name);
	if (!err)
		name_removed(&name, inode, false);
	name_unlock(&name);
	inode_put(inode);
	return err;
}

static int rmdir_locked(struct name *name)
{
	struct inode *dir = name->dir.dentry->inode;
	struct inode *inode = name->dentry->inode;
	int err;

	err = may_delete(dir, name->dentry, true);
	if (err)
		return err;
	if (name->dentry->mount_point)
		return -EBUSY;
	if (!dir->ops->rmdir)
		return -EPERM;
	mutex_lock(&inode->lock);
	err = dir->ops->rmdir(dir, name->last.name, name->last.len, inode);
	mutex_unlock(&inode->lock);
	return err;
}

int vfs_rmdir(struct fs_name at)
{
	struct inode *inode;
	struct name name;
	int err;

	err = name_find_parent(at, &name);
	if (err)
		return err;
	if (!is_plain_name(&name.last)) {
		path_put(&name.dir);
		if (!name.last.len)
			return -EBUSY; /* "/" */
		return name.last.len == 1 ? -EINVAL : -ENOTEMPTY;
	}
	err = remove_start(&name);
	if (err)
		return err;
	inode = inode_get(name.dentry->inode);
	err = rmdir_locked(&name);
	if (!err) {
		dentry_prune(name.dentry); /* negative ones below */
		name_removed(&name, inode, true);
	}
	name_unlock(&name);
	inode_put(inode);
	return err;
}

/* ---- Moving ---- */

/* Both directories, ancestor first; with the rename_lock if they differ. */
static void lock_directories(const struct name *old,
			     const struct name *new) UNCHECKED_LOCKING
{
	struct dentry *a = old->dir.dentry, *b = new->dir.dentry;

	if (a == b) {
		mutex_lock(&a->inode->lock);
		return;
	}
	mutex_lock(&a->sb->rename_lock);
	if (dentry_is_below(b, a)) {
		mutex_lock(&a->inode->lock);
		mutex_lock(&b->inode->lock);
	} else if (dentry_is_below(a, b)) {
		mutex_lock(&b->inode->lock);
		mutex_lock(&a->inode->lock);
	} else {
		inode_lock_two(a->inode, b->inode);
	}
}

static void unlock_directories(const struct name *old,
			       const struct name *new) UNCHECKED_LOCKING
{
	struct dentry *a = old->dir.dentry, *b = new->dir.dentry;

	mutex_unlock(&a->inode->lock);
	if (a != b) {
		mutex_unlock(&b->inode->lock);
		mutex_unlock(&a->sb->rename_lock);
	}
}

/* Which names there are, and whether the tree would stay a tree. */
static int rename_check_names(const struct name *old, const struct name *new,
			      unsigned int flags)
{
	const struct inode *source = old->dentry->inode;
	const struct inode *target = new->dentry->inode;
	bool exchange = flags & RENAME_EXCHANGE;

	if (!source)
		return -ENOENT;
	if (target && flags & RENAME_NOREPLACE)
		return -EEXIST;
	if (!target && exchange)
		return -ENOENT;
	if (exchange && !S_ISDIR(target->mode) && new->last.slash)
		return -ENOTDIR;
	if (!S_ISDIR(source->mode) &&
	    (old->last.slash || (!exchange && new->last.slash)))
		return -ENOTDIR;
	if (dentry_is_below(new->dir.dentry, old->dentry))
		return -EINVAL; /* into itself */
	if (target && dentry_is_below(old->dir.dentry, new->dentry))
		return exchange ? -EINVAL : -ENOTEMPTY;
	return 0;
}

/* A directory that moves gets another "..": that is a write to it. */
static int may_change_parent(const struct name *from, const struct name *to)
{
	struct inode *inode = from->dentry->inode;

	if (!S_ISDIR(inode->mode) || from->dir.dentry == to->dir.dentry)
		return 0;
	return inode_permission(inode, MAY_WRITE);
}

static int rename_check_access(const struct name *old, const struct name *new,
			       unsigned int flags)
{
	struct inode *old_dir = old->dir.dentry->inode;
	struct inode *new_dir = new->dir.dentry->inode;
	const struct inode *source = old->dentry->inode;
	const struct inode *target = new->dentry->inode;
	bool exchange = flags & RENAME_EXCHANGE;
	int err;

	err = may_delete(old_dir, old->dentry, S_ISDIR(source->mode));
	if (err)
		return err;
	if (!target)
		err = may_create(new_dir);
	else
		err = may_delete(
			new_dir, new->dentry,
			S_ISDIR(exchange ? target->mode : source->mode));
	if (!err)
		err = may_change_parent(old, new);
	if (!err && exchange)
		err = may_change_parent(new, old);
	if (err)
		return err;
	if (old->dentry->mount_point || new->dentry->mount_point)
		return -EBUSY;
	return old_dir->ops->rename ? 0 : -EPERM;
}

/* Let the file system do it, with all inodes locked. */
static int rename_call(const struct name *old, const struct name *new,
		       unsigned int flags) UNCHECKED_LOCKING
{
	struct inode *source = old->dentry->inode;
	struct inode *target = new->dentry->inode;
	struct inode *old_dir = old->dir.dentry->inode;
	int err;

	inode_lock_two(source, target ? target : source);
	err = old_dir->ops->rename(old_dir, old->last.name, old->last.len,
				   source, new->dir.dentry->inode,
				   new->last.name, new->last.len, target,
				   flags);
	inode_unlock_two(source, target ? target : source);
	return err;
}

static void rename_notify(const struct name *old, const struct name *new,
			  const struct inode *source, struct inode *target,
			  bool exchange)
{
	uint32_t dir = S_ISDIR(source->mode) ? IN_ISDIR : 0;
	uint32_t cookie = notify_new_cookie();

	notify_event(old->dir.dentry->inode, IN_MOVED_FROM | dir, cookie,
		     new->dentry->name);
	notify_event(new->dir.dentry->inode, IN_MOVED_TO | dir, cookie,
		     old->dentry->name);
	notify_event(old->dentry->inode, IN_MOVE_SELF, 0, NULL);
	if (target && !exchange)
		notify_unlinked(target, S_ISDIR(target->mode));
}

static int rename_locked(struct name *old, struct name *new, unsigned int flags,
			 struct inode **replaced)
{
	bool exchange = flags & RENAME_EXCHANGE;
	struct inode *source, *target;
	int err;

	err = name_lookup(old);
	if (!err)
		err = name_lookup(new);
	if (!err)
		err = rename_check_names(old, new, flags);
	if (err)
		return err;
	source = old->dentry->inode;
	target = new->dentry->inode;
	if (source == target)
		return 0; /* two names of one file: nothing to do */
	err = rename_check_access(old, new, flags);
	if (!err)
		err = rename_call(old, new, flags);
	if (err)
		return err;
	if (target && !exchange) {
		*replaced = inode_get(target);
		if (S_ISDIR(target->mode))
			dentry_prune(new->dentry);
	}
	dentry_move(old->dentry, new->dentry, exchange);
	rename_notify(old, new, source, target, exchange);
	return 0;
}

int vfs_rename(struct fs_name old_name, struct fs_name new_name,
	       unsigned int flags)
{
	struct inode *replaced = NULL;
	struct name old, new;
	int err;

	err = name_find_parent(old_name, &old);
	if (err)
		return err;
	err = name_find_parent(new_name, &new);
	if (err)
		goto put_old;

	if (old.dir.mount != new.dir.mount)
		err = -EXDEV;
	else if (!is_plain_name(&old.last))
		err = -EBUSY;
	else if (!is_plain_name(&new.last))
		err = flags & RENAME_NOREPLACE ? -EEXIST : -EBUSY;
	if (!err)
		err = path_may_write(&old.dir);
	if (!err) {
		lock_directories(&old, &new);
		err = rename_locked(&old, &new, flags, &replaced);
		unlock_directories(&old, &new);
	}
	dentry_put(old.dentry);
	dentry_put(new.dentry);
	path_put(&new.dir);
	inode_put(replaced);
put_old:
	path_put(&old.dir);
	return err;
}
