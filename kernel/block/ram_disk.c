/* SPDX-License-Identifier: MIT */
/*
 * ram_disk.c - a disk that is only memory: /dev/ram0
 *
 * Idea: made by the boot argument ramdisk=SIZE (such as ramdisk=16M). A page of
 * it exists from the first write on; before, and after a discard, it reads as
 * zeros.
 *
 * Locks: none; the queue's thread alone touches the pages.
 */
#include "kernel/block/internal.h"

#include "kernel/abi/errno.h"
#include "kernel/debug/log.h"
#include "kernel/lib/boot_args.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/mm/page.h"
#include "kernel/mm/slab.h"

enum { MAJOR = 1, MINOR = 0, MAX_PARTITIONS = 15 };

struct ram_disk {
	struct radix_tree pages;
};

/* The page that holds @sector; NULL: none yet, or no memory for it. */
static struct page *page_of(struct ram_disk *ram, uint64_t sector, bool create)
{
	uint64_t index = sector >> (PAGE_SHIFT - BLOCK_SECTOR_SHIFT);
	struct page *page = radix_get(&ram->pages, index);

	if (page || !create)
		return page;
	page = page_alloc(0, ALLOC_ZERO);
	if (page && radix_insert(&ram->pages, index, page)) {
		page_put(page);
		page = NULL;
	}
	return page;
}

/* One sector of one segment. */
static int move_sector(struct ram_disk *ram, uint64_t sector, char *memory,
		       bool write)
{
	size_t offset = (sector << BLOCK_SECTOR_SHIFT) & (PAGE_SIZE - 1);
	struct page *page = page_of(ram, sector, write);

	if (write && !page)
		return -ENOSPC;
	if (write)
		memcpy((char *)page_address(page) + offset, memory,
		       BLOCK_SECTOR_SIZE);
	else if (page)
		memcpy(memory, (char *)page_address(page) + offset,
		       BLOCK_SECTOR_SIZE);
	else
		memset(memory, 0, BLOCK_SECTOR_SIZE);
	return 0;
}

static int move(struct ram_disk *ram, const struct block_request *head)
{
	uint64_t sector = head->disk_sector;
	struct block_segment_iter iter;
	const struct block_segment *segment;
	int err = 0;

	block_segments_begin(&iter, head);
	while (!err && (segment = block_segments_next(&iter))) {
		char *memory =
			(char *)page_address(segment->page) + segment->offset;

		for (uint32_t at = 0; at < segment->size && !err;
		     at += BLOCK_SECTOR_SIZE)
			err = move_sector(ram, sector++, memory + at,
					  head->now == BLOCK_WRITE);
	}
	return err;
}

static void clear(struct ram_disk *ram, uint64_t sector, uint64_t count)
{
	const unsigned int per_page = PAGE_SIZE / BLOCK_SECTOR_SIZE;

	while (count > 0) {
		size_t offset =
			(sector << BLOCK_SECTOR_SHIFT) & (PAGE_SIZE - 1);
		struct page *page = page_of(ram, sector, false);
		uint64_t step = 1;

		if (offset == 0 && count >= per_page) {
			step = per_page;
			if (page)
				page_put(radix_remove(&ram->pages,
						      sector / per_page));
		} else if (page) {
			memset((char *)page_address(page) + offset, 0,
			       BLOCK_SECTOR_SIZE);
		}
		sector += step;
		count -= step;
	}
}

static int ram_perform(struct block_queue *queue, struct block_request *head)
{
	struct ram_disk *ram = queue->data;

	switch (head->now) {
	case BLOCK_READ:
	case BLOCK_WRITE:
		return move(ram, head);
	case BLOCK_DISCARD:
	case BLOCK_WRITE_ZEROES:
		clear(ram, head->disk_sector, head->num_sectors);
		return 0;
	case BLOCK_FLUSH:
		return 0;
	}
	return -EOPNOTSUPP;
}

static const struct block_queue_ops ram_ops = { .perform = ram_perform };

/* "16M" in bytes; 0: not a size. */
static uint64_t parse_size(const char *text)
{
	const char *end;
	uint64_t size = parse_u64(text, &end);

	switch (*end) {
	case 'G':
		return size << 30;
	case 'M':
		return size << 20;
	case 'K':
		return size << 10;
	default:
		return size;
	}
}

int ram_disk_create(void)
{
	const char *wanted = boot_arg("ramdisk");
	struct block_limits limits = {
		.logical_block_size = BLOCK_SECTOR_SIZE,
		.physical_block_size = (unsigned int)PAGE_SIZE,
		.max_segments = 64,
		.max_sectors = 1024,
		.max_discard_sectors = 1u << 22,
		.max_zeroes_sectors = 1u << 22,
	};
	struct block_device *disk;
	struct block_queue *queue;
	struct ram_disk *ram;

	if (!wanted)
		return 0;
	limits.num_sectors = parse_size(wanted) >> BLOCK_SECTOR_SHIFT;
	if (!limits.num_sectors)
		return -EINVAL;
	ram = kzalloc(sizeof(*ram));
	if (!ram)
		return -ENOMEM;
	radix_init(&ram->pages);
	queue = block_queue_create(&ram_ops, &limits, ram);
	if (!queue) {
		kfree(ram);
		return -ENOMEM;
	}
	return block_disk_add(queue, "ram0", (uint64_t)MAJOR << 8 | MINOR,
			      MAX_PARTITIONS, &disk);
}
