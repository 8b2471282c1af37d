/* SPDX-License-Identifier: MIT */
/*
 * super.c - mounting, unmounting, and what happens when something is wrong
 *
 * Idea: the super block says how large everything is. All of it is checked
 * before anything is believed; then the journal is replayed if the last mount
 * did not end, all is read again, and what a crash left half done is cleaned up.
 *
 * An error found later (ext4_error) makes the file system read-only and stops
 * the journal, so that nothing that follows from a broken block reaches the
 * disk. errors=continue goes on, unless it is the journal that cannot be
 * written; errors=panic stops the machine.
 *
 * Source: "The Super Block" of the Linux kernel's ext4 documentation, ext4(5).
 */
#include "kernel/fs/ext4/internal.h"

#include <stdarg.h>

#include "kernel/lib/crc.h"
#include "kernel/lib/format.h"
#include "kernel/mm/slab.h"
#include "kernel/time/clock.h"
#include "kernel/vfs/path.h"

#define KNOWN_INCOMPAT                                                         \
	(INCOMPAT_FILETYPE | INCOMPAT_RECOVER | INCOMPAT_META_BG |             \
	 INCOMPAT_EXTENTS | INCOMPAT_64BIT | INCOMPAT_FLEX_BG |                \
	 INCOMPAT_CSUM_SEED)
#define KNOWN_RO                                                               \
	(RO_SPARSE_SUPER | RO_LARGE_FILE | RO_HUGE_FILE | RO_GDT_CSUM |        \
	 RO_DIR_NLINK | RO_EXTRA_ISIZE | RO_METADATA_CSUM | RO_ORPHAN_PRESENT)

/* ---- Errors ---- */

/*
 * Note on the disk that there was an error, so that e2fsck looks. What is in
 * memory may be half changed: the note is made in what the disk has.
 */
static void note_error(struct ext4 *fs)
{
	struct ext4_super *super = kmalloc(sizeof(*super));
	struct disk_part part = { EXT4_SUPER_OFFSET, super, sizeof(*super) };

	if (!super)
		return;
	if (!disk_read(fs->disk, &part, 1) && super->magic == EXT4_MAGIC) {
		super->state |= EXT4_STATE_ERROR;
		super->error_count++;
		super->last_error_time =
			(uint32_t)(clock_realtime_ns() / NSEC_PER_SEC);
		if (super->ro_compat & RO_METADATA_CSUM)
			ext4_super_set_checksum(super);
		disk_write(fs->disk, &part, 1, DISK_FUA);
	}
	kfree(super);
}

static void stop_writing(struct ext4 *fs)
{
	if (__atomic_exchange_n(&fs->read_only, 1, __ATOMIC_RELAXED))
		return;
	log_error("ext4: %s: now read-only", fs->name);
	if (fs->journal)
		journal_abort(fs->journal, -EROFS);
	if (fs->sb)
		fs->sb->flags |= MS_RDONLY;
}

void ext4_report(struct ext4 *fs, const char *fmt, ...)
{
	char text[128];
	va_list args;

	va_start(args, fmt);
	format_string_v(text, sizeof(text), fmt, args);
	va_end(args);
	log_error("ext4: %s: %s", fs->name, text);
	if (fs->options & OPT_ERRORS_PANIC)
		panic("ext4: %s: %s", fs->name, text);
	if (!__atomic_exchange_n(&fs->had_error, 1, __ATOMIC_RELAXED) &&
	    !fs->mounted_read_only)
		note_error(fs);
	/* Without its journal nothing can go on. */
	if (!(fs->options & OPT_ERRORS_CONT) ||
	    (fs->journal && READ_ONCE(fs->journal->error)))
		stop_writing(fs);
}

/* ---- Options ---- */

struct word {
	const char *text;
	unsigned int set, clear; /* OPT_* */
};

static const struct word words[] = {
	{ "errors=continue", OPT_ERRORS_CONT,
	  OPT_ERRORS_RO | OPT_ERRORS_PANIC },
	{ "errors=remount-ro", OPT_ERRORS_RO,
	  OPT_ERRORS_CONT | OPT_ERRORS_PANIC },
	{ "errors=panic", OPT_ERRORS_PANIC, OPT_ERRORS_CONT | OPT_ERRORS_RO },
	{ "noload", OPT_NOLOAD, 0 },
	{ "norecovery", OPT_NOLOAD, 0 },
	{ "nouser_xattr", OPT_NO_XATTR, 0 },
	{ "noacl", OPT_NO_ACL, 0 },
};

/* Words of other systems' tables that change nothing here. */
static bool is_harmless(const char *option, size_t len)
{
	static const char *const known[] = {
		"rw",
		"ro",
		"defaults",
		"relatime",
		"acl",
		"user_xattr",
		"data=ordered",
		"delalloc",
		"barrier",
		"barrier=1",
		"auto_da_alloc",
		"commit=5",
		"discard",
		"nodiscard",
		"lazytime",
		"nolazytime",
		"journal_checksum",
		"init_itable",
		"noinit_itable",
		"x-systemd",
		"grpid",
		"nogrpid",
		"bsdgroups",
		"sysvgroups",
		"minixdf",
		"bsddf",
		"block_validity",
		"noquota",
		"usrquota",
		"nobarrier",
		"nodelalloc",
		"stripe",
		"commit",
		"inode_readahead_blks",
		"max_batch_time",
		"min_batch_time",
		"journal_ioprio",
	};

	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		size_t size = strlen(known[i]);

		if (size <= len && strncmp(option, known[i], size) == 0 &&
		    (size == len || option[size] == '='))
			return true;
	}
	return false;
}

static int parse_options(struct ext4 *fs, const char *options)
{
	while (*options) {
		const char *comma = strchr(options, ',');
		size_t len =
			comma ? (size_t)(comma - options) : strlen(options);
		bool found = !len || is_harmless(options, len);

		for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
			if (strlen(words[i].text) != len ||
			    strncmp(options, words[i].text, len) != 0)
				continue;
			fs->options &= ~words[i].clear;
			fs->options |= words[i].set;
			found = true;
		}
		if (!found) {
			log_error("ext4: unknown mount option \"%s\"", options);
			return -EINVAL;
		}
		options += len + (comma ? 1 : 0);
	}
	return 0;
}

static void show_options(struct super_block *sb, char *buf, size_t size)
{
	unsigned int options = ext4_fs(sb)->options;
	const char *errors = "";

	if (options & OPT_ERRORS_CONT)
		errors = "errors=continue";
	else if (options & OPT_ERRORS_PANIC)
		errors = "errors=panic";
	else if (options & OPT_ERRORS_RO)
		errors = "errors=remount-ro";
	format_string(buf, size, "%s%s", errors,
		      options & OPT_NOLOAD ? ",norecovery" : "");
}

/* ---- Features ---- */

struct feature {
	uint32_t bit;
	const char *name;
};

static const struct feature incompat_names[] = {
	{ 0x1, "compression" },    { INCOMPAT_JOURNAL_DEV, "journal_dev" },
	{ 0x100, "mmp" },          { 0x400, "ea_inode" },
	{ 0x1000, "dirdata" },     { 0x4000, "large_dir" },
	{ 0x8000, "inline_data" }, { 0x10000, "encrypt" },
	{ 0x20000, "casefold" },
};

static const struct feature ro_names[] = {
	{ 0x4, "btree_dir" },  { 0x80, "has_snapshot" },
	{ 0x100, "quota" },    { RO_BIGALLOC, "bigalloc" },
	{ 0x800, "replica" },  { RO_READONLY, "read-only" },
	{ 0x2000, "project" }, { 0x4000, "shared_blocks" },
	{ 0x8000, "verity" },
};

static void log_features(const struct ext4 *fs, uint32_t bits,
			 const struct feature *names, size_t count,
			 const char *result)
{
	for (unsigned int bit = 0; bit < 32; bit++) {
		const char *name = NULL;

		if (!(bits & 1u << bit))
			continue;
		for (size_t i = 0; i < count; i++)
			if (names[i].bit == 1u << bit)
				name = names[i].name;
		if (name)
			log_error("ext4: %s: feature \"%s\" is not supported: "
				  "%s",
				  fs->name, name, result);
		else
			log_error("ext4: %s: unknown feature %#x: %s", fs->name,
				  1u << bit, result);
	}
}

static int check_features(struct ext4 *fs)
{
	const struct ext4_super *super = fs->super;
	uint32_t incompat = super->incompat & ~KNOWN_INCOMPAT;
	uint32_t ro = super->ro_compat & ~KNOWN_RO;

	if (super->rev_level == 0)
		return 0; /* before features */
	if (incompat) {
		log_features(fs, incompat, incompat_names,
			     ARRAY_SIZE(incompat_names), "not mounted");
		return -EINVAL;
	}
	if (ro && !fs->mounted_read_only) {
		log_features(fs, ro, ro_names, ARRAY_SIZE(ro_names),
			     "mounted read-only");
		fs->mounted_read_only = true;
	}
	return 0;
}

/* ---- Geometry ---- */

static int bad_super(const struct ext4 *fs, const char *what)
{
	log_error("ext4: %s: the super block has %s", fs->name, what);
	return -EUCLEAN;
}

static int load_sizes(struct ext4 *fs)
{
	const struct ext4_super *super = fs->super;
	bool wide = super->incompat & INCOMPAT_64BIT;

	fs->inode_size = super->rev_level ? super->inode_size : EXT4_OLD_INODE;
	fs->first_ino = super->rev_level ? super->first_ino : 11;
	fs->desc_size = wide ? super->desc_size : GROUP_DESC_SIZE_MIN;
	fs->blocks_count = super->blocks_count_lo;
	if (wide)
		fs->blocks_count |= (uint64_t)super->blocks_count_hi << 32;
	fs->first_block = super->first_data_block;
	fs->blocks_per_group = super->blocks_per_group;
	fs->inodes_per_group = super->inodes_per_group;
	fs->inodes_count = super->inodes_count;
	if (fs->inode_size < EXT4_OLD_INODE ||
	    fs->inode_size > fs->block_size ||
	    (fs->inode_size & (fs->inode_size - 1)))
		return bad_super(fs, "an impossible inode size");
	if (fs->first_ino < 11 || fs->first_ino > fs->inodes_count)
		return bad_super(fs, "an impossible first inode");
	if (fs->desc_size < (wide ? GROUP_DESC_SIZE_64 : GROUP_DESC_SIZE_MIN) ||
	    fs->desc_size > fs->block_size ||
	    (fs->desc_size & (fs->desc_size - 1)))
		return bad_super(fs, "an impossible descriptor size");
	fs->descs_per_block = fs->block_size / fs->desc_size;
	fs->inodes_per_block = fs->block_size / fs->inode_size;
	return 0;
}

/* The block of the super block, but for clusters: they begin at 0. */
static uint64_t first_block(const struct ext4 *fs)
{
	return fs->block_size == EXT4_SUPER_OFFSET &&
	       !(fs->super->ro_compat & RO_BIGALLOC);
}

static int check_sizes(struct ext4 *fs)
{
	uint64_t bits = (uint64_t)fs->block_size * 8, groups;

	if (!fs->blocks_per_group || fs->blocks_per_group % 8 ||
	    fs->super->clusters_per_group > bits ||
	    (!(fs->super->ro_compat & RO_BIGALLOC) &&
	     (fs->super->clusters_per_group != fs->blocks_per_group ||
	      fs->blocks_per_group > bits)))
		return bad_super(fs, "impossible groups");
	if (!fs->inodes_per_group || fs->inodes_per_group > bits ||
	    fs->inodes_per_group % 8 ||
	    fs->inodes_per_group < fs->inodes_per_block)
		return bad_super(fs, "an impossible number of inodes");
	if (fs->first_block != first_block(fs) ||
	    fs->blocks_count <= fs->first_block + 1 ||
	    fs->blocks_count > fs->cache.num_blocks)
		return bad_super(fs, "more blocks than the disk");
	groups = DIV_ROUND_UP(fs->blocks_count - fs->first_block,
			      (uint64_t)fs->blocks_per_group);
	if (groups * fs->inodes_per_group != fs->inodes_count ||
	    groups > UINT32_MAX)
		return bad_super(fs, "an impossible number of inodes");
	fs->num_groups = (uint32_t)groups;
	if (fs->super->def_hash_version > HASH_TEA)
		fs->super->compat &= ~COMPAT_DIR_INDEX;
	fs->hash_unsigned = fs->super->flags & EXT4_HASH_UNSIGNED;
	return 0;
}

/* ---- Reading the super block ---- */

static int read_block_size(struct ext4 *fs)
{
	struct ext4_super *super = kmalloc(sizeof(*super));
	struct disk_part part = { EXT4_SUPER_OFFSET, super, sizeof(*super) };
	int err;

	if (!super)
		return -ENOMEM;
	err = disk_read(fs->disk, &part, 1);
	if (!err && super->magic != EXT4_MAGIC)
		err = -EINVAL;
	if (!err && (super->log_block_size > 2 ||
		     1024u << super->log_block_size > PAGE_SIZE)) {
		log_error("ext4: %s: blocks larger than pages are not "
			  "supported",
			  fs->name);
		err = -EINVAL;
	}
	if (!err) {
		fs->block_bits = 10 + super->log_block_size;
		fs->block_size = 1u << fs->block_bits;
	}
	kfree(super);
	return err;
}

/* Everything in memory, from the disk. @strict: the journal is replayed. */
static int load_all(struct ext4 *fs, bool strict)
{
	uint64_t block;
	int err;

	err = read_block_size(fs);
	if (!err)
		err = meta_cache_init(&fs->cache, fs->disk, fs->block_size);
	if (err)
		return err;
	block = EXT4_SUPER_OFFSET / fs->block_size;
	err = meta_read(&fs->cache, block, &fs->super_meta);
	if (err)
		return err;
	fs->super = (void *)((char *)fs->super_meta->data +
			     EXT4_SUPER_OFFSET % fs->block_size);
	if (ext4_has_csum(fs) && strict && !ext4_super_checksum_ok(fs->super))
		return bad_super(fs, "a wrong checksum");
	if (fs->super->incompat & INCOMPAT_CSUM_SEED)
		fs->seed = fs->super->checksum_seed;
	else
		fs->seed = crc32c(~0u, fs->super->uuid, 16);
	err = check_features(fs);
	if (!err)
		err = load_sizes(fs);
	if (!err)
		err = check_sizes(fs);
	if (!err)
		err = ext4_groups_load(fs, strict);
	return err;
}

static void unload_all(struct ext4 *fs)
{
	ext4_groups_free(fs);
	meta_put(&fs->cache, fs->super_meta);
	fs->super_meta = NULL;
	meta_cache_destroy(&fs->cache);
}

/* ---- Mounting ---- */

int ext4_write_super(struct ext4 *fs)
{
	struct disk_part part = { fs->super_meta->block * fs->block_size,
				  fs->super_meta->data, fs->block_size };
	int err;

	fs->super->wtime = (uint32_t)(clock_realtime_ns() / NSEC_PER_SEC);
	if (ext4_has_csum(fs))
		ext4_super_set_checksum(fs->super);
	err = disk_write(fs->disk, &part, 1, DISK_FUA);
	return err ? err : disk_flush(fs->disk);
}

/*
 * What is in the super block while it is mounted for writing. The log begins
 * after that: one that nobody says is to be replayed makes e2fsck ask.
 */
static int mark_mounted(struct ext4 *fs)
{
	int err;

	fs->super->mnt_count++;
	fs->super->mtime = (uint32_t)(clock_realtime_ns() / NSEC_PER_SEC);
	if (fs->journal)
		fs->super->incompat |= INCOMPAT_RECOVER;
	else
		fs->super->state &= (uint16_t)~EXT4_STATE_VALID;
	if (fs->super->rev_level == 0)
		fs->super->rev_level = 1;
	err = ext4_write_super(fs);
	if (!err && fs->journal)
		err = journal_write_super(fs->journal, fs->journal->tail_tid,
					  fs->journal->tail);
	return err;
}

static bool has_journal(const struct ext4 *fs)
{
	return fs->super->compat & COMPAT_HAS_JOURNAL;
}

/* Replay if need be; *@again: everything has to be read again. */
static int open_journal(struct ext4 *fs, bool *again)
{
	bool recover = fs->super->incompat & INCOMPAT_RECOVER;

	*again = false;
	if (!has_journal(fs)) {
		if (recover)
			return bad_super(fs, "a journal to replay, but none");
		return 0;
	}
	if (fs->options & OPT_NOLOAD) {
		if (!fs->mounted_read_only)
			return -EROFS;
		return 0;
	}
	if (!fs->super->journal_inum) {
		log_error("ext4: %s: feature \"journal_dev\" is not "
			  "supported: not mounted",
			  fs->name);
		return -EINVAL;
	}
	if (fs->mounted_read_only && !recover)
		return 0;
	return journal_open(fs, !fs->mounted_read_only, again);
}

static int clear_recover(struct ext4 *fs)
{
	fs->super->incompat &= ~INCOMPAT_RECOVER;
	return ext4_write_super(fs);
}

static int load_with_journal(struct ext4 *fs)
{
	bool again = false;
	int err;

	/* Until it is replayed, blocks may be half written. */
	err = load_all(fs, false);
	if (!err)
		err = open_journal(fs, &again);
	if (!err && again) {
		unload_all(fs);
		err = load_all(fs, true);
		if (!err)
			err = clear_recover(fs);
		if (!err)
			err = open_journal(fs, &again);
	} else if (!err && ext4_has_csum(fs) &&
		   !ext4_super_checksum_ok(fs->super)) {
		err = bad_super(fs, "a wrong checksum");
	} else if (!err) {
		err = ext4_groups_check(fs);
	}
	return err;
}

static int make_root(struct super_block *sb)
{
	struct ext4 *fs = ext4_fs(sb);
	struct inode *inode;
	int err;

	err = ext4_inode_get(fs, EXT4_ROOT_INO, &inode);
	if (err)
		return err;
	if (!S_ISDIR(inode->mode) || !inode->nlink) {
		inode_put(inode);
		return bad_super(fs, "no root directory");
	}
	return dentry_make_root(sb, inode) ? 0 : -ENOMEM;
}

static void init_fs(struct ext4 *fs)
{
	mutex_init(&fs->alloc_lock, LOCK_FS_ALLOC);
	mutex_init(&fs->orphan_lock, LOCK_EXT4_ORPHAN);
	spin_init(&fs->inodes_lock, LOCK_SPIN_MISC);
	wait_queue_init(&fs->inodes_wait);
	list_init(&fs->orphans);
	list_init(&fs->kept);
	list_init(&fs->doomed);
	list_init(&fs->mounted_node);
	for (unsigned int i = 0; i < NUM_INODE_BUCKETS; i++)
		list_init(&fs->inodes[i]);
	fs->next_generation = (uint32_t)clock_realtime_ns();
}

/* No inode is left in memory but those kept. */
static void free_fs(struct ext4 *fs)
{
	ext4_orphans_forget(fs);
	if (fs->super_meta)
		unload_all(fs);
	else
		meta_cache_destroy(&fs->cache);
	disk_close(fs->disk);
	kfree(fs);
}

static int start_writing(struct ext4 *fs)
{
	int err;

	fs->read_only = fs->mounted_read_only;
	if (fs->read_only)
		return 0;
	err = mark_mounted(fs);
	return err ? err : ext4_orphan_cleanup(fs);
}

static int fill_super(struct super_block *sb)
{
	struct ext4 *fs = ext4_fs(sb);
	int err;

	err = load_with_journal(fs);
	if (!err)
		err = start_writing(fs);
	if (!err)
		err = make_root(sb);
	if (fs->mounted_read_only)
		sb->flags |= MS_RDONLY;
	return err;
}

static const struct super_ops ext4_super_ops;
static void set_mounted(struct ext4 *fs, bool yes);

int ext4_mount_disk(const struct file_system_type *type, struct disk *disk,
		    const char *name, unsigned int flags, const char *options,
		    struct super_block **out)
{
	struct ext4 *fs = kzalloc(sizeof(*fs));
	struct super_block *sb;
	int err = -ENOMEM;

	if (!fs) {
		disk_close(disk);
		return -ENOMEM;
	}
	fs->disk = disk;
	strcopy(fs->name, name, sizeof(fs->name));
	init_fs(fs);
	fs->read_only = true; /* until all is checked */
	fs->mounted_read_only = flags & MS_RDONLY || disk_is_read_only(disk);
	sb = super_block_create(type, &ext4_super_ops, EXT4_MAGIC);
	if (!sb)
		goto free;
	sb->data = fs;
	sb->negative_dentries = true;
	sb->flags |= flags & MS_RDONLY;
	fs->sb = sb;
	err = parse_options(fs, options);
	if (!err)
		err = fill_super(sb);
	if (err) {
		super_block_put(sb); /* frees fs */
		return err;
	}
	set_mounted(fs, true);
	*out = sb;
	return 0;

free:
	free_fs(fs);
	return err;
}

/* ---- Now and then ---- */

static struct mutex mounted_lock = MUTEX_INIT(mounted_lock, LOCK_EXT4_MOUNTED);
static struct list_head mounted = LIST_HEAD_INIT(mounted); /* mounted_lock */

/* On the thread of write-back, some seconds after something changed: what
 * nobody has called fsync() for is committed as well. */
static void commit_all(struct writeback_hook *hook)
{
	struct ext4 *fs;

	mutex_lock(&mounted_lock);
	list_for_each (fs, &mounted, mounted_node) {
		ext4_evict_doomed(fs);
		if (ext4_is_read_only(fs))
			continue;
		if (fs->journal && READ_ONCE(fs->journal->running))
			journal_commit_all(fs->journal);
		else if (!fs->journal)
			meta_write_dirty(fs);
	}
	mutex_unlock(&mounted_lock);
}

void ext4_start_commits(void)
{
	static struct writeback_hook hook = { .run = commit_all };

	writeback_add_hook(&hook);
}

static void set_mounted(struct ext4 *fs, bool yes)
{
	mutex_lock(&mounted_lock);
	if (yes)
		list_push_back(&mounted, &fs->mounted_node);
	else
		list_remove(&fs->mounted_node);
	mutex_unlock(&mounted_lock);
}

/* ---- Unmounting, sync, statfs ---- */

int ext4_sync_fs(struct super_block *sb)
{
	struct ext4 *fs = ext4_fs(sb);
	int err;

	ext4_evict_doomed(fs);
	if (ext4_is_read_only(fs))
		return fs->had_error && !fs->mounted_read_only ? -EIO : 0;
	if (fs->journal)
		return journal_commit_all(fs->journal);
	err = meta_write_dirty(fs);
	return err ? err : disk_flush(fs->disk);
}

static void set_free_counts(struct ext4 *fs)
{
	uint64_t blocks = (uint64_t)fs->free_blocks;

	fs->super->free_blocks_lo = (uint32_t)blocks;
	if (fs->super->incompat & INCOMPAT_64BIT)
		fs->super->free_blocks_hi = (uint32_t)(blocks >> 32);
	fs->super->free_inodes = (uint32_t)fs->free_inodes;
}

/* Everything is in its place and the disk says so. */
static int close_writing(struct ext4 *fs)
{
	int err = 0;

	if (fs->journal) {
		err = journal_close(fs);
		if (!err)
			fs->super->incompat &= ~INCOMPAT_RECOVER;
	} else {
		err = meta_write_dirty(fs);
	}
	if (err || fs->had_error)
		return err;
	set_free_counts(fs);
	fs->super->state |= EXT4_STATE_VALID;
	return ext4_write_super(fs);
}

static void destroy(struct super_block *sb)
{
	struct ext4 *fs = ext4_fs(sb);

	set_mounted(fs, false);
	ext4_evict_doomed(fs);
	if (!fs->super_meta) {
		free_fs(fs);
		return;
	}
	if (!fs->mounted_read_only && !fs->read_only) {
		if (close_writing(fs))
			log_error("ext4: %s: not unmounted cleanly", fs->name);
	} else if (fs->journal) {
		journal_close(fs); /* after an error: nothing is written */
	}
	free_fs(fs);
}

/* Blocks that no file can ever have. */
static uint64_t overhead(const struct ext4 *fs)
{
	uint64_t table =
		DIV_ROUND_UP(fs->inodes_per_group, fs->inodes_per_block);
	uint64_t blocks = fs->first_block + fs->num_groups * (2 + table);

	if (fs->journal)
		blocks += be32(fs->journal->super->max_len);
	return blocks + 1 + fs->num_desc_blocks;
}

static int get_statfs(struct super_block *sb, struct statfs_info *info)
{
	struct ext4 *fs = ext4_fs(sb);
	int64_t used_soon = READ_ONCE(fs->delayed);
	int64_t free = READ_ONCE(fs->free_blocks) - used_soon;

	ext4_evict_doomed(fs);
	info->block_size = fs->block_size;
	info->blocks = fs->blocks_count - overhead(fs);
	info->blocks_free = (uint64_t)MAX(free, (int64_t)0);
	info->files = fs->inodes_count;
	info->files_free = (uint64_t)READ_ONCE(fs->free_inodes);
	return 0;
}

/* ---- mount -o remount,ro and back ---- */

/* Everything in its place, the log empty; it stays open. */
static int empty_journal(struct journal *journal)
{
	int err = journal_commit_all(journal);

	if (!err)
		err = journal_checkpoint_all(journal);
	return err ? err : journal_write_super(journal, journal->tail_tid, 0);
}

/* As after an unmount. No file is open for writing. */
static int rest(struct ext4 *fs)
{
	int err = super_block_sync(fs->sb);

	ext4_evict_doomed(fs);
	if (err)
		return err;
	/* Closing a file that has no name any more will change the disk. */
	if (!list_empty(&fs->orphans))
		return -EBUSY;
	/* No operation begins from now on. */
	__atomic_store_n(&fs->read_only, 1, __ATOMIC_SEQ_CST);
	err = fs->journal ? empty_journal(fs->journal) : meta_write_dirty(fs);
	if (!err) {
		fs->super->incompat &= ~INCOMPAT_RECOVER;
		set_free_counts(fs);
		fs->super->state |= EXT4_STATE_VALID;
		err = ext4_write_super(fs);
	}
	if (err)
		WRITE_ONCE(fs->read_only, 0);
	else
		fs->mounted_read_only = true;
	return err;
}

/* Writing begins again, or for the first time. */
static int resume(struct ext4 *fs)
{
	bool again = false;
	int err = 0;

	if (disk_is_read_only(fs->disk) || fs->had_error ||
	    fs->super->ro_compat & ~KNOWN_RO || fs->options & OPT_NOLOAD)
		return -EROFS;
	if (!fs->journal && has_journal(fs))
		err = journal_open(fs, true, &again);
	if (!err)
		err = mark_mounted(fs);
	if (err)
		return err;
	fs->mounted_read_only = false;
	WRITE_ONCE(fs->read_only, 0);
	return ext4_orphan_cleanup(fs);
}

static int remount(struct super_block *sb, unsigned int flags,
		   const char *options)
{
	struct ext4 *fs = ext4_fs(sb);
	int err = parse_options(fs, options);

	if (err)
		return err;
	if (!(flags & MS_RDONLY))
		return fs->mounted_read_only ? resume(fs) : ext4_sync_fs(sb);
	/* After an error it is so already. */
	return ext4_is_read_only(fs) ? 0 : rest(fs);
}

static int write_inode(struct inode *inode)
{
	if (ext4_is_read_only(ext4_fs_of(inode)))
		return 0;
	return ext4_inode_dirty_now(inode);
}

static const struct super_ops ext4_super_ops = {
	.destroy_inode = ext4_destroy_inode,
	.write_inode = write_inode,
	.statfs = get_statfs,
	.sync = ext4_sync_fs,
	.remount = remount,
	.show_options = show_options,
	.destroy = destroy,
};
