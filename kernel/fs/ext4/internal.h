/* SPDX-License-Identifier: MIT */
/*
 * internal.h - what the files of ext4 share
 *
 * Locks, from outermost to innermost (kernel/sync/lock_order.h):
 *   inode->lock      names in a directory, attributes, size; taken by vfs/
 *   (a handle)       journal_start(): waits like a lock, is taken before:
 *   orphan_lock      the chain of orphans
 *   ei->map_lock     which blocks a file has
 *   alloc_lock       bitmaps, group descriptors, who is busy
 *   meta.read_lock   one reads a block in
 * Spinlocks: journal.lock, cache.lock, inodes_lock.
 */
#pragma once

#include "kernel/abi/errno.h"
#include "kernel/abi/fcntl.h"
#include "kernel/abi/fs.h"
#include "kernel/abi/stat.h"
#include "kernel/debug/log.h"
#include "kernel/debug/panic.h"
#include "kernel/fs/ext4/delayed.h"
#include "kernel/fs/ext4/disk.h"
#include "kernel/fs/ext4/format.h"
#include "kernel/fs/ext4/journal.h"
#include "kernel/fs/ext4/meta.h"
#include "kernel/lib/string.h"
#include "kernel/vfs/inode.h"

struct dir_emitter;
struct file;

/* One block group in memory; alloc_lock. */
struct ext4_group {
	/*
	 * A bit is set while its block cannot be given out: used on the disk,
	 * freed by a transaction not yet committed, or promised to data that
	 * is on its way to the disk. NULL: not looked at yet.
	 */
	uint8_t *busy;
	uint32_t num_free; /* bits clear in busy */
	uint32_t ino_hint; /* no inode below this bit is free */
	bool desc_changed; /* checksum to be made */
	bool broken;       /* its bitmap cannot be trusted */
};

/* Options of mount(2). */
#define OPT_NOLOAD       1u /* do not replay: read-only */
#define OPT_ERRORS_CONT  2u
#define OPT_ERRORS_RO    4u
#define OPT_ERRORS_PANIC 8u
#define OPT_NO_XATTR     16u
#define OPT_NO_ACL       32u

#define NUM_INODE_BUCKETS 1024u

struct ext4 {
	/* Fixed after mount. */
	struct super_block *sb; /* NULL while it is mounted */
	struct disk *disk;
	struct meta_cache cache;
	struct meta *super_meta;
	struct ext4_super *super; /* inside super_meta */
	unsigned int block_size, block_bits;
	uint64_t blocks_count, first_block;
	uint32_t blocks_per_group, inodes_per_group, num_groups;
	uint32_t inode_size, desc_size, descs_per_block, inodes_per_block;
	uint32_t inodes_count, first_ino;
	uint32_t seed; /* of metadata checksums */
	bool hash_unsigned;
	struct meta **descs; /* blocks of group descriptors, held */
	unsigned int num_desc_blocks;
	char name[40]; /* of the disk, for messages */

	struct journal *journal; /* NULL: none, or not writable */
	unsigned int options;    /* OPT_* */
	unsigned int read_only;  /* atomic; also after an error */
	bool mounted_read_only;  /* fixed: asked for, or the disk is */
	unsigned int had_error;  /* atomic */

	struct mutex alloc_lock; /* rank LOCK_EXT4_ALLOC */
	struct ext4_group *groups;
	uint32_t last_dir_group;
	int64_t free_blocks; /* atomic; of the bitmaps on the disk */
	int64_t free_inodes; /* atomic */
	int64_t delayed;     /* atomic: blocks promised to dirty pages */
	int64_t in_flight;   /* blocks promised to data being written; atomic
				to read */

	struct mutex orphan_lock; /* rank LOCK_EXT4_ORPHAN */
	struct list_head orphans; /* ext4_inode.orphan_node, newest first */
	struct list_head kept;    /* ext4_inode.kept_node */

	struct spinlock inodes_lock; /* rank LOCK_SPIN_MISC */
	struct list_head inodes[NUM_INODE_BUCKETS];
	struct wait_queue inodes_wait; /* an inode has gone */
	struct list_head doomed; /* ext4_inode.doomed_node: to be evicted */
	unsigned int num_inodes; /* in memory */
	uint32_t next_generation;
	struct list_head mounted_node; /* super.c */
};

/* The file system's part of an inode: inode.data. */
struct ext4_inode {
	struct inode *inode;
	struct list_head hash_node; /* inodes_lock */
	uint32_t seed;              /* fixed: of checksums */
	uint32_t generation;        /* fixed */
	uint32_t group;             /* fixed */
	uint16_t extra_isize;       /* fixed */

	/* Under inode->lock, changed within an operation. */
	uint32_t flags; /* INODE_* */
	uint64_t xattr_block;
	uint32_t dir_hint; /* directories: a block with room */
	uint64_t parent;   /* directories: whose child it is; 0: unknown */
	bool has_xattr;    /* may have some inside the inode */
	bool found_xattr;  /* some were there when it was read; fixed */

	/* Under map_lock, changed within an operation. */
	struct mutex map_lock; /* rank LOCK_EXT4_MAP */
	uint32_t block[EXT4_NUM_BLOCKS];
	uint64_t disk_size; /* of the inode on the disk: what is safe */
	struct {
		uint32_t lblk, len;
		uint64_t block;
		unsigned int flags;
	} cached;      /* the last extent looked up; len 0: none */
	uint64_t goal; /* where the next block should be */

	/* Under orphan_lock. */
	struct list_head orphan_node;
	struct list_head kept_node; /* empty: it owes nothing; a reference */
	uint32_t next_orphan;       /* dtime on the disk */
	uint32_t dtime;

	/* Under journal.lock. */
	struct transaction *dirty_tx; /* not stored yet */
	struct list_head dirty_node;
	uint32_t sync_tid, datasync_tid; /* last that changed it */

	struct mutex write_lock; /* rank LOCK_EXT4_WRITE: pages to blocks */
	struct delayed delayed;  /* blocks promised to dirty pages */

	struct list_head doomed_node; /* inodes_lock */
	bool bad;
};

static inline struct ext4 *ext4_fs(const struct super_block *sb)
{
	return sb->data;
}
static inline struct ext4_inode *ext4_of(const struct inode *inode)
{
	return inode->data;
}
static inline struct ext4 *ext4_fs_of(const struct inode *inode)
{
	return inode->sb->data;
}
static inline bool ext4_is_read_only(const struct ext4 *fs)
{
	return READ_ONCE(fs->read_only);
}
static inline bool ext4_has_csum(const struct ext4 *fs)
{
	return fs->super->ro_compat & RO_METADATA_CSUM;
}
static inline bool ext4_has_dir_index(const struct ext4 *fs)
{
	return fs->super->compat & COMPAT_DIR_INDEX;
}

/* ---- super.c ---- */

/* Something on the disk is wrong: say so, and do what errors= says. */
void ext4_report(struct ext4 *fs, const char *fmt, ...) __printf(2, 3);
/* The same, with the value that the caller returns. */
#define ext4_error(fs, ...) (ext4_report(fs, __VA_ARGS__), -EUCLEAN)
/* The same about @inode. */
static inline int ext4_inode_error(const struct inode *inode, const char *what)
{
	return ext4_error(ext4_fs_of(inode), "inode %lu has %s",
			  (unsigned long)inode->ino, what);
}
/* Mount what is on @disk, which is owned from now on, also on failure. */
int ext4_mount_disk(const struct file_system_type *type, struct disk *disk,
		    const char *name, unsigned int flags, const char *options,
		    struct super_block **out);
int ext4_sync_fs(struct super_block *sb);
/* Boot: commit now and then. */
void ext4_start_commits(void);
/* Implemented beside disk_*(): give the disk back. */
void disk_close(struct disk *disk);
/* Write the super block in place, past the journal (mount, unmount). */
int ext4_write_super(struct ext4 *fs);

/* ---- checksum.c ---- */

uint32_t ext4_inode_seed(const struct ext4 *fs, uint64_t ino,
			 uint32_t generation);
bool ext4_super_checksum_ok(const struct ext4_super *super);
void ext4_super_set_checksum(struct ext4_super *super);
bool ext4_inode_checksum_ok(const struct ext4 *fs, uint32_t seed, uint64_t ino,
			    struct ext4_disk_inode *raw);
void ext4_inode_set_checksum(const struct ext4 *fs, uint32_t seed, uint64_t ino,
			     struct ext4_disk_inode *raw);
bool ext4_desc_checksum_ok(const struct ext4 *fs, uint32_t group);
bool ext4_bitmap_checksum_ok(const struct ext4 *fs, uint32_t group,
			     const void *bitmap, bool inodes);
/* @meta is a block of kind DIR, DIR_INDEX, EXTENTS or XATTR. */
bool ext4_meta_checksum_ok(const struct ext4 *fs, const struct meta *meta,
			   enum meta_kind kind, uint32_t seed);
/* meta_read() and the checksum, once. -EUCLEAN. */
int ext4_read_verified(struct ext4 *fs, uint64_t block, enum meta_kind kind,
		       uint32_t seed, struct meta **out);

/* ---- group.c ---- */

static inline struct ext4_group_desc *ext4_desc(const struct ext4 *fs,
						uint32_t group)
{
	char *block = fs->descs[group / fs->descs_per_block]->data;

	return (struct ext4_group_desc *)(void *)(block +
						  (group %
						   fs->descs_per_block) *
							  fs->desc_size);
}
uint64_t ext4_desc_block_bitmap(const struct ext4 *fs, uint32_t group);
uint64_t ext4_desc_inode_bitmap(const struct ext4 *fs, uint32_t group);
uint64_t ext4_desc_inode_table(const struct ext4 *fs, uint32_t group);
uint32_t ext4_desc_free_blocks(const struct ext4 *fs, uint32_t group);
uint32_t ext4_desc_free_inodes(const struct ext4 *fs, uint32_t group);
uint32_t ext4_desc_used_dirs(const struct ext4 *fs, uint32_t group);
uint32_t ext4_desc_itable_unused(const struct ext4 *fs, uint32_t group);
void ext4_desc_set_free_blocks(const struct ext4 *fs, uint32_t group,
			       uint32_t n);
void ext4_desc_set_free_inodes(const struct ext4 *fs, uint32_t group,
			       uint32_t n);
void ext4_desc_set_used_dirs(const struct ext4 *fs, uint32_t group, uint32_t n);
void ext4_desc_set_itable_unused(const struct ext4 *fs, uint32_t group,
				 uint32_t n);
/* The descriptor is about to be changed. */
int ext4_desc_modify(struct handle *handle, uint32_t group);
/* Read all descriptors. */
int ext4_groups_load(struct ext4 *fs, bool check);
/* Check them; the numbers of free things. */
int ext4_groups_check(struct ext4 *fs);
void ext4_groups_free(struct ext4 *fs);
static inline uint64_t ext4_group_start(const struct ext4 *fs, uint32_t group)
{
	return fs->first_block + (uint64_t)group * fs->blocks_per_group;
}
uint32_t ext4_group_blocks(const struct ext4 *fs, uint32_t group);
/* The bitmap of blocks or inodes, checked, or made if it never was. */
int ext4_bitmap_read(struct ext4 *fs, uint32_t group, bool inodes,
		     struct meta **out) MUST_HOLD(fs->alloc_lock);

static inline bool bitmap_test(const uint8_t *bitmap, uint32_t bit)
{
	return bitmap[bit / 8] & (1u << (bit % 8));
}
static inline void bitmap_set(uint8_t *bitmap, uint32_t bit)
{
	bitmap[bit / 8] = (uint8_t)(bitmap[bit / 8] | (1u << (bit % 8)));
}
static inline void bitmap_clear(uint8_t *bitmap, uint32_t bit)
{
	bitmap[bit / 8] = (uint8_t)(bitmap[bit / 8] & ~(1u << (bit % 8)));
}

/* ---- balloc.c ---- */

/* The first clear bit at or after @bit; @end if none. */
uint32_t bitmap_next_clear(const uint8_t *bitmap, uint32_t bit, uint32_t end);
/*
 * Promise up to @want blocks in a row near @goal: nobody else gets them, but
 * the disk does not know. 0; -ENOSPC.
 */
int ext4_blocks_reserve(struct ext4 *fs, uint64_t goal, uint32_t want,
			uint64_t *block, uint32_t *len);
void ext4_blocks_unreserve(struct ext4 *fs, uint64_t block, uint32_t len);
/* What was promised is used: in the bitmap. At most one group's. */
int ext4_blocks_use(struct handle *handle, uint64_t block, uint32_t len);
/* Both at once for one block of metadata. */
int ext4_block_new(struct handle *handle, uint64_t goal, uint64_t *block);
/* @metadata: it must not be replayed. */
int ext4_blocks_free(struct handle *handle, uint64_t block, uint32_t len,
		     bool metadata);
/*
 * Can the group of @block be read? Asked before the map is changed: then an error
 * of the disk leaves the blocks where they are, and loses none.
 */
int ext4_blocks_prepare_free(struct ext4 *fs, uint64_t block);
/* The transaction that freed them is committed. */
void ext4_blocks_unbusy(struct ext4 *fs, uint64_t block, uint32_t len);
/* Blocks that a file may have: in the data area. */
bool ext4_blocks_valid(const struct ext4 *fs, uint64_t block, uint32_t len);
/* Promise @blocks to dirty pages, wherever they will be. 0; -ENOSPC. */
int ext4_delay(struct ext4 *fs, uint32_t blocks);
void ext4_undelay(struct ext4 *fs, uint32_t blocks);
/* -ENOSPC came: make what was freed usable. True: try again. */
bool ext4_retry_space(struct ext4 *fs, int err, unsigned int *tries);

/* ---- ialloc.c ---- */

/* A free inode number for a child of @dir. 0, -ENOSPC, -EIO. */
int ext4_ino_new(struct handle *handle, const struct inode *dir, uint32_t mode,
		 uint32_t *ino);
int ext4_ino_free(struct handle *handle, uint32_t ino, bool directory);
/* What ext4_ino_free() will change can be read. */
int ext4_ino_prepare_free(struct ext4 *fs, uint32_t ino);
/* Credits that both need. */
#define CREDITS_INO 5u

/* ---- map.c, extents.c, indirect.c ---- */

#define MAP_MAPPED    1u
#define MAP_UNWRITTEN 2u /* with MAPPED: has blocks, reads as zeros */

/* A run of blocks of a file. */
struct ext4_map {
	uint64_t block; /* on the disk, if MAPPED */
	uint32_t len;   /* also of a hole */
	unsigned int flags;
};

/* What is at @lblk, at most @max blocks. 0, -EUCLEAN, -EIO, -ENOMEM. */
int ext4_map(struct inode *inode, uint32_t lblk, uint32_t max,
	     struct ext4_map *map);
/*
 * Blocks [@lblk, @lblk + @len) are @block... from now on, whatever was there
 * (it is not freed). The inode is made dirty.
 */
int ext4_map_set(struct handle *handle, struct inode *inode, uint32_t lblk,
		 uint32_t len, uint64_t block, bool unwritten);
/* Free what is in [@first, @last]; as far as the credits go: *@next is the
 * first that is left, above @last when done. */
int ext4_map_remove(struct handle *handle, struct inode *inode, uint32_t first,
		    uint32_t last, uint32_t *next);
/* Credits for one ext4_map_set(), and for a step of ext4_map_remove(). */
#define CREDITS_MAP_SET    28u
#define CREDITS_MAP_REMOVE 40u
/* Highest block number a file may have. */
uint32_t ext4_max_lblk(const struct inode *inode);
void ext4_map_init(struct inode *inode);

int ext4_extent_map(struct inode *inode, uint32_t lblk, struct ext4_map *map,
		    uint32_t *start);
int ext4_extent_set(struct handle *handle, struct inode *inode, uint32_t lblk,
		    uint32_t len, uint64_t block, bool unwritten);
int ext4_extent_remove(struct handle *handle, struct inode *inode,
		       uint32_t first, uint32_t last, uint32_t *next);
void ext4_extent_init(uint32_t *root);
/*
 * For shift.c; map_lock held, credits of CREDITS_EXTENT_MOVE (split:
 * CREDITS_MAP_SET). One leaf's extents that begin at or behind *@next get
 * numbers @distance smaller, where there must be a hole; *@next: go on there,
 * UINT32_MAX: done.
 */
int ext4_extent_move_left(struct handle *handle, struct inode *inode,
			  uint32_t distance, uint32_t *next);
/* The last leaf below *@end: those that begin at or behind @from get larger
 * numbers. *@end: go on there while it is above @from. */
int ext4_extent_move_right(struct handle *handle, struct inode *inode,
			   uint32_t from, uint32_t distance, uint32_t *end);
/* One behind the last block there is. */
int ext4_extent_end(struct inode *inode, uint64_t *end);
/* An extent begins at @at, or none is there. 0; -ENOSPC. */
int ext4_extent_split(struct handle *handle, struct inode *inode, uint32_t at);
/* The opposite, where the blocks allow it. */
int ext4_extent_join(struct handle *handle, struct inode *inode, uint32_t at);
#define CREDITS_EXTENT_MOVE (EXTENT_MAX_DEPTH + 1u)
int ext4_indirect_map(struct inode *inode, uint32_t lblk, uint32_t max,
		      struct ext4_map *map);
int ext4_indirect_set(struct handle *handle, struct inode *inode, uint32_t lblk,
		      uint32_t len, uint64_t block);
int ext4_indirect_remove(struct handle *handle, struct inode *inode,
			 uint32_t first, uint32_t last, uint32_t *next);
/* Where the next block of the file should go. */
uint64_t ext4_goal(const struct inode *inode, uint32_t lblk);
static inline void ext4_add_blocks(struct inode *inode, int64_t blocks)
{
	int64_t sectors =
		blocks * (int64_t)(ext4_fs_of(inode)->block_size / 512);

	__atomic_fetch_add(&inode->blocks_512, (uint64_t)sectors,
			   __ATOMIC_RELAXED);
}

/* ---- inode.c ---- */

/* Inode @ino with a reference, read if need be. 0, -EUCLEAN, -EIO, -ENOMEM;
 * -ESTALE: it is free. */
int ext4_inode_get(struct ext4 *fs, uint64_t ino, struct inode **out);
/* A new inode, on the disk and in memory, with nlink 1. */
int ext4_inode_new(struct handle *handle, struct inode *dir, uint32_t mode,
		   struct inode **out);
/* It changed; will be stored by the commit. */
int ext4_inode_dirty(struct handle *handle, struct inode *inode);
/* The same as an operation of its own. */
int ext4_inode_dirty_now(struct inode *inode);
void ext4_store_dirty_inodes(struct ext4 *fs, struct transaction *tx);
/* The slot of the inode in its table. */
int ext4_inode_slot(struct ext4 *fs, uint64_t ino, struct meta **meta,
		    struct ext4_disk_inode **raw);
void ext4_destroy_inode(struct inode *inode);
/* inode_put() that never frees at once: for the commit. */
void ext4_put_later(struct inode *inode);
/* Evict what could not be evicted where its last reference went. */
void ext4_evict_doomed(struct ext4 *fs);
#define CREDITS_INODE 1u

/* ---- truncate.c ---- */

/* Free all blocks from @lblk on. Not inside an operation. */
int ext4_truncate_blocks(struct inode *inode, uint32_t lblk);
int ext4_truncate(struct inode *inode, uint64_t size);
/*
 * Before @inode gets longer: if the disk failed while it was made shorter, what
 * is behind its end is freed now, so that it does not come back. 0, -EIO...
 * Context: inode->lock.
 */
int ext4_truncate_rest(struct inode *inode);
/* Free all blocks of [@first, @last]. */
int ext4_remove_range(struct inode *inode, uint32_t first, uint32_t last);

/* ---- orphan.c ---- */

int ext4_orphan_add(struct handle *handle, struct inode *inode);
int ext4_orphan_remove(struct handle *handle, struct inode *inode);
/*
 * @inode could not be deleted or truncated: it stays on the chain, for the next
 * mount, and in memory, until that works or the file system is unmounted.
 */
void ext4_orphan_keep(struct inode *inode);
/* Is @err one after which that makes sense? Not when the disk is broken. */
static inline bool ext4_orphan_try_later(const struct inode *inode, int err)
{
	return (err == -EIO || err == -ENOMEM) &&
	       !ext4_is_read_only(ext4_fs_of(inode)) &&
	       !list_empty(&ext4_of(inode)->orphan_node);
}
/* Unmounted: forget those that were kept. */
void ext4_orphans_forget(struct ext4 *fs);
/* What a crash left: deleted or truncated. */
int ext4_orphan_cleanup(struct ext4 *fs);
#define CREDITS_ORPHAN 3u

/* ---- dir.c, dir_index.c, dir_read.c, hash.c ---- */

struct ext4_hash {
	uint32_t major, minor;
};
/* -EUCLEAN: unknown @version. */
int ext4_name_hash(const struct ext4 *fs, unsigned int version,
		   const char *name, size_t len, struct ext4_hash *out);

/* A name in its block. */
struct ext4_place {
	struct meta *meta; /* a reference */
	struct ext4_dirent *entry;
	struct ext4_dirent *prev; /* in the block, or NULL */
};
int ext4_dir_find(struct inode *dir, const char *name, size_t len,
		  struct ext4_place *place);
/* -ENOSPC, -EIO... */
int ext4_dir_add(struct handle *handle, struct inode *dir, const char *name,
		 size_t len, uint64_t ino, uint32_t mode);
int ext4_dir_remove(struct handle *handle, struct inode *dir,
		    struct ext4_place *place);
/* The name means another inode now. */
int ext4_dir_set(struct handle *handle, struct inode *dir,
		 struct ext4_place *place, uint64_t ino, uint32_t mode);
int ext4_dir_make(struct handle *handle, struct inode *inode, uint64_t parent);
int ext4_dir_set_parent(struct handle *handle, struct inode *inode,
			uint64_t parent);
/* 0: empty; -ENOTEMPTY; -EUCLEAN. */
int ext4_dir_check_empty(struct inode *dir);
#define CREDITS_DIR_ADD 40u
#define CREDITS_DIR_SET 2u

/* What getdents(2), lseek(2) and close(2) are for a directory. */
int ext4_dir_readdir(struct file *file, struct dir_emitter *emitter,
		     loff_t *pos);
loff_t ext4_dir_seek(struct file *file, loff_t offset, int whence);
void ext4_dir_release(struct file *file);

/* Between these files. */
static inline uint32_t ext4_dir_blocks(const struct inode *dir)
{
	return (uint32_t)(inode_size(dir) >> ext4_fs_of(dir)->block_bits);
}
static inline bool ext4_is_dot(const char *name, size_t len)
{
	return name[0] == '.' && (len == 1 || (len == 2 && name[1] == '.'));
}
unsigned int ext4_dir_room(const struct ext4 *fs);
int ext4_dir_block(struct inode *dir, uint32_t lblk, struct meta **out);
int ext4_dir_append(struct handle *handle, struct inode *dir, uint32_t *lblk,
		    struct meta **out);
void ext4_dir_init_tail(const struct ext4 *fs, void *block);
bool ext4_dirent_ok(const struct ext4 *fs, const struct ext4_dirent *entry,
		    unsigned int at, unsigned int end);
int ext4_dir_find_in(struct ext4 *fs, struct meta *meta, const char *name,
		     size_t len, struct ext4_place *place);
/* -ENOSPC: no room in this block. */
int ext4_dir_add_to(struct handle *handle, struct inode *dir, struct meta *meta,
		    const char *name, size_t len, uint64_t ino, uint32_t mode);
static inline unsigned int ext4_dirent_size(size_t name_len)
{
	return (unsigned int)ALIGN_UP(DIRENT_HEADER + name_len, (size_t)4);
}
int ext4_index_find(struct inode *dir, const char *name, size_t len,
		    struct ext4_place *place);
int ext4_index_add(struct handle *handle, struct inode *dir, const char *name,
		   size_t len, uint64_t ino, uint32_t mode);
/* Block 0, which is full, becomes the root of a tree. */
int ext4_index_make(struct handle *handle, struct inode *dir,
		    struct meta *block);

/* A way from the root of an index to a leaf. */
#define INDEX_MAX_LEVELS 2u /* of nodes; more with the feature large_dir */
struct ext4_frame {
	struct meta *meta;
	struct ext4_dx_entry *entries; /* [0]'s hash is limit and count; it
					  means "from hash 0 on" */
	unsigned int at;
};
struct ext4_probe {
	struct ext4_frame frame[INDEX_MAX_LEVELS];
	unsigned int levels;  /* from 1 */
	unsigned int version; /* of the hash */
	struct ext4_hash hash;
};
/* To the first leaf that may have names of @hash. 0, -EUCLEAN, -EIO, -ENOMEM;
 * if 0, the caller must say _end(). */
int ext4_probe_begin(struct inode *dir, uint32_t hash,
		     struct ext4_probe *probe);
void ext4_probe_end(const struct inode *dir, struct ext4_probe *probe);
/* The leaf itself, with a reference. */
int ext4_probe_leaf(struct inode *dir, struct ext4_probe *probe,
		    struct meta **out);
/* The hash from which on names are in this leaf, and in the next: with the
 * lowest bit set that one goes on with the last hash of this one. */
uint32_t ext4_probe_hash(const struct ext4_probe *probe);
#define INDEX_END (1ULL << 32) /* there is no next */
uint64_t ext4_probe_next_hash(const struct ext4_probe *probe);
/* On to the next leaf, which there must be. */
int ext4_probe_next(struct inode *dir, struct ext4_probe *probe);
/* For ext4_name_hash(): the disk does not say in each place what a char is. */
static inline unsigned int ext4_hash_version(const struct ext4 *fs,
					     unsigned int stored)
{
	return stored < HASH_UNSIGNED_FROM && fs->hash_unsigned
		       ? stored + HASH_UNSIGNED_FROM
		       : stored;
}

/* ---- xattr.c ---- */

ssize_t ext4_get_xattr(struct inode *inode, const char *name, void *value,
		       size_t size);
int ext4_set_xattr(struct inode *inode, const char *name, const void *value,
		   size_t size, int flags);
ssize_t ext4_list_xattr(struct inode *inode, char *list, size_t size);
/* The inode is being freed: so is its block of attributes. */
int ext4_xattr_free_block(struct handle *handle, struct inode *inode);
/* A new inode of @dir: default access control lists. @mode: see acl(5). */
int ext4_inherit_acl(struct handle *handle, struct inode *inode,
		     struct inode *dir);
#define CREDITS_XATTR 12u
/* The mode was changed: so is the mask of the access control list. */
int ext4_chmod_acl(struct inode *inode);

/* ---- namei.c ---- */

int ext4_set_attributes(struct inode *inode);

/* ---- the operations ---- */

extern const struct inode_ops ext4_dir_ops;
extern const struct inode_ops ext4_file_inode_ops;
extern const struct inode_ops ext4_link_ops;
extern const struct inode_ops ext4_special_ops;
extern const struct file_ops ext4_dir_file_ops;
extern const struct file_ops ext4_file_ops;
extern const struct page_cache_ops ext4_page_ops;
extern const struct file_system_type ext4_type;

/* ---- file.c ---- */

/* All dirty pages of @inode are on the disk. */
int ext4_write_pages(struct inode *inode);
int ext4_fsync(struct file *file, bool data_only);
/* generic_file_write(), or with @write its _by(), up to the largest file. */
ssize_t ext4_write_checked(struct file *file, struct io_buf *io, loff_t *pos,
			   ssize_t (*write)(struct inode *inode,
					    struct io_buf *io, loff_t pos));

/* ---- direct.c, seek.c ---- */

ssize_t ext4_direct(struct file *file, struct io_buf *io, loff_t *pos,
		    bool write);
loff_t ext4_seek(struct file *file, loff_t offset, int whence);

/* ---- ioctl.c ---- */

long ext4_ioctl(struct file *file, unsigned int cmd, unsigned long arg);

/* ---- fallocate.c ---- */

int ext4_fallocate(struct file *file, int mode, loff_t offset, loff_t size);

/* ---- shift.c ---- */

/*
 * FALLOC_FL_COLLAPSE_RANGE, or INSERT_RANGE with @is_insert, of @size bytes at
 * @start. -EOPNOTSUPP: no extents; -EINVAL: not whole blocks, or not within the
 * file; -EFBIG; -ENOSPC. Context: inode->lock held.
 */
int ext4_shift_range(struct inode *inode, uint64_t start, uint64_t size,
		     bool is_insert);
