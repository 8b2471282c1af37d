/* SPDX-License-Identifier: MIT */
/*
 * page_io.h - pages of a file's cache to and from where they are on the disk
 *
 * Idea: a file system knows which blocks a page has, the cache knows which
 * pages are wanted; between them is always the same: make as few requests as
 * possible, and when the last one is done tell the cache. A page_io is one such
 * batch.
 *
 *	io = page_io_create(cache, bdev, BLOCK_WRITE);
 *	while ((page = page_cache_take_dirty(cache, wb, &index))) {
 *		page_io_begin_page(io, page);
 *		for each block of it that is on the disk
 *			page_io_add(io, sector, page, offset, size);
 *		page_io_end_page(io);
 *		if (page_io_is_full(io))
 *			submit it, make another
 *	}
 *	page_io_submit(io);
 *
 * At the end each page goes to page_cache_end_read() or _end_write(), in the
 * interrupt; done(), if set, is called after the last.
 */
#pragma once

#include "kernel/block/block.h"

#define PAGE_IO_MAX_PAGES 128u

struct page_io {
	struct page_cache *cache;
	struct block_device *bdev;
	enum block_op op;
	unsigned int flags; /* of the requests: BLOCK_FUA, BLOCK_AHEAD */
	/* After all pages have ended; interrupts off; frees nothing. */
	void (*done)(void *data, int error);
	void *data;

	/* page_io.c's. */
	unsigned int pending; /* atomic: requests, and one for the owner */
	int error;            /* the first */
	struct block_request *request; /* being filled */
	struct block_plug plug;
	uint32_t covered; /* bytes of the latest page that have parts */
	unsigned int num_pages;
	struct page *pages[PAGE_IO_MAX_PAGES];
};

/* NULL: no memory. */
struct page_io *page_io_create(struct page_cache *cache,
			       struct block_device *bdev, enum block_op op);
/* Room for no more pages: submit it and make another. */
bool page_io_is_full(const struct page_io *io);
/* The next page, whose parts follow. False: the batch is full. */
bool page_io_begin_page(struct page_io *io, struct page *page);
/*
 * Bytes of the page that is the latest, at @sector of io->bdev; the parts of a
 * page in order. 0; -ENOMEM: noted, the batch will end with it.
 */
int page_io_add(struct page_io *io, uint64_t sector, struct page *page,
		uint32_t offset, uint32_t size);
/* After the last part: a read clears what had none (holes, the end). */
void page_io_end_page(struct page_io *io);
/* Start it all. The batch belongs to itself now. */
void page_io_submit(struct page_io *io);
/* The same, and wait for it; the first error. */
int page_io_submit_wait(struct page_io *io);
/* Nothing of it was started yet: end all its pages with @error. */
void page_io_abort(struct page_io *io, int error);
