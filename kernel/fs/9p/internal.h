/* SPDX-License-Identifier: MIT */
/*
 * internal.h - what the files of 9p share
 */
#pragma once

#include "kernel/abi/errno.h"
#include "kernel/abi/fcntl.h"
#include "kernel/abi/fs.h"
#include "kernel/fs/9p/client.h"
#include "kernel/lib/string.h"
#include "kernel/vfs/file.h"

#define P9_BUCKETS 128u

/* One mount. */
struct p9_mount {
	struct p9 p9;
	struct super_block *sb;             /* fixed */
	struct spinlock table_lock;         /* rank LOCK_SPIN_MISC */
	struct list_head nodes[P9_BUCKETS]; /* under table_lock */
};

/* inode.data of every inode. */
struct p9_node {
	struct inode *inode;
	struct list_head hash_node; /* mount's table_lock */

	struct spinlock lock; /* rank LOCK_SPIN_MISC */
	/* Under lock. */
	struct p9_fid *fid;          /* never open; by its last known name: */
	uint64_t fid_name;           /* p9_name_id() of that; 0: none */
	struct p9_fid *created;      /* open since its creation; or NULL */
	struct list_head open_files; /* p9_file.node */
	struct p9_attributes seen;   /* what the host said last */
	uint64_t seen_ns;            /* when; 0: too old in any case */
	/* Changes of size and contents by us, so that an answer of the host
	 * that may be older is not taken for new. */
	uint64_t changes_begun, changes_done;
};

/* file.data of open files and directories. */
struct p9_file {
	struct list_head node; /* p9_node.lock; files only */
	struct p9_fid *fid;    /* open */
	bool readable, writable;
};

static inline struct p9_mount *p9_mount_of(const struct inode *inode)
{
	return inode->sb->data;
}
static inline struct p9 *p9_of(const struct inode *inode)
{
	return &p9_mount_of(inode)->p9;
}
static inline struct p9_node *p9_node(const struct inode *inode)
{
	return inode->data;
}

/* ---- inode.c ---- */

/* The inode's fid, with a reference. */
struct p9_fid *p9_inode_fid(struct inode *inode);
/* Which name in which directory; never 0. */
uint64_t p9_name_id(struct inode *dir, const char *name, size_t len);
/*
 * The inode that @fid (taken over, also when it fails) stands for: the one we
 * have, brought up to date, or a new one. @fid was found by name @name_id.
 */
int p9_inode_get(struct super_block *sb, struct p9_fid *fid, uint64_t name_id,
		 struct inode **out);
/* @fid (taken over) is a fresh one of the inode, by another name. */
void p9_inode_take_fid(struct inode *inode, struct p9_fid *fid,
		       uint64_t name_id);
/* What was seen of the inode is old by now: we have changed something. */
void p9_inode_expire(struct inode *inode);
/* Ask the host for the attributes unless that was just done. 0 or an error. */
int p9_inode_refresh(struct inode *inode, bool force);
/* We are changing contents or size; have done so. */
void p9_change_begin(struct inode *inode);
void p9_change_end(struct inode *inode);
/* Our changes are done: the file as it is now on the host is what we have. */
void p9_inode_settle(struct inode *inode);
void p9_destroy_inode(struct inode *inode);

/* ---- dir.c ---- */

extern const struct inode_ops p9_dir_ops;
extern const struct inode_ops p9_link_ops;
extern const struct inode_ops p9_special_ops;
extern const struct file_ops p9_dir_file_ops;

/* ---- file.c ---- */

extern const struct inode_ops p9_file_inode_ops;
extern const struct file_ops p9_file_ops;
extern const struct page_cache_ops p9_page_ops;

/* A fid of @inode's own, opened with @flags. */
int p9_open_fid(struct inode *inode, uint32_t flags, struct p9_fid **out);

/* ---- attributes.c: inode_ops ---- */

void p9_refresh(struct inode *inode);
int p9_set_attributes(struct inode *inode);
ssize_t p9_get_xattr(struct inode *inode, const char *name, void *value,
		     size_t size);
int p9_set_xattr(struct inode *inode, const char *name, const void *value,
		 size_t size, int flags);
ssize_t p9_list_xattr(struct inode *inode, char *list, size_t size);
