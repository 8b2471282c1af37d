/* SPDX-License-Identifier: MIT */
/*
 * page_cache_io.c - reading and writing files through their page cache
 *
 * Idea: bytes go straight between the program's buffer and the cached page. A
 * reference keeps the page alive meanwhile; the cache's lock is not held, since
 * the program's buffer may be a mapping of the very same file and fault.
 * A page that is written before it ever existed enters the cache only when the
 * bytes are in it, so a write of whole pages neither clears nor reads them.
 *
 * Locks: none here. The caller holds inode->lock for a write.
 */
#include "kernel/abi/errno.h"
#include "kernel/lib/string.h"
#include "kernel/mm/page.h"
#include "kernel/mm/page_cache.h"
#include "kernel/vfs/io_buf.h"

/*
 * Page @index, of which a program wants to read, as page_cache_get(). On the
 * way, what it will want next is asked for.
 */
static int get_page(struct page_cache *cache, struct read_ahead *ahead,
		    uint64_t index, uint64_t count, struct page **page)
{
	if (!ahead || !cache->ops || !cache->ops->read_pages)
		return page_cache_get(cache, index, false, page);
	*page = page_cache_lookup(cache, index);
	if (!*page) {
		page_cache_read_ahead(cache, ahead, index, count);
	} else if (unlikely((*page)->flags & PAGE_FLAG_AHEAD)) {
		__atomic_fetch_and(&(*page)->flags, ~PAGE_FLAG_AHEAD,
				   __ATOMIC_RELAXED);
		page_cache_read_ahead(cache, ahead, index, count);
	}
	ahead->next = index + 1;
	return *page ? 0 : page_cache_get(cache, index, false, page);
}

ssize_t page_cache_read(struct page_cache *cache, struct io_buf *io, loff_t pos)
{
	return page_cache_read_file(cache, NULL, io, pos);
}

ssize_t page_cache_read_file(struct page_cache *cache, struct read_ahead *ahead,
			     struct io_buf *io, loff_t pos)
{
	uint64_t at = (uint64_t)pos;
	size_t done = 0;
	int err = 0;

	while (io->left > 0) {
		uint64_t size = READ_ONCE(cache->size_bytes);
		size_t offset = at & (PAGE_SIZE - 1);
		size_t part = MIN(io->left, PAGE_SIZE - offset);
		struct page *page;
		size_t copied;

		if (at >= size)
			break;
		part = MIN(part, size - at);
		err = get_page(cache, ahead, at >> PAGE_SHIFT,
			       DIV_ROUND_UP(offset + io->left, PAGE_SIZE),
			       &page);
		if (err)
			break;
		if (page) {
			copied = io_copy_to(
				io, (char *)page_address(page) + offset, part);
			page_put(page);
		} else {
			copied = io_clear(io, part);
		}
		done += copied;
		at += copied;
		if (copied < part) {
			err = -EFAULT;
			break;
		}
	}
	return done ? (ssize_t)done : err;
}

/* Copy into a page that is in the cache; returns bytes. */
static size_t overwrite(struct page_cache *cache, struct page *page,
			struct io_buf *io, size_t offset, size_t size)
{
	size_t copied =
		io_copy_from(io, (char *)page_address(page) + offset, size);

	if (copied)
		page_cache_mark_written(cache, page);
	return copied;
}

/* See to it that bytes of @page have a place on the disk. 0, -ENOSPC, ... */
static int prepare(struct page_cache *cache, uint64_t index, struct page *page,
		   size_t offset, size_t size)
{
	if (!cache->ops || !cache->ops->prepare_write ||
	    page->flags & PAGE_FLAG_BACKED)
		return 0;
	return cache->ops->prepare_write(cache, index, page, offset, size);
}

/* Somebody was faster: carry our bytes over to the page that is there. */
static int merge_into(struct page_cache *cache, uint64_t index,
		      struct page *ours, size_t offset, size_t size)
{
	struct page *page;
	int err = page_cache_get(cache, index, true, &page);

	if (err)
		return err;
	memcpy((char *)page_address(page) + offset,
	       (char *)page_address(ours) + offset, size);
	page_cache_mark_written(cache, page);
	page_put(page);
	return 0;
}

/*
 * Write the first bytes of a page that is neither cached nor anywhere else.
 * Bytes, or an error.
 */
static ssize_t write_new(struct page_cache *cache, uint64_t index,
			 struct io_buf *io, size_t offset, size_t size)
{
	bool whole = size == PAGE_SIZE;
	struct page *page =
		page_alloc(0, ALLOC_USER | (whole ? 0 : ALLOC_ZERO));
	ssize_t result = 0;
	size_t copied;
	int err;

	if (!page)
		return -ENOMEM;
	err = prepare(cache, index, page, offset, size);
	if (err)
		goto put;
	copied = io_copy_from(io, (char *)page_address(page) + offset, size);
	result = (ssize_t)copied;
	if (copied) {
		/* What the buffer did not fill must not show old memory. */
		if (whole)
			memset((char *)page_address(page) + copied, 0,
			       PAGE_SIZE - copied);
		err = page_cache_add(cache, index, page);
		if (err == -EEXIST)
			err = merge_into(cache, index, page, offset, copied);
		else if (!err)
			page_cache_mark_written(cache, page);
	}
put:
	page_put(page);
	return err ? err : result;
}

/* Write within one page. Bytes, or an error. */
static ssize_t write_page(struct page_cache *cache, uint64_t index,
			  struct io_buf *io, size_t offset, size_t size)
{
	struct page *page = page_cache_lookup(cache, index);
	size_t copied;
	int err;

	if (!page) {
		/* Nothing of it is kept: all overwritten, or nowhere yet. */
		if (size == PAGE_SIZE || !cache->ops ||
		    !cache->ops->read_page ||
		    index >= DIV_ROUND_UP(READ_ONCE(cache->size_bytes),
					  PAGE_SIZE))
			return write_new(cache, index, io, offset, size);
		err = page_cache_get(cache, index, true, &page);
		if (err)
			return err;
	}
	err = prepare(cache, index, page, offset, size);
	copied = err ? 0 : overwrite(cache, page, io, offset, size);
	page_put(page);
	return err ? err : (ssize_t)copied;
}

/* Of one write, the size grows at least so often: write-back has to keep up. */
#define GROWTH_STEP (64 * PAGE_SIZE)

/* Bytes [@at, @at + @size). How many; less: *@err says why. */
static size_t write_step(struct page_cache *cache, struct io_buf *io,
			 uint64_t at, size_t size, int *err)
{
	bool grows = cache->ops && cache->ops->write_pages &&
		     at + size > READ_ONCE(cache->size_bytes);
	size_t done = 0;

	if (grows)
		page_cache_begin_growth(cache, at + size);
	while (!*err && done < size) {
		size_t offset = (at + done) & (PAGE_SIZE - 1);
		size_t part = MIN(size - done, PAGE_SIZE - offset);
		ssize_t copied = write_page(cache, (at + done) >> PAGE_SHIFT,
					    io, offset, part);

		if (copied < 0)
			*err = (int)copied;
		else if ((size_t)copied < part)
			*err = -EFAULT;
		if (copied > 0)
			done += (size_t)copied;
	}
	if (grows)
		page_cache_end_growth(cache, done ? at + done : 0);
	else if (done)
		page_cache_extend(cache, at + done);
	return done;
}

ssize_t page_cache_write(struct page_cache *cache, struct io_buf *io,
			 loff_t pos)
{
	uint64_t at = (uint64_t)pos;
	int err = 0;

	while (!err && io->left > 0) {
		size_t step = GROWTH_STEP - (at & (PAGE_SIZE - 1));

		at += write_step(cache, io, at, MIN(io->left, step), &err);
	}
	if (at == (uint64_t)pos)
		return err;
	if (unlikely(cache->num_dirty))
		writeback_throttle(cache);
	return (ssize_t)(at - (uint64_t)pos);
}
