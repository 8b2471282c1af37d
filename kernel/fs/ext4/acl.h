/* SPDX-License-Identifier: MIT */
/*
 * acl.h - access control lists as attributes
 */
#pragma once

#include "kernel/lib/compiler.h"

struct handle;
struct inode;

/* name_index of an attribute. */
#define XATTR_ACL_ACCESS  2u
#define XATTR_ACL_DEFAULT 3u

/* In the form of programs: as for getxattr(2), setxattr(2). */
ssize_t ext4_acl_get(struct inode *inode, uint8_t index, void *value,
		     size_t size);
int ext4_acl_set(struct handle *handle, struct inode *inode, uint8_t index,
		 const void *value, size_t size);

/* A new inode in memory that has attributes: find its lists. */
void ext4_acl_load(struct inode *inode);

/* xattr.c, for acl.c: attributes in the form of the disk. */
ssize_t ext4_xattr_read(struct inode *inode, uint8_t index, const char *name,
			void *value, size_t size);
int ext4_xattr_write(struct handle *handle, struct inode *inode, uint8_t index,
		     const char *name, const void *value, size_t size,
		     int flags);
