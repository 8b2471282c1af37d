/* SPDX-License-Identifier: MIT */
/*
 * map.c - which blocks a file has: one interface over two trees
 *
 * ext4 keeps runs of blocks in a tree of extents (extents.c), ext2 and ext3
 * one number per block in direct, indirect, ... blocks (indirect.c). Which it
 * is stands in the inode. The last run found is remembered.
 *
 * Locks: map_lock, taken here.
 */
#include "kernel/fs/ext4/internal.h"

static bool has_extents(const struct inode *inode)
{
	return ext4_of(inode)->flags & INODE_EXTENTS;
}

void ext4_map_init(struct inode *inode)
{
	struct ext4_inode *ei = ext4_of(inode);

	memset(ei->block, 0, sizeof(ei->block));
	if (has_extents(inode))
		ext4_extent_init(ei->block);
}

uint32_t ext4_max_lblk(const struct inode *inode)
{
	const struct ext4 *fs = ext4_fs_of(inode);
	uint64_t per = fs->block_size / 4;
	uint64_t blocks = EXT4_NUM_DIRECT + per + per * per + per * per * per;

	if (has_extents(inode))
		return UINT32_MAX - 1;
	return (uint32_t)MIN(blocks - 1, (uint64_t)UINT32_MAX - 1);
}

static bool from_cache(const struct ext4_inode *ei, uint32_t lblk, uint32_t max,
		       struct ext4_map *map)
{
	uint32_t skip = lblk - ei->cached.lblk;

	if (lblk < ei->cached.lblk || skip >= ei->cached.len)
		return false;
	map->len = MIN(max, ei->cached.len - skip);
	map->block = ei->cached.block + skip;
	map->flags = ei->cached.flags;
	return true;
}

static int look_up(struct inode *inode, uint32_t lblk, uint32_t max,
		   struct ext4_map *map)
{
	struct ext4_inode *ei = ext4_of(inode);
	uint32_t start = lblk;
	int err;

	if (!has_extents(inode))
		return ext4_indirect_map(inode, lblk, max, map);
	/* The whole extent, to remember it. */
	err = ext4_extent_map(inode, lblk, map, &start);
	if (err)
		return err;
	if (map->flags & MAP_MAPPED) {
		ei->cached.lblk = start;
		ei->cached.len = map->len;
		ei->cached.block = map->block;
		ei->cached.flags = map->flags;
	}
	map->block += lblk - start;
	map->len = MIN(max, map->len - (lblk - start));
	return 0;
}

int ext4_map(struct inode *inode, uint32_t lblk, uint32_t max,
	     struct ext4_map *map)
{
	struct ext4_inode *ei = ext4_of(inode);
	const struct ext4 *fs = ext4_fs_of(inode);
	int err = 0;

	map->block = 0;
	map->flags = 0;
	if (lblk > ext4_max_lblk(inode)) {
		map->len = max;
		return 0;
	}
	mutex_lock(&ei->map_lock);
	if (!from_cache(ei, lblk, max, map))
		err = look_up(inode, lblk, max, map);
	mutex_unlock(&ei->map_lock);
	if (!err && map->flags & MAP_MAPPED &&
	    !ext4_blocks_valid(fs, map->block, map->len))
		err = ext4_inode_error(inode,
				       "blocks that are not on the disk");
	return err;
}

int ext4_map_set(struct handle *handle, struct inode *inode, uint32_t lblk,
		 uint32_t len, uint64_t block, bool unwritten)
{
	struct ext4_inode *ei = ext4_of(inode);
	int err;

	mutex_lock(&ei->map_lock);
	ei->cached.len = 0;
	if (has_extents(inode))
		err = ext4_extent_set(handle, inode, lblk, len, block,
				      unwritten);
	else
		err = ext4_indirect_set(handle, inode, lblk, len, block);
	ei->goal = block + len;
	mutex_unlock(&ei->map_lock);
	if (!err)
		err = ext4_inode_dirty(handle, inode);
	return err;
}

int ext4_map_remove(struct handle *handle, struct inode *inode, uint32_t first,
		    uint32_t last, uint32_t *next)
{
	struct ext4_inode *ei = ext4_of(inode);
	int err, store;

	last = MIN(last, ext4_max_lblk(inode));
	mutex_lock(&ei->map_lock);
	ei->cached.len = 0;
	if (has_extents(inode))
		err = ext4_extent_remove(handle, inode, first, last, next);
	else
		err = ext4_indirect_remove(handle, inode, first, last, next);
	mutex_unlock(&ei->map_lock);
	store = ext4_inode_dirty(handle, inode);
	return err ? err : store;
}

uint64_t ext4_goal(const struct inode *inode, uint32_t lblk)
{
	const struct ext4 *fs = ext4_fs_of(inode);
	const struct ext4_inode *ei = ext4_of(inode);
	uint64_t start = ext4_group_start(fs, ei->group);

	if (ei->goal)
		return ei->goal;
	/* Files of one group begin at different places in it, so that two
	 * that grow at the same time do not interleave. */
	return start +
	       (inode->ino % 16) * (ext4_group_blocks(fs, ei->group) / 16);
}
