/* SPDX-License-Identifier: MIT */
/*
 * group.c - block groups: their descriptors and their two bitmaps
 *
 * A disk is cut into groups, each with a bitmap of its blocks, one of its
 * inodes, and a table of inodes; with flex_bg those of several groups lie
 * together. The descriptors say where. They are read once, and held.
 *
 * Locks: alloc_lock.
 * Source: "Block Group Descriptors", "Lazy Block Group Initialization" of the
 * Linux kernel's ext4 documentation.
 */
#include "kernel/fs/ext4/internal.h"

#include "kernel/lib/bits.h"
#include "kernel/mm/slab.h"

/* ---- Numbers in two parts ---- */

static bool is_wide(const struct ext4 *fs)
{
	return fs->desc_size >= GROUP_DESC_SIZE_64;
}

#define GET(field)                                                             \
	(ext4_desc(fs, group)->field##_lo |                                    \
	 (is_wide(fs)                                                          \
		  ? (uint64_t)ext4_desc(fs, group)->field##_hi                 \
			    << (8 * sizeof(ext4_desc(fs, group)->field##_lo))  \
		  : 0))

uint64_t ext4_desc_block_bitmap(const struct ext4 *fs, uint32_t group)
{
	return GET(block_bitmap);
}

uint64_t ext4_desc_inode_bitmap(const struct ext4 *fs, uint32_t group)
{
	return GET(inode_bitmap);
}

uint64_t ext4_desc_inode_table(const struct ext4 *fs, uint32_t group)
{
	return GET(inode_table);
}

uint32_t ext4_desc_free_blocks(const struct ext4 *fs, uint32_t group)
{
	return (uint32_t)GET(free_blocks);
}

uint32_t ext4_desc_free_inodes(const struct ext4 *fs, uint32_t group)
{
	return (uint32_t)GET(free_inodes);
}

uint32_t ext4_desc_used_dirs(const struct ext4 *fs, uint32_t group)
{
	return (uint32_t)GET(used_dirs);
}

uint32_t ext4_desc_itable_unused(const struct ext4 *fs, uint32_t group)
{
	return (uint32_t)GET(itable_unused);
}

#define SET(field, n)                                                          \
	do {                                                                   \
		ext4_desc(fs, group)->field##_lo = (uint16_t)(n);              \
		if (is_wide(fs))                                               \
			ext4_desc(fs, group)->field##_hi =                     \
				(uint16_t)((n) >> 16);                         \
	} while (0)

void ext4_desc_set_free_blocks(const struct ext4 *fs, uint32_t group,
			       uint32_t n)
{
	SET(free_blocks, n);
}

void ext4_desc_set_free_inodes(const struct ext4 *fs, uint32_t group,
			       uint32_t n)
{
	SET(free_inodes, n);
}

void ext4_desc_set_used_dirs(const struct ext4 *fs, uint32_t group, uint32_t n)
{
	SET(used_dirs, n);
}

void ext4_desc_set_itable_unused(const struct ext4 *fs, uint32_t group,
				 uint32_t n)
{
	SET(itable_unused, n);
}

int ext4_desc_modify(struct handle *handle, uint32_t group)
{
	struct ext4 *fs = handle->fs;
	uint32_t block = group / fs->descs_per_block;

	fs->groups[group].desc_changed = true;
	return journal_modify(handle, fs->descs[block], META_GROUP_DESC,
			      block * fs->descs_per_block);
}

uint32_t ext4_group_blocks(const struct ext4 *fs, uint32_t group)
{
	uint64_t start = ext4_group_start(fs, group);

	return (uint32_t)MIN((uint64_t)fs->blocks_per_group,
			     fs->blocks_count - start);
}

/* ---- Loading ---- */

static bool is_power_of(uint32_t n, uint32_t base)
{
	while (n > 1 && n % base == 0)
		n /= base;
	return n == 1;
}

/* Does @group have a copy of the super block? (Only meta_bg asks.) */
static bool has_super(const struct ext4 *fs, uint32_t group)
{
	const struct ext4_super *super = fs->super;

	if (group == 0)
		return true;
	if (super->compat & COMPAT_SPARSE_SUPER2)
		return group == super->backup_bgs[0] ||
		       group == super->backup_bgs[1];
	if (!(super->ro_compat & RO_SPARSE_SUPER))
		return true;
	return group == 1 || is_power_of(group, 3) || is_power_of(group, 5) ||
	       is_power_of(group, 7);
}

/* Where block @i of the descriptors lies. */
static uint64_t desc_block(const struct ext4 *fs, uint32_t i)
{
	uint64_t super_block = fs->super_meta->block;
	uint32_t group = i * fs->descs_per_block;

	if (!(fs->super->incompat & INCOMPAT_META_BG) ||
	    i < fs->super->first_meta_bg)
		return super_block + 1 + i;
	return ext4_group_start(fs, group) + (has_super(fs, group) ? 1 : 0);
}

static bool in_disk(const struct ext4 *fs, uint64_t block, uint64_t count)
{
	return block >= fs->first_block && block < fs->blocks_count &&
	       count <= fs->blocks_count - block;
}

static bool desc_ok(const struct ext4 *fs, uint32_t group)
{
	uint32_t table =
		DIV_ROUND_UP(fs->inodes_per_group, fs->inodes_per_block);

	return in_disk(fs, ext4_desc_block_bitmap(fs, group), 1) &&
	       in_disk(fs, ext4_desc_inode_bitmap(fs, group), 1) &&
	       in_disk(fs, ext4_desc_inode_table(fs, group), table) &&
	       ext4_desc_free_blocks(fs, group) <=
		       ext4_group_blocks(fs, group) &&
	       ext4_desc_free_inodes(fs, group) <= fs->inodes_per_group &&
	       ext4_desc_itable_unused(fs, group) <= fs->inodes_per_group;
}

int ext4_groups_check(struct ext4 *fs)
{
	fs->free_blocks = fs->free_inodes = 0;
	for (uint32_t group = 0; group < fs->num_groups; group++) {
		if (!ext4_desc_checksum_ok(fs, group) || !desc_ok(fs, group)) {
			log_error("ext4: %s: the descriptor of group %u is "
				  "broken",
				  fs->name, group);
			return -EUCLEAN;
		}
		fs->free_blocks += ext4_desc_free_blocks(fs, group);
		fs->free_inodes += ext4_desc_free_inodes(fs, group);
	}
	return 0;
}

int ext4_groups_load(struct ext4 *fs, bool check)
{
	int err = 0;

	fs->num_desc_blocks = DIV_ROUND_UP(fs->num_groups, fs->descs_per_block);
	fs->groups = kcalloc(fs->num_groups, sizeof(struct ext4_group));
	fs->descs = kcalloc(fs->num_desc_blocks, sizeof(struct meta *));
	if (!fs->groups || !fs->descs)
		return -ENOMEM;
	for (uint32_t i = 0; !err && i < fs->num_desc_blocks; i++)
		err = meta_read(&fs->cache, desc_block(fs, i), &fs->descs[i]);
	return err || !check ? err : ext4_groups_check(fs);
}

void ext4_groups_free(struct ext4 *fs)
{
	for (uint32_t i = 0; fs->groups && i < fs->num_groups; i++)
		kfree(fs->groups[i].busy);
	for (uint32_t i = 0; fs->descs && i < fs->num_desc_blocks; i++)
		meta_put(&fs->cache, fs->descs[i]);
	kfree(fs->groups);
	kfree(fs->descs);
	fs->groups = NULL;
	fs->descs = NULL;
}

/* ---- Bitmaps ---- */

static void set_range(uint8_t *bitmap, uint32_t first, uint32_t end)
{
	for (uint32_t bit = first; bit < end; bit++)
		bitmap_set(bitmap, bit);
}

/* Mark what of [@block, @block + @count) lies in @group. */
static void mark_used(const struct ext4 *fs, uint32_t group, uint8_t *bitmap,
		      uint64_t block, uint64_t count)
{
	uint64_t start = ext4_group_start(fs, group);
	uint64_t end = start + ext4_group_blocks(fs, group);
	uint64_t from = MAX(block, start), to = MIN(block + count, end);

	if (from < to)
		set_range(bitmap, (uint32_t)(from - start),
			  (uint32_t)(to - start));
}

/*
 * The bitmap of a group that nothing was written to: its super block and
 * descriptors, and what of any group's bitmaps and tables lies here.
 */
static void make_block_bitmap(const struct ext4 *fs, uint32_t group,
			      uint8_t *bitmap)
{
	uint32_t table =
		DIV_ROUND_UP(fs->inodes_per_group, fs->inodes_per_block);
	uint64_t start = ext4_group_start(fs, group);
	bool meta_bg = fs->super->incompat & INCOMPAT_META_BG;
	uint64_t reserved =
		fs->num_desc_blocks + fs->super->reserved_gdt_blocks;

	memset(bitmap, 0, fs->block_size);
	if (has_super(fs, group))
		mark_used(fs, group, bitmap, start,
			  1 + (meta_bg ? 0 : reserved));
	if (meta_bg)
		for (uint32_t i = 0; i < fs->num_desc_blocks; i++)
			for (uint32_t copy = 0; copy < 3; copy++)
				mark_used(fs, group, bitmap,
					  desc_block(fs, i) +
						  (uint64_t)copy *
							  fs->blocks_per_group,
					  1);
	for (uint32_t g = 0; g < fs->num_groups; g++) {
		mark_used(fs, group, bitmap, ext4_desc_block_bitmap(fs, g), 1);
		mark_used(fs, group, bitmap, ext4_desc_inode_bitmap(fs, g), 1);
		mark_used(fs, group, bitmap, ext4_desc_inode_table(fs, g),
			  table);
	}
	set_range(bitmap, ext4_group_blocks(fs, group), fs->block_size * 8);
}

static void make_inode_bitmap(const struct ext4 *fs, uint8_t *bitmap)
{
	memset(bitmap, 0, fs->block_size);
	set_range(bitmap, fs->inodes_per_group, fs->block_size * 8);
}

static bool was_never_written(const struct ext4 *fs, uint32_t group,
			      bool inodes)
{
	uint16_t flag = inodes ? GROUP_INODE_UNINIT : GROUP_BLOCK_UNINIT;

	return fs->super->ro_compat & (RO_GDT_CSUM | RO_METADATA_CSUM) &&
	       ext4_desc(fs, group)->flags & flag;
}

static uint32_t count_used(const uint8_t *bitmap, uint32_t bits)
{
	const uint64_t *words = (const void *)bitmap;
	uint32_t used = 0;

	for (uint32_t i = 0; i < bits / 64; i++)
		used += bit_count(words[i]);
	for (uint32_t bit = bits & ~63u; bit < bits; bit++)
		used += bitmap_test(bitmap, bit);
	return used;
}

/* Does the bitmap say what its descriptor says? */
static bool bitmap_ok(const struct ext4 *fs, uint32_t group, bool inodes,
		      const struct meta *meta)
{
	uint32_t bits =
		inodes ? fs->inodes_per_group : ext4_group_blocks(fs, group);
	uint32_t free = inodes ? ext4_desc_free_inodes(fs, group)
			       : ext4_desc_free_blocks(fs, group);

	return ext4_bitmap_checksum_ok(fs, group, meta->data, inodes) &&
	       bits - count_used(meta->data, bits) == free;
}

int ext4_bitmap_read(struct ext4 *fs, uint32_t group, bool inodes,
		     struct meta **out)
{
	enum meta_kind kind = inodes ? META_INODE_BITMAP : META_BLOCK_BITMAP;
	uint64_t block = inodes ? ext4_desc_inode_bitmap(fs, group)
				: ext4_desc_block_bitmap(fs, group);
	int err;

	if (fs->groups[group].broken)
		return -EUCLEAN;
	err = meta_read(&fs->cache, block, out);
	if (err || meta_is_verified(*out, kind))
		return err;
	if (was_never_written(fs, group, inodes)) {
		if (inodes)
			make_inode_bitmap(fs, (*out)->data);
		else
			make_block_bitmap(fs, group, (*out)->data);
	} else if (!bitmap_ok(fs, group, inodes, *out)) {
		meta_put(&fs->cache, *out);
		fs->groups[group].broken = true;
		return ext4_error(fs, "the bitmap of %s of group %u is broken",
				  inodes ? "inodes" : "blocks", group);
	}
	meta_set_verified(&fs->cache, *out, kind);
	return 0;
}
