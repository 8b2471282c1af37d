/* SPDX-License-Identifier: MIT */
/*
 * libfdt_env.h - what libfdt may expect of its surroundings
 *
 * libfdt asks its port for this file: fixed-width big-endian types and the
 * string functions. This one takes the kernel's instead of a C library's. It
 * has the guard of libfdt's own file, and the Makefile includes it first, so
 * that one is skipped.
 */
#ifndef LIBFDT_ENV_H
#define LIBFDT_ENV_H

#include "kernel/lib/string.h"

#ifndef INT_MAX
#define INT_MAX __INT_MAX__
#endif
#ifndef UINT_MAX
#define UINT_MAX (2U * __INT_MAX__ + 1)
#endif

#define FDT_FORCE

typedef uint16_t fdt16_t;
typedef uint32_t fdt32_t;
typedef uint64_t fdt64_t;

/* The tree is big endian; these are for a little-endian machine. */
static inline uint16_t fdt16_to_cpu(fdt16_t x)
{
	return (uint16_t)(x << 8 | x >> 8);
}
static inline uint32_t fdt32_to_cpu(fdt32_t x)
{
	return x << 24 | (x & 0xff00) << 8 | (x >> 8 & 0xff00) | x >> 24;
}
static inline uint64_t fdt64_to_cpu(fdt64_t x)
{
	return (uint64_t)fdt32_to_cpu((uint32_t)x) << 32 |
	       fdt32_to_cpu((uint32_t)(x >> 32));
}
static inline fdt16_t cpu_to_fdt16(uint16_t x)
{
	return fdt16_to_cpu(x);
}
static inline fdt32_t cpu_to_fdt32(uint32_t x)
{
	return fdt32_to_cpu(x);
}
static inline fdt64_t cpu_to_fdt64(uint64_t x)
{
	return fdt64_to_cpu(x);
}

#endif
