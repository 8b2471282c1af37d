/* SPDX-License-Identifier: MIT */
/*
 * anonymous.c - descriptors that are neither a file nor a channel
 */
#include "kernel/vfs/anonymous.h"

#include "kernel/abi/errno.h"
#include "kernel/abi/fcntl.h"
#include "kernel/vfs/file.h"

int anonymous_file_create(const char *name, const struct file_ops *ops,
			  unsigned int flags, void *data, struct file **out)
{
	/* No type, as on Linux: fstat(2) shows mode 0600. */
	struct inode *inode = inode_create_anonymous(0600);

	if (!inode)
		return -ENOMEM;
	return file_create_anonymous(inode, name, ops, flags | O_RDWR, data,
				     out);
}
