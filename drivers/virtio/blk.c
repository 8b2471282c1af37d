/* SPDX-License-Identifier: MIT */
/*
 * blk.c - disks of virtual machines
 *
 * Idea: one queue. A request is a chain of descriptors: a header (what, where),
 * the memory, and one byte in which the device says how it went. As many are in
 * flight as the ring has room for; the interrupt takes back what is done.
 *
 * Features used: FLUSH (else the device has no volatile cache), RO, BLK_SIZE,
 * TOPOLOGY, SEG_MAX, DISCARD, WRITE_ZEROES. Not used: several queues, indirect
 * descriptors, changing sizes.
 *
 * Locks: blk->lock for the ring and the slots, inside block_queue.lock.
 * Source: VIRTIO 1.2, "Block Device". Ran on: QEMU virt, over MMIO (both
 * versions) and PCI.
 */
#include <arch/page_table.h>
#include "drivers/virtio/virtio.h"
#include "kernel/abi/errno.h"
#include "kernel/block/queue.h"
#include "kernel/debug/log.h"
#include "kernel/dev/driver.h"
#include "kernel/lib/bits.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/mm/page.h"
#include "kernel/mm/slab.h"
#include "kernel/vfs/device.h"

enum {
	REQUEST_QUEUE = 0,
	MAJOR = 254, /* Linux takes it for these disks, too */
	MINORS = 16, /* a disk and 15 partitions */
	MAX_DISKS = 16,
	/* Two of the largest heads fit into a ring of 128. */
	MAX_SEGMENTS = 62,
	MAX_SECTORS = 2048,
};

/* What the device reads and writes for one request beside the data. */
struct slot {
	struct virtio_blk_outhdr header;
	struct virtio_blk_discard_write_zeroes range;
	uint8_t status;
	struct block_request *head; /* NULL: the slot is free */
	struct slot *next_free;
};

struct blk {
	struct virtio_device *vdev; /* fixed */
	struct block_queue *queue;  /* fixed */

	struct spinlock lock; /* rank LOCK_DEVICE */
	/* Under lock. */
	struct virtio_queue *ring;
	struct slot *slots, *free;
	struct virtio_buffer buffers[MAX_SEGMENTS + 3];
};

static unsigned int num_disks; /* at boot only */

/* ---- Requests ------------------------------------------------------------------ */

static const uint32_t types[] = {
	[BLOCK_READ] = VIRTIO_BLK_T_IN,
	[BLOCK_WRITE] = VIRTIO_BLK_T_OUT,
	[BLOCK_FLUSH] = VIRTIO_BLK_T_FLUSH,
	[BLOCK_DISCARD] = VIRTIO_BLK_T_DISCARD,
	[BLOCK_WRITE_ZEROES] = VIRTIO_BLK_T_WRITE_ZEROES,
};

static void fill_header(struct slot *slot, const struct block_request *head)
{
	bool has_place = head->now == BLOCK_READ || head->now == BLOCK_WRITE;

	slot->header.type = types[head->now];
	slot->header.ioprio = 0;
	slot->header.sector = has_place ? head->disk_sector : 0;
	slot->range.sector = head->disk_sector;
	slot->range.num_sectors = (uint32_t)head->num_sectors;
	slot->range.flags = 0;
	if (head->now == BLOCK_WRITE_ZEROES && !(head->flags & BLOCK_NO_UNMAP))
		slot->range.flags = VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP;
	slot->status = VIRTIO_BLK_S_IOERR;
}

static void add_buffer(struct blk *blk, unsigned int *count, paddr_t address,
		       size_t size)
{
	struct virtio_buffer *last = &blk->buffers[*count - (*count > 0)];

	/* Pages side by side become one piece (not the header: count 1). */
	if (*count > 1 && last->address + last->size == address) {
		last->size += (uint32_t)size;
		return;
	}
	blk->buffers[*count] =
		(struct virtio_buffer){ address, (uint32_t)size };
	(*count)++;
}

/* Memory of the head and of what is merged behind it. */
static void add_data(struct blk *blk, const struct block_request *head,
		     unsigned int *count)
{
	struct block_segment_iter iter;
	const struct block_segment *segment;

	block_segments_begin(&iter, head);
	while ((segment = block_segments_next(&iter)))
		add_buffer(blk, count,
			   page_to_phys(segment->page) + segment->offset,
			   segment->size);
}

/* Into the ring; -ENOSPC. */
static int offer(struct blk *blk, struct slot *slot, struct block_request *head)
	MUST_HOLD(blk->lock)
{
	unsigned int count = 0, num_out;

	fill_header(slot, head);
	add_buffer(blk, &count, virt_to_phys(&slot->header),
		   sizeof(slot->header));
	if (head->now == BLOCK_READ || head->now == BLOCK_WRITE)
		add_data(blk, head, &count);
	else if (head->now != BLOCK_FLUSH)
		add_buffer(blk, &count, virt_to_phys(&slot->range),
			   sizeof(slot->range));
	num_out = head->now == BLOCK_READ ? 1 : count;
	blk->buffers[count++] =
		(struct virtio_buffer){ virt_to_phys(&slot->status), 1 };
	return virtio_queue_add(blk->ring, blk->buffers, num_out,
				count - num_out, slot);
}

static int blk_start(struct block_queue *queue, struct block_request *head)
{
	struct blk *blk = queue->data;
	struct slot *slot;
	int err = -EBUSY;

	spin_lock(&blk->lock);
	slot = blk->free;
	if (slot && !offer(blk, slot, head)) {
		blk->free = slot->next_free;
		slot->head = head;
		err = 0;
	}
	spin_unlock(&blk->lock);
	return err;
}

static void blk_kick(struct block_queue *queue)
{
	struct blk *blk = queue->data;

	virtio_queue_notify(blk->ring);
}

/* ---- Completion ------------------------------------------------------------------ */

static int error_of(uint8_t status)
{
	if (status == VIRTIO_BLK_S_OK)
		return 0;
	return status == VIRTIO_BLK_S_UNSUPP ? -EOPNOTSUPP : -EIO;
}

/* One that is done, off the ring; NULL: there is none. */
static struct block_request *take_done(struct blk *blk, int *error)
{
	struct block_request *head = NULL;
	struct slot *slot;
	uint32_t written;

	spin_lock(&blk->lock);
	slot = virtio_queue_take(blk->ring, &written);
	if (slot) {
		head = slot->head;
		*error = error_of(READ_ONCE(slot->status));
		slot->head = NULL;
		slot->next_free = blk->free;
		blk->free = slot;
	}
	spin_unlock(&blk->lock);
	return head;
}

static void blk_interrupt(struct virtio_queue *ring)
{
	struct blk *blk = ring->handler_data;
	struct block_request *head;
	int error;

	while ((head = take_done(blk, &error)))
		block_queue_complete(head, error);
}

static const struct block_queue_ops blk_ops = {
	.start = blk_start,
	.kick = blk_kick,
};

/* ---- Probe ------------------------------------------------------------------------ */

#define CONFIG(vdev, field, to)                                                \
	virtio_read_config(vdev, offsetof(struct virtio_blk_config, field),    \
			   &(to), sizeof(to))

/* A power of two from a sector to a page, or what @otherwise says. */
static unsigned int sane_block_size(uint32_t size, unsigned int otherwise)
{
	if (size < BLOCK_SECTOR_SIZE || size > PAGE_SIZE || size & (size - 1))
		return otherwise;
	return size;
}

static void read_sizes(struct virtio_device *vdev, struct block_limits *limits)
{
	uint32_t block_size = BLOCK_SECTOR_SIZE;
	uint8_t exponent = 0;

	CONFIG(vdev, capacity, limits->num_sectors);
	if (virtio_has_feature(vdev, VIRTIO_BLK_F_BLK_SIZE))
		CONFIG(vdev, blk_size, block_size);
	if (virtio_has_feature(vdev, VIRTIO_BLK_F_TOPOLOGY))
		CONFIG(vdev, physical_block_exp, exponent);
	limits->logical_block_size =
		sane_block_size(block_size, BLOCK_SECTOR_SIZE);
	limits->physical_block_size =
		sane_block_size(limits->logical_block_size << (exponent & 15),
				limits->logical_block_size);
}

static void read_limits(struct virtio_device *vdev, struct block_limits *limits)
{
	uint32_t segments = 1;

	memset(limits, 0, sizeof(*limits));
	read_sizes(vdev, limits);
	limits->max_segments = MAX_SEGMENTS;
	limits->max_sectors = MAX_SECTORS;
	if (virtio_has_feature(vdev, VIRTIO_BLK_F_SEG_MAX)) {
		CONFIG(vdev, seg_max, segments);
		limits->max_segments =
			MAX(1u, MIN(segments, (uint32_t)MAX_SEGMENTS));
	}
	if (virtio_has_feature(vdev, VIRTIO_BLK_F_DISCARD))
		CONFIG(vdev, max_discard_sectors, limits->max_discard_sectors);
	if (virtio_has_feature(vdev, VIRTIO_BLK_F_WRITE_ZEROES))
		CONFIG(vdev, max_write_zeroes_sectors,
		       limits->max_zeroes_sectors);
	limits->can_flush = virtio_has_feature(vdev, VIRTIO_BLK_F_FLUSH);
	limits->read_only = virtio_has_feature(vdev, VIRTIO_BLK_F_RO);
}

static int make_slots(struct blk *blk)
{
	blk->slots = kcalloc(blk->ring->size, sizeof(*blk->slots));
	if (!blk->slots)
		return -ENOMEM;
	for (unsigned int i = 0; i < blk->ring->size; i++) {
		blk->slots[i].next_free = blk->free;
		blk->free = &blk->slots[i];
	}
	return 0;
}

/* Tell the world: "vda", "vdb", ... */
static int publish(struct blk *blk, const struct block_limits *limits)
{
	struct block_device *disk;
	char name[8];
	int err;

	if (num_disks == MAX_DISKS)
		return -ENOSPC;
	blk->queue = block_queue_create(&blk_ops, limits, blk);
	if (!blk->queue)
		return -ENOMEM;
	format_string(name, sizeof(name), "vd%c", 'a' + (int)num_disks);
	err = block_disk_add(blk->queue, name,
			     device_number(MAJOR, num_disks * MINORS),
			     MINORS - 1, &disk);
	if (!err)
		num_disks++;
	return err;
}

#define WANTED                                                                 \
	(BIT(VIRTIO_BLK_F_SEG_MAX) | BIT(VIRTIO_BLK_F_BLK_SIZE) |              \
	 BIT(VIRTIO_BLK_F_TOPOLOGY) | BIT(VIRTIO_BLK_F_RO) |                   \
	 BIT(VIRTIO_BLK_F_FLUSH) | BIT(VIRTIO_BLK_F_DISCARD) |                 \
	 BIT(VIRTIO_BLK_F_WRITE_ZEROES))

static int blk_probe(struct device *dev)
{
	struct virtio_device *vdev = dev->bus;
	struct block_limits limits;
	struct blk *blk;
	int err;

	blk = kzalloc(sizeof(*blk));
	if (!blk)
		return -ENOMEM;
	blk->vdev = vdev;
	spin_init(&blk->lock, LOCK_DEVICE);
	err = virtio_begin(vdev, WANTED);
	if (err)
		goto free_blk;
	read_limits(vdev, &limits);
	err = virtio_queue_create(vdev, REQUEST_QUEUE, blk_interrupt, blk,
				  &blk->ring);
	if (err)
		goto fail;
	err = make_slots(blk);
	if (err)
		goto fail;
	virtio_start(vdev);
	err = publish(blk, &limits);
	if (err)
		goto fail;
	dev->data = blk;
	return 0;

fail:
	/* The ring stays: the device may still know where it is. */
	virtio_fail(vdev);
	return err;
free_blk:
	kfree(blk);
	return err;
}

static const struct dt_match blk_match[] = {
	{ .compatible = "virtio,device2" },
	{},
};

DRIVER(virtio_blk) = {
	.name = "virtio-blk",
	.class = CLASS_BLOCK,
	.match = blk_match,
	.probe = blk_probe,
};
