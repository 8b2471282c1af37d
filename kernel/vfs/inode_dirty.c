/* SPDX-License-Identifier: MIT */
/*
 * inode_dirty.c - attributes that are newer than the disk
 *
 * Idea: like dirty pages: changing an attribute only puts the inode on its super
 * block's list, and the thread of write-back, or sync, has the file system
 * write it. The list holds its inodes, so an inode that is destroyed has nothing
 * left to be written.
 *
 * Invariants
 *   N1  An inode is on its super block's list exactly while the list has a
 *	 reference to it; a super block with a list that is not empty is on
 *	 `supers`, which holds it.
 *
 * Locks: round_lock over a round of writing; supers_lock for `supers` and all the lists.
 */
#include "kernel/vfs/internal.h"

#include "kernel/debug/log.h"
#include "kernel/sched/sched.h"

/* Over a round of writing, so that who waits for one finds it done. */
static struct mutex round_lock = MUTEX_INIT(round_lock, LOCK_WRITEBACK);
static struct spinlock supers_lock = SPINLOCK_INIT(LOCK_SPIN_MISC);
static struct list_head supers = LIST_HEAD_INIT(supers); /* supers_lock */

/* ---- The lists -------------------------------------------------------------------- */

static void list_inode(struct inode *inode)
{
	struct super_block *sb = inode->sb;

	spin_lock(&supers_lock);
	if (list_empty(&inode->dirty_node)) {
		inode_get(inode);
		if (list_empty(&sb->dirty_inodes)) {
			refcount_get(&sb->refs);
			list_push_back(&supers, &sb->dirty_node);
		}
		list_push_back(&sb->dirty_inodes, &inode->dirty_node);
	}
	spin_unlock(&supers_lock);
}

/*
 * The first inode of @sb's list, off it; its reference is the caller's.
 * *@last: @sb is off `supers`, and that reference is the caller's too.
 */
static struct inode *take_inode(struct super_block *sb, bool *last)
{
	struct inode *inode = NULL;

	*last = false;
	spin_lock(&supers_lock);
	if (!list_empty(&sb->dirty_inodes)) {
		inode = list_first(&sb->dirty_inodes, struct inode, dirty_node);
		list_remove(&inode->dirty_node);
		*last = list_empty(&sb->dirty_inodes);
		if (*last)
			list_remove(&sb->dirty_node);
	}
	spin_unlock(&supers_lock);
	return inode;
}

void inode_mark_dirty(struct inode *inode, unsigned int how)
{
	const struct super_ops *ops = inode->sb->ops;

	if (ops->dirty_inode)
		ops->dirty_inode(inode, how);
	if (!ops->write_inode ||
	    (__atomic_load_n(&inode->dirty, __ATOMIC_RELAXED) & how) == how)
		return;
	__atomic_fetch_or(&inode->dirty, how, __ATOMIC_RELEASE);
	list_inode(inode);
	writeback_run_hooks_later();
}

void inode_forget_dirty(struct inode *inode)
{
	struct super_block *sb = inode->sb;
	bool was_listed, last = false;

	spin_lock(&supers_lock);
	was_listed = !list_empty(&inode->dirty_node);
	if (was_listed) {
		list_remove(&inode->dirty_node);
		last = list_empty(&sb->dirty_inodes);
		if (last)
			list_remove(&sb->dirty_node);
	}
	spin_unlock(&supers_lock);
	if (was_listed)
		inode_put(inode);
	if (last)
		super_block_put(sb);
}

/* ---- Writing ------------------------------------------------------------------------ */

int inode_write(struct inode *inode, bool data_only)
{
	const struct super_ops *ops = inode->sb->ops;
	unsigned int dirty = __atomic_load_n(&inode->dirty, __ATOMIC_ACQUIRE);
	int err;

	if (!ops->write_inode || !dirty ||
	    (data_only && !(dirty & INODE_DIRTY_DATA)))
		return 0;
	dirty = __atomic_exchange_n(&inode->dirty, 0, __ATOMIC_ACQ_REL);
	err = ops->write_inode(inode);
	if (err)
		error_sequence_set(&inode->cache.errors, err);
	return err;
}

int super_block_write_inodes(struct super_block *sb, bool wait)
{
	int result = writeback_sync_group(sb, wait);
	struct inode *inode;
	bool last;

	mutex_lock(&round_lock);
	while ((inode = take_inode(sb, &last))) {
		int err = inode_write(inode, false);

		if (err && !result)
			result = err;
		inode_put(inode);
		if (last)
			super_block_put(sb);
	}
	mutex_unlock(&round_lock);
	return result;
}

int super_block_sync(struct super_block *sb)
{
	int result, err = 0;

	if (!sb->ops->sync && !sb->ops->write_inode)
		return 0;
	result = super_block_write_inodes(sb, true);
	if (sb->ops->sync)
		err = sb->ops->sync(sb);
	return result ? result : err;
}

/* ---- Now and then ------------------------------------------------------------------- */

/* With a reference; goes to the end, so that each gets its turn. */
static struct super_block *first_super(void)
{
	struct super_block *sb = NULL;

	spin_lock(&supers_lock);
	if (!list_empty(&supers)) {
		sb = list_first(&supers, struct super_block, dirty_node);
		refcount_get(&sb->refs);
	}
	spin_unlock(&supers_lock);
	return sb;
}

/* The thread of write-back: attributes, not pages, of all that are dirty. */
static void write_dirty_inodes(struct writeback_hook *hook)
{
	struct super_block *sb;
	struct inode *inode;
	bool last;

	mutex_lock(&round_lock);
	while ((sb = first_super())) {
		while ((inode = take_inode(sb, &last))) {
			inode_write(inode, false);
			inode_put(inode);
			if (last)
				super_block_put(sb);
		}
		super_block_put(sb);
	}
	mutex_unlock(&round_lock);
}

void inode_dirty_init(void)
{
	static struct writeback_hook hook = { .run = write_dirty_inodes };

	writeback_add_hook(&hook);
}

/* ---- Pages -------------------------------------------------------------------------- */

static struct inode *inode_of(struct page_cache *cache)
{
	return container_of(cache, struct inode, cache);
}

void inode_cache_hold(struct page_cache *cache)
{
	inode_get(inode_of(cache));
}

void inode_cache_release(struct page_cache *cache)
{
	inode_put(inode_of(cache));
}

/*
 * A reference to @inode, which has no name any more, is about to be put; if
 * only write-back has others, it need not write what nobody can read.
 */
void inode_drop_unwritten(struct inode *inode)
{
	unsigned int lists = 0;

	lists += !list_empty(&inode->cache.dirty_node);
	lists += !list_empty(&inode->dirty_node);
	if (!lists || refcount_read(&inode->refs) != lists + 1)
		return;
	if (page_cache_cancel_writeback(&inode->cache))
		inode_put(inode);
	inode_forget_dirty(inode);
}
