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

int disk_read(struct disk *disk, const struct disk_part *parts,
	      unsigned int num_parts)
{
	struct image *image = image_of(disk);

	for (unsigned int i = 0; i < num_parts; i++) {
		if (check(image, &parts[i]))
			return -HOST_EIO;
		if (image->fail_reads &&
		    ++image->num_reads % image->fail_reads == 0)
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

int disk_write(struct disk *disk, const struct disk_part *parts,
	       unsigned int num_parts, unsigned int flags)
{
	struct image *image = image_of(disk);

	if (image->read_only)
		return -HOST_EROFS;
	image->num_calls++;
	for (unsigned int i = 0; i < num_parts; i++) {
		if (check(image, &parts[i]))
			return -HOST_EIO;
		if (image->fail_writes &&
		    ++image->num_writes % image->fail_writes == 0)
			return -HOST_EIO;
		memcpy(image->data + parts[i].pos, parts[i].data,
		       parts[i].size);
		if (image->record)
			record_write(image, &parts[i], flags & DISK_FUA);
	}
	return 0;
}

int disk_flush(struct disk *disk)
{
	struct image *image = image_of(disk);

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

void image_clear_trace(struct image *image)
{
	for (unsigned int i = 0; i < image->num_events; i++)
		free(image->events[i].data);
	image->num_events = 0;
}
