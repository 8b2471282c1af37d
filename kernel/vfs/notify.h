/* SPDX-License-Identifier: MIT */
/*
 * notify.h - telling watchers (inotify) what happens to files
 *
 * Idea: whoever changes a file says so here; when nobody watches anything that
 * costs one load and a branch.
 *
 * @mask is IN_* of inotify(7), IN_ISDIR included where it applies.
 */
#pragma once

#include "kernel/vfs/inode.h"

#include <linux/inotify.h>

struct dentry;

/* Watches that exist in all; atomic. */
extern unsigned int notify_num_watches;

/* Out of line: somebody watches something. */
void notify_send(struct inode *inode, uint32_t mask, uint32_t cookie,
		 const char *name);
void notify_send_dentry(struct dentry *dentry, uint32_t mask);

/*
 * To the watchers of @inode. @name: the entry of directory @inode that is
 * meant, or NULL for the inode itself. @cookie joins the two halves of a move
 * (notify_new_cookie()), else 0.
 */
static inline void notify_event(struct inode *inode, uint32_t mask,
				uint32_t cookie, const char *name)
{
	if (unlikely(READ_ONCE(notify_num_watches)) &&
	    !list_empty(&inode->watches))
		notify_send(inode, mask, cookie, name);
}

/*
 * Something happened to what @dentry names: to the watchers of its inode and,
 * with the name, to those of its directory. For IN_ACCESS, IN_MODIFY,
 * IN_ATTRIB, IN_OPEN, IN_CLOSE_*.
 */
static inline void notify_dentry(struct dentry *dentry, uint32_t mask)
{
	if (unlikely(READ_ONCE(notify_num_watches)))
		notify_send_dentry(dentry, mask);
}

/* A name of @inode is gone: watchers of it no longer keep it alive once it was
 * the last. @directory: rmdir, which is no change of attributes. */
void notify_send_unlinked(struct inode *inode, bool directory);
static inline void notify_unlinked(struct inode *inode, bool directory)
{
	if (unlikely(READ_ONCE(notify_num_watches)) &&
	    !list_empty(&inode->watches))
		notify_send_unlinked(inode, directory);
}

uint32_t notify_new_cookie(void);

/* The inode is about to be freed, or its file system goes: drop watches. */
void notify_inode_gone(struct inode *inode, uint32_t mask);
