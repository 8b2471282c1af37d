/* SPDX-License-Identifier: MIT */
/*
 * namei.c - making, removing and moving names
 *
 * Each function is one operation of the journal: either all of it happened
 * after a crash, or nothing. An inode that loses its last name becomes an
 * orphan in the same operation (orphan.c).
 *
 * Locks: the directories' and inodes' locks are held by vfs/.
 */
#include "kernel/fs/ext4/internal.h"

#include "kernel/vfs/file.h"

#define CREDITS_CREATE                                                         \
	(CREDITS_INO + 3 * CREDITS_INODE + 2 * CREDITS_DIR_ADD +               \
	 CREDITS_XATTR + CREDITS_ORPHAN)
#define CREDITS_REMOVE (4 * CREDITS_INODE + CREDITS_DIR_SET + CREDITS_ORPHAN)

/* What is waiting to be freed is freed before something new is begun. */
static int begin(struct inode *dir, struct handle *handle, unsigned int credits)
{
	struct ext4 *fs = ext4_fs_of(dir);

	if (unlikely(!list_empty(&fs->doomed)))
		ext4_evict_doomed(fs);
	return journal_start(fs, handle, credits);
}

/* ---- Looking up ---- */

/* A directory has one parent, the one it names itself: no loops, whatever the
 * disk says. */
static int check_parent(struct inode *dir, struct inode *inode)
{
	struct ext4_inode *ei = ext4_of(inode);
	struct ext4_place place;
	bool right;
	int err;

	if (READ_ONCE(ei->parent) == dir->ino)
		return 0;
	err = ext4_dir_find(inode, "..", 2, &place);
	if (err)
		return err == -ENOENT ? ext4_inode_error(inode, "no \"..\"")
				      : err;
	right = place.entry->ino == dir->ino && inode != dir;
	meta_put(&ext4_fs_of(dir)->cache, place.meta);
	if (!right)
		return ext4_inode_error(inode, "another parent");
	WRITE_ONCE(ei->parent, dir->ino);
	return 0;
}

static int lookup(struct inode *dir, const char *name, size_t len,
		  struct inode **out)
{
	struct ext4 *fs = ext4_fs_of(dir);
	struct ext4_place place;
	uint32_t ino;
	int err;

	err = ext4_dir_find(dir, name, len, &place);
	if (err)
		return err;
	ino = place.entry->ino;
	meta_put(&fs->cache, place.meta);
	if (ino != EXT4_ROOT_INO && ino < fs->first_ino)
		return ext4_inode_error(dir, "the name of a hidden inode");
	err = ext4_inode_get(fs, ino, out);
	if (err == -ESTALE)
		return ext4_inode_error(dir, "the name of a free inode");
	if (!err && S_ISDIR((*out)->mode)) {
		err = check_parent(dir, *out);
		if (err)
			inode_put(*out);
	}
	return err;
}

/* @place is the name of @inode, as vfs/ believes. */
static int check_place(struct inode *dir, struct ext4_place *place,
		       const struct inode *inode)
{
	if (place->entry->ino == inode->ino)
		return 0;
	meta_put(&ext4_fs_of(dir)->cache, place->meta);
	return ext4_inode_error(dir, "a name that changed by itself");
}

static int find_place(struct inode *dir, const char *name, size_t len,
		      const struct inode *inode, struct ext4_place *place)
{
	int err = ext4_dir_find(dir, name, len, place);

	return err ? err : check_place(dir, place, inode);
}

/* ---- Links ---- */

/* A directory with more than fits has 1: "not counted". */
static bool can_link_dir(const struct inode *dir)
{
	const struct ext4 *fs = ext4_fs_of(dir);

	return dir->nlink < EXT4_MAX_LINKS ||
	       (fs->super->ro_compat & RO_DIR_NLINK &&
		ext4_of(dir)->flags & INODE_INDEX);
}

static void link_dir(struct inode *dir)
{
	if (dir->nlink == 1)
		return;
	WRITE_ONCE(dir->nlink,
		   dir->nlink + 1 >= EXT4_MAX_LINKS ? 1 : dir->nlink + 1);
}

static void unlink_dir(struct inode *dir)
{
	if (dir->nlink > 2)
		WRITE_ONCE(dir->nlink, dir->nlink - 1);
}

/* @dir got or lost a name. */
static int touch_dir(struct handle *handle, struct inode *dir)
{
	inode_touch_mtime(dir);
	return ext4_inode_dirty(handle, dir);
}

/* The last name of @inode is gone. */
static int drop_link(struct handle *handle, struct inode *inode)
{
	int err = 0;

	inode_touch_ctime(inode);
	WRITE_ONCE(inode->nlink, S_ISDIR(inode->mode) ? 0 : inode->nlink - 1);
	if (!inode->nlink)
		err = ext4_orphan_add(handle, inode);
	else
		err = ext4_inode_dirty(handle, inode);
	return err;
}

/* ---- Creating ---- */

/* A new inode could not get its name. */
static void give_up_new(struct handle *handle, struct inode *inode)
{
	WRITE_ONCE(inode->nlink, 0);
	if (ext4_orphan_add(handle, inode))
		ext4_of(inode)->bad = true;
}

static int name_new(struct handle *handle, struct inode *dir, const char *name,
		    size_t len, struct inode *inode)
{
	int err;

	err = ext4_dir_add(handle, dir, name, len, inode->ino, inode->mode);
	if (!err)
		err = ext4_inode_dirty(handle, inode);
	if (!err)
		err = touch_dir(handle, dir);
	return err;
}

static void set_device(struct inode *inode, uint64_t rdev)
{
	struct ext4_inode *ei = ext4_of(inode);
	uint32_t number = (uint32_t)rdev;

	if (!S_ISCHR(inode->mode) && !S_ISBLK(inode->mode))
		return;
	inode->rdev = rdev;
	/* Two forms: 8 bits each, or as in makedev(3). */
	if (number < 0x10000)
		ei->block[0] = number;
	else
		ei->block[1] = number;
}

/* Make @inode of @mode; then what its type wants. */
struct new_inode {
	uint32_t mode;
	uint64_t rdev;
	const char *target; /* links */
};

static int make_link_text(struct handle *handle, struct inode *inode,
			  const char *target);

static int furnish(struct handle *handle, struct inode *dir,
		   struct inode *inode, const struct new_inode *new)
{
	int err;

	set_device(inode, new->rdev);
	err = S_ISLNK(new->mode) ? make_link_text(handle, inode, new->target)
				 : ext4_inherit_acl(handle, inode, dir);
	if (err || !S_ISDIR(new->mode))
		return err;
	WRITE_ONCE(inode->nlink, 2);
	ext4_of(inode)->parent = dir->ino;
	err = ext4_dir_make(handle, inode, dir->ino);
	return err;
}

static int make_once(struct inode *dir, const char *name, size_t len,
		     const struct new_inode *new, struct inode **out)
{
	struct inode *inode = NULL;
	struct handle handle;
	int err;

	err = begin(dir, &handle, CREDITS_CREATE);
	if (err)
		return err;
	err = ext4_inode_new(&handle, dir, new->mode, &inode);
	if (!err)
		err = furnish(&handle, dir, inode, new);
	if (!err)
		err = name_new(&handle, dir, name, len, inode);
	if (!err && S_ISDIR(new->mode))
		link_dir(dir);
	if (err && inode)
		give_up_new(&handle, inode);
	journal_stop(&handle);
	if (err)
		inode_put(inode); /* no name: it is freed */
	else
		*out = inode;
	return err;
}

static int make(struct inode *dir, const char *name, size_t len,
		const struct new_inode *new, struct inode **out)
{
	unsigned int tries = 0;
	int err;

	do
		err = make_once(dir, name, len, new, out);
	while (ext4_retry_space(ext4_fs_of(dir), err, &tries));
	return err;
}

static int create(struct inode *dir, const char *name, size_t len,
		  uint32_t mode, uint64_t rdev, struct inode **out)
{
	struct new_inode new = { .mode = mode, .rdev = rdev };

	return make(dir, name, len, &new, out);
}

static int make_directory(struct inode *dir, const char *name, size_t len,
			  uint32_t mode, struct inode **out)
{
	struct new_inode new = { .mode = mode };

	if (!can_link_dir(dir))
		return -EMLINK;
	return make(dir, name, len, &new, out);
}

static int make_symlink(struct inode *dir, const char *name, size_t len,
			const char *target, struct inode **out)
{
	struct new_inode new = { .mode = S_IFLNK | 0777, .target = target };

	if (strlen(target) + 1 > ext4_fs_of(dir)->block_size)
		return -ENAMETOOLONG;
	return make(dir, name, len, &new, out);
}

/* An inode without a name: an orphan from the start. */
static int make_unnamed(struct inode *dir, uint32_t mode, struct inode **out)
{
	struct new_inode new = { .mode = mode };
	struct inode *inode = NULL;
	struct handle handle;
	int err;

	err = begin(dir, &handle, CREDITS_CREATE);
	if (err)
		return err;
	err = ext4_inode_new(&handle, dir, mode, &inode);
	if (!err)
		err = furnish(&handle, dir, inode, &new);
	if (inode)
		give_up_new(&handle, inode);
	journal_stop(&handle);
	if (err)
		inode_put(inode);
	else
		*out = inode;
	return err;
}

static int add_link_once(struct inode *dir, const char *name, size_t len,
			 struct inode *inode)
{
	struct handle handle;
	int err;

	err = begin(dir, &handle,
		    CREDITS_DIR_ADD + 3 * CREDITS_INODE + CREDITS_ORPHAN);
	if (err)
		return err;
	err = ext4_dir_add(&handle, dir, name, len, inode->ino, inode->mode);
	if (!err && !inode->nlink)
		err = ext4_orphan_remove(&handle, inode);
	if (!err) {
		WRITE_ONCE(inode->nlink, inode->nlink + 1);
		inode->linkable = false;
		inode_touch_ctime(inode);
		err = ext4_inode_dirty(&handle, inode);
	}
	if (!err)
		err = touch_dir(&handle, dir);
	journal_stop(&handle);
	return err;
}

static int add_link(struct inode *dir, const char *name, size_t len,
		    struct inode *inode)
{
	unsigned int tries = 0;
	int err;

	if (inode->nlink >= EXT4_MAX_LINKS)
		return -EMLINK;
	do
		err = add_link_once(dir, name, len, inode);
	while (ext4_retry_space(ext4_fs_of(dir), err, &tries));
	return err;
}

/* ---- Removing ---- */

static int remove_name(struct handle *handle, struct inode *dir,
		       const char *name, size_t len, const struct inode *inode)
{
	struct ext4_place place;
	int err;

	err = find_place(dir, name, len, inode, &place);
	if (err)
		return err;
	err = ext4_dir_remove(handle, dir, &place);
	meta_put(&ext4_fs_of(dir)->cache, place.meta);
	return err;
}

static int remove_link(struct inode *dir, const char *name, size_t len,
		       struct inode *inode)
{
	struct handle handle;
	int err;

	if (!inode->nlink)
		return ext4_inode_error(inode, "more names than links");
	err = begin(dir, &handle, CREDITS_REMOVE);
	if (err)
		return err;
	err = remove_name(&handle, dir, name, len, inode);
	if (!err)
		err = touch_dir(&handle, dir);
	if (!err)
		err = drop_link(&handle, inode);
	journal_stop(&handle);
	return err;
}

static int remove_directory(struct inode *dir, const char *name, size_t len,
			    struct inode *inode)
{
	struct handle handle;
	int err;

	err = ext4_dir_check_empty(inode);
	if (!err)
		err = begin(dir, &handle, CREDITS_REMOVE);
	if (err)
		return err;
	err = remove_name(&handle, dir, name, len, inode);
	if (!err) {
		unlink_dir(dir);
		err = touch_dir(&handle, dir);
	}
	if (!err)
		err = drop_link(&handle, inode);
	journal_stop(&handle);
	/* Who is still in it sees that it has nothing. */
	if (!err)
		WRITE_ONCE(inode->cache.size_bytes, 0);
	return err;
}

/* ---- Moving ---- */

struct end {
	struct inode *dir;
	const char *name;
	size_t len;
	struct inode *inode; /* NULL: the name is free */
};

/* The name at @end means @inode from now on. */
static int point_to(struct handle *handle, const struct end *end,
		    const struct inode *inode)
{
	struct ext4_place place;
	int err;

	if (!end->inode)
		return ext4_dir_add(handle, end->dir, end->name, end->len,
				    inode->ino, inode->mode);
	err = find_place(end->dir, end->name, end->len, end->inode, &place);
	if (err)
		return err;
	err = ext4_dir_set(handle, end->dir, &place, inode->ino, inode->mode);
	meta_put(&ext4_fs_of(end->dir)->cache, place.meta);
	return err;
}

/* The directory @inode has moved from @from to @to. */
static int move_parent(struct handle *handle, struct inode *inode,
		       struct inode *from, struct inode *to)
{
	if (!S_ISDIR(inode->mode) || from == to)
		return 0;
	unlink_dir(from);
	link_dir(to);
	ext4_of(inode)->parent = to->ino;
	return ext4_dir_set_parent(handle, inode, to->ino);
}

static int touch_all(struct handle *handle, const struct end *old,
		     const struct end *new)
{
	int err;

	inode_touch_ctime(old->inode);
	err = ext4_inode_dirty(handle, old->inode);
	if (!err)
		err = touch_dir(handle, old->dir);
	if (!err)
		err = touch_dir(handle, new->dir);
	return err;
}

static int exchange(struct handle *handle, const struct end *old,
		    const struct end *new)
{
	int err;

	assert(new->inode); /* look-up saw to that, under the same locks */
	err = point_to(handle, new, old->inode);
	if (!err)
		err = point_to(handle, old, new->inode);
	if (!err)
		err = move_parent(handle, old->inode, old->dir, new->dir);
	if (!err)
		err = move_parent(handle, new->inode, new->dir, old->dir);
	if (err)
		return err;
	inode_touch_ctime(new->inode);
	err = ext4_inode_dirty(handle, new->inode);
	return err ? err : touch_all(handle, old, new);
}

/* What the old name becomes: nothing, or a mark that hides a lower layer's
 * (overlayfs): a character device 0:0. */
static int leave_old(struct handle *handle, const struct end *old,
		     struct inode *whiteout)
{
	int err;

	if (!whiteout)
		return remove_name(handle, old->dir, old->name, old->len,
				   old->inode);
	err = point_to(handle, old, whiteout);
	return err ? err : ext4_inode_dirty(handle, whiteout);
}

static int move(struct handle *handle, const struct end *old,
		const struct end *new, struct inode *whiteout)
{
	int err;

	err = point_to(handle, new, old->inode);
	if (!err)
		err = leave_old(handle, old, whiteout);
	if (!err && new->inode && S_ISDIR(new->inode->mode))
		unlink_dir(new->dir);
	if (!err)
		err = move_parent(handle, old->inode, old->dir, new->dir);
	if (!err)
		err = touch_all(handle, old, new);
	if (!err && new->inode)
		err = drop_link(handle, new->inode);
	return err;
}

/* All in one operation; *@whiteout is put by the caller. */
static int rename_once(const struct end *old, const struct end *new,
		       unsigned int flags, struct inode **whiteout)
{
	unsigned int credits = CREDITS_DIR_ADD + 5 * CREDITS_INODE +
			       5 * CREDITS_DIR_SET + CREDITS_ORPHAN;
	struct handle handle;
	int err;

	if (flags & RENAME_WHITEOUT)
		credits += CREDITS_CREATE;
	err = begin(old->dir, &handle, credits);
	if (err)
		return err;
	if (flags & RENAME_WHITEOUT)
		err = ext4_inode_new(&handle, old->dir, S_IFCHR, whiteout);
	if (!err && flags & RENAME_EXCHANGE)
		err = exchange(&handle, old, new);
	else if (!err)
		err = move(&handle, old, new, *whiteout);
	if (err && *whiteout)
		give_up_new(&handle, *whiteout);
	/* Half of a rename must not reach the disk. */
	if (err && err != -ENOSPC && err != -ENAMETOOLONG)
		ext4_report(ext4_fs_of(old->dir), "a rename failed half way");
	journal_stop(&handle);
	return err;
}

static int rename(struct inode *old_dir, const char *old_name, size_t old_len,
		  struct inode *inode, struct inode *new_dir,
		  const char *new_name, size_t new_len, struct inode *target,
		  unsigned int flags)
{
	struct end old = { old_dir, old_name, old_len, inode };
	struct end new = { new_dir, new_name, new_len, target };
	struct inode *whiteout = NULL;
	struct ext4_place place;
	unsigned int tries = 0;
	int err;

	/* Before anything is changed: is all as it should be? */
	err = find_place(old_dir, old_name, old_len, inode, &place);
	if (err)
		return err;
	meta_put(&ext4_fs_of(old_dir)->cache, place.meta);
	if (!(flags & RENAME_EXCHANGE) && target && S_ISDIR(target->mode))
		err = ext4_dir_check_empty(target);
	if (!err && S_ISDIR(inode->mode) && old_dir != new_dir &&
	    !can_link_dir(new_dir))
		err = -EMLINK;
	/* Who replaces a file counts on finding the old contents or the new
	 * after a crash, although nobody called fsync(). */
	if (!err && target && S_ISREG(inode->mode))
		err = ext4_write_pages(inode);
	if (err)
		return err;
	do {
		err = rename_once(&old, &new, flags, &whiteout);
		inode_put(whiteout);
		whiteout = NULL;
	} while (ext4_retry_space(ext4_fs_of(old_dir), err, &tries));
	return err;
}

/* ---- Symbolic links ---- */

static int make_link_text(struct handle *handle, struct inode *inode,
			  const char *target)
{
	struct ext4 *fs = ext4_fs_of(inode);
	struct ext4_inode *ei = ext4_of(inode);
	size_t len = target ? strlen(target) : 0;
	struct meta *meta;
	uint64_t block;
	int err;

	if (!len)
		return -ENOENT;
	ei->disk_size = len;
	inode->cache.size_bytes = len;
	if (len < sizeof(ei->block)) {
		memcpy(ei->block, target, len);
		return 0;
	}
	if (fs->super->incompat & INCOMPAT_EXTENTS) {
		ei->flags |= INODE_EXTENTS;
		ext4_extent_init(ei->block);
	}
	err = ext4_block_new(handle, ext4_goal(inode, 0), &block);
	if (!err)
		err = meta_create(&fs->cache, block, &meta);
	if (err)
		return err;
	err = journal_modify(handle, meta, META_PLAIN, 0);
	if (!err) {
		memcpy(meta->data, target, len);
		ext4_add_blocks(inode, 1);
		err = ext4_map_set(handle, inode, 0, 1, block, false);
	}
	meta_put(&fs->cache, meta);
	return err;
}

static ssize_t read_slow_link(struct inode *inode, char *buf, size_t size)
{
	struct ext4 *fs = ext4_fs_of(inode);
	struct ext4_map map;
	struct meta *meta;
	int err;

	err = ext4_map(inode, 0, 1, &map);
	if (!err && !(map.flags & MAP_MAPPED))
		err = ext4_inode_error(inode, "a link without text");
	if (!err)
		err = meta_read(&fs->cache, map.block, &meta);
	if (err)
		return err;
	size = MIN(size, (size_t)fs->block_size);
	size = MIN(size, (size_t)inode_size(inode));
	memcpy(buf, meta->data, size);
	meta_put(&fs->cache, meta);
	return (ssize_t)size;
}

static ssize_t read_link(struct inode *inode, char *buf, size_t size)
{
	const struct ext4_inode *ei = ext4_of(inode);
	size_t len = inode_size(inode);

	if (ei->flags & INODE_EXTENTS || len >= sizeof(ei->block))
		return read_slow_link(inode, buf, size);
	len = MIN(len, size);
	memcpy(buf, ei->block, len);
	return (ssize_t)len;
}

/* ---- Attributes ---- */

/* In the last second there is, time stands still (as on Linux). */
static void cut_time(uint64_t *time)
{
	if (*time / NSEC_PER_SEC == INODE_TIME_MAX_S)
		*time -= *time % NSEC_PER_SEC;
}

int ext4_set_attributes(struct inode *inode)
{
	int err;

	if (ext4_is_read_only(ext4_fs_of(inode)))
		return -EROFS;
	err = ext4_chmod_acl(inode);
	if (err)
		return err;
	cut_time(&inode->atime);
	cut_time(&inode->mtime);
	inode_touch_ctime(inode);
	return ext4_inode_dirty_now(inode);
}

#define COMMON_OPS                                                             \
	.set_attributes = ext4_set_attributes, .get_xattr = ext4_get_xattr,    \
	.set_xattr = ext4_set_xattr, .list_xattr = ext4_list_xattr

const struct inode_ops ext4_dir_ops = {
	.lookup = lookup,
	.create = create,
	.mkdir = make_directory,
	.symlink = make_symlink,
	.link = add_link,
	.unlink = remove_link,
	.rmdir = remove_directory,
	.rename = rename,
	.tmpfile = make_unnamed,
	COMMON_OPS,
};

static uint64_t promised_512(const struct inode *inode)
{
	return (uint64_t)READ_ONCE(ext4_of(inode)->delayed.total)
	       << (ext4_fs_of(inode)->block_bits - 9);
}

const struct inode_ops ext4_file_inode_ops = {
	.promised_512 = promised_512,
	.truncate = ext4_truncate,
	COMMON_OPS,
};

const struct inode_ops ext4_link_ops = {
	.readlink = read_link,
	COMMON_OPS,
};

const struct inode_ops ext4_special_ops = {
	COMMON_OPS,
};

const struct file_ops ext4_dir_file_ops = {
	.readdir = ext4_dir_readdir,
	.seek = ext4_dir_seek,
	.release = ext4_dir_release,
	.fsync = ext4_fsync,
	.ioctl = ext4_ioctl,
};
