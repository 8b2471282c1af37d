/* SPDX-License-Identifier: MIT */
/*
 * inode.c - inodes between the disk and memory
 *
 * Idea: an inode in memory is found by its number in a table; the disk's form
 * is a slot in a block of its group's inode table. An operation that changes
 * an inode puts it on its transaction's list, and the commit stores it into its
 * slot: many changes, one store.
 *
 * Invariants
 *   N1  An inode with names that is on a transaction's list is held by it; one
 *	 without names is stored at once, so that its last user can free it.
 *   N2  Two struct inodes of one number are never in the table: who looks one
 *	 up whose last reference has just gone waits until it is out.
 *
 * Locks: inodes_lock for the table; journal.lock for the lists.
 * Source: "Index Nodes" of the Linux kernel's ext4 documentation.
 */
#include "kernel/fs/ext4/internal.h"

#include "kernel/fs/ext4/acl.h"
#include "kernel/mm/slab.h"
#include "kernel/vfs/device.h"

static struct list_head *bucket_of(struct ext4 *fs, uint64_t ino)
{
	return &fs->inodes[(ino ^ (ino >> 10)) % NUM_INODE_BUCKETS];
}

/* ---- The slot on the disk ---- */

int ext4_inode_slot(struct ext4 *fs, uint64_t ino, struct meta **meta,
		    struct ext4_disk_inode **raw)
{
	uint32_t group = (uint32_t)((ino - 1) / fs->inodes_per_group);
	uint32_t index = (uint32_t)((ino - 1) % fs->inodes_per_group);
	uint64_t block;
	int err;

	if (!ino || ino > fs->inodes_count)
		return -EUCLEAN;
	block = ext4_desc_inode_table(fs, group) + index / fs->inodes_per_block;
	err = meta_read(&fs->cache, block, meta);
	if (err)
		return err;
	*raw = (void *)((char *)(*meta)->data +
			(size_t)(index % fs->inodes_per_block) *
				fs->inode_size);
	return 0;
}

/* Is the field at @offset inside what the inode has beyond 128 bytes? */
#define HAS_FIELD(ei, field)                                                   \
	(EXT4_OLD_INODE + (ei)->extra_isize >=                                 \
	 offsetof(struct ext4_disk_inode, field) +                             \
		 sizeof(((struct ext4_disk_inode *)0)->field))

/* ---- Times: 34 bits of seconds, 30 of nanoseconds, in two words ---- */

static uint64_t decode_time(uint32_t seconds, uint32_t extra)
{
	int64_t s = (int32_t)seconds + ((int64_t)(extra & 3) << 32);

	return inode_time_from(s, extra >> 2);
}

static uint32_t encode_time(uint64_t time, bool wide, uint32_t *extra)
{
	uint32_t rest = inode_time_nsec(time);
	int64_t s = inode_time_seconds(time);

	if (!wide)
		s = MIN(MAX(s, (int64_t)INT32_MIN), (int64_t)INT32_MAX);
	*extra = (uint32_t)(((s - (int32_t)s) >> 32) & 3) | rest << 2;
	return (uint32_t)s;
}

static void load_times(struct inode *inode, const struct ext4_disk_inode *raw)
{
	const struct ext4_inode *ei = ext4_of(inode);

	inode->ctime = decode_time(
		raw->ctime, HAS_FIELD(ei, ctime_extra) ? raw->ctime_extra : 0);
	inode->mtime = decode_time(
		raw->mtime, HAS_FIELD(ei, mtime_extra) ? raw->mtime_extra : 0);
	inode->atime = decode_time(
		raw->atime, HAS_FIELD(ei, atime_extra) ? raw->atime_extra : 0);
	inode->btime = HAS_FIELD(ei, crtime_extra)
			       ? decode_time(raw->crtime, raw->crtime_extra)
			       : 0;
}

static void store_times(const struct inode *inode, struct ext4_disk_inode *raw)
{
	const struct ext4_inode *ei = ext4_of(inode);
	uint32_t extra;

	raw->ctime =
		encode_time(inode->ctime, HAS_FIELD(ei, ctime_extra), &extra);
	if (HAS_FIELD(ei, ctime_extra))
		raw->ctime_extra = extra;
	raw->mtime =
		encode_time(inode->mtime, HAS_FIELD(ei, mtime_extra), &extra);
	if (HAS_FIELD(ei, mtime_extra))
		raw->mtime_extra = extra;
	raw->atime =
		encode_time(inode->atime, HAS_FIELD(ei, atime_extra), &extra);
	if (HAS_FIELD(ei, atime_extra))
		raw->atime_extra = extra;
	if (HAS_FIELD(ei, crtime_extra)) {
		raw->crtime = encode_time(inode->btime, true, &extra);
		raw->crtime_extra = extra;
	}
}

/* ---- Reading ---- */

/* A short link's text is where the map of its blocks would be. */
static bool is_fast_link(const struct inode *inode)
{
	const struct ext4_inode *ei = ext4_of(inode);
	uint64_t xattr =
		ei->xattr_block ? ext4_fs_of(inode)->block_size / 512 : 0;

	return S_ISLNK(inode->mode) && !(ei->flags & INODE_EXTENTS) &&
	       inode->blocks_512 == xattr && ei->disk_size < sizeof(ei->block);
}

static uint64_t load_blocks(const struct ext4 *fs, uint32_t flags,
			    const struct ext4_disk_inode *raw)
{
	uint64_t blocks = raw->blocks_lo;

	if (!(fs->super->ro_compat & RO_HUGE_FILE))
		return blocks;
	blocks |= (uint64_t)raw->blocks_hi << 32;
	return flags & INODE_HUGE_FILE ? blocks * (fs->block_size / 512)
				       : blocks;
}

static void set_operations(struct inode *inode)
{
	switch (inode->mode & S_IFMT) {
	case S_IFREG:
		inode->ops = &ext4_file_inode_ops;
		inode->file_ops = &ext4_file_ops;
		inode_init_cache(inode, &ext4_page_ops);
		break;
	case S_IFDIR:
		inode->ops = &ext4_dir_ops;
		inode->file_ops = &ext4_dir_file_ops;
		break;
	case S_IFLNK:
		inode->ops = &ext4_link_ops;
		break;
	default:
		inode->ops = &ext4_special_ops;
		break;
	}
}

static void load_device(struct inode *inode)
{
	const struct ext4_inode *ei = ext4_of(inode);

	if (!S_ISCHR(inode->mode) && !S_ISBLK(inode->mode))
		return;
	if (ei->block[0])
		inode->rdev = device_number((ei->block[0] >> 8) & 0xff,
					    ei->block[0] & 0xff);
	else
		inode->rdev = ei->block[1];
}

static int check_loaded(struct inode *inode)
{
	const struct ext4_inode *ei = ext4_of(inode);
	const struct ext4 *fs = ext4_fs_of(inode);
	uint64_t max = ((uint64_t)ext4_max_lblk(inode) + 1) << fs->block_bits;

	if (ei->disk_size > max || ei->disk_size > INT64_MAX)
		return ext4_inode_error(inode, "an impossible size");
	if (ei->flags & (INODE_INLINE_DATA | INODE_EA_INODE | INODE_ENCRYPT |
			 INODE_CASEFOLD))
		return ext4_inode_error(inode, "flags of features that the "
					       "file system has not");
	if (ei->xattr_block && !ext4_blocks_valid(fs, ei->xattr_block, 1))
		return ext4_inode_error(inode, "a broken attribute block");
	if (S_ISDIR(inode->mode) && (ei->disk_size & (fs->block_size - 1)))
		return ext4_inode_error(inode, "a directory of odd size");
	if (S_ISLNK(inode->mode) && !is_fast_link(inode) &&
	    (!ei->disk_size || ei->disk_size > fs->block_size ||
	     ei->disk_size > PATH_MAX))
		return ext4_inode_error(inode, "a link of impossible length");
	return 0;
}

/* Are there attributes inside the inode? */
static bool has_magic(const struct ext4_inode *ei,
		      const struct ext4_disk_inode *raw)
{
	size_t at = EXT4_OLD_INODE + ei->extra_isize;
	uint32_t magic;

	if (!ei->has_xattr ||
	    at + sizeof(magic) > ext4_fs_of(ei->inode)->inode_size)
		return false;
	memcpy(&magic, (const char *)raw + at, sizeof(magic));
	return magic == XATTR_MAGIC;
}

static int load_raw(struct inode *inode, struct ext4_disk_inode *raw)
{
	struct ext4_inode *ei = ext4_of(inode);
	const struct ext4 *fs = ext4_fs_of(inode);

	ei->generation = raw->generation;
	ei->seed = ext4_inode_seed(fs, inode->ino, ei->generation);
	if (!ext4_inode_checksum_ok(fs, ei->seed, inode->ino, raw))
		return ext4_inode_error(inode, "a wrong checksum");
	if (fs->inode_size > EXT4_OLD_INODE) {
		ei->extra_isize = raw->extra_isize;
		if (ei->extra_isize & 3 ||
		    ei->extra_isize > fs->inode_size - EXT4_OLD_INODE)
			return ext4_inode_error(inode, "a broken extra size");
	}
	inode->mode = raw->mode;
	inode->uid = raw->uid_lo | (uint32_t)raw->uid_hi << 16;
	inode->gid = raw->gid_lo | (uint32_t)raw->gid_hi << 16;
	inode->nlink = raw->links;
	ei->flags = raw->flags;
	ei->next_orphan = raw->dtime;
	ei->has_xattr = fs->inode_size > EXT4_OLD_INODE;
	ei->xattr_block = raw->file_acl_lo;
	if (fs->super->incompat & INCOMPAT_64BIT)
		ei->xattr_block |= (uint64_t)raw->file_acl_hi << 32;
	ei->found_xattr = ei->xattr_block || has_magic(ei, raw);
	ei->disk_size = raw->size_lo;
	if (S_ISREG(raw->mode))
		ei->disk_size |= (uint64_t)raw->size_hi << 32;
	inode->blocks_512 = load_blocks(fs, raw->flags, raw);
	memcpy(ei->block, raw->block, sizeof(ei->block));
	load_times(inode, raw);
	load_device(inode);
	return check_loaded(inode);
}

/* Not in the table, nothing but its number known. */
static struct inode *inode_alloc(struct ext4 *fs, uint64_t ino, uint32_t mode,
				 struct inode *dir)
{
	struct ext4_inode *ei = kzalloc(sizeof(*ei));
	struct inode *inode;

	if (!ei)
		return NULL;
	inode = inode_create(fs->sb, dir, mode);
	if (!inode) {
		kfree(ei);
		return NULL;
	}
	inode->ino = ino;
	inode->data = ei;
	ei->inode = inode;
	ei->group = (uint32_t)((ino - 1) / fs->inodes_per_group);
	mutex_init(&ei->map_lock, LOCK_FILE_MAP);
	mutex_init(&ei->write_lock, LOCK_EXT4_WRITE);
	list_init(&ei->hash_node);
	list_init(&ei->orphan_node);
	list_init(&ei->kept_node);
	list_init(&ei->dirty_node);
	list_init(&ei->doomed_node);
	delayed_init(&ei->delayed);
	return inode;
}

static void free_inode(struct inode *inode)
{
	struct ext4_inode *ei = ext4_of(inode);

	delayed_drop(ext4_fs_of(inode), &ei->delayed, 0, UINT32_MAX);
	inode_free(inode);
	kfree(ei);
}

static int load(struct inode *inode)
{
	struct ext4 *fs = ext4_fs_of(inode);
	struct ext4_disk_inode *raw;
	struct meta *meta;
	int err;

	err = ext4_inode_slot(fs, inode->ino, &meta, &raw);
	if (err)
		return err;
	if (!raw->mode && !raw->links)
		err = -ESTALE;
	else
		err = load_raw(inode, raw);
	meta_put(&fs->cache, meta);
	if (err)
		return err;
	set_operations(inode);
	inode->cache.size_bytes = ext4_of(inode)->disk_size;
	return 0;
}

/* ---- The table ---- */

enum find_result { NOT_THERE, FOUND, LEAVING };

static enum find_result find_locked(struct ext4 *fs, uint64_t ino,
				    struct inode **out)
	MUST_HOLD(fs->inodes_lock)
{
	struct ext4_inode *ei;

	list_for_each (ei, bucket_of(fs, ino), hash_node) {
		if (ei->inode->ino != ino)
			continue;
		if (!refcount_get_unless_zero(&ei->inode->refs))
			return LEAVING;
		*out = ei->inode;
		return FOUND;
	}
	return NOT_THERE;
}

static enum find_result find(struct ext4 *fs, uint64_t ino, struct inode **out)
{
	enum find_result result;

	spin_lock(&fs->inodes_lock);
	result = find_locked(fs, ino, out);
	spin_unlock(&fs->inodes_lock);
	return result;
}

static bool is_leaving(struct ext4 *fs, uint64_t ino)
{
	struct inode *inode = NULL;
	enum find_result result = find(fs, ino, &inode);

	if (result == FOUND)
		inode_put(inode);
	return result == LEAVING;
}

/* In, unless there is one by now. */
static bool insert(struct ext4 *fs, struct inode *inode, struct inode **other)
{
	enum find_result result;

	spin_lock(&fs->inodes_lock);
	result = find_locked(fs, inode->ino, other);
	if (result == NOT_THERE) {
		list_push_front(bucket_of(fs, inode->ino),
				&ext4_of(inode)->hash_node);
		fs->num_inodes++;
	}
	spin_unlock(&fs->inodes_lock);
	return result == NOT_THERE;
}

static void unhash(struct inode *inode)
{
	struct ext4 *fs = ext4_fs_of(inode);
	struct ext4_inode *ei = ext4_of(inode);
	bool was_in;

	spin_lock(&fs->inodes_lock);
	was_in = !list_empty(&ei->hash_node);
	if (was_in) {
		list_remove(&ei->hash_node);
		fs->num_inodes--;
	}
	spin_unlock(&fs->inodes_lock);
	if (was_in)
		wake_all(&fs->inodes_wait);
}

int ext4_inode_get(struct ext4 *fs, uint64_t ino, struct inode **out)
{
	struct inode *inode;
	int err;

	for (;;) {
		enum find_result result = find(fs, ino, out);

		if (result == FOUND)
			return 0;
		if (result == LEAVING) {
			WAIT_EVENT(&fs->inodes_wait, !is_leaving(fs, ino));
			continue;
		}
		inode = inode_alloc(fs, ino, 0, NULL);
		if (!inode)
			return -ENOMEM;
		err = load(inode);
		if (err) {
			free_inode(inode);
			return err;
		}
		if (ext4_of(inode)->found_xattr)
			ext4_acl_load(inode);
		if (insert(fs, inode, out)) {
			*out = inode;
			return 0;
		}
		free_inode(inode); /* somebody was faster */
	}
}

/* ---- Writing ---- */

static void store_blocks(const struct ext4 *fs, struct inode *inode,
			 struct ext4_disk_inode *raw)
{
	struct ext4_inode *ei = ext4_of(inode);
	uint64_t blocks = inode->blocks_512;

	ei->flags &= ~INODE_HUGE_FILE;
	if (blocks >> 48) {
		ei->flags |= INODE_HUGE_FILE;
		blocks /= fs->block_size / 512;
	}
	raw->blocks_lo = (uint32_t)blocks;
	if (fs->super->ro_compat & RO_HUGE_FILE)
		raw->blocks_hi = (uint16_t)(blocks >> 32);
}

static void store_raw(struct inode *inode, struct ext4_disk_inode *raw)
{
	const struct ext4 *fs = ext4_fs_of(inode);
	struct ext4_inode *ei = ext4_of(inode);

	raw->mode = (uint16_t)inode->mode;
	raw->uid_lo = (uint16_t)inode->uid;
	raw->uid_hi = (uint16_t)(inode->uid >> 16);
	raw->gid_lo = (uint16_t)inode->gid;
	raw->gid_hi = (uint16_t)(inode->gid >> 16);
	raw->links = (uint16_t)inode->nlink;
	store_blocks(fs, inode, raw);
	raw->flags = ei->flags;
	raw->dtime = list_empty(&ei->orphan_node) ? ei->dtime : ei->next_orphan;
	raw->generation = ei->generation;
	raw->file_acl_lo = (uint32_t)ei->xattr_block;
	if (fs->super->incompat & INCOMPAT_64BIT)
		raw->file_acl_hi = (uint16_t)(ei->xattr_block >> 32);
	raw->size_lo = (uint32_t)ei->disk_size;
	raw->size_hi = (uint32_t)(ei->disk_size >> 32);
	memcpy(raw->block, ei->block, sizeof(ei->block));
	if (fs->inode_size > EXT4_OLD_INODE)
		raw->extra_isize = ei->extra_isize;
	store_times(inode, raw);
	ext4_inode_set_checksum(fs, ei->seed, inode->ino, raw);
}

/* Into its slot, whose block the transaction has. */
static void store(struct inode *inode)
{
	struct ext4 *fs = ext4_fs_of(inode);
	struct ext4_disk_inode *raw;
	struct meta *meta;

	if (ext4_inode_slot(fs, inode->ino, &meta, &raw)) {
		ext4_inode_error(inode, "a slot that cannot be read");
		return;
	}
	store_raw(inode, raw);
	meta_put(&fs->cache, meta);
}

/* Off its transaction's list; true: the list's reference is the caller's. */
static bool unlist(struct ext4 *fs, struct ext4_inode *ei)
{
	bool was_on;

	if (!fs->journal)
		return false;
	spin_lock(&fs->journal->lock);
	was_on = ei->dirty_tx;
	ei->dirty_tx = NULL;
	list_remove(&ei->dirty_node);
	spin_unlock(&fs->journal->lock);
	return was_on;
}

/* On the list (N1); not if it is there. */
static void enlist(struct handle *handle, struct inode *inode)
{
	struct journal *journal = handle->fs->journal;
	struct ext4_inode *ei = ext4_of(inode);

	spin_lock(&journal->lock);
	if (!ei->dirty_tx) {
		ei->dirty_tx = handle->tx;
		list_push_back(&handle->tx->inodes, &ei->dirty_node);
		inode_get(inode);
	}
	spin_unlock(&journal->lock);
}

/* The large_file feature says that some file is 2 GiB or longer. */
static int note_large(struct handle *handle, const struct inode *inode)
{
	struct ext4 *fs = handle->fs;
	int err;

	if (likely(ext4_of(inode)->disk_size <= INT32_MAX ||
		   fs->super->ro_compat & RO_LARGE_FILE))
		return 0;
	err = journal_modify(handle, fs->super_meta, META_SUPER, 0);
	if (!err)
		fs->super->ro_compat |= RO_LARGE_FILE;
	return err;
}

int ext4_inode_dirty(struct handle *handle, struct inode *inode)
{
	struct ext4_inode *ei = ext4_of(inode);
	struct ext4 *fs = handle->fs;
	struct ext4_disk_inode *raw;
	struct meta *meta;
	int err;

	ei->sync_tid = ei->datasync_tid = journal_tid(handle);
	if (handle->tx && READ_ONCE(ei->dirty_tx) == handle->tx && inode->nlink)
		return 0;
	err = note_large(handle, inode);
	if (!err)
		err = ext4_inode_slot(fs, inode->ino, &meta, &raw);
	if (err)
		return err;
	err = journal_modify(handle, meta, META_PLAIN, 0);
	if (!err && handle->tx && inode->nlink) {
		enlist(handle, inode);
	} else if (!err) {
		store_raw(inode, raw);
		if (unlist(fs, ei))
			inode_put(inode); /* never the last: the caller's */
	}
	meta_put(&fs->cache, meta);
	return err;
}

int ext4_inode_dirty_now(struct inode *inode)
{
	struct handle handle;
	int err;

	err = journal_start(ext4_fs_of(inode), &handle, CREDITS_INODE + 1);
	if (err)
		return err;
	err = ext4_inode_dirty(&handle, inode);
	journal_stop(&handle);
	return err;
}

/* By the commit, when no operation is inside. */
void ext4_store_dirty_inodes(struct ext4 *fs, struct transaction *tx)
{
	while (!list_empty(&tx->inodes)) {
		struct ext4_inode *ei =
			list_first(&tx->inodes, struct ext4_inode, dirty_node);

		store(ei->inode);
		unlist(fs, ei);
		/* Its last user may be us: then it is freed by and by. */
		ext4_put_later(ei->inode);
	}
}

/* ---- New inodes ---- */

static void init_new(struct ext4 *fs, struct inode *inode,
		     const struct inode *dir)
{
	struct ext4_inode *ei = ext4_of(inode);

	ei->generation = __atomic_add_fetch(&fs->next_generation, 0x9e3779b1u,
					    __ATOMIC_RELAXED);
	ei->seed = ext4_inode_seed(fs, inode->ino, ei->generation);
	ei->flags = ext4_of(dir)->flags & INODE_INHERITED;
	if (!S_ISDIR(inode->mode))
		ei->flags &= ~0x20000u; /* "top of hierarchy" */
	if (fs->super->incompat & INCOMPAT_EXTENTS &&
	    (S_ISREG(inode->mode) || S_ISDIR(inode->mode)))
		ei->flags |= INODE_EXTENTS;
	if (fs->inode_size > EXT4_OLD_INODE) {
		uint16_t want = fs->super->want_extra_isize;

		ei->extra_isize =
			sizeof(struct ext4_disk_inode) - EXT4_OLD_INODE;
		if (want > ei->extra_isize && !(want & 3) &&
		    want <= fs->inode_size - EXT4_OLD_INODE)
			ei->extra_isize = want;
	}
	ext4_map_init(inode);
	set_operations(inode);
}

int ext4_inode_new(struct handle *handle, struct inode *dir, uint32_t mode,
		   struct inode **out)
{
	struct ext4 *fs = handle->fs;
	struct inode *inode, *other;
	struct ext4_disk_inode *raw;
	struct meta *meta;
	uint32_t ino;
	int err;

	inode = inode_alloc(fs, 1, mode, dir);
	if (!inode)
		return -ENOMEM;
	err = ext4_ino_new(handle, dir, mode, &ino);
	if (err)
		goto free;
	inode->ino = ino;
	ext4_of(inode)->group = (ino - 1) / fs->inodes_per_group;
	init_new(fs, inode, dir);
	err = ext4_inode_slot(fs, ino, &meta, &raw);
	if (err)
		goto free_ino;
	err = journal_modify(handle, meta, META_PLAIN, 0);
	if (!err)
		memset(raw, 0, fs->inode_size);
	meta_put(&fs->cache, meta);
	if (err)
		goto free_ino;
	if (!insert(fs, inode, &other)) {
		err = ext4_error(fs, "inode %u is in use, but marked free",
				 ino);
		goto free; /* the bitmap cannot be trusted: leave it */
	}
	err = ext4_inode_dirty(handle, inode);
	if (err) {
		unhash(inode);
		goto free_ino;
	}
	*out = inode;
	return 0;

free_ino:
	ext4_ino_free(handle, ino, S_ISDIR(mode));
free:
	free_inode(inode);
	return err;
}

/* ---- The end ---- */

/* Free the slot; what it had is free already. */
static int release_slot(struct handle *handle, struct inode *inode)
{
	struct ext4 *fs = handle->fs;
	struct ext4_inode *ei = ext4_of(inode);
	struct ext4_disk_inode *raw;
	struct meta *meta;
	int err;

	err = ext4_inode_slot(fs, inode->ino, &meta, &raw);
	if (err)
		return err;
	err = journal_modify(handle, meta, META_PLAIN, 0);
	if (!err) {
		ei->dtime = (uint32_t)(inode->ctime / NSEC_PER_SEC);
		ei->dtime += !ei->dtime;
		store_raw(inode, raw);
		raw->mode = 0;
		raw->flags = 0;
		ext4_inode_set_checksum(fs, ei->seed, inode->ino, raw);
	}
	meta_put(&fs->cache, meta);
	return err;
}

static int delete_inode(struct inode *inode)
{
	struct ext4 *fs = ext4_fs_of(inode);
	struct ext4_inode *ei = ext4_of(inode);
	struct handle handle;
	bool directory = S_ISDIR(inode->mode);
	int err = 0;

	if (S_ISREG(inode->mode) || directory ||
	    (S_ISLNK(inode->mode) && inode->blocks_512))
		err = ext4_truncate_blocks(inode, 0);
	if (!err) /* if it cannot be read, it stays an orphan */
		err = ext4_ino_prepare_free(fs, (uint32_t)inode->ino);
	if (err)
		return err;
	err = journal_start(fs, &handle,
			    CREDITS_INODE + CREDITS_ORPHAN + CREDITS_XATTR +
				    CREDITS_INO);
	if (err)
		return err;
	if (ei->xattr_block)
		err = ext4_xattr_free_block(&handle, inode);
	if (!err)
		err = ext4_orphan_remove(&handle, inode);
	ei->disk_size = 0;
	if (!err)
		err = release_slot(&handle, inode);
	unhash(inode); /* before its number can be given out again */
	if (!err)
		err = ext4_ino_free(&handle, (uint32_t)inode->ino, directory);
	if (err == -EIO) /* half done: must not be committed */
		ext4_report(fs, "inode %lu cannot be freed",
			    (unsigned long)inode->ino);
	journal_stop(&handle);
	return err;
}

static void evict(struct inode *inode)
{
	struct ext4 *fs = ext4_fs_of(inode);
	int err = 0;

	if (!inode->nlink && !ext4_is_read_only(fs) && !ext4_of(inode)->bad)
		err = delete_inode(inode);
	if (err)
		log_warning("ext4: %s: inode %lu could not be freed", fs->name,
			    (unsigned long)inode->ino);
	if (ext4_orphan_try_later(inode, err)) {
		ext4_orphan_keep(inode);
		return;
	}
	mutex_lock(&fs->orphan_lock);
	list_remove(&ext4_of(inode)->orphan_node);
	mutex_unlock(&fs->orphan_lock);
	unhash(inode);
	free_inode(inode);
}

/* N2: it stays in the table meanwhile. */
static void doom(struct inode *inode)
{
	struct ext4 *fs = ext4_fs_of(inode);

	spin_lock(&fs->inodes_lock);
	list_push_back(&fs->doomed, &ext4_of(inode)->doomed_node);
	spin_unlock(&fs->inodes_lock);
}

void ext4_put_later(struct inode *inode)
{
	if (!refcount_put(&inode->refs))
		return;
	if (inode->nlink)
		evict(inode);
	else
		doom(inode);
}

void ext4_destroy_inode(struct inode *inode)
{
	/* Deleting needs operations of its own; and a commit runs in here. */
	if (!inode->nlink && journal_is_inside())
		doom(inode);
	else
		evict(inode);
}

void ext4_evict_doomed(struct ext4 *fs)
{
	for (;;) {
		struct ext4_inode *ei = NULL;

		spin_lock(&fs->inodes_lock);
		if (!list_empty(&fs->doomed)) {
			ei = list_first(&fs->doomed, struct ext4_inode,
					doomed_node);
			list_remove(&ei->doomed_node);
		}
		spin_unlock(&fs->inodes_lock);
		if (!ei)
			return;
		evict(ei->inode);
	}
}
