/* SPDX-License-Identifier: MIT */
/*
 * directory.c - names in memory
 *
 * Idea: a directory is two trees over the same entries. One is ordered by the
 * hash of the name, for look-up; the other by a number given at creation, for
 * readdir: the position in the directory is the number of the next entry, so
 * it stays right when entries come and go.
 *
 * Invariants
 *   E1  An entry holds a reference to its inode.
 *   E2  nlink of a directory is 2 and one for each directory in it; nlink of
 *       anything else is the number of its entries. (rmdir sets 0.)
 *
 * Locks: the directory's inode lock, taken by vfs/.
 */
#include "kernel/fs/tmpfs/internal.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"

#define ENTRY_SIZE   20u /* of st_size, as on Linux */
#define FIRST_OFFSET 2   /* behind "." and ".." */
#define MAX_LINKS    0xffffffffu

void tmpfs_dir_init(struct inode *inode)
{
	tmpfs_node(inode)->dir.next_offset = FIRST_OFFSET;
}

/* ---- The two trees ---- */

static uint32_t hash_of(const char *name, size_t len)
{
	uint32_t hash = 5381;

	for (size_t i = 0; i < len; i++)
		hash = hash * 33 + (unsigned char)name[i];
	return hash;
}

/* Order by hash, then length, then bytes: <0, 0, >0. */
static int compare(const struct tmpfs_entry *entry, uint32_t hash,
		   const char *name, size_t len)
{
	if (entry->hash != hash)
		return entry->hash < hash ? -1 : 1;
	if (entry->len != len)
		return entry->len < len ? -1 : 1;
	return memcmp(entry->name, name, len);
}

static struct tmpfs_entry *find(const struct inode *dir, const char *name,
				size_t len)
{
	struct rb_node *node = tmpfs_node(dir)->dir.by_name.node;
	uint32_t hash = hash_of(name, len);

	while (node) {
		struct tmpfs_entry *entry =
			rb_entry(node, struct tmpfs_entry, by_name);
		int order = compare(entry, hash, name, len);

		if (order == 0)
			return entry;
		node = order < 0 ? node->right : node->left;
	}
	return NULL;
}

/* The first entry at or after position @pos. */
static struct tmpfs_entry *find_offset(const struct inode *dir, loff_t pos)
{
	struct rb_node *node = tmpfs_node(dir)->dir.by_offset.node;
	struct tmpfs_entry *best = NULL;

	while (node) {
		struct tmpfs_entry *entry =
			rb_entry(node, struct tmpfs_entry, by_offset);

		if (entry->offset >= pos) {
			best = entry;
			node = node->left;
		} else {
			node = node->right;
		}
	}
	return best;
}

static void insert_by_name(struct rb_root *root, struct tmpfs_entry *new)
{
	struct rb_node **link = &root->node, *parent = NULL;

	while (*link) {
		const struct tmpfs_entry *entry =
			rb_entry(*link, struct tmpfs_entry, by_name);

		parent = *link;
		if (compare(entry, new->hash, new->name, new->len) < 0)
			link = &parent->right;
		else
			link = &parent->left;
	}
	rb_insert(root, &new->by_name, parent, link);
}

/* New offsets are the largest: always at the right end. */
static void insert_by_offset(struct rb_root *root, struct tmpfs_entry *new)
{
	struct rb_node *parent = rb_last(root);

	rb_insert(root, &new->by_offset, parent,
		  parent ? &parent->right : &root->node);
}

static struct tmpfs_entry *entry_alloc(const char *name, size_t len)
{
	struct tmpfs_entry *entry = kmalloc(sizeof(*entry) + len + 1);

	if (!entry)
		return NULL;
	memcpy(entry->name, name, len);
	entry->name[len] = '\0';
	entry->len = (unsigned int)len;
	entry->hash = hash_of(name, len);
	return entry;
}

/* Takes over a reference to @inode. */
static void entry_add(struct inode *dir, struct tmpfs_entry *entry,
		      struct inode *inode)
{
	struct tmpfs_node *node = tmpfs_node(dir);

	entry->inode = inode;
	entry->offset = node->dir.next_offset++;
	insert_by_name(&node->dir.by_name, entry);
	insert_by_offset(&node->dir.by_offset, entry);
	dir->cache.size_bytes += ENTRY_SIZE;
	inode_touch_mtime(dir);
}

/* The entry goes; its reference to the inode is dropped. */
static void entry_remove(struct inode *dir, struct tmpfs_entry *entry)
{
	struct tmpfs_node *node = tmpfs_node(dir);

	rb_remove(&node->dir.by_name, &entry->by_name);
	rb_remove(&node->dir.by_offset, &entry->by_offset);
	dir->cache.size_bytes -= ENTRY_SIZE;
	inode_touch_mtime(dir);
	inode_put(entry->inode);
	kfree(entry);
}

/* ---- inode_ops of directories ---- */

static int lookup(struct inode *dir, const char *name, size_t len,
		  struct inode **out)
{
	const struct tmpfs_entry *entry = find(dir, name, len);

	if (!entry)
		return -ENOENT;
	*out = inode_get(entry->inode);
	return 0;
}

/* A new inode of @mode under a new name. */
static int add_new(struct inode *dir, const char *name, size_t len,
		   uint32_t mode, struct inode **out)
{
	struct tmpfs_entry *entry = entry_alloc(name, len);
	int err;

	if (!entry)
		return -ENOMEM;
	err = tmpfs_inode_create(dir->sb, dir, mode, out);
	if (err) {
		kfree(entry);
		return err;
	}
	entry_add(dir, entry, inode_get(*out));
	return 0;
}

static int create(struct inode *dir, const char *name, size_t len,
		  uint32_t mode, uint64_t rdev, struct inode **out)
{
	int err = add_new(dir, name, len, mode, out);

	if (!err && (S_ISCHR(mode) || S_ISBLK(mode)))
		(*out)->rdev = rdev;
	return err;
}

static int make_directory(struct inode *dir, const char *name, size_t len,
			  uint32_t mode, struct inode **out)
{
	int err = add_new(dir, name, len, mode, out);

	if (!err)
		dir->nlink++;
	return err;
}

static int make_symlink(struct inode *dir, const char *name, size_t len,
			const char *target, struct inode **out)
{
	char *copy = kstrdup(target);
	int err;

	if (!copy)
		return -ENOMEM;
	err = add_new(dir, name, len, S_IFLNK | 0777, out);
	if (err) {
		kfree(copy);
		return err;
	}
	tmpfs_node(*out)->target = copy;
	(*out)->cache.size_bytes = strlen(copy);
	return 0;
}

static int add_link(struct inode *dir, const char *name, size_t len,
		    struct inode *inode)
{
	struct tmpfs_entry *entry;

	if (inode->nlink == MAX_LINKS)
		return -EMLINK;
	entry = entry_alloc(name, len);
	if (!entry)
		return -ENOMEM;
	inode->nlink++;
	inode->linkable = false;
	inode_touch_ctime(inode);
	entry_add(dir, entry, inode_get(inode));
	return 0;
}

static int remove_link(struct inode *dir, const char *name, size_t len,
		       struct inode *inode)
{
	struct tmpfs_entry *entry = find(dir, name, len);

	if (!entry)
		return -ENOENT;
	inode->nlink--;
	inode_touch_ctime(inode);
	entry_remove(dir, entry);
	return 0;
}

static bool is_empty(const struct inode *dir)
{
	return !tmpfs_node(dir)->dir.by_name.node;
}

static int remove_directory(struct inode *dir, const char *name, size_t len,
			    struct inode *inode)
{
	struct tmpfs_entry *entry = find(dir, name, len);

	if (!entry)
		return -ENOENT;
	if (!is_empty(inode))
		return -ENOTEMPTY;
	inode->nlink = 0;
	dir->nlink--;
	inode_touch_ctime(inode);
	entry_remove(dir, entry);
	return 0;
}

/* Two names change places: the entries stay, their inodes are swapped. */
static int exchange(struct inode *old_dir, struct tmpfs_entry *old,
		    struct inode *new_dir, struct tmpfs_entry *new)
{
	struct inode *inode = old->inode;

	if (S_ISDIR(old->inode->mode)) {
		old_dir->nlink--;
		new_dir->nlink++;
	}
	if (S_ISDIR(new->inode->mode)) {
		new_dir->nlink--;
		old_dir->nlink++;
	}
	old->inode = new->inode;
	new->inode = inode;
	inode_touch_mtime(old_dir);
	inode_touch_mtime(new_dir);
	inode_touch_ctime(old->inode);
	inode_touch_ctime(new->inode);
	return 0;
}

/* What is in the way of a rename goes. */
static int remove_target(struct inode *dir, const char *name, size_t len,
			 struct inode *target)
{
	if (S_ISDIR(target->mode))
		return remove_directory(dir, name, len, target);
	return remove_link(dir, name, len, target);
}

/* The name stays, and means @inode, whose reference it takes. */
static void entry_replace(struct tmpfs_entry *entry, struct inode *inode)
{
	struct inode *old = entry->inode;

	entry->inode = inode;
	inode_put(old);
}

static int move(struct inode *old_dir, const char *old_name, size_t old_len,
		struct inode *inode, struct inode *new_dir,
		const char *new_name, size_t new_len, struct inode *target,
		unsigned int flags)
{
	struct tmpfs_entry *old = find(old_dir, old_name, old_len);
	struct inode *whiteout = NULL;
	struct tmpfs_entry *entry;
	int err = 0;

	if (!old)
		return -ENOENT;
	if (flags & RENAME_EXCHANGE) {
		entry = find(new_dir, new_name, new_len);
		return entry ? exchange(old_dir, old, new_dir, entry) : -ENOENT;
	}
	if (flags & RENAME_WHITEOUT)
		err = tmpfs_inode_create(old_dir->sb, old_dir, S_IFCHR,
					 &whiteout);
	if (err)
		return err;
	entry = entry_alloc(new_name, new_len);
	if (!entry)
		err = -ENOMEM;
	else if (target)
		err = remove_target(new_dir, new_name, new_len, target);
	if (err) {
		kfree(entry);
		inode_put(whiteout);
		return err;
	}
	entry_add(new_dir, entry, inode_get(inode));
	if (S_ISDIR(inode->mode)) {
		old_dir->nlink--;
		new_dir->nlink++;
	}
	if (whiteout)
		entry_replace(old, whiteout);
	else
		entry_remove(old_dir, old);
	inode_touch_ctime(inode);
	return 0;
}

static int make_unnamed(struct inode *dir, uint32_t mode, struct inode **out)
{
	int err = tmpfs_inode_create(dir->sb, dir, mode, out);

	if (!err)
		(*out)->nlink = 0;
	return err;
}

const struct inode_ops tmpfs_dir_ops = {
	.lookup = lookup,
	.create = create,
	.mkdir = make_directory,
	.symlink = make_symlink,
	.link = add_link,
	.unlink = remove_link,
	.rmdir = remove_directory,
	.rename = move,
	.tmpfile = make_unnamed,
	.get_xattr = tmpfs_get_xattr,
	.set_xattr = tmpfs_set_xattr,
	.set_attributes = tmpfs_set_attributes,
	.list_xattr = tmpfs_list_xattr,
};

/* ---- Reading ---- */

static int read_directory(struct file *file, struct dir_emitter *emitter,
			  loff_t *pos)
{
	const struct tmpfs_entry *entry;

	if (!dir_emit_dots(file, emitter, pos))
		return 0;
	/* Once at the end one stays there: what comes later is for those who
	 * begin again. */
	if (*pos == INT64_MAX)
		return 0;
	entry = find_offset(file->inode, *pos);
	if (!entry)
		*pos = INT64_MAX;
	while (entry) {
		struct rb_node *next = rb_next(&entry->by_offset);

		if (!emitter->emit(
			    emitter, entry->name, entry->len, entry->inode->ino,
			    DT_OF_MODE(entry->inode->mode), entry->offset + 1))
			break;
		*pos = entry->offset + 1;
		entry = next ? rb_entry(next, struct tmpfs_entry, by_offset)
			     : NULL;
	}
	return 0;
}

static loff_t seek(struct file *file, loff_t offset, int whence)
{
	if (whence != SEEK_SET && whence != SEEK_CUR)
		return -EINVAL;
	return generic_file_seek(file, offset, whence);
}

const struct file_ops tmpfs_dir_file_ops = {
	.seek = seek,
	.readdir = read_directory,
};
