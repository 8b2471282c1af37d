/* SPDX-License-Identifier: MIT */
/*
 * acl.c - access control lists: kept, and kept equal to the mode
 *
 * A list is entries of a kind, permissions, and for named users and groups
 * their number. Programs see 8 bytes for each; on the disk those without a
 * number have 4. The owner's, the others', and the group's or the mask's
 * permissions are the mode's as well: whoever changes one changes the other.
 * (Whether somebody may open a file is decided by the mode alone: vfs/inode.c.)
 *
 * Source: acl(5); POSIX 1003.1e draft 17.
 */
#include "kernel/fs/ext4/internal.h"

#include "kernel/fs/ext4/acl.h"
#include "kernel/mm/slab.h"
#include "kernel/sched/thread.h"
#include "kernel/vfs/cred.h"

#include <linux/capability.h>

#define PROGRAM_VERSION 2u
#define DISK_VERSION    1u
#define MAX_ENTRIES     128u

enum acl_tag {
	ACL_USER_OBJ = 1,
	ACL_USER = 2,
	ACL_GROUP_OBJ = 4,
	ACL_GROUP = 8,
	ACL_MASK = 16,
	ACL_OTHER = 32,
};

struct acl_entry {
	uint16_t tag, perm;
	uint32_t id;
};

struct acl {
	unsigned int count;
	struct acl_entry entry[MAX_ENTRIES];
};

static bool has_id(unsigned int tag)
{
	return tag == ACL_USER || tag == ACL_GROUP;
}

static struct acl_entry *find(struct acl *acl, unsigned int tag)
{
	for (unsigned int i = 0; i < acl->count; i++)
		if (acl->entry[i].tag == tag)
			return &acl->entry[i];
	return NULL;
}

/* ---- Two forms ---- */

/* From programs: sorted by kind, one of each basic kind, a mask if needed. */
static int parse_program(struct acl *acl, const void *value, size_t size)
{
	unsigned int named = 0, seen = 0, last = 0;
	const char *p = value;
	uint32_t version;

	if (size < 4 || (size - 4) % 8 || (size - 4) / 8 > MAX_ENTRIES)
		return -EINVAL;
	memcpy(&version, p, 4);
	if (version != PROGRAM_VERSION)
		return -EOPNOTSUPP;
	acl->count = (unsigned int)(size - 4) / 8;
	for (unsigned int i = 0; i < acl->count; i++) {
		struct acl_entry *e = &acl->entry[i];

		memcpy(e, p + 4 + 8UL * i, 8);
		if (e->tag < last || e->perm > 7 || e->tag > ACL_OTHER ||
		    (e->tag & (e->tag - 1)) || !e->tag ||
		    (seen & e->tag && !has_id(e->tag)))
			return -EINVAL;
		last = e->tag;
		seen |= e->tag;
		named += has_id(e->tag);
	}
	if (!(seen & ACL_USER_OBJ) || !(seen & ACL_GROUP_OBJ) ||
	    !(seen & ACL_OTHER) || (named && !(seen & ACL_MASK)))
		return -EINVAL;
	return 0;
}

static size_t program_size(const struct acl *acl)
{
	return 4 + 8ul * acl->count;
}

static void make_program(const struct acl *acl, char *to)
{
	uint32_t version = PROGRAM_VERSION;

	memcpy(to, &version, 4);
	for (unsigned int i = 0; i < acl->count; i++) {
		struct acl_entry e = acl->entry[i];

		if (!has_id(e.tag))
			e.id = UINT32_MAX;
		memcpy(to + 4 + 8UL * i, &e, 8);
	}
}

static int parse_disk(struct acl *acl, const char *p, size_t size)
{
	size_t at = 4;
	uint32_t version;

	acl->count = 0;
	if (size < 4)
		return -EUCLEAN;
	memcpy(&version, p, 4);
	if (version != DISK_VERSION)
		return -EUCLEAN;
	while (at + 4 <= size && acl->count < MAX_ENTRIES) {
		struct acl_entry *e = &acl->entry[acl->count++];

		memcpy(e, p + at, 4);
		e->id = UINT32_MAX;
		at += 4;
		if (!has_id(e->tag))
			continue;
		if (at + 4 > size)
			return -EUCLEAN;
		memcpy(&e->id, p + at, 4);
		at += 4;
	}
	return at == size ? 0 : -EUCLEAN;
}

/* @to has room for 4 + 8 bytes an entry. Returns the size. */
static size_t make_disk(const struct acl *acl, char *to)
{
	uint32_t version = DISK_VERSION;
	size_t at = 4;

	memcpy(to, &version, 4);
	for (unsigned int i = 0; i < acl->count; i++) {
		size_t size = has_id(acl->entry[i].tag) ? 8 : 4;

		memcpy(to + at, &acl->entry[i], size);
		at += size;
	}
	return at;
}

/* ---- On the disk ---- */

/* A list and room for its forms: too large for a stack. */
struct work {
	struct acl acl;
	char bytes[4 + 8 * MAX_ENTRIES];
};

static int load(struct inode *inode, uint8_t index, struct work *work)
{
	ssize_t size = ext4_xattr_read(inode, index, "", work->bytes,
				       sizeof(work->bytes));

	if (size < 0)
		return (int)size;
	return parse_disk(&work->acl, work->bytes, (size_t)size);
}

static int save(struct handle *handle, struct inode *inode, uint8_t index,
		struct work *work)
{
	size_t size = make_disk(&work->acl, work->bytes);

	return ext4_xattr_write(handle, inode, index, "", work->bytes, size, 0);
}

ssize_t ext4_acl_get(struct inode *inode, uint8_t index, void *value,
		     size_t size)
{
	struct work *work = kmalloc(sizeof(*work));
	ssize_t done;

	if (!work)
		return -ENOMEM;
	done = load(inode, index, work);
	if (!done) {
		done = (ssize_t)program_size(&work->acl);
		if (size && size < (size_t)done)
			done = -ERANGE;
		else if (size)
			make_program(&work->acl, value);
	}
	kfree(work);
	return done;
}

/* ---- The mode ---- */

/* Does the list say more than a mode can? */
static bool is_more_than_mode(struct acl *acl)
{
	return acl->count > 3;
}

static uint32_t mode_of(struct acl *acl)
{
	struct acl_entry *group = find(acl, ACL_MASK);

	if (!group)
		group = find(acl, ACL_GROUP_OBJ);
	return (uint32_t)find(acl, ACL_USER_OBJ)->perm << 6 |
	       (uint32_t)group->perm << 3 | find(acl, ACL_OTHER)->perm;
}

/* The list's part of the mode becomes @mode's. False: a broken list. */
static bool set_mode(struct acl *acl, uint32_t mode)
{
	struct acl_entry *user = find(acl, ACL_USER_OBJ);
	struct acl_entry *group = find(acl, ACL_MASK);
	struct acl_entry *other = find(acl, ACL_OTHER);

	if (!group)
		group = find(acl, ACL_GROUP_OBJ);
	if (!user || !group || !other)
		return false;
	user->perm = mode >> 6 & 7;
	group->perm = mode >> 3 & 7;
	other->perm = mode & 7;
	return true;
}

static int remove_acl(struct handle *handle, struct inode *inode, uint8_t index)
{
	int err = ext4_xattr_write(handle, inode, index, "", NULL, 0, 0);

	return err == -ENODATA ? 0 : err;
}

static int set_work(struct handle *handle, struct inode *inode, uint8_t index,
		    struct work *work)
{
	int err;

	if (index == XATTR_ACL_DEFAULT)
		return S_ISDIR(inode->mode) ? save(handle, inode, index, work)
					    : -EACCES;
	if (is_more_than_mode(&work->acl))
		err = save(handle, inode, index, work);
	else
		err = remove_acl(handle, inode, index);
	if (!err) {
		WRITE_ONCE(inode->mode,
			   (inode->mode & ~0777u) | mode_of(&work->acl));
		err = ext4_inode_dirty(handle, inode);
	}
	return err;
}

int ext4_acl_set(struct handle *handle, struct inode *inode, uint8_t index,
		 const void *value, size_t size)
{
	const struct cred *cred = current()->cred;
	struct work *work;
	int err;

	if (S_ISLNK(inode->mode))
		return -EOPNOTSUPP;
	if (cred->fsuid != inode->uid && !cred_capable(cred, CAP_FOWNER))
		return -EPERM;
	if (!value)
		return remove_acl(handle, inode, index);
	work = kmalloc(sizeof(*work));
	if (!work)
		return -ENOMEM;
	err = parse_program(&work->acl, value, size);
	if (!err)
		err = set_work(handle, inode, index, work);
	kfree(work);
	return err;
}

static int chmod_with(struct inode *inode, struct work *work)
{
	struct handle handle;
	int err;

	if (!set_mode(&work->acl, inode->mode))
		return -EUCLEAN;
	err = journal_start(ext4_fs_of(inode), &handle,
			    CREDITS_XATTR + CREDITS_INODE + 1);
	if (err)
		return err;
	err = save(&handle, inode, XATTR_ACL_ACCESS, work);
	journal_stop(&handle);
	return err;
}

int ext4_chmod_acl(struct inode *inode)
{
	struct work *work;
	int err;

	if (S_ISLNK(inode->mode))
		return 0;
	work = kmalloc(sizeof(*work));
	if (!work)
		return -ENOMEM;
	err = load(inode, XATTR_ACL_ACCESS, work);
	if (!err)
		err = chmod_with(inode, work);
	kfree(work);
	return err == -ENODATA ? 0 : err;
}

/* acl(5), "Object creation and default ACLs". */
static int inherit(struct handle *handle, struct inode *inode,
		   struct work *work)
{
	struct acl *acl = &work->acl;
	int err = 0;

	if (S_ISDIR(inode->mode))
		err = save(handle, inode, XATTR_ACL_DEFAULT, work);
	if (err || !find(acl, ACL_USER_OBJ) || !find(acl, ACL_GROUP_OBJ) ||
	    !find(acl, ACL_OTHER))
		return err ? err : -EUCLEAN;
	WRITE_ONCE(inode->mode, inode->mode & (mode_of(acl) | ~0777u));
	set_mode(acl, inode->mode);
	return is_more_than_mode(acl)
		       ? save(handle, inode, XATTR_ACL_ACCESS, work)
		       : 0;
}

int ext4_inherit_acl(struct handle *handle, struct inode *inode,
		     struct inode *dir)
{
	struct work *work;
	int err;

	if (!ext4_of(dir)->xattr_block && !ext4_of(dir)->has_xattr)
		return 0;
	/* Most have none: a look that costs nothing. */
	if (ext4_xattr_read(dir, XATTR_ACL_DEFAULT, "", NULL, 0) == -ENODATA)
		return 0;
	work = kmalloc(sizeof(*work));
	if (!work)
		return -ENOMEM;
	err = load(dir, XATTR_ACL_DEFAULT, work);
	if (!err)
		err = inherit(handle, inode, work);
	kfree(work);
	return err == -ENODATA ? 0 : err;
}
