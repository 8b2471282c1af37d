/* SPDX-License-Identifier: MIT */
/*
 * seek.c - where data and where holes are: lseek(2) with SEEK_DATA, SEEK_HOLE
 *
 * A block is data when it is in the map as written, when it is promised, or,
 * if only allocated in advance, when its page is in the cache (perhaps newer
 * than the disk).
 *
 * Locks: inode->lock, so that no call changes the file meanwhile.
 */
#include "kernel/fs/ext4/internal.h"

#include "kernel/mm/page.h"
#include "kernel/vfs/file.h"

/* Is block @at data? *@len: as many from there on are the same; at most @max. */
static int look_at(struct inode *inode, uint32_t at, uint32_t max, bool *data,
		   uint32_t *len)
{
	unsigned int per =
		(unsigned int)PAGE_SIZE >> ext4_fs_of(inode)->block_bits;
	struct ext4_map map;
	struct page *page;
	int err;

	err = ext4_map(inode, at, max, &map);
	if (err)
		return err;
	*len = map.len;
	*data = true;
	if (!(map.flags & MAP_MAPPED)) {
		*data = delayed_find(&ext4_of(inode)->delayed, at, map.len,
				     len);
	} else if (map.flags & MAP_UNWRITTEN) {
		page = page_cache_lookup(&inode->cache, at / per);
		*data = page != NULL;
		if (page)
			page_put(page);
		*len = MIN(map.len, per - at % per);
	}
	return 0;
}

/* The first block of the wanted kind at or behind @at; @end if there is none. */
static int find_kind(struct inode *inode, uint32_t *at, uint32_t end,
		     bool want_data)
{
	uint32_t len;
	bool data;

	for (; *at < end; *at += len) {
		int err = look_at(inode, *at, end - *at, &data, &len);

		if (err)
			return err;
		if (data == want_data)
			break;
	}
	return 0;
}

static loff_t find_in_file(struct inode *inode, uint64_t offset, bool data)
{
	unsigned int bits = ext4_fs_of(inode)->block_bits;
	uint64_t size = inode_size(inode);
	uint32_t at = (uint32_t)(offset >> bits);
	uint32_t end = (uint32_t)((size + (1u << bits) - 1) >> bits);
	int err;

	if (offset >= size)
		return -ENXIO;
	err = find_kind(inode, &at, end, data);
	if (err)
		return err;
	if (at >= end)
		return data ? -ENXIO : (loff_t)size;
	return (loff_t)MIN(MAX((uint64_t)at << bits, offset), size);
}

loff_t ext4_seek(struct file *file, loff_t offset, int whence)
{
	struct inode *inode = file->inode;
	const struct ext4 *fs = ext4_fs_of(inode);
	uint64_t max = ((uint64_t)ext4_max_lblk(inode) + 1) << fs->block_bits;
	loff_t old = file->pos, found;

	if (whence == SEEK_DATA || whence == SEEK_HOLE) {
		if (offset < 0)
			return -ENXIO;
		mutex_lock(&inode->lock);
		found = find_in_file(inode, (uint64_t)offset,
				     whence == SEEK_DATA);
		mutex_unlock(&inode->lock);
		if (found >= 0)
			file->pos = found;
		return found;
	}
	found = generic_file_seek(file, offset, whence);
	if (found > 0 && (uint64_t)found > max) {
		file->pos = old;
		return -EINVAL;
	}
	return found;
}
