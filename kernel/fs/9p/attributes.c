/* SPDX-License-Identifier: MIT */
/*
 * attributes.c - mode, owner, times and extended attributes of the host's files
 *
 * Idea: the host decides and remembers. What is to be set is what differs from
 * what the host said last.
 * Source: "9P2000.L Protocol", setattr, xattrwalk, xattrcreate.
 */
#include "kernel/fs/9p/internal.h"

#include "kernel/mm/slab.h"

#include <linux/limits.h>

void p9_refresh(struct inode *inode)
{
	/* What is known has to do when the host does not find it any more. */
	p9_inode_refresh(inode, false);
}

/* Which attributes have been set by the caller. */
static void find_changes(struct inode *inode, struct p9_change *change)
{
	struct p9_node *node = p9_node(inode);

	*change = (struct p9_change){
		.mode = inode->mode & 07777,
		.uid = inode->uid,
		.gid = inode->gid,
		.atime = inode->atime,
		.mtime = inode->mtime,
	};
	spin_lock(&node->lock);
	if (change->mode != (node->seen.mode & 07777))
		change->valid |= P9_SET_MODE;
	if (change->uid != node->seen.uid)
		change->valid |= P9_SET_UID;
	if (change->gid != node->seen.gid)
		change->valid |= P9_SET_GID;
	/* Times alone: an earlier write may have touched mtime here. */
	if (!change->valid && change->atime != node->seen.atime)
		change->valid |= P9_SET_ATIME | P9_SET_ATIME_TO;
	if (!(change->valid & ~(P9_SET_ATIME | P9_SET_ATIME_TO)) &&
	    change->mtime != node->seen.mtime)
		change->valid |= P9_SET_MTIME | P9_SET_MTIME_TO;
	spin_unlock(&node->lock);
}

int p9_set_attributes(struct inode *inode)
{
	struct p9_change change;
	struct p9_fid *fid;
	int err;

	find_changes(inode, &change);
	if (!change.valid)
		return 0;
	fid = p9_inode_fid(inode);
	p9_change_begin(inode);
	err = p9_setattr(p9_of(inode), fid, &change);
	p9_change_end(inode);
	p9_fid_put(p9_of(inode), fid);
	if (!err)
		p9_inode_settle(inode);
	return err;
}

/* ---- Extended attributes ---- */

/* @name "": the list of names. Its bytes; with @size 0 only how many. */
static ssize_t read_xattr(struct inode *inode, const char *name, char *to,
			  size_t size)
{
	struct p9 *p9 = p9_of(inode);
	struct p9_fid *fid = p9_inode_fid(inode), *attr;
	uint64_t length, done = 0;
	ssize_t part;
	int err;

	err = p9_xattr_walk(p9, fid, name, &attr, &length);
	p9_fid_put(p9, fid);
	if (err)
		return err;
	if (length > XATTR_LIST_MAX)
		err = -E2BIG;
	else if (size && length > size)
		err = -ERANGE;
	while (!err && size && done < length) {
		part = p9_read(p9, attr, done, to + done, length - done);
		if (part <= 0)
			err = part ? (int)part : -EIO;
		else
			done += (uint64_t)part;
	}
	p9_fid_put(p9, attr);
	return err ? err : (ssize_t)length;
}

ssize_t p9_get_xattr(struct inode *inode, const char *name, void *value,
		     size_t size)
{
	return read_xattr(inode, name, value, size);
}

ssize_t p9_list_xattr(struct inode *inode, char *list, size_t size)
{
	ssize_t done = read_xattr(inode, "", list, size);

	return done == -EOPNOTSUPP ? 0 : done;
}

/* Writing to @fid, which takes @size bytes of an attribute. */
static int write_value(struct p9 *p9, const struct p9_fid *fid,
		       const char *value, size_t size)
{
	size_t done = 0;

	while (done < size) {
		ssize_t part =
			p9_write(p9, fid, done, value + done, size - done);

		if (part < 0)
			return (int)part;
		done += (size_t)part;
	}
	return 0;
}

/* A removed attribute is one of no bytes, to the host. */
int p9_set_xattr(struct inode *inode, const char *name, const void *value,
		 size_t size, int flags)
{
	struct p9 *p9 = p9_of(inode);
	struct p9_fid *fid = p9_inode_fid(inode), *copy;
	int err, end_err;

	err = p9_walk(p9, fid, NULL, &copy, NULL);
	p9_fid_put(p9, fid);
	if (err)
		return err;
	err = p9_xattr_create(p9, copy, name, size, (uint32_t)flags);
	if (!err)
		err = write_value(p9, copy, value, size);
	end_err = p9_clunk(p9, copy);
	return err ? err : end_err;
}
