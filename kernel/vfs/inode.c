/* SPDX-License-Identifier: MIT */
/*
 * inode.c - files themselves: their life, owners, times and permissions
 *
 * Idea: an inode lives while someone refers to it: dentries, open files, and
 * in memory-only file systems the directory entry itself. The last put hands
 * it to its file system, which knows whether the contents go as well.
 *
 * Memory of inodes with names is freed when all readers are done: a walk reads
 * mode, owner and operations of inodes on which it holds no reference.
 *
 * Locks: inode.lock for what can change; single words (mode, uid, times, size)
 * may be read without it.
 * Read: OSTEP ch. 39 (files and directories).
 */
#include "kernel/vfs/inode.h"

#include "kernel/debug/panic.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "kernel/time/clock.h"
#include "kernel/vfs/internal.h"
#include "kernel/vfs/notify.h"
#include "kernel/vfs/pipe.h"

static struct slab_cache *inode_slab;

/* st_dev of file systems that are on no device: major 0, minors from here. */
static uint64_t next_anonymous_dev = 1;

/* ---- Life ---- */

void inode_cache_init(void)
{
	inode_slab = slab_cache_create("inode", sizeof(struct inode), 0);
	assert(inode_slab);
}

static uint64_t next_ino(void)
{
	static uint64_t last = 1; /* 1 is left for roots */

	return __atomic_add_fetch(&last, 1, __ATOMIC_RELAXED);
}

/* Who owns a new inode: the creator; the group comes from a setgid @dir. */
static void inode_set_owner(struct inode *inode, const struct inode *dir)
{
	const struct cred *cred = vfs_cred();

	inode->uid = cred->fsuid;
	inode->gid = cred->fsgid;
	if (!dir || !(dir->mode & S_ISGID))
		return;
	inode->gid = dir->gid;
	if (S_ISDIR(inode->mode))
		inode->mode |= S_ISGID;
	else if ((inode->mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP) &&
		 !cred_in_group(cred, dir->gid) &&
		 !cred_capable(cred, CAP_FSETID))
		inode->mode &= ~(uint32_t)S_ISGID;
}

void inode_init_cache(struct inode *inode, const struct page_cache_ops *ops)
{
	page_cache_init(&inode->cache, ops, 0);
	inode->cache.group = inode->sb;
	inode->cache.group_errors = &inode->sb->errors;
}

struct inode *inode_create(struct super_block *sb, struct inode *dir,
			   uint32_t mode)
{
	struct inode *inode = slab_alloc_zero(inode_slab);
	uint64_t now = clock_realtime_ns();

	if (!inode)
		return NULL;
	refcount_init(&inode->refs, 1);
	mutex_init(&inode->lock, LOCK_INODE);
	inode->sb = sb;
	inode->ino = next_ino();
	inode->mode = mode;
	inode_set_owner(inode, dir);
	inode->nlink = 1;
	inode->atime = inode->mtime = inode->ctime = inode->btime = now;
	list_init(&inode->watches);
	list_init(&inode->dirty_node);
	if (S_ISFIFO(mode))
		inode->file_ops = &fifo_file_ops;
	inode_init_cache(inode, NULL);
	return inode;
}

static void free_memory(struct deferred *deferred)
{
	struct inode *inode = container_of(deferred, struct inode, deferred);

	kfree(inode->acl);
	slab_free(inode_slab, inode);
}

void inode_free(struct inode *inode)
{
	file_lock_destroy(inode);
	if (!list_empty(&inode->watches))
		notify_inode_gone(inode, IN_DELETE_SELF);
	page_cache_destroy(&inode->cache);
	/* A walk may look at mode and owner still (dentry.c). */
	if (inode->sb->nameless)
		slab_free(inode_slab, inode);
	else
		deferred_call(&inode->deferred, free_memory);
}

struct inode *inode_get(struct inode *inode)
{
	refcount_get(&inode->refs);
	return inode;
}

void inode_put(struct inode *inode)
{
	if (!inode)
		return;
	if (unlikely(inode->nlink == 0) && inode->sb->ops->write_inode)
		inode_drop_unwritten(inode);
	if (!refcount_put(&inode->refs))
		return;
	if (inode->sb->ops->destroy_inode)
		inode->sb->ops->destroy_inode(inode);
	else
		inode_free(inode);
}

void inode_lock_two(struct inode *a, struct inode *b) UNCHECKED_LOCKING
{
	if (a > b) {
		struct inode *swap = a;

		a = b;
		b = swap;
	}
	mutex_lock(&a->lock);
	if (a != b)
		mutex_lock(&b->lock);
}

void inode_unlock_two(struct inode *a, struct inode *b) UNCHECKED_LOCKING
{
	mutex_unlock(&a->lock);
	if (a != b)
		mutex_unlock(&b->lock);
}

/* ---- Super blocks ---- */

struct super_block *super_block_create(const struct file_system_type *type,
				       const struct super_ops *ops,
				       uint64_t magic)
{
	struct super_block *sb = kzalloc(sizeof(*sb));

	if (!sb)
		return NULL;
	refcount_init(&sb->refs, 1);
	hart_count_init(&sb->writers);
	mutex_init(&sb->rename_lock, LOCK_RENAME);
	list_init(&sb->dirty_inodes);
	list_init(&sb->dirty_node);
	sb->ops = ops;
	sb->type = type;
	sb->magic = magic;
	sb->max_file_size = FILE_SIZE_MAX;
	sb->dev = __atomic_fetch_add(&next_anonymous_dev, 1, __ATOMIC_RELAXED);
	return sb;
}

void super_block_put(struct super_block *sb)
{
	struct dentry *root;

	if (!refcount_put(&sb->refs))
		return;
	root = sb->root;
	if (root) {
		dentry_prune(root);
		sb->root = NULL;
		dentry_put(root);
	}
	if (sb->ops->destroy)
		sb->ops->destroy(sb);
	hart_count_destroy(&sb->writers);
	kfree(sb);
}

/* ---- Permissions ---- */

int inode_permission(struct inode *inode, unsigned int may)
{
	const struct cred *cred = vfs_cred();
	uint32_t mode;

	if (inode->ops && inode->ops->refresh)
		inode->ops->refresh(inode);
	mode = inode->mode;
	if (cred->fsuid == inode->uid)
		mode >>= 6;
	else if (unlikely(READ_ONCE(inode->acl)) && mode & S_IRWXG)
		mode = inode_acl_allows(inode, cred, may) ? 7 : 0;
	else if (cred_in_group(cred, inode->gid))
		mode >>= 3;
	if (!(may & ~mode & 7))
		return 0;

	/* The mode says no; capabilities(7) may say yes. */
	if (!(may & MAY_WRITE) && (S_ISDIR(inode->mode) || may == MAY_READ) &&
	    cred_capable(cred, CAP_DAC_READ_SEARCH))
		return 0;
	/* No one may run a file that nobody may run. */
	if ((S_ISDIR(inode->mode) || !(may & MAY_EXEC) ||
	     (inode->mode & 0111)) &&
	    cred_capable(cred, CAP_DAC_OVERRIDE))
		return 0;
	return -EACCES;
}

bool inode_sticky_allows(const struct inode *dir, const struct inode *victim)
{
	const struct cred *cred = vfs_cred();

	return !(dir->mode & S_ISVTX) || cred->fsuid == victim->uid ||
	       cred->fsuid == dir->uid || cred_capable(cred, CAP_FOWNER);
}

/* ---- Times and size ---- */

static void mark_touched(struct inode *inode, unsigned int how)
{
	if (unlikely(inode->sb->ops->write_inode ||
		     inode->sb->ops->dirty_inode))
		inode_mark_dirty(inode, how);
}

void inode_touch_mtime(struct inode *inode)
{
	uint64_t now = clock_realtime_ns();

	WRITE_ONCE(inode->mtime, now);
	WRITE_ONCE(inode->ctime, now);
	mark_touched(inode, INODE_DIRTY_TIMES);
}

void inode_touch_ctime(struct inode *inode)
{
	WRITE_ONCE(inode->ctime, clock_realtime_ns());
	mark_touched(inode, INODE_DIRTY_DATA);
}

/* Like mount(8) relatime, the default of Linux: often enough to tell "read
 * since written" and "not read for a day", seldom enough to cost nothing. */
void inode_touch_atime(struct inode *inode)
{
	uint64_t now;

	if (inode->sb->flags & (MS_RDONLY | MS_NOATIME))
		return;
	now = clock_realtime_ns();
	if (inode->atime <= inode->mtime || inode->atime <= inode->ctime ||
	    now - inode->atime >= 24ULL * 3600 * NSEC_PER_SEC) {
		WRITE_ONCE(inode->atime, now);
		mark_touched(inode, INODE_DIRTY_TIMES);
	}
}

uint64_t inode_size(const struct inode *inode)
{
	return READ_ONCE(inode->cache.size_bytes);
}
