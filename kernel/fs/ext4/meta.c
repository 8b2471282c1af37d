/* SPDX-License-Identifier: MIT */
/*
 * meta.c - blocks of metadata in memory
 *
 * Idea: a hash table over the block number, and a list of those nobody uses in
 * the order of their last use; when there are more than the limit, the oldest
 * go.
 *
 * Locks: cache->lock, which is never held across a read; meta->read_lock lets
 * one thread read a block while others who want it wait.
 * Read: OSTEP ch. 40 (caching and buffering).
 */
#include "kernel/fs/ext4/internal.h"

#include "kernel/mm/page.h"
#include "kernel/mm/slab.h"

#define MIN_BUCKETS 256u

/* A sixteenth of memory at most, and something on the smallest machine. */
static unsigned int cache_limit(unsigned int block_size)
{
	struct memory_info info;
	uint64_t blocks;

	memory_get_info(&info);
	blocks = info.managed * PAGE_SIZE / 16 / block_size;
	blocks = MAX(blocks, (uint64_t)256);
	return (unsigned int)MIN(blocks, (uint64_t)1 << 20);
}

int meta_cache_init(struct meta_cache *cache, struct disk *disk,
		    unsigned int block_size)
{
	cache->disk = disk;
	cache->block_size = block_size;
	cache->num_blocks = disk_size(disk) / block_size;
	spin_init(&cache->lock, LOCK_SPIN_MISC);
	list_init(&cache->lru);
	list_init(&cache->dirty);
	cache->count = 0;
	cache->limit = cache_limit(block_size);
	cache->num_buckets = MIN_BUCKETS;
	while (cache->num_buckets < cache->limit / 4)
		cache->num_buckets *= 2;
	cache->buckets = kcalloc(cache->num_buckets, sizeof(struct list_head));
	if (!cache->buckets)
		return -ENOMEM;
	for (unsigned int i = 0; i < cache->num_buckets; i++)
		list_init(&cache->buckets[i]);
	return 0;
}

static void meta_free(struct meta *meta)
{
	kfree(meta->spare);
	kfree(meta->frozen);
	kfree(meta->data);
	kfree(meta);
}

void meta_cache_destroy(struct meta_cache *cache)
{
	if (!cache->buckets)
		return;
	for (unsigned int i = 0; i < cache->num_buckets; i++) {
		struct list_head *bucket = &cache->buckets[i];

		while (!list_empty(bucket)) {
			struct meta *meta =
				list_first(bucket, struct meta, hash_node);

			list_remove(&meta->hash_node);
			list_remove(&meta->lru_node);
			meta_free(meta);
		}
	}
	kfree(cache->buckets);
	cache->buckets = NULL;
}

/* ---- Finding ---- */

static struct list_head *bucket_of(struct meta_cache *cache, uint64_t block)
{
	uint64_t mixed = block ^ (block >> 15);

	return &cache->buckets[mixed & (cache->num_buckets - 1)];
}

/* With a reference; lock held. */
static struct meta *find_locked(struct meta_cache *cache, uint64_t block)
	MUST_HOLD(cache->lock)
{
	struct meta *meta;

	list_for_each (meta, bucket_of(cache, block), hash_node) {
		if (meta->block != block)
			continue;
		if (meta->refs++ == 0)
			list_remove(&meta->lru_node);
		return meta;
	}
	return NULL;
}

struct meta *meta_find(struct meta_cache *cache, uint64_t block)
{
	struct meta *meta;

	spin_lock(&cache->lock);
	meta = find_locked(cache, block);
	spin_unlock(&cache->lock);
	return meta;
}

static struct meta *meta_alloc(struct meta_cache *cache, uint64_t block)
{
	struct meta *meta = kzalloc(sizeof(*meta));

	if (!meta)
		return NULL;
	meta->data = kmalloc(cache->block_size);
	if (!meta->data) {
		kfree(meta);
		return NULL;
	}
	meta->block = block;
	meta->refs = 1;
	mutex_init(&meta->read_lock, LOCK_EXT4_READ);
	list_init(&meta->hash_node);
	list_init(&meta->lru_node);
	list_init(&meta->running_node);
	list_init(&meta->committing_node);
	list_init(&meta->checkpoint_node);
	list_init(&meta->forget_node);
	list_init(&meta->dirty_node);
	return meta;
}

/* In the table and with a reference, perhaps not read. */
static int get(struct meta_cache *cache, uint64_t block, struct meta **out)
{
	struct meta *meta = meta_find(cache, block), *new;

	*out = meta;
	if (meta)
		return 0;
	if (block >= cache->num_blocks)
		return -EUCLEAN;
	new = meta_alloc(cache, block);
	if (!new)
		return -ENOMEM;
	spin_lock(&cache->lock);
	meta = find_locked(cache, block);
	if (!meta) {
		list_push_front(bucket_of(cache, block), &new->hash_node);
		cache->count++;
	}
	spin_unlock(&cache->lock);
	if (meta)
		meta_free(new);
	*out = meta ? meta : new;
	if (READ_ONCE(cache->count) > cache->limit)
		meta_cache_shrink(cache, 16);
	return 0;
}

static void set_flags(struct meta_cache *cache, struct meta *meta,
		      unsigned int flags)
{
	spin_lock(&cache->lock);
	meta->flags |= flags;
	spin_unlock(&cache->lock);
}

/* pairs with the release in mark_read() */
static bool is_read(const struct meta *meta)
{
	return __atomic_load_n(&meta->flags, __ATOMIC_ACQUIRE) & META_UPTODATE;
}

static void mark_read(struct meta_cache *cache, struct meta *meta)
{
	spin_lock(&cache->lock);
	/* pairs with the acquire in is_read(): data before the flag */
	STORE_RELEASE(meta->flags, meta->flags | META_UPTODATE);
	spin_unlock(&cache->lock);
}

static int read_in(struct meta_cache *cache, struct meta *meta)
{
	struct disk_part part = { meta->block * cache->block_size, meta->data,
				  cache->block_size };
	int err = 0;

	mutex_lock(&meta->read_lock);
	if (!is_read(meta)) {
		err = disk_read(cache->disk, &part, 1);
		if (!err)
			mark_read(cache, meta);
	}
	mutex_unlock(&meta->read_lock);
	return err;
}

int meta_read(struct meta_cache *cache, uint64_t block, struct meta **out)
{
	int err = get(cache, block, out);

	if (!err && unlikely(!is_read(*out))) {
		err = read_in(cache, *out);
		if (err)
			meta_put(cache, *out);
	}
	if (err)
		*out = NULL;
	return err;
}

int meta_create(struct meta_cache *cache, uint64_t block, struct meta **out)
{
	int err = get(cache, block, out);

	if (err) {
		*out = NULL;
		return err;
	}
	mutex_lock(&(*out)->read_lock);
	memset((*out)->data, 0, cache->block_size);
	(*out)->kind = META_PLAIN;
	mark_read(cache, *out);
	mutex_unlock(&(*out)->read_lock);
	return 0;
}

/* ---- References ---- */

void meta_hold(struct meta_cache *cache, struct meta *meta)
{
	spin_lock(&cache->lock);
	assert(meta->refs > 0);
	meta->refs++;
	spin_unlock(&cache->lock);
}

void meta_put(struct meta_cache *cache, struct meta *meta)
{
	bool gone = false;

	if (!meta)
		return;
	spin_lock(&cache->lock);
	assert(meta->refs > 0);
	if (--meta->refs == 0) {
		if (list_empty(&meta->hash_node))
			gone = true; /* dropped */
		else
			list_push_back(&cache->lru, &meta->lru_node);
	}
	spin_unlock(&cache->lock);
	if (gone)
		meta_free(meta);
}

void meta_drop(struct meta_cache *cache, struct meta *meta)
{
	bool was_dirty = false;

	spin_lock(&cache->lock);
	if (!list_empty(&meta->hash_node)) {
		list_remove(&meta->hash_node);
		cache->count--;
	}
	if (meta->flags & META_DIRTY) {
		meta->flags &= ~META_DIRTY;
		list_remove(&meta->dirty_node);
		was_dirty = true;
	}
	spin_unlock(&cache->lock);
	if (was_dirty)
		meta_put(cache, meta);
}

unsigned int meta_cache_shrink(struct meta_cache *cache, unsigned int count)
{
	struct list_head gone = LIST_HEAD_INIT(gone);
	unsigned int done = 0;

	spin_lock(&cache->lock);
	while (done < count && !list_empty(&cache->lru)) {
		struct meta *meta =
			list_first(&cache->lru, struct meta, lru_node);

		list_remove(&meta->lru_node);
		list_remove(&meta->hash_node);
		list_push_back(&gone, &meta->lru_node);
		cache->count--;
		done++;
	}
	spin_unlock(&cache->lock);
	while (!list_empty(&gone)) {
		struct meta *meta = list_first(&gone, struct meta, lru_node);

		list_remove(&meta->lru_node);
		meta_free(meta);
	}
	return done;
}

void meta_set_verified(struct meta_cache *cache, struct meta *meta,
		       enum meta_kind kind)
{
	meta->kind = kind;
	set_flags(cache, meta, META_VERIFIED);
}

/* ---- Without a journal ---- */

void meta_mark_dirty(struct meta_cache *cache, struct meta *meta)
{
	spin_lock(&cache->lock);
	if (!(meta->flags & META_DIRTY)) {
		meta->flags |= META_DIRTY;
		meta->refs++;
		list_push_back(&cache->dirty, &meta->dirty_node);
	}
	spin_unlock(&cache->lock);
}

static struct meta *take_dirty(struct meta_cache *cache)
{
	struct meta *meta = NULL;

	spin_lock(&cache->lock);
	if (!list_empty(&cache->dirty)) {
		meta = list_first(&cache->dirty, struct meta, dirty_node);
		list_remove(&meta->dirty_node);
		meta->flags &= ~META_DIRTY;
	}
	spin_unlock(&cache->lock);
	return meta;
}

/* Who changes a block meanwhile makes it dirty again. Without a journal there
 * is no promise about what a crash leaves. */
int meta_write_dirty(struct ext4 *fs)
{
	struct meta_cache *cache = &fs->cache;
	struct meta *meta;
	int result = 0;

	while ((meta = take_dirty(cache))) {
		struct disk_part part = { meta->block * cache->block_size,
					  meta->data, cache->block_size };
		int err;

		meta_seal(fs, meta); /* a bitmap makes its group dirty */
		err = disk_write(cache->disk, &part, 1, 0);
		if (err && !result)
			result = err;
		meta_put(cache, meta);
	}
	return result;
}
