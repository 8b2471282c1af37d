/* SPDX-License-Identifier: MIT */
/*
 * image.c - a disk in memory, as ext4 wants it (kernel/fs/ext4/disk.h)
 */
#include "test/host/ext4/image.h"

#include <stdlib.h>
#include <string.h>

#include "kernel/fs/ext4/disk.h"

enum { HOST_EIO = 5, HOST_EROFS = 30 };

static struct image *image_of(const struct disk *disk)
{
	return (struct image *)(uintptr_t)disk;
}

static int check(const struct image *image, const struct disk_part *part)
{
	if (part->pos % 512 || part->size % 512 || part->pos > image->size ||
	    part->size > image->size - part->pos)
		return -HOST_EIO;
	return 0;
}

static bool is_fault(struct image *image, bool wanted)
{
	unsigned int n;

	if (!wanted || !image->first_fault)
		return false;
	n = ++image->num_requests;
	if (n < image->first_fault)
		return false;
	n -= image->first_fault;
	if (n && (!image->fault_step || n % image->fault_step))
		return false;
	image->num_faults++;
	return true;
}

int disk_read(struct disk *disk, const struct disk_part *parts,
	      unsigned int num_parts)
{
	struct image *image = image_of(disk);

	for (unsigned int i = 0; i < num_parts; i++) {
		if (check(image, &parts[i]) ||
		    is_fault(image, image->fail_reads))
			return -HOST_EIO;
		memcpy(parts[i].data, image->data + parts[i].pos,
		       parts[i].size);
	}
	return 0;
}

static struct image_event *add_event(struct image *image)
{
	if (image->num_events == image->max_events) {
		image->max_events = image->max_events * 2 + 64;
		image->events =
			realloc(image->events,
				image->max_events * sizeof(*image->events));
	}
	return memset(&image->events[image->num_events++], 0,
		      sizeof(*image->events));
}

static void record_write(struct image *image, const struct disk_part *part,
			 bool fua)
{
	struct image_event *event = add_event(image);

	event->kind = IMAGE_WRITE;
	event->fua = fua;
	event->call = image->num_calls;
	event->pos = part->pos;
	event->size = part->size;
	event->data = malloc(part->size);
	memcpy(event->data, part->data, part->size);
}

void image_put(struct image *image, uint64_t pos, const void *data, size_t size)
{
	memcpy(image->data + pos, data, size);
	if (!image->is_changed)
		return;
	for (uint64_t unit = pos / IMAGE_UNIT;
	     unit <= (pos + size - 1) / IMAGE_UNIT; unit++) {
		if (image->is_changed[unit])
			continue;
		image->is_changed[unit] = 1;
		image->changed[image->num_changed++] = (uint32_t)unit;
	}
}

int disk_write(struct disk *disk, const struct disk_part *parts,
	       unsigned int num_parts, unsigned int flags)
{
	struct image *image = image_of(disk);

	if (image->read_only)
		return -HOST_EROFS;
	image->num_calls++;
	for (unsigned int i = 0; i < num_parts; i++) {
		if (check(image, &parts[i]) ||
		    is_fault(image, image->fail_writes))
			return -HOST_EIO;
		image_put(image, parts[i].pos, parts[i].data, parts[i].size);
		if (image->record)
			record_write(image, &parts[i], flags & DISK_FUA);
	}
	return 0;
}

int disk_flush(struct disk *disk)
{
	struct image *image = image_of(disk);

	if (is_fault(image, image->fail_writes))
		return -HOST_EIO;
	if (image->record)
		add_event(image)->kind = IMAGE_FLUSH;
	return 0;
}

uint64_t disk_size(const struct disk *disk)
{
	return image_of(disk)->size;
}

bool disk_is_read_only(const struct disk *disk)
{
	return image_of(disk)->read_only;
}

void disk_close(struct disk *disk);
void disk_close(struct disk *disk)
{
}

void image_track(struct image *image)
{
	size_t units = (image->size + IMAGE_UNIT - 1) / IMAGE_UNIT;

	image->is_changed = calloc(units, 1);
	image->changed = calloc(units, sizeof(*image->changed));
	image->num_changed = 0;
}

void image_revert(struct image *image, const struct image *original)
{
	while (image->num_changed) {
		uint32_t unit = image->changed[--image->num_changed];
		size_t at = (size_t)unit * IMAGE_UNIT;
		size_t size = image->size - at < IMAGE_UNIT ? image->size - at
							    : IMAGE_UNIT;

		image->is_changed[unit] = 0;
		memcpy(image->data + at, original->data + at, size);
	}
}

void image_clear_trace(struct image *image)
{
	for (unsigned int i = 0; i < image->num_events; i++)
		free(image->events[i].data);
	image->num_events = 0;
}

void image_free(struct image *image)
{
	image_clear_trace(image);
	free(image->events);
	free(image->is_changed);
	free(image->changed);
	free(image->data);
	memset(image, 0, sizeof(*image));
}
