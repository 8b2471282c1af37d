/* SPDX-License-Identifier: MIT */
/*
 * inode.c - directory entries as inodes
 *
 * Idea: the disk has no inodes; what is known of a file is in its entry. So an
 * inode is found by the place of its entry, and its number is a fresh one each
 * time it comes into memory, as on Linux: places are used again.
 *
 * Invariants
 *   F1  No two directories in memory begin at the same cluster. An image in
 *	 which a directory leads back to one above it would make the tree
 *	 endless; the second look is an error.
 *
 * Locks: table_lock for the tables; fs->lock for a node.
 * Source: "Microsoft FAT Specification", "Directory Structure" (times).
 */
#include "kernel/fs/fat/internal.h"

#include "kernel/mm/page.h"
#include "kernel/mm/slab.h"
#include "kernel/time/clock.h"

#define SECONDS_PER_DAY 86400u

/* ---- Times: days and two seconds, since 1980 ---- */

/* Days from 1970 to the first of March of year @y: "chrono-Compatible
 * Low-Level Date Algorithms" (H. Hinnant), with years that begin in March. */
static uint64_t days_to(unsigned int y, unsigned int m, unsigned int d)
{
	y -= m <= 2;
	m = m > 2 ? m - 3 : m + 9;
	return (uint64_t)y * 365 + y / 4 - y / 100 + y / 400 +
	       (153 * m + 2) / 5 + d - 1 - 719468;
}

static uint64_t get_time(uint16_t date, uint16_t time, uint8_t cs)
{
	unsigned int month = (date >> 5) & 15, day = date & 31;
	uint64_t seconds = days_to(1980 + (date >> 9), MAX(MIN(month, 12u), 1u),
				   MAX(day, 1u)) *
			   SECONDS_PER_DAY;

	seconds += (uint64_t)(time >> 11) * 3600;
	seconds += (uint64_t)((time >> 5) & 63) * 60;
	seconds += (uint64_t)(time & 31) * 2;
	return seconds * NSEC_PER_SEC + (uint64_t)cs * (NSEC_PER_SEC / 100);
}

void fat_set_time(uint64_t ns, uint16_t *date, uint16_t *time, uint8_t *cs)
{
	const uint64_t first = days_to(1980, 1, 1) * SECONDS_PER_DAY;
	const uint64_t last = days_to(2108, 1, 1) * SECONDS_PER_DAY - 2;
	uint64_t s = MIN(MAX(ns / NSEC_PER_SEC, first), last);
	uint64_t days = s / SECONDS_PER_DAY + 719468;
	unsigned int rest = (unsigned int)(s % SECONDS_PER_DAY);
	/* No 400 years without a leap year that we could meet but 2100. */
	unsigned int era = (unsigned int)(days / 146097);
	unsigned int doe = (unsigned int)(days % 146097);
	unsigned int yoe =
		(doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	unsigned int doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	unsigned int mp = (5 * doy + 2) / 153;
	unsigned int month = mp < 10 ? mp + 3 : mp - 9;
	unsigned int year = yoe + era * 400 + (month <= 2);

	*date = (uint16_t)((year - 1980) << 9 | month << 5 |
			   (doy - (153 * mp + 2) / 5 + 1));
	if (time)
		*time = (uint16_t)(rest / 3600 << 11 | rest / 60 % 60 << 5 |
				   rest % 60 / 2);
	if (cs)
		*cs = (uint8_t)((uint64_t)(rest % 2) * 100 +
				ns % NSEC_PER_SEC / (NSEC_PER_SEC / 100));
}

/* ---- The entry ---- */

uint32_t fat_start_of(const struct fat_entry *entry)
{
	return entry->start | (uint32_t)entry->start_high << 16;
}

void fat_set_start(struct fat_entry *entry, uint32_t start)
{
	entry->start = (uint16_t)start;
	entry->start_high = (uint16_t)(start >> 16);
}

/* All may do what the masks leave; only "read-only" is on the disk. */
static uint32_t mode_of(const struct fat *fs, uint8_t attr)
{
	if (attr & FAT_ATTR_DIR)
		return S_IFDIR | (0777 & ~fs->options.dmask);
	return S_IFREG | ((attr & FAT_ATTR_READ_ONLY ? 0555u : 0777u) &
			  ~fs->options.fmask);
}

void fat_store(const struct inode *inode, struct fat_entry *entry)
{
	const struct fat_node *node = fat_node(inode);

	if (S_ISREG(inode->mode)) {
		entry->size = (uint32_t)inode_size(inode);
		entry->attr = node->attr;
	}
	fat_set_start(entry, node->start);
	fat_set_time(inode->mtime, &entry->date, &entry->time, NULL);
	fat_set_time(inode->atime, &entry->adate, NULL, NULL);
	fat_set_time(inode->btime, &entry->cdate, &entry->ctime,
		     &entry->ctime_cs);
}

int fat_write_inode(struct inode *inode)
{
	struct fat *fs = fat_of(inode);
	struct fat_entry *entry;
	struct buffer *buffer;
	int err = 0;

	fat_begin(fs);
	if (fat_node(inode)->place && !fs->read_only) {
		err = fat_entry_at(fs, fat_node(inode)->place, &buffer, &entry);
		if (!err) {
			fat_store(inode, entry);
			fat_dirty(fs, buffer, false);
			buffer_put(buffer);
		}
	}
	fat_end(fs);
	return err;
}

/* ---- The tables ---- */

static struct list_head *bucket_of(struct list_head *table, uint64_t key)
{
	return &table[(key ^ (key >> 6)) % FAT_BUCKETS];
}

static struct inode *find(struct fat *fs, uint64_t place)
{
	struct inode *found = NULL;
	struct fat_node *node, *next;

	spin_lock(&fs->table_lock);
	list_for_each_safe (node, next, bucket_of(fs->nodes, place),
			    hash_node) {
		if (node->place != place)
			continue;
		if (refcount_get_unless_zero(&node->inode->refs)) {
			found = node->inode;
			break;
		}
		/* On its way out. */
		list_remove(&node->hash_node);
		list_remove(&node->start_node);
	}
	spin_unlock(&fs->table_lock);
	return found;
}

static bool is_start_known(struct fat *fs, uint32_t start)
	MUST_HOLD(fs->table_lock)
{
	struct fat_node *node;

	list_for_each (node, bucket_of(fs->starts, start), start_node) {
		if (node->start == start && refcount_read(&node->inode->refs))
			return true;
	}
	return false;
}

/* 0; -EIO: F1. */
static int insert(struct fat *fs, struct fat_node *node)
{
	bool is_dir = S_ISDIR(node->inode->mode);
	int err = 0;

	spin_lock(&fs->table_lock);
	if (is_dir && is_start_known(fs, node->start))
		err = -EIO;
	if (!err && node->place)
		list_push_front(bucket_of(fs->nodes, node->place),
				&node->hash_node);
	if (!err && is_dir)
		list_push_front(bucket_of(fs->starts, node->start),
				&node->start_node);
	spin_unlock(&fs->table_lock);
	return err;
}

void fat_inode_move(struct inode *inode, uint64_t place)
{
	struct fat_node *node = fat_node(inode);
	struct fat *fs = fat_of(inode);

	spin_lock(&fs->table_lock);
	list_remove(&node->hash_node);
	node->place = place;
	if (place)
		list_push_front(bucket_of(fs->nodes, place), &node->hash_node);
	spin_unlock(&fs->table_lock);
}

/* ---- Making inodes ---- */

static struct inode *inode_alloc(struct super_block *sb, uint8_t attr)
{
	struct fat *fs = sb->data;
	struct fat_node *node = kzalloc(sizeof(*node));
	struct inode *inode;

	if (!node)
		return NULL;
	inode = inode_create(sb, NULL, mode_of(fs, attr));
	if (!inode) {
		kfree(node);
		return NULL;
	}
	node->inode = inode;
	node->attr = attr;
	list_init(&node->hash_node);
	list_init(&node->start_node);
	fat_forget_chain(node);
	inode->data = node;
	inode->uid = fs->options.uid;
	inode->gid = fs->options.gid;
	if (S_ISDIR(inode->mode)) {
		inode->ops = &fat_dir_ops;
		inode->file_ops = &fat_dir_file_ops;
	} else {
		inode->ops = &fat_file_inode_ops;
		inode->file_ops = &fat_file_ops;
		inode_init_cache(inode, &fat_page_ops);
	}
	return inode;
}

static void free_node(struct inode *inode)
{
	struct fat_node *node = fat_node(inode);

	kfree(node->marks);
	kfree(node->doom);
	inode_free(inode);
	kfree(node);
}

void fat_destroy_inode(struct inode *inode)
{
	struct fat_node *node = fat_node(inode);
	struct fat *fs = fat_of(inode);

	spin_lock(&fs->table_lock);
	list_remove(&node->hash_node);
	list_remove(&node->start_node);
	spin_unlock(&fs->table_lock);
	if (!inode->nlink && node->start && node->doom) {
		fat_doom(fs, node->doom, node->start);
		node->doom = NULL;
	}
	if (node->nameless) /* pairs with the acquire in stop_writing() */
		__atomic_fetch_sub(&fs->num_nameless, 1, __ATOMIC_RELEASE);
	free_node(inode);
}

static void load_times(struct inode *inode, const struct fat_entry *entry)
{
	inode->mtime = get_time(entry->date, entry->time, 0);
	inode->ctime = inode->mtime;
	inode->atime = get_time(entry->adate, 0, 0);
	inode->btime = get_time(entry->cdate, entry->ctime, entry->ctime_cs);
}

/* Directories: how long, how many in it. */
static int load_directory(struct inode *inode) MUST_HOLD(fat_of(inode)->lock)
{
	struct fat *fs = fat_of(inode);
	uint32_t count = 0;
	int err;

	if (!fat_is_valid(fs, fat_node(inode)->start))
		return fat_error(fs, "a directory outside the volume");
	err = fat_count_clusters(inode);
	if (!err)
		err = fat_count_dirs(inode, &count);
	inode->nlink = count + 2;
	inode->cache.size_bytes = (uint64_t)fat_node(inode)->num_clusters
				  << fs->cluster_bits;
	inode->blocks_512 = inode->cache.size_bytes / 512;
	return err;
}

static int load(struct inode *inode, const struct fat_entry *entry)
	MUST_HOLD(fat_of(inode)->lock)
{
	struct fat *fs = fat_of(inode);
	uint32_t mask = fat_cluster_size(fs) - 1;

	fat_node(inode)->start = fat_start_of(entry);
	if (fs->bits != 32)
		fat_node(inode)->start &= 0xffff;
	load_times(inode, entry);
	if (S_ISDIR(inode->mode))
		return load_directory(inode);
	inode->cache.size_bytes = entry->size;
	inode->blocks_512 =
		(((uint64_t)entry->size + mask) & ~(uint64_t)mask) / 512;
	return 0;
}

int fat_inode_get(struct inode *dir, const struct fat_found *found,
		  struct inode **out)
{
	struct fat *fs = fat_of(dir);
	struct inode *inode = find(fs, found->place);
	int err;

	if (inode) {
		*out = inode;
		return 0;
	}
	inode = inode_alloc(dir->sb, found->entry.attr);
	if (!inode)
		return -ENOMEM;
	fat_node(inode)->place = found->place;
	err = load(inode, &found->entry);
	if (!err) {
		err = insert(fs, fat_node(inode));
		if (err)
			fat_error(fs, "a directory that is in two places");
	}
	if (err) {
		free_node(inode);
		return err;
	}
	*out = inode;
	return 0;
}

int fat_make_root(struct super_block *sb)
{
	struct fat *fs = sb->data;
	struct inode *inode = inode_alloc(sb, FAT_ATTR_DIR);
	uint32_t count = 0;
	int err = 0;

	if (!inode)
		return -ENOMEM;
	inode->ino = 1;
	inode->mtime = inode->ctime = inode->atime = inode->btime = 0;
	mutex_lock(&fs->lock);
	if (fs->bits == 32) {
		fat_node(inode)->start = fs->root_cluster;
		err = load_directory(inode);
	} else {
		err = fat_count_dirs(inode, &count);
		inode->nlink = count + 2;
		inode->cache.size_bytes = (uint64_t)fs->root_sectors
					  << fs->sector_bits;
	}
	mutex_unlock(&fs->lock);
	if (!err)
		err = insert(fs, fat_node(inode));
	if (err) {
		free_node(inode);
		return err;
	}
	return dentry_make_root(sb, inode) ? 0 : -ENOMEM;
}

/* ---- Attributes ---- */

/*
 * The mode can only say "read-only". As on Linux a mode that cannot be stored
 * is not an error, nothing happens; another owner is one.
 */
static void store_mode(struct inode *inode) MUST_HOLD(fat_of(inode)->lock)
{
	struct fat_node *node = fat_node(inode);
	const struct fat *fs = fat_of(inode);
	uint32_t old = mode_of(fs, node->attr), new = inode->mode;
	uint32_t all_write = 0222 & ~fs->options.fmask;

	if (S_ISREG(new) && (new & 0555) == (0555 & ~fs->options.fmask) &&
	    (!(new & 0222) || (new & 0222) == all_write)) {
		node->attr &= (uint8_t)~FAT_ATTR_READ_ONLY;
		if (!(new & 0222))
			node->attr |= FAT_ATTR_READ_ONLY;
		old = mode_of(fs, node->attr);
	}
	WRITE_ONCE(inode->mode, old);
}

int fat_set_attributes(struct inode *inode)
{
	struct fat *fs = fat_of(inode);

	if (inode->uid != fs->options.uid || inode->gid != fs->options.gid) {
		if (!fs->options.quiet)
			return -EPERM;
		inode->uid = fs->options.uid;
		inode->gid = fs->options.gid;
	}
	fat_begin(fs);
	store_mode(inode);
	fat_end(fs);
	inode_mark_dirty(inode, INODE_DIRTY_DATA);
	return 0;
}
