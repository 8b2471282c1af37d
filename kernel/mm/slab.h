/* SPDX-License-Identifier: MIT */
/*
 * slab.h - memory for the kernel's own objects
 *
 * Idea: a cache hands out objects of one size, cut from pages; kmalloc picks
 * the cache of the next size up (16 B ... 2 KiB), whole pages beyond. Debug
 * builds poison freed objects and check the poison when they come back.
 * Read: Bonwick, "The Slab Allocator" (USENIX 1994); OSTEP ch. 17.
 */
#pragma once

#include "kernel/lib/compiler.h"

struct slab_cache;

/* A cache for objects of @size bytes, aligned to @align (0: 16). Boot only. */
struct slab_cache *slab_cache_create(const char *name, size_t size,
				     size_t align);
/* Not cleared. NULL: no memory. Any context. */
void *slab_alloc(struct slab_cache *cache) __must_check;
void *slab_alloc_zero(struct slab_cache *cache) __must_check;
void slab_free(struct slab_cache *cache, void *object);

/*
 * Aligned to 16 bytes; to 64 if the size is a multiple of 64. NULL: no memory.
 * Any context. kfree(NULL) is allowed.
 */
void *kmalloc(size_t size) __must_check;
void *kzalloc(size_t size) __must_check;
void *kcalloc(size_t count, size_t size) __must_check; /* overflow checked */
void *krealloc(void *old, size_t old_size, size_t new_size) __must_check;
void kfree(void *object);
char *kstrdup(const char *s) __must_check;

/* Cache @i (0..) for /proc/slabinfo; false past the end. */
struct slab_info {
	const char *name;
	size_t object_size;
	uint64_t active, total, pages;
};
bool slab_get_info(unsigned int i, struct slab_info *info);
