/* SPDX-License-Identifier: MIT */
/*
 * fallocate.c - blocks in advance, and holes afterwards
 *
 * Blocks in advance are in the map as "unwritten": they read as zeros until
 * something is written to them.
 *
 * Locks: inode->lock; write_lock while the map changes.
 * Source: fallocate(2).
 */
#include "kernel/fs/ext4/internal.h"

#include "kernel/mm/page.h"
#include "kernel/vfs/attributes.h"
#include "kernel/vfs/file.h"

#define CREDITS_ALLOCATE (2 + CREDITS_MAP_SET + CREDITS_INODE + 1)

/* One run of at most @len blocks at @lblk, where there is a hole. */
static int allocate_run(struct inode *inode, uint32_t lblk, uint32_t len,
			uint32_t *done)
{
	struct ext4 *fs = ext4_fs_of(inode);
	struct handle handle;
	uint64_t block;
	int err;

	err = ext4_blocks_reserve(fs, ext4_goal(inode, lblk),
				  MIN(len, EXTENT_MAX_UNINIT), &block, done);
	if (err)
		return err;
	err = journal_start(fs, &handle, CREDITS_ALLOCATE);
	if (err) {
		ext4_blocks_unreserve(fs, block, *done);
		return err;
	}
	err = ext4_blocks_use(&handle, block, *done);
	if (err) {
		ext4_blocks_unreserve(fs, block, *done);
	} else {
		err = ext4_map_set(&handle, inode, lblk, *done, block, true);
		ext4_add_blocks(inode, *done);
		ext4_inode_dirty(&handle, inode);
	}
	journal_stop(&handle);
	return err;
}

static int allocate_blocks(struct inode *inode, uint32_t first, uint32_t last)
	MUST_HOLD(ext4_of(inode)->write_lock)
{
	unsigned int tries = 0;
	uint32_t at = first;

	while (at <= last) {
		struct ext4_map map;
		int err = ext4_map(inode, at, last - at + 1, &map);

		if (!err && !(map.flags & MAP_MAPPED))
			err = allocate_run(inode, at, map.len, &map.len);
		if (ext4_retry_space(ext4_fs_of(inode), err, &tries))
			continue;
		if (err)
			return err;
		at += map.len;
	}
	return 0;
}

/* The file is at least @size long now. */
static int grow_to(struct inode *inode, uint64_t size)
{
	struct ext4_inode *ei = ext4_of(inode);
	struct handle handle;
	int err;

	if (size <= inode_size(inode))
		return 0;
	err = page_cache_truncate(&inode->cache, size);
	if (!err)
		err = journal_start(ext4_fs_of(inode), &handle,
				    CREDITS_INODE + 1);
	if (err)
		return err;
	mutex_lock(&ei->map_lock);
	ei->disk_size = MAX(ei->disk_size, size);
	mutex_unlock(&ei->map_lock);
	err = ext4_inode_dirty(&handle, inode);
	journal_stop(&handle);
	return err;
}

static int allocate(struct inode *inode, uint64_t start, uint64_t end,
		    bool keep_size)
{
	struct ext4 *fs = ext4_fs_of(inode);
	struct ext4_inode *ei = ext4_of(inode);
	int err;

	if (!(ei->flags & INODE_EXTENTS))
		return -EOPNOTSUPP;
	/* What is promised gets its place first. */
	err = page_cache_sync(&inode->cache, start, end - 1);
	if (err)
		return err;
	mutex_lock(&ei->write_lock);
	err = allocate_blocks(inode, (uint32_t)(start >> fs->block_bits),
			      (uint32_t)((end - 1) >> fs->block_bits));
	mutex_unlock(&ei->write_lock);
	return err || keep_size ? err : grow_to(inode, end);
}

/* ---- Holes ---- */

/* Bytes [@start, @end), within one page. */
static int clear_bytes(struct inode *inode, uint64_t start, uint64_t end)
{
	size_t offset = start & (PAGE_SIZE - 1);
	struct page *page;
	int err;

	if (start >= end || start >= inode_size(inode))
		return 0;
	err = page_cache_get(&inode->cache, start >> PAGE_SHIFT, false, &page);
	if (err || !page)
		return err;
	memset((char *)page_address(page) + offset, 0, end - start);
	page_cache_mark_written(&inode->cache, page);
	page_put(page);
	return 0;
}

/* The ends of the range that are no whole pages. */
static int clear_edges(struct inode *inode, uint64_t start, uint64_t end)
{
	uint64_t first = ALIGN_UP(start, PAGE_SIZE);
	uint64_t last = ALIGN_DOWN(end, PAGE_SIZE);
	int err;

	if (first > last)
		return clear_bytes(inode, start, end);
	err = clear_bytes(inode, start, first);
	return err ? err : clear_bytes(inode, last, end);
}

static void drop_pages(struct inode *inode, uint64_t start, uint64_t end)
{
	uint64_t first = DIV_ROUND_UP(start, PAGE_SIZE);
	uint64_t last = end >> PAGE_SHIFT;

	if (first < last)
		page_cache_punch(&inode->cache, first, last - 1);
}

static int punch(struct inode *inode, uint64_t start, uint64_t end)
{
	const struct ext4 *fs = ext4_fs_of(inode);
	uint64_t first = DIV_ROUND_UP(start, (uint64_t)fs->block_size);
	uint64_t last = end >> fs->block_bits;
	int err;

	err = clear_edges(inode, start, end);
	if (err || first >= last)
		return err;
	drop_pages(inode, start, end);
	err = ext4_remove_range(inode, (uint32_t)first, (uint32_t)(last - 1));
	/* Somebody may have read old blocks meanwhile. */
	drop_pages(inode, start, end);
	return err;
}

/* ---- fallocate(2) ---- */

static int change(struct inode *inode, int mode, uint64_t start, uint64_t end)
{
	bool keep = mode & FALLOC_FL_KEEP_SIZE;
	int err = ext4_truncate_rest(inode);

	if (err)
		return err;
	if (mode & (FALLOC_FL_COLLAPSE_RANGE | FALLOC_FL_INSERT_RANGE))
		return ext4_shift_range(inode, start, end - start,
					mode & FALLOC_FL_INSERT_RANGE);
	if (mode & FALLOC_FL_PUNCH_HOLE) {
		/* Blocks behind the end may be there in advance. */
		return punch(inode, start, end);
	}
	if (!keep && end > inode_size(inode)) {
		err = file_check_size_limit(inode, end);
		if (err)
			return err;
	}
	if (mode & FALLOC_FL_ZERO_RANGE) {
		if (!(ext4_of(inode)->flags & INODE_EXTENTS))
			return -EOPNOTSUPP;
		err = punch(inode, start, end);
		if (err)
			return err;
	}
	return allocate(inode, start, end, keep);
}

int ext4_fallocate(struct file *file, int mode, loff_t offset, loff_t size)
{
	const int ranges = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE |
			   FALLOC_FL_COLLAPSE_RANGE | FALLOC_FL_INSERT_RANGE;
	int range = mode & ranges;
	struct inode *inode = file->inode;
	const struct ext4 *fs = ext4_fs_of(inode);
	uint64_t max = ((uint64_t)ext4_max_lblk(inode) + 1) << fs->block_bits;
	uint64_t end = (uint64_t)offset + (uint64_t)size;
	int err;

	/* One of them; what moves things cannot keep the size. */
	if (mode & ~(ranges | FALLOC_FL_KEEP_SIZE) || range & (range - 1))
		return -EOPNOTSUPP;
	if (mode & FALLOC_FL_KEEP_SIZE &&
	    range & (FALLOC_FL_COLLAPSE_RANGE | FALLOC_FL_INSERT_RANGE))
		return -EOPNOTSUPP;
	if (ext4_is_read_only(fs))
		return -EROFS;
	if (end > max)
		return -EFBIG;
	mutex_lock(&inode->lock);
	if (ext4_of(inode)->flags & (INODE_IMMUTABLE | INODE_APPEND))
		err = -EPERM;
	else
		err = change(inode, mode, (uint64_t)offset, end);
	if (!err)
		inode_drop_set_id(inode);
	if (!err) {
		inode_touch_mtime(inode);
		err = ext4_inode_dirty_now(inode);
	}
	mutex_unlock(&inode->lock);
	return err;
}
