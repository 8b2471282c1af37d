/* SPDX-License-Identifier: MIT */
/*
 * table.c - the file allocation table: which cluster follows which
 *
 * Idea: one entry for each cluster, of 12, 16 or 32 bits, says free, bad, "the
 * last of its file", or which is next. Entries are read and written a byte at a
 * time through the buffer of their sector, since those of 12 bits may lie across
 * two. The copies are made when the table is written (commit.c).
 *
 * Nothing on the disk is believed: a number outside the volume is an error, and
 * whoever follows a chain counts.
 *
 * Locks: fs->lock.
 * Source: "Microsoft FAT Specification", "FAT"; OSTEP ch. 40 (linked
 * allocation).
 */
#include "kernel/fs/fat/internal.h"

#include "kernel/debug/log.h"

int fat_error(struct fat *fs, const char *what)
{
	if (!fs->had_error)
		log_error("fat: %s: %s; now read-only", fs->bdev->name, what);
	fs->had_error = true;
	fs->read_only = true;
	fs->sb->flags |= MS_RDONLY;
	return -EIO;
}

bool fat_is_valid(const struct fat *fs, uint32_t cluster)
{
	return cluster >= 2 && cluster - 2 < fs->num_clusters;
}

/* ---- Bytes of the table ---- */

/* The sector that byte @at of the table is in, as fs->fat_buffer. */
static int load(struct fat *fs, uint64_t at) MUST_HOLD(fs->lock)
{
	uint64_t sector = fs->fat_start +
			  (uint64_t)fs->active_fat * fs->fat_sectors +
			  (at >> fs->sector_bits);
	struct buffer *buffer;
	int err;

	if (fs->fat_buffer && fs->fat_buffer->block == sector)
		return 0;
	err = buffer_read(fs->bdev, sector, &buffer);
	if (err)
		return err;
	buffer_put(fs->fat_buffer);
	fs->fat_buffer = buffer;
	return 0;
}

static int get_bytes(struct fat *fs, uint64_t at, unsigned int count,
		     uint32_t *value) MUST_HOLD(fs->lock)
{
	uint32_t mask = (1u << fs->sector_bits) - 1;

	*value = 0;
	for (unsigned int i = 0; i < count; i++) {
		const uint8_t *data;
		int err = load(fs, at + i);

		if (err)
			return err;
		data = fs->fat_buffer->data;
		*value |= (uint32_t)data[(at + i) & mask] << (8 * i);
	}
	return 0;
}

static int put_bytes(struct fat *fs, uint64_t at, unsigned int count,
		     uint32_t value) MUST_HOLD(fs->lock)
{
	uint32_t mask = (1u << fs->sector_bits) - 1;

	for (unsigned int i = 0; i < count; i++) {
		uint8_t *data;
		int err = load(fs, at + i);

		if (err)
			return err;
		data = fs->fat_buffer->data;
		data[(at + i) & mask] = (uint8_t)(value >> (8 * i));
		fat_dirty(fs, fs->fat_buffer, true);
	}
	return 0;
}

/* Where an entry is, and how many bytes it touches. */
static uint64_t entry_at(const struct fat *fs, uint32_t cluster,
			 unsigned int *count)
{
	*count = fs->bits == 32 ? 4 : 2;
	if (fs->bits == 12)
		return cluster + cluster / 2;
	return (uint64_t)cluster * *count;
}

/* ---- Entries ---- */

int fat_get(struct fat *fs, uint32_t cluster, uint32_t *next)
{
	uint32_t value,
		top = fs->bits == 32 ? 0x0fffffff : (1u << fs->bits) - 1;
	unsigned int count;
	uint64_t at;
	int err;

	if (!fat_is_valid(fs, cluster))
		return fat_error(fs, "a cluster outside the volume");
	at = entry_at(fs, cluster, &count);
	err = get_bytes(fs, at, count, &value);
	if (err)
		return err;
	if (fs->bits == 12)
		value >>= cluster & 1 ? 4 : 0;
	value &= top;
	/* The highest values mean the same in each width. */
	if (value >= top - 8)
		value = value == top - 8 ? FAT_BAD_CLUSTER : FAT_END;
	*next = value;
	return 0;
}

int fat_put(struct fat *fs, uint32_t cluster, uint32_t next)
{
	unsigned int count;
	uint32_t old;
	uint64_t at;
	int err;

	if (!fat_is_valid(fs, cluster))
		return fat_error(fs, "a cluster outside the volume");
	at = entry_at(fs, cluster, &count);
	err = get_bytes(fs, at, count, &old);
	if (err)
		return err;
	/* The top four bits are not ours; of 12 bits, half a byte is not. */
	if (fs->bits == 32)
		next = (next & 0x0fffffff) | (old & 0xf0000000);
	else if (fs->bits == 12 && cluster & 1)
		next = ((next & 0xfff) << 4) | (old & 0xf);
	else if (fs->bits == 12)
		next = (next & 0xfff) | (old & 0xf000);
	return put_bytes(fs, at, count, next);
}

/* ---- Free clusters ---- */

int fat_count_free(struct fat *fs)
{
	uint32_t next, free = 0;

	if (fs->counted)
		return 0;
	for (uint32_t i = 0; i < fs->num_clusters; i++) {
		int err = fat_get(fs, i + 2, &next);

		if (err)
			return err;
		free += next == FAT_FREE_CLUSTER;
	}
	fs->free = free;
	fs->counted = true;
	return 0;
}

static int search(struct fat *fs, uint32_t *cluster) MUST_HOLD(fs->lock)
{
	uint32_t at = fat_is_valid(fs, fs->next) ? fs->next - 2 : 0;

	for (uint32_t i = 0; i < fs->num_clusters; i++) {
		uint32_t next;
		int err = fat_get(fs, at + 2, &next);

		if (err)
			return err;
		if (next == FAT_FREE_CLUSTER) {
			*cluster = at + 2;
			return 0;
		}
		at = at + 1 == fs->num_clusters ? 0 : at + 1;
	}
	return -ENOSPC;
}

int fat_allocate(struct fat *fs, uint32_t *cluster)
{
	int err = fs->counted && !fs->free ? -ENOSPC : search(fs, cluster);

	/* Some may be free as soon as the disk says so. */
	if (err == -ENOSPC && !list_empty(&fs->doomed)) {
		err = fat_commit(fs);
		if (!err)
			err = search(fs, cluster);
	}
	if (!err)
		err = fat_put(fs, *cluster, FAT_END);
	if (err)
		return err;
	fs->next = *cluster + 1;
	if (fs->counted && fs->free)
		fs->free--;
	return 0;
}

int fat_free_chain(struct fat *fs, uint32_t start)
{
	uint32_t at = start, next;

	for (uint32_t i = 0; i <= fs->num_clusters; i++) {
		int err = fat_get(fs, at, &next);

		if (err)
			return err;
		if (next == FAT_FREE_CLUSTER || next == FAT_BAD_CLUSTER)
			return fat_error(fs, "a chain leads to a free cluster");
		err = fat_put(fs, at, FAT_FREE_CLUSTER);
		if (err)
			return err;
		if (fs->counted)
			fs->free++;
		if (next == FAT_END)
			return 0;
		at = next;
	}
	return fat_error(fs, "a chain without an end");
}
