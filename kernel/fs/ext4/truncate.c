/* SPDX-License-Identifier: MIT */
/*
 * truncate.c - a file gets another size, or loses what is in the middle
 *
 * Freeing many blocks does not fit into one transaction. So the inode is on
 * the list of orphans meanwhile (orphan.c), with its new size: a crash in
 * between is finished by the next mount. It stays there when the disk fails;
 * then it is tried again before the file gets longer.
 *
 * Locks: inode->lock (or nobody else knows the inode); write_lock, so that no
 * page on its way to the disk puts its blocks into the map afterwards.
 */
#include "kernel/fs/ext4/internal.h"

#include "kernel/mm/page.h"

/* Operations, one after the other, until [@first, @last] is free. */
static int remove_all(struct inode *inode, uint32_t first, uint32_t last)
{
	struct ext4 *fs = ext4_fs_of(inode);
	uint32_t next = first;
	struct handle handle;
	int err = 0;

	while (!err && next <= last) {
		err = journal_start(fs, &handle,
				    CREDITS_MAP_REMOVE + CREDITS_INODE + 1);
		if (err)
			break;
		err = ext4_map_remove(&handle, inode, next, last, &next);
		journal_stop(&handle);
		last = MIN(last, ext4_max_lblk(inode));
	}
	return err;
}

int ext4_truncate_blocks(struct inode *inode, uint32_t lblk)
{
	struct ext4_inode *ei = ext4_of(inode);
	int err;

	mutex_lock(&ei->write_lock);
	delayed_drop(ext4_fs_of(inode), &ei->delayed, lblk, UINT32_MAX);
	err = remove_all(inode, lblk, ext4_max_lblk(inode));
	mutex_unlock(&ei->write_lock);
	return err;
}

int ext4_remove_range(struct inode *inode, uint32_t first, uint32_t last)
{
	struct ext4_inode *ei = ext4_of(inode);
	int err;

	mutex_lock(&ei->write_lock);
	delayed_drop(ext4_fs_of(inode), &ei->delayed, first, last);
	err = remove_all(inode, first, last);
	mutex_unlock(&ei->write_lock);
	return err;
}

/* The size on the disk, and, when shrinking, the promise to free the rest. */
static int set_disk_size(struct inode *inode, uint64_t size, bool shrink)
{
	struct ext4 *fs = ext4_fs_of(inode);
	struct ext4_inode *ei = ext4_of(inode);
	struct handle handle;
	int err;

	err = journal_start(fs, &handle, CREDITS_INODE + 1 + CREDITS_ORPHAN);
	if (err)
		return err;
	if (shrink)
		err = ext4_orphan_add(&handle, inode);
	if (!err) {
		mutex_lock(&ei->map_lock);
		ei->disk_size = size;
		mutex_unlock(&ei->map_lock);
		inode_touch_mtime(inode);
		err = ext4_inode_dirty(&handle, inode);
	}
	journal_stop(&handle);
	return err;
}

/* @done: the inode owes nothing any more. */
static int leave_orphans(struct inode *inode, uint64_t size, bool done)
{
	struct ext4_inode *ei = ext4_of(inode);
	struct handle handle;
	int err;

	err = journal_start(ext4_fs_of(inode), &handle,
			    CREDITS_INODE + CREDITS_ORPHAN);
	if (err)
		return err;
	/* A page on its way may have set it to what it was. */
	mutex_lock(&ei->map_lock);
	ei->disk_size = MIN(ei->disk_size, size);
	mutex_unlock(&ei->map_lock);
	if (done)
		err = ext4_orphan_remove(&handle, inode);
	if (!err)
		err = ext4_inode_dirty(&handle, inode);
	journal_stop(&handle);
	return err;
}

/* The rest of the last block will be cleared: it has to be in memory. */
static int read_last_page(struct inode *inode, uint64_t size)
{
	struct page *page;
	int err;

	if (!(size & (PAGE_SIZE - 1)))
		return 0;
	err = page_cache_get(&inode->cache, size >> PAGE_SHIFT, false, &page);
	if (!err && page)
		page_put(page);
	return err;
}

static int shrink(struct inode *inode, uint64_t size)
{
	const struct ext4 *fs = ext4_fs_of(inode);
	uint64_t first = DIV_ROUND_UP(size, (uint64_t)fs->block_size);
	int err, last;
	bool later;

	err = read_last_page(inode, size);
	if (!err)
		err = set_disk_size(inode, MIN(size, ext4_of(inode)->disk_size),
				    true);
	if (err)
		return err;
	err = page_cache_truncate(&inode->cache, size);
	if (!err && first <= UINT32_MAX)
		err = ext4_truncate_blocks(inode, (uint32_t)first);
	later = ext4_orphan_try_later(inode, err);
	if (later)
		ext4_orphan_keep(inode);
	last = leave_orphans(inode, size, !later);
	return err ? err : last;
}

int ext4_truncate_rest(struct inode *inode)
{
	if (likely(list_empty(&ext4_of(inode)->kept_node)))
		return 0;
	return shrink(inode, inode_size(inode));
}

static int extend(struct inode *inode, uint64_t size)
{
	const struct ext4 *fs = ext4_fs_of(inode);
	uint64_t max = ((uint64_t)ext4_max_lblk(inode) + 1) << fs->block_bits;
	int err;

	if (size > max)
		return -EFBIG;
	err = ext4_truncate_rest(inode);
	if (!err)
		err = page_cache_truncate(&inode->cache, size);
	return err ? err : set_disk_size(inode, size, false);
}

int ext4_truncate(struct inode *inode, uint64_t size)
{
	if (ext4_is_read_only(ext4_fs_of(inode)))
		return -EROFS;
	if (ext4_of(inode)->flags & (INODE_IMMUTABLE | INODE_APPEND))
		return -EPERM;
	if (size > inode_size(inode))
		return extend(inode, size);
	return shrink(inode, size);
}
