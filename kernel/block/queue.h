/* SPDX-License-Identifier: MIT */
/*
 * queue.h - the block layer as a driver sees it
 *
 * A driver makes a queue with its limits and registers its disk. The queue
 * hands it one *head* at a time: a request with the requests merged behind it,
 * all of one operation and next to each other on the disk. The driver starts
 * it and, when its interrupt says so, calls block_queue_complete(). Flush and FUA
 * are taken apart before: a driver that does not set can_fua never sees
 * BLOCK_FUA, no driver sees BLOCK_PREFLUSH, and one that does not set
 * can_flush gets no BLOCK_FLUSH (a device without a volatile write cache).
 */
#pragma once

#include "kernel/block/block.h"
#include "kernel/sync/spinlock.h"

struct block_limits {
	uint64_t num_sectors; /* 512 bytes each */
	unsigned int logical_block_size, physical_block_size; /* bytes */
	unsigned int max_segments;                            /* of one head */
	unsigned int max_sectors; /* of one head: 512 bytes each */
	unsigned int max_discard_sectors, max_zeroes_sectors; /* 0: cannot */
	bool can_flush, can_fua, read_only;
	/* Between two segments of a head a page must end and another begin. */
	bool no_gaps;
};

struct block_queue_ops {
	/*
	 * Hand @head to the device. 0; -EBUSY: the device is full, it will be
	 * offered again after the next block_queue_complete() or
	 * block_queue_restart(). Any other error completes it with that.
	 * Context: queue->lock held, interrupts off; must not complete @head
	 * from inside (return an error instead; a device without interrupts,
	 * such as a RAM disk, sets queue->sleeps).
	 */
	int (*start)(struct block_queue *queue, struct block_request *head);
	/*
	 * Instead of start: do it here and now, may sleep; runs on a thread of
	 * the queue's own. Returns the error (loop devices, RAM disks).
	 */
	int (*perform)(struct block_queue *queue, struct block_request *head);
	/* All heads have been started: ring the doorbell once. May be NULL. */
	void (*kick)(struct block_queue *queue);
	/* The last who had the device open has closed it. May be NULL. */
	void (*closed)(struct block_device *bdev);
	/* ioctl(2) the driver knows itself; -ENOTTY. Context: thread. */
	long (*ioctl)(struct block_device *bdev, unsigned int cmd,
		      unsigned long arg);
};

struct block_queue {
	struct spinlock lock; /* rank LOCK_BLOCK_QUEUE, interrupts off */

	/* Under lock. */
	struct list_head waiting; /* heads, in the order of arrival */
	unsigned int num_waiting;
	bool stopped; /* the device is full */

	/* Fixed. */
	const struct block_queue_ops *ops;
	struct block_limits limits;
	void *data; /* the driver's */

	struct wait_queue room;  /* submitters wait while it is too long */
	struct wait_queue work;  /* ops->perform: its thread waits */
	unsigned int has_worker; /* the same; atomic */
};

/* NULL: no memory. Limits may still be changed before the disk is added. */
struct block_queue *block_queue_create(const struct block_queue_ops *ops,
				       const struct block_limits *limits,
				       void *data);
/*
 * @head is done, in the interrupt or elsewhere, without queue->lock; its
 * requests complete with @error (0, -EIO, -EOPNOTSUPP, -ENOSPC).
 */
void block_queue_complete(struct block_request *head, int error);
/* The device can take more. */
void block_queue_restart(struct block_queue *queue);

/*
 * Make the disk known under @name with number @dev; its partitions (numbers
 * @dev + 1...) are found by a thread when reading is possible. 0, -ENOMEM,
 * -EBUSY.
 */
int block_disk_add(struct block_queue *queue, const char *name, uint64_t dev,
		   unsigned int max_partitions, struct block_device **out);
/* It has another size now (0: no medium). */
void block_disk_resize(struct block_device *disk, uint64_t num_sectors);
/* Look for partitions again: BLKRRPART. 0, -EBUSY: one is open, -EIO. */
int block_disk_rescan(struct block_device *disk);

/*
 * Partitions by hand (BLKPG): make one; forget one; make one longer or shorter.
 * @start and @sectors in 512 bytes. 0; -EINVAL: not inside the disk; -EBUSY: it
 * overlaps another, is there already, or is open; -ENXIO: there is none.
 */
int block_partition_add(struct block_device *disk, unsigned int number,
			uint64_t start, uint64_t sectors);
int block_partition_delete(struct block_device *disk, unsigned int number);
int block_partition_resize(struct block_device *disk, unsigned int number,
			   uint64_t start, uint64_t sectors);

/* All segments of a head and of what is merged behind it, in order. */
struct block_segment_iter {
	const struct block_request *head, *request;
	unsigned int i;
};
void block_segments_begin(struct block_segment_iter *iter,
			  const struct block_request *head);
/* NULL: no more. */
const struct block_segment *
block_segments_next(struct block_segment_iter *iter);
