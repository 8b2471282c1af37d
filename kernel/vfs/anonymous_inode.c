/* SPDX-License-Identifier: MIT */
/*
 * anonymous_inode.c - inodes in no directory: pipes, sockets, eventfd and friends
 *
 * Idea: three small file systems that are mounted nowhere own them, so that
 * fstat(2) and fstatfs(2) say of each what they say on Linux.
 */
#include "kernel/debug/panic.h"
#include "kernel/vfs/internal.h"

static const struct super_ops anonymous_super_ops;
static const struct inode_ops anonymous_inode_ops;

static const struct file_system_type pipe_type = { .name = "pipefs" };
static const struct file_system_type socket_type = { .name = "sockfs" };
static const struct file_system_type other_type = { .name = "anon_inodefs" };

static struct super_block *pipe_super, *socket_super, *other_super;

static struct super_block *make_super(const struct file_system_type *type,
				      uint64_t magic)
{
	struct super_block *sb;

	sb = super_block_create(type, &anonymous_super_ops, magic);
	assert(sb);
	sb->nameless = true;
	return sb;
}

void anonymous_init(void)
{
	pipe_super = make_super(&pipe_type, PIPEFS_MAGIC);
	socket_super = make_super(&socket_type, SOCKFS_MAGIC);
	other_super = make_super(&other_type, ANON_INODE_FS_MAGIC);
}

struct inode *inode_create_anonymous(uint32_t mode)
{
	struct super_block *sb = other_super;
	struct inode *inode;

	if (S_ISFIFO(mode))
		sb = pipe_super;
	else if (S_ISSOCK(mode))
		sb = socket_super;
	inode = inode_create(sb, NULL, mode);
	if (inode)
		inode->ops = &anonymous_inode_ops;
	return inode;
}
