/* SPDX-License-Identifier: MIT */
/*
 * super.c - mounting a FAT volume: its boot sector, its options
 *
 * Idea: the boot sector says where the table, the root directory (FAT12, FAT16)
 * and the clusters are; which of the three kinds it is follows from how many
 * clusters there are. What makes no sense is no FAT: EINVAL, so that another
 * file system can be tried.
 *
 * While it is mounted for writing the volume is marked dirty.
 *
 * Source: "Microsoft FAT Specification", "Boot Sector and BPB"; mount(8),
 * "Mount options for fat", "Mount options for vfat".
 */
#include "kernel/fs/fat/fat.h"
#include "kernel/fs/fat/internal.h"

#include "kernel/debug/log.h"
#include "kernel/lib/bits.h"
#include "kernel/lib/format.h"
#include "kernel/mm/slab.h"
#include "kernel/sched/thread.h"
#include "kernel/vfs/block_file.h"
#include "kernel/vfs/cred.h"

static struct mutex mounted_lock = MUTEX_INIT(mounted_lock, LOCK_EXT4_MOUNTED);
static struct list_head mounted = LIST_HEAD_INIT(mounted); /* mounted_lock */

/* ---- Options ---- */

static bool parse_octal(const char *text, const char *end, uint32_t *out)
{
	uint32_t value = 0;

	if (text == end)
		return false;
	for (; text < end; text++) {
		if (*text < '0' || *text > '7' || value > 0777)
			return false;
		value = value * 8 + (uint32_t)(*text - '0');
	}
	*out = value & 0777;
	return true;
}

/* "name=value": does @text begin so? *@value is what follows. */
static bool is_option(const char *text, const char *name, const char **value)
{
	if (!starts_with(text, name))
		return false;
	*value = text + strlen(name);
	return true;
}

/* Accepted, and as it is here anyway. */
static bool is_harmless(const char *text, size_t len)
{
	static const char *const words[] = {
		"utf8",        "iocharset=", "codepage=",    "shortname=",
		"errors=",     "flush",      "check=",       "tz=UTC",
		"rodir",       "showexec",   "discard",      "nodiscard",
		"debug",       "rw",         "ro",           "sys_immutable",
		"nonumtail",   "usefree",    "allow_utime=", "uni_xlate",
		"dos1xfloppy", "nfs",
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (starts_with(text, words[i]) && strlen(words[i]) <= len)
			return true;
	}
	return false;
}

static int parse_option(struct fat_options *options, const char *text,
			size_t len)
{
	const char *end = text + len, *value, *rest = end;
	bool ok = true;

	if (is_option(text, "uid=", &value)) {
		options->uid = (uint32_t)parse_u64(value, &rest);
	} else if (is_option(text, "gid=", &value)) {
		options->gid = (uint32_t)parse_u64(value, &rest);
	} else if (is_option(text, "umask=", &value)) {
		ok = parse_octal(value, end, &options->fmask);
		options->dmask = options->fmask;
	} else if (is_option(text, "fmask=", &value)) {
		ok = parse_octal(value, end, &options->fmask);
	} else if (is_option(text, "dmask=", &value)) {
		ok = parse_octal(value, end, &options->dmask);
	} else if (len == strlen("quiet") && starts_with(text, "quiet")) {
		options->quiet = true;
	} else {
		ok = is_harmless(text, len);
	}
	return ok && rest == end ? 0 : -EINVAL;
}

static int parse_options(struct fat_options *options, const char *text)
{
	while (*text) {
		const char *comma = strchr(text, ',');
		size_t len = comma ? (size_t)(comma - text) : strlen(text);
		int err = len ? parse_option(options, text, len) : 0;

		if (err)
			return err;
		text += len + (comma != NULL);
	}
	return 0;
}

static void default_options(struct fat_options *options)
{
	const struct thread *thread = current();
	const struct cred *cred = thread->cred;

	memset(options, 0, sizeof(*options));
	options->fmask = options->dmask = thread->fs ? thread->fs->umask : 022;
	if (cred) {
		options->uid = cred->fsuid;
		options->gid = cred->fsgid;
	}
}

/* ---- The boot sector ---- */

static bool is_power_of_two(uint32_t value, uint32_t least, uint32_t most)
{
	return value >= least && value <= most && !(value & (value - 1));
}

/* The sizes that stand for themselves. */
static bool is_sane(const struct fat_boot *boot)
{
	return is_power_of_two(boot->sector_size, 512, 4096) &&
	       is_power_of_two(boot->sectors_per_cluster, 1, 128) &&
	       boot->reserved && boot->num_fats && boot->num_fats <= 4 &&
	       (boot->media >= 0xf8 || boot->media == 0xf0) &&
	       !(boot->root_entries % (boot->sector_size / FAT_ENTRY_SIZE));
}

/* Where the clusters begin and how many there are. */
static int set_clusters(struct fat *fs, const struct fat_boot *boot)
{
	uint64_t total = boot->sectors_16 ? boot->sectors_16 : boot->sectors_32;
	uint64_t entries, clusters;

	fs->data_start = (uint64_t)fs->root_start + fs->root_sectors;
	if (total <= fs->data_start ||
	    total > block_device_size(fs->bdev) >> fs->sector_bits)
		return -EINVAL;
	clusters = (total - fs->data_start) / boot->sectors_per_cluster;
	if (!fs->bits)
		fs->bits = clusters > FAT12_MAX ? 16 : 12;
	entries = ((uint64_t)fs->fat_sectors << fs->sector_bits) * 8 / fs->bits;
	if (entries <= 2 || !clusters)
		return -EINVAL;
	clusters = MIN(clusters, entries - 2);
	clusters = MIN(clusters, (uint64_t)(fs->bits == 32   ? FAT32_MAX
					    : fs->bits == 16 ? FAT16_MAX
							     : FAT12_MAX));
	fs->num_clusters = (uint32_t)clusters;
	return 0;
}

static void set_fat32(struct fat *fs, const struct fat_boot *boot)
{
	fs->bits = 32;
	fs->fat_sectors = boot->fat32.fat_sectors;
	fs->root_cluster = boot->fat32.root_cluster;
	fs->info_sector = boot->fat32.info_sector;
	if (boot->fat32.flags & FAT_NO_MIRROR) {
		fs->active_fat = boot->fat32.flags & FAT_ACTIVE_MASK;
		if (fs->active_fat >= fs->num_fats)
			fs->active_fat = 0;
		fs->num_fats = fs->active_fat ? 0 : 1;
	}
	if (fs->info_sector >= boot->reserved)
		fs->info_sector = 0;
}

static int read_boot(struct fat *fs, const struct fat_boot *boot)
{
	uint64_t tables;

	if (!is_sane(boot) || boot->sector_size < fs->bdev->logical_block_size)
		return -EINVAL;
	fs->sector_bits = bit_highest(boot->sector_size);
	fs->cluster_bits =
		fs->sector_bits + bit_highest(boot->sectors_per_cluster);
	fs->fat_start = boot->reserved;
	fs->num_fats = boot->num_fats;
	fs->fat_sectors = boot->fat_sectors_16;
	tables = boot->num_fats;
	if (!boot->fat_sectors_16)
		set_fat32(fs, boot);
	tables *= fs->fat_sectors;
	if (!tables || tables > UINT32_MAX / 2)
		return -EINVAL;
	fs->root_start = fs->fat_start + (uint32_t)tables;
	fs->root_sectors =
		boot->root_entries * FAT_ENTRY_SIZE / boot->sector_size;
	if (fs->bits != 32 && !fs->root_sectors)
		return -EINVAL;
	fs->was_dirty = (fs->bits == 32 ? boot->fat32.state : boot->old.state) &
			FAT_STATE_DIRTY;
	return set_clusters(fs, boot);
}

static int find_volume(struct fat *fs)
{
	size_t size = MAX((size_t)fs->bdev->logical_block_size, (size_t)512);
	struct fat_boot *boot = kmalloc(size);
	int err;

	if (!boot)
		return -ENOMEM;
	err = block_read(fs->bdev, 0, boot, size);
	if (!err)
		err = read_boot(fs, boot);
	kfree(boot);
	if (!err)
		err = block_set_size(fs->bdev, 1u << fs->sector_bits);
	if (!err && fs->bits == 32 && !fat_is_valid(fs, fs->root_cluster))
		err = -EINVAL;
	return err;
}

/* What the last mount has counted; if nothing, we count when we need to know. */
static int read_info(struct fat *fs) MUST_HOLD(fs->lock)
{
	const struct fat_info *info;
	struct buffer *buffer;
	int err;

	fs->next = 2;
	if (!fs->info_sector)
		return 0;
	err = buffer_read(fs->bdev, fs->info_sector, &buffer);
	if (err)
		return err;
	info = buffer->data;
	if (info->signature1 != FAT_INFO_SIGNATURE1 ||
	    info->signature2 != FAT_INFO_SIGNATURE2) {
		fs->info_sector = 0;
	} else {
		if (info->free <= fs->num_clusters && !fs->was_dirty) {
			fs->free = info->free;
			fs->counted = true;
		}
		if (fat_is_valid(fs, info->next))
			fs->next = info->next;
	}
	buffer_put(buffer);
	return 0;
}

/* In the boot sector: is it in use? A volume that was so before stays so. */
static int set_state(struct fat *fs, bool dirty)
{
	struct fat_boot *boot;
	struct buffer *buffer;
	uint8_t *state;
	int err;

	if (fs->read_only || fs->was_dirty)
		return 0;
	err = buffer_read(fs->bdev, 0, &buffer);
	if (err)
		return err;
	boot = buffer->data;
	state = fs->bits == 32 ? &boot->fat32.state : &boot->old.state;
	*state = (uint8_t)((*state & ~FAT_STATE_DIRTY) | dirty);
	err = fat_write_now(buffer);
	buffer_put(buffer);
	return err ? err : block_flush(fs->bdev);
}

/* ---- The super block ---- */

static int get_statfs(struct super_block *sb, struct statfs_info *info)
{
	struct fat *fs = sb->data;
	int err;

	mutex_lock(&fs->lock);
	err = fat_count_free(fs);
	info->block_size = fat_cluster_size(fs);
	info->blocks = fs->num_clusters;
	info->blocks_free = fs->free;
	info->max_name = FAT_NAME_MAX * 6ul;
	mutex_unlock(&fs->lock);
	return err;
}

static void show_options(struct super_block *sb, char *buf, size_t size)
{
	const struct fat_options *options = &((struct fat *)sb->data)->options;
	int len = 0;

	if (options->uid)
		len += format_string(buf, size, "uid=%u,", options->uid);
	if (options->gid)
		len += format_string(buf + len, size - (size_t)len, "gid=%u,",
				     options->gid);
	format_string(buf + len, size - (size_t)len,
		      "fmask=%04o,dmask=%04o,codepage=437,iocharset=utf8,"
		      "shortname=mixed%s,errors=remount-ro",
		      options->fmask, options->dmask,
		      options->quiet ? ",quiet" : "");
}

static void set_mounted(struct fat *fs, bool yes)
{
	mutex_lock(&mounted_lock);
	if (yes)
		list_push_back(&mounted, &fs->mounted_node);
	else
		list_remove(&fs->mounted_node);
	mutex_unlock(&mounted_lock);
}

/* On the thread of write-back. */
static void commit_all(struct writeback_hook *hook)
{
	struct fat *fs;

	mutex_lock(&mounted_lock);
	list_for_each (fs, &mounted, mounted_node) {
		mutex_lock(&fs->lock);
		if (fs->num_dirty || !list_empty(&fs->doomed))
			fat_commit(fs);
		mutex_unlock(&fs->lock);
	}
	mutex_unlock(&mounted_lock);
}

/* Buffers that never got to the disk: it failed, or has made no sense. */
static void drop_list(struct list_head *dirty)
{
	while (!list_empty(dirty)) {
		struct buffer *buffer =
			list_first(dirty, struct buffer, journal_node);

		list_remove(&buffer->journal_node);
		buffer_clear(buffer, BUFFER_JOURNALED);
		buffer_put(buffer);
	}
}

static void free_fs(struct fat *fs)
{
	drop_list(&fs->dirty_fat);
	drop_list(&fs->dirty_dirs);
	while (!list_empty(&fs->doomed)) {
		struct fat_doomed *doom =
			list_first(&fs->doomed, struct fat_doomed, node);

		list_remove(&doom->node);
		kfree(doom);
	}
	buffer_put(fs->fat_buffer);
	if (fs->bdev) {
		/* What its node shows must not be what it was before. */
		block_device_invalidate(fs->bdev);
		block_device_close(fs->bdev, fs);
	}
	kfree(fs);
}

static void destroy(struct super_block *sb)
{
	struct fat *fs = sb->data;

	if (!list_empty(&fs->mounted_node)) {
		set_mounted(fs, false);
		if (fat_sync(sb) || set_state(fs, false))
			log_error("fat: %s: not unmounted cleanly",
				  fs->bdev->name);
	}
	free_fs(fs);
}

/* As after an unmount; nobody writes any more. */
static int stop_writing(struct fat *fs)
{
	int err;

	/* Closing a file that has no name any more will change the disk. */
	if (__atomic_load_n(&fs->num_nameless, __ATOMIC_ACQUIRE))
		return -EBUSY;
	/* Those that were closed just now leave chains to be freed. */
	err = fat_sync(fs->sb);
	if (!err)
		err = set_state(fs, false);
	if (err)
		return err;
	set_mounted(fs, false);
	fs->read_only = true;
	return 0;
}

static int start_writing(struct fat *fs)
{
	int err;

	if (fs->bdev->read_only)
		return -EROFS;
	fs->read_only = false;
	err = set_state(fs, true);
	fs->read_only = err;
	if (!err)
		set_mounted(fs, true);
	return err;
}

static int remount(struct super_block *sb, unsigned int flags,
		   const char *options)
{
	struct fat *fs = sb->data;
	struct fat_options new = fs->options;
	bool read_only = flags & MS_RDONLY;
	int err = parse_options(&new, options);

	if (!err)
		err = super_block_sync(sb);
	if (err || read_only == fs->read_only)
		return err;
	return read_only ? stop_writing(fs) : start_writing(fs);
}

static const struct super_ops super_ops = {
	.destroy_inode = fat_destroy_inode,
	.write_inode = fat_write_inode,
	.statfs = get_statfs,
	.sync = fat_sync,
	.remount = remount,
	.show_options = show_options,
	.destroy = destroy,
};

/* ---- Mounting ---- */

static struct fat *fs_alloc(void)
{
	struct fat *fs = kzalloc(sizeof(*fs));

	if (!fs)
		return NULL;
	mutex_init(&fs->lock, LOCK_FILE_MAP);
	spin_init(&fs->doomed_lock, LOCK_LEAF);
	spin_init(&fs->table_lock, LOCK_SPIN_MISC);
	list_init(&fs->dirty_fat);
	list_init(&fs->dirty_dirs);
	list_init(&fs->doomed);
	list_init(&fs->mounted_node);
	for (unsigned int i = 0; i < FAT_BUCKETS; i++) {
		list_init(&fs->nodes[i]);
		list_init(&fs->starts[i]);
	}
	return fs;
}

static int open_device(struct fat *fs, const char *source, bool read_only)
{
	unsigned int flags = BLOCK_OPEN_EXCLUSIVE;

	if (!read_only)
		flags |= BLOCK_OPEN_WRITE;
	if (source[0] == '/' && !starts_with(source, "/dev/root"))
		return block_open_source(source, flags, fs, &fs->bdev);
	return block_device_open_name(source, flags, fs, &fs->bdev);
}

static int fill_super(struct fat *fs, const char *source, bool read_only)
{
	int err;

	err = open_device(fs, source, read_only);
	if (err) {
		fs->bdev = NULL;
		return err;
	}
	fs->read_only = read_only;
	fs->sb->dev = fs->bdev->dev;
	/* What was written through the node is read by us. */
	err = block_device_sync(fs->bdev);
	if (!err)
		err = find_volume(fs);
	if (err)
		return err;
	mutex_lock(&fs->lock);
	err = read_info(fs);
	mutex_unlock(&fs->lock);
	if (!err)
		err = fat_make_root(fs->sb);
	if (!err && fs->was_dirty && !read_only)
		log_warning("fat: %s: was not unmounted cleanly; fsck.fat "
			    "would look at it",
			    fs->bdev->name);
	return err ? err : set_state(fs, true);
}

static int fat_mount(const struct file_system_type *type, const char *source,
		     unsigned int flags, const char *options,
		     struct super_block **out)
{
	struct fat *fs = fs_alloc();
	struct super_block *sb;
	int err;

	if (!fs)
		return -ENOMEM;
	default_options(&fs->options);
	err = parse_options(&fs->options, options);
	if (err) {
		free_fs(fs);
		return err;
	}
	sb = super_block_create(type, &super_ops, MSDOS_SUPER_MAGIC);
	if (!sb) {
		free_fs(fs);
		return -ENOMEM;
	}
	sb->data = fs;
	sb->max_file_size = FAT_MAX_SIZE;
	fs->sb = sb;
	err = fill_super(fs, source, flags & MS_RDONLY);
	if (err) {
		super_block_put(sb); /* frees fs */
		return err;
	}
	sb->bdev = fs->bdev;
	if (!fs->read_only)
		set_mounted(fs, true);
	*out = sb;
	return 0;
}

void fat_init(void)
{
	static const struct file_system_type type = {
		.name = "vfat",
		.needs_device = true,
		.mount = fat_mount,
	};
	static struct writeback_hook hook = { .run = commit_all };

	file_system_register(&type);
	writeback_add_hook(&hook);
}
