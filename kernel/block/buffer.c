/* SPDX-License-Identifier: MIT */
/*
 * buffer.c - blocks of a device in memory, for a file system's metadata
 *
 * Idea: see buffer.h. A tree by block number finds them. Pages are read as a
 * whole, so buffers of one page come up to date together; they are written one
 * by one.
 *
 * Invariants
 *   U1  A buffer in the tree has one reference for that and holds its page;
 *	 it is freed only by who takes it out, with refs 1 and clean.
 *   U2  BUFFER_DIRTY and BUFFER_JOURNALED are never both set.
 *   U3  A buffer with BUFFER_WRITING has one reference for that.
 *
 * Locks: bdev->cache.lock for the tree. Flags are atomic.
 */
#include "kernel/block/buffer.h"
#include "kernel/block/buffers.h"
#include "kernel/block/internal.h"
#include "kernel/block/page_io.h"

#include "kernel/abi/errno.h"
#include "kernel/debug/panic.h"
#include "kernel/mm/page.h"
#include "kernel/mm/slab.h"
#include "kernel/sync/wait.h"

enum { NUM_QUEUES = 16 };

static struct slab_cache *buffer_slab;        /* fixed after boot */
static struct wait_queue waiting[NUM_QUEUES]; /* by address; as page_wait.c */

void buffers_init(void)
{
	buffer_slab = slab_cache_create("buffer", sizeof(struct buffer), 0);
	assert(buffer_slab);
	for (unsigned int i = 0; i < NUM_QUEUES; i++)
		wait_queue_init(&waiting[i]);
}

static struct wait_queue *queue_of(const struct buffer *buffer)
{
	return &waiting[((uintptr_t)buffer / sizeof(*buffer)) % NUM_QUEUES];
}

void buffer_set(struct buffer *buffer, unsigned int flags)
{
	__atomic_fetch_or(&buffer->flags, flags, __ATOMIC_ACQ_REL);
}

void buffer_clear(struct buffer *buffer, unsigned int flags)
{
	__atomic_fetch_and(&buffer->flags, ~flags, __ATOMIC_ACQ_REL);
}

/* Some of @flags are set. */
static bool has_any(const struct buffer *buffer, unsigned int flags)
{
	return __atomic_load_n(&buffer->flags, __ATOMIC_ACQUIRE) & flags;
}

/* ---- The tree; cache.lock held -------------------------------------------------- */

static struct buffer *lookup(struct block_device *bdev, uint64_t block)
{
	struct buffer *buffer = radix_get(&bdev->buffers, block);

	if (buffer)
		refcount_get(&buffer->refs);
	return buffer;
}

/* A buffer of @page, in the tree, with a reference for the caller. */
static int add(struct block_device *bdev, uint64_t block, struct page *page,
	       struct buffer **out)
{
	struct buffer *buffer = slab_alloc_zero(buffer_slab);
	uint64_t pos = block * bdev->block_size;
	int err;

	if (!buffer)
		return -ENOMEM;
	refcount_init(&buffer->refs, 2);
	buffer->bdev = bdev;
	buffer->block = block;
	buffer->size = bdev->block_size;
	buffer->page = page;
	buffer->data = (char *)page_address(page) + (pos & (PAGE_SIZE - 1));
	list_init(&buffer->journal_node);
	err = radix_insert(&bdev->buffers, block, buffer);
	if (err) {
		slab_free(buffer_slab, buffer);
		return err;
	}
	page_get(page);
	bdev->buffer_size = bdev->block_size;
	*out = buffer;
	return 0;
}

/* Nobody holds it and it has nothing to say: free it. */
static bool release(struct block_device *bdev, struct buffer *buffer)
{
	if (refcount_read(&buffer->refs) > 1 ||
	    has_any(buffer, BUFFER_DIRTY | BUFFER_JOURNALED | BUFFER_WRITING))
		return false;
	radix_remove(&bdev->buffers, buffer->block);
	page_put(buffer->page);
	slab_free(buffer_slab, buffer);
	return true;
}

/* The blocks of page @index are [*first, *end). */
static void blocks_of_page(const struct block_device *bdev, uint64_t index,
			   uint64_t *first, uint64_t *end)
{
	unsigned int per_page = (unsigned int)PAGE_SIZE / bdev->block_size;

	*first = index * per_page;
	*end = *first + per_page;
}

void buffers_release_page(struct block_device *bdev, struct page *page)
{
	uint64_t block, end;
	struct buffer *buffer;

	blocks_of_page(bdev, page->index, &block, &end);
	for (; bdev->buffer_size && block < end; block++) {
		buffer = radix_get(&bdev->buffers, block);
		if (buffer)
			release(bdev, buffer);
	}
}

int block_set_size(struct block_device *bdev, unsigned int size)
{
	struct buffer *buffer;
	uint64_t block = 0;
	int err = 0;

	if (size < bdev->logical_block_size || size > PAGE_SIZE ||
	    size & (size - 1))
		return -EINVAL;
	page_cache_sync(&bdev->cache, 0, UINT64_MAX);
	mutex_lock(&bdev->cache.lock);
	while ((buffer = radix_next(&bdev->buffers, &block))) {
		if (!release(bdev, buffer))
			err = -EBUSY;
		block++;
	}
	if (!err) {
		bdev->block_size = size;
		bdev->buffer_size = 0;
	}
	mutex_unlock(&bdev->cache.lock);
	return err;
}

/* ---- Getting ---------------------------------------------------------------------- */

static bool is_inside(const struct block_device *bdev, uint64_t block)
{
	return block < block_device_size(bdev) / bdev->block_size;
}

struct buffer *buffer_find(struct block_device *bdev, uint64_t block)
{
	struct buffer *buffer;

	mutex_lock(&bdev->cache.lock);
	buffer = lookup(bdev, block);
	mutex_unlock(&bdev->cache.lock);
	return buffer;
}

/*
 * The page that holds @block, with a reference. One that is all this block and
 * not in memory is made without reading it: *@blank.
 */
static int page_of_block(struct block_device *bdev, uint64_t block, bool read,
			 struct page **page, bool *blank)
{
	uint64_t index = block * bdev->block_size >> PAGE_SHIFT;
	int err;

	*blank = false;
	if (read || bdev->block_size < PAGE_SIZE)
		return page_cache_get(&bdev->cache, index, true, page);
	*page = page_cache_lookup(&bdev->cache, index);
	if (*page)
		return 0;
	*page = page_alloc(0, ALLOC_USER | ALLOC_ZERO);
	if (!*page)
		return -ENOMEM;
	err = page_cache_add(&bdev->cache, index, *page);
	if (!err) {
		*blank = true;
		return 0;
	}
	page_put(*page);
	return err == -EEXIST ? page_cache_get(&bdev->cache, index, true, page)
			      : err;
}

/* Make the buffer that is not there. 0; -EEXIST: it is there now. */
static int make(struct block_device *bdev, uint64_t block, bool read,
		struct buffer **out)
{
	struct page *page;
	bool blank;
	int err;

	err = page_of_block(bdev, block, read, &page, &blank);
	if (err)
		return err;
	mutex_lock(&bdev->cache.lock);
	err = add(bdev, block, page, out);
	if (!err && !blank)
		buffer_set(*out, BUFFER_UPTODATE);
	mutex_unlock(&bdev->cache.lock);
	page_put(page);
	return err;
}

static int get(struct block_device *bdev, uint64_t block, bool read,
	       struct buffer **out)
{
	int err = 0;

	if (!is_inside(bdev, block))
		return -EIO;
	do {
		*out = buffer_find(bdev, block);
		if (!*out)
			err = make(bdev, block, read, out);
	} while (err == -EEXIST);
	return err;
}

int buffer_get(struct block_device *bdev, uint64_t block, struct buffer **out)
{
	return get(bdev, block, false, out);
}

int buffer_read(struct block_device *bdev, uint64_t block, struct buffer **out)
{
	struct buffer *buffer;
	int err = get(bdev, block, true, &buffer);

	if (err)
		return err;
	/* Got for overwriting before, and that never happened. */
	if (unlikely(!buffer_has(buffer, BUFFER_UPTODATE))) {
		err = block_read(bdev, block * buffer->size, buffer->data,
				 buffer->size);
		if (err) {
			buffer_put(buffer);
			return err;
		}
		buffer_set(buffer, BUFFER_UPTODATE);
	}
	*out = buffer;
	return 0;
}

void buffer_read_ahead(struct block_device *bdev, uint64_t block,
		       unsigned int count)
{
	uint64_t first = block * bdev->block_size >> PAGE_SHIFT;
	uint64_t last = (block + count) * bdev->block_size >> PAGE_SHIFT;

	page_cache_read_ahead(&bdev->cache, NULL, first, last - first + 1);
}

void buffer_put(struct buffer *buffer)
{
	bool gone;

	if (!buffer)
		return;
	gone = refcount_put(&buffer->refs);
	debug_assert(!gone); /* the tree's own is left (U1) */
}

/* ---- Dirty, and written --------------------------------------------------------------- */

void buffer_mark_dirty(struct buffer *buffer)
{
	debug_assert(!has_any(buffer, BUFFER_JOURNALED));
	buffer_set(buffer, BUFFER_DIRTY | BUFFER_UPTODATE);
	page_cache_mark_written(&buffer->bdev->cache, buffer->page);
}

static void end_write(struct buffer *buffer, int error)
{
	if (error) {
		buffer_set(buffer, BUFFER_ERROR);
		error_sequence_set(&buffer->bdev->cache.errors, error);
	}
	/* pairs with the acquire in has_any() */
	buffer_clear(buffer, BUFFER_WRITING);
	wake_all(queue_of(buffer));
	buffer_put(buffer);
}

/*
 * Dirty -> being written (U3). False: it is not dirty, or not to be written
 * now. Waits for an earlier write of it.
 */
static bool begin_write(struct buffer *buffer)
{
	unsigned int flags = __atomic_load_n(&buffer->flags, __ATOMIC_ACQUIRE);

	for (;;) {
		if ((flags & (BUFFER_DIRTY | BUFFER_JOURNALED)) != BUFFER_DIRTY)
			return false;
		if (flags & BUFFER_WRITING) {
			WAIT_EVENT(queue_of(buffer),
				   !has_any(buffer, BUFFER_WRITING));
			flags = __atomic_load_n(&buffer->flags,
						__ATOMIC_ACQUIRE);
			continue;
		}
		if (__atomic_compare_exchange_n(
			    &buffer->flags, &flags,
			    (flags & ~(BUFFER_DIRTY | BUFFER_ERROR)) |
				    BUFFER_WRITING,
			    false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
			break;
	}
	buffer_hold(buffer);
	return true;
}

static uint64_t sector_of(const struct buffer *buffer)
{
	return buffer->block * (buffer->size >> BLOCK_SECTOR_SHIFT);
}

static uint32_t offset_of(const struct buffer *buffer)
{
	return (uint32_t)((uintptr_t)buffer->data & (PAGE_SIZE - 1));
}

static void request_done(struct block_request *request)
{
	end_write(request->data, request->error);
	block_request_free(request);
}

/* A write of @buffer, which has BUFFER_WRITING; NULL: no memory, dirty again. */
static struct block_request *write_request(struct buffer *buffer,
					   unsigned int flags)
{
	struct block_request *request = block_request_create(
		buffer->bdev, BLOCK_WRITE, sector_of(buffer), 1);

	if (!request) {
		buffer_set(buffer, BUFFER_DIRTY);
		end_write(buffer, 0);
		return NULL;
	}
	request->flags = flags;
	request->done = request_done;
	request->data = buffer;
	block_request_add(request, buffer->page, offset_of(buffer),
			  buffer->size);
	return request;
}

void buffer_start_write(struct buffer *buffer, struct block_plug *plug)
{
	struct block_request *request;

	if (!begin_write(buffer))
		return;
	request = write_request(buffer, 0);
	if (!request)
		return;
	if (plug)
		block_plug_add(plug, request);
	else
		block_submit(request);
}

int buffer_wait(struct buffer *buffer)
{
	WAIT_EVENT(queue_of(buffer),
		   !has_any(buffer, BUFFER_WRITING | BUFFER_READING));
	return has_any(buffer, BUFFER_ERROR) ? -EIO : 0;
}

int buffer_write(struct buffer *buffer, unsigned int flags)
{
	struct block_request *request;

	if (begin_write(buffer)) {
		request = write_request(buffer, flags);
		if (!request)
			return -ENOMEM;
		block_submit(request);
	}
	return buffer_wait(buffer);
}

void buffer_forget(struct buffer *buffer)
{
	buffer_clear(buffer, BUFFER_DIRTY);
	buffer_wait(buffer);
}

/* ---- Pages of buffers -------------------------------------------------------------------- */

/* The batch is done: so are its buffers. */
static void batch_done(void *data, int error)
{
	struct buffer *buffer = data, *next;

	for (; buffer; buffer = next) {
		next = buffer->write_next;
		end_write(buffer, error);
	}
}

static void add_to_batch(struct page_io *io, struct buffer *buffer)
{
	buffer->write_next = io->data;
	io->data = buffer;
	io->done = batch_done;
	page_io_add(io, sector_of(buffer), buffer->page, offset_of(buffer),
		    buffer->size);
}

/* A block of a dirty page that nobody has a say in: written as it is. */
static void add_plain(struct page_io *io, struct block_device *bdev,
		      struct page *page, uint64_t block)
{
	unsigned int size = bdev->block_size;

	if (is_inside(bdev, block))
		page_io_add(io, block * (size >> BLOCK_SECTOR_SHIFT), page,
			    (uint32_t)(block * size & (PAGE_SIZE - 1)), size);
}

/* With a reference if it is in somebody's hands, or has something to write. */
static struct buffer *find_in_use(struct block_device *bdev, uint64_t block)
{
	struct buffer *buffer = buffer_find(bdev, block);

	if (!buffer)
		return NULL;
	if (refcount_read(&buffer->refs) > 2 ||
	    has_any(buffer, BUFFER_DIRTY | BUFFER_JOURNALED | BUFFER_WRITING))
		return buffer;
	buffer_put(buffer);
	return NULL;
}

bool buffers_write_page(struct block_device *bdev, struct page *page,
			struct page_io *io)
{
	uint64_t block, end;
	struct buffer *buffer;

	if (!bdev->buffer_size)
		return false;
	blocks_of_page(bdev, page->index, &block, &end);
	for (; block < end; block++) {
		buffer = find_in_use(bdev, block);
		if (!buffer)
			add_plain(io, bdev, page, block);
		else if (begin_write(buffer))
			add_to_batch(io, buffer);
		buffer_put(buffer);
	}
	return true;
}
