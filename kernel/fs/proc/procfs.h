/* SPDX-License-Identifier: MIT */
/*
 * procfs.h - /proc: what the kernel knows about itself, as text
 *
 * Source: proc(5).
 */
#pragma once

/* Boot, after vfs_init(): register the file system "proc". */
void procfs_init(void);
