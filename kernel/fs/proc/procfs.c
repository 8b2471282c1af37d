/* SPDX-License-Identifier: MIT */
/*
 * procfs.c - TODO(tty): the files; so far only the way in
 */
#include "kernel/fs/proc/procfs.h"

void procfs_init(void)
{
}
