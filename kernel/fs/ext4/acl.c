/* SPDX-License-Identifier: MIT */
/*
 * acl.c - access control lists (vfs/acl.h) on the disk
 *
 * They are attributes. Programs see 8 bytes for each entry; on the disk those
 * without a number have 4.
 */
#include "kernel/fs/ext4/internal.h"

#include "kernel/fs/ext4/acl.h"
#include "kernel/mm/slab.h"
#include "kernel/vfs/acl.h"

#define DISK_VERSION 1u

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
	while (at + 4 <= size && acl->count < ACL_MAX_ENTRIES) {
		struct acl_entry *e = &acl->entry[acl->count++];

		memcpy(e, p + at, 4);
		e->id = UINT32_MAX;
		at += 4;
		if (!acl_has_id(e->tag))
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
		size_t size = acl_has_id(acl->entry[i].tag) ? 8 : 4;

		memcpy(to + at, &acl->entry[i], size);
		at += size;
	}
	return at;
}

/* ---- On the disk ---- */

/* A list and room for its forms: too large for a stack. */
struct work {
	struct acl acl;
	char bytes[4 + 8 * ACL_MAX_ENTRIES];
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
		done = (ssize_t)acl_size(&work->acl);
		if (size && size < (size_t)done)
			done = -ERANGE;
		else if (size)
			acl_make_value(&work->acl, value);
	}
	kfree(work);
	return done;
}

/* ---- Both at once ---- */

/* On the disk, and what is asked at each access. */
static int save_access(struct handle *handle, struct inode *inode,
		       struct work *work)
{
	struct inode_acl *acl;
	int err = inode_acl_make(&work->acl, &acl);

	if (err)
		return err;
	err = save(handle, inode, XATTR_ACL_ACCESS, work);
	if (err)
		kfree(acl);
	else
		inode_acl_use(inode, acl);
	return err;
}

static int save_default(struct handle *handle, struct inode *inode,
			struct work *work)
{
	int err = save(handle, inode, XATTR_ACL_DEFAULT, work);

	if (!err)
		inode->has_default_acl = true;
	return err;
}

static int remove_acl(struct handle *handle, struct inode *inode, uint8_t index)
{
	int err = ext4_xattr_write(handle, inode, index, "", NULL, 0, 0);

	if (err && err != -ENODATA)
		return err;
	if (index == XATTR_ACL_DEFAULT)
		inode->has_default_acl = false;
	else
		inode_acl_use(inode, NULL);
	return 0;
}

void ext4_acl_load(struct inode *inode)
{
	struct work *work = kmalloc(sizeof(*work));
	struct inode_acl *acl = NULL;
	int err = work ? load(inode, XATTR_ACL_ACCESS, work) : -ENOMEM;

	/* If it cannot be known whom it allows: nobody. */
	if (err != -ENODATA && !inode_acl_make(err ? NULL : &work->acl, &acl))
		inode_acl_use(inode, acl);
	kfree(work);
	inode->has_default_acl = S_ISDIR(inode->mode) &&
				 ext4_xattr_read(inode, XATTR_ACL_DEFAULT, "",
						 NULL, 0) != -ENODATA;
}

static int set_work(struct handle *handle, struct inode *inode, uint8_t index,
		    struct work *work)
{
	uint32_t mode;
	int err;

	if (index == XATTR_ACL_DEFAULT)
		return S_ISDIR(inode->mode) ? save_default(handle, inode, work)
					    : -EACCES;
	if (!acl_get_mode(&work->acl, &mode))
		return -EINVAL;
	if (acl_is_more_than_mode(&work->acl))
		err = save_access(handle, inode, work);
	else
		err = remove_acl(handle, inode, index);
	if (!err) {
		WRITE_ONCE(inode->mode, (inode->mode & ~0777u) | mode);
		err = ext4_inode_dirty(handle, inode);
	}
	return err;
}

int ext4_acl_set(struct handle *handle, struct inode *inode, uint8_t index,
		 const void *value, size_t size)
{
	struct work *work;
	int err;

	if (!value)
		return remove_acl(handle, inode, index);
	work = kmalloc(sizeof(*work));
	if (!work)
		return -ENOMEM;
	err = acl_parse(&work->acl, value, size);
	if (!err)
		err = set_work(handle, inode, index, work);
	kfree(work);
	return err;
}

static int chmod_with(struct inode *inode, struct work *work)
{
	struct handle handle;
	int err;

	if (!acl_set_mode(&work->acl, inode->mode))
		return -EUCLEAN;
	err = journal_start(ext4_fs_of(inode), &handle,
			    CREDITS_XATTR + CREDITS_INODE + 1);
	if (err)
		return err;
	err = save_access(&handle, inode, work);
	journal_stop(&handle);
	return err;
}

int ext4_chmod_acl(struct inode *inode)
{
	struct work *work;
	int err;

	if (!inode->acl)
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
	uint32_t mode;
	int err = 0;

	if (S_ISDIR(inode->mode))
		err = save_default(handle, inode, work);
	if (err || !acl_get_mode(acl, &mode))
		return err ? err : -EUCLEAN;
	WRITE_ONCE(inode->mode, inode->mode & (mode | ~0777u));
	acl_set_mode(acl, inode->mode);
	return acl_is_more_than_mode(acl) ? save_access(handle, inode, work)
					  : 0;
}

int ext4_inherit_acl(struct handle *handle, struct inode *inode,
		     struct inode *dir)
{
	struct work *work;
	int err;

	if (!dir->has_default_acl)
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
