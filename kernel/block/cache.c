/* SPDX-License-Identifier: MIT */
/*
 * cache.c - the bytes of a device as a file: its page cache
 *
 * Idea: page n is the device's bytes from n * PAGE_SIZE on, so there is nothing
 * to allocate and no end to move. What is special is metadata: a page that
 * buffers (buffer.c) look into is written buffer by buffer, since a journal may
 * not let go of some of them yet.
 *
 * Locks: none of its own.
 */
#include "kernel/block/buffers.h"
#include "kernel/block/internal.h"
#include "kernel/block/page_io.h"

#include "kernel/abi/errno.h"
#include "kernel/lib/string.h"
#include "kernel/mm/page.h"

static struct block_device *device_of(struct page_cache *cache)
{
	return container_of(cache, struct block_device, cache);
}

/* Bytes of page @index that the device has. */
static uint32_t bytes_in_page(const struct block_device *bdev, uint64_t index)
{
	uint64_t start = index << PAGE_SHIFT, size = block_device_size(bdev);

	if (start >= size)
		return 0;
	return (uint32_t)MIN(size - start, (uint64_t)PAGE_SIZE);
}

static int add_page(struct page_io *io, struct block_device *bdev,
		    struct page *page, uint64_t index)
{
	uint32_t bytes = bytes_in_page(bdev, index);

	if (!bytes)
		return 0;
	return page_io_add(io, index << (PAGE_SHIFT - BLOCK_SECTOR_SHIFT), page,
			   0, bytes);
}

static int cache_read_page(struct page_cache *cache, uint64_t index,
			   struct page *page)
{
	struct block_device *bdev = device_of(cache);
	uint32_t bytes = bytes_in_page(bdev, index);
	struct block_request request;

	memset((char *)page_address(page) + bytes, 0, PAGE_SIZE - bytes);
	if (!bytes)
		return 0;
	block_request_init(&request, bdev, BLOCK_READ,
			   index << (PAGE_SHIFT - BLOCK_SECTOR_SHIFT));
	block_request_add(&request, page, 0, bytes);
	return block_submit_wait(&request);
}

static void cache_read_pages(struct page_cache *cache, uint64_t index,
			     struct page **pages, unsigned int count)
{
	struct block_device *bdev = device_of(cache);
	struct page_io *io = page_io_create(cache, bdev, BLOCK_READ);

	if (!io) {
		while (count--)
			page_cache_end_read(cache, *pages++, -ENOMEM);
		return;
	}
	io->flags = BLOCK_AHEAD;
	for (unsigned int i = 0; i < count; i++) {
		page_io_begin_page(io, pages[i]);
		add_page(io, bdev, pages[i], index + i);
		page_io_end_page(io);
	}
	page_io_submit(io);
}

static int cache_write_pages(struct page_cache *cache, struct writeback *wb)
{
	struct block_device *bdev = device_of(cache);
	struct page_io *io = NULL;
	struct page *page;
	uint64_t index = 0;

	while ((page = page_cache_take_dirty(cache, wb, &index))) {
		if (!io)
			io = page_io_create(cache, bdev, BLOCK_WRITE);
		if (!io) {
			page_cache_redirty(cache, page);
			return -ENOMEM;
		}
		page_io_begin_page(io, page);
		if (!buffers_write_page(bdev, page, io))
			add_page(io, bdev, page, index);
		if (page_io_is_full(io)) {
			page_io_submit(io);
			io = NULL;
		}
		index++;
	}
	if (io)
		page_io_submit(io);
	return 0;
}

static void cache_hold(struct page_cache *cache)
{
	block_device_get(device_of(cache));
}

static void cache_release(struct page_cache *cache)
{
	block_device_put(device_of(cache));
}

static void cache_release_page(struct page_cache *cache, struct page *page)
{
	buffers_release_page(device_of(cache), page);
}

const struct page_cache_ops block_cache_ops = {
	.read_page = cache_read_page,
	.read_pages = cache_read_pages,
	.write_pages = cache_write_pages,
	.hold = cache_hold,
	.release = cache_release,
	.release_page = cache_release_page,
};

int block_device_sync(struct block_device *bdev)
{
	int err = page_cache_sync(&bdev->cache, 0, UINT64_MAX);
	int flush_err = block_flush(bdev);

	return err ? err : flush_err;
}

void block_device_invalidate(struct block_device *bdev)
{
	page_cache_write_and_drop(&bdev->cache, 0,
				  (UINT64_MAX >> PAGE_SHIFT) - 1);
}
