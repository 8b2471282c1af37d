/* SPDX-License-Identifier: MIT */
/*
 * slab.c - memory for the kernel's own objects
 *
 * Idea: a slab is a block of pages cut into objects of one size. Free objects
 * of a slab form a list through the objects themselves, so a slab costs no
 * memory beyond its pages: all it needs to remember (objects in use, first
 * free one) fits into its struct page. In front of the slabs each hart has a
 * magazine of free objects, so that most calls take no lock and get an object
 * that is still in this hart's cache.
 *
 * Invariants
 *   S1  A slab is on its cache's partial list exactly while it has both free
 *	 and used objects, or is one of the cache's num_empty spare ones.
 *   S2  An object in a magazine counts as used in its slab.
 *
 * Places inside a slab are kept in units of 16 bytes (UNIT), so 16 bits do.
 *
 * Locks: cache->lock for slabs; a magazine: its hart, interrupts off.
 * Read: Bonwick, "The Slab Allocator" (USENIX 1994); Bonwick and Adams,
 * "Magazines and Vmem" (USENIX 2001); OSTEP ch. 17.
 */
#include "kernel/mm/slab.h"
#include "kernel/mm/internal.h"
#include "kernel/debug/panic.h"
#include "kernel/lib/radix_tree.h"
#include "kernel/lib/string.h"
#include "kernel/sync/spinlock.h"

#define UNIT       16u
#define CACHE_LINE 64u

/* More than one page per slab only if that wastes less; up to 8 pages. */
#define SLAB_MAX_ORDER 3u
/* Empty slabs a cache keeps for the next rush. */
#define MAX_EMPTY 2u

/* End of a list of free objects. */
#define NO_OBJECT UINT16_MAX

/* Objects of at most this many bytes get magazines of full size. */
#define MAGAZINE_SIZE  16u
#define MAGAZINE_BYTES 8192u

#define MAX_CACHES 96u

/* What a freed object is filled with in debug builds, and its seal. */
#define POISON      0x6b
#define POISON_SEAL 0x5eedf0e5deadbeefUL

struct magazine {
	unsigned int count;
	void *objects[MAGAZINE_SIZE];
} __aligned(64);

struct slab_cache {
	struct spinlock lock; /* rank LOCK_SLAB */

	/* Under lock. */
	struct list_head partial;
	unsigned int num_empty; /* slabs on partial without a used object */
	uint64_t num_slabs;
	uint64_t num_used; /* objects, with those in magazines (S2) */

	/* Fixed. */
	const char *name;
	uint32_t size;     /* of an object, a multiple of UNIT */
	uint16_t index;    /* in caches[] */
	uint16_t order;    /* of a slab */
	uint32_t per_slab; /* objects in a slab */
	uint32_t magazine_limit;

	/* Own hart, interrupts off; made when the hart first comes here. */
	struct magazine *magazines[MAX_HARTS];
};

static struct slab_cache caches[MAX_CACHES];
static unsigned int num_caches; /* grows at boot only */

/* kmalloc's sizes: powers of two and the halves between. */
static const uint16_t kmalloc_sizes[] = {
	16, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048
};
static const char *const kmalloc_names[] = {
	"kmalloc-16",   "kmalloc-32",  "kmalloc-48",  "kmalloc-64",
	"kmalloc-96",   "kmalloc-128", "kmalloc-192", "kmalloc-256",
	"kmalloc-384",  "kmalloc-512", "kmalloc-768", "kmalloc-1024",
	"kmalloc-1536", "kmalloc-2048"
};
#define KMALLOC_MAX 2048u
/* The cache for each number of units; fixed after slab_init(). */
static struct slab_cache *kmalloc_caches[KMALLOC_MAX / UNIT + 1];
static struct slab_cache *magazine_cache, *radix_cache;

/* ---- Debug: poison -------------------------------------------------------- */

/* The first UNIT of a free object holds the list and the seal. */
static uint64_t *seal_of(void *object)
{
	return (uint64_t *)object + 1;
}

static void poison(const struct slab_cache *cache, void *object)
{
	assert(*seal_of(object) != (POISON_SEAL ^ (uint64_t)object));
	memset(object, POISON, cache->size);
	*seal_of(object) = POISON_SEAL ^ (uint64_t)object;
}

static void check_poison(const struct slab_cache *cache, void *object)
{
	const unsigned char *byte = object;
	size_t i;

	if (*seal_of(object) != (POISON_SEAL ^ (uint64_t)object))
		panic("%s: object %p was written after its free (seal)",
		      cache->name, object);
	for (i = UNIT; i < cache->size; i++) {
		if (byte[i] != POISON)
			panic("%s: object %p was written after its free, at "
			      "byte %zu",
			      cache->name, object, i);
	}
	*seal_of(object) = 0;
}

/* ---- Slabs; cache->lock held ---------------------------------------------- */

/* A fresh slab, its objects linked in order. NULL: no memory. */
static struct page *create_slab(struct slab_cache *cache)
{
	struct page *slab = page_alloc(cache->order, 0);
	unsigned int step = cache->size / UNIT;
	unsigned int at = 0, i;
	char *base;

	if (!slab)
		return NULL;
	base = page_address(slab);
	for (i = 0; i < cache->per_slab; i++, at += step) {
		char *object = base + (size_t)at * UNIT;

		if (CONFIG_DEBUG) {
			*seal_of(object) = 0;
			poison(cache, object);
		}
		*(uint16_t *)(void *)object = i + 1 < cache->per_slab
						      ? (uint16_t)(at + step)
						      : (uint16_t)NO_OBJECT;
	}
	/* Whoever finds an object in any page of the slab finds its head. */
	for (i = 0; i < BIT(cache->order); i++) {
		slab[i].slab_cache = cache->index;
		slab[i].flags = PAGE_FLAG_SLAB;
	}
	slab->slab_free = 0;
	slab->slab_used = 0;
	cache->num_slabs++;
	memory_count(COUNT_SLAB, (int64_t)BIT(cache->order));
	return slab;
}

static void destroy_slab(struct slab_cache *cache, struct page *slab)
{
	unsigned int i;

	cache->num_slabs--;
	memory_count(COUNT_SLAB, -(int64_t)BIT(cache->order));
	for (i = 0; i < BIT(cache->order); i++)
		slab[i].flags = 0;
	slab->map_count = 0;
	page_put(slab);
}

/* The head of the slab that holds @object: slabs are aligned to their size. */
static struct page *slab_of(const struct slab_cache *cache, const void *object)
{
	paddr_t pa = direct_to_phys(object);

	return phys_to_page(ALIGN_DOWN(pa, PAGE_SIZE << cache->order));
}

/* One object out of a slab; NULL: no memory. */
static void *take_object(struct slab_cache *cache)
{
	struct page *slab;
	uint16_t *object;

	if (list_empty(&cache->partial)) {
		slab = create_slab(cache);
		if (!slab)
			return NULL;
		list_push_front(&cache->partial, &slab->node);
		cache->num_empty++;
	}
	slab = list_first(&cache->partial, struct page, node);
	object = (uint16_t *)page_address(slab) +
		 (size_t)slab->slab_free * (UNIT / sizeof(uint16_t));
	slab->slab_free = *object;
	if (slab->slab_used++ == 0)
		cache->num_empty--;
	if (slab->slab_free == NO_OBJECT)
		list_remove(&slab->node);
	cache->num_used++;
	return object;
}

static void return_object(struct slab_cache *cache, void *object)
{
	struct page *slab = slab_of(cache, object);
	size_t place = (size_t)((char *)object - (char *)page_address(slab));

	debug_assert(slab->slab_used > 0);
	if (slab->slab_free == NO_OBJECT)
		list_push_front(&cache->partial, &slab->node);
	*(uint16_t *)object = slab->slab_free;
	slab->slab_free = (uint16_t)(place / UNIT);
	cache->num_used--;
	if (--slab->slab_used > 0)
		return;
	if (cache->num_empty < MAX_EMPTY) {
		/* At the end: partly used slabs fill up first. */
		cache->num_empty++;
		list_remove(&slab->node);
		list_push_back(&cache->partial, &slab->node);
	} else {
		list_remove(&slab->node);
		destroy_slab(cache, slab);
	}
}

/* ---- Magazines; interrupts off -------------------------------------------- */

/* Load half a magazine; it may stay empty (no memory). */
static void load(struct slab_cache *cache, struct magazine *magazine)
{
	unsigned int wanted = (cache->magazine_limit + 1) / 2;

	spin_lock(&cache->lock);
	while (magazine->count < wanted) {
		void *object = take_object(cache);

		if (!object)
			break;
		magazine->objects[magazine->count++] = object;
	}
	spin_unlock(&cache->lock);
}

/* Empty half of a full magazine. */
static void unload(struct slab_cache *cache, struct magazine *magazine)
{
	unsigned int keep = cache->magazine_limit / 2;

	spin_lock(&cache->lock);
	while (magazine->count > keep)
		return_object(cache, magazine->objects[--magazine->count]);
	spin_unlock(&cache->lock);
}

/* This hart's magazine, made now if need be; NULL: do without. */
static struct magazine *magazine_here(struct slab_cache *cache)
{
	struct magazine **slot = &cache->magazines[arch_hart_index()];

	if (unlikely(!*slot) && cache != magazine_cache) {
		spin_lock(&magazine_cache->lock);
		*slot = take_object(magazine_cache);
		spin_unlock(&magazine_cache->lock);
		if (*slot)
			(*slot)->count = 0;
	}
	return *slot;
}

/* The magazine is empty or not there: fill it, or do without. */
static __noinline void *take_from_slabs(struct slab_cache *cache)
{
	struct magazine *magazine = magazine_here(cache);
	void *object = NULL;

	if (magazine) {
		load(cache, magazine);
		if (magazine->count > 0)
			object = magazine->objects[--magazine->count];
	} else {
		spin_lock(&cache->lock);
		object = take_object(cache);
		spin_unlock(&cache->lock);
	}
	return object;
}

/* The magazine is full or not there. */
static __noinline void return_to_slabs(struct slab_cache *cache, void *object)
{
	struct magazine *magazine = magazine_here(cache);

	if (magazine) {
		if (magazine->count >= cache->magazine_limit)
			unload(cache, magazine);
		magazine->objects[magazine->count++] = object;
	} else {
		spin_lock(&cache->lock);
		return_object(cache, object);
		spin_unlock(&cache->lock);
	}
}

/* ---- Public ----------------------------------------------------------------- */

/* When pages of files have been given up for it. */
static __noinline void *alloc_again(struct slab_cache *cache)
{
	void *object;

	interrupts_off_enter();
	object = take_from_slabs(cache);
	interrupts_off_leave();
	return object;
}

void *slab_alloc(struct slab_cache *cache)
{
	struct magazine *magazine;
	void *object;

	interrupts_off_enter();
	magazine = cache->magazines[arch_hart_index()];
	if (likely(magazine && magazine->count > 0))
		object = magazine->objects[--magazine->count];
	else
		object = take_from_slabs(cache);
	interrupts_off_leave();
	if (unlikely(!object) && memory_reclaim_for_kernel(cache->order))
		object = alloc_again(cache);
	if (CONFIG_DEBUG && object)
		check_poison(cache, object);
	return object;
}

void *slab_alloc_zero(struct slab_cache *cache)
{
	void *object = slab_alloc(cache);

	if (object)
		memset(object, 0, cache->size);
	return object;
}

void slab_free(struct slab_cache *cache, void *object)
{
	struct magazine *magazine;

	if (CONFIG_DEBUG) {
		assert(slab_of(cache, object)->slab_cache == cache->index);
		poison(cache, object);
	}
	interrupts_off_enter();
	magazine = cache->magazines[arch_hart_index()];
	if (likely(magazine && magazine->count < cache->magazine_limit))
		magazine->objects[magazine->count++] = object;
	else
		return_to_slabs(cache, object);
	interrupts_off_leave();
}

/* The smallest slab that wastes no more than an eighth of itself. */
static unsigned int choose_order(size_t size)
{
	unsigned int order;

	for (order = 0; order < SLAB_MAX_ORDER; order++) {
		size_t bytes = PAGE_SIZE << order;

		if (bytes >= size && bytes % size <= bytes / 8)
			break;
	}
	return order;
}

static struct slab_cache *create_cache(const char *name, size_t size)
{
	struct slab_cache *cache;

	assert(num_caches < MAX_CACHES);
	cache = &caches[num_caches];
	spin_init(&cache->lock, LOCK_SLAB);
	list_init(&cache->partial);
	cache->name = name;
	cache->size = (uint32_t)size;
	cache->index = (uint16_t)num_caches;
	cache->order = (uint16_t)choose_order(size);
	cache->per_slab = (uint32_t)((PAGE_SIZE << cache->order) / size);
	assert(cache->per_slab > 0);
	cache->magazine_limit = (uint32_t)(MAGAZINE_BYTES / size);
	cache->magazine_limit = MIN(cache->magazine_limit, MAGAZINE_SIZE);
	cache->magazine_limit = MAX(cache->magazine_limit, 2u);
	num_caches++;
	return cache;
}

/* A tree's nodes have a cache of their own: their size is an odd one. */
static void *alloc_radix_node(size_t size)
{
	return slab_alloc(radix_cache);
}

void slab_init(void)
{
	unsigned int i, units = 0;

	magazine_cache =
		create_cache("magazine", ALIGN_UP(sizeof(struct magazine), 64));
	for (i = 0; i < ARRAY_SIZE(kmalloc_sizes); i++) {
		struct slab_cache *cache =
			create_cache(kmalloc_names[i], kmalloc_sizes[i]);

		for (; units * UNIT <= kmalloc_sizes[i]; units++)
			kmalloc_caches[units] = cache;
	}
	radix_cache =
		create_cache("radix_node", ALIGN_UP(radix_node_size, UNIT));
	radix_set_allocator(alloc_radix_node, kfree);
}

struct slab_cache *slab_cache_create(const char *name, size_t size,
				     size_t align)
{
	/* Two harts that use neighbours would take the line from each other. */
	if (size > CACHE_LINE && arch_num_harts() > 1)
		align = MAX(align, (size_t)CACHE_LINE);
	align = MAX(align, (size_t)UNIT);
	return create_cache(name, ALIGN_UP(size, align));
}

/* Whole pages: 2^k of them. */
static void *kmalloc_pages(size_t size, unsigned int flags)
{
	unsigned int order = 0;
	struct page *page;

	while (order <= MAX_ORDER && (PAGE_SIZE << order) < size)
		order++;
	page = page_alloc(order, flags);
	return page ? page_address(page) : NULL;
}

void *kmalloc(size_t size)
{
	if (likely(size <= KMALLOC_MAX))
		return slab_alloc(kmalloc_caches[(size + UNIT - 1) / UNIT]);
	return kmalloc_pages(size, 0);
}

void *kzalloc(size_t size)
{
	void *memory;

	if (size > KMALLOC_MAX)
		return kmalloc_pages(size, ALLOC_ZERO);
	memory = kmalloc(size);
	if (memory)
		memset(memory, 0, size);
	return memory;
}

void *kcalloc(size_t count, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(count, size, &total))
		return NULL;
	return kzalloc(total);
}

/* Bytes that really belong to @memory from kmalloc(). */
static size_t usable_size(const void *memory)
{
	const struct page *page = phys_to_page(direct_to_phys(memory));

	if (page->flags & PAGE_FLAG_SLAB)
		return caches[page->slab_cache].size;
	return PAGE_SIZE << page->order;
}

void *krealloc(void *old, size_t old_size, size_t new_size)
{
	void *new;

	if (old && new_size <= usable_size(old))
		return old;
	new = kmalloc(new_size);
	if (!new)
		return NULL;
	if (old) {
		memcpy(new, old, MIN(old_size, new_size));
		kfree(old);
	}
	return new;
}

void kfree(void *object)
{
	struct page *page;

	if (!object)
		return;
	debug_assert(phys_is_ram(direct_to_phys(object)));
	page = phys_to_page(direct_to_phys(object));
	if (likely(page->flags & PAGE_FLAG_SLAB)) {
		slab_free(&caches[page->slab_cache], object);
	} else {
		debug_assert(IS_ALIGNED((uintptr_t)object, PAGE_SIZE));
		page_put(page);
	}
}

char *kstrdup(const char *s)
{
	size_t size = strlen(s) + 1;
	char *copy = kmalloc(size);

	if (copy)
		memcpy(copy, s, size);
	return copy;
}

bool slab_get_info(unsigned int i, struct slab_info *info)
{
	struct slab_cache *cache;
	unsigned int hart;

	if (i >= num_caches)
		return false;
	cache = &caches[i];
	info->name = cache->name;
	info->object_size = cache->size;
	spin_lock(&cache->lock);
	info->active = cache->num_used;
	info->total = cache->num_slabs * cache->per_slab;
	info->pages = cache->num_slabs << cache->order;
	spin_unlock(&cache->lock);
	/* What waits in magazines is free; the counts may be a little off. */
	for (hart = 0; hart < MAX_HARTS; hart++) {
		struct magazine *magazine = READ_ONCE(cache->magazines[hart]);

		if (magazine && info->active >= magazine->count)
			info->active -= magazine->count;
	}
	return true;
}
