/* SPDX-License-Identifier: MIT */
/*
 * tmpfs.h - the file system that lives in memory
 *
 * Registered as "tmpfs", and under its historic names "ramfs" and "rootfs".
 * Source: tmpfs(5).
 */
#pragma once

#include "kernel/vfs/file.h"

extern const struct file_system_type tmpfs_type;

/* Boot: register the types; the mount for unnamed files. After vfs_init(). */
void tmpfs_init(void);

/*
 * An unnamed file of @size bytes, open for reading and writing: shared
 * anonymous memory ("dev/zero"), System V segments, memfd ("memfd:NAME").
 * /proc shows it as "/NAME (deleted)". Sealing is off (F_SEAL_SEAL).
 * 0, -ENOMEM, -ENOSPC.
 */
int tmpfs_create_unnamed(const char *name, uint64_t size, struct file **out);

/*
 * Seals of memfd_create(2), F_SEAL_*; -EINVAL if @file is not of tmpfs.
 * tmpfs_allow_seals(): MFD_ALLOW_SEALING, before the program sees the file.
 */
void tmpfs_allow_seals(struct file *file);
long tmpfs_get_seals(struct file *file);
/* 0, -EPERM (sealed, or not open for writing), -EBUSY, -EINVAL. */
long tmpfs_add_seals(struct file *file, unsigned int seals);
