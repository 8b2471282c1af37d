/* SPDX-License-Identifier: MIT */
/*
 * dir_read.c - a directory is listed: getdents(2)
 *
 * POSIX: a name that is there all the time is listed once, whatever comes and
 * goes between two calls. Names move to other blocks when a full one is split,
 * but their hashes stay. So a directory that has an index, or will get one when
 * its only block is full, is listed in the order of the hashes, and a position
 * is the hash of the next name:
 *
 *	0, 1                   "." and ".."
 *	2 + (major / 2) << 32 | minor    a name
 *	INT64_MAX              the end
 *
 * Idea: one leaf after the other is sorted into a batch, and the batch is handed
 * out. Where names of one major hash go over several leaves, all of these are
 * one batch; if they are too many, the first BATCH_MAX of them, and then all are
 * looked at again. Of names with one position (they are rare: 63 bits are equal)
 * those that were listed already are told by the last one's name, which the open
 * file remembers (struct mark).
 *
 *	R1  Names are listed in the order of (position, name): what is listed
 *	    next is all behind what was listed.
 *	R2  A name in a leaf where its hash does not belong (a broken index) has
 *	    the next position that does. So R1 holds for any contents, and each
 *	    call gets on.
 *
 * Other directories never get an index, and positions are bytes: names stay
 * where they are, and new ones come wherever there is room.
 *
 * Locks: file->pos_lock, then the directory's inode->lock.
 * Read: the POSIX page of readdir(); "Hash Tree Directories" of the Linux
 * kernel's ext4 documentation.
 */
#include "kernel/fs/ext4/internal.h"

#include "kernel/mm/slab.h"
#include "kernel/vfs/file.h"

#define POS_NAMES 2u
#define POS_END   ((uint64_t)INT64_MAX)
/* More than fit into any block: one leaf is never too much. */
#define BATCH_MAX 512u

/* The last name that was listed, if others have its position; file->data. */
struct mark {
	size_t len; /* 0: none */
	char name[NAME_MAX];
};

struct item {
	uint64_t pos;
	const struct ext4_dirent *entry;
	struct meta *meta; /* a reference, but for the first block's */
};

struct batch {
	struct inode *dir;
	unsigned int version; /* of the hash */
	uint64_t from;        /* this position, and behind @mark */
	const struct mark *mark;
	struct meta *first; /* holds the block of items without one */
	struct item *items;
	unsigned int count, room;
	bool cut;      /* there is more before @next */
	uint64_t next; /* the position behind it */
	int err;       /* what comes after the items */
};

static unsigned int dt_of_type(const struct ext4 *fs, uint8_t type)
{
	static const uint8_t types[] = { DT_UNKNOWN, DT_REG,  DT_DIR,  DT_CHR,
					 DT_BLK,     DT_FIFO, DT_SOCK, DT_LNK };

	if (!(fs->super->incompat & INCOMPAT_FILETYPE) ||
	    type >= ARRAY_SIZE(types))
		return DT_UNKNOWN;
	return types[type];
}

static const struct ext4_dirent *entry_at(const struct meta *meta,
					  unsigned int at)
{
	return (const void *)((const char *)meta->data + at);
}

/* ---- In the order of the blocks ---- */

/* Call @each for the entries of @dir from byte *@pos on until it says no. */
struct walk {
	bool (*each)(struct walk *walk, const struct ext4_dirent *entry,
		     loff_t next);
	void *arg;
};

static int walk_block(struct inode *dir, struct meta *meta, loff_t *pos,
		      struct walk *walk, bool *stop)
{
	struct ext4 *fs = ext4_fs_of(dir);
	unsigned int end = fs->block_size;
	unsigned int from = (unsigned int)*pos & (end - 1);
	loff_t base = *pos - from;

	for (unsigned int at = 0; at + DIRENT_HEADER <= end;) {
		const struct ext4_dirent *entry = entry_at(meta, at);
		loff_t next = base + at + entry->rec_len;

		if (!ext4_dirent_ok(fs, entry, at, end))
			return ext4_inode_error(dir, "a broken entry");
		/* From the start of the block: where the last call stopped
		 * there may be no entry any more. */
		if (at >= from) {
			if (entry->ino && !walk->each(walk, entry, next)) {
				*stop = true;
				return 0;
			}
			*pos = next;
		}
		at += entry->rec_len;
	}
	*pos = base + end;
	return 0;
}

static int walk_dir(struct inode *dir, loff_t *pos, struct walk *walk)
{
	struct ext4 *fs = ext4_fs_of(dir);
	bool stop = false;
	int err = 0;

	while (!err && !stop && (uint64_t)*pos < inode_size(dir)) {
		uint32_t lblk = (uint32_t)(*pos >> fs->block_bits);
		struct meta *meta;

		err = ext4_dir_block(dir, lblk, &meta);
		if (err)
			break;
		err = walk_block(dir, meta, pos, walk, &stop);
		meta_put(&fs->cache, meta);
	}
	return err;
}

static bool is_real_name(struct walk *walk, const struct ext4_dirent *entry,
			 loff_t next)
{
	bool *found = walk->arg;

	*found = !ext4_is_dot(entry->name, entry->name_len);
	return !*found;
}

int ext4_dir_check_empty(struct inode *dir)
{
	bool found = false;
	struct walk walk = { is_real_name, &found };
	loff_t pos = 0;
	int err = walk_dir(dir, &pos, &walk);

	return err ? err : found ? -ENOTEMPTY : 0;
}

struct emit {
	struct dir_emitter *emitter;
	const struct ext4 *fs;
};

static bool emit_entry(struct walk *walk, const struct ext4_dirent *entry,
		       loff_t next)
{
	const struct emit *emit = walk->arg;

	return emit->emitter->emit(
		emit->emitter, entry->name, entry->name_len, entry->ino,
		dt_of_type(emit->fs, entry->file_type), next);
}

/* ---- Positions ---- */

/* Where names of @hash begin. */
static uint64_t pos_of_hash(uint64_t hash)
{
	return MIN((hash >> 1 << 32) + POS_NAMES, POS_END);
}

static uint32_t hash_of_pos(uint64_t pos)
{
	return pos < POS_NAMES ? 0 : (uint32_t)((pos - POS_NAMES) >> 32 << 1);
}

static int pos_of_name(const struct batch *batch,
		       const struct ext4_dirent *entry, uint64_t *pos)
{
	struct ext4_hash hash;
	int err;

	if (ext4_is_dot(entry->name, entry->name_len)) {
		*pos = entry->name_len - 1u;
		return 0;
	}
	err = ext4_name_hash(ext4_fs_of(batch->dir), batch->version,
			     entry->name, entry->name_len, &hash);
	*pos = pos_of_hash(hash.major) + hash.minor;
	return err;
}

static int compare_names(const char *a, size_t a_len, const char *b,
			 size_t b_len)
{
	int order = memcmp(a, b, MIN(a_len, b_len));

	return order ? order : (int)a_len - (int)b_len;
}

/* R1 */
static bool is_before(const struct item *a, const struct item *b)
{
	if (likely(a->pos != b->pos))
		return a->pos < b->pos;
	return compare_names(a->entry->name, a->entry->name_len, b->entry->name,
			     b->entry->name_len) < 0;
}

static bool was_listed(const struct batch *batch, const struct item *item)
{
	if (likely(item->pos != batch->from))
		return item->pos < batch->from;
	return batch->mark && batch->mark->len &&
	       compare_names(item->entry->name, item->entry->name_len,
			     batch->mark->name, batch->mark->len) <= 0;
}

/* ---- A batch is made ---- */

static void drop_items(struct batch *batch, unsigned int keep)
{
	while (batch->count > keep)
		meta_put(&ext4_fs_of(batch->dir)->cache,
			 batch->items[--batch->count].meta);
}

static void empty_batch(struct batch *batch)
{
	drop_items(batch, 0);
	meta_put(&ext4_fs_of(batch->dir)->cache, batch->first);
	batch->first = NULL;
	batch->cut = false;
	batch->err = 0;
}

static int make_room(struct batch *batch, unsigned int more)
{
	unsigned int room = batch->count + more;
	struct item *items;

	if (room <= batch->room)
		return 0;
	items = kmalloc(room * sizeof(*items));
	if (!items)
		return -ENOMEM;
	if (batch->count)
		memcpy(items, batch->items, batch->count * sizeof(*items));
	kfree(batch->items);
	batch->items = items;
	batch->room = room;
	return 0;
}

/* Shell's method: short, without recursion, and quick for so few. */
static void sort(struct item *items, unsigned int count)
{
	static const uint8_t gaps[] = { 132, 57, 23, 10, 4, 1 };

	for (unsigned int g = 0; g < ARRAY_SIZE(gaps); g++) {
		unsigned int gap = gaps[g];

		for (unsigned int i = gap; i < count; i++) {
			struct item item = items[i];
			unsigned int to = i;

			for (; to >= gap && is_before(&item, &items[to - gap]);
			     to -= gap)
				items[to] = items[to - gap];
			items[to] = item;
		}
	}
}

/* The names of a block, up to what is broken. -EUCLEAN: something is. */
static int count_names(struct inode *dir, const struct meta *meta,
		       unsigned int *count)
{
	const struct ext4 *fs = ext4_fs_of(dir);
	unsigned int end = fs->block_size;

	*count = 0;
	for (unsigned int at = 0; at + DIRENT_HEADER <= end;) {
		const struct ext4_dirent *entry = entry_at(meta, at);

		if (!ext4_dirent_ok(fs, entry, at, end))
			return ext4_inode_error(dir, "a broken entry");
		*count += entry->ino != 0;
		at += entry->rec_len;
	}
	return 0;
}

/* The names of @meta, whose positions must be in [@low, @high]: those not yet
 * listed. The reference of the caller is used up. */
static int add_block(struct batch *batch, struct meta *meta, uint64_t low,
		     uint64_t high)
{
	struct meta_cache *cache = &ext4_fs_of(batch->dir)->cache;
	bool is_first = !batch->first;
	unsigned int count;
	int err;

	batch->err = count_names(batch->dir, meta, &count);
	err = make_room(batch, count);
	for (unsigned int at = 0; !err && count > 0;) {
		struct item item = { .entry = entry_at(meta, at) };

		at += item.entry->rec_len;
		if (!item.entry->ino)
			continue;
		count--;
		err = pos_of_name(batch, item.entry, &item.pos);
		item.pos = MIN(MAX(item.pos, low), high); /* R2 */
		if (err || was_listed(batch, &item))
			continue;
		if (!is_first) {
			meta_hold(cache, meta);
			item.meta = meta;
		}
		batch->items[batch->count++] = item;
	}
	if (is_first)
		batch->first = meta;
	else
		meta_put(cache, meta);
	return err;
}

static void sort_and_cut(struct batch *batch)
{
	sort(batch->items, batch->count);
	if (batch->count > BATCH_MAX) {
		drop_items(batch, BATCH_MAX);
		batch->cut = true;
	}
}

/* Block 0 as a row of entries: "." and ".." are in it, if not all there is. */
static int add_first_block(struct batch *batch, uint64_t high)
{
	struct meta *meta;
	int err = ext4_dir_block(batch->dir, 0, &meta);

	if (!err)
		err = add_block(batch, meta, 0, high);
	if (!err)
		sort_and_cut(batch);
	batch->next = high + 1;
	return err;
}

/* The leaf of @probe, and where the next begins. */
static int add_leaf(struct batch *batch, struct ext4_probe *probe,
		    uint64_t *next_hash)
{
	uint32_t hash = ext4_probe_hash(probe);
	struct meta *meta;
	int err;

	*next_hash = ext4_probe_next_hash(probe);
	if (*next_hash < hash)
		return ext4_inode_error(batch->dir, "a broken index");
	err = ext4_probe_leaf(batch->dir, probe, &meta);
	if (err)
		return err;
	batch->next = pos_of_hash(*next_hash + (*next_hash & 1));
	err = add_block(batch, meta, pos_of_hash(hash), batch->next - 1);
	if (!err)
		sort_and_cut(batch);
	return err;
}

static int add_leaves(struct batch *batch)
{
	struct ext4_probe probe;
	uint64_t next_hash;
	int err;

	err = ext4_probe_begin(batch->dir, hash_of_pos(batch->from), &probe);
	if (err)
		return err;
	batch->version = probe.version;
	err = add_leaf(batch, &probe, &next_hash);
	while (!err && !batch->err && next_hash & 1) {
		err = ext4_probe_next(batch->dir, &probe);
		if (!err)
			err = add_leaf(batch, &probe, &next_hash);
	}
	ext4_probe_end(batch->dir, &probe);
	return err;
}

static int fill_batch(struct batch *batch)
{
	struct ext4 *fs = ext4_fs_of(batch->dir);
	uint64_t from = batch->from;
	int err;

	empty_batch(batch);
	batch->version = ext4_hash_version(fs, fs->super->def_hash_version);
	if (!(ext4_of(batch->dir)->flags & INODE_INDEX))
		err = add_first_block(batch, POS_END - 1);
	else if (from < POS_NAMES)
		err = add_first_block(batch, POS_NAMES - 1);
	else
		err = add_leaves(batch);
	if (!err && !batch->err && !batch->count && batch->next <= from)
		return ext4_inode_error(batch->dir, "a broken index");
	return err;
}

/* ---- A batch is handed out ---- */

static void forget(struct file *file)
{
	struct mark *mark = file->data;

	if (mark)
		mark->len = 0;
}

static int prepare_mark(struct file *file)
{
	struct mark *mark = file->data;

	if (mark)
		return 0;
	mark = kmalloc(sizeof(*mark));
	if (!mark)
		return -ENOMEM;
	mark->len = 0;
	file->data = mark;
	return 0;
}

static void remember(struct file *file, const struct ext4_dirent *entry)
{
	struct mark *mark = file->data;

	mark->len = entry->name_len;
	memcpy(mark->name, entry->name, entry->name_len);
}

/* @shared: the next name has the same position. *@full: no room for this one. */
static int emit_item(struct file *file, struct dir_emitter *emitter,
		     const struct item *item, bool shared, loff_t *pos,
		     bool *full)
{
	const struct ext4_dirent *entry = item->entry;
	int err = unlikely(shared) ? prepare_mark(file) : 0;

	if (err)
		return err;
	*full = !emitter->emit(
		emitter, entry->name, entry->name_len, entry->ino,
		dt_of_type(ext4_fs_of(file->inode), entry->file_type),
		(loff_t)(item->pos + !shared));
	if (*full)
		return 0;
	*pos = (loff_t)(item->pos + !shared);
	if (unlikely(shared))
		remember(file, entry);
	else
		forget(file);
	return 0;
}

static int emit_batch(struct file *file, struct dir_emitter *emitter,
		      const struct batch *batch, loff_t *pos, bool *full)
{
	for (unsigned int i = 0; i < batch->count; i++) {
		const struct item *item = &batch->items[i];
		bool shared = i + 1 < batch->count ? item[1].pos == item->pos
						   : batch->cut;
		int err = emit_item(file, emitter, item, shared, pos, full);

		if (err || *full)
			return err;
	}
	if (!batch->err && !batch->cut && batch->next > (uint64_t)*pos) {
		*pos = (loff_t)batch->next;
		forget(file);
	}
	return batch->err;
}

static int read_by_hash(struct file *file, struct dir_emitter *emitter,
			loff_t *pos)
{
	struct batch batch = { .dir = file->inode };
	bool full = false;
	int err = 0;

	while (!err && !full && (uint64_t)*pos < POS_END) {
		batch.from = (uint64_t)*pos;
		batch.mark = file->data;
		err = fill_batch(&batch);
		if (!err)
			err = emit_batch(file, emitter, &batch, pos, &full);
	}
	empty_batch(&batch);
	kfree(batch.items);
	return err;
}

/* ---- The operations ---- */

/* Has @dir an index, or will it? */
static bool is_by_hash(const struct inode *dir)
{
	const struct ext4 *fs = ext4_fs_of(dir);

	return ext4_of(dir)->flags & INODE_INDEX ||
	       (ext4_has_dir_index(fs) && ext4_dir_blocks(dir) == 1 &&
		fs->super->def_hash_version <= HASH_TEA);
}

int ext4_dir_readdir(struct file *file, struct dir_emitter *emitter,
		     loff_t *pos)
{
	struct emit emit = { emitter, ext4_fs_of(file->inode) };
	struct walk walk = { emit_entry, &emit };

	if (*pos < 0)
		return -EINVAL;
	if (is_by_hash(file->inode))
		return read_by_hash(file, emitter, pos);
	return walk_dir(file->inode, pos, &walk);
}

/* As in Linux, who seeks data or a hole learns of the end of the hashes. */
loff_t ext4_dir_seek(struct file *file, loff_t offset, int whence)
{
	loff_t old = file->pos, found;

	if (whence == SEEK_DATA || whence == SEEK_HOLE) {
		if (offset < 0 || offset == INT64_MAX)
			return -ENXIO;
		found = whence == SEEK_DATA ? offset : INT64_MAX;
		file->pos = found;
	} else if (whence == SEEK_END && is_by_hash(file->inode)) {
		if (offset > 0 || offset == INT64_MIN)
			return -EINVAL;
		found = INT64_MAX + offset;
		file->pos = found;
	} else {
		found = generic_file_seek(file, offset, whence);
	}
	if (file->pos != old)
		forget(file);
	return found;
}

void ext4_dir_release(struct file *file)
{
	kfree(file->data);
}
