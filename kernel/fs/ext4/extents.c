/* SPDX-License-Identifier: MIT */
/*
 * extents.c - a file's blocks as a tree of runs
 *
 * A node is a header and sorted entries. Leaves hold extents: so many blocks
 * from this block of the file on lie in a row on the disk. Inner nodes hold, for
 * each child, the first block of the file it is about. The root has four
 * entries, in the inode; all other nodes are blocks.
 *
 * Invariants
 *   T1  The key of an index entry is the first key of its child.
 *   T2  No node but the root is empty.
 *   T3  Extents do not overlap, and are in order.
 *
 * Every number read is checked: the tree may be anything.
 *
 * Locks: map_lock held.
 * Source: "Extent Tree" of the Linux kernel's ext4 documentation.
 */
#include "kernel/fs/ext4/internal.h"

#define ROOT_MAX 4u

struct level {
	struct meta *meta; /* NULL: the root, in the inode */
	struct ext4_extent_header *header;
	int at; /* the entry that was followed, or found; -1: before all */
};

struct path_to {
	struct inode *inode;
	unsigned int depth; /* of the tree: level[depth] is a leaf */
	struct level level[EXTENT_MAX_DEPTH + 1];
};

/* ---- Entries ---- */

static struct ext4_extent *extents(const struct level *level)
{
	return (struct ext4_extent *)(level->header + 1);
}

static struct ext4_extent_index *indexes(const struct level *level)
{
	return (struct ext4_extent_index *)(level->header + 1);
}

/* Both kinds of entries begin with their key. */
static uint32_t key_at(const struct level *level, int i)
{
	return extents(level)[i].block;
}

static uint32_t extent_len(const struct ext4_extent *e)
{
	return e->len <= EXTENT_MAX_LEN ? e->len : e->len - EXTENT_MAX_LEN;
}

static bool extent_unwritten(const struct ext4_extent *e)
{
	return e->len > EXTENT_MAX_LEN;
}

static uint64_t extent_start(const struct ext4_extent *e)
{
	return e->start_lo | (uint64_t)e->start_hi << 32;
}

static struct ext4_extent make_extent(uint32_t lblk, uint32_t len,
				      uint64_t block, bool unwritten)
{
	return (struct ext4_extent){
		.block = lblk,
		.len = (uint16_t)(len + (unwritten ? EXTENT_MAX_LEN : 0)),
		.start_hi = (uint16_t)(block >> 32),
		.start_lo = (uint32_t)block,
	};
}

void ext4_extent_init(uint32_t *root)
{
	struct ext4_extent_header *header = (void *)root;

	memset(root, 0, EXT4_NUM_BLOCKS * sizeof(*root));
	header->magic = EXTENT_MAGIC;
	header->max = ROOT_MAX;
}

/* ---- Finding ---- */

static unsigned int block_max(const struct ext4 *fs)
{
	return (fs->block_size -
		(unsigned int)sizeof(struct ext4_extent_header)) /
	       (unsigned int)sizeof(struct ext4_extent);
}

static int check_header(const struct inode *inode, const struct level *level,
			unsigned int depth)
{
	const struct ext4 *fs = ext4_fs_of(inode);
	const struct ext4_extent_header *header = level->header;
	unsigned int max = level->meta ? block_max(fs) : ROOT_MAX;

	if (header->magic == EXTENT_MAGIC && header->depth == depth &&
	    header->max <= max && header->max > 0 &&
	    header->entries <= header->max &&
	    (!level->meta || header->entries > 0))
		return 0;
	return ext4_inode_error(inode, "a broken tree of extents");
}

static void path_put_all(struct path_to *path)
{
	struct ext4 *fs = ext4_fs_of(path->inode);

	for (unsigned int i = 0; i <= EXTENT_MAX_DEPTH; i++) {
		meta_put(&fs->cache, path->level[i].meta);
		path->level[i].meta = NULL;
	}
}

/* The last entry whose key is not above @lblk; -1: none. */
static int search(const struct level *level, uint32_t lblk)
{
	int low = 0, high = level->header->entries;

	while (low < high) {
		int middle = (low + high) / 2;

		if (key_at(level, middle) <= lblk)
			low = middle + 1;
		else
			high = middle;
	}
	return low - 1;
}

static int read_child(struct path_to *path, unsigned int i)
{
	struct inode *inode = path->inode;
	struct ext4 *fs = ext4_fs_of(inode);
	const struct level *parent = &path->level[i - 1];
	const struct ext4_extent_index *index = &indexes(parent)[parent->at];
	uint64_t block = index->leaf_lo | (uint64_t)index->leaf_hi << 32;
	struct level *level = &path->level[i];
	int err;

	if (!ext4_blocks_valid(fs, block, 1))
		return ext4_inode_error(inode, "a broken tree of extents");
	err = ext4_read_verified(fs, block, META_EXTENTS, ext4_of(inode)->seed,
				 &level->meta);
	if (err)
		return err;
	level->header = level->meta->data;
	return 0;
}

/* From the root to the leaf where @lblk is or would be. */
static int find(struct path_to *path, struct inode *inode, uint32_t lblk)
{
	int err = 0;

	memset(path, 0, sizeof(*path));
	path->inode = inode;
	path->level[0].header = (void *)ext4_of(inode)->block;
	path->depth = path->level[0].header->depth;
	if (path->depth > EXTENT_MAX_DEPTH)
		return ext4_inode_error(inode, "a broken tree of extents");
	for (unsigned int i = 0; i <= path->depth; i++) {
		struct level *level = &path->level[i];

		if (i)
			err = read_child(path, i);
		if (!err)
			err = check_header(inode, level, path->depth - i);
		if (!err && i < path->depth && !level->header->entries)
			err = ext4_inode_error(inode, "an empty tree node");
		if (err)
			break;
		level->at = search(level, lblk);
		if (i < path->depth && level->at < 0)
			level->at = 0;
	}
	if (err)
		path_put_all(path);
	return err;
}

/* The first key behind the entry that was found; UINT32_MAX: none. */
static uint32_t next_key(const struct path_to *path)
{
	for (int i = (int)path->depth; i >= 0; i--) {
		const struct level *level = &path->level[i];

		if (level->at + 1 < level->header->entries)
			return key_at(level, level->at + 1);
	}
	return UINT32_MAX;
}

/* The extent that was found, if @lblk is in it; else NULL. */
static struct ext4_extent *extent_with(const struct path_to *path,
				       uint32_t lblk)
{
	const struct level *leaf = &path->level[path->depth];
	struct ext4_extent *e;

	if (leaf->at < 0)
		return NULL;
	e = &extents(leaf)[leaf->at];
	return lblk - e->block < extent_len(e) ? e : NULL;
}

int ext4_extent_map(struct inode *inode, uint32_t lblk, struct ext4_map *map,
		    uint32_t *start)
{
	const struct ext4_extent *e;
	struct path_to path;
	uint32_t next;
	int err;

	err = find(&path, inode, lblk);
	if (err)
		return err;
	*start = lblk;
	e = extent_with(&path, lblk);
	if (e) {
		*start = e->block;
		map->block = extent_start(e);
		map->len = extent_len(e);
		map->flags = MAP_MAPPED;
		if (extent_unwritten(e))
			map->flags |= MAP_UNWRITTEN;
		goto put;
	}
	next = next_key(&path);
	if (next <= lblk)
		err = ext4_inode_error(inode, "extents out of order");
	map->len = next - lblk;
put:
	path_put_all(&path);
	return err;
}

/* ---- Changing nodes ---- */

static int modify(struct handle *handle, const struct path_to *path,
		  unsigned int i)
{
	const struct level *level = &path->level[i];

	if (!level->meta)
		return 0; /* the caller makes the inode dirty */
	return journal_modify(handle, level->meta, META_EXTENTS,
			      ext4_of(path->inode)->seed);
}

/* T1: the first key of level @i became @key. */
static int update_keys(struct handle *handle, const struct path_to *path,
		       unsigned int i, uint32_t key)
{
	int err = 0;

	while (!err && i > 0) {
		const struct level *parent = &path->level[--i];

		err = modify(handle, path, i);
		if (!err)
			indexes(parent)[parent->at].block = key;
		if (parent->at > 0)
			break;
	}
	return err;
}

static void insert_entry(struct level *level, int at, const void *entry)
{
	struct ext4_extent *e = extents(level);

	memmove(&e[at + 1], &e[at],
		(size_t)(level->header->entries - at) * sizeof(*e));
	memcpy(&e[at], entry, sizeof(*e));
	level->header->entries++;
}

static void delete_entry(struct level *level, int at)
{
	struct ext4_extent *e = extents(level);

	level->header->entries--;
	memmove(&e[at], &e[at + 1],
		(size_t)(level->header->entries - at) * sizeof(*e));
}

static int new_node(struct handle *handle, struct path_to *path,
		    unsigned int depth, struct meta **out)
{
	struct inode *inode = path->inode;
	struct ext4 *fs = ext4_fs_of(inode);
	struct ext4_extent_header *header;
	uint64_t block;
	int err;

	err = ext4_block_new(handle, ext4_goal(inode, 0), &block);
	if (err)
		return err;
	err = meta_create(&fs->cache, block, out);
	if (err)
		return err;
	err = journal_modify(handle, *out, META_EXTENTS, ext4_of(inode)->seed);
	if (err) {
		meta_put(&fs->cache, *out);
		return err;
	}
	meta_set_verified(&fs->cache, *out, META_EXTENTS);
	ext4_add_blocks(inode, 1);
	header = (*out)->data;
	header->magic = EXTENT_MAGIC;
	header->max = (uint16_t)block_max(fs);
	header->depth = (uint16_t)depth;
	return 0;
}

static struct ext4_extent_index make_index(uint32_t key, uint64_t block)
{
	return (struct ext4_extent_index){
		.block = key,
		.leaf_lo = (uint32_t)block,
		.leaf_hi = (uint16_t)(block >> 32),
	};
}

/* The root is full: its entries move into a block below it. */
static int grow(struct handle *handle, struct path_to *path)
{
	struct ext4 *fs = ext4_fs_of(path->inode);
	struct level *root = &path->level[0];
	struct ext4_extent_index index;
	struct level child;
	struct meta *meta;
	int err;

	if (path->depth == EXTENT_MAX_DEPTH)
		return -EFBIG;
	err = new_node(handle, path, path->depth, &meta);
	if (err)
		return err;
	child = (struct level){ meta, meta->data, 0 };
	memcpy(extents(&child), extents(root),
	       root->header->entries * sizeof(struct ext4_extent));
	child.header->entries = root->header->entries;
	index = make_index(key_at(root, 0), meta->block);
	root->header->entries = 0;
	root->header->depth++;
	insert_entry(root, 0, &index);
	meta_put(&fs->cache, meta);
	return 0;
}

/* Level @i is full, its parent is not: half of it moves to a new node; if the
 * new entry comes behind all, only one does, and the node stays full. */
static int split(struct handle *handle, struct path_to *path, unsigned int i)
{
	struct ext4 *fs = ext4_fs_of(path->inode);
	struct level *node = &path->level[i], *parent = &path->level[i - 1];
	int entries = node->header->entries;
	int keep = node->at == entries - 1 ? entries - 1 : entries / 2;
	struct ext4_extent_index index;
	struct level new;
	struct meta *meta;
	int err;

	err = modify(handle, path, i);
	if (!err)
		err = modify(handle, path, i - 1);
	if (!err)
		err = new_node(handle, path, path->depth - i, &meta);
	if (err)
		return err;
	new = (struct level){ meta, meta->data, 0 };
	memcpy(extents(&new), &extents(node)[keep],
	       (size_t)(entries - keep) * sizeof(struct ext4_extent));
	new.header->entries = (uint16_t)(entries - keep);
	node->header->entries = (uint16_t)keep;
	index = make_index(key_at(&new, 0), meta->block);
	insert_entry(parent, parent->at + 1, &index);
	meta_put(&fs->cache, meta);
	return 0;
}

/* One step towards room in the leaf; the path is not valid afterwards. */
static int make_room(struct handle *handle, struct path_to *path)
{
	unsigned int i = path->depth;

	while (i > 0 && path->level[i - 1].header->entries >=
				path->level[i - 1].header->max)
		i--;
	return i == 0 ? grow(handle, path) : split(handle, path, i);
}

/* ---- Inserting ---- */

static bool follows(const struct ext4_extent *a, const struct ext4_extent *b)
{
	uint32_t max = extent_unwritten(a) ? EXTENT_MAX_UNINIT : EXTENT_MAX_LEN;

	return extent_unwritten(a) == extent_unwritten(b) &&
	       a->block + extent_len(a) == b->block &&
	       extent_start(a) + extent_len(a) == extent_start(b) &&
	       extent_len(a) + extent_len(b) <= max;
}

/* Grow a neighbour instead of adding an entry. */
static int try_merge(struct handle *handle, const struct path_to *path,
		     const struct ext4_extent *new, bool *merged)
{
	struct level leaf = path->level[path->depth];
	struct ext4_extent *e = extents(&leaf);
	int at = leaf.at, next = at + 1, err = 0;

	if (at >= 0 && follows(&e[at], new)) {
		*merged = true;
		e[at].len = (uint16_t)(e[at].len + extent_len(new));
		if (next < leaf.header->entries && follows(&e[at], &e[next])) {
			e[at].len =
				(uint16_t)(e[at].len + extent_len(&e[next]));
			delete_entry(&leaf, next);
		}
	} else if (next < leaf.header->entries && follows(new, &e[next])) {
		uint16_t len = (uint16_t)(e[next].len + extent_len(new));

		*merged = true;
		e[next] = *new;
		e[next].len = len;
		if (next == 0)
			err = update_keys(handle, path, path->depth,
					  new->block);
	}
	return err;
}

/* With @merge a neighbour may grow instead. */
static int insert(struct handle *handle, struct inode *inode,
		  const struct ext4_extent *new, bool merge)
{
	for (;;) {
		struct path_to path;
		struct level *leaf;
		bool done = false;
		int err;

		err = find(&path, inode, new->block);
		if (err)
			return err;
		leaf = &path.level[path.depth];
		err = modify(handle, &path, path.depth);
		if (!err && merge)
			err = try_merge(handle, &path, new, &done);
		if (err || done)
			goto put;
		if (leaf->header->entries < leaf->header->max) {
			int at = leaf->at + 1;

			insert_entry(leaf, at, new);
			if (at == 0)
				err = update_keys(handle, &path, path.depth,
						  new->block);
			done = true;
		} else {
			err = make_room(handle, &path);
		}
put:
		path_put_all(&path);
		if (err || done)
			return err;
	}
}

/* ---- Removing ---- */

/* T2: the leaf is empty: it and parents that become empty go. */
static int remove_empty(struct handle *handle, struct path_to *path)
{
	struct ext4_extent_header *root = path->level[0].header;
	unsigned int i = path->depth;
	int err = 0;

	while (!err && i > 0 && !path->level[i].header->entries) {
		struct level *parent = &path->level[i - 1];
		uint64_t block = path->level[i].meta->block;

		err = ext4_blocks_prepare_free(handle->fs, block);
		if (!err)
			err = modify(handle, path, i - 1);
		if (err)
			break;
		delete_entry(parent, parent->at);
		if (parent->at == 0 && parent->header->entries && i > 1)
			err = update_keys(handle, path, i - 1,
					  key_at(parent, 0));
		if (!err)
			err = ext4_blocks_free(handle, block, 1, true);
		ext4_add_blocks(path->inode, -1);
		i--;
	}
	if (!root->entries)
		root->depth = 0;
	return err;
}

/*
 * Take blocks [@from, @to] of the extent that was found out of the map. What
 * lies behind them, if anything, comes back in *@rest (len 0: nothing).
 */
static int cut(struct handle *handle, struct path_to *path, uint32_t from,
	       uint32_t to, struct ext4_extent *rest)
{
	struct level *leaf = &path->level[path->depth];
	struct ext4_extent *e = &extents(leaf)[leaf->at];
	uint32_t end = e->block + extent_len(e); /* one behind */
	bool unwritten = extent_unwritten(e), first = from == e->block;
	struct ext4_extent tail =
		make_extent(to + 1, end - to - 1,
			    extent_start(e) + (to + 1 - e->block), unwritten);
	int err = modify(handle, path, path->depth);

	rest->len = 0;
	if (err)
		return err;
	if (first && to + 1 == end) {
		delete_entry(leaf, leaf->at);
		if (!leaf->header->entries)
			return remove_empty(handle, path);
		if (leaf->at == 0)
			err = update_keys(handle, path, path->depth,
					  key_at(leaf, 0));
	} else if (first) {
		*e = tail;
		if (leaf->at == 0)
			err = update_keys(handle, path, path->depth, e->block);
	} else {
		*e = make_extent(e->block, from - e->block, extent_start(e),
				 unwritten);
		if (to + 1 < end)
			*rest = tail;
	}
	return err;
}

/* Find the first extent that reaches into [@first, @last]; *@found: there is
 * one; path->level[depth].at is it. */
static int find_in(struct path_to *path, struct inode *inode, uint32_t first,
		   uint32_t last, bool *found)
{
	uint32_t next;
	int err;

	*found = false;
	err = find(path, inode, first);
	if (err)
		return err;
	*found = extent_with(path, first);
	if (*found)
		return 0;
	next = next_key(path);
	path_put_all(path);
	if (next == UINT32_MAX || next > last)
		return 0;
	if (next <= first)
		return ext4_inode_error(inode, "extents out of order");
	err = find(path, inode, next);
	if (err)
		return err;
	*found = path->level[path->depth].at >= 0;
	if (!*found) {
		path_put_all(path);
		return ext4_inode_error(inode, "extents out of order");
	}
	return 0;
}

/* How many blocks from @block on are in its group. */
static uint32_t left_in_group(const struct ext4 *fs, uint64_t block)
{
	return fs->blocks_per_group -
	       (uint32_t)((block - fs->first_block) % fs->blocks_per_group);
}

/* One extent's part of [@first, @last]. *@next: go on there. */
static int remove_step(struct handle *handle, struct inode *inode,
		       uint32_t first, uint32_t last, bool free, uint32_t *next)
{
	struct ext4 *fs = ext4_fs_of(inode);
	struct ext4_extent rest;
	const struct ext4_extent *e;
	struct path_to path;
	uint32_t from, to, len;
	uint64_t block;
	bool found;
	int err;

	*next = last + 1;
	err = find_in(&path, inode, first, last, &found);
	if (err || !found)
		return err;
	e = &extents(&path.level[path.depth])[path.level[path.depth].at];
	from = MAX(first, e->block);
	len = extent_len(e);
	to = MIN(last, e->block + len - 1);
	block = extent_start(e) + (from - e->block);
	len = to - from + 1;
	if (!ext4_blocks_valid(fs, block, len)) {
		path_put_all(&path);
		return ext4_inode_error(inode,
					"blocks that are not on the disk");
	}
	if (free)
		len = MIN(len, left_in_group(fs, block));
	to = from + len - 1;
	err = free ? ext4_blocks_prepare_free(fs, block) : 0;
	if (!err)
		err = cut(handle, &path, from, to, &rest);
	path_put_all(&path);
	if (!err && rest.len)
		err = insert(handle, inode, &rest, true);
	if (!err && free) {
		err = ext4_blocks_free(handle, block, len,
				       S_ISDIR(inode->mode) ||
					       S_ISLNK(inode->mode));
		ext4_add_blocks(inode, -(int64_t)len);
	}
	*next = to + 1;
	return err;
}

int ext4_extent_remove(struct handle *handle, struct inode *inode,
		       uint32_t first, uint32_t last, uint32_t *next)
{
	int err = 0;

	*next = first;
	while (!err && *next <= last) {
		err = remove_step(handle, inode, *next, last, true, next);
		if (!journal_extend(handle, CREDITS_MAP_REMOVE))
			break;
	}
	return err;
}

int ext4_extent_set(struct handle *handle, struct inode *inode, uint32_t lblk,
		    uint32_t len, uint64_t block, bool unwritten)
{
	uint32_t max = unwritten ? EXTENT_MAX_UNINIT : EXTENT_MAX_LEN;
	uint32_t next = lblk, last = lblk + len - 1;
	int err = 0;

	while (!err && next <= last)
		err = remove_step(handle, inode, next, last, false, &next);
	while (!err && len) {
		uint32_t part = MIN(len, max);
		struct ext4_extent new =
			make_extent(lblk, part, block, unwritten);

		err = insert(handle, inode, &new, true);
		lblk += part;
		block += part;
		len -= part;
	}
	return err;
}

/* ---- Moving ---- */

/*
 * Entries from @at on of the leaf that was found get keys @distance further.
 * No node comes or goes, so there is always room.
 */
static int move_keys(struct handle *handle, const struct path_to *path, int at,
		     int64_t distance)
{
	const struct level *leaf = &path->level[path->depth];
	int err = modify(handle, path, path->depth);

	/* All that update_keys() wants, before anything is changed. */
	for (unsigned int i = path->depth; !err && at == 0 && i > 0; i--) {
		err = modify(handle, path, i - 1);
		if (path->level[i - 1].at > 0)
			break;
	}
	if (err)
		return err;
	for (int i = at; i < leaf->header->entries; i++) {
		struct ext4_extent *e = &extents(leaf)[i];

		e->block = (uint32_t)((int64_t)e->block + distance);
	}
	return at ? 0 : update_keys(handle, path, path->depth, key_at(leaf, 0));
}

static uint64_t extent_end(const struct ext4_extent *e)
{
	return (uint64_t)e->block + extent_len(e);
}

int ext4_extent_move_left(struct handle *handle, struct inode *inode,
			  uint32_t distance, uint32_t *next)
{
	const struct ext4_extent *e;
	struct path_to path;
	struct level *leaf;
	uint64_t end;
	bool found;
	int err;

	err = find_in(&path, inode, *next, UINT32_MAX - 1, &found);
	if (err || !found) {
		*next = UINT32_MAX;
		return err;
	}
	leaf = &path.level[path.depth];
	e = extents(leaf);
	end = extent_end(&e[leaf->header->entries - 1]);
	if (e[leaf->at].block < *next || end <= *next || end > UINT32_MAX)
		err = ext4_inode_error(inode, "extents out of order");
	else
		err = move_keys(handle, &path, leaf->at, -(int64_t)distance);
	*next = (uint32_t)end;
	path_put_all(&path);
	return err;
}

int ext4_extent_move_right(struct handle *handle, struct inode *inode,
			   uint32_t from, uint32_t distance, uint32_t *end)
{
	struct path_to path;
	struct level *leaf;
	int err, first;

	err = find(&path, inode, *end - 1);
	if (err)
		return err;
	leaf = &path.level[path.depth];
	first = from ? search(leaf, from - 1) + 1 : 0;
	if (leaf->at < first) {
		*end = from; /* nothing is left */
	} else if (leaf->at != leaf->header->entries - 1 ||
		   key_at(leaf, first) >= *end) {
		err = ext4_inode_error(inode, "extents out of order");
	} else {
		*end = first ? from : key_at(leaf, 0);
		err = move_keys(handle, &path, first, distance);
	}
	path_put_all(&path);
	return err;
}

int ext4_extent_end(struct inode *inode, uint64_t *end)
{
	const struct level *leaf;
	struct path_to path;
	int err;

	*end = 0;
	err = find(&path, inode, UINT32_MAX - 1);
	if (err)
		return err;
	leaf = &path.level[path.depth];
	if (leaf->at >= 0)
		*end = extent_end(&extents(leaf)[leaf->at]);
	path_put_all(&path);
	return 0;
}

int ext4_extent_split(struct handle *handle, struct inode *inode, uint32_t at)
{
	struct ext4_extent tail, *e;
	struct path_to path;
	uint32_t head;
	int err;

	err = find(&path, inode, at);
	if (err)
		return err;
	e = extent_with(&path, at);
	head = e ? at - e->block : 0;
	if (!head) {
		path_put_all(&path);
		return 0;
	}
	tail = make_extent(at, extent_len(e) - head, extent_start(e) + head,
			   extent_unwritten(e));
	err = modify(handle, &path, path.depth);
	if (!err)
		*e = make_extent(e->block, head, extent_start(e),
				 extent_unwritten(e));
	path_put_all(&path);
	if (err)
		return err;
	err = insert(handle, inode, &tail, false);
	if (err) /* no room: as it was, which takes none */
		insert(handle, inode, &tail, true);
	return err;
}

int ext4_extent_join(struct handle *handle, struct inode *inode, uint32_t at)
{
	struct ext4_extent *e;
	struct path_to path;
	struct level *leaf;
	int err;

	err = find(&path, inode, at);
	if (err)
		return err;
	leaf = &path.level[path.depth];
	e = &extents(leaf)[leaf->at];
	if (leaf->at > 0 && e->block == at && follows(e - 1, e)) {
		err = modify(handle, &path, path.depth);
		if (!err) {
			e[-1].len = (uint16_t)(e[-1].len + extent_len(e));
			delete_entry(leaf, leaf->at);
		}
	}
	path_put_all(&path);
	return err;
}
