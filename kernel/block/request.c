/* SPDX-License-Identifier: MIT */
/*
 * request.c - making requests, and waiting for them
 *
 * Locks: none; a request is its owner's until it is submitted.
 */
#include "kernel/block/internal.h"

#include "kernel/abi/errno.h"
#include "kernel/debug/panic.h"
#include "kernel/lib/string.h"
#include "kernel/mm/page.h"
#include "kernel/mm/slab.h"
#include "kernel/sync/wait.h"

void block_request_init(struct block_request *request,
			struct block_device *bdev, enum block_op op,
			uint64_t sector)
{
	memset(request, 0, sizeof(*request));
	request->bdev = bdev;
	request->op = op;
	request->sector = sector;
	request->segments = request->inline_segments;
	request->max_segments = ARRAY_SIZE(request->inline_segments);
	list_init(&request->node);
	list_init(&request->chain);
}

struct block_request *block_request_create(struct block_device *bdev,
					   enum block_op op, uint64_t sector,
					   unsigned int max_segments)
{
	struct block_request *request;
	size_t more = 0;

	if (max_segments > ARRAY_SIZE(request->inline_segments))
		more = max_segments * sizeof(struct block_segment);
	request = kmalloc(sizeof(*request) + more);
	if (!request)
		return NULL;
	block_request_init(request, bdev, op, sector);
	request->allocated = true;
	if (more) {
		request->segments = (struct block_segment *)(request + 1);
		request->max_segments = max_segments;
	}
	return request;
}

void block_request_free(struct block_request *request)
{
	if (request->allocated)
		kfree(request);
}

/* Does @offset of @page continue @last in memory? */
static bool continues(const struct block_segment *last, const struct page *page,
		      uint32_t offset)
{
	return last->page == page && last->offset + last->size == offset;
}

/* May a segment at @offset of a page follow @last? */
bool block_may_follow(const struct block_limits *limits,
		      const struct block_segment *last, uint32_t offset)
{
	return !limits->no_gaps ||
	       (offset == 0 && last->offset + last->size == PAGE_SIZE);
}

bool block_request_add(struct block_request *request, struct page *page,
		       uint32_t offset, uint32_t size)
{
	struct block_segment *last = request->segments;

	debug_assert(IS_ALIGNED(offset | size, BLOCK_SECTOR_SIZE));
	debug_assert(size > 0 && offset + size <= PAGE_SIZE);
	debug_assert(request->max_segments > 0);
	if (request->num_segments) {
		last += request->num_segments - 1;
		if (continues(last, page, offset)) {
			last->size += size;
			goto out;
		}
		if (request->num_segments == request->max_segments ||
		    !block_may_follow(&request->bdev->queue->limits, last,
				      offset))
			return false;
		last++;
	}
	*last = (struct block_segment){ page, offset, size };
	request->num_segments++;
out:
	request->num_sectors += size >> BLOCK_SECTOR_SHIFT;
	return true;
}

size_t block_request_add_memory(struct block_request *request, char *buf,
				size_t size)
{
	size_t done = 0;

	while (done < size) {
		paddr_t pa = virt_to_phys(buf + done);
		uint32_t offset = (uint32_t)(pa & (PAGE_SIZE - 1));
		uint32_t part =
			(uint32_t)MIN(size - done, PAGE_SIZE - (size_t)offset);

		/* A logical block may not be torn in two. */
		if (!block_request_add(request, phys_to_page(pa - offset),
				       offset, part))
			break;
		done += part;
	}
	return done;
}

/* ---- Waiting ------------------------------------------------------------------- */

/*
 * Where submitters wait. Not in their own frames: the moment the request is
 * called done, its waiter may return, and waking comes after that.
 */
enum { NUM_QUEUES = 16 };
static struct wait_queue waiting[NUM_QUEUES];

void block_requests_init(void)
{
	for (unsigned int i = 0; i < NUM_QUEUES; i++)
		wait_queue_init(&waiting[i]);
}

static struct wait_queue *queue_of(const bool *done)
{
	return &waiting[((uintptr_t)done >> 6) % NUM_QUEUES];
}

static void wake_submitter(struct block_request *request)
{
	bool *done = request->data;
	struct wait_queue *queue = queue_of(done);

	/* pairs with the acquire in block_submit_wait() */
	STORE_RELEASE(*done, true);
	wake_all(queue);
}

int block_submit_wait(struct block_request *request)
{
	bool done = false;

	request->done = wake_submitter;
	request->data = &done;
	block_submit(request);
	/* pairs with the release in wake_submitter() */
	WAIT_EVENT(queue_of(&done), __atomic_load_n(&done, __ATOMIC_ACQUIRE));
	return request->error;
}
