/* SPDX-License-Identifier: MIT */
/*
 * internal.h - what the files of tmpfs share
 */
#pragma once

#include "kernel/abi/errno.h"
#include "kernel/abi/fcntl.h"
#include "kernel/abi/fs.h"
#include "kernel/fs/tmpfs/tmpfs.h"
#include "kernel/lib/rbtree.h"

/* One mounted tmpfs; counters atomic. */
struct tmpfs {
	uint64_t max_pages, used_pages;   /* 0: no limit */
	uint64_t max_inodes, used_inodes; /* 0: no limit */
	uint32_t mode, uid, gid;          /* of the root */
};

/*
 * A name in a directory. It has two orders: by name (look-up) and by a number
 * that only grows (readdir), so that reading goes on at the right place
 * whatever was removed meanwhile.
 */
struct tmpfs_entry {
	struct rb_node by_name, by_offset;
	struct inode *inode; /* with a reference */
	loff_t offset;
	uint32_t hash;
	unsigned int len;
	char name[];
};

/* inode.data of every inode of tmpfs; under inode.lock. */
struct tmpfs_node {
	union {
		struct {
			struct rb_root by_name, by_offset;
			loff_t next_offset;
		} dir;
		char *target;       /* symbolic links */
		unsigned int seals; /* regular files: F_SEAL_* */
	};
	struct list_head xattrs; /* struct tmpfs_xattr, xattr.c */
};

static inline struct tmpfs_node *tmpfs_node(const struct inode *inode)
{
	return inode->data;
}
static inline struct tmpfs *tmpfs_of(const struct super_block *sb)
{
	return sb->data;
}

/* super.c: a new inode with its operations. 0, -ENOSPC, -ENOMEM. */
int tmpfs_inode_create(struct super_block *sb, struct inode *dir, uint32_t mode,
		       struct inode **out);

/* directory.c */
extern const struct inode_ops tmpfs_dir_ops;
extern const struct file_ops tmpfs_dir_file_ops;
void tmpfs_dir_init(struct inode *inode);

/* file.c */
extern const struct inode_ops tmpfs_file_ops;
extern const struct inode_ops tmpfs_link_ops;
extern const struct inode_ops tmpfs_special_ops;
extern const struct file_ops tmpfs_file_file_ops;
extern const struct page_cache_ops tmpfs_cache_ops;

/* xattr.c */
ssize_t tmpfs_get_xattr(struct inode *inode, const char *name, void *value,
			size_t size);
int tmpfs_set_xattr(struct inode *inode, const char *name, const void *value,
		    size_t size, int flags);
ssize_t tmpfs_list_xattr(struct inode *inode, char *list, size_t size);
void tmpfs_free_xattrs(struct inode *inode);
/* The mode was changed: so is the access control list. */
int tmpfs_set_attributes(struct inode *inode);
/* A new inode in @dir, which has a default access control list. */
int tmpfs_inherit_acl(struct inode *inode, const struct inode *dir);
