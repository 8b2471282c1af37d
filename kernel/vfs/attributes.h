/* SPDX-License-Identifier: MIT */
/*
 * attributes.h - changing what stat(2) shows
 *
 * Each checks permission, asks the file system, and tells the watchers. The
 * caller has found the path. -EROFS, -EPERM, -EACCES as the manual pages say.
 */
#pragma once

#include "kernel/vfs/path.h"

/* chmod(2); -EOPNOTSUPP on symbolic links. */
int vfs_chmod(const struct path *path, uint32_t mode);
/* chown(2); -1 (as unsigned) leaves one as it is. */
int vfs_chown(const struct path *path, uint32_t uid, uint32_t gid);

/* utimensat(2). */
struct time_change {
	bool set, now;    /* neither: leave it */
	uint64_t time_ns; /* when set and not now */
};
int vfs_set_times(const struct path *path, const struct time_change *atime,
		  const struct time_change *mtime, bool both_now);

/* truncate(2): permission is checked; ftruncate(2): it is not. */
int vfs_truncate(const struct path *path, uint64_t size);
/*
 * Who changes a file he may not vouch for takes its set-id bits away: the mode
 * without them, and doing so (not for CAP_FSETID; inode locked).
 */
uint32_t inode_mode_without_set_id(const struct inode *inode);
void inode_drop_set_id(struct inode *inode);
/* Set the size, no questions asked; takes the inode's lock. */
int inode_truncate(struct inode *inode, uint64_t size);

/* st_blocks. */
uint64_t inode_blocks_512(const struct inode *inode);
/* statfs(2). */
int vfs_statfs(const struct path *path, struct statfs_info *info);

/* xattr(7): names with their prefix. */
ssize_t vfs_get_xattr(const struct path *path, const char *name, void *value,
		      size_t size);
int vfs_set_xattr(const struct path *path, const char *name, const void *value,
		  size_t size, int flags);
int vfs_remove_xattr(const struct path *path, const char *name);
ssize_t vfs_list_xattr(const struct path *path, char *list, size_t size);
