/* SPDX-License-Identifier: MIT */
/*
 * disks.c - block devices in numbers: partitions, diskstats
 *
 * Source: proc(5); Linux, Documentation/admin-guide/iostats.rst. Not counted:
 * merges, times, requests in flight.
 */
#include "kernel/block/block.h"
#include "kernel/fs/proc/internal.h"
#include "kernel/vfs/device.h"

int proc_show_partitions(const struct proc_subject *subject, struct text *text)
{
	struct block_device *bdev;

	text_add(text, "major minor  #blocks  name\n\n");
	for (unsigned int i = 0; (bdev = block_device_at(i)); i++) {
		if (bdev->num_sectors)
			text_add(text, "%4u  %7u %10lu %s\n",
				 device_major(bdev->dev),
				 device_minor(bdev->dev), bdev->num_sectors / 2,
				 bdev->name);
		block_device_put(bdev);
	}
	return 0;
}

int proc_show_diskstats(const struct proc_subject *subject, struct text *text)
{
	struct block_device *bdev;

	for (unsigned int i = 0; (bdev = block_device_at(i)); i++) {
		text_add(text,
			 "%4u %7u %s %u 0 %lu 0 %u 0 %lu 0 0 0 0 0 0 0 0 0 0\n",
			 device_major(bdev->dev), device_minor(bdev->dev),
			 bdev->name, bdev->reads, bdev->sectors_read,
			 bdev->writes, bdev->sectors_written);
		block_device_put(bdev);
	}
	return 0;
}
