/* SPDX-License-Identifier: MIT */
/*
 * shift.c - what is behind a place in a file moves, without copying
 *
 * fallocate(2) takes a range out of the middle of a file ("collapse"), or opens
 * one up ("insert"). The blocks stay where they are on the disk; the extents
 * behind the range get other numbers (extents.c), a leaf at a time, beginning at
 * the end to which they move, so that no two ever overlap.
 *
 * Crashes: as many steps as fit are one operation, so a file with few extents
 * is there as it was, or as it will be. One with many may be found half moved;
 * its tree is whole nevertheless, no block is lost, and no extent with contents
 * is behind the end: the size grows before the first step and shrinks with the
 * last.
 *
 * That operation is committed before anything else may be written: new bytes for
 * a block in its new place must not be seen at its old one.
 *
 * The cache knows pages by their number: those behind the place are written and
 * forgotten before. Who reads meanwhile may bring some back, so they are
 * forgotten again before write-back, which needs write_lock, may take any. A
 * store through a mapping waits meanwhile, and finds the page that is there then.
 *
 * Locks: inode->lock; write_lock; then operations; map_lock for a step.
 * Source: fallocate(2), "Collapsing file space", "Increasing file space".
 */
#include "kernel/fs/ext4/internal.h"

#include "kernel/mm/page.h"

struct shift {
	struct inode *inode;
	struct handle handle;
	uint32_t first, count; /* blocks that go, or come */
	uint64_t new_size;     /* of the file, in bytes */
};

/* Credits for a step that has a smaller need: the inode's too. */
#define CREDITS_MOVE (CREDITS_EXTENT_MOVE + CREDITS_INODE + 1)

/* The operation has room for @credits more, or another one is begun. */
static int make_room(struct shift *shift, unsigned int credits)
{
	struct handle *handle = &shift->handle;

	if (journal_extend(handle, credits))
		return 0;
	journal_stop(handle);
	return journal_start(ext4_fs_of(shift->inode), handle, credits);
}

/* The map will be changed. */
static void lock_map(struct shift *shift) UNCHECKED_LOCKING
{
	struct ext4_inode *ei = ext4_of(shift->inode);

	mutex_lock(&ei->map_lock);
	ei->cached.len = 0;
}

/* Its other end: returns @err, or makes the inode dirty. */
static int unlock_map(struct shift *shift, int err) UNCHECKED_LOCKING
{
	mutex_unlock(&ext4_of(shift->inode)->map_lock);
	return err ? err : ext4_inode_dirty(&shift->handle, shift->inode);
}

/* With the last step, or before the first. */
static int set_size(struct shift *shift)
{
	lock_map(shift);
	ext4_of(shift->inode)->disk_size = shift->new_size;
	return unlock_map(shift, 0);
}

static int collapse(struct shift *shift)
{
	struct inode *inode = shift->inode;
	uint32_t next = shift->first, last = next + shift->count - 1;
	int err = 0;

	while (!err && next <= last) {
		err = make_room(shift, CREDITS_MAP_REMOVE + CREDITS_INODE + 1);
		if (!err)
			err = ext4_map_remove(&shift->handle, inode, next, last,
					      &next);
	}
	while (!err && next != UINT32_MAX) {
		err = make_room(shift, CREDITS_MOVE);
		if (err)
			break;
		lock_map(shift);
		err = ext4_extent_move_left(&shift->handle, inode, shift->count,
					    &next);
		err = unlock_map(shift, err);
	}
	if (!err)
		err = make_room(shift, CREDITS_MOVE);
	if (err)
		return err;
	lock_map(shift);
	err = ext4_extent_join(&shift->handle, inode, shift->first);
	err = unlock_map(shift, err);
	return err ? err : set_size(shift);
}

static int insert(struct shift *shift)
{
	struct inode *inode = shift->inode;
	uint32_t end = UINT32_MAX;
	int err;

	err = make_room(shift, CREDITS_MAP_SET + CREDITS_INODE + 1);
	if (err)
		return err;
	lock_map(shift);
	err = ext4_extent_split(&shift->handle, inode, shift->first);
	err = unlock_map(shift, err);
	if (!err)
		err = set_size(shift);
	while (!err && end > shift->first) {
		err = make_room(shift, CREDITS_MOVE);
		if (err)
			break;
		lock_map(shift);
		err = ext4_extent_move_right(&shift->handle, inode,
					     shift->first, shift->count, &end);
		err = unlock_map(shift, err);
	}
	return err;
}

/* Would the last block still have a number? (Blocks in advance count.) */
static int check_end(struct shift *shift)
{
	struct ext4_inode *ei = ext4_of(shift->inode);
	uint64_t end;
	int err;

	mutex_lock(&ei->map_lock);
	err = ext4_extent_end(shift->inode, &end);
	mutex_unlock(&ei->map_lock);
	if (!err && end + shift->count > ext4_max_lblk(shift->inode))
		err = -EINVAL;
	return err;
}

static int move(struct shift *shift, bool is_insert)
	MUST_HOLD(ext4_of(shift->inode)->write_lock)
{
	struct ext4 *fs = ext4_fs_of(shift->inode);
	unsigned int tries = 0;
	int err, committed;

	err = is_insert ? check_end(shift) : 0;
	if (err)
		return err;
	do {
		err = journal_start(fs, &shift->handle, CREDITS_MOVE);
		if (err)
			return err;
		err = is_insert ? insert(shift) : collapse(shift);
		if (journal_is_inside())
			journal_stop(&shift->handle);
		/* Only the first step of an insertion wants room. */
	} while (ext4_retry_space(fs, err, &tries));
	committed = fs->journal ? journal_commit_all(fs->journal) : 0;
	return err ? err : committed;
}

static void forget_pages(struct inode *inode, uint64_t start)
	MUST_HOLD(ext4_of(inode)->write_lock)
{
	struct ext4 *fs = ext4_fs_of(inode);
	struct ext4_inode *ei = ext4_of(inode);

	/* Promises first: a store that makes one afterwards finds its page
	 * gone, and makes it again for the page that is there then. */
	delayed_drop(fs, &ei->delayed, (uint32_t)(start >> fs->block_bits),
		     UINT32_MAX);
	page_cache_forget(&inode->cache, start >> PAGE_SHIFT);
}

static int check_range(const struct inode *inode, uint64_t start, uint64_t size,
		       bool is_insert)
{
	const struct ext4 *fs = ext4_fs_of(inode);
	uint64_t max = ((uint64_t)ext4_max_lblk(inode) + 1) << fs->block_bits;
	uint64_t old = inode_size(inode);

	if (!(ext4_of(inode)->flags & INODE_EXTENTS))
		return -EOPNOTSUPP;
	if ((start | size) & (fs->block_size - 1))
		return -EINVAL;
	if (is_insert && size > max - old)
		return -EFBIG;
	/* Up to the end it would be a truncation. */
	return start + (is_insert ? 0 : size) >= old ? -EINVAL : 0;
}

/* What the cache has from @page_start on is on the disk, and is forgotten, before
 * and after. */
static int move_below_cache(struct shift *shift, uint64_t page_start,
			    bool is_insert)
{
	struct inode *inode = shift->inode;
	struct ext4_inode *ei = ext4_of(inode);
	int err = page_cache_sync(&inode->cache, page_start, INT64_MAX);

	if (err)
		return err;
	mutex_lock(&ei->write_lock);
	forget_pages(inode, page_start);
	err = move(shift, is_insert);
	forget_pages(inode, page_start);
	/* Also if it ended half-way: as large as the disk has it. */
	if (READ_ONCE(ei->disk_size) == shift->new_size)
		page_cache_truncate(&inode->cache, shift->new_size);
	mutex_unlock(&ei->write_lock);
	return err;
}

int ext4_shift_range(struct inode *inode, uint64_t start, uint64_t size,
		     bool is_insert)
{
	const struct ext4 *fs = ext4_fs_of(inode);
	uint64_t old = inode_size(inode);
	struct shift shift = {
		.inode = inode,
		.first = (uint32_t)(start >> fs->block_bits),
		.count = (uint32_t)(size >> fs->block_bits),
		.new_size = is_insert ? old + size : old - size,
	};
	int err;

	err = check_range(inode, start, size, is_insert);
	if (err)
		return err;
	page_cache_hold_stores(&inode->cache);
	err = move_below_cache(&shift, ALIGN_DOWN(start, PAGE_SIZE), is_insert);
	page_cache_let_stores(&inode->cache);
	return err;
}
