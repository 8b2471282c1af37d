/* SPDX-License-Identifier: MIT */
/*
 * xattr.c - names and values attached to files
 *
 * Idea: few files have any and those have few: a list.
 * Locks: the inode's, taken by vfs/.
 * Access control lists (vfs/acl.h) are among them, in the form of programs.
 * Source: xattr(7), acl(5).
 */
#include "kernel/fs/tmpfs/internal.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "kernel/vfs/acl.h"

#include <linux/xattr.h>

struct tmpfs_xattr {
	struct list_head node;
	char *value;
	size_t size;
	char name[];
};

static bool is_supported(const char *name)
{
	return starts_with(name, "user.") || starts_with(name, "trusted.") ||
	       starts_with(name, "security.");
}

static bool is_acl(const char *name)
{
	return !strcmp(name, ACL_NAME_ACCESS) ||
	       !strcmp(name, ACL_NAME_DEFAULT);
}

static struct tmpfs_xattr *find(const struct inode *inode, const char *name)
{
	struct list_head *list = &tmpfs_node(inode)->xattrs;
	struct tmpfs_xattr *xattr;

	list_for_each (xattr, list, node) {
		if (strcmp(xattr->name, name) == 0)
			return xattr;
	}
	return NULL;
}

static void xattr_free(struct tmpfs_xattr *xattr)
{
	list_remove(&xattr->node);
	kfree(xattr->value);
	kfree(xattr);
}

void tmpfs_free_xattrs(struct inode *inode)
{
	struct list_head *list = &tmpfs_node(inode)->xattrs;

	while (!list_empty(list))
		xattr_free(list_first(list, struct tmpfs_xattr, node));
}

ssize_t tmpfs_get_xattr(struct inode *inode, const char *name, void *value,
			size_t size)
{
	const struct tmpfs_xattr *xattr;

	if (!is_supported(name) && !is_acl(name))
		return -EOPNOTSUPP;
	xattr = find(inode, name);
	if (!xattr)
		return -ENODATA;
	if (!size)
		return (ssize_t)xattr->size;
	if (size < xattr->size)
		return -ERANGE;
	memcpy(value, xattr->value, xattr->size);
	return (ssize_t)xattr->size;
}

static struct tmpfs_xattr *xattr_create(const char *name, const void *value,
					size_t size)
{
	size_t len = strlen(name);
	struct tmpfs_xattr *xattr = kmalloc(sizeof(*xattr) + len + 1);

	if (!xattr)
		return NULL;
	xattr->value = kmalloc(MAX(size, (size_t)1));
	if (!xattr->value) {
		kfree(xattr);
		return NULL;
	}
	memcpy(xattr->name, name, len + 1);
	memcpy(xattr->value, value, size);
	xattr->size = size;
	return xattr;
}

static int set_plain(struct inode *inode, const char *name, const void *value,
		     size_t size, int flags)
{
	struct tmpfs_xattr *old = find(inode, name), *new = NULL;

	if (old && flags & XATTR_CREATE)
		return -EEXIST;
	if (!old && (flags & XATTR_REPLACE || !value))
		return -ENODATA;
	if (value) {
		new = xattr_create(name, value, size);
		if (!new)
			return -ENOMEM;
		list_push_back(&tmpfs_node(inode)->xattrs, &new->node);
	}
	if (old)
		xattr_free(old);
	return 0;
}

/* ---- Access control lists ---- */

/* @acl becomes the attribute @name; NULL: it goes. */
static int store_acl(struct inode *inode, const char *name,
		     const struct acl *acl)
{
	size_t size = acl ? acl_size(acl) : 0;
	void *value = NULL;
	int err;

	if (acl) {
		value = kmalloc(size);
		if (!value)
			return -ENOMEM;
		acl_make_value(acl, value);
	}
	err = set_plain(inode, name, value, size, 0);
	kfree(value);
	return err == -ENODATA ? 0 : err;
}

/* ... and is what is asked at each access. */
static int store_access(struct inode *inode, const struct acl *acl)
{
	struct inode_acl *copy = NULL;
	int err = acl ? inode_acl_make(acl, &copy) : 0;

	if (err)
		return err;
	err = store_acl(inode, ACL_NAME_ACCESS, acl);
	if (err)
		kfree(copy);
	else
		inode_acl_use(inode, copy);
	return err;
}

static int store_default(struct inode *inode, const struct acl *acl)
{
	int err;

	if (!S_ISDIR(inode->mode))
		return acl ? -EACCES : 0;
	err = store_acl(inode, ACL_NAME_DEFAULT, acl);
	if (!err)
		inode->has_default_acl = acl;
	return err;
}

static int set_access(struct inode *inode, struct acl *acl)
{
	uint32_t mode;
	int err;

	if (!acl_get_mode(acl, &mode))
		return -EINVAL;
	err = store_access(inode, acl_is_more_than_mode(acl) ? acl : NULL);
	if (!err)
		WRITE_ONCE(inode->mode, (inode->mode & ~0777u) | mode);
	return err;
}

static int set_acl(struct inode *inode, const char *name, const void *value,
		   size_t size)
{
	bool is_default = !strcmp(name, ACL_NAME_DEFAULT);
	struct acl *acl;
	int err;

	if (!value)
		return is_default ? store_default(inode, NULL)
				  : store_access(inode, NULL);
	acl = kmalloc(sizeof(*acl));
	if (!acl)
		return -ENOMEM;
	err = acl_parse(acl, value, size);
	if (!err)
		err = is_default ? store_default(inode, acl)
				 : set_access(inode, acl);
	kfree(acl);
	return err;
}

/* The list that @inode has as @name. 0, -ENODATA, -ENOMEM. */
static int load_acl(const struct inode *inode, const char *name,
		    struct acl **out)
{
	const struct tmpfs_xattr *xattr = find(inode, name);
	int err;

	if (!xattr)
		return -ENODATA;
	*out = kmalloc(sizeof(**out));
	if (!*out)
		return -ENOMEM;
	err = acl_parse(*out, xattr->value, xattr->size);
	if (err)
		kfree(*out);
	return err;
}

int tmpfs_set_attributes(struct inode *inode)
{
	struct acl *acl;
	int err;

	if (likely(!inode->acl))
		return 0;
	err = load_acl(inode, ACL_NAME_ACCESS, &acl);
	if (err)
		return err;
	err = acl_set_mode(acl, inode->mode) ? store_access(inode, acl)
					     : -EINVAL;
	kfree(acl);
	return err;
}

/* acl(5), "Object creation and default ACLs". */
static int inherit(struct inode *inode, struct acl *acl)
{
	uint32_t mode;
	int err = S_ISDIR(inode->mode) ? store_default(inode, acl) : 0;

	if (err || !acl_get_mode(acl, &mode))
		return err;
	WRITE_ONCE(inode->mode, inode->mode & (mode | ~0777u));
	acl_set_mode(acl, inode->mode);
	return acl_is_more_than_mode(acl) ? store_access(inode, acl) : 0;
}

int tmpfs_inherit_acl(struct inode *inode, const struct inode *dir)
{
	struct acl *acl;
	int err;

	err = load_acl(dir, ACL_NAME_DEFAULT, &acl);
	if (err)
		return err;
	err = inherit(inode, acl);
	kfree(acl);
	return err;
}

int tmpfs_set_xattr(struct inode *inode, const char *name, const void *value,
		    size_t size, int flags)
{
	if (is_acl(name))
		return set_acl(inode, name, value, size);
	if (!is_supported(name))
		return -EOPNOTSUPP;
	return set_plain(inode, name, value, size, flags);
}

ssize_t tmpfs_list_xattr(struct inode *inode, char *list, size_t size)
{
	const struct tmpfs_xattr *xattr;
	size_t total = 0;

	list_for_each (xattr, &tmpfs_node(inode)->xattrs, node) {
		size_t len = strlen(xattr->name) + 1;

		if (size) {
			if (size - total < len)
				return -ERANGE;
			memcpy(list + total, xattr->name, len);
		}
		total += len;
	}
	return (ssize_t)total;
}
