/* SPDX-License-Identifier: MIT */
/*
 * inode.c - files of the host as inodes: which is which, and what is known of it
 *
 * Idea: the host numbers its files (qid.path); a table finds the inode that we
 * have for a number, so that two names of a file share its pages. What the host
 * says about a file is believed for a moment only, since somebody there may be
 * at work too: when size or time of a regular file have changed without us,
 * its pages are forgotten.
 *
 * Invariants
 *   P1  Attributes that were asked for before a change of ours, or during one,
 *	 do not set the size.
 *   P2  In the table is at most one inode of a number that still has users.
 *
 * Locks: the mount's table_lock for the table; a node's lock for its fids and
 * for what was seen. Neither is held while the host is asked.
 */
#include "kernel/fs/9p/internal.h"

#include "kernel/mm/page.h"
#include "kernel/mm/slab.h"
#include "kernel/time/clock.h"

/* What the host said so lately is not asked again: a walk along a path and
 * the stat at its end are one question. */
#define FRESH_NS (2 * NSEC_PER_MSEC)

static struct list_head *bucket_of(struct p9_mount *mount, uint64_t path)
{
	return &mount->nodes[(path ^ (path >> 7)) % P9_BUCKETS];
}

struct p9_fid *p9_inode_fid(struct inode *inode)
{
	struct p9_node *node = p9_node(inode);
	struct p9_fid *fid;

	spin_lock(&node->lock);
	fid = p9_fid_get(node->fid);
	spin_unlock(&node->lock);
	return fid;
}

uint64_t p9_name_id(struct inode *dir, const char *name, size_t len)
{
	uint64_t hash = 14695981039346656037u ^ p9_node(dir)->seen.qid.path;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ (unsigned char)name[i]) * 1099511628211u;
	return hash ? hash : 1;
}

void p9_inode_expire(struct inode *inode)
{
	struct p9_node *node = p9_node(inode);

	spin_lock(&node->lock);
	node->seen_ns = 0;
	spin_unlock(&node->lock);
}

/* ---- What the host says ---- */

void p9_change_begin(struct inode *inode)
{
	struct p9_node *node = p9_node(inode);

	spin_lock(&node->lock);
	node->changes_begun++;
	spin_unlock(&node->lock);
}

void p9_change_end(struct inode *inode)
{
	struct p9_node *node = p9_node(inode);

	spin_lock(&node->lock);
	node->changes_done++;
	node->seen_ns = 0;
	spin_unlock(&node->lock);
}

/* The file is another than we thought: what is cached of it is old. */
static void forget_pages(struct inode *inode, uint64_t size)
{
	struct page_cache *cache = &inode->cache;

	/* What a mapping has changed meanwhile goes first. */
	if (READ_ONCE(cache->num_dirty))
		page_cache_sync(cache, 0, INT64_MAX);
	if (READ_ONCE(cache->num_pages))
		page_cache_punch(cache, 0, UINT64_MAX >> PAGE_SHIFT);
	if (size != inode_size(inode))
		page_cache_truncate(cache, size);
}

static void set_words(struct inode *inode, const struct p9_attributes *attr)
{
	/* The kind of a file never changes. */
	WRITE_ONCE(inode->mode,
		   (inode->mode & S_IFMT) | (attr->mode & ~(uint32_t)S_IFMT));
	WRITE_ONCE(inode->uid, attr->uid);
	WRITE_ONCE(inode->gid, attr->gid);
	WRITE_ONCE(inode->nlink, (uint32_t)MIN(attr->nlink, UINT32_MAX));
	WRITE_ONCE(inode->atime, attr->atime);
	WRITE_ONCE(inode->mtime, attr->mtime);
	WRITE_ONCE(inode->ctime, attr->ctime);
	WRITE_ONCE(inode->btime, attr->btime);
	WRITE_ONCE(inode->blocks_512, attr->blocks_512);
}

/*
 * @attr was asked for when @begun changes of ours had begun. @own: whatever is
 * new about the contents comes from us.
 */
static void apply(struct inode *inode, const struct p9_attributes *attr,
		  uint64_t begun, bool own)
{
	struct p9_node *node = p9_node(inode);
	bool current_size, changed;

	spin_lock(&node->lock);
	/* P1 */
	current_size =
		node->changes_begun == begun && node->changes_done == begun;
	changed = attr->mtime != node->seen.mtime && !own;
	if (current_size) {
		node->seen = *attr;
		node->seen_ns = clock_now_ns();
	}
	spin_unlock(&node->lock);
	if (inode->nlink == 0) /* the host's answer is about its last name */
		return;
	set_words(inode, attr);
	if (!current_size)
		return;
	if (!S_ISREG(inode->mode))
		WRITE_ONCE(inode->cache.size_bytes, attr->size);
	else if (changed || attr->size != inode_size(inode))
		forget_pages(inode, attr->size);
}

static int ask(struct inode *inode, bool own)
{
	struct p9_node *node = p9_node(inode);
	struct p9_fid *fid = p9_inode_fid(inode);
	struct p9_attributes attr;
	uint64_t begun;
	int err;

	spin_lock(&node->lock);
	begun = node->changes_begun;
	spin_unlock(&node->lock);
	err = p9_getattr(p9_of(inode), fid, &attr);
	p9_fid_put(p9_of(inode), fid);
	if (err)
		return err;
	/* Another file has the name now. */
	if (attr.qid.path != node->seen.qid.path ||
	    ((attr.mode ^ inode->mode) & S_IFMT))
		return -ESTALE;
	apply(inode, &attr, begun, own);
	return 0;
}

int p9_inode_refresh(struct inode *inode, bool force)
{
	struct p9_node *node = p9_node(inode);
	bool fresh;

	spin_lock(&node->lock);
	fresh = !force && node->seen_ns &&
		clock_now_ns() - node->seen_ns < FRESH_NS;
	spin_unlock(&node->lock);
	return fresh ? 0 : ask(inode, false);
}

void p9_inode_settle(struct inode *inode)
{
	ask(inode, true);
}

/* ---- Making inodes ---- */

static void set_operations(struct inode *inode)
{
	switch (inode->mode & S_IFMT) {
	case S_IFREG:
		inode->ops = &p9_file_inode_ops;
		inode->file_ops = &p9_file_ops;
		inode_init_cache(inode, &p9_page_ops);
		break;
	case S_IFDIR:
		inode->ops = &p9_dir_ops;
		inode->file_ops = &p9_dir_file_ops;
		break;
	case S_IFLNK:
		inode->ops = &p9_link_ops;
		break;
	default:
		inode->ops = &p9_special_ops;
		break;
	}
}

static struct inode *make_inode(struct super_block *sb, struct p9_fid *fid,
				const struct p9_attributes *attr)
{
	struct p9_node *node = kzalloc(sizeof(*node));
	struct inode *inode;

	if (!node)
		return NULL;
	inode = inode_create(sb, NULL, attr->mode);
	if (!inode) {
		kfree(node);
		return NULL;
	}
	node->inode = inode;
	node->fid = fid;
	node->seen = *attr;
	node->seen_ns = clock_now_ns();
	list_init(&node->hash_node);
	list_init(&node->open_files);
	spin_init(&node->lock, LOCK_SPIN_MISC);
	inode->data = node;
	inode->ino = attr->qid.path ? attr->qid.path : 1;
	inode->rdev = attr->rdev;
	set_operations(inode);
	set_words(inode, attr);
	inode->cache.size_bytes = attr->size;
	return inode;
}

static void free_node(struct inode *inode)
{
	struct p9_node *node = p9_node(inode);
	struct p9 *p9 = p9_of(inode);

	p9_fid_put_later(p9, node->fid);
	p9_fid_put_later(p9, node->created);
	inode_free(inode);
	kfree(node);
}

void p9_destroy_inode(struct inode *inode)
{
	struct p9_mount *mount = p9_mount_of(inode);

	spin_lock(&mount->table_lock);
	list_remove(&p9_node(inode)->hash_node);
	spin_unlock(&mount->table_lock);
	free_node(inode);
}

/* With a reference; NULL: none of that number and kind. One that is on its
 * way out, or of another kind (the number was used again), leaves the table. */
static struct inode *find_locked(struct p9_mount *mount,
				 const struct p9_attributes *attr)
	MUST_HOLD(mount->table_lock)
{
	struct list_head *bucket = bucket_of(mount, attr->qid.path);
	struct p9_node *node, *next;

	list_for_each_safe (node, next, bucket, hash_node) {
		struct inode *inode = node->inode;

		if (node->seen.qid.path != attr->qid.path)
			continue;
		if (!((inode->mode ^ attr->mode) & S_IFMT) &&
		    READ_ONCE(inode->nlink) &&
		    refcount_get_unless_zero(&inode->refs))
			return inode;
		list_remove(&node->hash_node);
	}
	return NULL;
}

static struct inode *find(struct p9_mount *mount,
			  const struct p9_attributes *attr)
{
	struct inode *inode;

	spin_lock(&mount->table_lock);
	inode = find_locked(mount, attr);
	spin_unlock(&mount->table_lock);
	return inode;
}

/* The one to be used: @new, or the one that came first. */
static struct inode *publish(struct p9_mount *mount, struct inode *new,
			     const struct p9_attributes *attr)
{
	struct inode *inode;

	spin_lock(&mount->table_lock);
	inode = find_locked(mount, attr);
	if (!inode)
		list_push_front(bucket_of(mount, attr->qid.path),
				&p9_node(new)->hash_node);
	spin_unlock(&mount->table_lock);
	return inode ? inode : new;
}

/* The name by which it was found last is the one that is right. */
void p9_inode_take_fid(struct inode *inode, struct p9_fid *fid,
		       uint64_t name_id)
{
	struct p9_node *node = p9_node(inode);
	struct p9_fid *old;

	spin_lock(&node->lock);
	old = node->fid;
	node->fid = fid;
	node->fid_name = name_id;
	spin_unlock(&node->lock);
	p9_fid_put(p9_of(inode), old);
}

int p9_inode_get(struct super_block *sb, struct p9_fid *fid, uint64_t name_id,
		 struct inode **out)
{
	struct p9_mount *mount = sb->data;
	struct p9_attributes attr;
	struct inode *inode, *new;
	int err;

	err = p9_getattr(&mount->p9, fid, &attr);
	if (err)
		goto put_fid;
	inode = find(mount, &attr);
	if (!inode) {
		err = -ENOMEM;
		new = make_inode(sb, fid, &attr);
		if (!new)
			goto put_fid;
		inode = publish(mount, new, &attr);
		if (inode == new) {
			p9_node(new)->fid_name = name_id;
			*out = new;
			return 0;
		}
		p9_fid_get(fid);
		free_node(new);
	}
	p9_inode_take_fid(inode, fid, name_id);
	p9_inode_refresh(inode, true);
	*out = inode;
	return 0;

put_fid:
	p9_fid_put(&mount->p9, fid);
	return err;
}
