/* SPDX-License-Identifier: MIT */
/*
 * internal.h - what the files of fat share
 */
#pragma once

#include "kernel/abi/errno.h"
#include "kernel/abi/fcntl.h"
#include "kernel/abi/fs.h"
#include "kernel/block/buffer.h"
#include "kernel/fs/fat/format.h"
#include "kernel/lib/string.h"
#include "kernel/vfs/file.h"

#define FAT_BUCKETS    64u
#define FAT_NAME_MAX   255u                   /* of a long name, UTF-16 */
#define FAT_NAME_BYTES (3 * FAT_NAME_MAX + 1) /* the same in UTF-8 */

struct fat_options {
	uint32_t uid, gid, fmask, dmask;
	bool quiet;
};

/*
 * One mounted FAT. fs->lock is over every operation on its metadata: the FAT,
 * directories, what is dirty of both.
 */
struct fat {
	/* Fixed after mount. */
	struct super_block *sb;
	struct block_device *bdev;
	unsigned int bits;                      /* 12, 16, 32 */
	unsigned int sector_bits, cluster_bits; /* log2 of bytes */
	uint32_t fat_start, fat_sectors, num_fats, active_fat; /* sectors */
	uint32_t root_start, root_sectors; /* FAT12, FAT16 */
	uint32_t root_cluster;             /* FAT32 */
	uint64_t data_start;               /* sector of cluster 2 */
	uint32_t num_clusters;             /* the last is this + 1 */
	uint32_t info_sector;              /* 0: none */
	struct fat_options options;
	struct list_head mounted_node; /* super.c */
	bool was_dirty;                /* before the mount: stays so */

	struct mutex lock; /* rank LOCK_FILE_MAP */
	/* Under lock. */
	bool read_only; /* mounted so, or an error was found */
	bool had_error;
	struct buffer *fat_buffer; /* looked at last; held */
	uint32_t free, next;       /* clusters; free is right if counted */
	bool counted;
	struct list_head dirty_fat, dirty_dirs; /* buffers, held */
	bool unflushed; /* a new directory's cluster was written */
	unsigned int num_dirty;

	struct spinlock doomed_lock; /* rank LOCK_LEAF */
	struct list_head doomed;     /* chains to be freed; doomed_lock */
	unsigned int num_nameless;   /* open, but removed; atomic */

	struct spinlock table_lock;           /* rank LOCK_SPIN_MISC */
	struct list_head nodes[FAT_BUCKETS];  /* by place; table_lock */
	struct list_head starts[FAT_BUCKETS]; /* directories by start */
};

/* A chain that nothing on the disk will point to any more. */
struct fat_doomed {
	struct list_head node;
	uint32_t start;
};

/* inode.data. */
struct fat_node {
	struct inode *inode;
	struct list_head hash_node, start_node; /* fs->table_lock */
	uint64_t place; /* of its entry: byte / 32; 0: root or none */

	/* Under fs->lock. */
	uint32_t start;        /* first cluster, 0: none */
	uint32_t num_clusters; /* of the chain, UINT32_MAX: not counted */
	uint32_t last;         /* cluster, if counted */
	uint8_t attr;
	uint64_t promise;      /* a write goes up to here */
	uint64_t name_hash[2]; /* of its long and its short name */
	uint64_t dir_ino;      /* where these are */
	/* Cluster number i * FAT_MARK of the file. */
	uint32_t *marks;
	uint32_t num_marks, max_marks;
	struct fat_doomed *doom; /* for when it goes without a name */
	bool nameless;           /* it will; counted in fs->num_nameless */
};
#define FAT_MARK 64u

static inline struct fat *fat_of(const struct inode *inode)
{
	return inode->sb->data;
}
static inline struct fat_node *fat_node(const struct inode *inode)
{
	return inode->data;
}
static inline uint32_t fat_cluster_size(const struct fat *fs)
{
	return 1u << fs->cluster_bits;
}

/* ---- table.c: the FAT itself; all with fs->lock held ---- */

/* What @cluster's entry says. 0, -EIO. */
int fat_get(struct fat *fs, uint32_t cluster, uint32_t *next)
	MUST_HOLD(fs->lock);
int fat_put(struct fat *fs, uint32_t cluster, uint32_t next)
	MUST_HOLD(fs->lock);
/* A free cluster, now the end of a chain. 0, -ENOSPC, -EIO. */
int fat_allocate(struct fat *fs, uint32_t *cluster) MUST_HOLD(fs->lock);
/* The chain from @start on is free. */
int fat_free_chain(struct fat *fs, uint32_t start) MUST_HOLD(fs->lock);
int fat_count_free(struct fat *fs) MUST_HOLD(fs->lock);
bool fat_is_valid(const struct fat *fs, uint32_t cluster);
/* The image makes no sense: -EIO, and nothing is written any more. */
int fat_error(struct fat *fs, const char *what);

/* ---- commit.c: bringing it to the disk in the right order ---- */

/* @buffer has been changed; it goes to the disk with the next commit. */
void fat_dirty(struct fat *fs, struct buffer *buffer, bool is_fat)
	MUST_HOLD(fs->lock);
int fat_commit(struct fat *fs) MUST_HOLD(fs->lock);
/* One sector, at once; 0, -EIO, -ENOMEM. */
int fat_write_now(struct buffer *buffer);
/* Lock, commit if much is dirty; unlock. */
void fat_begin(struct fat *fs) ACQUIRES(fs->lock);
void fat_end(struct fat *fs) RELEASES(fs->lock);
int fat_sync(struct super_block *sb);
/* Free @doom's chain once nothing on the disk points to it. */
void fat_doom(struct fat *fs, struct fat_doomed *doom, uint32_t start);

/* ---- chain.c: a file's clusters; fs->lock held ---- */

/* Cluster number @index of the file. 0; -ENOENT: past the end; -EIO. */
int fat_map(struct inode *inode, uint32_t index, uint32_t *cluster)
	MUST_HOLD(fat_of(inode)->lock);
/* The file has at least @count clusters; what is new is not cleared. */
int fat_grow(struct inode *inode, uint32_t count)
	MUST_HOLD(fat_of(inode)->lock);
/* It has at most @count. The size on the disk is smaller already. */
int fat_cut(struct inode *inode, uint32_t count) MUST_HOLD(fat_of(inode)->lock);
int fat_count_clusters(struct inode *inode) MUST_HOLD(fat_of(inode)->lock);
void fat_forget_chain(struct fat_node *node);
uint64_t fat_sector_of(const struct fat *fs, uint32_t cluster);

/* ---- name.c ---- */

/* A name as it is stored. */
struct fat_name {
	char shortname[11];
	uint16_t text[FAT_NAME_MAX + 1]; /* UTF-16; len 0: short one only */
	unsigned int len;
	uint8_t lcase;
};
/* UTF-8 @name, checked, trailing dots off, into @to->text. 0, -EINVAL,
 * -ENAMETOOLONG. */
int fat_parse_name(const char *name, size_t len, struct fat_name *to);
/*
 * Its short name number @try (0: as it is). False: no such; *@exact: the short
 * name says it all, and stands for itself.
 */
bool fat_short_name(struct fat_name *name, unsigned int try, bool *exact);
uint8_t fat_checksum(const char shortname[11]);
/* As programs see them; length. */
size_t fat_long_to_text(const uint16_t *from, unsigned int len, char *to);
size_t fat_short_to_text(const struct fat_entry *entry, char *to);
/* Equal but for the case of ASCII letters. */
bool fat_same_name(const char *a, size_t a_len, const char *b, size_t b_len);
uint64_t fat_name_hash(const char *name, size_t len);

/* ---- dir.c: entries; fs->lock held, the directory's inode locked ---- */

/* A place in a directory. */
struct fat_found {
	uint64_t place; /* of the short entry: byte on the disk / 32 */
	uint32_t index; /* entry number in the directory */
	uint32_t slots; /* of the long name before it */
	struct fat_entry entry;
};
/* Walking along: the next entry in use at or after *@index, which moves past
 * it. @text (FAT_NAME_BYTES) gets its name. 0, -ENOENT at the end, -EIO. */
int fat_next_entry(struct inode *dir, uint32_t *index, struct fat_found *found,
		   char *text, size_t *len) MUST_HOLD(fat_of(dir)->lock);
int fat_find(struct inode *dir, const char *name, size_t len,
	     struct fat_found *found) MUST_HOLD(fat_of(dir)->lock);
/* Add an entry for @name; entry->name is filled in. */
int fat_add_entry(struct inode *dir, struct fat_name *name,
		  struct fat_entry *entry, struct fat_found *found)
	MUST_HOLD(fat_of(dir)->lock);
int fat_remove_entry(struct inode *dir, const struct fat_found *found)
	MUST_HOLD(fat_of(dir)->lock);
/* The entry at @place, to be read or changed in *@entry. */
int fat_entry_at(struct fat *fs, uint64_t place, struct buffer **buffer,
		 struct fat_entry **entry) MUST_HOLD(fs->lock);
int fat_is_empty(struct inode *dir) MUST_HOLD(fat_of(dir)->lock);
/* A new directory's first cluster, with "." and "..". */
int fat_init_dir(struct fat *fs, struct fat_entry *entry, uint32_t parent)
	MUST_HOLD(fs->lock);
/* ".." of @dir leads to the directory that begins at @parent. */
int fat_set_parent(struct inode *dir, uint32_t parent)
	MUST_HOLD(fat_of(dir)->lock);
/* How many directories are in @dir. */
int fat_count_dirs(struct inode *dir, uint32_t *count)
	MUST_HOLD(fat_of(dir)->lock);

/* ---- namei.c, file.c ---- */

extern const struct inode_ops fat_dir_ops;
extern const struct file_ops fat_dir_file_ops;
extern const struct inode_ops fat_file_inode_ops;
extern const struct file_ops fat_file_ops;
extern const struct page_cache_ops fat_page_ops;

/* ---- inode.c ---- */

int fat_inode_get(struct inode *dir, const struct fat_found *found,
		  struct inode **out) MUST_HOLD(fat_of(dir)->lock);
int fat_make_root(struct super_block *sb);
/* It has another name now, or (0) none. */
void fat_inode_move(struct inode *inode, uint64_t place);
int fat_write_inode(struct inode *inode);
void fat_store(const struct inode *inode, struct fat_entry *entry);
void fat_destroy_inode(struct inode *inode);
int fat_set_attributes(struct inode *inode);
int fat_fsync(struct file *file, bool data_only);
void fat_set_time(uint64_t ns, uint16_t *date, uint16_t *time, uint8_t *cs);
uint32_t fat_start_of(const struct fat_entry *entry);
void fat_set_start(struct fat_entry *entry, uint32_t start);
