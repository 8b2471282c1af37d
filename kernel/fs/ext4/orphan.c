/* SPDX-License-Identifier: MIT */
/*
 * orphan.c - inodes that a crash must not leave behind
 *
 * A file without names that is still open, or one whose blocks are being freed,
 * is on a chain: the super block has the first inode's number, each inode the
 * next one's in the place of its time of deletion. The next mount deletes
 * those without links and truncates the others to their size.
 *
 * With the feature orphan_file the numbers may also stand in the blocks of a
 * file. Such are cleaned up at the mount; here the chain alone is used, which
 * the feature allows.
 *
 * When the disk fails while it is done, the inode has to stay on the chain, and
 * in memory, because the chain goes over it: such are kept, with a reference.
 *
 * Locks: orphan_lock, within an operation.
 */
#include "kernel/fs/ext4/internal.h"

#include "kernel/lib/crc.h"

static int set_head(struct handle *handle, uint32_t ino)
{
	struct ext4 *fs = handle->fs;
	int err = journal_modify(handle, fs->super_meta, META_SUPER, 0);

	if (!err)
		fs->super->last_orphan = ino;
	return err;
}

/* ---- What could not be done ---- */

void ext4_orphan_keep(struct inode *inode)
{
	struct ext4 *fs = ext4_fs_of(inode);
	struct ext4_inode *ei = ext4_of(inode);

	mutex_lock(&fs->orphan_lock);
	if (list_empty(&ei->kept_node)) {
		list_push_back(&fs->kept, &ei->kept_node);
		/* Its last reference may be gone. */
		if (!refcount_get_unless_zero(&inode->refs))
			refcount_init(&inode->refs, 1);
	}
	mutex_unlock(&fs->orphan_lock);
}

/* It is tried again, by somebody who has a reference. */
static void unkeep(struct inode *inode)
	MUST_HOLD(ext4_fs_of(inode)->orphan_lock)
{
	struct ext4_inode *ei = ext4_of(inode);

	if (likely(list_empty(&ei->kept_node)))
		return;
	list_remove(&ei->kept_node);
	if (refcount_put(&inode->refs))
		panic("ext4: an orphan without a user is tried again");
}

void ext4_orphans_forget(struct ext4 *fs)
{
	while (!list_empty(&fs->kept)) {
		struct ext4_inode *ei =
			list_first(&fs->kept, struct ext4_inode, kept_node);

		list_remove(&ei->kept_node);
		ei->bad = true; /* not to be deleted */
		inode_put(ei->inode);
	}
}

/* ---- The chain ---- */

int ext4_orphan_add(struct handle *handle, struct inode *inode)
{
	struct ext4 *fs = handle->fs;
	struct ext4_inode *ei = ext4_of(inode);
	int err = 0;

	mutex_lock(&fs->orphan_lock);
	unkeep(inode);
	if (list_empty(&ei->orphan_node)) {
		ei->next_orphan = fs->super->last_orphan;
		err = set_head(handle, (uint32_t)inode->ino);
		if (!err)
			list_push_front(&fs->orphans, &ei->orphan_node);
	}
	mutex_unlock(&fs->orphan_lock);
	return err ? err : ext4_inode_dirty(handle, inode);
}

/* Who is before @inode points behind it. */
static int unchain(struct handle *handle, struct inode *inode)
	MUST_HOLD(handle->fs->orphan_lock)
{
	struct ext4 *fs = handle->fs;
	struct ext4_inode *ei = ext4_of(inode), *before;

	if (ei->orphan_node.prev == &fs->orphans)
		return set_head(handle, ei->next_orphan);
	before = list_entry(ei->orphan_node.prev, struct ext4_inode,
			    orphan_node);
	before->next_orphan = ei->next_orphan;
	return ext4_inode_dirty(handle, before->inode);
}

int ext4_orphan_remove(struct handle *handle, struct inode *inode)
{
	struct ext4 *fs = handle->fs;
	struct ext4_inode *ei = ext4_of(inode);
	int err = 0;

	mutex_lock(&fs->orphan_lock);
	unkeep(inode);
	if (!list_empty(&ei->orphan_node)) {
		err = unchain(handle, inode);
		list_remove(&ei->orphan_node);
		ei->next_orphan = 0;
		ei->dtime = 0;
	}
	mutex_unlock(&fs->orphan_lock);
	return err;
}

/* ---- After a crash ---- */

static int clean_one(struct ext4 *fs, struct inode *inode)
{
	uint64_t size = ext4_of(inode)->disk_size;
	uint64_t first = DIV_ROUND_UP(size, (uint64_t)fs->block_size);
	struct handle handle;
	int err = 0;

	if (!inode->nlink)
		return 0; /* deleted with the last reference */
	if (S_ISREG(inode->mode) && first <= UINT32_MAX)
		err = ext4_truncate_blocks(inode, (uint32_t)first);
	if (!err)
		err = journal_start(fs, &handle,
				    CREDITS_INODE + CREDITS_ORPHAN);
	if (err)
		return err;
	err = ext4_orphan_remove(&handle, inode);
	if (!err)
		err = ext4_inode_dirty(&handle, inode);
	journal_stop(&handle);
	return err;
}

/* One that a directory may have, or nothing at all. */
static bool ino_ok(const struct ext4 *fs, uint64_t ino)
{
	return ino >= fs->first_ino && ino <= fs->inodes_count;
}

/* The inode at the head of the chain; it is in the list then. */
static int take_head(struct ext4 *fs, struct inode **out)
{
	uint32_t ino = fs->super->last_orphan;
	int err;

	if (!ino_ok(fs, ino))
		return -EUCLEAN;
	err = ext4_inode_get(fs, ino, out);
	if (err)
		return err;
	mutex_lock(&fs->orphan_lock);
	if (list_empty(&ext4_of(*out)->orphan_node))
		list_push_front(&fs->orphans, &ext4_of(*out)->orphan_node);
	mutex_unlock(&fs->orphan_lock);
	return 0;
}

/* The chain is broken: forget what is left of it. */
static int cut_chain(struct ext4 *fs)
{
	struct handle handle;
	int err;

	ext4_report(fs, "the list of orphans is broken");
	err = journal_start(fs, &handle, CREDITS_ORPHAN);
	if (err)
		return err;
	err = set_head(&handle, 0);
	journal_stop(&handle);
	return err;
}

static int clean_chain(struct ext4 *fs, unsigned int *count)
{
	while (fs->super->last_orphan) {
		uint32_t head = fs->super->last_orphan;
		struct inode *inode;
		int err;

		err = take_head(fs, &inode);
		if (!err) {
			err = clean_one(fs, inode);
			inode_put(inode);
			ext4_evict_doomed(fs);
			++*count;
			if (!list_empty(&fs->kept))
				err = -EIO;
		}
		/* No progress: a loop, or something that cannot be freed. */
		if (err || fs->super->last_orphan == head)
			return err == -EIO || err == -EROFS || err == -ENOMEM
				       ? err
				       : cut_chain(fs);
	}
	return 0;
}

static bool tail_ok(const struct ext4 *fs, const struct inode *inode,
		    const struct meta *meta)
{
	const char *end = (const char *)meta->data + fs->block_size;
	const struct ext4_orphan_tail *tail =
		(const void *)(end - sizeof(*tail));
	uint64_t block = meta->block;
	uint32_t crc;

	if (tail->magic != ORPHAN_MAGIC)
		return false;
	if (!ext4_has_csum(fs))
		return true;
	crc = crc32c(ext4_of(inode)->seed, &block, 8);
	crc = crc32c(crc, meta->data, fs->block_size - sizeof(*tail));
	return crc == tail->checksum;
}

static int clean_number(struct ext4 *fs, uint32_t ino)
{
	struct inode *inode;
	int err;

	if (!ino_ok(fs, ino))
		return -EUCLEAN;
	err = ext4_inode_get(fs, ino, &inode);
	if (err)
		return err == -ESTALE ? 0 : err;
	err = clean_one(fs, inode);
	inode_put(inode);
	ext4_evict_doomed(fs);
	return !err && !list_empty(&fs->kept) ? -EIO : err;
}

static int store_number(struct ext4 *fs, const struct inode *inode,
			struct meta *meta, uint32_t *slot)
{
	struct ext4_orphan_tail *tail =
		(void *)((char *)meta->data + fs->block_size - sizeof(*tail));
	uint64_t block = meta->block;
	struct handle handle;
	int err;

	err = journal_start(fs, &handle, 1);
	if (err)
		return err;
	err = journal_modify(&handle, meta, META_PLAIN, 0);
	if (!err) {
		*slot = 0;
		tail->checksum = crc32c(ext4_of(inode)->seed, &block, 8);
		tail->checksum = crc32c(tail->checksum, meta->data,
					fs->block_size - sizeof(*tail));
	}
	journal_stop(&handle);
	return err;
}

/* One block of the orphan file: each number that is not 0. */
static int clean_file_block(struct ext4 *fs, struct inode *file, uint32_t lblk,
			    unsigned int *count)
{
	struct ext4_map map;
	struct meta *meta;
	uint32_t *numbers;
	int err;

	err = ext4_map(file, lblk, 1, &map);
	if (!err && !(map.flags & MAP_MAPPED))
		err = -EUCLEAN;
	if (!err)
		err = meta_read(&fs->cache, map.block, &meta);
	if (err)
		return err;
	numbers = meta->data;
	if (!tail_ok(fs, file, meta))
		err = -EUCLEAN;
	for (uint32_t i = 0; !err && i < fs->block_size / 4 - 2; i++) {
		if (!numbers[i])
			continue;
		err = clean_number(fs, numbers[i]);
		if (!err)
			err = store_number(fs, file, meta, &numbers[i]);
		++*count;
	}
	meta_put(&fs->cache, meta);
	return err;
}

static int clean_file(struct ext4 *fs, unsigned int *count)
{
	uint64_t blocks;
	struct handle handle;
	struct inode *file;
	int err;

	err = ext4_inode_get(fs, fs->super->orphan_file_inum, &file);
	if (err)
		return err;
	blocks = ext4_of(file)->disk_size >> fs->block_bits;
	for (uint32_t i = 0; !err && i < blocks; i++)
		err = clean_file_block(fs, file, i, count);
	inode_put(file);
	if (!err)
		err = journal_start(fs, &handle, 1);
	if (err)
		return err;
	err = journal_modify(&handle, fs->super_meta, META_SUPER, 0);
	if (!err)
		fs->super->ro_compat &= ~RO_ORPHAN_PRESENT;
	journal_stop(&handle);
	return err;
}

int ext4_orphan_cleanup(struct ext4 *fs)
{
	unsigned int count = 0;
	int err = 0;

	if (ext4_is_read_only(fs))
		return 0;
	if (fs->super->compat & COMPAT_ORPHAN_FILE &&
	    fs->super->ro_compat & RO_ORPHAN_PRESENT)
		err = clean_file(fs, &count);
	if (!err)
		err = clean_chain(fs, &count);
	if (count)
		log_info("ext4: %s: cleaned up %u orphans", fs->name, count);
	return err;
}
