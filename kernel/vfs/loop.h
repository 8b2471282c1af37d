/* SPDX-License-Identifier: MIT */
/*
 * loop.h - files as disks
 */
#pragma once

#include "kernel/lib/compiler.h"

struct block_device;

/* Boot: /dev/loop0 ... exist, and "loop-control" has its number (10, 237). */
void loop_init(void);
/* Is @bdev a loop device, and has a file behind it? */
bool loop_has_file(struct block_device *bdev);
/*
 * For /sys/block/loopN/loop: "backing_file", "offset", "sizelimit",
 * "autoclear" or "partscan", as text. Its length; -ENXIO: it has no file.
 */
int loop_show(struct block_device *bdev, const char *what, char *buf,
	      size_t size);
