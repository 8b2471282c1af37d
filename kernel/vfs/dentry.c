/* SPDX-License-Identifier: MIT */
/*
 * dentry.c - the memory of names: which name in which directory is which inode
 *
 * Idea: looking a name up in a directory may mean reading a disk, so answers
 * are remembered, also the answer "there is no such name" (a negative dentry:
 * the shell asks for a command in every directory of PATH). The cache is a
 * hash by (directory, name); it forgets what was not used for long.
 *
 * Invariants
 *   D1  The cache holds one reference to every hashed dentry; a dentry holds
 *       one to its parent. So refs of a hashed dentry is never 0, and 1 means
 *       that nobody uses it: only then may it be forgotten.
 *   D2  A dentry is on its parent's list of children and on the clock exactly
 *       while it is hashed. Roots and anonymous dentries never are.
 *   D3  A name is hashed at most once for one parent. New dentries are added
 *       with the directory's inode locked, which makes it so.
 *   D4  An unhashed dentry never becomes hashed again.
 *   D5  A dentry that somebody (not the cache) holds does not become negative.
 *
 * Reading without the lock. A walk (path.c) follows the chains and the fields
 * marked (r) inside a read section: memory of dentries and inodes is freed when
 * all readers are done. It may meet what is changed just now:
 *   - new and forgotten names: either answer is right;
 *   - renames and mounts write to dentry_seq: who notices looks again, locked;
 *   - a dentry that was found without the lock may be on its way out: who wants
 *     it needs refcount_get_unless_zero(), and whoever makes decisions from the
 *     count being low freezes it (refcount_freeze()).
 *
 * The clock: a list of all hashed dentries. To make room a hand goes around;
 * who was used since its last pass gets another round.
 *
 * Locks: dentry_lock for all changes. References to inodes and parents are
 * dropped after it is released, because that may free an inode and sleep.
 * Read: OSTEP ch. 22 (clock replacement), ch. 40 (path traversal).
 */
#include "kernel/vfs/path.h"

#include "kernel/debug/panic.h"
#include "kernel/lib/string.h"
#include "kernel/mm/page.h"
#include "kernel/mm/slab.h"
#include "kernel/vfs/internal.h"

/* Of this many dentries at once are looked at while the lock is held. */
#define SHRINK_BATCH 32u

struct spinlock dentry_lock = SPINLOCK_INIT(LOCK_DENTRY);
struct seqlock dentry_seq;

static struct slab_cache *dentry_slab;

/* Fixed after boot. */
static struct chain *buckets;
static unsigned int bucket_shift; /* 32 - log2 of their number */
static unsigned int max_dentries;

/* Under dentry_lock. */
static struct list_head clock_list = LIST_HEAD_INIT(clock_list);
static unsigned int num_hashed;

/* ---- Set up ---- */

void dentry_cache_init(void)
{
	struct memory_info info;
	unsigned int log2_buckets = 9;

	memory_get_info(&info);
	/* One bucket for 64 KiB of memory; a dentry for 16 KiB. */
	while (log2_buckets < 17 && (16UL << log2_buckets) < info.managed)
		log2_buckets++;
	bucket_shift = 32 - log2_buckets;
	max_dentries = (unsigned int)MAX(info.managed / 4, (uint64_t)2048);

	buckets = kzalloc(sizeof(*buckets) << log2_buckets);
	dentry_slab = slab_cache_create("dentry", sizeof(struct dentry), 0);
	assert(buckets && dentry_slab);
}

static struct chain *bucket_of(const struct dentry *parent, uint32_t hash)
{
	uint32_t mixed = hash ^ (uint32_t)((uintptr_t)parent >> 4);

	return &buckets[(mixed * 0x9e3779b1u) >> bucket_shift];
}

/* ---- One dentry ---- */

static char *name_memory(struct dentry *dentry, size_t len)
{
	if (len < DENTRY_SHORT_NAME)
		return dentry->short_name;
	return kmalloc(len + 1);
}

/* With one reference, in no tree. @parent NULL: a root or anonymous. */
static struct dentry *dentry_alloc(struct dentry *parent,
				   struct super_block *sb, const char *name,
				   size_t len, uint32_t hash)
{
	struct dentry *dentry = slab_alloc(dentry_slab);

	if (!dentry)
		return NULL;
	dentry->name = name_memory(dentry, len);
	if (!dentry->name) {
		slab_free(dentry_slab, dentry);
		return NULL;
	}
	memcpy(dentry->name, name, len);
	dentry->name[len] = '\0';
	dentry->name_len = (unsigned int)len;
	dentry->hash = hash;
	refcount_init(&dentry->refs, 1);
	dentry->inode = NULL;
	dentry->parent = parent ? dentry_get(parent) : dentry;
	dentry->hashed = false;
	dentry->mount_point = false;
	dentry->recently_used = false;
	dentry->sb = sb;
	list_init(&dentry->sibling);
	list_init(&dentry->children);
	list_init(&dentry->lru);
	return dentry;
}

static void free_memory(struct deferred *deferred)
{
	struct dentry *dentry = container_of(deferred, struct dentry, deferred);

	if (dentry->name != dentry->short_name)
		kfree(dentry->name);
	slab_free(dentry_slab, dentry);
}

static void dentry_free(struct dentry *dentry)
{
	struct inode *inode = dentry->inode;

	/* Nobody ever walked over a pipe's or a socket's. */
	if (dentry->parent == dentry && dentry->sb->nameless)
		free_memory(&dentry->deferred);
	else
		deferred_call(&dentry->deferred, free_memory);
	inode_put(inode);
}

struct dentry *dentry_get(struct dentry *dentry)
{
	refcount_get(&dentry->refs);
	return dentry;
}

/* Its count is 0. A loop, not recursion: a deep tree must not need a deep stack. */
static void dentry_release(struct dentry *dentry)
{
	for (;;) {
		struct dentry *parent = dentry->parent;
		bool has_parent = parent != dentry;

		debug_assert(!dentry->hashed); /* D1 */
		dentry_free(dentry);
		if (!has_parent || !refcount_put(&parent->refs))
			return;
		dentry = parent;
	}
}

void dentry_put(struct dentry *dentry)
{
	if (dentry && refcount_put(&dentry->refs))
		dentry_release(dentry);
}

struct dentry *dentry_make_root(struct super_block *sb, struct inode *inode)
{
	struct dentry *dentry;

	dentry = dentry_alloc(NULL, sb, "/", 1, 0);
	if (!dentry) {
		inode_put(inode);
		return NULL;
	}
	dentry->inode = inode;
	sb->root = dentry;
	return dentry;
}

struct dentry *dentry_make_anonymous(struct inode *inode, const char *name)
{
	struct dentry *dentry;

	dentry = dentry_alloc(NULL, inode->sb, name, strlen(name), 0);
	if (!dentry) {
		inode_put(inode);
		return NULL;
	}
	dentry->inode = inode;
	return dentry;
}

/* ---- The hash ---- */

/* Names are short: comparing in place is cheaper than calling memcmp(). */
static bool is_called(const struct dentry *dentry, const char *name, size_t len)
{
	const char *own = READ_ONCE(dentry->name);

	if (READ_ONCE(dentry->name_len) != len)
		return false;
	/* A rename may be under way. */
	if (unlikely(len >= DENTRY_SHORT_NAME) && own == dentry->short_name)
		return false;
	for (; len >= 4; len -= 4, own += 4, name += 4) {
		if (own[0] != name[0] || own[1] != name[1] ||
		    own[2] != name[2] || own[3] != name[3])
			return false;
	}
	for (size_t i = 0; i < len; i++) {
		if (own[i] != name[i])
			return false;
	}
	return true;
}

struct dentry *dentry_find(struct dentry *parent, const char *name, size_t len,
			   uint32_t hash)
{
	struct chain_node *node;

	chain_for_each(node, bucket_of(parent, hash))
	{
		struct dentry *dentry =
			container_of(node, struct dentry, hash_node);

		if (READ_ONCE(dentry->hash) == hash &&
		    READ_ONCE(dentry->parent) == parent &&
		    is_called(dentry, name, len)) {
			if (!READ_ONCE(dentry->recently_used))
				WRITE_ONCE(dentry->recently_used, true);
			return dentry;
		}
	}
	return NULL;
}

static void hash_locked(struct dentry *dentry) MUST_HOLD(dentry_lock)
{
	chain_push(bucket_of(dentry->parent, dentry->hash), &dentry->hash_node);
	list_push_back(&dentry->parent->children, &dentry->sibling);
	list_push_back(&clock_list, &dentry->lru);
	dentry->hashed = true;
	refcount_get(&dentry->refs);
	num_hashed++;
}

/* The caller puts the cache's reference once the lock is released. */
static void unhash_locked(struct dentry *dentry) MUST_HOLD(dentry_lock)
{
	chain_remove(&dentry->hash_node);
	list_remove(&dentry->sibling);
	list_remove(&dentry->lru);
	dentry->hashed = false;
	num_hashed--;
}

static void dentry_hash(struct dentry *dentry)
{
	bool full;

	spin_lock(&dentry_lock);
	hash_locked(dentry);
	full = num_hashed > max_dentries;
	spin_unlock(&dentry_lock);
	if (full)
		dentry_shrink(2 * SHRINK_BATCH);
}

static void dentry_unhash(struct dentry *dentry)
{
	bool was_hashed;

	spin_lock(&dentry_lock);
	was_hashed = dentry->hashed;
	if (was_hashed)
		unhash_locked(dentry);
	spin_unlock(&dentry_lock);
	if (was_hashed)
		dentry_put(dentry);
}

/* ---- Looking up ---- */

/* In the cache with a reference; NULL: not there, or no longer right. */
static struct dentry *find_valid(struct dentry *dir, const char *name,
				 size_t len, uint32_t hash)
{
	const struct inode_ops *ops = dir->inode->ops;
	struct dentry *dentry;

	spin_lock(&dentry_lock);
	dentry = dentry_find(dir, name, len, hash);
	if (dentry)
		dentry_get(dentry);
	spin_unlock(&dentry_lock);
	if (!dentry || !ops->still_valid ||
	    ops->still_valid(dir->inode, dentry))
		return dentry;
	/* What is remembered below it would keep it for long. */
	dentry_prune(dentry);
	dentry_unhash(dentry);
	dentry_put(dentry);
	return NULL;
}

int dentry_lookup_locked(struct dentry *dir, const char *name, size_t len,
			 uint32_t hash, struct dentry **out)
{
	struct inode *inode = NULL;
	struct dentry *dentry;
	int err;

	if (!dir->inode->ops->lookup)
		return -ENOTDIR;
	dentry = find_valid(dir, name, len, hash);
	if (dentry) {
		*out = dentry;
		return 0;
	}
	dentry = dentry_alloc(dir, dir->sb, name, len, hash);
	if (!dentry)
		return -ENOMEM;
	err = dir->inode->ops->lookup(dir->inode, name, len, &inode);
	if (err && err != -ENOENT) {
		dentry_put(dentry);
		return err;
	}
	dentry->inode = err ? NULL : inode;
	/* What is not in a removed directory must not keep it in memory. */
	if (dentry->inode || (dir->sb->negative_dentries && dir->inode->nlink))
		dentry_hash(dentry);
	*out = dentry;
	return 0;
}

int dentry_lookup(struct dentry *dir, const char *name, size_t len,
		  uint32_t hash, struct dentry **out)
{
	int err;

	mutex_lock(&dir->inode->lock);
	err = dentry_lookup_locked(dir, name, len, hash, out);
	mutex_unlock(&dir->inode->lock);
	return err;
}

/* ---- Changes of names; directories locked by the caller ---- */

void dentry_set_inode(struct dentry *dentry, struct inode *inode)
{
	bool hashed;

	spin_lock(&dentry_lock);
	/* A walk that finds the inode finds it complete. */
	STORE_RELEASE(dentry->inode, inode);
	hashed = dentry->hashed;
	spin_unlock(&dentry_lock);
	if (!hashed)
		dentry_hash(dentry);
}

/* What nobody else uses becomes negative in place: the next question for the
 * name (or its next creation) finds it. */
void dentry_forget(struct dentry *dentry)
{
	struct inode *inode = NULL;
	bool sole_user;

	spin_lock(&dentry_lock);
	/* Cache and caller, and no walk on its way to a reference (D5). */
	sole_user = dentry->hashed && dentry->sb->negative_dentries &&
		    refcount_freeze(&dentry->refs, 2);
	if (sole_user) {
		inode = dentry->inode;
		WRITE_ONCE(dentry->inode, NULL);
		refcount_thaw(&dentry->refs, 2);
	}
	spin_unlock(&dentry_lock);
	if (sole_user)
		inode_put(inode);
	else
		dentry_unhash(dentry);
}

/* Allocated names change hands, short ones are copied: nothing can fail. */
static void names_swap(struct dentry *a, struct dentry *b)
	MUST_HOLD(dentry_lock)
{
	char *a_name = a->name == a->short_name ? NULL : a->name;
	char *b_name = b->name == b->short_name ? NULL : b->name;
	unsigned int len = a->name_len;
	uint32_t hash = a->hash;
	char text[DENTRY_SHORT_NAME];

	memcpy(text, a->short_name, sizeof(text));
	memcpy(a->short_name, b->short_name, sizeof(text));
	memcpy(b->short_name, text, sizeof(text));
	a->name = b_name ? b_name : a->short_name;
	b->name = a_name ? a_name : b->short_name;
	a->name_len = b->name_len;
	b->name_len = len;
	a->hash = b->hash;
	b->hash = hash;
}

static void parents_swap(struct dentry *a, struct dentry *b)
	MUST_HOLD(dentry_lock)
{
	struct dentry *parent = a->parent;

	a->parent = b->parent;
	b->parent = parent;
}

void dentry_move(struct dentry *dentry, struct dentry *target, bool exchange)
{
	bool dentry_hashed, target_hashed;

	spin_lock(&dentry_lock);
	dentry_hashed = dentry->hashed;
	target_hashed = target->hashed;
	seq_write_begin(&dentry_seq);
	if (dentry_hashed)
		unhash_locked(dentry);
	if (target_hashed)
		unhash_locked(target);
	names_swap(dentry, target);
	parents_swap(dentry, target);
	hash_locked(dentry);
	if (exchange)
		hash_locked(target);
	seq_write_end(&dentry_seq);
	spin_unlock(&dentry_lock);

	/* The cache's references from before. */
	if (dentry_hashed)
		dentry_put(dentry);
	if (target_hashed)
		dentry_put(target);
}

bool dentry_is_below(const struct dentry *dentry, const struct dentry *ancestor)
{
	bool below;

	spin_lock(&dentry_lock);
	while (dentry != ancestor && dentry->parent != dentry)
		dentry = dentry->parent;
	below = dentry == ancestor;
	spin_unlock(&dentry_lock);
	return below;
}

/* ---- Forgetting ---- */

/*
 * Turn the clock by up to SHRINK_BATCH dentries; those to be freed come out on
 * @victims, without any reference.
 * Returns how many were looked at.
 */
static unsigned int clock_turn(struct list_head *victims, unsigned int *freed,
			       unsigned int wanted) MUST_HOLD(dentry_lock)
{
	unsigned int seen = 0;

	while (seen < SHRINK_BATCH && *freed < wanted &&
	       !list_empty(&clock_list)) {
		struct dentry *dentry =
			list_first(&clock_list, struct dentry, lru);

		seen++;
		if (dentry->recently_used ||
		    !refcount_freeze(&dentry->refs, 1)) {
			dentry->recently_used = false;
			list_remove(&dentry->lru);
			list_push_back(&clock_list, &dentry->lru);
			continue;
		}
		unhash_locked(dentry);
		list_push_back(victims, &dentry->lru);
		(*freed)++;
	}
	return seen;
}

static void put_victims(struct list_head *victims)
{
	while (!list_empty(victims)) {
		struct dentry *dentry = list_first(victims, struct dentry, lru);

		list_remove(&dentry->lru);
		dentry_release(dentry);
	}
}

unsigned int dentry_shrink(unsigned int count)
{
	struct list_head victims = LIST_HEAD_INIT(victims);
	unsigned int freed = 0, seen = 0, limit;

	/* Two rounds: the first may find everything recently used. */
	limit = 2 * READ_ONCE(num_hashed) + SHRINK_BATCH;
	while (freed < count && seen < limit) {
		unsigned int turned;

		spin_lock(&dentry_lock);
		turned = clock_turn(&victims, &freed, count);
		spin_unlock(&dentry_lock);
		put_victims(&victims);
		if (!turned)
			break;
		seen += turned;
	}
	return freed;
}

/* The first dentry below @dir, in depth-first order, that nobody uses; without
 * any reference. */
static struct dentry *unused_below(struct dentry *dir) MUST_HOLD(dentry_lock)
{
	struct dentry *at = dir, *child;

	for (;;) {
		/* Down to a leaf. */
		while (!list_empty(&at->children))
			at = list_first(&at->children, struct dentry, sibling);
		/* Along and up until one is unused. */
		for (;;) {
			if (at == dir)
				return NULL;
			if (refcount_freeze(&at->refs, 1))
				return at;
			child = at;
			at = at->parent;
			if (child->sibling.next != &at->children)
				break;
		}
		at = list_first(&child->sibling, struct dentry, sibling);
	}
}

void dentry_prune(struct dentry *dir)
{
	struct dentry *dentry;

	for (;;) {
		spin_lock(&dentry_lock);
		dentry = unused_below(dir);
		if (dentry)
			unhash_locked(dentry);
		spin_unlock(&dentry_lock);
		if (!dentry)
			return;
		dentry_release(dentry);
	}
}

void dentry_forget_name(struct dentry *dir, const char *name)
{
	size_t len = strlen(name);
	struct dentry *dentry;

	spin_lock(&dentry_lock);
	dentry = dentry_find(dir, name, len, name_hash(name, len));
	if (dentry)
		dentry_get(dentry);
	spin_unlock(&dentry_lock);
	if (!dentry)
		return;
	dentry_prune(dentry);
	dentry_unhash(dentry);
	dentry_put(dentry);
}
