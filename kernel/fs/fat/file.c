/* SPDX-License-Identifier: MIT */
/*
 * file.c - contents: the page cache over a chain of clusters
 *
 * Idea: clusters are taken when bytes are promised a place (prepare_write), and
 * given back if the write then did not come. There are no holes: a file that
 * grows by a seek, or by truncate(2), is filled with zeros.
 *
 * Locks: inode->lock over a write; fs->lock to follow the chain.
 */
#include "kernel/fs/fat/internal.h"

#include "kernel/block/page_io.h"
#include "kernel/mm/page.h"
#include "kernel/mm/slab.h"

static struct inode *inode_of(struct page_cache *cache)
{
	return container_of(cache, struct inode, cache);
}

static uint32_t clusters_for(const struct fat *fs, uint64_t bytes)
{
	return (uint32_t)((bytes + fat_cluster_size(fs) - 1) >>
			  fs->cluster_bits);
}

/* ---- Where pages are ---- */

/* The piece of the disk that byte @at of the file is in. */
struct piece {
	uint64_t pos;  /* on the disk, bytes */
	uint32_t size; /* bytes from there that belong together, <= a page */
};

static int find_piece(struct inode *inode, uint64_t at, uint32_t max,
		      struct piece *piece) MUST_HOLD(fat_of(inode)->lock)
{
	const struct fat *fs = fat_of(inode);
	uint32_t offset = (uint32_t)at & (fat_cluster_size(fs) - 1), cluster;
	int err;

	err = fat_map(inode, (uint32_t)(at >> fs->cluster_bits), &cluster);
	if (err)
		return err;
	piece->pos = (fat_sector_of(fs, cluster) << fs->sector_bits) + offset;
	piece->size = MIN(max, fat_cluster_size(fs) - offset);
	return 0;
}

/* The pieces of one page, up to the end of the file; a page has at most eight
 * sectors. */
#define MAX_PIECES (PAGE_SIZE / 512)

static int find_pieces(struct inode *inode, uint64_t index,
		       struct piece *pieces, unsigned int *count)
{
	struct fat *fs = fat_of(inode);
	uint64_t start = index << PAGE_SHIFT;
	uint64_t size = inode_size(inode);
	uint64_t sector = (1u << fs->sector_bits) - 1;
	uint32_t left = 0, done = 0;
	int err = 0;

	*count = 0;
	if (size > start)
		left = (uint32_t)MIN((size - start + sector) & ~sector,
				     PAGE_SIZE);
	mutex_lock(&fs->lock);
	while (!err && done < left) {
		struct piece *piece = &pieces[*count];

		err = find_piece(inode, start + done, left - done, piece);
		if (err)
			break;
		done += piece->size;
		if (*count && piece[-1].pos + piece[-1].size == piece->pos)
			piece[-1].size += piece->size;
		else
			++*count;
	}
	/* Shorter than its size says. */
	if (err == -ENOENT)
		err = fat_error(fs, "a file that is longer than its chain");
	mutex_unlock(&fs->lock);
	return err;
}

/* ---- Reading ---- */

static int read_page(struct page_cache *cache, uint64_t index,
		     struct page *page)
{
	struct inode *inode = inode_of(cache);
	uint64_t start = index << PAGE_SHIFT, size = inode_size(inode);
	struct piece pieces[MAX_PIECES];
	char *to = page_address(page);
	unsigned int count;
	size_t used;
	int err;

	err = find_pieces(inode, index, pieces, &count);
	for (unsigned int i = 0; !err && i < count; i++) {
		err = block_read(fat_of(inode)->bdev, pieces[i].pos, to,
				 pieces[i].size);
		to += pieces[i].size;
	}
	used = size > start ? (size_t)MIN(size - start, PAGE_SIZE) : 0;
	memset((char *)page_address(page) + used, 0, PAGE_SIZE - used);
	return err;
}

/* Into @io, which has room. */
static int add_page(struct page_io *io, struct page *page,
		    const struct piece *pieces, unsigned int count)
{
	uint32_t offset = 0;
	int err = 0;

	page_io_begin_page(io, page);
	for (unsigned int i = 0; !err && i < count; i++) {
		err = page_io_add(io, pieces[i].pos >> BLOCK_SECTOR_SHIFT, page,
				  offset, pieces[i].size);
		offset += pieces[i].size;
	}
	page_io_end_page(io);
	return err;
}

static void clear_tail(const struct inode *inode, uint64_t index,
		       struct page *page)
{
	uint64_t start = index << PAGE_SHIFT, size = inode_size(inode);

	if (size < start + PAGE_SIZE)
		memset(page_address(page), 0, PAGE_SIZE);
}

static void read_pages(struct page_cache *cache, uint64_t index,
		       struct page **pages, unsigned int count)
{
	struct inode *inode = inode_of(cache);
	struct page_io *io =
		page_io_create(cache, fat_of(inode)->bdev, BLOCK_READ);
	struct piece pieces[MAX_PIECES];
	unsigned int num;
	int err;

	for (unsigned int i = 0; i < count; i++) {
		uint64_t size = inode_size(inode);

		err = io ? find_pieces(inode, index + i, pieces, &num)
			 : -ENOMEM;
		/* The end of the file is cleared by the read of one page. */
		if (!err && size < ((index + i + 1) << PAGE_SHIFT)) {
			clear_tail(inode, index + i, pages[i]);
			err = read_page(cache, index + i, pages[i]);
			page_cache_end_read(cache, pages[i], err);
			continue;
		}
		if (err) {
			page_cache_end_read(cache, pages[i], err);
			continue;
		}
		add_page(io, pages[i], pieces, num);
		if (page_io_is_full(io)) {
			page_io_submit(io);
			io = page_io_create(cache, fat_of(inode)->bdev,
					    BLOCK_READ);
		}
	}
	if (io)
		page_io_submit(io);
}

/* ---- Writing ---- */

static int prepare_write(struct page_cache *cache, uint64_t index,
			 struct page *page, size_t offset, size_t size)
{
	struct inode *inode = inode_of(cache);
	struct fat *fs = fat_of(inode);
	uint64_t end = (index << PAGE_SHIFT) + offset + size;
	int err;

	fat_begin(fs);
	/* A store promises its whole page; the file may end before. */
	end = MIN(end, MAX(inode_size(inode), fat_node(inode)->promise));
	err = fs->read_only ? -EROFS : fat_grow(inode, clusters_for(fs, end));
	fat_end(fs);
	return err;
}

static int write_page(struct page_io **io, struct inode *inode,
		      struct page *page, uint64_t index)
{
	struct page_cache *cache = &inode->cache;
	struct piece pieces[MAX_PIECES];
	unsigned int count;
	int err;

	err = find_pieces(inode, index, pieces, &count);
	if (!err && !*io) {
		*io = page_io_create(cache, fat_of(inode)->bdev, BLOCK_WRITE);
		if (!*io)
			err = -ENOMEM;
	}
	if (err == -ENOMEM) {
		page_cache_redirty(cache, page);
	} else if (err || !count) {
		page_cache_end_write(cache, page, err);
	} else {
		add_page(*io, page, pieces, count);
		if (page_io_is_full(*io)) {
			page_io_submit(*io);
			*io = NULL;
		}
	}
	return err;
}

static int write_pages(struct page_cache *cache, struct writeback *wb)
{
	struct inode *inode = inode_of(cache);
	uint64_t index = wb->first;
	struct page_io *io = NULL;
	struct page *page;
	int result = 0;

	while ((page = page_cache_take_dirty(cache, wb, &index))) {
		int err = write_page(&io, inode, page, index);

		index++;
		if (err && !result)
			result = err;
		if (err == -ENOMEM)
			break;
	}
	if (io)
		page_io_submit(io);
	return result;
}

const struct page_cache_ops fat_page_ops = {
	.read_page = read_page,
	.read_pages = read_pages,
	.prepare_write = prepare_write,
	.write_pages = write_pages,
	.hold = inode_cache_hold,
	.release = inode_cache_release,
};

/* ---- write(2), truncate(2); the inode locked ---- */

static void set_promise(struct inode *inode, uint64_t end)
{
	struct fat *fs = fat_of(inode);

	mutex_lock(&fs->lock);
	fat_node(inode)->promise = end;
	mutex_unlock(&fs->lock);
}

/* What was taken and is not used. */
static int trim(struct inode *inode)
{
	struct fat *fs = fat_of(inode);
	struct fat_node *node = fat_node(inode);
	uint32_t wanted = clusters_for(fs, inode_size(inode));
	int err = 0;

	fat_begin(fs);
	node->promise = 0;
	if (node->num_clusters != UINT32_MAX && node->num_clusters > wanted)
		err = fat_cut(inode, wanted);
	fat_end(fs);
	return err;
}

/* Zeros from the end of the file to @size. */
static int expand(struct inode *inode, uint64_t size)
{
	struct page_cache *cache = &inode->cache;
	uint64_t at = inode_size(inode);
	int err = 0;

	set_promise(inode, size);
	while (!err && at < size) {
		uint64_t index = at >> PAGE_SHIFT;
		uint64_t end = MIN(size, (index + 1) << PAGE_SHIFT);
		struct page *page;

		err = page_cache_get(cache, index, true, &page);
		if (err)
			break;
		err = prepare_write(cache, index, page, at & (PAGE_SIZE - 1),
				    end - at);
		if (!err) {
			memset((char *)page_address(page) +
				       (at & (PAGE_SIZE - 1)),
			       0, end - at);
			page_cache_mark_written(cache, page);
			page_cache_extend(cache, end);
			writeback_throttle(cache);
		}
		page_put(page);
		at = end;
	}
	return err;
}

static ssize_t write_locked(struct inode *inode, struct io_buf *io, loff_t at)
{
	uint64_t old = inode_size(inode);
	ssize_t done = 0;
	int err;

	if ((uint64_t)at > old)
		done = expand(inode, (uint64_t)at);
	if (!done) {
		set_promise(inode, (uint64_t)at + io->left);
		done = page_cache_write(&inode->cache, io, at);
	}
	if (done < 0 && inode_size(inode) > old)
		page_cache_truncate(&inode->cache, old);
	err = trim(inode);
	if (done > 0)
		fat_node(inode)->attr |= FAT_ATTR_ARCHIVE;
	return done > 0 || !err ? done : err;
}

static ssize_t write_file(struct file *file, struct io_buf *io, loff_t *pos)
{
	return generic_file_write_by(file, io, pos, write_locked);
}

/* The entry with the smaller size first, then the chain. */
static int shrink(struct inode *inode, uint64_t size)
{
	struct fat *fs = fat_of(inode);
	int err;

	page_cache_truncate(&inode->cache, size);
	if (size) {
		err = fat_write_inode(inode);
		fat_begin(fs);
		if (!err)
			err = fat_commit(fs);
	} else {
		err = 0;
		fat_begin(fs);
	}
	if (!err)
		err = fat_cut(inode, clusters_for(fs, size));
	fat_end(fs);
	return err;
}

static int set_size(struct inode *inode, uint64_t size)
{
	uint64_t old = inode_size(inode);
	int err = 0;

	if (fat_of(inode)->read_only)
		return -EROFS;
	if (size < old) {
		err = shrink(inode, size);
	} else if (size > old) {
		err = expand(inode, size);
		if (err)
			page_cache_truncate(&inode->cache, old);
		trim(inode);
	}
	inode_mark_dirty(inode, INODE_DIRTY_DATA);
	return err;
}

int fat_fsync(struct file *file, bool data_only)
{
	int err = generic_file_sync(file, data_only);
	int sync_err = fat_sync(file->inode->sb);

	return err ? err : sync_err;
}

const struct file_ops fat_file_ops = {
	.read = generic_file_read,
	.write = write_file,
	.fsync = fat_fsync,
};

const struct inode_ops fat_file_inode_ops = {
	.truncate = set_size,
	.set_attributes = fat_set_attributes,
};
