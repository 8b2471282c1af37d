/* SPDX-License-Identifier: MIT */
/*
 * file.c - contents of the host's files
 *
 * Idea: write(2) goes to the host at once, so that programs there see it, and
 * into those pages of it that happen to be cached. Reads and mappings use the
 * cache; what is in it is checked against the host when a file is opened, when
 * a read comes to its end, and now and then (inode.c forgets pages that have
 * become old). Stores to a shared mapping are written back as on any disk, at
 * the latest when the file is closed.
 *
 * Pages are read and written through the fid of any open file of the inode;
 * should there be none, one is opened for the purpose.
 *
 * Locks: inode->lock over a write; p9_node.lock for the list of open files.
 */
#include "kernel/fs/9p/internal.h"

#include "kernel/mm/page.h"
#include "kernel/mm/slab.h"
#include "kernel/time/clock.h"

/* So much of a write is carried at a time. */
#define CHUNK_SIZE (16u * PAGE_SIZE)
/* A file that is open is asked about after this long. */
#define TRUST_NS NSEC_PER_SEC

static struct inode *inode_of(struct page_cache *cache)
{
	return container_of(cache, struct inode, cache);
}

/* ---- Open files ---- */

int p9_open_fid(struct inode *inode, uint32_t flags, struct p9_fid **out)
{
	struct p9 *p9 = p9_of(inode);
	struct p9_fid *from = p9_inode_fid(inode), *fid;
	int err;

	err = p9_walk(p9, from, NULL, &fid, NULL);
	p9_fid_put(p9, from);
	if (err)
		return err;
	err = p9_open(p9, fid, flags | O_LARGEFILE);
	if (err) {
		p9_fid_put(p9, fid);
		return err;
	}
	*out = fid;
	return 0;
}

/* The fid of its creation, for who opens it first. */
static struct p9_fid *take_created(struct p9_node *node)
{
	struct p9_fid *fid;

	spin_lock(&node->lock);
	fid = node->created;
	node->created = NULL;
	spin_unlock(&node->lock);
	return fid;
}

static int open_file(struct inode *inode, struct file *file)
{
	struct p9_node *node = p9_node(inode);
	struct p9_file *open = kzalloc(sizeof(*open));
	int err = 0;

	if (!open)
		return -ENOMEM;
	open->fid = take_created(node);
	if (!open->fid)
		err = p9_open_fid(inode, file->flags & O_ACCMODE, &open->fid);
	if (err) {
		kfree(open);
		return err;
	}
	open->readable = file_is_readable(file);
	open->writable = file_is_writable(file);
	spin_lock(&node->lock);
	list_push_front(&node->open_files, &open->node);
	spin_unlock(&node->lock);
	file->data = open;
	p9_inode_refresh(inode, false);
	return 0;
}

static void release_file(struct file *file)
{
	struct inode *inode = file->inode;
	struct p9_node *node = p9_node(inode);
	struct p9_file *open = file->data;

	/* An error of this is kept for who has it open still. */
	if (READ_ONCE(inode->cache.num_dirty))
		page_cache_sync(&inode->cache, 0, INT64_MAX);
	spin_lock(&node->lock);
	list_remove(&open->node);
	spin_unlock(&node->lock);
	if (open->writable)
		p9_inode_settle(inode);
	p9_fid_put(p9_of(inode), open->fid);
	kfree(open);
}

/* A fid that can read, or write, with a reference. */
static int borrow_fid(struct inode *inode, bool write, struct p9_fid **out)
{
	struct p9_node *node = p9_node(inode);
	struct p9_file *open;

	*out = NULL;
	spin_lock(&node->lock);
	list_for_each (open, &node->open_files, node) {
		if (write ? open->writable : open->readable) {
			*out = p9_fid_get(open->fid);
			break;
		}
	}
	spin_unlock(&node->lock);
	if (*out)
		return 0;
	return p9_open_fid(inode, write ? O_WRONLY : O_RDONLY, out);
}

/* ---- Pages ---- */

/* Fill @pages, zeros behind the end of the file. */
static int fill_pages(struct inode *inode, const struct p9_fid *fid,
		      uint64_t offset, struct page **pages, unsigned int count)
{
	size_t total = (size_t)count * PAGE_SIZE, done = 0;
	ssize_t part = 1;

	while (done < total && part > 0) {
		/* A short read that did not end on a page starts over with it:
		 * the end of the file, most likely, and then it is 0 bytes. */
		size_t from = ALIGN_DOWN(done, PAGE_SIZE);

		part = p9_read_pages(p9_of(inode), fid, offset + from,
				     pages + from / PAGE_SIZE, total - from);
		if (part > 0 && from + (size_t)part <= done)
			break;
		if (part > 0)
			done = from + (size_t)part;
	}
	if (part < 0)
		return (int)part;
	for (size_t at = done; at < total;
	     at = ALIGN_DOWN(at, PAGE_SIZE) + PAGE_SIZE)
		memset((char *)page_address(pages[at / PAGE_SIZE]) +
			       at % PAGE_SIZE,
		       0, PAGE_SIZE - at % PAGE_SIZE);
	return 0;
}

static int read_into(struct page_cache *cache, uint64_t index,
		     struct page **pages, unsigned int count)
{
	struct inode *inode = inode_of(cache);
	struct p9_fid *fid;
	int err;

	err = borrow_fid(inode, false, &fid);
	if (err)
		return err;
	err = fill_pages(inode, fid, index << PAGE_SHIFT, pages, count);
	p9_fid_put(p9_of(inode), fid);
	return err;
}

static int read_page(struct page_cache *cache, uint64_t index,
		     struct page *page)
{
	return read_into(cache, index, &page, 1);
}

static void read_pages(struct page_cache *cache, uint64_t index,
		       struct page **pages, unsigned int count)
{
	while (count) {
		unsigned int part = MIN(count, P9_MAX_PAGES);
		int err = read_into(cache, index, pages, part);

		for (unsigned int i = 0; i < part; i++)
			page_cache_end_read(cache, pages[i], err);
		index += part;
		pages += part;
		count -= part;
	}
}

/* Dirty pages in a row. */
struct run {
	uint64_t first;
	unsigned int count;
	struct page *pages[P9_MAX_PAGES];
};

/* Take the next run; @index moves on. The page that ends it, if it does not
 * belong to it, is left in *@next. */
static void take_run(struct page_cache *cache, struct writeback *wb,
		     uint64_t *index, struct run *run, struct page **next)
{
	run->count = 0;
	while (run->count < P9_MAX_PAGES) {
		struct page *page = *next;
		uint64_t at = *index;

		*next = NULL;
		if (!page)
			page = page_cache_take_dirty(cache, wb, &at);
		if (!page)
			break;
		if (run->count && at != run->first + run->count) {
			*next = page;
			*index = at;
			break;
		}
		if (!run->count)
			run->first = at;
		run->pages[run->count++] = page;
		*index = at + 1;
	}
}

static int write_run(struct inode *inode, const struct p9_fid *fid,
		     struct run *run)
{
	uint64_t start = run->first << PAGE_SHIFT, size = inode_size(inode);
	size_t total = (size_t)run->count * PAGE_SIZE, done = 0;
	ssize_t part;

	if (start >= size)
		return 0;
	total = MIN(total, size - start);
	while (done < total) {
		/* Begins on a page again after a short write. */
		done = ALIGN_DOWN(done, PAGE_SIZE);
		part = p9_write_pages(p9_of(inode), fid, start + done,
				      run->pages + done / PAGE_SIZE,
				      total - done);
		if (part < 0)
			return (int)part;
		if (part < (ssize_t)PAGE_SIZE && done + (size_t)part < total)
			return -EIO;
		done += (size_t)part;
	}
	return 0;
}

static void end_run(struct page_cache *cache, struct run *run, int err)
{
	for (unsigned int i = 0; i < run->count; i++) {
		if (err == -ENOMEM)
			page_cache_redirty(cache, run->pages[i]);
		else
			page_cache_end_write(cache, run->pages[i], err);
	}
}

static int write_pages(struct page_cache *cache, struct writeback *wb)
{
	struct inode *inode = inode_of(cache);
	struct page *next = NULL;
	uint64_t index = wb->first;
	struct p9_fid *fid = NULL;
	struct run run;
	int result = 0, err;

	p9_change_begin(inode);
	for (;;) {
		take_run(cache, wb, &index, &run, &next);
		if (!run.count)
			break;
		err = fid ? 0 : borrow_fid(inode, true, &fid);
		if (!err)
			err = write_run(inode, fid, &run);
		end_run(cache, &run, err);
		if (err && !result)
			result = err;
		if (err == -ENOMEM && !next)
			break;
	}
	p9_change_end(inode);
	p9_fid_put(p9_of(inode), fid);
	return result;
}

const struct page_cache_ops p9_page_ops = {
	.read_page = read_page,
	.read_pages = read_pages,
	.write_pages = write_pages,
	.hold = inode_cache_hold,
	.release = inode_cache_release,
};

/* ---- read(2) ---- */

static ssize_t read_file(struct file *file, struct io_buf *io, loff_t *pos)
{
	struct inode *inode = file->inode;
	uint64_t seen = READ_ONCE(p9_node(inode)->seen_ns);

	if ((uint64_t)*pos + io->left > inode_size(inode) ||
	    clock_now_ns() - seen > TRUST_NS)
		p9_inode_refresh(inode, false);
	return generic_file_read(file, io, pos);
}

/* ---- write(2) ---- */

/* @size bytes at @offset are on the host: into the pages we have of them. */
static void update_cache(struct page_cache *cache, uint64_t offset,
			 const char *from, size_t size)
{
	while (size && READ_ONCE(cache->num_pages)) {
		size_t in_page = offset & (PAGE_SIZE - 1);
		size_t part = MIN(size, PAGE_SIZE - in_page);
		struct page *page =
			page_cache_wait_lookup(cache, offset >> PAGE_SHIFT);

		if (page) {
			memcpy((char *)page_address(page) + in_page, from,
			       part);
			page_put(page);
		}
		offset += part;
		from += part;
		size -= part;
	}
}

/* One chunk. Bytes, or an error. */
static ssize_t write_chunk(struct file *file, struct io_buf *io,
			   uint64_t offset, char *chunk, size_t size)
{
	struct inode *inode = file->inode;
	const struct p9_file *open = file->data;
	size_t copied = io_copy_from(io, chunk, MIN(size, io->left));
	ssize_t done;

	if (!copied)
		return -EFAULT;
	p9_change_begin(inode);
	done = p9_write(p9_of(inode), open->fid, offset, chunk, copied);
	if (done > 0) {
		update_cache(&inode->cache, offset, chunk, (size_t)done);
		page_cache_extend(&inode->cache, offset + (uint64_t)done);
	}
	p9_change_end(inode);
	if (done >= 0 && (size_t)done < copied)
		io_revert(io, copied - (size_t)done);
	return done;
}

/* Inode locked. */
static ssize_t write_locked(struct file *file, struct io_buf *io, loff_t at)
{
	size_t size = MIN(io->left, (size_t)CHUNK_SIZE), done = 0;
	char *chunk = kmalloc(size);
	ssize_t part = 0;

	if (!chunk && size > PAGE_SIZE) {
		size = PAGE_SIZE;
		chunk = kmalloc(size);
	}
	if (!chunk)
		return -ENOMEM;
	while (io->left) {
		part = write_chunk(file, io, (uint64_t)at + done, chunk, size);
		if (part < 0)
			break;
		done += (size_t)part;
	}
	kfree(chunk);
	return done ? (ssize_t)done : part;
}

static ssize_t write_file(struct file *file, struct io_buf *io, loff_t *pos)
{
	struct inode *inode = file->inode;
	size_t left = io->left;
	ssize_t allowed, done;
	loff_t at = *pos;

	if (!left)
		return 0;
	mutex_lock(&inode->lock);
	if (READ_ONCE(file->flags) & O_APPEND) {
		p9_inode_refresh(inode, true);
		at = (loff_t)inode_size(inode);
	}
	done = allowed = file_bytes_allowed(inode, at, left);
	if (allowed > 0) {
		io->left = (size_t)allowed;
		done = write_locked(file, io, at);
		io->left += left - (size_t)allowed;
	}
	if (done > 0)
		*pos = at + done;
	mutex_unlock(&inode->lock);
	return done;
}

static int sync_file(struct file *file, bool data_only)
{
	const struct p9_file *open = file->data;
	int err = generic_file_sync(file, data_only);
	int host_err = p9_fsync(p9_of(file->inode), open->fid, data_only);

	return err ? err : host_err;
}

const struct file_ops p9_file_ops = {
	.open = open_file,
	.release = release_file,
	.read = read_file,
	.write = write_file,
	.fsync = sync_file,
};

/* ---- truncate(2) ---- */

static int set_size(struct inode *inode, uint64_t size)
{
	struct p9_change change = { .valid = P9_SET_SIZE, .size = size };
	struct p9_fid *fid = p9_inode_fid(inode);
	int err;

	p9_change_begin(inode);
	err = p9_setattr(p9_of(inode), fid, &change);
	if (!err)
		err = page_cache_truncate(&inode->cache, size);
	p9_change_end(inode);
	p9_fid_put(p9_of(inode), fid);
	/* The last page was cleared behind the end, so it is dirty: nobody may
	 * have the file open to write that later. */
	if (!err && READ_ONCE(inode->cache.num_dirty))
		page_cache_sync(&inode->cache, 0, INT64_MAX);
	if (!err)
		p9_inode_settle(inode);
	return err;
}

const struct inode_ops p9_file_inode_ops = {
	.truncate = set_size,
	.refresh = p9_refresh,
	.set_attributes = p9_set_attributes,
	.get_xattr = p9_get_xattr,
	.set_xattr = p9_set_xattr,
	.list_xattr = p9_list_xattr,
};
