/* SPDX-License-Identifier: MIT */
/*
 * disks.c - block devices in numbers: partitions, diskstats
 *
 * Source: proc(5); Linux, Documentation/admin-guide/iostats.rst.
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
	uint64_t columns[NUM_BLOCK_COLUMNS];
	struct block_device *bdev;
	struct block_stats stats;

	for (unsigned int i = 0; (bdev = block_device_at(i)); i++) {
		text_add(text, "%4u %7u %s", device_major(bdev->dev),
			 device_minor(bdev->dev), bdev->name);
		block_device_stats(bdev, &stats);
		block_stats_columns(&stats, columns);
		for (unsigned int k = 0; k < NUM_BLOCK_COLUMNS; k++)
			text_add(text, " %lu", columns[k]);
		text_add(text, "\n");
		block_device_put(bdev);
	}
	return 0;
}
