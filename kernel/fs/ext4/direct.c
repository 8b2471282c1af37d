/* SPDX-License-Identifier: MIT */
/*
 * direct.c - O_DIRECT: bytes between the disk and the program, past the cache
 *
 * Idea: what the cache has of the range is written and dropped first, so both
 * ways to the file show the same; then the bytes go through a few pages of ours
 * in the way write-back does it (batch.h): the program's own pages are never
 * given to a device, so that nothing has to be pinned.
 *
 * Pieces of blocks, files without extents and pages that are mapped go through
 * the cache after all, and are written out at once.
 *
 * Locks: inode->lock for a write; write_lock while blocks are chosen.
 * Source: open(2), "O_DIRECT".
 */
#include "kernel/fs/ext4/internal.h"

#include "kernel/block/block.h"
#include "kernel/fs/ext4/batch.h"
#include "kernel/mm/page.h"
#include "kernel/mm/slab.h"
#include "kernel/vfs/file.h"
#include "kernel/vfs/io_buf.h"

#define BATCH_BYTES ((uint64_t)BATCH_PAGES << PAGE_SHIFT)

static bool is_aligned(const struct io_buf *io, uint64_t pos, uint64_t unit)
{
	uint64_t all = pos | io->left;

	for (unsigned int i = io->at; i < io->num_vecs; i++)
		all |= (uintptr_t)io->vec[i].base | io->vec[i].size;
	return !(all & (unit - 1));
}

static void put_pages(struct batch *batch)
{
	for (unsigned int i = 0; i < batch->num_pages; i++)
		page_put(batch->page[i]);
	batch->num_pages = 0;
}

/* Pages for bytes [@start, @end), at most BATCH_PAGES. */
static int take_pages(struct batch *batch, uint64_t start, uint64_t end)
{
	uint64_t index = start >> PAGE_SHIFT;

	batch->num_pages = 0;
	for (; index << PAGE_SHIFT < end; index++) {
		struct page *page = page_alloc(0, ALLOC_USER);

		if (!page) {
			put_pages(batch);
			return -ENOMEM;
		}
		batch->index[batch->num_pages] = index;
		batch->page[batch->num_pages++] = page;
	}
	return 0;
}

/* Between the pages, which begin with the one @at is in, and @io. */
static size_t copy(struct batch *batch, struct io_buf *io, uint64_t at,
		   uint64_t end, bool to_io)
{
	size_t done = 0;

	for (unsigned int i = 0; at < end; i++) {
		size_t offset = at & (PAGE_SIZE - 1);
		size_t size = (size_t)MIN(end - at, PAGE_SIZE - offset);
		char *memory = (char *)page_address(batch->page[i]) + offset;
		size_t copied = to_io ? io_copy_to(io, memory, size)
				      : io_copy_from(io, memory, size);

		done += copied;
		at += copied;
		if (copied < size)
			break;
	}
	return done;
}

/* ---- Reading ---- */

static ssize_t read_part(struct batch *batch, struct io_buf *io, uint64_t at,
			 uint64_t end)
{
	size_t copied = 0;
	int err = take_pages(batch, at, end);

	if (err)
		return err;
	err = ext4_batch_read(batch);
	if (!err)
		copied = copy(batch, io, at, end, true);
	put_pages(batch);
	if (err)
		return err;
	return copied ? (ssize_t)copied : -EFAULT;
}

static ssize_t read_direct(struct inode *inode, struct batch *batch,
			   struct io_buf *io, loff_t *pos)
{
	uint64_t size = inode_size(inode), at = (uint64_t)*pos;
	uint64_t end = MIN(at + io->left, size);
	ssize_t done = 0;
	int err;

	if (at >= end)
		return 0;
	err = page_cache_sync(&inode->cache, at, end - 1);
	if (err)
		return err;
	while (at < end) {
		uint64_t stop =
			MIN(end, ALIGN_DOWN(at, PAGE_SIZE) + BATCH_BYTES);

		done = read_part(batch, io, at, stop);
		if (done <= 0)
			break;
		at += (uint64_t)done;
		if (at < stop)
			break;
	}
	if (at == (uint64_t)*pos)
		return done;
	done = (ssize_t)(at - (uint64_t)*pos);
	*pos = (loff_t)at;
	return done;
}

/* ---- Writing; inode->lock held ---- */

/* Through the cache, and out. */
static ssize_t write_cached(struct inode *inode, struct io_buf *io, uint64_t at)
{
	ssize_t done = page_cache_write(&inode->cache, io, (loff_t)at);
	int err = 0;

	if (done > 0)
		err = page_cache_sync(&inode->cache, at,
				      at + (uint64_t)done - 1);
	return err ? err : done;
}

/* The pages are filled: write [@at, @end) of them. */
static int write_filled(struct batch *batch, uint64_t at, uint64_t end)
{
	struct inode *inode = batch->inode;
	struct ext4_inode *ei = ext4_of(inode);
	struct ext4 *fs = ext4_fs_of(inode);
	int err;

	batch->size = MAX(inode_size(inode), end);
	batch->from = at >> fs->block_bits;
	batch->to = end >> fs->block_bits;
	err = ext4_promise(inode, batch->from, batch->to);
	if (err)
		return err;
	mutex_lock(&ei->write_lock);
	err = ext4_batch_write(batch);
	mutex_unlock(&ei->write_lock);
	if (err)
		delayed_drop(fs, &ei->delayed, (uint32_t)batch->from,
			     (uint32_t)batch->to - 1);
	else
		page_cache_extend(&inode->cache, end);
	return err;
}

static ssize_t write_part(struct batch *batch, struct io_buf *io, uint64_t at,
			  uint64_t end)
{
	struct inode *inode = batch->inode;
	uint64_t first = at >> PAGE_SHIFT, last = (end - 1) >> PAGE_SHIFT;
	int err;

	err = page_cache_write_and_drop(&inode->cache, first, last);
	if (err == -EBUSY) {
		size_t rest = io->left - (size_t)(end - at);
		ssize_t done;

		io->left -= rest;
		done = write_cached(inode, io, at);
		io->left += rest;
		return done;
	}
	if (!err)
		err = take_pages(batch, at, end);
	if (err)
		return err;
	if (copy(batch, io, at, end, false) < end - at)
		err = -EFAULT;
	if (!err)
		err = write_filled(batch, at, end);
	put_pages(batch);
	if (err)
		return err;
	/* Somebody may have read the old bytes meanwhile. */
	page_cache_write_and_drop(&inode->cache, first, last);
	return (ssize_t)(end - at);
}

static ssize_t write_blocks(struct inode *inode, struct io_buf *io,
			    uint64_t start)
{
	uint64_t at = start, end = start + io->left;
	struct batch *batch = kmalloc(sizeof(*batch));
	ssize_t done = 0;

	if (!batch)
		return -ENOMEM;
	batch->inode = inode;
	while (at < end) {
		uint64_t stop =
			MIN(end, ALIGN_DOWN(at, PAGE_SIZE) + BATCH_BYTES);

		done = write_part(batch, io, at, stop);
		if (done <= 0)
			break;
		at += (uint64_t)done;
		if (at < stop)
			break;
	}
	kfree(batch);
	return at > start ? (ssize_t)(at - start) : done;
}

static ssize_t write_direct(struct inode *inode, struct io_buf *io, loff_t pos)
{
	const struct ext4 *fs = ext4_fs_of(inode);
	uint64_t at = (uint64_t)pos;

	if ((at | io->left) & (fs->block_size - 1) ||
	    !(ext4_of(inode)->flags & INODE_EXTENTS) || ext4_is_read_only(fs))
		return write_cached(inode, io, at);
	return write_blocks(inode, io, at);
}

/* ---- The call ---- */

ssize_t ext4_direct(struct file *file, struct io_buf *io, loff_t *pos,
		    bool write)
{
	struct inode *inode = file->inode;
	struct batch *batch;
	ssize_t done;

	if (!io->left)
		return 0;
	if (!is_aligned(io,
			file->flags & O_APPEND && write ? 0 : (uint64_t)*pos,
			inode->sb->bdev->logical_block_size))
		return -EINVAL;
	if (write)
		return ext4_write_checked(file, io, pos, write_direct);
	batch = kmalloc(sizeof(*batch));
	if (!batch)
		return -ENOMEM;
	batch->inode = inode;
	done = read_direct(inode, batch, io, pos);
	kfree(batch);
	file_touch_atime(file);
	return done;
}
