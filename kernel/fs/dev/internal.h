/* SPDX-License-Identifier: MIT */
/*
 * internal.h - between the files of fs/dev/
 */
#pragma once

/* memory.c, kmsg.c: register their device numbers. */
void memory_devices_init(void);
void kmsg_init(void);

/* Minors of major 1: Linux, Documentation/admin-guide/devices.txt. */
#define MINOR_NULL    3u
#define MINOR_ZERO    5u
#define MINOR_FULL    7u
#define MINOR_RANDOM  8u
#define MINOR_URANDOM 9u
#define MINOR_KMSG    11u
