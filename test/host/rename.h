/* SPDX-License-Identifier: MIT */
/*
 * rename.h - the kernel's string functions beside the C library's
 *
 * Included first in each kernel file that is built for the host: there both
 * exist in one program, and the kernel's are to be tested.
 */
#pragma once

#define memcpy  kernel_memcpy
#define memmove kernel_memmove
#define memset  kernel_memset
#define memcmp  kernel_memcmp
#define memchr  kernel_memchr
#define strlen  kernel_strlen
#define strnlen kernel_strnlen
#define strcmp  kernel_strcmp
#define strncmp kernel_strncmp
#define strchr  kernel_strchr
#define strrchr kernel_strrchr
#define strstr  kernel_strstr
