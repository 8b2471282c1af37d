/* SPDX-License-Identifier: MIT */
/*
 * internal.h - what the files of vfs/ share with each other only
 */
#pragma once

#include "kernel/abi/errno.h"
#include "kernel/abi/fcntl.h"
#include "kernel/abi/fs.h"
#include "kernel/sched/thread.h"
#include "kernel/sync/seqlock.h"
#include "kernel/vfs/acl.h"
#include "kernel/vfs/cred.h"
#include "kernel/vfs/file.h"
#include "kernel/vfs/path.h"

#include <linux/capability.h>

/* On whose behalf: kernel threads (boot) are root. */
static inline const struct cred *vfs_cred(void)
{
	const struct cred *cred = current()->cred;

	return likely(cred) ? cred : cred_root();
}

/* ---- inode.c ---- */

void inode_cache_init(void);
/* A file of @inode that was open for writing is not any more. */
static inline void inode_end_writer(struct inode *inode)
{
	__atomic_fetch_sub(&inode->writers, 1, __ATOMIC_RELEASE);
	if (S_ISREG(inode->mode))
		__atomic_fetch_sub(hart_count_part(&inode->sb->writers), 1,
				   __ATOMIC_RELEASE);
}
/* inode_permission() for a look-up in @dir; needs no sleep. */
static inline bool inode_may_search(const struct cred *cred,
				    const struct inode *dir)
{
	uint32_t mode = dir->mode;

	if (cred->fsuid == dir->uid)
		mode >>= 6;
	else if (unlikely(READ_ONCE(dir->acl)) && mode & S_IRWXG)
		mode = inode_acl_allows(dir, cred, MAY_EXEC) ? MAY_EXEC : 0;
	else if (cred_in_group(cred, dir->gid))
		mode >>= 3;
	if (likely(mode & MAY_EXEC))
		return true;
	return cred_capable(cred, CAP_DAC_READ_SEARCH) ||
	       cred_capable(cred, CAP_DAC_OVERRIDE);
}
/* May the current thread unlink or rename @victim out of @dir, as far as the
 * sticky bit says? */
bool inode_sticky_allows(const struct inode *dir, const struct inode *victim);
/* Lock two inodes, in the order of their addresses; they may be the same. */
void inode_lock_two(struct inode *a, struct inode *b);
void inode_unlock_two(struct inode *a, struct inode *b);

/* ---- inode_dirty.c ---- */

void inode_dirty_init(void);
/* Off the list, unwritten. */
void inode_forget_dirty(struct inode *inode);
/* Before a put of an inode without a name: if nobody else uses it, what is
 * dirty of it is forgotten. */
void inode_drop_unwritten(struct inode *inode);

/* ---- dentry.c ---- */

extern struct spinlock dentry_lock; /* rank LOCK_DENTRY */
/* Written to, under dentry_lock, by who moves what a walk may have passed. */
extern struct seqlock dentry_seq;
void dentry_cache_init(void);

/* Names are hashed one character at a time by who scans them. */
#define NAME_HASH_START 0x811c9dc5u
static inline uint32_t name_hash_step(uint32_t hash, char c)
{
	return (hash ^ (unsigned char)c) * 0x01000193u;
}
static inline uint32_t name_hash(const char *name, size_t len)
{
	uint32_t hash = NAME_HASH_START;

	for (size_t i = 0; i < len; i++)
		hash = name_hash_step(hash, name[i]);
	return hash;
}

/*
 * In the cache, no reference taken; NULL: not known. Under dentry_lock; or in a
 * read section: then it may be wrong unless dentry_seq is the same as before.
 */
struct dentry *dentry_find(struct dentry *parent, const char *name, size_t len,
			   uint32_t hash);
/*
 * The dentry of @name in @dir, asking the file system if need be; negative if
 * there is nothing. With a reference. 0 or an error of lookup.
 * Context: @dir's inode locked.
 */
int dentry_lookup_locked(struct dentry *dir, const char *name, size_t len,
			 uint32_t hash, struct dentry **out);
/* The same; locks. */
int dentry_lookup(struct dentry *dir, const char *name, size_t len,
		  uint32_t hash, struct dentry **out);
/* @dentry, so far negative, names @inode from now on (reference taken over). */
void dentry_set_inode(struct dentry *dentry, struct inode *inode);
/* The name is gone from its directory (unlink, rmdir). */
void dentry_forget(struct dentry *dentry);
/* rename: @dentry gets the place and name of @target, which is forgotten, or
 * (exchange) gets the place of @dentry. */
void dentry_move(struct dentry *dentry, struct dentry *target, bool exchange);
/* Is @dentry @ancestor or below it? */
bool dentry_is_below(const struct dentry *dentry,
		     const struct dentry *ancestor);

/* ---- mount.c ---- */

/* What is mounted on @dentry in @parent, or NULL; no reference. Under
 * dentry_lock or in a read section, as dentry_find(). */
struct mount *mount_find(const struct mount *parent,
			 const struct dentry *dentry);
void mount_get(struct mount *mount);
void mount_put(struct mount *mount);
/* The root of everything, borrowed; for who has no fs_context. */
const struct path *mount_root_path(void);
/* 0 or -EROFS: may names or attributes in @path be changed? */
int path_may_write(const struct path *path);

/* ---- path.c ---- */

#define WALK_SMALL 128

/*
 * A walk under way. With walk_start() ... walk_end() a caller can stop at the
 * last component, look, follow a link there, and go on (open with O_CREAT).
 */
struct walk {
	struct path at;   /* where we are; borrowed, or held */
	struct path held; /* references to drop; also keep @at alive */
	struct path root;
	struct path held_root;
	const struct mount *start_mount; /* LOOKUP_NO_XDEV: do not leave */
	const struct cred *cred;
	const char *rest;       /* what is still to be walked */
	char *buffer;           /* rest lies here after a long link; or NULL */
	struct dentry *link;    /* step_cached() met one; with a reference */
	bool arrived;           /* LOOKUP_IF_THERE: at the last component */
	unsigned int flags;     /* LOOKUP_* */
	unsigned int num_links; /* followed so far */
	struct path_last last;
	uint32_t last_hash;
	char small[WALK_SMALL]; /* rest lies here after a short link */
};

/* A name that can come and go: not ".", "..", nor none at all ("/"). */
static inline bool is_plain_name(const struct path_last *last)
{
	if (last->len > 2 || last->len == 0 || last->name[0] != '.')
		return last->len != 0;
	return last->len == 2 && last->name[1] != '.';
}

int walk_start(struct walk *walk, const struct path *start, const char *name,
	       unsigned int flags);
void walk_end(struct walk *walk);
/* Walk all of it, or with LOOKUP_PARENT to the last component; with
 * LOOKUP_IF_THERE that is where it ends if walk->arrived. */
int walk_run(struct walk *walk);
/* @link is a symbolic link in walk->at: continue with its target, as if it
 * stood in the place of the last component. */
int walk_follow(struct walk *walk, struct dentry *link);
/* May @link, the last of a path, in the directory walk->at, be followed?
 * -EACCES if it may be a trap. */
int walk_may_follow(const struct walk *walk, const struct inode *link);
/* @child of where the walk is, below what is mounted there; references for
 * @out. */
void walk_step_to(struct walk *walk, struct dentry *child, struct path *out);
/* The place the walk ended at, with references of its own. */
void walk_result(struct walk *walk, struct path *out);

/* ---- name_ops.c ---- */

/* @mode of what is made in @dir, without what the process's umask takes away;
 * if a default access control list does not do that. */
uint32_t apply_umask(const struct inode *dir, uint32_t mode);

/* May the current thread add a name to @dir (locked)? */
int may_create(struct inode *dir);
/* Create the regular file @dentry (negative, @dir locked). */
int create_regular(struct dentry *dir, struct dentry *dentry, uint32_t mode);

/* ---- file.c ---- */

void file_cache_init(void);
/* A file of @path (reference taken over unless it fails), not opened yet. */
int file_alloc(const struct path *path, unsigned int flags, struct file **out);

/* ---- anonymous_inode.c ---- */

void anonymous_init(void);

/* ---- file_lock.c ---- */

/* A descriptor of @table on @file was closed; a description is gone. */
void file_lock_release_owner(struct file *file, const struct fd_table *table);
void file_lock_release_file(struct file *file);
void file_lock_destroy(struct inode *inode);
