/* SPDX-License-Identifier: MIT */
/*
 * dir.c - entries of directories
 *
 * Idea: a directory is a row of entries of 32 bytes, ended by one that begins
 * with 0. Those of long names come before the entry they belong to, the last
 * part first, each with a checksum of the short name; when anything about them
 * does not fit, there is no long name.
 *
 * Locks: fs->lock, and the directory's inode by vfs/.
 * Source: "Microsoft FAT Specification", "Directory Structure".
 */
#include "kernel/fs/fat/internal.h"

#include "kernel/mm/slab.h"
#include "kernel/time/clock.h"

#define MAX_SLOTS 20u
#define MAX_TRIES 2000u

/* ---- Walking over entries ---- */

/* Holds on to the sector it is in. */
struct cursor {
	struct inode *dir;
	struct buffer *buffer;
	uint64_t sector;
};

static void cursor_end(struct cursor *cursor)
{
	buffer_put(cursor->buffer);
	cursor->buffer = NULL;
}

static bool is_fixed_root(const struct inode *dir)
{
	return !fat_node(dir)->start && fat_of(dir)->bits != 32;
}

/* The sector that byte @at of @dir is in. 0; -ENOENT: past its end. */
static int sector_at(struct inode *dir, uint32_t at, uint64_t *sector)
	MUST_HOLD(fat_of(dir)->lock)
{
	const struct fat *fs = fat_of(dir);
	uint32_t cluster;
	int err;

	if (at >= FAT_MAX_DIR)
		return -ENOENT;
	if (is_fixed_root(dir)) {
		*sector = fs->root_start + (at >> fs->sector_bits);
		return at >> fs->sector_bits < fs->root_sectors ? 0 : -ENOENT;
	}
	err = fat_map(dir, at >> fs->cluster_bits, &cluster);
	if (err)
		return err;
	*sector = fat_sector_of(fs, cluster) +
		  ((at & (fat_cluster_size(fs) - 1)) >> fs->sector_bits);
	return 0;
}

/* Entry number @index, in memory as long as the cursor stays. */
static int entry_in(struct cursor *cursor, uint32_t index,
		    struct fat_entry **entry)
	MUST_HOLD(fat_of(cursor->dir)->lock)
{
	const struct fat *fs = fat_of(cursor->dir);
	uint32_t at = index * FAT_ENTRY_SIZE;
	uint64_t sector;
	int err;

	err = sector_at(cursor->dir, at, &sector);
	if (err)
		return err;
	if (!cursor->buffer || cursor->sector != sector) {
		cursor_end(cursor);
		err = buffer_read(fs->bdev, sector, &cursor->buffer);
		if (err)
			return err;
		cursor->sector = sector;
	}
	*entry = (void *)((char *)cursor->buffer->data +
			  (at & ((1u << fs->sector_bits) - 1)));
	return 0;
}

static uint64_t place_of(const struct cursor *cursor,
			 const struct fat_entry *entry)
{
	const struct fat *fs = fat_of(cursor->dir);
	size_t offset = (size_t)((const char *)entry -
				 (const char *)cursor->buffer->data);

	return ((cursor->sector << fs->sector_bits) + offset) / FAT_ENTRY_SIZE;
}

/* A long name being put together. */
struct long_name {
	unsigned int slots; /* 0: there is none */
	unsigned int next;  /* number of the slot that must come now */
	uint8_t checksum;
	uint16_t text[MAX_SLOTS * FAT_SLOT_CHARS];
};

static void take_slot(struct long_name *name, const struct fat_slot *slot)
{
	unsigned int number = slot->number & ~FAT_SLOT_LAST;
	uint16_t *to;

	if (slot->number & FAT_SLOT_LAST) {
		name->slots = name->next = number;
		name->checksum = slot->checksum;
	}
	if (!number || number > MAX_SLOTS || number != name->next ||
	    slot->checksum != name->checksum) {
		name->slots = 0;
		name->next = 0;
		return;
	}
	name->next--;
	to = name->text + (size_t)name->next * FAT_SLOT_CHARS;
	for (unsigned int i = 0; i < 5; i++)
		to[i] = slot->name0_4[i];
	for (unsigned int i = 0; i < 6; i++)
		to[5 + i] = slot->name5_10[i];
	for (unsigned int i = 0; i < 2; i++)
		to[11 + i] = slot->name11_12[i];
}

/* Is there a whole long name that belongs to @entry? Its length, or 0. */
static unsigned int long_length(const struct long_name *name,
				const struct fat_entry *entry)
{
	unsigned int len = 0;

	if (!name->slots || name->next ||
	    name->checksum != fat_checksum(entry->name))
		return 0;
	while (len < name->slots * FAT_SLOT_CHARS && name->text[len])
		len++;
	return len <= FAT_NAME_MAX ? len : 0;
}

static bool is_dots(const struct fat_entry *entry)
{
	return !memcmp(entry->name, ".          ", 11) ||
	       !memcmp(entry->name, "..         ", 11);
}

static void fill_found(struct fat_found *found, const struct cursor *cursor,
		       uint32_t index, const struct fat_entry *entry,
		       const struct long_name *name, char *text, size_t *len)
{
	unsigned int long_len = long_length(name, entry);

	found->entry = *entry;
	found->index = index;
	found->slots = long_len ? name->slots : 0;
	found->place = place_of(cursor, entry);
	*len = long_len ? fat_long_to_text(name->text, long_len, text)
			: fat_short_to_text(entry, text);
}

/* fat_next_entry() with a cursor. */
static int next_entry(struct cursor *cursor, uint32_t *index,
		      struct fat_found *found, char *text, size_t *len)
	MUST_HOLD(fat_of(cursor->dir)->lock)
{
	struct long_name name;
	struct fat_entry *entry;
	int err;

	name.slots = name.next = 0;
	for (;;) {
		err = entry_in(cursor, *index, &entry);
		if (!err && !entry->name[0])
			err = -ENOENT;
		if (err)
			return err;
		++*index;
		if ((unsigned char)entry->name[0] != FAT_FREE &&
		    entry->attr == FAT_ATTR_LONG) {
			take_slot(&name,
				  (const struct fat_slot *)(void *)entry);
			continue;
		}
		if ((unsigned char)entry->name[0] != FAT_FREE &&
		    !(entry->attr & FAT_ATTR_VOLUME) && !is_dots(entry))
			break;
		name.slots = 0;
	}
	fill_found(found, cursor, *index - 1, entry, &name, text, len);
	return 0;
}

int fat_next_entry(struct inode *dir, uint32_t *index, struct fat_found *found,
		   char *text, size_t *len)
{
	struct cursor cursor = { .dir = dir };
	int err = next_entry(&cursor, index, found, text, len);

	cursor_end(&cursor);
	return err;
}

int fat_find(struct inode *dir, const char *name, size_t len,
	     struct fat_found *found)
{
	struct cursor cursor = { .dir = dir };
	char *text = kmalloc(FAT_NAME_BYTES);
	uint32_t index = 0;
	size_t text_len;
	int err = text ? 0 : -ENOMEM;

	while (len && name[len - 1] == '.')
		len--;
	while (!err) {
		err = next_entry(&cursor, &index, found, text, &text_len);
		if (err || fat_same_name(text, text_len, name, len))
			break;
		if (!found->slots)
			continue;
		text_len = fat_short_to_text(&found->entry, text);
		if (fat_same_name(text, text_len, name, len))
			break;
	}
	cursor_end(&cursor);
	kfree(text);
	return err;
}

int fat_is_empty(struct inode *dir)
{
	char *text = kmalloc(FAT_NAME_BYTES);
	struct fat_found found;
	uint32_t index = 0;
	size_t len;
	int err;

	if (!text)
		return -ENOMEM;
	err = fat_next_entry(dir, &index, &found, text, &len);
	kfree(text);
	if (!err)
		return -ENOTEMPTY;
	return err == -ENOENT ? 0 : err;
}

int fat_count_dirs(struct inode *dir, uint32_t *count)
{
	struct cursor cursor = { .dir = dir };
	char *text = kmalloc(FAT_NAME_BYTES);
	struct fat_found found;
	uint32_t index = 0;
	size_t len;
	int err = text ? 0 : -ENOMEM;

	*count = 0;
	while (!err) {
		err = next_entry(&cursor, &index, &found, text, &len);
		if (!err && found.entry.attr & FAT_ATTR_DIR)
			++*count;
	}
	cursor_end(&cursor);
	kfree(text);
	return err == -ENOENT ? 0 : err;
}

/* ---- Adding ---- */

/* Does the directory have the short name? 0: no; -EEXIST, -EIO. */
static int check_short(struct inode *dir, const char shortname[11])
	MUST_HOLD(fat_of(dir)->lock)
{
	struct cursor cursor = { .dir = dir };
	struct fat_entry *entry;
	int err = 0;

	for (uint32_t i = 0; !err; i++) {
		err = entry_in(&cursor, i, &entry);
		if (err)
			break;
		if (!entry->name[0])
			break;
		if (entry->attr != FAT_ATTR_LONG &&
		    !(entry->attr & FAT_ATTR_VOLUME) &&
		    !memcmp(entry->name, shortname, 11))
			err = -EEXIST;
	}
	cursor_end(&cursor);
	return err == -ENOENT ? 0 : err;
}

static int choose_short(struct inode *dir, struct fat_name *name, bool *exact)
	MUST_HOLD(fat_of(dir)->lock)
{
	for (unsigned int try = 0; try < MAX_TRIES; try++) {
		int err;

		if (!fat_short_name(name, try, exact))
			continue;
		if ((unsigned char)name->shortname[0] == FAT_FREE)
			name->shortname[0] = FAT_IS_E5;
		err = check_short(dir, name->shortname);
		if (err != -EEXIST)
			return err;
	}
	return -ENOSPC;
}

/* Write a cluster at once, cleared but for @data at its beginning: what is to
 * lead to it may come to the disk any time later. */
static int write_cluster(struct fat *fs, uint32_t cluster, const void *data,
			 size_t size) MUST_HOLD(fs->lock)
{
	unsigned int count = 1u << (fs->cluster_bits - fs->sector_bits);
	uint64_t sector = fat_sector_of(fs, cluster);

	for (unsigned int i = 0; i < count; i++) {
		struct buffer *buffer;
		int err = buffer_get(fs->bdev, sector + i, &buffer);

		if (err)
			return err;
		buffer_wait(buffer);
		memset(buffer->data, 0, buffer->size);
		if (i == 0 && size)
			memcpy(buffer->data, data, size);
		err = fat_write_now(buffer);
		buffer_put(buffer);
		if (err)
			return err;
	}
	fs->unflushed = true;
	return 0;
}

static int grow_directory(struct inode *dir) MUST_HOLD(fat_of(dir)->lock)
{
	struct fat_node *node = fat_node(dir);
	struct fat *fs = fat_of(dir);
	int err;

	if (is_fixed_root(dir))
		return -ENOSPC;
	err = fat_count_clusters(dir);
	if (err)
		return err;
	if ((uint64_t)(node->num_clusters + 1) << fs->cluster_bits >
	    FAT_MAX_DIR)
		return -ENOSPC;
	err = fat_grow(dir, node->num_clusters + 1);
	if (!err)
		err = write_cluster(fs, node->last, NULL, 0);
	if (!err)
		dir->cache.size_bytes = (uint64_t)node->num_clusters
					<< fs->cluster_bits;
	return err;
}

/* The first of @count free entries in a row; the directory grows if need be. */
static int find_room(struct inode *dir, uint32_t count, uint32_t *first)
	MUST_HOLD(fat_of(dir)->lock)
{
	struct cursor cursor = { .dir = dir };
	struct fat_entry *entry;
	uint32_t run = 0, i = 0;
	bool ended = false;
	int err = 0;

	while (!err && run < count) {
		err = entry_in(&cursor, i, &entry);
		if (err == -ENOENT) {
			err = grow_directory(dir);
			ended = true;
			continue;
		}
		if (err)
			break;
		ended = ended || !entry->name[0];
		if (ended || (unsigned char)entry->name[0] == FAT_FREE)
			run++;
		else
			run = 0;
		i++;
	}
	cursor_end(&cursor);
	*first = i - count;
	return err;
}

static void fill_slot(const struct fat_name *name, unsigned int number,
		      bool last, struct fat_slot *slot)
{
	unsigned int from = (number - 1) * FAT_SLOT_CHARS;
	uint16_t text[FAT_SLOT_CHARS];

	for (unsigned int i = 0; i < FAT_SLOT_CHARS; i++) {
		if (from + i < name->len)
			text[i] = name->text[from + i];
		else
			text[i] = from + i == name->len ? 0 : 0xffff;
	}
	memset(slot, 0, sizeof(*slot));
	slot->number = (uint8_t)(number | (last ? FAT_SLOT_LAST : 0));
	slot->attr = FAT_ATTR_LONG;
	slot->checksum = fat_checksum(name->shortname);
	for (unsigned int i = 0; i < 5; i++)
		slot->name0_4[i] = text[i];
	for (unsigned int i = 0; i < 6; i++)
		slot->name5_10[i] = text[5 + i];
	for (unsigned int i = 0; i < 2; i++)
		slot->name11_12[i] = text[11 + i];
}

/* Entries @first.. are @slots of the name, then @found->entry. */
static int write_entries(struct inode *dir, const struct fat_name *name,
			 uint32_t first, uint32_t slots,
			 struct fat_found *found) MUST_HOLD(fat_of(dir)->lock)
{
	struct cursor cursor = { .dir = dir };
	struct fat_entry *entry;
	int err = 0;

	for (uint32_t i = 0; !err && i <= slots; i++) {
		err = entry_in(&cursor, first + i, &entry);
		if (err)
			break;
		if (i < slots)
			fill_slot(name, slots - i, i == 0,
				  (struct fat_slot *)(void *)entry);
		else
			*entry = found->entry;
		fat_dirty(fat_of(dir), cursor.buffer, false);
		found->place = place_of(&cursor, entry);
	}
	cursor_end(&cursor);
	return err == -ENOENT ? -EIO : err;
}

int fat_add_entry(struct inode *dir, struct fat_name *name,
		  struct fat_entry *entry, struct fat_found *found)
{
	uint32_t slots, first;
	bool exact;
	int err;

	if (fat_of(dir)->read_only)
		return -EROFS;
	err = choose_short(dir, name, &exact);
	if (err)
		return err;
	slots = exact ? 0 : DIV_ROUND_UP(name->len, FAT_SLOT_CHARS);
	err = find_room(dir, slots + 1, &first);
	if (err)
		return err;
	memcpy(entry->name, name->shortname, sizeof(entry->name));
	found->entry = *entry;
	found->slots = slots;
	found->index = first + slots;
	return write_entries(dir, name, first, slots, found);
}

int fat_remove_entry(struct inode *dir, const struct fat_found *found)
{
	struct cursor cursor = { .dir = dir };
	struct fat_entry *entry;
	int err = fat_of(dir)->read_only ? -EROFS : 0;

	for (uint32_t i = 0; !err && i <= found->slots; i++) {
		err = entry_in(&cursor, found->index - found->slots + i,
			       &entry);
		if (err)
			break;
		entry->name[0] = (char)FAT_FREE;
		fat_dirty(fat_of(dir), cursor.buffer, false);
	}
	cursor_end(&cursor);
	return err == -ENOENT ? -EIO : err;
}

int fat_entry_at(struct fat *fs, uint64_t place, struct buffer **buffer,
		 struct fat_entry **entry)
{
	uint64_t at = place * FAT_ENTRY_SIZE;
	int err = buffer_read(fs->bdev, at >> fs->sector_bits, buffer);

	if (err)
		return err;
	*entry = (void *)((char *)(*buffer)->data +
			  (at & ((1u << fs->sector_bits) - 1)));
	return 0;
}

/* ---- New directories ---- */

int fat_init_dir(struct fat *fs, struct fat_entry *entry, uint32_t parent)
{
	struct fat_entry dots[2];
	uint32_t cluster;
	int err;

	err = fat_allocate(fs, &cluster);
	if (err)
		return err;
	entry->attr = FAT_ATTR_DIR;
	fat_set_start(entry, cluster);
	dots[0] = dots[1] = *entry;
	memcpy(dots[0].name, ".          ", 11);
	memcpy(dots[1].name, "..         ", 11);
	fat_set_start(&dots[1], parent);
	err = write_cluster(fs, cluster, dots, sizeof(dots));
	if (err)
		fat_free_chain(fs, cluster);
	return err;
}

int fat_set_parent(struct inode *dir, uint32_t parent)
{
	struct cursor cursor = { .dir = dir };
	struct fat_entry *entry;
	int err = entry_in(&cursor, 1, &entry);

	if (!err && !memcmp(entry->name, "..         ", 11)) {
		fat_set_start(entry, parent);
		fat_dirty(fat_of(dir), cursor.buffer, false);
	}
	cursor_end(&cursor);
	return err == -ENOENT ? 0 : err;
}
