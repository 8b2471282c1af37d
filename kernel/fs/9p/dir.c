/* SPDX-License-Identifier: MIT */
/*
 * dir.c - names in the host's directories
 *
 * Idea: the host has the names. What the dentry cache remembers is asked about
 * again at each step (still_valid), since programs on the host may have renamed
 * or removed it; that there is no such name is not remembered at all.
 *
 * Locks: the directory's inode lock, taken by vfs/.
 */
#include "kernel/fs/9p/internal.h"

#include "kernel/mm/slab.h"
#include "kernel/sched/thread.h"
#include "kernel/vfs/cred.h"

/* So much of a directory is read at a time. */
#define READDIR_SIZE 8192u

static const struct cred *caller(void)
{
	const struct cred *cred = current()->cred;

	return cred ? cred : cred_root();
}

/* ---- Looking up ---- */

/* A fid for @name in @dir, not open. */
static int walk(struct inode *dir, const char *name, size_t len,
		struct p9_fid **out, struct p9_qid *qid)
{
	struct p9_name last = { name, len };
	struct p9_fid *fid = p9_inode_fid(dir);
	int err;

	err = p9_walk(p9_of(dir), fid, &last, out, qid);
	p9_fid_put(p9_of(dir), fid);
	return err;
}

static int lookup(struct inode *dir, const char *name, size_t len,
		  struct inode **out)
{
	struct p9_fid *fid;
	struct p9_qid qid;
	int err;

	if (len > NAME_MAX)
		return -ENAMETOOLONG;
	err = walk(dir, name, len, &fid, &qid);
	if (err)
		return err;
	return p9_inode_get(dir->sb, fid, p9_name_id(dir, name, len), out);
}

/*
 * The inode was found last by another name, or the name has moved: see what
 * @dentry's name leads to now.
 */
static bool walk_again(struct inode *dir, const struct dentry *dentry,
		       uint64_t name_id)
{
	struct inode *inode = dentry->inode;
	struct p9_fid *fid;
	struct p9_qid qid;

	if (walk(dir, dentry->name, dentry->name_len, &fid, &qid))
		return false;
	if (qid.path != p9_node(inode)->seen.qid.path) {
		p9_fid_put(p9_of(dir), fid);
		return false;
	}
	p9_inode_take_fid(inode, fid, name_id);
	return true;
}

static bool still_valid(struct inode *dir, struct dentry *dentry)
{
	struct inode *inode = dentry->inode;
	uint64_t name_id;

	if (!inode)
		return false;
	name_id = p9_name_id(dir, dentry->name, dentry->name_len);
	if (READ_ONCE(p9_node(inode)->fid_name) != name_id &&
	    !walk_again(dir, dentry, name_id))
		return false;
	return p9_inode_refresh(inode, false) == 0;
}

/* ---- Making ---- */

/* The group of what is made in @dir. */
static uint32_t new_group(const struct inode *dir)
{
	return dir->mode & S_ISGID ? dir->gid : caller()->fsgid;
}

/* What was just made as @name: the inode; the file is the caller's, not the
 * host's user's, as far as the host can do that. */
static int made(struct inode *dir, const char *name, size_t len,
		struct inode **out)
{
	struct p9_change change = { .valid = P9_SET_UID,
				    .uid = caller()->fsuid };
	struct inode *inode;
	struct p9_fid *fid;
	int err;

	p9_inode_expire(dir);
	err = lookup(dir, name, len, &inode);
	if (err)
		return err;
	if (change.uid && inode->uid != change.uid) {
		fid = p9_inode_fid(inode);
		if (!p9_setattr(p9_of(dir), fid, &change))
			p9_inode_refresh(inode, true);
		p9_fid_put(p9_of(dir), fid);
	}
	*out = inode;
	return 0;
}

/* Who makes a file may write to it, whatever its mode: the open fid is kept for
 * the open(2) that follows. */
static int create_file(struct inode *dir, const struct p9_name *name,
		       uint32_t mode, struct inode **out)
{
	struct p9 *p9 = p9_of(dir);
	struct p9_fid *dir_fid = p9_inode_fid(dir), *fid;
	struct p9_node *node;
	int err;

	err = p9_walk(p9, dir_fid, NULL, &fid, NULL);
	p9_fid_put(p9, dir_fid);
	if (err)
		return err;
	err = p9_create(p9, fid, name, O_CREAT | O_EXCL | O_RDWR | O_LARGEFILE,
			mode & 07777, new_group(dir));
	if (!err)
		err = made(dir, name->text, name->len, out);
	if (err) {
		p9_fid_put(p9, fid);
		return err;
	}
	node = p9_node(*out);
	spin_lock(&node->lock);
	if (!node->created) {
		node->created = fid;
		fid = NULL;
	}
	spin_unlock(&node->lock);
	p9_fid_put(p9, fid);
	return 0;
}

static int create(struct inode *dir, const char *name, size_t len,
		  uint32_t mode, uint64_t rdev, struct inode **out)
{
	struct p9_name last = { name, len };
	struct p9_fid *fid;
	int err;

	if (S_ISREG(mode))
		return create_file(dir, &last, mode, out);
	fid = p9_inode_fid(dir);
	err = p9_mknod(p9_of(dir), fid, &last, mode, rdev, new_group(dir));
	p9_fid_put(p9_of(dir), fid);
	return err ? err : made(dir, name, len, out);
}

static int make_directory(struct inode *dir, const char *name, size_t len,
			  uint32_t mode, struct inode **out)
{
	struct p9_name last = { name, len };
	struct p9_fid *fid = p9_inode_fid(dir);
	int err;

	mode |= dir->mode & S_ISGID;
	err = p9_mkdir(p9_of(dir), fid, &last, mode & 07777, new_group(dir));
	p9_fid_put(p9_of(dir), fid);
	return err ? err : made(dir, name, len, out);
}

static int make_symlink(struct inode *dir, const char *name, size_t len,
			const char *target, struct inode **out)
{
	struct p9_name last = { name, len };
	struct p9_fid *fid = p9_inode_fid(dir);
	int err;

	err = p9_symlink(p9_of(dir), fid, &last, target, new_group(dir));
	p9_fid_put(p9_of(dir), fid);
	return err ? err : made(dir, name, len, out);
}

static int add_link(struct inode *dir, const char *name, size_t len,
		    struct inode *inode)
{
	struct p9_name last = { name, len };
	struct p9_fid *dir_fid = p9_inode_fid(dir);
	struct p9_fid *fid = p9_inode_fid(inode);
	int err;

	err = p9_link(p9_of(dir), dir_fid, &last, fid);
	p9_fid_put(p9_of(dir), fid);
	p9_fid_put(p9_of(dir), dir_fid);
	p9_inode_expire(dir);
	if (!err)
		p9_inode_refresh(inode, true);
	return err;
}

/* ---- Removing, moving ---- */

static int remove_name(struct inode *dir, const char *name, size_t len,
		       uint32_t flags)
{
	struct p9_name last = { name, len };
	struct p9_fid *fid = p9_inode_fid(dir);
	int err;

	err = p9_unlink(p9_of(dir), fid, &last, flags);
	p9_fid_put(p9_of(dir), fid);
	p9_inode_expire(dir);
	return err;
}

static int remove_link(struct inode *dir, const char *name, size_t len,
		       struct inode *inode)
{
	int err = remove_name(dir, name, len, 0);

	if (!err && inode->nlink)
		WRITE_ONCE(inode->nlink, inode->nlink - 1);
	return err;
}

static int remove_directory(struct inode *dir, const char *name, size_t len,
			    struct inode *inode)
{
	int err = remove_name(dir, name, len, P9_UNLINK_DIR);

	if (!err)
		WRITE_ONCE(inode->nlink, 0);
	return err;
}

static int move(struct inode *old_dir, const char *old_name, size_t old_len,
		struct inode *inode, struct inode *new_dir,
		const char *new_name, size_t new_len, struct inode *target,
		unsigned int flags)
{
	struct p9_name from = { old_name, old_len }, to = { new_name, new_len };
	struct p9_fid *old_fid, *new_fid;
	int err;

	/* The protocol knows only the plain kind; vfs/ has looked at the
	 * target for RENAME_NOREPLACE. */
	if (flags & ~(unsigned int)RENAME_NOREPLACE)
		return -EINVAL;
	old_fid = p9_inode_fid(old_dir);
	new_fid = p9_inode_fid(new_dir);
	err = p9_rename(p9_of(old_dir), old_fid, &from, new_fid, &to);
	p9_fid_put(p9_of(old_dir), new_fid);
	p9_fid_put(p9_of(old_dir), old_fid);
	p9_inode_expire(old_dir);
	p9_inode_expire(new_dir);
	p9_inode_expire(inode);
	if (!err && target && target->nlink)
		WRITE_ONCE(target->nlink,
			   S_ISDIR(target->mode) ? 0 : target->nlink - 1);
	return err;
}

static ssize_t read_link(struct inode *inode, char *buf, size_t size)
{
	struct p9_fid *fid = p9_inode_fid(inode);
	ssize_t len = p9_readlink(p9_of(inode), fid, buf, size);

	p9_fid_put(p9_of(inode), fid);
	return len;
}

const struct inode_ops p9_dir_ops = {
	.lookup = lookup,
	.create = create,
	.mkdir = make_directory,
	.symlink = make_symlink,
	.link = add_link,
	.unlink = remove_link,
	.rmdir = remove_directory,
	.rename = move,
	.still_valid = still_valid,
	.refresh = p9_refresh,
	.set_attributes = p9_set_attributes,
	.get_xattr = p9_get_xattr,
	.set_xattr = p9_set_xattr,
	.list_xattr = p9_list_xattr,
};

const struct inode_ops p9_link_ops = {
	.readlink = read_link,
	.refresh = p9_refresh,
	.set_attributes = p9_set_attributes,
	.get_xattr = p9_get_xattr,
	.set_xattr = p9_set_xattr,
	.list_xattr = p9_list_xattr,
};

const struct inode_ops p9_special_ops = {
	.refresh = p9_refresh,
	.set_attributes = p9_set_attributes,
	.get_xattr = p9_get_xattr,
	.set_xattr = p9_set_xattr,
	.list_xattr = p9_list_xattr,
};

/* ---- Reading ---- */

static int open_directory(struct inode *inode, struct file *file)
{
	struct p9_file *open = kzalloc(sizeof(*open));
	int err;

	if (!open)
		return -ENOMEM;
	list_init(&open->node);
	err = p9_open_fid(inode, O_RDONLY | O_DIRECTORY, &open->fid);
	if (err) {
		kfree(open);
		return err;
	}
	file->data = open;
	return 0;
}

static void release_directory(struct file *file)
{
	struct p9_file *open = file->data;

	p9_fid_put(p9_of(file->inode), open->fid);
	kfree(open);
}

/* Hand on what is in @buf; *@full when the reader has enough. -EIO when not
 * even one entry made sense. */
static int emit_entries(struct dir_emitter *emitter, const char *buf,
			size_t size, loff_t *pos, bool *full)
{
	struct p9_entry entry;
	bool any = false;
	size_t at = 0;

	while (p9_next_entry(buf, size, &at, &entry)) {
		any = true;
		/* "." and ".." are the host's, and right; no other name may
		 * lead out of the directory. */
		if (!entry.name.len || entry.name.len > NAME_MAX ||
		    memchr(entry.name.text, '/', entry.name.len) ||
		    memchr(entry.name.text, '\0', entry.name.len)) {
			*pos = (loff_t)entry.next;
			continue;
		}
		if (!emitter->emit(emitter, entry.name.text, entry.name.len,
				   entry.qid.path ? entry.qid.path : 1,
				   entry.type, (loff_t)entry.next)) {
			*full = true;
			return 0;
		}
		*pos = (loff_t)entry.next;
	}
	return any ? 0 : -EIO;
}

static int read_directory(struct file *file, struct dir_emitter *emitter,
			  loff_t *pos)
{
	struct p9_file *open = file->data;
	char *buf = kmalloc(READDIR_SIZE);
	bool full = false;
	ssize_t size;
	loff_t before;
	int err = 0;

	if (!buf)
		return -ENOMEM;
	do {
		before = *pos;
		size = p9_readdir(p9_of(file->inode), open->fid, (uint64_t)*pos,
				  buf, READDIR_SIZE);
		if (size > 0)
			err = emit_entries(emitter, buf, (size_t)size, pos,
					   &full);
	} while (!err && size > 0 && !full && *pos != before);
	kfree(buf);
	return size < 0 ? (int)size : err;
}

const struct file_ops p9_dir_file_ops = {
	.open = open_directory,
	.release = release_directory,
	.readdir = read_directory,
};
