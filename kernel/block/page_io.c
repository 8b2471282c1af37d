/* SPDX-License-Identifier: MIT */
/*
 * page_io.c - pages of a file's cache to and from where they are on the disk
 *
 * Idea: see page_io.h. Parts that are side by side on the disk go into one
 * request, as far as the device's limits allow; the requests of a batch start
 * together. The last to complete ends all pages.
 *
 * Locks: none; pending is atomic.
 */
#include "kernel/block/page_io.h"

#include "kernel/abi/errno.h"
#include "kernel/debug/panic.h"
#include "kernel/lib/string.h"
#include "kernel/mm/page.h"
#include "kernel/mm/slab.h"
#include "kernel/block/queue.h"
#include "kernel/sync/wait.h"

/* Segments of one request; more than any driver takes at once is no use. */
#define MAX_SEGMENTS 64u

struct page_io *page_io_create(struct page_cache *cache,
			       struct block_device *bdev, enum block_op op)
{
	struct page_io *io = kzalloc(sizeof(*io));

	if (!io)
		return NULL;
	io->cache = cache;
	io->bdev = bdev;
	io->op = op;
	io->pending = 1;
	block_plug_begin(&io->plug);
	return io;
}

bool page_io_is_full(const struct page_io *io)
{
	return io->num_pages == PAGE_IO_MAX_PAGES;
}

bool page_io_begin_page(struct page_io *io, struct page *page)
{
	if (page_io_is_full(io))
		return false;
	io->pages[io->num_pages++] = page;
	io->covered = 0;
	return true;
}

/* ---- The end --------------------------------------------------------------------- */

static void note_error(struct page_io *io, int error)
{
	int none = 0;

	__atomic_compare_exchange_n(&io->error, &none, error, false,
				    __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

static void end_pages(struct page_io *io)
{
	for (unsigned int i = 0; i < io->num_pages; i++) {
		if (io->op == BLOCK_READ)
			page_cache_end_read(io->cache, io->pages[i], io->error);
		else
			page_cache_end_write(io->cache, io->pages[i],
					     io->error);
	}
}

/* One request less, or the owner is done with filling it. */
static void put(struct page_io *io)
{
	/* The last one sees what the others noted. */
	if (__atomic_sub_fetch(&io->pending, 1, __ATOMIC_ACQ_REL))
		return;
	end_pages(io);
	if (io->done)
		io->done(io->data, io->error);
	kfree(io);
}

static void request_done(struct block_request *request)
{
	struct page_io *io = request->data;

	if (request->error)
		note_error(io, request->error);
	block_request_free(request);
	put(io);
}

/* ---- Filling it -------------------------------------------------------------------- */

static void close_request(struct page_io *io)
{
	if (io->request)
		block_plug_add(&io->plug, io->request);
	io->request = NULL;
}

/* May @size bytes at @sector be appended to the request under way? */
static bool continues(const struct page_io *io, uint64_t sector, uint32_t size)
{
	const struct block_request *request = io->request;
	const struct block_limits *limits = &io->bdev->queue->limits;

	return request && request->sector + request->num_sectors == sector &&
	       request->num_segments < request->max_segments &&
	       request->num_sectors + (size >> BLOCK_SECTOR_SHIFT) <=
		       limits->max_sectors;
}

static int open_request(struct page_io *io, uint64_t sector)
{
	unsigned int segments =
		MIN(MAX_SEGMENTS, io->bdev->queue->limits.max_segments);
	struct block_request *request;

	close_request(io);
	request = block_request_create(io->bdev, io->op, sector, segments);
	if (!request)
		return -ENOMEM;
	request->flags = io->flags;
	request->done = request_done;
	request->data = io;
	io->request = request;
	__atomic_fetch_add(&io->pending, 1, __ATOMIC_RELAXED);
	return 0;
}

/* A read: what the parts so far have left out is a hole. */
static void clear_up_to(struct page_io *io, struct page *page, uint32_t offset)
{
	if (io->op == BLOCK_READ && io->covered < offset)
		memset((char *)page_address(page) + io->covered, 0,
		       offset - io->covered);
	io->covered = offset;
}

int page_io_add(struct page_io *io, uint64_t sector, struct page *page,
		uint32_t offset, uint32_t size)
{
	int err;

	debug_assert(io->num_pages && io->pages[io->num_pages - 1] == page);
	clear_up_to(io, page, offset);
	io->covered = offset + size;
	if (!continues(io, sector, size)) {
		err = open_request(io, sector);
		if (err) {
			note_error(io, err);
			return err;
		}
	}
	/* The device may want pages as a whole. */
	if (!block_request_add(io->request, page, offset, size)) {
		err = open_request(io, sector);
		if (err) {
			note_error(io, err);
			return err;
		}
		block_request_add(io->request, page, offset, size);
	}
	return 0;
}

void page_io_end_page(struct page_io *io)
{
	clear_up_to(io, io->pages[io->num_pages - 1], (uint32_t)PAGE_SIZE);
}

void page_io_submit(struct page_io *io)
{
	close_request(io);
	block_plug_end(&io->plug);
	put(io);
}

/* ---- Waiting ------------------------------------------------------------------------- */

static struct wait_queue waiting = WAIT_QUEUE_INIT(waiting);

struct end {
	bool done;
	int error;
};

static void note_end(void *data, int error)
{
	struct end *end = data;

	end->error = error;
	/* pairs with the acquire in has_ended() */
	STORE_RELEASE(end->done, true);
	wake_all(&waiting);
}

static bool has_ended(const struct end *end)
{
	return __atomic_load_n(&end->done, __ATOMIC_ACQUIRE);
}

int page_io_submit_wait(struct page_io *io)
{
	struct end end = { .done = false };

	io->done = note_end;
	io->data = &end;
	page_io_submit(io);
	WAIT_EVENT(&waiting, has_ended(&end));
	return end.error;
}

void page_io_abort(struct page_io *io, int error)
{
	struct block_request *request;

	note_error(io, error);
	close_request(io);
	while (!list_empty(&io->plug.requests)) {
		request = list_first(&io->plug.requests, struct block_request,
				     node);
		list_remove(&request->node);
		block_request_free(request);
		/* Not the last one: the owner's is given back below. */
		__atomic_sub_fetch(&io->pending, 1, __ATOMIC_RELEASE);
	}
	put(io);
}
