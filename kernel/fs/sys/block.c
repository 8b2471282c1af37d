/* SPDX-License-Identifier: MIT */
/*
 * block.c - disks and partitions in /sys, as lsblk, blkid and fdisk want them
 *
 * Idea: devices come and go, so nothing of this is kept: a path says which
 * device and which attribute is meant, and is taken apart anew each time.
 *
 *	devices/virtual/block/vda/         a disk: size, ro, queue/...
 *	devices/virtual/block/vda/vda1/    a partition: start, size, ...
 *	block/vda  class/block/vda1  dev/block/254:1     links to these
 *
 * Where on which bus a disk is, is not told: all are in "virtual".
 *
 * Locks: none; a device is held while it is looked at.
 * Source: Linux, Documentation/ABI/stable/sysfs-block; sysfs(5).
 */
#include "kernel/abi/errno.h"
#include "kernel/abi/fcntl.h"
#include "kernel/abi/fs.h"
#include "kernel/block/block.h"
#include "kernel/block/queue.h"
#include "kernel/fs/sys/internal.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "kernel/vfs/device.h"
#include "kernel/vfs/loop.h"

#define HOME "devices/virtual/block"

/* ---- Attributes ---------------------------------------------------------------- */

/* Which devices have it. */
#define OF_DISK 1u
#define OF_PART 2u
#define OF_LOOP 4u /* one that has a file */
#define OF_BOTH (OF_DISK | OF_PART)

enum value {
	ZERO,
	DEV,
	SIZE,
	START,
	READ_ONLY,
	PARTITION,
	RANGE,
	EVENT,
	STATISTICS,
	IN_FLIGHT,
	SEQUENCE,
	LOGICAL,
	PHYSICAL,
	MAX_KB,
	MAX_SEGMENTS,
	AHEAD_KB,
	REQUESTS,
	CACHE,
	DISCARD_SIZE,
	DISCARD_MAX,
	ZEROES_MAX,
	ONE,
	NONE,
	LOOP_FILE,
	LOOP_NUMBER
};

struct attribute {
	const char *name;
	unsigned int of;
	enum value value;
};

static const struct attribute attributes[] = {
	{ "alignment_offset", OF_BOTH, ZERO },
	{ "capability", OF_DISK, ZERO },
	{ "dev", OF_BOTH, DEV },
	{ "discard_alignment", OF_BOTH, ZERO },
	{ "diskseq", OF_DISK, SEQUENCE },
	{ "ext_range", OF_DISK, RANGE },
	{ "hidden", OF_DISK, ZERO },
	{ "inflight", OF_BOTH, IN_FLIGHT },
	{ "loop/autoclear", OF_LOOP, LOOP_NUMBER },
	{ "loop/backing_file", OF_LOOP, LOOP_FILE },
	{ "loop/dio", OF_LOOP, ZERO },
	{ "loop/offset", OF_LOOP, LOOP_NUMBER },
	{ "loop/partscan", OF_LOOP, LOOP_NUMBER },
	{ "loop/sizelimit", OF_LOOP, LOOP_NUMBER },
	{ "partition", OF_PART, PARTITION },
	{ "queue/dax", OF_DISK, ZERO },
	{ "queue/discard_granularity", OF_DISK, DISCARD_SIZE },
	{ "queue/discard_max_bytes", OF_DISK, DISCARD_MAX },
	{ "queue/discard_max_hw_bytes", OF_DISK, DISCARD_MAX },
	{ "queue/discard_zeroes_data", OF_DISK, ZERO },
	{ "queue/hw_sector_size", OF_DISK, LOGICAL },
	{ "queue/iostats", OF_DISK, ONE },
	{ "queue/logical_block_size", OF_DISK, LOGICAL },
	{ "queue/max_hw_sectors_kb", OF_DISK, MAX_KB },
	{ "queue/max_sectors_kb", OF_DISK, MAX_KB },
	{ "queue/max_segments", OF_DISK, MAX_SEGMENTS },
	{ "queue/minimum_io_size", OF_DISK, PHYSICAL },
	{ "queue/nr_requests", OF_DISK, REQUESTS },
	{ "queue/optimal_io_size", OF_DISK, ZERO },
	{ "queue/physical_block_size", OF_DISK, PHYSICAL },
	{ "queue/read_ahead_kb", OF_DISK, AHEAD_KB },
	{ "queue/rotational", OF_DISK, ZERO },
	{ "queue/scheduler", OF_DISK, NONE },
	{ "queue/write_cache", OF_DISK, CACHE },
	{ "queue/write_zeroes_max_bytes", OF_DISK, ZEROES_MAX },
	{ "queue/zoned", OF_DISK, NONE },
	{ "range", OF_DISK, RANGE },
	{ "removable", OF_DISK, ZERO },
	{ "ro", OF_BOTH, READ_ONLY },
	{ "size", OF_BOTH, SIZE },
	{ "start", OF_PART, START },
	{ "stat", OF_BOTH, STATISTICS },
	{ "uevent", OF_BOTH, EVENT },
};

/* Directories of a device; those of attributes, and empty ones: device mapper
 * and the like, which would have something to say there, do not exist. */
static const struct attribute folders[] = {
	{ "holders", OF_BOTH, ZERO },
	{ "loop", OF_LOOP, ZERO },
	{ "queue", OF_DISK, ZERO },
	{ "slaves", OF_DISK, ZERO },
};

static unsigned int kind_of(struct block_device *bdev)
{
	if (bdev->partition)
		return OF_PART;
	return loop_has_file(bdev) ? OF_DISK | OF_LOOP : OF_DISK;
}

static int show_event(struct block_device *bdev, char *buf, size_t size)
{
	int len = format_string(
		buf, size, "MAJOR=%u\nMINOR=%u\nDEVNAME=%s\nDEVTYPE=%s\n",
		device_major(bdev->dev), device_minor(bdev->dev), bdev->name,
		bdev->partition ? "partition" : "disk");

	if (bdev->partition)
		len += format_string(buf + len, size - (size_t)len,
				     "PARTN=%u\n", bdev->partition);
	if (bdev->part_label[0])
		len += format_string(buf + len, size - (size_t)len,
				     "PARTNAME=%s\n", bdev->part_label);
	return len;
}

/* The number that @value asks for. */
static uint64_t number_of(struct block_device *bdev, enum value value)
{
	const struct block_limits *limits = &bdev->queue->limits;

	switch (value) {
	case SIZE:
		return bdev->num_sectors;
	case START:
		return bdev->start;
	case READ_ONLY:
		return bdev->read_only;
	case PARTITION:
		return bdev->partition;
	case RANGE:
		return bdev->max_partitions + 1;
	case SEQUENCE:
		return bdev->dev & 0xff;
	case LOGICAL:
		return bdev->logical_block_size;
	case PHYSICAL:
		return bdev->physical_block_size;
	case MAX_KB:
		return limits->max_sectors / 2;
	case MAX_SEGMENTS:
		return limits->max_segments;
	case AHEAD_KB:
		return 128;
	case REQUESTS:
		return 256;
	case DISCARD_SIZE:
		return limits->max_discard_sectors ? BLOCK_SECTOR_SIZE : 0;
	case DISCARD_MAX:
		return (uint64_t)limits->max_discard_sectors
		       << BLOCK_SECTOR_SHIFT;
	case ZEROES_MAX:
		return (uint64_t)limits->max_zeroes_sectors
		       << BLOCK_SECTOR_SHIFT;
	case ONE:
		return 1;
	default:
		return 0;
	}
}

static int show_statistics(struct block_device *bdev, char *buf, size_t size)
{
	uint64_t columns[NUM_BLOCK_COLUMNS];
	struct block_stats stats;
	int len = 0;

	block_device_stats(bdev, &stats);
	block_stats_columns(&stats, columns);
	for (unsigned int i = 0; i < NUM_BLOCK_COLUMNS; i++)
		len += format_string(buf + len, size - (size_t)len,
				     i ? " %8lu" : "%8lu", columns[i]);
	return len + format_string(buf + len, size - (size_t)len, "\n");
}

/* How many reads, how many others. */
static int show_in_flight(struct block_device *bdev, char *buf, size_t size)
{
	struct block_stats stats;

	block_device_stats(bdev, &stats);
	return format_string(buf, size, "%8lu %8lu\n",
			     stats.in_flight & UINT32_MAX,
			     stats.in_flight >> 32);
}

static int show_attribute(struct block_device *bdev,
			  const struct attribute *attribute, char *buf,
			  size_t size)
{
	switch (attribute->value) {
	case DEV:
		return format_string(buf, size, "%u:%u\n",
				     device_major(bdev->dev),
				     device_minor(bdev->dev));
	case EVENT:
		return show_event(bdev, buf, size);
	case STATISTICS:
		return show_statistics(bdev, buf, size);
	case IN_FLIGHT:
		return show_in_flight(bdev, buf, size);
	case CACHE:
		return format_string(buf, size, "write %s\n",
				     bdev->queue->limits.can_flush ? "back"
								   : "through");
	case NONE:
		return format_string(buf, size,
				     attribute->name[6] == 's' ? "[none]\n"
							       : "none\n");
	case LOOP_FILE:
	case LOOP_NUMBER:
		return loop_show(bdev, attribute->name + strlen("loop/"), buf,
				 size);
	default:
		return format_string(buf, size, "%lu\n",
				     number_of(bdev, attribute->value));
	}
}

/* ---- What a path stands for ------------------------------------------------------ */

enum kind { NOTHING, FOLDER, FILE_TEXT, LINK };

struct place {
	enum kind kind;
	struct block_device *bdev; /* with a reference; NULL: a list of links */
	const char *rest;          /* of the path, in the device's folder */
	const struct attribute *attribute;
};

static bool is_word(const char *text, size_t len, const char *word)
{
	return strlen(word) == len && memcmp(text, word, len) == 0;
}

/* The device called @name, of @disk (NULL: any, or, with @disks, disks only). */
static struct block_device *find_device(const char *name, size_t len,
					const struct block_device *disk,
					bool disks)
{
	struct block_device *bdev;

	for (unsigned int i = 0; (bdev = block_device_at(i)); i++) {
		if (is_word(name, len, bdev->name) &&
		    (disk ? bdev->disk == disk : !disks || !bdev->partition))
			return bdev;
		block_device_put(bdev);
	}
	return NULL;
}

static struct block_device *find_number(const char *name, size_t len)
{
	struct block_device *bdev;
	char number[24];

	for (unsigned int i = 0; (bdev = block_device_at(i)); i++) {
		format_string(number, sizeof(number), "%u:%u",
			      device_major(bdev->dev), device_minor(bdev->dev));
		if (is_word(name, len, number))
			return bdev;
		block_device_put(bdev);
	}
	return NULL;
}

static const struct attribute *find_in(const struct attribute *table,
				       size_t count, const char *name,
				       unsigned int of)
{
	for (size_t i = 0; i < count; i++) {
		if (table[i].of & of && strcmp(table[i].name, name) == 0)
			return &table[i];
	}
	return NULL;
}

/* place->rest in the folder of place->bdev. */
static void find_attribute(struct place *place)
{
	unsigned int of = kind_of(place->bdev);

	if (!*place->rest ||
	    find_in(folders, ARRAY_SIZE(folders), place->rest, of)) {
		place->kind = FOLDER;
		return;
	}
	if (strcmp(place->rest, "subsystem") == 0) {
		place->kind = LINK;
		return;
	}
	place->attribute =
		find_in(attributes, ARRAY_SIZE(attributes), place->rest, of);
	if (place->attribute)
		place->kind = FILE_TEXT;
}

/* Take the first name off @path; its length. */
static size_t take_name(const char **path)
{
	const char *slash = strchr(*path, '/');
	size_t len = slash ? (size_t)(slash - *path) : strlen(*path);

	*path += len + (slash != NULL);
	return len;
}

/* @path below HOME: a disk, perhaps one of its partitions, and the rest. */
static void find_home(const char *path, struct place *place)
{
	const char *rest = path, *name = path, *after;
	struct block_device *part;
	size_t len = take_name(&rest);

	place->bdev = find_device(name, len, NULL, true);
	if (!place->bdev)
		return;
	after = rest;
	len = take_name(&after);
	part = find_device(rest, len, place->bdev, false);
	if (part) {
		block_device_put(place->bdev);
		place->bdev = part;
		rest = after;
	}
	place->rest = rest;
	find_attribute(place);
}

/* Is @path below folder @top? *@rest is what follows. */
static bool is_below(const char *path, const char *top, const char **rest)
{
	size_t len = strlen(top);

	if (strncmp(path, top, len) != 0 || path[len] != '/')
		return false;
	*rest = path + len + 1;
	return true;
}

/* Put place->bdev afterwards. */
static void find_place(const char *path, struct place *place)
{
	const char *rest;

	*place = (struct place){ .kind = NOTHING };
	if (is_below(path, HOME, &rest)) {
		find_home(rest, place);
		return;
	}
	if (is_below(path, "block", &rest))
		place->bdev = find_device(rest, strlen(rest), NULL, true);
	else if (is_below(path, "class/block", &rest))
		place->bdev = find_device(rest, strlen(rest), NULL, false);
	else if (is_below(path, "dev/block", &rest))
		place->bdev = find_number(rest, strlen(rest));
	if (place->bdev)
		place->kind = LINK;
}

bool sys_block_owns(const char *path)
{
	const char *rest;

	return strcmp(path, "block") == 0 || strcmp(path, "class/block") == 0 ||
	       strcmp(path, "dev/block") == 0 || strcmp(path, HOME) == 0 ||
	       is_below(path, HOME, &rest);
}

/* ---- Directories ------------------------------------------------------------------- */

static const struct inode_ops link_ops, text_inode_ops;
static const struct file_ops text_ops;

/* "dir/name"; NULL: no memory. */
static char *join(const struct sys_node *dir, const char *name, size_t len)
{
	char *path = kmalloc(dir->len + 1 + len + 1);

	if (!path)
		return NULL;
	memcpy(path, dir->path, dir->len);
	path[dir->len] = '/';
	memcpy(path + dir->len + 1, name, len);
	path[dir->len + 1 + len] = '\0';
	return path;
}

static int find_child(struct inode *dir, const char *name, size_t len,
		      struct place *place)
{
	char *path = join(dir->data, name, len);

	if (!path)
		return -ENOMEM;
	find_place(path, place);
	place->rest = NULL; /* it was in the path */
	kfree(path);
	return 0;
}

static int lookup(struct inode *dir, const char *name, size_t len,
		  struct inode **out)
{
	static const uint32_t modes[] = { [FOLDER] = S_IFDIR | 0755,
					  [FILE_TEXT] = S_IFREG | 0444,
					  [LINK] = S_IFLNK | 0777 };
	struct place place;
	struct inode *inode;
	int err;

	err = find_child(dir, name, len, &place);
	if (err)
		return err;
	block_device_put(place.bdev);
	if (place.kind == NOTHING)
		return -ENOENT;
	inode = sys_make_inode(dir->sb, dir->data, name, len,
			       modes[place.kind]);
	if (!inode)
		return -ENOMEM;
	if (place.kind == FOLDER) {
		inode->ops = &sys_block_dir_ops;
		inode->file_ops = &sys_block_dir_file_ops;
	} else if (place.kind == FILE_TEXT) {
		inode->ops = &text_inode_ops;
		inode->file_ops = &text_ops;
	} else {
		inode->ops = &link_ops;
	}
	*out = inode;
	return 0;
}

/* Devices go, too. */
static bool still_valid(struct inode *dir, struct dentry *dentry)
{
	struct place place;

	if (!dentry->inode ||
	    find_child(dir, dentry->name, dentry->name_len, &place))
		return false;
	block_device_put(place.bdev);
	return place.kind != NOTHING;
}

static bool emit(struct file *file, struct dir_emitter *emitter, loff_t *pos,
		 loff_t at, const char *name, unsigned int type)
{
	if (at < *pos)
		return true;
	if (!emitter->emit(emitter, name, strlen(name),
			   file->inode->ino + (uint64_t)at + 1, type, at + 1))
		return false;
	*pos = at + 1;
	return true;
}

/* Links of a list, or disks: devices in the order of their appearance. */
static void list_devices(struct file *file, struct dir_emitter *emitter,
			 loff_t *pos, bool disks, bool numbers, bool links)
{
	struct block_device *bdev;
	char name[BLOCK_NAME_SIZE];
	bool more = true;

	for (unsigned int i = 0; more && (bdev = block_device_at(i)); i++) {
		if (numbers)
			format_string(name, sizeof(name), "%u:%u",
				      device_major(bdev->dev),
				      device_minor(bdev->dev));
		else
			strcopy(name, bdev->name, sizeof(name));
		if (!disks || !bdev->partition)
			more = emit(file, emitter, pos, (loff_t)i + 2, name,
				    links ? DT_LNK : DT_DIR);
		block_device_put(bdev);
	}
}

/* Attributes that are right in folder @rest ("" or "queue"). */
static bool list_attributes(struct file *file, struct dir_emitter *emitter,
			    loff_t *pos, const struct place *place,
			    unsigned int of)
{
	size_t len = strlen(place->rest);

	for (size_t i = 0; i < ARRAY_SIZE(attributes); i++) {
		const char *name = attributes[i].name;

		if (!(attributes[i].of & of))
			continue;
		if (len) {
			if (strncmp(name, place->rest, len) != 0 ||
			    name[len] != '/')
				continue;
			name += len + 1;
		} else if (strchr(name, '/')) {
			continue;
		}
		if (!emit(file, emitter, pos, (loff_t)i + 2, name, DT_REG))
			return false;
	}
	return true;
}

/* What else is in a device's own folder. */
static void list_folder(struct file *file, struct dir_emitter *emitter,
			loff_t *pos, const struct place *place, unsigned int of)
{
	loff_t at = (loff_t)ARRAY_SIZE(attributes) + 2;
	struct block_device *bdev;
	bool more;

	more = emit(file, emitter, pos, at++, "subsystem", DT_LNK);
	for (size_t i = 0; more && i < ARRAY_SIZE(folders); i++, at++) {
		if (folders[i].of & of)
			more = emit(file, emitter, pos, at, folders[i].name,
				    DT_DIR);
	}
	for (unsigned int i = 0; more && (bdev = block_device_at(i)); i++) {
		if (bdev->disk == place->bdev)
			more = emit(file, emitter, pos, at + (loff_t)i,
				    bdev->name, DT_DIR);
		block_device_put(bdev);
	}
}

static int read_directory(struct file *file, struct dir_emitter *emitter,
			  loff_t *pos)
{
	const struct sys_node *node = file->inode->data;
	struct place place;
	unsigned int of;

	if (!dir_emit_dots(file, emitter, pos))
		return 0;
	if (strcmp(node->path, "block") == 0) {
		list_devices(file, emitter, pos, true, false, true);
	} else if (strcmp(node->path, "class/block") == 0) {
		list_devices(file, emitter, pos, false, false, true);
	} else if (strcmp(node->path, "dev/block") == 0) {
		list_devices(file, emitter, pos, false, true, true);
	} else if (strcmp(node->path, HOME) == 0) {
		list_devices(file, emitter, pos, true, false, false);
	} else {
		find_place(node->path, &place);
		if (place.kind != FOLDER) {
			block_device_put(place.bdev);
			return -ENOENT;
		}
		of = kind_of(place.bdev);
		if (list_attributes(file, emitter, pos, &place, of) &&
		    !*place.rest)
			list_folder(file, emitter, pos, &place, of);
		block_device_put(place.bdev);
	}
	return 0;
}

const struct inode_ops sys_block_dir_ops = {
	.lookup = lookup,
	.still_valid = still_valid,
};
const struct file_ops sys_block_dir_file_ops = { .readdir = read_directory };

/* ---- Links and files ------------------------------------------------------------------ */

/* To the device's folder; from a device, to its class. */
static ssize_t read_link(struct inode *inode, char *buf, size_t size)
{
	const struct sys_node *node = inode->data;
	struct place place;
	char text[160];
	size_t len = 0;

	find_place(node->path, &place);
	if (place.kind != LINK) {
		block_device_put(place.bdev);
		return -ENOENT;
	}
	/* Up from the folder the link is in. */
	for (const char *c = node->path; *c; c++) {
		if (*c == '/')
			len += (size_t)format_string(text + len,
						     sizeof(text) - len, "../");
	}
	if (place.rest)
		format_string(text + len, sizeof(text) - len, "class/block");
	else if (place.bdev->disk)
		format_string(text + len, sizeof(text) - len, HOME "/%s/%s",
			      place.bdev->disk->name, place.bdev->name);
	else
		format_string(text + len, sizeof(text) - len, HOME "/%s",
			      place.bdev->name);
	block_device_put(place.bdev);
	len = MIN(strlen(text), size);
	memcpy(buf, text, len); /* NOLINT: readlink(2) adds no NUL */
	return (ssize_t)len;
}

static ssize_t read_text(struct file *file, struct io_buf *io, loff_t *pos)
{
	const struct sys_node *node = file->inode->data;
	char *buf = kmalloc(SYS_FILE_SIZE);
	struct place place;
	ssize_t done = -ENODEV;
	int len = -ENODEV;

	if (!buf)
		return -ENOMEM;
	find_place(node->path, &place);
	if (place.kind == FILE_TEXT)
		len = show_attribute(place.bdev, place.attribute, buf,
				     SYS_FILE_SIZE);
	block_device_put(place.bdev);
	done = len < 0 ? len : io_copy_text(io, *pos, buf, (size_t)len);
	kfree(buf);
	if (done > 0)
		*pos += done;
	return done;
}

static const struct inode_ops link_ops = { .readlink = read_link };
static const struct inode_ops text_inode_ops;
static const struct file_ops text_ops = { .read = read_text };
