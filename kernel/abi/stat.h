/* SPDX-License-Identifier: MIT */
/*
 * abi/stat.h - struct stat and struct statx, times of utimensat(2)
 */
#pragma once

#include <asm/stat.h>
#include <linux/stat.h>

#define UTIME_NOW  0x3fffffff
#define UTIME_OMIT 0x3ffffffe
