/* SPDX-License-Identifier: MIT */
/*
 * meta.h - blocks of metadata in memory
 *
 * Idea: every block that is not a file's contents is read into a struct meta,
 * found by its number. It is changed in place, by threads that have joined a
 * transaction (journal.h) and told it so; until that transaction is in the log
 * the block is not written to its place.
 *
 * Invariants
 *   B1  A block with references, or in a transaction, stays in memory.
 *   B2  data is changed only between journal_modify() and journal_stop().
 *   B3  The checksum inside a block is right only after meta_seal(), which the
 *	 commit calls: changes between two commits pay for one checksum.
 *
 * Locks: meta_cache.lock for the table and reference counts; journal.lock for
 * the part that is the journal's. What data means is guarded by its owner:
 * the inode's lock for a directory, map_lock for extents, alloc_lock for
 * bitmaps and group descriptors; an inode table's slot by the inode.
 */
#pragma once

#include "kernel/lib/list.h"
#include "kernel/sync/mutex.h"

struct disk;
struct ext4;
struct handle;
struct transaction;

/* What a block is: says how its checksum is made. */
enum meta_kind {
	META_PLAIN,
	META_SUPER,
	META_GROUP_DESC,   /* seed: number of its first group */
	META_BLOCK_BITMAP, /* seed: group */
	META_INODE_BITMAP, /* seed: group */
	META_DIR,          /* seed: the inode's checksum seed, as below */
	META_DIR_INDEX,
	META_EXTENTS,
	META_XATTR,
};

/* Bits of meta.flags; under the cache's lock, single bits read freely. */
#define META_UPTODATE  1u
#define META_VERIFIED  2u /* the checksum was right when it was read */
#define META_DIRTY     4u /* without a journal: newer than the disk */
#define META_FORGOTTEN 8u /* freed by a transaction that is not committed */

struct meta {
	struct list_head hash_node;
	struct list_head lru_node; /* while refs is 0 */
	uint64_t block;            /* fixed */
	void *data;                /* fixed; one block */
	unsigned int refs;
	unsigned int flags;
	struct mutex read_lock; /* rank LOCK_EXT4_READ: one reads it in */

	/* By who modifies it. */
	enum meta_kind kind;
	uint32_t seed;

	/* Under journal.lock; each membership has a reference. */
	struct transaction *running, *committing, *checkpoint;
	struct list_head running_node, committing_node, checkpoint_node;
	struct list_head forget_node;
	void *spare;  /* memory for the copy that the commit will make */
	void *frozen; /* the copy that the commit is writing */

	struct list_head dirty_node; /* without a journal */
};

struct meta_cache {
	struct disk *disk;       /* fixed */
	unsigned int block_size; /* fixed */
	uint64_t num_blocks;     /* fixed: of the disk */

	struct spinlock lock; /* rank LOCK_SPIN_MISC */
	/* Under lock. */
	struct list_head *buckets;
	unsigned int num_buckets;
	struct list_head lru; /* oldest first */
	unsigned int count, limit;
	struct list_head dirty; /* without a journal */
};

int meta_cache_init(struct meta_cache *cache, struct disk *disk,
		    unsigned int block_size);
/* Nobody has a reference. What is dirty is lost. */
void meta_cache_destroy(struct meta_cache *cache);

/*
 * Block @block with a reference, read. 0; -EIO; -ENOMEM; -EUCLEAN: not on the
 * disk.
 */
int meta_read(struct meta_cache *cache, uint64_t block, struct meta **out);
/* The same without reading: cleared, for a new block. */
int meta_create(struct meta_cache *cache, uint64_t block, struct meta **out);
/* What is in memory, with a reference, or NULL. */
struct meta *meta_find(struct meta_cache *cache, uint64_t block);
void meta_hold(struct meta_cache *cache, struct meta *meta);
/* NULL is fine. */
void meta_put(struct meta_cache *cache, struct meta *meta);
/* Take it out of the table: who wants the block from now on reads it anew. */
void meta_drop(struct meta_cache *cache, struct meta *meta);
/* Free up to @count blocks that nobody uses; how many went. */
unsigned int meta_cache_shrink(struct meta_cache *cache, unsigned int count);

static inline bool meta_is_verified(const struct meta *meta,
				    enum meta_kind kind)
{
	return READ_ONCE(meta->flags) & META_VERIFIED && meta->kind == kind;
}
void meta_set_verified(struct meta_cache *cache, struct meta *meta,
		       enum meta_kind kind);

/* Without a journal: write in place later, or all of it now. */
void meta_mark_dirty(struct meta_cache *cache, struct meta *meta);
int meta_write_dirty(struct ext4 *fs);

/* checksum.c: make the checksum inside the block right. Twice for a bitmap's
 * group: bitmaps first, since theirs lie in the group descriptors. */
void meta_seal(struct ext4 *fs, struct meta *meta);
