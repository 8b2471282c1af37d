/* SPDX-License-Identifier: MIT */
/*
 * ext4.h - the file system of disks: ext4, and ext3 and ext2 with the same code
 */
#pragma once

/* Boot: make the types known. */
void ext4_init(void);
