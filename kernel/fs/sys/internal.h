/* SPDX-License-Identifier: MIT */
/*
 * internal.h - what the files of sys/ share
 */
#pragma once

#include "kernel/vfs/file.h"
#include "kernel/vfs/path.h"

/* Every file says that it is so long, whatever it holds. */
#define SYS_FILE_SIZE 4096u

struct sys_entry;

/* What inode->data points to; the path follows it in memory. */
struct sys_node {
	const struct sys_entry *entry; /* NULL: a directory, or block.c's */
	size_t len;
	char path[]; /* "" or "devices/system"; ended by NUL */
};

/*
 * A new inode @name in @dir (NULL: the root), a directory, file or link by
 * @mode, without operations. NULL: no memory.
 */
struct inode *sys_make_inode(struct super_block *sb, const struct sys_node *dir,
			     const char *name, size_t len, uint32_t mode);

/* ---- block.c: disks and partitions ---- */

/* Is directory @path one of its? */
bool sys_block_owns(const char *path);
extern const struct inode_ops sys_block_dir_ops;
extern const struct file_ops sys_block_dir_file_ops;
