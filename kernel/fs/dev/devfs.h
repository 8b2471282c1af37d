/* SPDX-License-Identifier: MIT */
/*
 * devfs.h - /dev: the device nodes, in a small file system in memory
 *
 * Registered as "devtmpfs", Linux's name for the same thing. All its mounts
 * show one tree, in which programs may add and remove nodes.
 */
#pragma once

#include "kernel/lib/compiler.h"

/*
 * Boot, after tmpfs is registered and terminals exist (tty_init()): register
 * the file system and the devices that are only memory: null, zero, full,
 * random, urandom, kmsg.
 */
void devfs_init(void);

/*
 * A node for a device found later ("vda"). @mode has S_IFBLK or S_IFCHR.
 * 0, -EEXIST, -ENOMEM. Context: thread.
 */
int devfs_add_node(const char *name, uint32_t mode, uint64_t rdev);
/* Away with it, if it is still there. */
void devfs_remove_node(const char *name);
/* Nodes for disks and partitions, those there are and those to come. */
void devfs_watch_disks(void);
