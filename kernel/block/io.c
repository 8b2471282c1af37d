/* SPDX-License-Identifier: MIT */
/*
 * io.c - reading and writing a device here and now, past its cache
 *
 * Idea: memory of kmalloc() is direct mapped, so it is cut into pages and those
 * become the segments of as few requests as the device's limits allow; they
 * are in flight together, and the last to complete wakes the caller.
 *
 * Locks: none.
 */
#include "kernel/block/internal.h"

#include "kernel/abi/errno.h"
#include "kernel/mm/page.h"
#include "kernel/mm/slab.h"

/* Bytes of one request at most, whatever the device could do. */
#define MAX_PART (256u * 1024)

/* One request's worth; bytes moved or an error. */
static ssize_t move_part(struct block_device *bdev, enum block_op op,
			 uint64_t pos, char *buf, size_t size,
			 unsigned int flags)
{
	const struct block_limits *limits = &bdev->queue->limits;
	size_t most = MIN((size_t)limits->max_sectors << BLOCK_SECTOR_SHIFT,
			  (size_t)MAX_PART);
	struct block_request *request;
	size_t done;
	int err;

	most = MIN(most, (size_t)(limits->max_segments - 1) * PAGE_SIZE);
	size = MIN(size, MAX(most, (size_t)bdev->logical_block_size));
	request = block_request_create(bdev, op, pos >> BLOCK_SECTOR_SHIFT,
				       (unsigned int)(size / PAGE_SIZE) + 2);
	if (!request)
		return -ENOMEM;
	request->flags = flags;
	done = block_request_add_memory(request, buf, size);
	err = block_submit_wait(request);
	block_request_free(request);
	return err ? err : (ssize_t)done;
}

static int move(struct block_device *bdev, enum block_op op, uint64_t pos,
		char *buf, size_t size, unsigned int flags)
{
	if ((pos | size) & (bdev->logical_block_size - 1))
		return -EINVAL;
	while (size > 0) {
		ssize_t done = move_part(bdev, op, pos, buf, size, flags);

		if (done < 0)
			return (int)done;
		pos += (size_t)done;
		buf += done;
		size -= (size_t)done;
		/* What came before is flushed once. */
		flags &= ~BLOCK_PREFLUSH;
	}
	return 0;
}

int block_read(struct block_device *bdev, uint64_t pos, void *buf, size_t size)
{
	return move(bdev, BLOCK_READ, pos, buf, size, 0);
}

int block_write(struct block_device *bdev, uint64_t pos, const void *buf,
		size_t size, unsigned int flags)
{
	/* A write only reads from the buffer. */
	return move(bdev, BLOCK_WRITE, pos, (char *)(uintptr_t)buf, size,
		    flags);
}

int block_flush(struct block_device *bdev)
{
	struct block_request request;

	block_request_init(&request, bdev, BLOCK_FLUSH, 0);
	return block_submit_wait(&request);
}

/* ---- Ranges without data ---------------------------------------------------------- */

static int do_range(struct block_device *bdev, enum block_op op, uint64_t pos,
		    uint64_t size, unsigned int most, unsigned int flags)
{
	uint64_t sector = pos >> BLOCK_SECTOR_SHIFT;
	uint64_t left = size >> BLOCK_SECTOR_SHIFT;
	struct block_request request;
	int err = 0;

	if ((pos | size) & (bdev->logical_block_size - 1))
		return -EINVAL;
	most = ALIGN_DOWN(most, bdev->logical_block_size >> BLOCK_SECTOR_SHIFT);
	if (!most)
		return -EOPNOTSUPP;
	while (left && !err) {
		block_request_init(&request, bdev, op, sector);
		request.flags = flags;
		request.num_sectors = MIN(left, (uint64_t)most);
		sector += request.num_sectors;
		left -= request.num_sectors;
		err = block_submit_wait(&request);
	}
	return err;
}

static int drop_cached(struct block_device *bdev, uint64_t pos, uint64_t size)
{
	if (!size)
		return 0;
	return page_cache_write_and_drop(&bdev->cache, pos >> PAGE_SHIFT,
					 (pos + size - 1) >> PAGE_SHIFT);
}

int block_discard(struct block_device *bdev, uint64_t pos, uint64_t size)
{
	int err = drop_cached(bdev, pos, size);

	if (err)
		return err;
	return do_range(bdev, BLOCK_DISCARD, pos, size,
			bdev->queue->limits.max_discard_sectors, 0);
}

static int write_zeroes_by_hand(struct block_device *bdev, uint64_t pos,
				uint64_t size)
{
	const size_t part = 64UL * 1024;
	void *zeros = kzalloc(part);
	int err = 0;

	if (!zeros)
		return -ENOMEM;
	while (size > 0 && !err) {
		size_t now = (size_t)MIN(size, (uint64_t)part);

		err = block_write(bdev, pos, zeros, now, 0);
		pos += now;
		size -= now;
	}
	kfree(zeros);
	return err;
}

int block_write_zeroes(struct block_device *bdev, uint64_t pos, uint64_t size,
		       unsigned int flags)
{
	int err = drop_cached(bdev, pos, size);

	if (err)
		return err;
	err = do_range(bdev, BLOCK_WRITE_ZEROES, pos, size,
		       bdev->queue->limits.max_zeroes_sectors, flags);
	if (err != -EOPNOTSUPP)
		return err;
	return write_zeroes_by_hand(bdev, pos, size);
}
