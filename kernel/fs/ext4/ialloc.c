/* SPDX-License-Identifier: MIT */
/*
 * ialloc.c - which inodes are given out
 *
 * Policy: a file goes into its directory's group, or the next that has room. A
 * directory in the root goes to a group with more free inodes and blocks than
 * most, so that trees do not get in each other's way; deeper ones stay with
 * their parent while there is room.
 * Read: OSTEP ch. 41 (locality and the Fast File System).
 *
 * Locks: alloc_lock.
 */
#include "kernel/fs/ext4/internal.h"

/* ---- Choosing a group ---- */

static bool has_inodes(const struct ext4 *fs, uint32_t group)
{
	return ext4_desc_free_inodes(fs, group) && !fs->groups[group].broken;
}

/* Free inodes and blocks not below the average, and the fewest directories. */
static bool find_spread_group(struct ext4 *fs, uint32_t *out)
	MUST_HOLD(fs->alloc_lock)
{
	uint64_t inodes = (uint64_t)fs->free_inodes / fs->num_groups;
	uint64_t blocks = (uint64_t)fs->free_blocks / fs->num_groups;
	uint32_t fewest = UINT32_MAX;

	for (uint32_t i = 0; i < fs->num_groups; i++) {
		uint32_t group = (fs->last_dir_group + 1 + i) % fs->num_groups;

		if (!has_inodes(fs, group) ||
		    ext4_desc_free_inodes(fs, group) < inodes ||
		    ext4_desc_free_blocks(fs, group) < blocks ||
		    ext4_desc_used_dirs(fs, group) >= fewest)
			continue;
		fewest = ext4_desc_used_dirs(fs, group);
		*out = group;
	}
	if (fewest == UINT32_MAX)
		return false;
	fs->last_dir_group = *out;
	return true;
}

static bool find_group(struct ext4 *fs, const struct inode *dir, bool directory,
		       uint32_t *out) MUST_HOLD(fs->alloc_lock)
{
	uint32_t home = ext4_of(dir)->group;

	if (directory && dir->ino == EXT4_ROOT_INO &&
	    find_spread_group(fs, out))
		return true;
	/* With blocks for what will be written, if there are. */
	for (int pass = 0; pass < 2; pass++) {
		for (uint32_t i = 0; i < fs->num_groups; i++) {
			uint32_t group = (home + i) % fs->num_groups;

			if (!has_inodes(fs, group) ||
			    (pass == 0 && !ext4_desc_free_blocks(fs, group)))
				continue;
			*out = group;
			return true;
		}
	}
	return false;
}

/* ---- The bitmap ---- */

static int open_group(struct handle *handle, uint32_t group, struct meta **out)
	MUST_HOLD(handle->fs->alloc_lock)
{
	struct ext4 *fs = handle->fs;
	int err;

	err = ext4_bitmap_read(fs, group, true, out);
	if (err)
		return err;
	err = journal_modify(handle, *out, META_INODE_BITMAP, group);
	if (!err)
		err = ext4_desc_modify(handle, group);
	if (err)
		meta_put(&fs->cache, *out);
	return err;
}

/* The table's end that was never used shrinks. */
static void note_used(const struct ext4 *fs, uint32_t group, uint32_t bit)
{
	uint32_t unused = fs->inodes_per_group - bit - 1;

	if (!(fs->super->ro_compat & (RO_GDT_CSUM | RO_METADATA_CSUM)))
		return;
	ext4_desc(fs, group)->flags &= (uint16_t)~GROUP_INODE_UNINIT;
	if (ext4_desc_itable_unused(fs, group) > unused)
		ext4_desc_set_itable_unused(fs, group, unused);
}

static uint32_t first_usable(const struct ext4 *fs, uint32_t group)
{
	return group ? 0 : fs->first_ino - 1;
}

static int take_in_group(struct handle *handle, uint32_t group, bool directory,
			 uint32_t *ino) MUST_HOLD(handle->fs->alloc_lock)
{
	struct ext4 *fs = handle->fs;
	struct ext4_group *g = &fs->groups[group];
	struct meta *meta;
	uint32_t bit;
	int err;

	err = open_group(handle, group, &meta);
	if (err)
		return err;
	bit = bitmap_next_clear(meta->data,
				MAX(g->ino_hint, first_usable(fs, group)),
				fs->inodes_per_group);
	if (bit >= fs->inodes_per_group) {
		g->broken = true;
		err = ext4_error(fs, "group %u has no free inode after all",
				 group);
		goto put;
	}
	bitmap_set(meta->data, bit);
	g->ino_hint = bit + 1;
	note_used(fs, group, bit);
	ext4_desc_set_free_inodes(fs, group,
				  ext4_desc_free_inodes(fs, group) - 1);
	if (directory)
		ext4_desc_set_used_dirs(fs, group,
					ext4_desc_used_dirs(fs, group) + 1);
	__atomic_sub_fetch(&fs->free_inodes, 1, __ATOMIC_RELAXED);
	*ino = group * fs->inodes_per_group + bit + 1;
put:
	meta_put(&fs->cache, meta);
	return err;
}

int ext4_ino_new(struct handle *handle, const struct inode *dir, uint32_t mode,
		 uint32_t *ino)
{
	struct ext4 *fs = handle->fs;
	uint32_t group = 0;
	int err = -ENOSPC;

	mutex_lock(&fs->alloc_lock);
	if (find_group(fs, dir, S_ISDIR(mode), &group))
		err = take_in_group(handle, group, S_ISDIR(mode), ino);
	mutex_unlock(&fs->alloc_lock);
	return err;
}

int ext4_ino_free(struct handle *handle, uint32_t ino, bool directory)
{
	struct ext4 *fs = handle->fs;
	uint32_t group = (ino - 1) / fs->inodes_per_group;
	uint32_t bit = (ino - 1) % fs->inodes_per_group;
	struct meta *meta;
	int err;

	mutex_lock(&fs->alloc_lock);
	err = open_group(handle, group, &meta);
	if (err)
		goto unlock;
	if (!bitmap_test(meta->data, bit)) {
		err = ext4_error(fs, "inode %u is free already", ino);
	} else {
		uint32_t dirs = ext4_desc_used_dirs(fs, group);

		bitmap_clear(meta->data, bit);
		fs->groups[group].ino_hint =
			MIN(fs->groups[group].ino_hint, bit);
		ext4_desc_set_free_inodes(fs, group,
					  ext4_desc_free_inodes(fs, group) + 1);
		if (directory && dirs)
			ext4_desc_set_used_dirs(fs, group, dirs - 1);
		__atomic_add_fetch(&fs->free_inodes, 1, __ATOMIC_RELAXED);
	}
	meta_put(&fs->cache, meta);
unlock:
	mutex_unlock(&fs->alloc_lock);
	return err;
}

int ext4_ino_prepare_free(struct ext4 *fs, uint32_t ino)
{
	struct meta *meta;
	int err;

	mutex_lock(&fs->alloc_lock);
	err = ext4_bitmap_read(fs, (ino - 1) / fs->inodes_per_group, true,
			       &meta);
	mutex_unlock(&fs->alloc_lock);
	if (!err)
		meta_put(&fs->cache, meta);
	return err;
}
