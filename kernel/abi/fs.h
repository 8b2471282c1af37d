/* SPDX-License-Identifier: MIT */
/*
 * abi/fs.h - mount and rename flags, file-system magic numbers, statfs,
 * seek origins, RWF_*
 */
#pragma once

#include <asm/statfs.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <linux/mount.h>

#ifndef NAME_MAX
#define NAME_MAX 255
#endif
#ifndef PATH_MAX
#define PATH_MAX 4096
#endif

/* d_type: readdir(3); the file type bits of the mode, moved down. */
#define DT_UNKNOWN       0u
#define DT_FIFO          1u
#define DT_CHR           2u
#define DT_DIR           4u
#define DT_BLK           6u
#define DT_REG           8u
#define DT_LNK           10u
#define DT_SOCK          12u
#define DT_OF_MODE(mode) (((mode)&S_IFMT) >> 12)

/* Not in the headers of programs; umount(2). */
#define MNT_FORCE       1
#define MNT_DETACH      2
#define MNT_EXPIRE      4
#define UMOUNT_NOFOLLOW 8
