/* SPDX-License-Identifier: MIT */
/*
 * disk.h - the disk below one mounted ext4
 *
 * Idea: the whole of what ext4 wants from a disk for its metadata is here, so
 * that the same file system runs over the block layer (disk.c), and on the host
 * over an image that records every write (test/host/ext4).
 *
 * A write that returned is in the device, perhaps in its cache; it survives a
 * power cut after the next disk_flush(), or at once with DISK_FUA. Parts of one
 * call reach the medium in any order.
 */
#pragma once

#include "kernel/lib/compiler.h"

struct disk;

/* Bytes at @pos of the disk; @pos and @size are multiples of 512. */
struct disk_part {
	uint64_t pos;
	void *data; /* of kmalloc() or a page */
	size_t size;
};

#define DISK_FUA 1u

/*
 * 0; -EIO, also past the end; -ENOMEM; -EROFS. Context: thread, sleeps until
 * all parts are done.
 */
int disk_read(struct disk *disk, const struct disk_part *parts,
	      unsigned int num_parts);
int disk_write(struct disk *disk, const struct disk_part *parts,
	       unsigned int num_parts, unsigned int flags);
/* What was written is on the medium. 0, -EIO. */
int disk_flush(struct disk *disk);
/* Bytes. */
uint64_t disk_size(const struct disk *disk);
bool disk_is_read_only(const struct disk *disk);
