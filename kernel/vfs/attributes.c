/* SPDX-License-Identifier: MIT */
/*
 * attributes.c - changing what stat(2) shows
 *
 * Idea: each change is "may I?", then under the inode's lock: set, let the
 * file system store it or refuse (then it is set back), touch ctime.
 * Source: chmod(2), chown(2), utimensat(2), truncate(2), xattr(7).
 */
#include "kernel/vfs/attributes.h"

#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "kernel/time/clock.h"
#include "kernel/vfs/internal.h"
#include "kernel/vfs/notify.h"

#define UNCHANGED UINT32_MAX

static bool is_owner(const struct inode *inode)
{
	return vfs_cred()->fsuid == inode->uid ||
	       cred_capable(vfs_cred(), CAP_FOWNER);
}

/* ---- Mode and owner ---- */

/* What is set together, and set back together. */
struct owner_mode {
	uint32_t mode, uid, gid;
};

static void owner_mode_apply(struct inode *inode, const struct owner_mode *new)
{
	WRITE_ONCE(inode->mode, new->mode);
	WRITE_ONCE(inode->uid, new->uid);
	WRITE_ONCE(inode->gid, new->gid);
}

/* Inode locked. */
static int owner_mode_set(struct inode *inode, const struct owner_mode *new)
{
	struct owner_mode old = { inode->mode, inode->uid, inode->gid };
	int err = 0;

	owner_mode_apply(inode, new);
	if (inode->ops && inode->ops->set_attributes)
		err = inode->ops->set_attributes(inode);
	if (err) {
		owner_mode_apply(inode, &old);
		return err;
	}
	inode_touch_ctime(inode);
	return 0;
}

int vfs_chmod(const struct path *path, uint32_t mode)
{
	struct inode *inode = path->dentry->inode;
	struct owner_mode new;
	int err;

	err = path_may_write(path);
	if (err)
		return err;
	if (S_ISLNK(inode->mode))
		return -EOPNOTSUPP;
	mutex_lock(&inode->lock);
	new = (struct owner_mode){ inode->mode, inode->uid, inode->gid };
	new.mode = (inode->mode & S_IFMT) | (mode & 07777);
	if (!cred_in_group(vfs_cred(), inode->gid) &&
	    !cred_capable(vfs_cred(), CAP_FSETID))
		new.mode &= ~(uint32_t)S_ISGID;
	err = is_owner(inode) ? owner_mode_set(inode, &new) : -EPERM;
	mutex_unlock(&inode->lock);
	if (!err)
		notify_dentry(path->dentry, IN_ATTRIB);
	return err;
}

/* Giving a file away needs a capability; another of one's groups does not. */
static bool may_chown(const struct inode *inode, uint32_t uid, uint32_t gid)
{
	const struct cred *cred = vfs_cred();
	bool owner = cred->fsuid == inode->uid;

	if (cred_capable(cred, CAP_CHOWN))
		return true;
	if (uid != UNCHANGED && (!owner || uid != inode->uid))
		return false;
	return gid == UNCHANGED ||
	       (owner && (gid == inode->gid || cred_in_group(cred, gid)));
}

/* Without x for the group, S_ISGID once meant mandatory locks: it goes only if
 * the group is not the caller's. */
uint32_t inode_mode_without_set_id(const struct inode *inode)
{
	uint32_t mode = inode->mode & ~(uint32_t)S_ISUID;

	if (mode & S_ISGID &&
	    (mode & S_IXGRP || (!cred_in_group(vfs_cred(), inode->gid) &&
				!cred_capable(vfs_cred(), CAP_FSETID))))
		mode &= ~(uint32_t)S_ISGID;
	return mode;
}

void inode_drop_set_id(struct inode *inode)
{
	if (unlikely(inode->mode & (S_ISUID | S_ISGID)) &&
	    !S_ISDIR(inode->mode) && !cred_capable(vfs_cred(), CAP_FSETID))
		inode->mode = inode_mode_without_set_id(inode);
}

int vfs_chown(const struct path *path, uint32_t uid, uint32_t gid)
{
	struct inode *inode = path->dentry->inode;
	struct owner_mode new;
	int err;

	err = path_may_write(path);
	if (err)
		return err;
	mutex_lock(&inode->lock);
	new.uid = uid == UNCHANGED ? inode->uid : uid;
	new.gid = gid == UNCHANGED ? inode->gid : gid;
	/* A file that changes hands loses its set-id bits: chown(2). */
	new.mode = S_ISDIR(inode->mode) ? inode->mode
					: inode_mode_without_set_id(inode);
	err = may_chown(inode, uid, gid) ? owner_mode_set(inode, &new) : -EPERM;
	mutex_unlock(&inode->lock);
	if (!err)
		notify_dentry(path->dentry, IN_ATTRIB);
	return err;
}

/* ---- Times ---- */

/* "Now" for both needs only write permission; all else is the owner's. */
static int may_set_times(struct inode *inode, bool both_now)
{
	if (is_owner(inode))
		return 0;
	return both_now ? inode_permission(inode, MAY_WRITE) : -EPERM;
}

uint64_t inode_time_from(int64_t seconds, uint32_t nsec)
{
	seconds = MAX(seconds, (int64_t)INT32_MIN);
	seconds = MIN(seconds, (int64_t)INODE_TIME_MAX_S);
	return (uint64_t)seconds * NSEC_PER_SEC + nsec;
}

int vfs_set_times(const struct path *path, const struct time_change *atime,
		  const struct time_change *mtime, bool both_now)
{
	struct inode *inode = path->dentry->inode;
	uint64_t now = clock_realtime_ns();
	uint64_t old_atime, old_mtime;
	int err;

	if (!atime->set && !mtime->set)
		return 0;
	err = path_may_write(path);
	if (err)
		return err;
	mutex_lock(&inode->lock);
	err = may_set_times(inode, both_now);
	if (err)
		goto unlock;
	old_atime = inode->atime;
	old_mtime = inode->mtime;
	if (atime->set)
		inode->atime = atime->now ? now : atime->time_ns;
	if (mtime->set)
		inode->mtime = mtime->now ? now : mtime->time_ns;
	if (inode->ops && inode->ops->set_attributes)
		err = inode->ops->set_attributes(inode);
	if (err) {
		inode->atime = old_atime;
		inode->mtime = old_mtime;
	} else {
		inode->ctime = now;
	}
unlock:
	mutex_unlock(&inode->lock);
	if (!err)
		notify_dentry(path->dentry, IN_ATTRIB);
	return err;
}

/* ---- Size ---- */

int inode_truncate(struct inode *inode, uint64_t size)
{
	int err;

	err = size > inode_size(inode) ? file_check_size_limit(inode, size) : 0;
	if (err)
		return err;
	mutex_lock(&inode->lock);
	inode_drop_set_id(inode);
	if (inode->ops && inode->ops->truncate)
		err = inode->ops->truncate(inode, size);
	else
		err = page_cache_truncate(&inode->cache, size);
	if (!err)
		inode_touch_mtime(inode);
	mutex_unlock(&inode->lock);
	return err;
}

int vfs_truncate(const struct path *path, uint64_t size)
{
	struct inode *inode = path->dentry->inode;
	int err;

	if (S_ISDIR(inode->mode))
		return -EISDIR;
	if (!S_ISREG(inode->mode))
		return -EINVAL;
	err = path_may_write(path);
	if (!err)
		err = inode_permission(inode, MAY_WRITE);
	if (!err && __atomic_load_n(&inode->exec_count, __ATOMIC_ACQUIRE))
		err = -ETXTBSY;
	if (!err)
		err = inode_truncate(inode, size);
	if (!err)
		notify_dentry(path->dentry, IN_MODIFY);
	return err;
}

uint64_t inode_blocks_512(const struct inode *inode)
{
	if (inode->cache.flags & PAGE_CACHE_MEMORY)
		return READ_ONCE(inode->cache.num_pages) * (PAGE_SIZE / 512);
	if (inode->ops && inode->ops->promised_512)
		return inode->blocks_512 + inode->ops->promised_512(inode);
	return inode->blocks_512;
}

int vfs_statfs(const struct path *path, struct statfs_info *info)
{
	struct super_block *sb = path->dentry->sb;

	*info = (struct statfs_info){ .block_size = PAGE_SIZE,
				      .max_name = NAME_MAX };
	return sb->ops->statfs ? sb->ops->statfs(sb, info) : 0;
}

/* ---- Extended attributes ---- */

/* Which names whom may be used by: xattr(7). @err_hidden: for reading, what
 * may not be seen is not there. */
static int check_xattr_name(struct inode *inode, const char *name, bool write)
{
	static const char *const prefixes[] = { "user.", "trusted.",
						"security." };

	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
		if (!strcmp(name, prefixes[i]))
			return -EINVAL; /* nothing behind it */
	if (starts_with(name, "trusted.") &&
	    !cred_capable(vfs_cred(), CAP_SYS_ADMIN))
		return write ? -EPERM : -ENODATA;
	if (starts_with(name, "user.")) {
		if (!S_ISREG(inode->mode) && !S_ISDIR(inode->mode))
			return write ? -EPERM : -ENODATA;
		if (write && S_ISDIR(inode->mode) && inode->mode & S_ISVTX &&
		    !is_owner(inode))
			return -EPERM;
		return inode_permission(inode, write ? MAY_WRITE : MAY_READ);
	}
	if (write && starts_with(name, ACL_NAME_PREFIX)) {
		if (S_ISLNK(inode->mode))
			return -EOPNOTSUPP;
		return is_owner(inode) ? 0 : -EPERM;
	}
	if (write && starts_with(name, "security.") &&
	    !cred_capable(vfs_cred(), CAP_SYS_ADMIN))
		return -EPERM;
	return 0;
}

ssize_t vfs_get_xattr(const struct path *path, const char *name, void *value,
		      size_t size)
{
	struct inode *inode = path->dentry->inode;
	ssize_t done;

	done = check_xattr_name(inode, name, false);
	if (done)
		return done;
	if (!inode->ops || !inode->ops->get_xattr)
		return -EOPNOTSUPP;
	mutex_lock(&inode->lock);
	done = inode->ops->get_xattr(inode, name, value, size);
	mutex_unlock(&inode->lock);
	return done;
}

static int change_xattr(const struct path *path, const char *name,
			const void *value, size_t size, int flags)
{
	struct inode *inode = path->dentry->inode;
	int err;

	err = path_may_write(path);
	if (!err)
		err = check_xattr_name(inode, name, true);
	if (err)
		return err;
	if (!inode->ops || !inode->ops->set_xattr)
		return -EOPNOTSUPP;
	mutex_lock(&inode->lock);
	err = inode->ops->set_xattr(inode, name, value, size, flags);
	if (!err)
		inode_touch_ctime(inode);
	mutex_unlock(&inode->lock);
	if (!err)
		notify_dentry(path->dentry, IN_ATTRIB);
	return err;
}

int vfs_set_xattr(const struct path *path, const char *name, const void *value,
		  size_t size, int flags)
{
	return change_xattr(path, name, value, size, flags);
}

int vfs_remove_xattr(const struct path *path, const char *name)
{
	return change_xattr(path, name, NULL, 0, 0);
}

/* Take the names out of @list that may not be seen; its length. */
static ssize_t drop_trusted(char *list, size_t size)
{
	size_t kept = 0;

	for (size_t at = 0; at < size;) {
		size_t len = strlen(list + at) + 1;

		if (!starts_with(list + at, "trusted.")) {
			memmove(list + kept, list + at, len);
			kept += len;
		}
		at += len;
	}
	return (ssize_t)kept;
}

/* The list that is in @list already, or, of size 0, is only to be measured,
 * without what may not be seen. */
static ssize_t hide_trusted(struct inode *inode, char *list, size_t size)
{
	char *whole = NULL;
	ssize_t done;

	if (list)
		return drop_trusted(list, size);
	whole = kmalloc(XATTR_LIST_MAX);
	if (!whole)
		return -ENOMEM;
	mutex_lock(&inode->lock);
	done = inode->ops->list_xattr(inode, whole, XATTR_LIST_MAX);
	mutex_unlock(&inode->lock);
	if (done > 0)
		done = drop_trusted(whole, (size_t)done);
	kfree(whole);
	return done;
}

ssize_t vfs_list_xattr(const struct path *path, char *list, size_t size)
{
	struct inode *inode = path->dentry->inode;
	ssize_t done;

	if (!inode->ops || !inode->ops->list_xattr)
		return 0;
	mutex_lock(&inode->lock);
	done = inode->ops->list_xattr(inode, list, size);
	mutex_unlock(&inode->lock);
	if (done > 0 && !cred_capable(vfs_cred(), CAP_SYS_ADMIN))
		done = hide_trusted(inode, size ? list : NULL, (size_t)done);
	return done;
}
