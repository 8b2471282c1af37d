/* SPDX-License-Identifier: MIT */
/*
 * loop.h - files as disks
 */
#pragma once

/* Boot: /dev/loop0 ... exist, and "loop-control" has its number (10, 237). */
void loop_init(void);
