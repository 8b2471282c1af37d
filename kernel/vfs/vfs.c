/* SPDX-License-Identifier: MIT */
/*
 * vfs.c - setting up the room
 */
#include "kernel/mm/vm_space.h"
#include "kernel/vfs/internal.h"

/* How many names at once, when memory is short. */
#define RECLAIM_NAMES 256u

static bool reclaim_names(void)
{
	return dentry_shrink(RECLAIM_NAMES) > 0;
}

void vfs_init(void)
{
	memory_set_reclaimer(reclaim_names);
	inode_cache_init();
	inode_dirty_init();
	dentry_cache_init();
	file_cache_init();
	anonymous_init();
}
