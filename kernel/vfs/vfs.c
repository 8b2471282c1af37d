/* SPDX-License-Identifier: MIT */
/*
 * vfs.c - setting up the room
 */
#include "kernel/vfs/internal.h"

void vfs_init(void)
{
	inode_cache_init();
	dentry_cache_init();
	file_cache_init();
	mount_table_init();
	anonymous_init();
}
