/* SPDX-License-Identifier: MIT */
/*
 * checksum.c - who vouches for which bytes
 *
 * With metadata_csum every block of metadata has a CRC-32C, begun with a seed
 * that is the file system's (its UUID) and, for what belongs to an inode, the
 * inode's number and generation: a block that strayed is found out. A bitmap's
 * lies in its group descriptor. Without the feature only group descriptors may
 * have one (CRC-16, uninit_bg).
 * Source: "Checksums" of the Linux kernel's ext4 documentation.
 */
#include "kernel/fs/ext4/internal.h"

#include "kernel/lib/crc.h"

uint32_t ext4_inode_seed(const struct ext4 *fs, uint64_t ino,
			 uint32_t generation)
{
	uint32_t number = (uint32_t)ino;
	uint32_t crc = crc32c(fs->seed, &number, 4);

	return crc32c(crc, &generation, 4);
}

/* ---- Super block ---- */

static uint32_t super_checksum(const struct ext4_super *super)
{
	return crc32c(~0u, super, offsetof(struct ext4_super, checksum));
}

void ext4_super_set_checksum(struct ext4_super *super)
{
	super->checksum = super_checksum(super);
}

bool ext4_super_checksum_ok(const struct ext4_super *super)
{
	return super->checksum == super_checksum(super);
}

/* ---- Inodes ---- */

static bool has_checksum_hi(const struct ext4 *fs,
			    const struct ext4_disk_inode *raw)
{
	return fs->inode_size > EXT4_OLD_INODE && raw->extra_isize >= 4;
}

static uint32_t inode_checksum(const struct ext4 *fs, uint32_t seed,
			       struct ext4_disk_inode *raw)
{
	uint16_t lo = raw->checksum_lo, hi = 0;
	bool has_hi = has_checksum_hi(fs, raw);
	uint32_t crc;

	raw->checksum_lo = 0;
	if (has_hi) {
		hi = raw->checksum_hi;
		raw->checksum_hi = 0;
	}
	crc = crc32c(seed, raw, fs->inode_size);
	raw->checksum_lo = lo;
	if (has_hi)
		raw->checksum_hi = hi;
	return crc;
}

bool ext4_inode_checksum_ok(const struct ext4 *fs, uint32_t seed, uint64_t ino,
			    struct ext4_disk_inode *raw)
{
	uint32_t crc;

	if (!ext4_has_csum(fs))
		return true;
	crc = inode_checksum(fs, seed, raw);
	if (raw->checksum_lo != (crc & 0xffff))
		return false;
	return !has_checksum_hi(fs, raw) || raw->checksum_hi == crc >> 16;
}

void ext4_inode_set_checksum(const struct ext4 *fs, uint32_t seed, uint64_t ino,
			     struct ext4_disk_inode *raw)
{
	uint32_t crc;

	if (!ext4_has_csum(fs))
		return;
	crc = inode_checksum(fs, seed, raw);
	raw->checksum_lo = (uint16_t)crc;
	if (has_checksum_hi(fs, raw))
		raw->checksum_hi = (uint16_t)(crc >> 16);
}

/* ---- Group descriptors and bitmaps ---- */

static uint16_t desc_checksum(const struct ext4 *fs, uint32_t group)
{
	const struct ext4_group_desc *desc = ext4_desc(fs, group);
	const unsigned int at = offsetof(struct ext4_group_desc, checksum);
	const char *rest = (const char *)desc + at + 2;
	uint32_t number = group, crc;
	uint16_t zero = 0, crc_16;

	if (ext4_has_csum(fs)) {
		crc = crc32c(fs->seed, &number, 4);
		crc = crc32c(crc, desc, at);
		crc = crc32c(crc, &zero, 2);
		if (fs->desc_size > at + 2)
			crc = crc32c(crc, rest, fs->desc_size - at - 2);
		return (uint16_t)crc;
	}
	crc_16 = crc16(0xffff, fs->super->uuid, 16);
	crc_16 = crc16(crc_16, &number, 4);
	crc_16 = crc16(crc_16, desc, at);
	if (fs->desc_size > at + 2)
		crc_16 = crc16(crc_16, rest, fs->desc_size - at - 2);
	return crc_16;
}

static bool has_desc_checksum(const struct ext4 *fs)
{
	return fs->super->ro_compat & (RO_METADATA_CSUM | RO_GDT_CSUM);
}

bool ext4_desc_checksum_ok(const struct ext4 *fs, uint32_t group)
{
	return !has_desc_checksum(fs) ||
	       ext4_desc(fs, group)->checksum == desc_checksum(fs, group);
}

static void seal_descs(struct ext4 *fs, uint32_t first)
{
	if (!has_desc_checksum(fs))
		return;
	for (uint32_t i = 0; i < fs->descs_per_block; i++) {
		uint32_t group = first + i;

		if (group >= fs->num_groups)
			break;
		if (!fs->groups[group].desc_changed)
			continue;
		fs->groups[group].desc_changed = false;
		ext4_desc(fs, group)->checksum = desc_checksum(fs, group);
	}
}

static uint32_t bitmap_checksum(const struct ext4 *fs, const void *bitmap,
				bool inodes)
{
	uint32_t bits =
		inodes ? fs->inodes_per_group : fs->super->clusters_per_group;

	return crc32c(fs->seed, bitmap, bits / 8);
}

bool ext4_bitmap_checksum_ok(const struct ext4 *fs, uint32_t group,
			     const void *bitmap, bool inodes)
{
	const struct ext4_group_desc *desc = ext4_desc(fs, group);
	uint32_t crc, found;

	if (!ext4_has_csum(fs))
		return true;
	crc = bitmap_checksum(fs, bitmap, inodes);
	found = inodes ? desc->inode_bitmap_csum_lo
		       : desc->block_bitmap_csum_lo;
	if (fs->desc_size < GROUP_DESC_SIZE_64)
		return found == (crc & 0xffff);
	found |= (uint32_t)(inodes ? desc->inode_bitmap_csum_hi
				   : desc->block_bitmap_csum_hi)
		 << 16;
	return found == crc;
}

static void seal_bitmap(struct ext4 *fs, const struct meta *meta, bool inodes)
{
	struct ext4_group_desc *desc = ext4_desc(fs, meta->seed);
	bool wide = fs->desc_size >= GROUP_DESC_SIZE_64;
	uint32_t crc;

	if (!ext4_has_csum(fs))
		return;
	crc = bitmap_checksum(fs, meta->data, inodes);
	if (inodes) {
		desc->inode_bitmap_csum_lo = (uint16_t)crc;
		if (wide)
			desc->inode_bitmap_csum_hi = (uint16_t)(crc >> 16);
	} else {
		desc->block_bitmap_csum_lo = (uint16_t)crc;
		if (wide)
			desc->block_bitmap_csum_hi = (uint16_t)(crc >> 16);
	}
	fs->groups[meta->seed].desc_changed = true;
	if (!fs->journal)
		meta_mark_dirty(&fs->cache,
				fs->descs[meta->seed / fs->descs_per_block]);
}

/* ---- Blocks that belong to an inode ---- */

/* Where the checksum is; NULL: none, or the block makes no sense. */
static uint32_t *extents_tail(const struct ext4 *fs, const struct meta *meta)
{
	const struct ext4_extent_header *header = meta->data;
	size_t at = sizeof(*header) + 12UL * header->max;

	return at + 4 <= fs->block_size
		       ? (uint32_t *)(void *)((char *)meta->data + at)
		       : NULL;
}

static uint32_t *dir_tail(const struct ext4 *fs, const struct meta *meta)
{
	struct ext4_dirent_tail *tail =
		(void *)((char *)meta->data + fs->block_size - sizeof(*tail));

	return tail->rec_len == sizeof(*tail) &&
			       tail->file_type == DIRENT_FT_CSUM && !tail->zero
		       ? &tail->checksum
		       : NULL;
}

/* Offset of the limit and count of a block of the hash tree; 0: none. */
static unsigned int index_offset(const struct ext4 *fs, const void *block)
{
	const struct ext4_dirent *first = block, *second;
	const struct ext4_dx_info *info;

	if (first->rec_len == fs->block_size ||
	    (first->rec_len == 0 && fs->block_size == 65536))
		return 8;
	if (first->rec_len != 12)
		return 0;
	second = (const void *)((const char *)block + 12);
	info = (const void *)((const char *)block + 24);
	if (second->rec_len != fs->block_size - 12 || info->zero ||
	    info->info_length != 8)
		return 0;
	return 32;
}

static uint32_t *index_tail(const struct ext4 *fs, const struct meta *meta,
			    uint32_t seed, uint32_t *crc)
{
	unsigned int at = index_offset(fs, meta->data), limit, count;
	struct ext4_dx_tail *tail;
	const uint16_t *counts;
	uint32_t zero = 0;

	if (!at)
		return NULL;
	counts = (const void *)((const char *)meta->data + at);
	limit = counts[0];
	count = counts[1];
	if (count > limit || at + limit * 8 + 8 > fs->block_size)
		return NULL;
	tail = (void *)((char *)meta->data + at + limit * 8UL);
	*crc = crc32c(seed, meta->data, at + count * 8);
	*crc = crc32c(*crc, &tail->reserved, 4);
	*crc = crc32c(*crc, &zero, 4);
	return &tail->checksum;
}

static uint32_t *xattr_tail(const struct ext4 *fs, const struct meta *meta,
			    uint32_t *crc)
{
	struct ext4_xattr_header *header = meta->data;
	const unsigned int at = offsetof(struct ext4_xattr_header, checksum);
	uint64_t block = meta->block;
	uint32_t zero = 0;

	*crc = crc32c(fs->seed, &block, 8);
	*crc = crc32c(*crc, header, at);
	*crc = crc32c(*crc, &zero, 4);
	*crc = crc32c(*crc, (const char *)meta->data + at + 4,
		      fs->block_size - at - 4);
	return &header->checksum;
}

/* The place of the checksum, and what it should be. */
static uint32_t *tail_of(const struct ext4 *fs, const struct meta *meta,
			 enum meta_kind kind, uint32_t seed, uint32_t *crc)
{
	uint32_t *tail;

	switch (kind) {
	case META_DIR:
		tail = dir_tail(fs, meta);
		*crc = crc32c(seed, meta->data,
			      fs->block_size - sizeof(struct ext4_dirent_tail));
		return tail;
	case META_DIR_INDEX:
		return index_tail(fs, meta, seed, crc);
	case META_EXTENTS:
		tail = extents_tail(fs, meta);
		if (tail)
			*crc = crc32c(
				seed, meta->data,
				(size_t)((char *)tail - (char *)meta->data));
		return tail;
	case META_XATTR:
		return xattr_tail(fs, meta, crc);
	default:
		return NULL;
	}
}

bool ext4_meta_checksum_ok(const struct ext4 *fs, const struct meta *meta,
			   enum meta_kind kind, uint32_t seed)
{
	uint32_t crc = 0;
	const uint32_t *tail;

	if (!ext4_has_csum(fs))
		return true;
	tail = tail_of(fs, meta, kind, seed, &crc);
	return tail && *tail == crc;
}

int ext4_read_verified(struct ext4 *fs, uint64_t block, enum meta_kind kind,
		       uint32_t seed, struct meta **out)
{
	int err = meta_read(&fs->cache, block, out);

	if (err)
		return err;
	if (likely(meta_is_verified(*out, kind)))
		return 0;
	/* One that an operation is changing has no right checksum now, but
	 * then it was verified, or made by us. */
	if (!ext4_meta_checksum_ok(fs, *out, kind, seed)) {
		meta_put(&fs->cache, *out);
		*out = NULL;
		return ext4_error(fs, "block %lu has a wrong checksum",
				  (unsigned long)block);
	}
	meta_set_verified(&fs->cache, *out, kind);
	return 0;
}

void meta_seal(struct ext4 *fs, struct meta *meta)
{
	struct ext4_super *super = fs->super;
	uint32_t crc = 0, *tail;

	switch (meta->kind) {
	case META_PLAIN:
		return;
	case META_SUPER:
		if (ext4_has_csum(fs))
			super->checksum = super_checksum(super);
		return;
	case META_GROUP_DESC:
		seal_descs(fs, meta->seed);
		return;
	case META_BLOCK_BITMAP:
	case META_INODE_BITMAP:
		seal_bitmap(fs, meta, meta->kind == META_INODE_BITMAP);
		return;
	default:
		if (!ext4_has_csum(fs))
			return;
		tail = tail_of(fs, meta, meta->kind, meta->seed, &crc);
		if (tail)
			*tail = crc;
		return;
	}
}
