/* SPDX-License-Identifier: MIT */
/*
 * sysfs.h - /sys: the few facts about the machine that programs look for there
 *
 * Source: sysfs(5).
 */
#pragma once

/* Boot, after vfs_init(): register the file system "sysfs". */
void sysfs_init(void);
