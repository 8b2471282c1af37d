/* SPDX-License-Identifier: MIT */
/*
 * xattr.c - names and values attached to files
 *
 * Idea: few files have any and those have few: a list.
 * Locks: the inode's, taken by vfs/.
 * Source: xattr(7). ACLs (system.posix_acl_*) are not supported.
 */
#include "kernel/fs/tmpfs/internal.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"

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

	/* Access control lists are known, but no file has one. */
	if (starts_with(name, "system.posix_acl_"))
		return -ENODATA;
	if (!is_supported(name))
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

int tmpfs_set_xattr(struct inode *inode, const char *name, const void *value,
		    size_t size, int flags)
{
	struct tmpfs_xattr *old, *new = NULL;

	if (!is_supported(name))
		return -EOPNOTSUPP;
	old = find(inode, name);
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
