/* SPDX-License-Identifier: MIT */
/*
 * dir.c - directories: blocks full of names
 *
 * A block is a row of entries, each as long as its rec_len, from its first byte
 * to its last; a free one has inode number 0. Removing an entry gives its bytes
 * to the one before it. Large directories have a tree over their blocks
 * (dir_index.c), which one who walks over them from front to back need not know:
 * its nodes look like free entries. dir_read.c lists a directory.
 *
 * Every length is checked before it is followed.
 *
 * Locks: the directory's inode->lock.
 * Source: "Directory Entries" of the Linux kernel's ext4 documentation.
 */
#include "kernel/fs/ext4/internal.h"

/* file_type of an entry, by S_IFMT of the mode (shifted down). */
static const uint8_t type_of_mode[16] = {
	[S_IFREG >> 12] = 1, [S_IFDIR >> 12] = 2, [S_IFCHR >> 12] = 3,
	[S_IFBLK >> 12] = 4, [S_IFIFO >> 12] = 5, [S_IFSOCK >> 12] = 6,
	[S_IFLNK >> 12] = 7,
};

/* ---- Blocks ---- */

/* Bytes of a block that entries may have. */
unsigned int ext4_dir_room(const struct ext4 *fs)
{
	return fs->block_size -
	       (ext4_has_csum(fs)
			? (unsigned int)sizeof(struct ext4_dirent_tail)
			: 0);
}

void ext4_dir_init_tail(const struct ext4 *fs, void *block)
{
	struct ext4_dirent_tail *tail =
		(void *)((char *)block + ext4_dir_room(fs));

	if (!ext4_has_csum(fs))
		return;
	memset(tail, 0, sizeof(*tail));
	tail->rec_len = sizeof(*tail);
	tail->file_type = DIRENT_FT_CSUM;
}

bool ext4_dirent_ok(const struct ext4 *fs, const struct ext4_dirent *entry,
		    unsigned int at, unsigned int end)
{
	unsigned int len = entry->rec_len;

	return len >= ext4_dirent_size(1) && !(len & 3) && at + len <= end &&
	       (!entry->ino ||
		(entry->name_len && len >= ext4_dirent_size(entry->name_len) &&
		 entry->ino <= fs->inodes_count));
}

static struct ext4_dirent *entry_at(const struct meta *meta, unsigned int at)
{
	return (void *)((char *)meta->data + at);
}

/* In an indexed directory: is this block a part of the index? */
static bool is_index_block(const struct inode *dir, uint32_t lblk,
			   const struct meta *meta)
{
	const struct ext4_dirent *first = meta->data;

	if (!(ext4_of(dir)->flags & INODE_INDEX))
		return false;
	return lblk == 0 || (!first->ino && !first->name_len &&
			     first->rec_len == ext4_fs_of(dir)->block_size);
}

int ext4_dir_block(struct inode *dir, uint32_t lblk, struct meta **out)
{
	struct ext4 *fs = ext4_fs_of(dir);
	struct ext4_map map;
	enum meta_kind kind;
	int err;

	*out = NULL;
	err = ext4_map(dir, lblk, 1, &map);
	if (err)
		return err;
	if (!(map.flags & MAP_MAPPED) || map.flags & MAP_UNWRITTEN)
		return ext4_inode_error(dir, "a directory with holes");
	err = meta_read(&fs->cache, map.block, out);
	if (err)
		return err;
	kind = is_index_block(dir, lblk, *out) ? META_DIR_INDEX : META_DIR;
	if (meta_is_verified(*out, kind))
		return 0;
	if (!ext4_meta_checksum_ok(fs, *out, kind, ext4_of(dir)->seed)) {
		meta_put(&fs->cache, *out);
		*out = NULL;
		return ext4_inode_error(dir, "a wrong checksum in a block of "
					     "names");
	}
	meta_set_verified(&fs->cache, *out, kind);
	return 0;
}

int ext4_dir_append(struct handle *handle, struct inode *dir, uint32_t *lblk,
		    struct meta **out)
{
	struct ext4 *fs = ext4_fs_of(dir);
	struct ext4_inode *ei = ext4_of(dir);
	uint64_t block;
	int err;

	*lblk = ext4_dir_blocks(dir);
	if (*lblk >= UINT32_MAX >> fs->block_bits)
		return -ENOSPC; /* 4 GiB of names */
	err = ext4_block_new(handle, ext4_goal(dir, *lblk), &block);
	if (err)
		return err;
	err = meta_create(&fs->cache, block, out);
	if (err)
		return err;
	err = journal_modify(handle, *out, META_DIR, ei->seed);
	if (!err)
		err = ext4_map_set(handle, dir, *lblk, 1, block, false);
	if (err) {
		meta_put(&fs->cache, *out);
		return err;
	}
	meta_set_verified(&fs->cache, *out, META_DIR);
	ext4_add_blocks(dir, 1);
	ei->disk_size = ((uint64_t)*lblk + 1) << fs->block_bits;
	WRITE_ONCE(dir->cache.size_bytes, ei->disk_size);
	return ext4_inode_dirty(handle, dir);
}

/* ---- Finding ---- */

/* This is the longest part of many a path walk: of entries with other names
 * only that is checked which is needed to go on. */
int ext4_dir_find_in(struct ext4 *fs, struct meta *meta, const char *name,
		     size_t len, struct ext4_place *place)
{
	char *at = meta->data, *end = at + ext4_dir_room(fs);
	struct ext4_dirent *prev = NULL, *entry = NULL;
	size_t size = ext4_dirent_size(len), rec_len;
	size_t last = len - 1, other = len > 1 ? len - 2 : 0;

	for (; at + DIRENT_HEADER <= end; at += rec_len, prev = entry) {
		entry = (void *)at;
		rec_len = entry->rec_len;
		if (unlikely(rec_len & 3 || rec_len < ext4_dirent_size(1) ||
			     rec_len > (size_t)(end - at)))
			goto broken;
		/* Names often begin alike: compare the end first. */
		if (entry->name_len == len && rec_len >= size &&
		    entry->name[last] == name[last] &&
		    entry->name[other] == name[other] && entry->ino &&
		    memcmp(entry->name, name, len) == 0) {
			if (entry->ino > fs->inodes_count)
				goto broken;
			meta_hold(&fs->cache, meta);
			*place = (struct ext4_place){ meta, entry, prev };
			return 0;
		}
	}
	return -ENOENT;
broken:
	return ext4_error(fs, "a broken entry in block %lu",
			  (unsigned long)meta->block);
}

int ext4_dir_find(struct inode *dir, const char *name, size_t len,
		  struct ext4_place *place)
{
	struct ext4 *fs = ext4_fs_of(dir);
	uint32_t blocks = ext4_dir_blocks(dir);
	int err = -ENOENT;

	if (len > NAME_MAX)
		return -ENAMETOOLONG;
	if (ext4_of(dir)->flags & INODE_INDEX && !ext4_is_dot(name, len))
		return ext4_index_find(dir, name, len, place);
	/* ".." is in the first block, also of an indexed one: after 12 bytes,
	 * with a length that hides the index. */
	if (ext4_of(dir)->flags & INODE_INDEX)
		blocks = 1;
	for (uint32_t i = 0; err == -ENOENT && i < blocks; i++) {
		struct meta *meta;

		err = ext4_dir_block(dir, i, &meta);
		if (err)
			break;
		if (meta->kind == META_DIR_INDEX) {
			*place = (struct ext4_place){ meta, entry_at(meta, 12),
						      NULL };
			if (len == 1)
				place->entry = entry_at(meta, 0);
			return 0;
		}
		err = ext4_dir_find_in(fs, meta, name, len, place);
		meta_put(&fs->cache, meta);
	}
	return err;
}

/* ---- Adding ---- */

static void fill_entry(const struct ext4 *fs, struct ext4_dirent *entry,
		       unsigned int rec_len, const char *name, size_t len,
		       uint64_t ino, uint32_t mode)
{
	entry->ino = (uint32_t)ino;
	entry->rec_len = (uint16_t)rec_len;
	entry->name_len = (uint8_t)len;
	entry->file_type = fs->super->incompat & INCOMPAT_FILETYPE
				   ? type_of_mode[(mode & S_IFMT) >> 12]
				   : 0;
	memcpy(entry->name, name, len);
}

int ext4_dir_add_to(struct handle *handle, struct inode *dir, struct meta *meta,
		    const char *name, size_t len, uint64_t ino, uint32_t mode)
{
	struct ext4 *fs = ext4_fs_of(dir);
	unsigned int end = ext4_dir_room(fs), need = ext4_dirent_size(len);
	int err;

	for (unsigned int at = 0; at + DIRENT_HEADER <= end;) {
		struct ext4_dirent *entry = entry_at(meta, at);
		unsigned int used;

		if (!ext4_dirent_ok(fs, entry, at, end))
			return ext4_error(fs, "a broken entry in block %lu",
					  (unsigned long)meta->block);
		used = entry->ino ? ext4_dirent_size(entry->name_len) : 0;
		if (entry->rec_len - used < need) {
			at += entry->rec_len;
			continue;
		}
		err = journal_modify(handle, meta, META_DIR,
				     ext4_of(dir)->seed);
		if (err)
			return err;
		if (used) {
			unsigned int rest = entry->rec_len - used;

			entry->rec_len = (uint16_t)used;
			entry = entry_at(meta, at + used);
			entry->rec_len = (uint16_t)rest;
		}
		fill_entry(fs, entry, entry->rec_len, name, len, ino, mode);
		return 0;
	}
	return -ENOSPC;
}

/* A new block with this entry alone. */
static int add_in_new_block(struct handle *handle, struct inode *dir,
			    const char *name, size_t len, uint64_t ino,
			    uint32_t mode)
{
	struct ext4 *fs = ext4_fs_of(dir);
	struct meta *meta;
	uint32_t lblk;
	int err;

	err = ext4_dir_append(handle, dir, &lblk, &meta);
	if (err)
		return err;
	fill_entry(fs, meta->data, ext4_dir_room(fs), name, len, ino, mode);
	ext4_dir_init_tail(fs, meta->data);
	meta_put(&fs->cache, meta);
	ext4_of(dir)->dir_hint = lblk;
	return 0;
}

static int add_to_block(struct handle *handle, struct inode *dir, uint32_t lblk,
			const char *name, size_t len, uint64_t ino,
			uint32_t mode)
{
	struct ext4 *fs = ext4_fs_of(dir);
	struct meta *meta;
	int err;

	err = ext4_dir_block(dir, lblk, &meta);
	if (err)
		return err;
	err = ext4_dir_add_to(handle, dir, meta, name, len, ino, mode);
	if (err == -ENOSPC && ext4_dir_blocks(dir) == 1 &&
	    ext4_has_dir_index(fs)) {
		err = ext4_index_make(handle, dir, meta);
		if (!err)
			err = ext4_index_add(handle, dir, name, len, ino, mode);
	}
	meta_put(&fs->cache, meta);
	return err;
}

int ext4_dir_add(struct handle *handle, struct inode *dir, const char *name,
		 size_t len, uint64_t ino, uint32_t mode)
{
	uint32_t blocks = ext4_dir_blocks(dir), hint = ext4_of(dir)->dir_hint;
	int err = -ENOSPC;

	if (len > NAME_MAX)
		return -ENAMETOOLONG;
	if (ext4_of(dir)->flags & INODE_INDEX)
		return ext4_index_add(handle, dir, name, len, ino, mode);
	for (uint32_t i = 0; err == -ENOSPC && i < blocks; i++) {
		uint32_t lblk = (hint + i) % blocks;

		err = add_to_block(handle, dir, lblk, name, len, ino, mode);
		if (!err)
			ext4_of(dir)->dir_hint = lblk;
	}
	if (err == -ENOSPC && !(ext4_of(dir)->flags & INODE_INDEX))
		err = add_in_new_block(handle, dir, name, len, ino, mode);
	return err;
}

/* ---- Changing and removing ---- */

int ext4_dir_remove(struct handle *handle, struct inode *dir,
		    struct ext4_place *place)
{
	int err = journal_modify(handle, place->meta, META_DIR,
				 ext4_of(dir)->seed);

	if (err)
		return err;
	if (place->prev)
		place->prev->rec_len = (uint16_t)(place->prev->rec_len +
						  place->entry->rec_len);
	else
		place->entry->ino = 0;
	return 0;
}

int ext4_dir_set(struct handle *handle, struct inode *dir,
		 struct ext4_place *place, uint64_t ino, uint32_t mode)
{
	const struct ext4 *fs = ext4_fs_of(dir);
	int err = journal_modify(handle, place->meta, place->meta->kind,
				 ext4_of(dir)->seed);

	if (err)
		return err;
	place->entry->ino = (uint32_t)ino;
	if (fs->super->incompat & INCOMPAT_FILETYPE)
		place->entry->file_type = type_of_mode[(mode & S_IFMT) >> 12];
	return 0;
}

/* "." and ".." of a new directory, which has no block yet. */
int ext4_dir_make(struct handle *handle, struct inode *inode, uint64_t parent)
{
	struct ext4 *fs = ext4_fs_of(inode);
	struct meta *meta;
	uint32_t lblk;
	int err;

	err = ext4_dir_append(handle, inode, &lblk, &meta);
	if (err)
		return err;
	fill_entry(fs, entry_at(meta, 0), 12, ".", 1, inode->ino, S_IFDIR);
	fill_entry(fs, entry_at(meta, 12), ext4_dir_room(fs) - 12, "..", 2,
		   parent, S_IFDIR);
	ext4_dir_init_tail(fs, meta->data);
	meta_put(&fs->cache, meta);
	return 0;
}

int ext4_dir_set_parent(struct handle *handle, struct inode *inode,
			uint64_t parent)
{
	struct ext4_place place;
	int err;

	err = ext4_dir_find(inode, "..", 2, &place);
	if (err)
		return err == -ENOENT ? ext4_inode_error(inode, "no \"..\"")
				      : err;
	err = ext4_dir_set(handle, inode, &place, parent, S_IFDIR);
	meta_put(&ext4_fs_of(inode)->cache, place.meta);
	return err;
}
