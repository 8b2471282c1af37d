/* SPDX-License-Identifier: MIT */
/*
 * xattr.c - names and values attached to files
 *
 * They lie in two areas: behind the inode's fields in its slot, and in one block
 * that files with equal attributes may share. Entries grow from the front of an
 * area, values from its end. A change makes the area anew from what it should
 * hold: there are few.
 *
 * Access control lists are attributes that the disk keeps in a shorter form
 * (acl.c).
 *
 * Locks: inode->lock.
 * Source: "Extended Attributes" of the Linux kernel's ext4 documentation,
 * xattr(7).
 */
#include "kernel/fs/ext4/internal.h"

#include "kernel/fs/ext4/acl.h"
#include "kernel/mm/slab.h"

#include <linux/xattr.h>

/* ---- Names ---- */

static const struct prefix {
	const char *text;
	uint8_t index;
	bool whole; /* nothing follows */
} prefixes[] = {
	{ "user.", 1, false },
	{ "system.posix_acl_access", XATTR_ACL_ACCESS, true },
	{ "system.posix_acl_default", XATTR_ACL_DEFAULT, true },
	{ "trusted.", 4, false },
	{ "security.", 6, false },
};

/* What the disk calls @name. False: not supported. */
static bool split_name(const char *name, uint8_t *index, const char **rest)
{
	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
		const struct prefix *prefix = &prefixes[i];
		size_t len = strlen(prefix->text);

		if (!starts_with(name, prefix->text) ||
		    (prefix->whole ? name[len] != '\0' : name[len] == '\0'))
			continue;
		*index = prefix->index;
		*rest = name + len;
		return true;
	}
	return false;
}

static const char *prefix_of(uint8_t index)
{
	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
		if (prefixes[i].index == index)
			return prefixes[i].text;
	return NULL;
}

/* ---- Areas ---- */

struct area {
	struct meta *meta;              /* where it is; a reference */
	char *base;                     /* offsets of values count from here */
	struct ext4_xattr_entry *first; /* NULL: the area does not exist */
	char *end;
};

static bool is_last(const struct area *area, const struct ext4_xattr_entry *e)
{
	return (const char *)e + 4 > area->end || *(const uint32_t *)e == 0;
}

static size_t entry_size(size_t name_len)
{
	return ALIGN_UP(sizeof(struct ext4_xattr_entry) + name_len, (size_t)4);
}

static size_t value_space(size_t size)
{
	return ALIGN_UP(size, (size_t)4);
}

static struct ext4_xattr_entry *next_entry(struct ext4_xattr_entry *e)
{
	return (void *)((char *)e + entry_size(e->name_len));
}

static char *value_of(const struct area *area, const struct ext4_xattr_entry *e)
{
	return area->base + e->value_offset;
}

/* All of the area, before any of it is used. */
static bool area_ok(const struct area *area)
{
	struct ext4_xattr_entry *e = area->first;
	size_t room = (size_t)(area->end - area->base);

	for (; !is_last(area, e); e = next_entry(e)) {
		if ((char *)e + sizeof(*e) > area->end ||
		    (char *)e + entry_size(e->name_len) + 4 > area->end ||
		    e->value_inum)
			return false;
		if (e->value_size &&
		    (e->value_size > room || e->value_offset > room ||
		     e->value_size > room - e->value_offset))
			return false;
	}
	return (char *)e + 4 <= area->end;
}

static void area_put(const struct inode *inode, struct area *area)
{
	meta_put(&ext4_fs_of(inode)->cache, area->meta);
	area->meta = NULL;
}

/* The one in the inode. first is NULL if there is no room for any. @make: it
 * is going to be written. */
static int inode_area(struct inode *inode, bool make, struct area *area)
{
	struct ext4 *fs = ext4_fs_of(inode);
	struct ext4_disk_inode *raw;
	uint32_t *magic;
	size_t at;
	int err;

	memset(area, 0, sizeof(*area));
	at = EXT4_OLD_INODE + ext4_of(inode)->extra_isize;
	if (fs->inode_size == EXT4_OLD_INODE || !ext4_of(inode)->extra_isize ||
	    at + 8 > fs->inode_size)
		return 0;
	err = ext4_inode_slot(fs, inode->ino, &area->meta, &raw);
	if (err)
		return err;
	magic = (void *)((char *)raw + at);
	if (*magic != XATTR_MAGIC && !make)
		return 0;
	area->first = (void *)(magic + 1);
	area->base = (char *)area->first;
	area->end = (char *)raw + fs->inode_size;
	if (*magic != XATTR_MAGIC) {
		memset(magic, 0, (size_t)(area->end - (char *)magic));
	} else if (!area_ok(area)) {
		area_put(inode, area);
		return ext4_inode_error(inode, "broken attributes");
	}
	return 0;
}

static void block_area_of(const struct ext4 *fs, struct meta *meta,
			  struct area *area)
{
	area->meta = meta;
	area->base = meta->data;
	area->first = (void *)(area->base + sizeof(struct ext4_xattr_header));
	area->end = area->base + fs->block_size;
}

/* The one in the block, if the inode has one. */
static int block_area(struct inode *inode, struct area *area)
{
	struct ext4 *fs = ext4_fs_of(inode);
	const struct ext4_xattr_header *header;
	struct meta *meta;
	int err;

	memset(area, 0, sizeof(*area));
	if (!ext4_of(inode)->xattr_block)
		return 0;
	err = ext4_read_verified(fs, ext4_of(inode)->xattr_block, META_XATTR,
				 fs->seed, &meta);
	if (err)
		return err;
	header = meta->data;
	block_area_of(fs, meta, area);
	if (header->magic == XATTR_MAGIC && header->blocks == 1 &&
	    header->refcount && area_ok(area))
		return 0;
	area_put(inode, area);
	return ext4_inode_error(inode, "broken attributes");
}

static struct ext4_xattr_entry *find(const struct area *area, uint8_t index,
				     const char *name)
{
	size_t len = strlen(name);

	if (!area->first)
		return NULL;
	for (struct ext4_xattr_entry *e = area->first; !is_last(area, e);
	     e = next_entry(e))
		if (e->name_index == index && e->name_len == len &&
		    memcmp(e->name, name, len) == 0)
			return e;
	return NULL;
}

/* ---- Reading ---- */

static ssize_t read_from(const struct area *area, uint8_t index,
			 const char *name, void *value, size_t size)
{
	const struct ext4_xattr_entry *e = find(area, index, name);

	if (!e)
		return -ENODATA;
	if (!size)
		return (ssize_t)e->value_size;
	if (size < e->value_size)
		return -ERANGE;
	memcpy(value, value_of(area, e), e->value_size);
	return (ssize_t)e->value_size;
}

ssize_t ext4_xattr_read(struct inode *inode, uint8_t index, const char *name,
			void *value, size_t size)
{
	struct area area;
	ssize_t done;
	int err;

	err = inode_area(inode, false, &area);
	if (err)
		return err;
	done = read_from(&area, index, name, value, size);
	area_put(inode, &area);
	if (done != -ENODATA)
		return done;
	err = block_area(inode, &area);
	if (err)
		return err;
	done = read_from(&area, index, name, value, size);
	area_put(inode, &area);
	return done;
}

ssize_t ext4_get_xattr(struct inode *inode, const char *name, void *value,
		       size_t size)
{
	const char *rest;
	uint8_t index;

	if (!split_name(name, &index, &rest))
		return -EOPNOTSUPP;
	if (index == XATTR_ACL_ACCESS || index == XATTR_ACL_DEFAULT)
		return ext4_acl_get(inode, index, value, size);
	return ext4_xattr_read(inode, index, rest, value, size);
}

static ssize_t list_area(const struct area *area, char *list, size_t size,
			 size_t done)
{
	if (!area->first)
		return (ssize_t)done;
	for (struct ext4_xattr_entry *e = area->first; !is_last(area, e);
	     e = next_entry(e)) {
		const char *prefix = prefix_of(e->name_index);
		size_t len;

		if (!prefix)
			continue;
		len = strlen(prefix) + e->name_len + 1;
		if (size) {
			if (size - done < len)
				return -ERANGE;
			memcpy(list + done, prefix, strlen(prefix));
			memcpy(list + done + strlen(prefix), e->name,
			       e->name_len);
			list[done + len - 1] = '\0';
		}
		done += len;
	}
	return (ssize_t)done;
}

ssize_t ext4_list_xattr(struct inode *inode, char *list, size_t size)
{
	struct area area;
	ssize_t done;
	int err;

	err = inode_area(inode, false, &area);
	if (err)
		return err;
	done = list_area(&area, list, size, 0);
	area_put(inode, &area);
	if (done < 0)
		return done;
	err = block_area(inode, &area);
	if (err)
		return err;
	done = list_area(&area, list, size, (size_t)done);
	area_put(inode, &area);
	return done;
}

/* ---- Making an area ---- */

/* What is to be set; value NULL: to be removed. */
struct change {
	const char *name;
	const void *value;
	size_t size;
	uint8_t index;
};

static uint32_t entry_hash(const struct ext4_xattr_entry *e, const char *value)
{
	uint32_t hash = 0;

	for (unsigned int i = 0; i < e->name_len; i++)
		hash = hash << 5 ^ hash >> 27 ^ (uint8_t)e->name[i];
	for (uint32_t i = 0; i < e->value_size; i += 4) {
		uint32_t word = 0;

		memcpy(&word, value + i, MIN(4u, e->value_size - i));
		hash = hash << 16 ^ hash >> 16 ^ word;
	}
	return hash;
}

/* The order of entries in a block. */
static int compare(const struct ext4_xattr_entry *e, uint8_t index,
		   const char *name, size_t len)
{
	if (e->name_index != index)
		return e->name_index < index ? -1 : 1;
	if (e->name_len != len)
		return e->name_len < len ? -1 : 1;
	return memcmp(e->name, name, len);
}

/* Is there room for all of @area with @change? */
static bool fits(const struct area *area, const struct change *change,
		 bool with_new)
{
	size_t used = 4, room = (size_t)(area->end - (char *)area->first);

	for (struct ext4_xattr_entry *e = area->first; !is_last(area, e);
	     e = next_entry(e))
		if (compare(e, change->index, change->name,
			    strlen(change->name)))
			used += entry_size(e->name_len) +
				value_space(e->value_size);
	if (with_new)
		used += entry_size(strlen(change->name)) +
			value_space(change->size);
	return used <= room;
}

/* An area being made, in memory of its own. */
struct making {
	char *copy;                /* of all from area->base on */
	size_t entry_at, value_at; /* offsets from base */
};

static void put_entry(struct making *making, uint8_t index, const char *name,
		      size_t len, const char *value, size_t size)
{
	struct ext4_xattr_entry *e = (void *)(making->copy + making->entry_at);

	memset(e, 0, entry_size(len));
	e->name_index = index;
	e->name_len = (uint8_t)len;
	e->value_size = (uint32_t)size;
	memcpy(e->name, name, len);
	if (size) {
		making->value_at -= value_space(size);
		e->value_offset = (uint16_t)making->value_at;
		memset(making->copy + making->value_at, 0, value_space(size));
		memcpy(making->copy + making->value_at, value, size);
	}
	e->hash = entry_hash(e, value);
	making->entry_at += entry_size(len);
}

static void put_change(struct making *making, const struct change *change)
{
	put_entry(making, change->index, change->name, strlen(change->name),
		  change->value, change->size);
}

/* @area with @change: the new entry where it belongs in the order. */
static int rebuild(struct area *area, const struct change *change,
		   bool with_new)
{
	size_t size = (size_t)(area->end - area->base);
	size_t header = (size_t)((char *)area->first - area->base);
	size_t len = strlen(change->name);
	struct making making = { kzalloc(size), header, size };

	if (!making.copy)
		return -ENOMEM;
	memcpy(making.copy, area->base, header);
	for (struct ext4_xattr_entry *e = area->first; !is_last(area, e);
	     e = next_entry(e)) {
		int order = compare(e, change->index, change->name, len);

		if (order > 0 && with_new) {
			put_change(&making, change);
			with_new = false;
		}
		if (order)
			put_entry(&making, e->name_index, e->name, e->name_len,
				  value_of(area, e), e->value_size);
	}
	if (with_new)
		put_change(&making, change);
	memcpy(area->base, making.copy, size);
	kfree(making.copy);
	return 0;
}

/* ---- The block ---- */

static void set_block_hash(struct area *area)
{
	struct ext4_xattr_header *header = (void *)area->base;
	uint32_t hash = 0;

	for (struct ext4_xattr_entry *e = area->first; !is_last(area, e);
	     e = next_entry(e))
		hash = hash << 16 ^ hash >> 16 ^ e->hash;
	header->hash = hash;
}

static int new_block(struct handle *handle, struct inode *inode,
		     struct area *area)
{
	struct ext4 *fs = ext4_fs_of(inode);
	struct ext4_xattr_header *header;
	struct meta *meta;
	uint64_t block;
	int err;

	err = ext4_block_new(
		handle, ext4_group_start(fs, ext4_of(inode)->group), &block);
	if (!err)
		err = meta_create(&fs->cache, block, &meta);
	if (err)
		return err;
	err = journal_modify(handle, meta, META_XATTR, fs->seed);
	if (err) {
		meta_put(&fs->cache, meta);
		return err;
	}
	meta_set_verified(&fs->cache, meta, META_XATTR);
	header = meta->data;
	header->magic = XATTR_MAGIC;
	header->refcount = 1;
	header->blocks = 1;
	block_area_of(fs, meta, area);
	ext4_of(inode)->xattr_block = block;
	ext4_add_blocks(inode, 1);
	return 0;
}

/* One user less; the last one frees it. */
static int release_block(struct handle *handle, struct inode *inode,
			 struct meta *meta)
{
	struct ext4 *fs = ext4_fs_of(inode);
	struct ext4_xattr_header *header = meta->data;
	int err;

	err = ext4_blocks_prepare_free(fs, meta->block);
	if (err)
		return err;
	ext4_of(inode)->xattr_block = 0;
	ext4_add_blocks(inode, -1);
	if (header->refcount > 1) {
		err = journal_modify(handle, meta, META_XATTR, fs->seed);
		if (!err)
			header->refcount--;
		return err;
	}
	return ext4_blocks_free(handle, meta->block, 1, true);
}

int ext4_xattr_free_block(struct handle *handle, struct inode *inode)
{
	struct area area;
	int err;

	err = block_area(inode, &area);
	if (err || !area.meta)
		return err;
	err = release_block(handle, inode, area.meta);
	area_put(inode, &area);
	return err;
}

/* A block of one's own with the same contents. */
static int unshare(struct handle *handle, struct inode *inode,
		   struct area *area)
{
	struct ext4 *fs = ext4_fs_of(inode);
	struct area own;
	int err;

	if (((struct ext4_xattr_header *)(void *)area->base)->refcount == 1)
		return journal_modify(handle, area->meta, META_XATTR, fs->seed);
	err = release_block(handle, inode, area->meta);
	if (!err)
		err = new_block(handle, inode, &own);
	if (err)
		return err;
	memcpy(own.first, area->first,
	       (size_t)(area->end - (char *)area->first));
	area_put(inode, area);
	*area = own;
	return 0;
}

/* @change in the block; without @with_new only the old entry goes. */
static int change_block(struct handle *handle, struct inode *inode,
			struct area *area, const struct change *change,
			bool with_new)
{
	int err = 0;

	if (!area->meta)
		err = new_block(handle, inode, area);
	else
		err = unshare(handle, inode, area);
	if (!err)
		err = rebuild(area, change, with_new);
	if (err)
		return err;
	if (is_last(area, area->first))
		return release_block(handle, inode, area->meta);
	set_block_hash(area);
	return 0;
}

static int change_inode(struct handle *handle, struct area *area,
			const struct change *change, bool with_new)
{
	uint32_t *magic = (uint32_t *)(void *)area->first - 1;
	int err;

	err = journal_modify(handle, area->meta, META_PLAIN, 0);
	if (!err)
		err = rebuild(area, change, with_new);
	if (!err)
		*magic = XATTR_MAGIC;
	return err;
}

/* An empty block would do? */
static bool fits_new_block(const struct ext4 *fs, const struct change *change)
{
	return sizeof(struct ext4_xattr_header) + 4 +
		       entry_size(strlen(change->name)) +
		       value_space(change->size) <=
	       fs->block_size;
}

/* Into the inode if there is room, else into the block; out of the other. */
static int apply(struct handle *handle, struct inode *inode,
		 const struct change *change, struct area *in_inode,
		 struct area *in_block)
{
	const struct ext4 *fs = ext4_fs_of(inode);
	bool was_in_inode = find(in_inode, change->index, change->name);
	bool was_in_block = find(in_block, change->index, change->name);
	bool inode_new = false, block_new = false;
	int err = 0;

	if (change->value) {
		inode_new = in_inode->first && fits(in_inode, change, true);
		block_new = !inode_new &&
			    (in_block->first ? fits(in_block, change, true)
					     : fits_new_block(fs, change));
		if (!inode_new && !block_new)
			return -ENOSPC;
	}
	if (was_in_inode || inode_new)
		err = change_inode(handle, in_inode, change, inode_new);
	if (!err && (was_in_block || block_new))
		err = change_block(handle, inode, in_block, change, block_new);
	return err;
}

int ext4_xattr_write(struct handle *handle, struct inode *inode, uint8_t index,
		     const char *name, const void *value, size_t size,
		     int flags)
{
	struct change change = { name, value, size, index };
	struct area in_inode, in_block;
	bool exists;
	int err;

	if (strlen(name) > 255)
		return -ERANGE;
	err = inode_area(inode, value, &in_inode);
	if (err)
		return err;
	err = block_area(inode, &in_block);
	if (err)
		goto put_inode;
	exists = find(&in_inode, index, name) || find(&in_block, index, name);
	if (exists && flags & XATTR_CREATE)
		err = -EEXIST;
	else if (!exists && (flags & XATTR_REPLACE || !value))
		err = -ENODATA;
	else
		err = apply(handle, inode, &change, &in_inode, &in_block);
	if (!err) {
		inode_touch_ctime(inode);
		err = ext4_inode_dirty(handle, inode);
	}
	area_put(inode, &in_block);
put_inode:
	area_put(inode, &in_inode);
	return err;
}

static int set_once(struct inode *inode, uint8_t index, const char *name,
		    const void *value, size_t size, int flags)
{
	struct handle handle;
	int err;

	err = journal_start(ext4_fs_of(inode), &handle,
			    CREDITS_XATTR + CREDITS_INODE + 1);
	if (err)
		return err;
	if (index == XATTR_ACL_ACCESS || index == XATTR_ACL_DEFAULT)
		err = ext4_acl_set(&handle, inode, index, value, size);
	else
		err = ext4_xattr_write(&handle, inode, index, name, value, size,
				       flags);
	journal_stop(&handle);
	return err;
}

int ext4_set_xattr(struct inode *inode, const char *name, const void *value,
		   size_t size, int flags)
{
	unsigned int tries = 0;
	const char *rest;
	uint8_t index;
	int err;

	if (!split_name(name, &index, &rest))
		return -EOPNOTSUPP;
	do
		err = set_once(inode, index, rest, value, size, flags);
	while (ext4_retry_space(ext4_fs_of(inode), err, &tries));
	return err;
}
