/* SPDX-License-Identifier: MIT */
/*
 * fd_give.h - the end of every call that makes a descriptor
 */
#pragma once

#include "kernel/abi/fcntl.h"
#include "kernel/vfs/file.h"

/*
 * A new descriptor for @file, whose reference is consumed in any case. Of
 * @flags only O_CLOEXEC is looked at. -EMFILE, -ENOMEM.
 */
static inline long fd_give(struct file *file, unsigned int flags)
{
	int fd = fd_install(file, 0, flags & O_CLOEXEC);

	if (fd < 0)
		file_put(file);
	return fd;
}
