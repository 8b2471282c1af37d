/* SPDX-License-Identifier: MIT */
/*
 * internal.h - what the files of block/ share among themselves
 */
#pragma once

#include "kernel/block/block.h"
#include "kernel/block/queue.h"

/* request.c: boot. */
void block_requests_init(void);
bool block_may_follow(const struct block_limits *limits,
		      const struct block_segment *last, uint32_t offset);

/* queue.c: into the queue of its disk, checked and with disk_sector set; not
 * started yet. False: it has completed with an error. */
bool queue_insert(struct block_request *request);
/* Start what can be started. */
void queue_run(struct block_queue *queue);

/* cache.c */
extern const struct page_cache_ops block_cache_ops;

/* ram_disk.c: as the boot arguments say. 0, -EINVAL, -ENOMEM. */
int ram_disk_create(void);

/* device.c: the table's lock. */
extern struct mutex block_table_lock; /* rank LOCK_BLOCK_DEVICE */
/* A device in no table; refs is 1. NULL: no memory. */
struct block_device *block_device_create(struct block_queue *queue,
					 const char *name, uint64_t dev);
/* Into the table; watchers are told. 0, -EBUSY: the number is taken. */
int block_device_publish(struct block_device *bdev);
void block_device_unpublish(struct block_device *bdev);

/*
 * A partition of @disk that lies in [@start, @start + @sectors), but for number
 * @except, or (@sectors 0) number @except itself; with a reference, or NULL.
 */
struct block_device *block_partition_find(const struct block_device *disk,
					  unsigned int except, uint64_t start,
					  uint64_t sectors);
/* It is out of the table, unless somebody has it open: -EBUSY. */
int block_partition_forget(struct block_device *bdev);
/* It is so long now. */
void block_partition_set_size(struct block_device *bdev, uint64_t sectors);
/* partitions.c: find them, make them known. 0, -EIO, -ENOMEM. */
int partitions_scan(struct block_device *disk);
