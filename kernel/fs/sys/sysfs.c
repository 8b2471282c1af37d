/* SPDX-License-Identifier: MIT */
/*
 * sysfs.c - TODO(tty): the files; so far only the way in
 */
#include "kernel/fs/sys/sysfs.h"

void sysfs_init(void)
{
}
