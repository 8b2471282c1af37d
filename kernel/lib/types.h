/* SPDX-License-Identifier: MIT */
/*
 * types.h - the quantities every room speaks of
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint64_t paddr_t;  /* physical address, bytes */
typedef uintptr_t vaddr_t; /* virtual address, bytes, user or kernel */
typedef long ssize_t;      /* bytes, or a negative errno */
typedef int64_t loff_t;    /* file offset, bytes */

#define PAGE_SHIFT 12
#define PAGE_SIZE  (1UL << PAGE_SHIFT)
#define PAGE_MASK  (~(PAGE_SIZE - 1))

#define NSEC_PER_SEC  1000000000ULL
#define NSEC_PER_MSEC 1000000ULL
#define NSEC_PER_USEC 1000ULL

/* Most harts one machine may have; sizes the few per-hart arrays. */
#ifndef MAX_HARTS /* the simulator of policies has more */
#define MAX_HARTS 64
#endif
