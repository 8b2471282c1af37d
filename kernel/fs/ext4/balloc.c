/* SPDX-License-Identifier: MIT */
/*
 * balloc.c - which blocks are given out
 *
 * Idea: a block goes through three states. Free; *busy*, when it is promised
 * to data that is being written, and only memory knows; *used*, when an
 * operation sets its bit on the disk, together with the map that shows it. So
 * a file's contents are on the disk before anything points to them, and a crash
 * before that leaks nothing. A freed block stays busy until its transaction is
 * committed: else a crash could bring back the old file with new contents.
 *
 * Policy: where the file's last block is, go on; a new file begins in its
 * inode's group; look for a run as long as wanted, then for the best of what
 * there is, group after group. (Files of one directory share its group, new
 * directories are spread: ialloc.c.)
 * Read: OSTEP ch. 41 (locality and the Fast File System).
 *
 * Locks: alloc_lock.
 */
#include "kernel/fs/ext4/internal.h"

#include "kernel/lib/bits.h"
#include "kernel/mm/slab.h"

/* Kept back for metadata that an operation needs when data has taken all. */
#define RESERVED_METADATA 24

/* ---- The bitmap in memory ---- */

/* Make groups[group].busy from the disk's bitmap. */
static int load_busy(struct ext4 *fs, uint32_t group) MUST_HOLD(fs->alloc_lock)
{
	struct ext4_group *g = &fs->groups[group];
	uint32_t bits = fs->block_size * 8;
	struct meta *meta;
	uint8_t *busy;
	int err;

	if (g->busy)
		return 0;
	busy = kmalloc(fs->block_size);
	if (!busy)
		return -ENOMEM;
	err = ext4_bitmap_read(fs, group, false, &meta);
	if (err) {
		kfree(busy);
		return err;
	}
	memcpy(busy, meta->data, fs->block_size);
	meta_put(&fs->cache, meta);
	/* Whatever the disk says: what lies past the end is not there. */
	for (uint32_t bit = ext4_group_blocks(fs, group); bit < bits; bit++)
		bitmap_set(busy, bit);
	g->num_free = ext4_desc_free_blocks(fs, group);
	g->busy = busy;
	return 0;
}

uint32_t bitmap_next_clear(const uint8_t *bitmap, uint32_t bit, uint32_t end)
{
	const uint64_t *words = (const void *)bitmap;

	while (bit < end) {
		uint64_t free = ~words[bit / 64] >> (bit % 64);

		if (free)
			return MIN(bit + bit_lowest(free), end);
		bit = ALIGN_DOWN(bit, 64u) + 64;
	}
	return end;
}

/* The first bit at or after @bit that is set; @end if none. */
static uint32_t next_used(const uint8_t *bitmap, uint32_t bit, uint32_t end)
{
	const uint64_t *words = (const void *)bitmap;

	while (bit < end) {
		uint64_t used = words[bit / 64] >> (bit % 64);

		if (used)
			return MIN(bit + bit_lowest(used), end);
		bit = ALIGN_DOWN(bit, 64u) + 64;
	}
	return end;
}

struct run {
	uint32_t start, len;
};

/* The first run of @want in [@from, @end), or the longest. */
static struct run find_run(const uint8_t *busy, uint32_t from, uint32_t end,
			   uint32_t want)
{
	struct run best = { 0, 0 };
	uint32_t bit = bitmap_next_clear(busy, from, end);

	while (bit < end) {
		uint32_t stop = next_used(busy, bit, MIN(end, bit + want));

		if (stop - bit > best.len)
			best = (struct run){ bit, stop - bit };
		if (best.len >= want)
			break;
		bit = bitmap_next_clear(busy, stop, end);
	}
	return best;
}

static void take(struct ext4 *fs, uint32_t group, struct run run)
	MUST_HOLD(fs->alloc_lock)
{
	for (uint32_t i = 0; i < run.len; i++)
		bitmap_set(fs->groups[group].busy, run.start + i);
	fs->groups[group].num_free -= run.len;
}

static void give(struct ext4 *fs, uint64_t block, uint32_t len)
	MUST_HOLD(fs->alloc_lock)
{
	uint64_t offset = block - fs->first_block;
	uint32_t group = (uint32_t)(offset / fs->blocks_per_group);
	uint32_t bit = (uint32_t)(offset % fs->blocks_per_group);
	struct ext4_group *g = &fs->groups[group];

	for (uint32_t i = 0; g->busy && i < len; i++) {
		if (!bitmap_test(g->busy, bit + i))
			continue;
		bitmap_clear(g->busy, bit + i);
		g->num_free++;
	}
}

/* ---- Choosing ---- */

/* In @group from bit @from on, then before it. -ENOSPC: nothing of @least. */
static int search_group(struct ext4 *fs, uint32_t group, uint32_t from,
			uint32_t want, uint32_t least, struct run *run)
	MUST_HOLD(fs->alloc_lock)
{
	uint32_t end = ext4_group_blocks(fs, group);
	struct ext4_group *g = &fs->groups[group];
	struct run other;
	int err;

	if (!g->busy && ext4_desc_free_blocks(fs, group) < least)
		return -ENOSPC;
	err = load_busy(fs, group);
	if (err)
		return err;
	if (g->num_free < least)
		return -ENOSPC;
	*run = find_run(g->busy, from, end, want);
	if (run->len < want && from) {
		other = find_run(g->busy, 0, from, want);
		if (other.len > run->len)
			*run = other;
	}
	return run->len >= least ? 0 : -ENOSPC;
}

static int search(struct ext4 *fs, uint64_t goal, uint32_t want,
		  uint64_t *block, uint32_t *len) MUST_HOLD(fs->alloc_lock)
{
	uint64_t offset = goal - fs->first_block;
	uint32_t first = (uint32_t)(offset / fs->blocks_per_group);
	uint32_t from = (uint32_t)(offset % fs->blocks_per_group);
	int result = -ENOSPC;
	struct run run;

	/* All of it in one run, then less and less. */
	for (uint32_t least = want;; least = least > 8 ? least / 8 : 1) {
		for (uint32_t i = 0; i < fs->num_groups; i++) {
			uint32_t group = (first + i) % fs->num_groups;

			int err = search_group(fs, group, i ? 0 : from, want,
					       least, &run);

			/* Full, as far as it can be read, is not full. */
			if (err == -EIO || err == -ENOMEM)
				result = err;
			if (err)
				continue;
			take(fs, group, run);
			*block = ext4_group_start(fs, group) + run.start;
			*len = run.len;
			return 0;
		}
		if (least == 1)
			return result;
	}
}

/* Exactly at the goal: a file that grows goes on where it ended. */
static bool take_goal(struct ext4 *fs, uint64_t goal, uint32_t want,
		      uint64_t *block, uint32_t *len) MUST_HOLD(fs->alloc_lock)
{
	uint64_t offset = goal - fs->first_block;
	uint32_t group = (uint32_t)(offset / fs->blocks_per_group);
	uint32_t bit = (uint32_t)(offset % fs->blocks_per_group);
	uint32_t end = ext4_group_blocks(fs, group);
	struct run run;

	if (load_busy(fs, group) || bitmap_test(fs->groups[group].busy, bit))
		return false;
	run.start = bit;
	run.len = next_used(fs->groups[group].busy, bit, MIN(end, bit + want)) -
		  bit;
	/* A remnant is not worth it: better one run elsewhere. */
	if (run.len < want && run.len < 16)
		return false;
	take(fs, group, run);
	*block = goal;
	*len = run.len;
	return true;
}

int ext4_blocks_reserve(struct ext4 *fs, uint64_t goal, uint32_t want,
			uint64_t *block, uint32_t *len)
{
	int err = 0;

	if (goal < fs->first_block || goal >= fs->blocks_count)
		goal = fs->first_block;
	want = MIN(want, fs->blocks_per_group);
	mutex_lock(&fs->alloc_lock);
	if (!take_goal(fs, goal, want, block, len))
		err = search(fs, goal, want, block, len);
	if (!err)
		fs->in_flight += *len;
	mutex_unlock(&fs->alloc_lock);
	return err;
}

void ext4_blocks_unreserve(struct ext4 *fs, uint64_t block, uint32_t len)
{
	mutex_lock(&fs->alloc_lock);
	give(fs, block, len);
	fs->in_flight -= len;
	mutex_unlock(&fs->alloc_lock);
}

void ext4_blocks_unbusy(struct ext4 *fs, uint64_t block, uint32_t len)
{
	mutex_lock(&fs->alloc_lock);
	give(fs, block, len);
	mutex_unlock(&fs->alloc_lock);
}

bool ext4_blocks_valid(const struct ext4 *fs, uint64_t block, uint32_t len)
{
	return block > fs->super_meta->block && block < fs->blocks_count &&
	       len <= fs->blocks_count - block;
}

/* ---- On the disk ---- */

static void add_free(struct ext4 *fs, uint32_t group, int64_t delta)
{
	uint32_t free = ext4_desc_free_blocks(fs, group);

	ext4_desc_set_free_blocks(fs, group, (uint32_t)(free + delta));
	__atomic_add_fetch(&fs->free_blocks, delta, __ATOMIC_RELAXED);
}

/* Bitmap and descriptor of @group, about to be changed. */
static int open_group(struct handle *handle, uint32_t group, struct meta **out)
	MUST_HOLD(handle->fs->alloc_lock)
{
	struct ext4 *fs = handle->fs;
	int err;

	err = ext4_bitmap_read(fs, group, false, out);
	if (err)
		return err;
	err = journal_modify(handle, *out, META_BLOCK_BITMAP, group);
	if (!err)
		err = ext4_desc_modify(handle, group);
	if (err) {
		meta_put(&fs->cache, *out);
		return err;
	}
	ext4_desc(fs, group)->flags &= (uint16_t)~GROUP_BLOCK_UNINIT;
	return 0;
}

static int use_locked(struct handle *handle, uint64_t block, uint32_t len)
	MUST_HOLD(handle->fs->alloc_lock)
{
	struct ext4 *fs = handle->fs;
	uint64_t offset = block - fs->first_block;
	uint32_t group = (uint32_t)(offset / fs->blocks_per_group);
	uint32_t bit = (uint32_t)(offset % fs->blocks_per_group);
	struct meta *meta;
	int err;

	err = open_group(handle, group, &meta);
	if (err)
		return err;
	for (uint32_t i = 0; i < len; i++) {
		if (bitmap_test(meta->data, bit + i)) {
			err = ext4_error(fs, "block %lu is used already",
					 (unsigned long)(block + i));
			break;
		}
		bitmap_set(meta->data, bit + i);
		add_free(fs, group, -1);
	}
	meta_put(&fs->cache, meta);
	return err;
}

int ext4_blocks_use(struct handle *handle, uint64_t block, uint32_t len)
{
	struct ext4 *fs = handle->fs;
	int err;

	mutex_lock(&fs->alloc_lock);
	err = use_locked(handle, block, len);
	if (!err)
		fs->in_flight -= len;
	mutex_unlock(&fs->alloc_lock);
	return err;
}

int ext4_block_new(struct handle *handle, uint64_t goal, uint64_t *block)
{
	uint32_t len;
	int err;

	err = ext4_blocks_reserve(handle->fs, goal, 1, block, &len);
	if (err)
		return err;
	err = ext4_blocks_use(handle, *block, 1);
	if (err)
		ext4_blocks_unreserve(handle->fs, *block, 1);
	return err;
}

/* They stay busy until the transaction is committed. */
static void remember_freed(struct handle *handle, uint64_t block, uint32_t len)
	MUST_HOLD(handle->fs->alloc_lock)
{
	struct freed_range *range;

	if (!handle->tx) {
		give(handle->fs, block, len);
		return;
	}
	range = kmalloc(sizeof(*range));
	if (!range)
		return; /* busy until the next mount: no harm */
	range->block = block;
	range->count = len;
	spin_lock(&handle->fs->journal->lock);
	list_push_back(&handle->tx->freed, &range->node);
	spin_unlock(&handle->fs->journal->lock);
}

/* Within one group. */
static int free_in_group(struct handle *handle, uint64_t block, uint32_t len)
	MUST_HOLD(handle->fs->alloc_lock)
{
	struct ext4 *fs = handle->fs;
	uint64_t offset = block - fs->first_block;
	uint32_t group = (uint32_t)(offset / fs->blocks_per_group);
	uint32_t bit = (uint32_t)(offset % fs->blocks_per_group);
	struct meta *meta;
	int err;

	/* Before the bits are clear on the disk: they stay busy. */
	err = load_busy(fs, group);
	if (!err)
		err = open_group(handle, group, &meta);
	if (err)
		return err;
	for (uint32_t i = 0; i < len; i++) {
		if (!bitmap_test(meta->data, bit + i)) {
			err = ext4_error(fs, "block %lu is free already",
					 (unsigned long)(block + i));
			break;
		}
		bitmap_clear(meta->data, bit + i);
		add_free(fs, group, 1);
	}
	meta_put(&fs->cache, meta);
	if (!err)
		remember_freed(handle, block, len);
	return err;
}

int ext4_blocks_prepare_free(struct ext4 *fs, uint64_t block)
{
	uint32_t group;
	struct meta *meta;
	int err;

	if (!ext4_blocks_valid(fs, block, 1))
		return 0; /* ext4_blocks_free() says it */
	group = (uint32_t)((block - fs->first_block) / fs->blocks_per_group);
	mutex_lock(&fs->alloc_lock);
	err = load_busy(fs, group);
	if (!err)
		err = ext4_bitmap_read(fs, group, false, &meta);
	mutex_unlock(&fs->alloc_lock);
	if (!err)
		meta_put(&fs->cache, meta);
	return err;
}

int ext4_blocks_free(struct handle *handle, uint64_t block, uint32_t len,
		     bool metadata)
{
	struct ext4 *fs = handle->fs;
	int err = 0;

	if (!ext4_blocks_valid(fs, block, len))
		return ext4_error(fs, "blocks %lu+%u are not on the disk",
				  (unsigned long)block, len);
	for (uint32_t i = 0; metadata && !err && i < len; i++)
		err = journal_forget(handle, block + i);
	mutex_lock(&fs->alloc_lock);
	while (!err && len) {
		uint32_t bit = (uint32_t)((block - fs->first_block) %
					  fs->blocks_per_group);
		uint32_t part = MIN(len, fs->blocks_per_group - bit);

		err = free_in_group(handle, block, part);
		block += part;
		len -= part;
	}
	mutex_unlock(&fs->alloc_lock);
	return err;
}

/* ---- Promises to dirty pages ---- */

int ext4_delay(struct ext4 *fs, uint32_t blocks)
{
	/* The map may grow as well: one block in a hundred is plenty. */
	int64_t delayed = __atomic_add_fetch(&fs->delayed, (int64_t)blocks,
					     __ATOMIC_RELAXED);
	int64_t need = delayed + delayed / 64 + RESERVED_METADATA +
		       READ_ONCE(fs->in_flight);

	if (need <= READ_ONCE(fs->free_blocks))
		return 0;
	ext4_undelay(fs, blocks);
	return -ENOSPC;
}

void ext4_undelay(struct ext4 *fs, uint32_t blocks)
{
	__atomic_sub_fetch(&fs->delayed, (int64_t)blocks, __ATOMIC_RELAXED);
}

bool ext4_retry_space(struct ext4 *fs, int err, unsigned int *tries)
{
	if (err != -ENOSPC || *tries >= 2)
		return false;
	++*tries;
	ext4_evict_doomed(fs);
	return fs->journal && !journal_commit_all(fs->journal);
}
