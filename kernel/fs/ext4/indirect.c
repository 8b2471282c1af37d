/* SPDX-License-Identifier: MIT */
/*
 * indirect.c - a file's blocks as ext2 and ext3 keep them
 *
 * The inode has 12 numbers of blocks, and three more of blocks full of
 * numbers: of blocks, of blocks of numbers, and once more. 0 is a hole.
 *
 * Locks: map_lock held.
 * Source: "Direct/Indirect Block Addressing" of the Linux kernel's ext4
 * documentation. Read: OSTEP ch. 40 (the multi-level index).
 */
#include "kernel/fs/ext4/internal.h"

#define MAX_LEVELS 4

/* Which entry to follow on each level; the first is in the inode. */
struct steps {
	unsigned int count;
	uint32_t at[MAX_LEVELS];
	uint32_t left; /* entries behind the last one in its block */
};

static void find_steps(const struct ext4 *fs, uint32_t lblk,
		       struct steps *steps)
{
	uint32_t bits = fs->block_bits - 2, per = 1u << bits;
	uint64_t rest = lblk;
	unsigned int depth;

	if (rest < EXT4_NUM_DIRECT) {
		steps->count = 1;
		steps->at[0] = lblk;
		steps->left = EXT4_NUM_DIRECT - lblk;
		return;
	}
	rest -= EXT4_NUM_DIRECT;
	for (depth = 1; depth < 3 && rest >= (uint64_t)1 << (bits * depth);
	     depth++)
		rest -= (uint64_t)1 << (bits * depth);
	steps->count = depth + 1;
	steps->at[0] = EXT4_NUM_DIRECT + depth - 1;
	for (unsigned int i = 1; i <= depth; i++)
		steps->at[i] =
			(uint32_t)(rest >> (bits * (depth - i))) & (per - 1);
	steps->left = per - steps->at[depth];
}

/* The blocks of numbers on the way; NULL: not there. */
struct chain {
	struct meta *meta[MAX_LEVELS]; /* [0] is the inode: NULL */
	uint32_t *numbers[MAX_LEVELS]; /* NULL: this level does not exist */
};

static void chain_put(struct ext4 *fs, struct chain *chain)
{
	for (unsigned int i = 0; i < MAX_LEVELS; i++)
		meta_put(&fs->cache, chain->meta[i]);
}

static int chain_get(struct inode *inode, const struct steps *steps,
		     struct chain *chain)
{
	struct ext4 *fs = ext4_fs_of(inode);
	int err;

	memset(chain, 0, sizeof(*chain));
	chain->numbers[0] = ext4_of(inode)->block;
	for (unsigned int i = 1; i < steps->count; i++) {
		uint32_t block = chain->numbers[i - 1][steps->at[i - 1]];

		if (!block)
			return 0;
		if (!ext4_blocks_valid(fs, block, 1)) {
			chain_put(fs, chain);
			return ext4_inode_error(
				inode, "indirect blocks that are not there");
		}
		err = meta_read(&fs->cache, block, &chain->meta[i]);
		if (err) {
			chain_put(fs, chain);
			return err;
		}
		chain->numbers[i] = chain->meta[i]->data;
	}
	return 0;
}

/* How many blocks a missing level @i would be about, from here to its end. */
static uint64_t hole_len(const struct ext4 *fs, const struct steps *steps,
			 unsigned int i)
{
	uint32_t bits = fs->block_bits - 2;
	uint64_t rest = 0;

	for (unsigned int k = i; k < steps->count; k++)
		rest = (rest << bits) + steps->at[k];
	return ((uint64_t)1 << (bits * (steps->count - i))) - rest;
}

int ext4_indirect_map(struct inode *inode, uint32_t lblk, uint32_t max,
		      struct ext4_map *map)
{
	struct ext4 *fs = ext4_fs_of(inode);
	const uint32_t *numbers;
	struct steps steps;
	struct chain chain;
	unsigned int last;
	int err;

	find_steps(fs, lblk, &steps);
	err = chain_get(inode, &steps, &chain);
	if (err)
		return err;
	last = steps.count - 1;
	for (unsigned int i = 1; i <= last; i++) {
		if (!chain.numbers[i]) {
			map->len = (uint32_t)MIN(hole_len(fs, &steps, i),
						 (uint64_t)max);
			goto put;
		}
	}
	numbers = chain.numbers[last] + steps.at[last];
	map->block = numbers[0];
	map->flags = numbers[0] ? MAP_MAPPED : 0;
	map->len = 1;
	while (map->len < max && map->len < steps.left &&
	       numbers[map->len] == (numbers[0] ? numbers[0] + map->len : 0))
		map->len++;
put:
	chain_put(fs, &chain);
	return 0;
}

/* ---- Setting ---- */

static int modify(struct handle *handle, const struct chain *chain,
		  unsigned int i)
{
	if (!chain->meta[i])
		return 0; /* in the inode */
	return journal_modify(handle, chain->meta[i], META_PLAIN, 0);
}

/* Make the levels that are missing. */
static int chain_make(struct handle *handle, struct inode *inode,
		      const struct steps *steps, struct chain *chain)
{
	struct ext4 *fs = ext4_fs_of(inode);
	uint64_t block;
	int err = 0;

	for (unsigned int i = 1; !err && i < steps->count; i++) {
		if (chain->numbers[i])
			continue;
		err = modify(handle, chain, i - 1);
		if (!err)
			err = ext4_block_new(handle, ext4_goal(inode, 0),
					     &block);
		if (!err)
			err = meta_create(&fs->cache, block, &chain->meta[i]);
		if (!err)
			err = modify(handle, chain, i);
		if (err)
			break;
		chain->numbers[i] = chain->meta[i]->data;
		chain->numbers[i - 1][steps->at[i - 1]] = (uint32_t)block;
		ext4_add_blocks(inode, 1);
	}
	return err;
}

int ext4_indirect_set(struct handle *handle, struct inode *inode, uint32_t lblk,
		      uint32_t len, uint64_t block)
{
	struct ext4 *fs = ext4_fs_of(inode);
	int err = 0;

	if (block + len > UINT32_MAX)
		return -ENOSPC; /* a number has 32 bits */
	while (!err && len) {
		struct steps steps;
		struct chain chain;
		uint32_t part;

		find_steps(fs, lblk, &steps);
		part = MIN(len, steps.left);
		err = chain_get(inode, &steps, &chain);
		if (err)
			break;
		err = chain_make(handle, inode, &steps, &chain);
		if (!err)
			err = modify(handle, &chain, steps.count - 1);
		for (uint32_t i = 0; !err && i < part; i++)
			chain.numbers[steps.count - 1]
				     [steps.at[steps.count - 1] + i] =
				(uint32_t)block + i;
		chain_put(fs, &chain);
		lblk += part;
		block += part;
		len -= part;
	}
	return err;
}

/* ---- Removing ---- */

static bool is_empty(const struct ext4 *fs, const uint32_t *numbers)
{
	for (uint32_t i = 0; i < fs->block_size / 4; i++)
		if (numbers[i])
			return false;
	return true;
}

/* Blocks of numbers that have become empty go, from the bottom. */
static int remove_empty(struct handle *handle, struct inode *inode,
			const struct steps *steps, struct chain *chain)
{
	struct ext4 *fs = ext4_fs_of(inode);
	int err = 0;

	for (unsigned int i = steps->count - 1; !err && i > 0; i--) {
		uint64_t block = chain->meta[i]->block;

		if (!is_empty(fs, chain->numbers[i]))
			break;
		err = ext4_blocks_prepare_free(fs, block);
		if (!err)
			err = modify(handle, chain, i - 1);
		if (err)
			break;
		chain->numbers[i - 1][steps->at[i - 1]] = 0;
		err = ext4_blocks_free(handle, block, 1, true);
		ext4_add_blocks(inode, -1);
	}
	return err;
}

/* The first run of blocks among @count numbers. */
static uint32_t run_of(const uint32_t *numbers, uint32_t count)
{
	uint32_t len = 1;

	while (len < count && numbers[len] == numbers[0] + len)
		len++;
	return len;
}

/* Free a run that begins at @numbers; not more than one group's. */
static int free_run(struct handle *handle, struct inode *inode,
		    uint32_t *numbers, uint32_t count, uint32_t *done)
{
	struct ext4 *fs = ext4_fs_of(inode);
	bool metadata = S_ISDIR(inode->mode) || S_ISLNK(inode->mode);
	uint32_t block = numbers[0], len = run_of(numbers, count);
	uint32_t in_group;
	int err;

	*done = 1;
	if (!block)
		return 0;
	in_group = fs->blocks_per_group -
		   (uint32_t)((block - fs->first_block) % fs->blocks_per_group);
	len = MIN(len, in_group);
	*done = len;
	err = ext4_blocks_prepare_free(fs, block);
	if (err)
		return err;
	memset(numbers, 0, len * sizeof(*numbers));
	ext4_add_blocks(inode, -(int64_t)len);
	return ext4_blocks_free(handle, block, len, metadata);
}

/* One run, or a hole as large as it is. */
static int remove_step(struct handle *handle, struct inode *inode,
		       uint32_t first, uint32_t last, uint32_t *next)
{
	struct ext4 *fs = ext4_fs_of(inode);
	struct steps steps;
	struct chain chain;
	unsigned int bottom;
	uint32_t done;
	int err;

	find_steps(fs, first, &steps);
	err = chain_get(inode, &steps, &chain);
	if (err)
		return err;
	bottom = steps.count - 1;
	for (unsigned int i = 1; i <= bottom; i++) {
		if (!chain.numbers[i]) {
			uint64_t skip = hole_len(fs, &steps, i);

			*next = (uint32_t)MIN(first + skip, (uint64_t)last + 1);
			goto put;
		}
	}
	err = modify(handle, &chain, bottom);
	if (err)
		goto put;
	err = free_run(handle, inode, &chain.numbers[bottom][steps.at[bottom]],
		       MIN(steps.left, last - first + 1), &done);
	*next = first + done;
	if (!err && (done == steps.left || *next > last))
		err = remove_empty(handle, inode, &steps, &chain);
put:
	chain_put(fs, &chain);
	return err;
}

int ext4_indirect_remove(struct handle *handle, struct inode *inode,
			 uint32_t first, uint32_t last, uint32_t *next)
{
	int err = 0;

	*next = first;
	while (!err && *next <= last) {
		err = remove_step(handle, inode, *next, last, next);
		if (!journal_extend(handle, CREDITS_MAP_REMOVE))
			break;
	}
	return err;
}
