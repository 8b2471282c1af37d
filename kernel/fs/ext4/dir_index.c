/* SPDX-License-Identifier: MIT */
/*
 * dir_index.c - a tree over the blocks of a large directory
 *
 * Idea ("htree"): entries are sorted into leaf blocks by the hash of their
 * names; the root, in block 0 behind "." and "..", and perhaps one level of
 * nodes below it, say from which hash on which block is. A full leaf is split in
 * two halves by hash. Names of one hash that do not fit into one leaf go on in
 * the next: then the lowest bit of the next leaf's hash is set. One who reads the
 * directory goes from leaf to leaf (dir_read.c).
 *
 * Locks: the directory's inode->lock.
 * Source: "Hash Tree Directories" of the Linux kernel's ext4 documentation.
 */
#include "kernel/fs/ext4/internal.h"

#include "kernel/mm/slab.h"

#define ROOT_OFFSET 32u /* behind ".", ".." and struct ext4_dx_info */
#define NODE_OFFSET 8u  /* behind an empty entry */

/* ---- Nodes ---- */

static unsigned int get_limit(const struct ext4_dx_entry *entries)
{
	return entries[0].hash & 0xffff;
}

static unsigned int get_count(const struct ext4_dx_entry *entries)
{
	return entries[0].hash >> 16;
}

static void set_counts(struct ext4_dx_entry *entries, unsigned int limit,
		       unsigned int count)
{
	entries[0].hash = limit | count << 16;
}

static unsigned int limit_at(const struct ext4 *fs, unsigned int offset)
{
	unsigned int tail = ext4_has_csum(fs) ? sizeof(struct ext4_dx_tail) : 0;

	return (fs->block_size - offset - tail) / 8;
}

static int modify(struct handle *handle, struct inode *dir, struct meta *meta)
{
	return journal_modify(handle, meta, META_DIR_INDEX, ext4_of(dir)->seed);
}

static bool counts_ok(const struct ext4 *fs, const struct ext4_dx_entry *e,
		      unsigned int offset)
{
	return get_limit(e) == limit_at(fs, offset) && get_count(e) >= 1 &&
	       get_count(e) <= get_limit(e);
}

/* ---- Probing ---- */

void ext4_probe_end(const struct inode *dir, struct ext4_probe *probe)
{
	for (unsigned int i = 0; i < INDEX_MAX_LEVELS; i++)
		meta_put(&ext4_fs_of(dir)->cache, probe->frame[i].meta);
}

static int read_root(struct inode *dir, struct ext4_probe *probe)
{
	struct ext4 *fs = ext4_fs_of(dir);
	struct ext4_frame *frame = &probe->frame[0];
	const struct ext4_dx_info *info;
	int err;

	err = ext4_dir_block(dir, 0, &frame->meta);
	if (err)
		return err;
	info = (const void *)((const char *)frame->meta->data + 24);
	frame->entries = (void *)((char *)frame->meta->data + ROOT_OFFSET);
	if (info->zero || info->info_length != sizeof(*info) ||
	    info->indirect_levels >= INDEX_MAX_LEVELS || info->flags & 1 ||
	    !counts_ok(fs, frame->entries, ROOT_OFFSET))
		return ext4_inode_error(dir, "a broken index");
	probe->levels = info->indirect_levels + 1u;
	probe->version = ext4_hash_version(fs, info->hash_version);
	return 0;
}

/* The last entry whose hash is not above @hash. */
static void search(struct ext4_frame *frame, uint32_t hash)
{
	unsigned int low = 1, high = get_count(frame->entries);

	while (low < high) {
		unsigned int middle = (low + high) / 2;

		if (frame->entries[middle].hash <= hash)
			low = middle + 1;
		else
			high = middle;
	}
	frame->at = low - 1;
}

static uint32_t block_of(const struct ext4_frame *frame)
{
	return frame->entries[frame->at].block & 0x0fffffff;
}

static int read_node(struct inode *dir, const struct ext4_frame *parent,
		     struct ext4_frame *frame)
{
	int err = ext4_dir_block(dir, block_of(parent), &frame->meta);

	if (err)
		return err;
	frame->entries = (void *)((char *)frame->meta->data + NODE_OFFSET);
	frame->at = 0;
	if (frame->meta->kind != META_DIR_INDEX ||
	    !counts_ok(ext4_fs_of(dir), frame->entries, NODE_OFFSET))
		return ext4_inode_error(dir, "a broken index");
	return 0;
}

/* From the root, which is read, to the entry of the leaf where @hash belongs. */
static int descend(struct inode *dir, struct ext4_probe *probe, uint32_t hash)
{
	int err;

	search(&probe->frame[0], hash);
	for (unsigned int i = 1; i < probe->levels; i++) {
		err = read_node(dir, &probe->frame[i - 1], &probe->frame[i]);
		if (err)
			return err;
		search(&probe->frame[i], hash);
	}
	return 0;
}

int ext4_probe_begin(struct inode *dir, uint32_t hash, struct ext4_probe *probe)
{
	int err;

	memset(probe, 0, sizeof(*probe));
	err = read_root(dir, probe);
	if (!err)
		err = descend(dir, probe, hash);
	if (err)
		ext4_probe_end(dir, probe);
	return err;
}

static int probe_begin(struct inode *dir, const char *name, size_t len,
		       struct ext4_probe *probe)
{
	int err;

	memset(probe, 0, sizeof(*probe));
	err = read_root(dir, probe);
	if (!err)
		err = ext4_name_hash(ext4_fs_of(dir), probe->version, name, len,
				     &probe->hash);
	if (!err)
		err = descend(dir, probe, probe->hash.major);
	if (err)
		ext4_probe_end(dir, probe);
	return err;
}

static struct ext4_frame *bottom(struct ext4_probe *probe)
{
	return &probe->frame[probe->levels - 1];
}

uint32_t ext4_probe_hash(const struct ext4_probe *probe)
{
	for (unsigned int i = probe->levels; i-- > 0;) {
		const struct ext4_frame *frame = &probe->frame[i];

		if (frame->at > 0)
			return frame->entries[frame->at].hash;
	}
	return 0;
}

uint64_t ext4_probe_next_hash(const struct ext4_probe *probe)
{
	for (unsigned int i = probe->levels; i-- > 0;) {
		const struct ext4_frame *frame = &probe->frame[i];

		if (frame->at + 1 < get_count(frame->entries))
			return frame->entries[frame->at + 1].hash;
	}
	return INDEX_END;
}

int ext4_probe_next(struct inode *dir, struct ext4_probe *probe)
{
	unsigned int i = probe->levels - 1;
	int err = 0;

	while (++probe->frame[i].at >= get_count(probe->frame[i].entries))
		i--;
	while (!err && ++i < probe->levels) {
		meta_put(&ext4_fs_of(dir)->cache, probe->frame[i].meta);
		probe->frame[i].meta = NULL;
		err = read_node(dir, &probe->frame[i - 1], &probe->frame[i]);
	}
	return err;
}

int ext4_probe_leaf(struct inode *dir, struct ext4_probe *probe,
		    struct meta **out)
{
	int err = ext4_dir_block(dir, block_of(bottom(probe)), out);

	if (err)
		return err;
	if ((*out)->kind == META_DIR)
		return 0;
	meta_put(&ext4_fs_of(dir)->cache, *out);
	return ext4_inode_error(dir, "a broken index");
}

/* May names of the same hash be in the next leaf, too? */
static bool goes_on(const struct ext4_probe *probe)
{
	return ext4_probe_next_hash(probe) == (probe->hash.major | 1u);
}

int ext4_index_find(struct inode *dir, const char *name, size_t len,
		    struct ext4_place *place)
{
	struct ext4 *fs = ext4_fs_of(dir);
	struct ext4_probe probe;
	int err;

	err = probe_begin(dir, name, len, &probe);
	if (err)
		return err;
	for (;;) {
		struct meta *leaf;

		err = ext4_probe_leaf(dir, &probe, &leaf);
		if (err)
			break;
		err = ext4_dir_find_in(fs, leaf, name, len, place);
		meta_put(&fs->cache, leaf);
		if (err != -ENOENT || !goes_on(&probe))
			break;
		err = ext4_probe_next(dir, &probe);
		if (err)
			break;
	}
	ext4_probe_end(dir, &probe);
	return err;
}

/* ---- Making ---- */

/* Move the entries behind ".." to the start of @to. */
static int move_names(struct ext4 *fs, const struct meta *from, struct meta *to)
{
	unsigned int end = ext4_dir_room(fs), at = 0, used = 0;
	struct ext4_dirent *last = NULL;

	for (at = 0; at + DIRENT_HEADER <= end;) {
		const struct ext4_dirent *entry =
			(const void *)((const char *)from->data + at);
		unsigned int size;

		if (!ext4_dirent_ok(fs, entry, at, end))
			return -EUCLEAN;
		size = ext4_dirent_size(entry->name_len);
		if (entry->ino && at >= 24) {
			last = (void *)((char *)to->data + used);
			memcpy(last, entry, DIRENT_HEADER + entry->name_len);
			last->rec_len = (uint16_t)size;
			used += size;
		}
		at += entry->rec_len;
	}
	if (last)
		last->rec_len = (uint16_t)(last->rec_len + end - used);
	else
		((struct ext4_dirent *)to->data)->rec_len = (uint16_t)end;
	ext4_dir_init_tail(fs, to->data);
	return 0;
}

/* "." and ".." are where they must be? */
static bool begins_with_dots(const struct ext4 *fs, const struct meta *meta)
{
	const struct ext4_dirent *dot = meta->data;
	const struct ext4_dirent *dots =
		(const void *)((const char *)meta->data + 12);

	return dot->rec_len == 12 && dot->name_len == 1 &&
	       dots->rec_len >= 12 && dots->name_len == 2 &&
	       ext4_dirent_ok(fs, dots, 12, ext4_dir_room(fs));
}

static void make_root(const struct ext4 *fs, struct meta *meta, uint32_t leaf)
{
	struct ext4_dirent *dots = (void *)((char *)meta->data + 12);
	struct ext4_dx_info *info = (void *)((char *)meta->data + 24);
	struct ext4_dx_entry *entries =
		(void *)((char *)meta->data + ROOT_OFFSET);

	memset(info, 0, fs->block_size - 24);
	dots->rec_len = (uint16_t)(fs->block_size - 12);
	info->hash_version = fs->super->def_hash_version;
	info->info_length = sizeof(*info);
	set_counts(entries, limit_at(fs, ROOT_OFFSET), 1);
	entries[0].block = leaf;
}

int ext4_index_make(struct handle *handle, struct inode *dir,
		    struct meta *block)
{
	struct ext4 *fs = ext4_fs_of(dir);
	struct meta *leaf;
	uint32_t lblk;
	int err;

	if (!begins_with_dots(fs, block) ||
	    fs->super->def_hash_version > HASH_TEA)
		return ext4_inode_error(dir, "no \".\" or \"..\"");
	err = modify(handle, dir, block);
	if (!err)
		err = ext4_dir_append(handle, dir, &lblk, &leaf);
	if (err)
		return err;
	err = move_names(fs, block, leaf);
	if (!err) {
		make_root(fs, block, lblk);
		meta_set_verified(&fs->cache, block, META_DIR_INDEX);
		ext4_of(dir)->flags |= INODE_INDEX;
	}
	meta_put(&fs->cache, leaf);
	return err;
}

/* ---- Splitting a leaf ---- */

struct sorted {
	uint32_t hash;
	uint16_t at, size;
};

/* The entries of @leaf in the order of their hashes. Their number, or < 0. */
static int sort_leaf(struct inode *dir, const struct ext4_probe *probe,
		     const struct meta *leaf, struct sorted *sorted)
{
	const struct ext4 *fs = ext4_fs_of(dir);
	unsigned int end = ext4_dir_room(fs);
	int count = 0;

	for (unsigned int at = 0; at + DIRENT_HEADER <= end;) {
		const struct ext4_dirent *entry =
			(const void *)((const char *)leaf->data + at);
		struct ext4_hash hash;
		int i = count;

		if (!ext4_dirent_ok(fs, entry, at, end) ||
		    ext4_name_hash(fs, probe->version, entry->name,
				   entry->ino ? entry->name_len : 0, &hash))
			return ext4_inode_error(dir, "a broken entry");
		if (entry->ino) {
			while (i > 0 && sorted[i - 1].hash > hash.major) {
				sorted[i] = sorted[i - 1];
				i--;
			}
			sorted[i] = (struct sorted){ hash.major, (uint16_t)at,
						     (uint16_t)ext4_dirent_size(
							     entry->name_len) };
			count++;
		}
		at += entry->rec_len;
	}
	return count;
}

/* Entries @sorted[from, to) of the copy @old, packed into @block. */
static void pack(const struct ext4 *fs, const char *old,
		 const struct sorted *sorted, int from, int to, char *block)
{
	unsigned int end = ext4_dir_room(fs), used = 0;
	struct ext4_dirent *last = (void *)block;

	memset(block, 0, fs->block_size);
	for (int i = from; i < to; i++) {
		last = (void *)(block + used);
		memcpy(last, old + sorted[i].at, sorted[i].size);
		last->rec_len = sorted[i].size;
		used += sorted[i].size;
	}
	last->rec_len = (uint16_t)(last->rec_len + end - used);
	ext4_dir_init_tail(fs, block);
}

/* Where to cut: about half of the bytes on each side. */
static int find_cut(const struct sorted *sorted, int count)
{
	unsigned int total = 0, half = 0;
	int cut = 0;

	for (int i = 0; i < count; i++)
		total += sorted[i].size;
	while (cut < count - 1 && half < total / 2)
		half += sorted[cut++].size;
	return MAX(cut, 1);
}

static void insert_entry(struct ext4_frame *frame, uint32_t hash,
			 uint32_t block)
{
	struct ext4_dx_entry *e = frame->entries;
	unsigned int count = get_count(e), at = frame->at + 1;

	memmove(&e[at + 1], &e[at], (count - at) * sizeof(*e));
	e[at].hash = hash;
	e[at].block = block;
	set_counts(e, get_limit(e), count + 1);
}

/* Half of @leaf moves to a new block, which the node knows then. */
static int split_leaf(struct handle *handle, struct inode *dir,
		      struct ext4_probe *probe, struct meta *leaf)
{
	struct ext4 *fs = ext4_fs_of(dir);
	unsigned int max = fs->block_size / 12;
	struct sorted *sorted = kmalloc(max * sizeof(*sorted));
	char *old = kmalloc(fs->block_size);
	struct meta *new = NULL;
	uint32_t lblk, hash;
	int count, cut, err = -ENOMEM;

	if (!sorted || !old)
		goto free;
	count = err = sort_leaf(dir, probe, leaf, sorted);
	if (err < 0)
		goto free;
	err = -ENOSPC; /* one name fills a block? */
	if (count < 2)
		goto free;
	err = journal_modify(handle, leaf, META_DIR, ext4_of(dir)->seed);
	if (!err)
		err = modify(handle, dir, bottom(probe)->meta);
	if (!err)
		err = ext4_dir_append(handle, dir, &lblk, &new);
	if (err)
		goto free;
	cut = find_cut(sorted, count);
	hash = sorted[cut].hash;
	if (hash == sorted[cut - 1].hash)
		insert_entry(bottom(probe), hash | 1, lblk);
	else
		insert_entry(bottom(probe), hash, lblk);
	memcpy(old, leaf->data, fs->block_size);
	pack(fs, old, sorted, 0, cut, leaf->data);
	pack(fs, old, sorted, cut, count, new->data);
free:
	meta_put(&fs->cache, new);
	kfree(sorted);
	kfree(old);
	return err;
}

/* ---- Splitting nodes ---- */

static struct ext4_dx_entry *init_node(const struct ext4 *fs, struct meta *meta)
{
	struct ext4_dirent *fake = meta->data;
	struct ext4_dx_entry *entries =
		(void *)((char *)meta->data + NODE_OFFSET);

	memset(meta->data, 0, fs->block_size);
	fake->rec_len = (uint16_t)fs->block_size;
	set_counts(entries, limit_at(fs, NODE_OFFSET), 0);
	return entries;
}

static int new_node(struct handle *handle, struct inode *dir, uint32_t *lblk,
		    struct meta **out)
{
	int err = ext4_dir_append(handle, dir, lblk, out);

	if (err)
		return err;
	meta_set_verified(&ext4_fs_of(dir)->cache, *out, META_DIR_INDEX);
	return modify(handle, dir, *out);
}

/* The root is full and there is no node yet: its entries move into one. */
static int add_level(struct handle *handle, struct inode *dir,
		     struct ext4_probe *probe)
{
	struct ext4 *fs = ext4_fs_of(dir);
	struct ext4_frame *root = &probe->frame[0];
	struct ext4_dx_info *info = (void *)((char *)root->meta->data + 24);
	unsigned int count = get_count(root->entries);
	struct ext4_dx_entry *entries;
	struct meta *meta;
	uint32_t lblk;
	int err;

	err = modify(handle, dir, root->meta);
	if (!err)
		err = new_node(handle, dir, &lblk, &meta);
	if (err)
		return err;
	entries = init_node(fs, meta);
	memcpy(&entries[1], &root->entries[1], (count - 1) * sizeof(*entries));
	entries[0].block = root->entries[0].block;
	set_counts(entries, get_limit(entries), count);
	set_counts(root->entries, get_limit(root->entries), 1);
	root->entries[0].block = lblk;
	info->indirect_levels = 1;
	meta_put(&fs->cache, meta);
	return 0;
}

/* The node is full, the root is not: half of it moves to a new one. */
static int split_node(struct handle *handle, struct inode *dir,
		      struct ext4_probe *probe)
{
	struct ext4 *fs = ext4_fs_of(dir);
	struct ext4_frame *root = &probe->frame[0], *node = &probe->frame[1];
	unsigned int count = get_count(node->entries), keep = count / 2;
	struct ext4_dx_entry *entries;
	struct meta *meta;
	uint32_t lblk;
	int err;

	err = modify(handle, dir, root->meta);
	if (!err)
		err = modify(handle, dir, node->meta);
	if (!err)
		err = new_node(handle, dir, &lblk, &meta);
	if (err)
		return err;
	entries = init_node(fs, meta);
	memcpy(&entries[1], &node->entries[keep + 1],
	       (count - keep - 1) * sizeof(*entries));
	entries[0].block = node->entries[keep].block;
	set_counts(entries, get_limit(entries), count - keep);
	insert_entry(root, node->entries[keep].hash, lblk);
	set_counts(node->entries, get_limit(node->entries), keep);
	meta_put(&fs->cache, meta);
	return 0;
}

static bool is_full(const struct ext4_frame *frame)
{
	return get_count(frame->entries) == get_limit(frame->entries);
}

/* Room for one more leaf in the node; *@again: the probe is old then. */
static int make_room(struct handle *handle, struct inode *dir,
		     struct ext4_probe *probe, bool *again)
{
	*again = is_full(bottom(probe));
	if (!*again)
		return 0;
	if (probe->levels == 1)
		return add_level(handle, dir, probe);
	if (is_full(&probe->frame[0]))
		return -ENOSPC;
	return split_node(handle, dir, probe);
}

static int add_once(struct handle *handle, struct inode *dir, const char *name,
		    size_t len, uint64_t ino, uint32_t mode, bool *again)
{
	struct ext4_probe probe;
	struct meta *leaf;
	int err;

	*again = false;
	err = probe_begin(dir, name, len, &probe);
	if (err)
		return err;
	err = ext4_probe_leaf(dir, &probe, &leaf);
	if (err)
		goto end;
	err = ext4_dir_add_to(handle, dir, leaf, name, len, ino, mode);
	if (err != -ENOSPC)
		goto put;
	err = make_room(handle, dir, &probe, again);
	if (err || *again)
		goto put;
	/* With long names half a leaf may still be too full: look again. */
	err = split_leaf(handle, dir, &probe, leaf);
	*again = !err;
put:
	meta_put(&ext4_fs_of(dir)->cache, leaf);
end:
	ext4_probe_end(dir, &probe);
	return err;
}

int ext4_index_add(struct handle *handle, struct inode *dir, const char *name,
		   size_t len, uint64_t ino, uint32_t mode)
{
	bool again;
	int err;

	do
		err = add_once(handle, dir, name, len, ino, mode, &again);
	while (!err && again);
	return err;
}
