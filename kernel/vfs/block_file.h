/* SPDX-License-Identifier: MIT */
/*
 * block_file.h - block devices as files, and as what mount(2) names
 */
#pragma once

#include "kernel/block/block.h"

/*
 * The device that @source of mount(2) means (a path of a device node), opened
 * for @holder alone. Flags BLOCK_OPEN_*.
 * 0; -ENOENT, -EACCES: the path; -ENOTBLK; -ENXIO; -EBUSY; -EROFS.
 */
int block_open_source(const char *source, unsigned int flags, void *holder,
		      struct block_device **out);
/* Boot: device nodes of all disks can be opened. */
void block_files_init(void);
