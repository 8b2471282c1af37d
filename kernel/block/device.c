/* SPDX-License-Identifier: MIT */
/*
 * device.c - which block devices there are, and who has them open
 *
 * Idea: one list in the order of appearance. A disk stands before its
 * partitions. A device keeps its place for as long as somebody refers to it;
 * one that is gone (a loop device without a file is only empty, not gone) fails
 * all requests.
 *
 * Invariants
 *   D1  A device in the list has one reference for it.
 *   D2  While a partition is held, its disk cannot be opened exclusively, and
 *	 the other way round.
 *
 * Locks: block_table_lock for the list, openers and holders.
 */
#include "kernel/block/buffers.h"
#include "kernel/block/internal.h"

#include "kernel/abi/errno.h"
#include "kernel/debug/log.h"
#include "kernel/debug/panic.h"
#include "kernel/lib/string.h"
#include "kernel/mm/page.h"
#include "kernel/mm/slab.h"

struct mutex block_table_lock = MUTEX_INIT(block_table_lock, LOCK_BLOCK_DEVICE);

/* Under block_table_lock. */
static struct list_head devices = LIST_HEAD_INIT(devices);
static struct list_head watchers = LIST_HEAD_INIT(watchers);
static bool can_read; /* threads run: partitions can be looked for */

/* ---- Life ------------------------------------------------------------------------- */

static void set_size(struct block_device *bdev, uint64_t num_sectors)
{
	WRITE_ONCE(bdev->num_sectors, num_sectors);
	WRITE_ONCE(bdev->cache.size_bytes, num_sectors << BLOCK_SECTOR_SHIFT);
}

struct block_device *block_device_create(struct block_queue *queue,
					 const char *name, uint64_t dev)
{
	struct block_device *bdev = kzalloc(sizeof(*bdev));

	if (!bdev)
		return NULL;
	refcount_init(&bdev->refs, 1);
	strcopy(bdev->name, name, sizeof(bdev->name));
	bdev->dev = dev;
	bdev->queue = queue;
	bdev->logical_block_size = queue->limits.logical_block_size;
	bdev->physical_block_size = queue->limits.physical_block_size;
	bdev->block_size = (unsigned int)PAGE_SIZE;
	bdev->read_only = queue->limits.read_only;
	page_cache_init(&bdev->cache, &block_cache_ops, 0);
	bdev->cache.group = bdev;
	radix_init(&bdev->buffers);
	list_init(&bdev->node);
	set_size(bdev, queue->limits.num_sectors);
	return bdev;
}

struct block_device *block_device_get(struct block_device *bdev)
{
	refcount_get(&bdev->refs);
	return bdev;
}

void block_device_put(struct block_device *bdev)
{
	if (!bdev || !refcount_put(&bdev->refs))
		return;
	block_device_invalidate(bdev);
	page_cache_destroy(&bdev->cache);
	block_device_put(bdev->disk);
	kfree(bdev);
}

/* ---- The list ----------------------------------------------------------------------- */

static struct block_device *find(uint64_t dev) MUST_HOLD(block_table_lock)
{
	struct block_device *bdev;

	list_for_each (bdev, &devices, node) {
		if (bdev->dev == dev)
			return bdev;
	}
	return NULL;
}

int block_device_publish(struct block_device *bdev)
{
	struct block_watcher *watcher;
	int err = 0;

	mutex_lock(&block_table_lock);
	if (find(bdev->dev))
		err = -EBUSY;
	else
		list_push_back(&devices, &block_device_get(bdev)->node);
	mutex_unlock(&block_table_lock);
	if (err)
		return err;
	/* Watchers come at boot and stay. */
	list_for_each (watcher, &watchers, node)
		watcher->added(bdev);
	return 0;
}

/* Nobody finds @bdev from now on; the table's reference is the caller's. With
 * block_table_lock held. */
static void take_out(struct block_device *bdev)
{
	list_remove(&bdev->node);
	WRITE_ONCE(bdev->gone, true);
}

/* Tell it, and give back the table's reference. */
static void forget(struct block_device *bdev)
{
	struct block_watcher *watcher;

	list_for_each (watcher, &watchers, node)
		watcher->removed(bdev);
	block_device_put(bdev);
}

void block_device_unpublish(struct block_device *bdev)
{
	mutex_lock(&block_table_lock);
	take_out(bdev);
	mutex_unlock(&block_table_lock);
	forget(bdev);
}

struct block_device *block_device_at(unsigned int i)
{
	struct block_device *bdev, *found = NULL;

	mutex_lock(&block_table_lock);
	list_for_each (bdev, &devices, node) {
		if (i-- == 0) {
			found = block_device_get(bdev);
			break;
		}
	}
	mutex_unlock(&block_table_lock);
	return found;
}

void block_watch(struct block_watcher *watcher)
{
	struct block_device *bdev;

	mutex_lock(&block_table_lock);
	list_push_back(&watchers, &watcher->node);
	mutex_unlock(&block_table_lock);
	for (unsigned int i = 0; (bdev = block_device_at(i)); i++) {
		watcher->added(bdev);
		block_device_put(bdev);
	}
}

/* ---- Disks ---------------------------------------------------------------------------- */

int block_disk_add(struct block_queue *queue, const char *name, uint64_t dev,
		   unsigned int max_partitions, struct block_device **out)
{
	struct block_device *disk = block_device_create(queue, name, dev);
	int err;

	if (!disk)
		return -ENOMEM;
	disk->max_partitions = max_partitions;
	err = block_device_publish(disk);
	if (err) {
		block_device_put(disk);
		return err;
	}
	if (disk->num_sectors)
		log_info("%s: %lu sectors of %u bytes%s", name,
			 disk->num_sectors / (disk->logical_block_size >>
					      BLOCK_SECTOR_SHIFT),
			 disk->logical_block_size,
			 disk->read_only ? ", read-only" : "");
	if (READ_ONCE(can_read))
		partitions_scan(disk);
	*out = disk;
	return 0;
}

void block_disk_resize(struct block_device *disk, uint64_t num_sectors)
{
	disk->queue->limits.num_sectors = num_sectors;
	set_size(disk, num_sectors);
}

void block_core_init(void)
{
	block_requests_init();
	buffers_init();
}

void block_init(void)
{
	struct block_device *bdev;

	if (ram_disk_create())
		log_error("ramdisk=: no such disk could be made");
	WRITE_ONCE(can_read, true);
	for (unsigned int i = 0; (bdev = block_device_at(i)); i++) {
		if (!bdev->partition)
			partitions_scan(bdev);
		block_device_put(bdev);
	}
}

/* ---- Opening --------------------------------------------------------------------------- */

/* Is @bdev, or what overlaps it, somebody's alone who is not @holder? (D2) */
static bool is_held(const struct block_device *bdev, const void *holder)
	MUST_HOLD(block_table_lock)
{
	const struct block_device *other;

	list_for_each (other, &devices, node) {
		if (!other->holder || other->holder == holder)
			continue;
		if (other == bdev || other == bdev->disk || other->disk == bdev)
			return true;
	}
	return false;
}

static int open_locked(struct block_device *bdev, unsigned int flags,
		       void *holder) MUST_HOLD(block_table_lock)
{
	if (flags & BLOCK_OPEN_WRITE && bdev->read_only)
		return -EROFS;
	if (flags & BLOCK_OPEN_EXCLUSIVE) {
		if (is_held(bdev, holder))
			return -EBUSY;
		bdev->holder = holder;
		bdev->holds++;
	}
	bdev->openers++;
	return 0;
}

int block_device_open(uint64_t dev, unsigned int flags, void *holder,
		      struct block_device **out)
{
	struct block_device *bdev;
	int err = -ENXIO;

	mutex_lock(&block_table_lock);
	bdev = find(dev);
	if (bdev)
		err = open_locked(bdev, flags, holder);
	if (!err)
		*out = block_device_get(bdev);
	mutex_unlock(&block_table_lock);
	return err;
}

void block_device_close(struct block_device *bdev, void *holder)
{
	bool last;

	mutex_lock(&block_table_lock);
	last = --bdev->openers == 0;
	if (holder && bdev->holder == holder && --bdev->holds == 0)
		bdev->holder = NULL;
	mutex_unlock(&block_table_lock);
	if (last && bdev->cache.num_dirty)
		block_device_sync(bdev);
	if (last && bdev->queue->ops->closed)
		bdev->queue->ops->closed(bdev);
	block_device_put(bdev);
}

/* A partition of @disk, out of the table; NULL: there is none left. */
static struct block_device *take_partition(const struct block_device *disk)
{
	struct block_device *bdev, *found = NULL;

	mutex_lock(&block_table_lock);
	list_for_each (bdev, &devices, node) {
		if (bdev->disk == disk) {
			found = bdev;
			break;
		}
	}
	if (found)
		take_out(found);
	mutex_unlock(&block_table_lock);
	return found;
}

int block_disk_rescan(struct block_device *disk)
{
	struct block_device *bdev;
	int err = 0;

	if (disk->partition)
		return -EINVAL;
	mutex_lock(&block_table_lock);
	list_for_each (bdev, &devices, node) {
		if (bdev->disk == disk && bdev->openers)
			err = -EBUSY;
	}
	mutex_unlock(&block_table_lock);
	if (err)
		return err;
	while ((bdev = take_partition(disk)))
		forget(bdev);
	return partitions_scan(disk);
}

/* ---- Partitions by hand -------------------------------------------------------------- */

struct block_device *block_partition_find(const struct block_device *disk,
					  unsigned int except, uint64_t start,
					  uint64_t sectors)
{
	struct block_device *bdev, *found = NULL;

	mutex_lock(&block_table_lock);
	list_for_each (bdev, &devices, node) {
		bool wanted =
			sectors ? bdev->partition != except &&
					  bdev->start < start + sectors &&
					  start < bdev->start +
							  bdev->num_sectors
				: bdev->partition == except;

		if (bdev->disk == disk && wanted) {
			found = block_device_get(bdev);
			break;
		}
	}
	mutex_unlock(&block_table_lock);
	return found;
}

int block_partition_forget(struct block_device *bdev)
{
	bool busy;

	mutex_lock(&block_table_lock);
	busy = bdev->openers || bdev->gone;
	if (!busy)
		take_out(bdev);
	mutex_unlock(&block_table_lock);
	if (busy)
		return -EBUSY;
	forget(bdev);
	return 0;
}

void block_partition_set_size(struct block_device *bdev, uint64_t sectors)
{
	set_size(bdev, sectors);
}
