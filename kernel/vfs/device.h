/* SPDX-License-Identifier: MIT */
/*
 * device.h - which driver a device node means
 *
 * Idea: a node (mknod(2)) is only a type and a number; this registry says what
 * open() of such a number gets. Numbers have the encoding of makedev(3), which
 * is also st_rdev's.
 */
#pragma once

#include "kernel/lib/compiler.h"

struct file_ops;

static inline uint64_t device_number(unsigned int major, unsigned int minor)
{
	return (minor & 0xffu) | ((uint64_t)(major & 0xfffu) << 8) |
	       ((uint64_t)(minor & ~0xffu) << 12);
}
static inline unsigned int device_major(uint64_t rdev)
{
	return (unsigned int)(rdev >> 8) & 0xfffu;
}
static inline unsigned int device_minor(uint64_t rdev)
{
	return (unsigned int)((rdev & 0xffu) | ((rdev >> 12) & ~0xffull));
}

/*
 * From now on @count numbers from @first (minors of one major) mean @ops.
 *
 * @mode  S_IFCHR or S_IFBLK
 *
 * Returns 0, -EBUSY if one is taken, -ENOMEM. Context: thread.
 */
int device_register(uint32_t mode, uint64_t first, unsigned int count,
		    const struct file_ops *ops);
void device_unregister(uint32_t mode, uint64_t first);

/* What open() of such a node uses; NULL: -ENXIO. */
const struct file_ops *device_file_ops(uint32_t mode, uint64_t rdev);
