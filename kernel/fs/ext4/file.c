/* SPDX-License-Identifier: MIT */
/*
 * file.c - a file's pages between the cache and its blocks
 *
 * Reading is easy: ask the map, read, clear what is a hole. Writing goes in
 * this order, so that a crash at any moment shows either the old file or the
 * new bytes, and never what somebody else once had in a block:
 *
 *	1. write(2) or a store to a mapping promises blocks (delayed.h);
 *	2. write-back chooses blocks that are free, in memory only (balloc.c);
 *	3. the bytes go there; nothing on the disk points to them yet;
 *	4. one operation marks the blocks used, puts them into the map, and makes
 *	   the size on the disk as large as what is safe by now.
 *
 * Locks: write_lock from 2 to 4. No page's lock and no inode's is wanted, so
 * that who has them may wait for write-back.
 */
#include "kernel/fs/ext4/internal.h"

#include "kernel/fs/ext4/batch.h"
#include "kernel/mm/page.h"
#include "kernel/mm/slab.h"
#include "kernel/vfs/file.h"

static struct inode *inode_of(struct page_cache *cache)
{
	return container_of(cache, struct inode, cache);
}

static unsigned int blocks_per_page(const struct ext4 *fs)
{
	return (unsigned int)PAGE_SIZE >> fs->block_bits;
}

/* ---- Reading ---- */

/* Clear, or add to @parts, block @i of @page and those behind it. */
static int read_run(struct inode *inode, struct page *page, uint32_t lblk,
		    unsigned int i, unsigned int count, struct disk_part *part,
		    unsigned int *done)
{
	const struct ext4 *fs = ext4_fs_of(inode);
	char *to = (char *)page_address(page) + ((size_t)i << fs->block_bits);
	struct ext4_map map;
	int err;

	err = ext4_map(inode, lblk + i, count - i, &map);
	if (err)
		return err;
	*done = map.len;
	part->size = 0;
	if (!(map.flags & MAP_MAPPED) || map.flags & MAP_UNWRITTEN)
		memset(to, 0, (size_t)map.len << fs->block_bits);
	else
		*part = (struct disk_part){ map.block << fs->block_bits, to,
					    (size_t)map.len << fs->block_bits };
	return 0;
}

/* What lies behind the end of the file reads as zeros. */
static void clear_tail(struct page *page, uint64_t start, uint64_t size)
{
	size_t used = size > start ? (size_t)(size - start) : 0;

	if (used < PAGE_SIZE)
		memset((char *)page_address(page) + used, 0, PAGE_SIZE - used);
}

static int read_page(struct page_cache *cache, uint64_t index,
		     struct page *page)
{
	struct inode *inode = inode_of(cache);
	struct ext4 *fs = ext4_fs_of(inode);
	unsigned int count = blocks_per_page(fs), num_parts = 0, done = 0;
	uint32_t lblk = (uint32_t)(index * count);
	uint64_t size = inode_size(inode), start = index << PAGE_SHIFT;
	struct disk_part parts[4];
	int err = 0;

	for (unsigned int i = 0; !err && i < count; i += done) {
		err = read_run(inode, page, lblk, i, count, &parts[num_parts],
			       &done);
		if (!err && parts[num_parts].size)
			num_parts++;
	}
	if (!err && num_parts)
		err = disk_read(fs->disk, parts, num_parts);
	if (!err)
		clear_tail(page, start, size);
	return err;
}

int ext4_batch_read(struct batch *batch)
{
	struct inode *inode = batch->inode;
	struct ext4 *fs = ext4_fs_of(inode);
	unsigned int count = blocks_per_page(fs), done = 0;
	int err = 0;

	batch->num_parts = 0;
	for (unsigned int k = 0; !err && k < batch->num_pages; k++) {
		uint32_t lblk = (uint32_t)(batch->index[k] * count);

		for (unsigned int i = 0; !err && i < count; i += done) {
			struct disk_part *part = &batch->part[batch->num_parts];

			err = read_run(inode, batch->page[k], lblk, i, count,
				       part, &done);
			if (!err && part->size)
				batch->num_parts++;
		}
	}
	if (!err && batch->num_parts)
		err = disk_read(fs->disk, batch->part, batch->num_parts);
	for (unsigned int k = 0; !err && k < batch->num_pages; k++)
		clear_tail(batch->page[k], batch->index[k] << PAGE_SHIFT,
			   inode_size(inode));
	return err;
}

/* ---- Promising ---- */

/* Blocks [@first, @end) that have no place get the promise of one. */
static int promise(struct inode *inode, uint32_t first, uint32_t end)
{
	struct ext4_inode *ei = ext4_of(inode);
	struct ext4_map map;
	int err = 0;

	for (uint32_t at = first; !err && at < end; at += map.len) {
		err = ext4_map(inode, at, end - at, &map);
		if (!err && !(map.flags & MAP_MAPPED))
			err = delayed_add(ext4_fs_of(inode), &ei->delayed, at,
					  map.len);
	}
	return err;
}

int ext4_promise(struct inode *inode, uint64_t first, uint64_t end)
{
	unsigned int tries = 0;
	int err;

	if (end > (uint64_t)ext4_max_lblk(inode) + 1)
		return -EFBIG;
	do
		err = promise(inode, (uint32_t)first, (uint32_t)end);
	while (ext4_retry_space(ext4_fs_of(inode), err, &tries));
	return err;
}

static int prepare_write(struct page_cache *cache, uint64_t index,
			 struct page *page, size_t offset, size_t size)
{
	struct inode *inode = inode_of(cache);
	struct ext4 *fs = ext4_fs_of(inode);
	uint64_t start = (index << PAGE_SHIFT) + offset;
	uint64_t first = start >> fs->block_bits;
	uint64_t end = DIV_ROUND_UP(start + size, (uint64_t)fs->block_size);
	int err;

	if (ext4_is_read_only(fs))
		return -EROFS;
	err = ext4_promise(inode, first, end);
	if (!err && fs->block_size == PAGE_SIZE)
		__atomic_fetch_or(&page->flags, PAGE_FLAG_BACKED,
				  __ATOMIC_RELAXED);
	return err;
}

/* ---- Writing ---- */

static void take_pages(struct batch *batch, struct writeback *wb,
		       uint64_t *index)
{
	batch->num_pages = 0;
	while (batch->num_pages < BATCH_PAGES) {
		struct page *page =
			page_cache_take_dirty(&batch->inode->cache, wb, index);

		if (!page)
			break;
		batch->page[batch->num_pages] = page;
		batch->index[batch->num_pages++] = (*index)++;
	}
}

static void end_pages(struct batch *batch, int err)
{
	struct page_cache *cache = &batch->inode->cache;

	/* Short of memory is no reason to lose anything: later, then. */
	for (unsigned int i = 0; i < batch->num_pages; i++) {
		if (err == -ENOMEM)
			page_cache_redirty(cache, batch->page[i]);
		else
			page_cache_end_write(cache, batch->page[i], err);
	}
}

/* Append, or lengthen the last one. */
static void add_piece(struct piece *list, unsigned int *count,
		      const struct piece *new)
{
	struct piece *last = *count ? &list[*count - 1] : NULL;

	if (last && last->kind == new->kind &&
	    last->lblk + last->len == new->lblk &&
	    (new->kind == PIECE_NEW && !new->block
		     ? !last->block
		     : last->block + last->len == new->block))
		last->len += new->len;
	else
		list[(*count)++] = *new;
}

/* What is to be written of blocks [@first, @end) of one page. */
static int plan_page(struct batch *batch, uint32_t first, uint32_t end)
{
	struct inode *inode = batch->inode;
	struct piece piece;
	struct ext4_map map;

	for (uint32_t at = first; at < end; at += piece.len) {
		int err = ext4_map(inode, at, end - at, &map);
		bool wanted = true;

		if (err)
			return err;
		piece = (struct piece){ at, map.len, map.block,
					map.flags & MAP_UNWRITTEN
						? PIECE_UNWRITTEN
						: PIECE_WRITTEN };
		if (!(map.flags & MAP_MAPPED)) {
			/* A hole nobody promised anything for reads as zeros:
			 * so does the page. */
			piece.kind = PIECE_NEW;
			wanted = delayed_find(&ext4_of(inode)->delayed, at,
					      map.len, &piece.len);
		}
		if (wanted)
			add_piece(batch->piece, &batch->num_pieces, &piece);
	}
	return 0;
}

static int plan(struct batch *batch)
{
	const struct ext4 *fs = ext4_fs_of(batch->inode);
	uint64_t last = MIN(
		batch->to, DIV_ROUND_UP(batch->size, (uint64_t)fs->block_size));
	unsigned int per = blocks_per_page(fs);
	int err = 0;

	batch->num_pieces = 0;
	for (unsigned int i = 0; !err && i < batch->num_pages; i++) {
		uint64_t first = MAX(batch->index[i] * per, batch->from);
		uint64_t end = MIN((batch->index[i] + 1) * per, last);

		if (first < end)
			err = plan_page(batch, (uint32_t)first, (uint32_t)end);
	}
	return err;
}

/* Choose blocks for one piece: as few runs as there are. */
static int place_new(struct batch *batch, struct piece piece)
{
	struct ext4 *fs = ext4_fs_of(batch->inode);
	unsigned int tries = 0;
	int err = 0;

	while (!err && piece.len) {
		struct piece part = piece;

		do
			err = ext4_blocks_reserve(fs, batch->goal, piece.len,
						  &part.block, &part.len);
		while (ext4_retry_space(fs, err, &tries));
		if (err)
			break;
		batch->placed[batch->num_placed++] = part;
		batch->goal = part.block + part.len;
		piece.lblk += part.len;
		piece.len -= part.len;
	}
	return err;
}

static void unplace(struct batch *batch)
{
	for (unsigned int i = 0; i < batch->num_placed; i++)
		if (batch->placed[i].kind == PIECE_NEW)
			ext4_blocks_unreserve(ext4_fs_of(batch->inode),
					      batch->placed[i].block,
					      batch->placed[i].len);
	batch->num_placed = 0;
}

static int place(struct batch *batch)
{
	int err = 0;

	batch->num_placed = 0;
	for (unsigned int i = 0; !err && i < batch->num_pieces; i++) {
		const struct piece *piece = &batch->piece[i];

		if (piece->kind != PIECE_NEW) {
			batch->placed[batch->num_placed++] = *piece;
			batch->goal = piece->block + piece->len;
			continue;
		}
		if (!batch->goal)
			batch->goal = ext4_goal(batch->inode, piece->lblk);
		err = place_new(batch, *piece);
	}
	if (err)
		unplace(batch);
	return err;
}

/* Where each block's bytes are in memory. */
static void make_parts(struct batch *batch)
{
	const struct ext4 *fs = ext4_fs_of(batch->inode);
	unsigned int per = blocks_per_page(fs), k = 0;

	batch->num_parts = 0;
	for (unsigned int i = 0; i < batch->num_placed; i++) {
		const struct piece *piece = &batch->placed[i];

		for (uint32_t b = 0; b < piece->len;) {
			uint32_t lblk = piece->lblk + b, in_page = lblk % per;
			uint32_t n = MIN(piece->len - b, per - in_page);

			while (batch->index[k] != lblk / per)
				k++;
			batch->part[batch->num_parts++] = (struct disk_part){
				(piece->block + b) << fs->block_bits,
				(char *)page_address(batch->page[k]) +
					((size_t)in_page << fs->block_bits),
				(size_t)n << fs->block_bits
			};
			b += n;
		}
	}
}

/* What one piece needs of a transaction: bitmap, group, map, inode. */
#define CREDITS_PIECE (2 + CREDITS_MAP_SET + CREDITS_INODE + 1)

/* Step 4 for one piece. */
static int show_piece(struct handle *handle, struct inode *inode,
		      struct piece *piece)
{
	struct ext4 *fs = ext4_fs_of(inode);
	int err = 0;

	if (piece->kind == PIECE_WRITTEN)
		return 0;
	if (piece->kind == PIECE_NEW)
		err = ext4_blocks_use(handle, piece->block, piece->len);
	if (err)
		return err;
	err = ext4_map_set(handle, inode, piece->lblk, piece->len, piece->block,
			   false);
	if (err && piece->kind == PIECE_NEW) {
		/* Nobody's after all; there is nothing left to unplace(). */
		ext4_blocks_free(handle, piece->block, piece->len, false);
		piece->kind = PIECE_WRITTEN;
	} else if (piece->kind == PIECE_NEW) {
		ext4_add_blocks(inode, piece->len);
		delayed_drop(fs, &ext4_of(inode)->delayed, piece->lblk,
			     piece->lblk + piece->len - 1);
	}
	return err;
}

/* The size on the disk, up to what is written by now. */
static int show_size(struct handle *handle, struct inode *inode, uint64_t size,
		     uint64_t end)
{
	struct ext4_inode *ei = ext4_of(inode);
	bool grows;

	mutex_lock(&ei->map_lock);
	end = MIN(end, size);
	grows = end > ei->disk_size;
	if (grows)
		ei->disk_size = end;
	mutex_unlock(&ei->map_lock);
	return grows ? ext4_inode_dirty(handle, inode) : 0;
}

static bool must_show(const struct batch *batch, uint64_t end)
{
	for (unsigned int i = 0; i < batch->num_placed; i++)
		if (batch->placed[i].kind != PIECE_WRITTEN)
			return true;
	return MIN(end, batch->size) >
	       READ_ONCE(ext4_of(batch->inode)->disk_size);
}

static int show(struct batch *batch)
{
	struct inode *inode = batch->inode;
	struct ext4 *fs = ext4_fs_of(inode);
	uint64_t end = (batch->index[batch->num_pages - 1] + 1) << PAGE_SHIFT;
	struct handle handle;
	int err;

	if (!must_show(batch, end))
		return 0;
	err = journal_start(fs, &handle, CREDITS_PIECE);
	for (unsigned int i = 0; !err && i < batch->num_placed; i++) {
		if (!journal_extend(&handle, CREDITS_PIECE)) {
			journal_stop(&handle);
			err = journal_start(fs, &handle, CREDITS_PIECE);
			if (err)
				return err;
		}
		err = show_piece(&handle, inode, &batch->placed[i]);
		if (!err)
			batch->placed[i].kind = PIECE_WRITTEN;
	}
	if (!err)
		err = show_size(&handle, inode, batch->size, end);
	if (journal_is_inside())
		journal_stop(&handle);
	return err;
}

/* Whole pages were written: promises for blocks behind the end of the file
 * (a store promises the page) are not needed. */
static void drop_promises(struct batch *batch)
{
	struct inode *inode = batch->inode;
	struct ext4 *fs = ext4_fs_of(inode);
	unsigned int per = blocks_per_page(fs);
	uint64_t end =
		DIV_ROUND_UP(MAX(batch->size, page_cache_end(&inode->cache)),
			     (uint64_t)fs->block_size);
	uint64_t behind = (batch->index[batch->num_pages - 1] + 1) * per;

	if (end < behind && end <= UINT32_MAX)
		delayed_drop(fs, &ext4_of(inode)->delayed, (uint32_t)end,
			     (uint32_t)MIN(behind - 1, (uint64_t)UINT32_MAX));
}

int ext4_batch_write(struct batch *batch)
{
	struct ext4 *fs = ext4_fs_of(batch->inode);
	int err;

	batch->num_placed = 0;
	batch->goal = 0;
	err = plan(batch);
	if (!err)
		err = place(batch);
	if (err)
		return err;
	make_parts(batch);
	if (batch->num_parts)
		err = disk_write(fs->disk, batch->part, batch->num_parts, 0);
	if (!err)
		err = show(batch);
	if (err)
		unplace(batch);
	else
		drop_promises(batch);
	return err;
}

static int write_pages(struct page_cache *cache, struct writeback *wb)
{
	struct inode *inode = inode_of(cache);
	struct ext4_inode *ei = ext4_of(inode);
	struct batch *batch = kmalloc(sizeof(*batch));
	uint64_t index = wb->first;
	int result = 0;

	if (!batch)
		return -ENOMEM;
	batch->inode = inode;
	batch->from = 0;
	batch->to = UINT64_MAX;
	mutex_lock(&ei->write_lock);
	for (;;) {
		int err;

		take_pages(batch, wb, &index);
		if (!batch->num_pages)
			break;
		batch->size = inode_size(inode);
		err = ext4_is_read_only(ext4_fs_of(inode))
			      ? -EROFS
			      : ext4_batch_write(batch);
		end_pages(batch, err);
		if (err && !result)
			result = err;
		if (err == -ENOMEM)
			break;
	}
	mutex_unlock(&ei->write_lock);
	kfree(batch);
	return result;
}

const struct page_cache_ops ext4_page_ops = {
	.read_page = read_page,
	.prepare_write = prepare_write,
	.write_pages = write_pages,
	.hold = inode_cache_hold,
	.release = inode_cache_release,
};

int ext4_write_pages(struct inode *inode)
{
	return page_cache_sync(&inode->cache, 0, INT64_MAX);
}

/* ---- Operations ---- */

static int open_file(struct inode *inode, struct file *file)
{
	unsigned int flags = ext4_of(inode)->flags;

	if (!file_is_writable(file))
		return 0;
	if (flags & INODE_IMMUTABLE ||
	    (flags & INODE_APPEND && !(file->flags & O_APPEND)))
		return -EPERM;
	return 0;
}

ssize_t ext4_write_checked(struct file *file, struct io_buf *io, loff_t *pos,
			   ssize_t (*write)(struct inode *inode,
					    struct io_buf *io, loff_t pos))
{
	struct inode *inode = file->inode;
	const struct ext4 *fs = ext4_fs_of(inode);
	uint64_t max = ((uint64_t)ext4_max_lblk(inode) + 1) << fs->block_bits;

	if (!(file->flags & O_APPEND)) {
		if ((uint64_t)*pos >= max)
			return io->left ? -EFBIG : 0;
		io->left = MIN(io->left, max - (uint64_t)*pos);
	}
	if (unlikely(!list_empty(&ext4_of(inode)->kept_node))) {
		int err;

		mutex_lock(&inode->lock);
		err = ext4_truncate_rest(inode);
		mutex_unlock(&inode->lock);
		if (err)
			return err;
	}
	return write ? generic_file_write_by(file, io, pos, write)
		     : generic_file_write(file, io, pos);
}

static ssize_t write_file(struct file *file, struct io_buf *io, loff_t *pos)
{
	return ext4_write_checked(file, io, pos, NULL);
}

/* What the inode's last operation did is on the medium. */
static int commit_inode(struct inode *inode, bool data_only)
{
	struct ext4 *fs = ext4_fs_of(inode);
	const struct ext4_inode *ei = ext4_of(inode);
	uint32_t tid = data_only ? ei->datasync_tid : ei->sync_tid;
	int err;

	if (ext4_is_read_only(fs))
		return fs->mounted_read_only ? 0 : -EROFS;
	if (!fs->journal) {
		err = meta_write_dirty(fs);
		return err ? err : disk_flush(fs->disk);
	}
	/* A commit flushes; without one the bytes still have to be safe. */
	if (!tid || !tid_after(tid, READ_ONCE(fs->journal->committed_tid)))
		return disk_flush(fs->disk);
	return journal_commit(fs->journal, tid);
}

int ext4_fsync(struct file *file, bool data_only)
{
	int err = generic_file_sync(file, data_only);

	return err ? err : commit_inode(file->inode, data_only);
}

const struct file_ops ext4_file_ops = {
	.open = open_file,
	.read = generic_file_read,
	.write = write_file,
	.seek = ext4_seek,
	.direct = ext4_direct,
	.fsync = ext4_fsync,
	.fallocate = ext4_fallocate,
	.ioctl = ext4_ioctl,
};
