/* SPDX-License-Identifier: MIT */
/*
 * initramfs.h - the first files: an archive that comes with the kernel
 */
#pragma once

#include "kernel/lib/compiler.h"

/*
 * Unpack the cpio archive(s) ("newc") at @data into the root file system,
 * copying: the memory may be given away afterwards. Says in the log what is
 * wrong with a broken archive; what came before stays.
 * 0, -EINVAL (broken), -ENOMEM, -ENOSPC. Context: thread, as root.
 */
int initramfs_unpack(const void *data, size_t size);
