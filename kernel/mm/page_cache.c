/* SPDX-License-Identifier: MIT */
/*
 * page_cache.c - the pages of one file, shared by read, write and mmap
 *
 * Idea: a page enters the tree only when it is filled, so who finds a page may
 * use it at once. Reading it from a disk happens without the lock; if two do
 * it at the same time, one page wins and the other is dropped.
 *
 * Invariants
 *   C1  A page in the tree has page->cache and page->index set, is up to date,
 *	 and the tree holds one reference.
 *   C2  No entry of a page table maps a page of the file that lies past its
 *	 end or has left the tree, once the lock is free again.
 *   C3  A page read before pages were dropped (generation) does not enter the
 *	 tree: its contents may be those from before a truncation.
 *
 * Locks: cache->lock; each mapping space's page_table_lock inside it.
 */
#include "kernel/mm/page_cache.h"
#include "kernel/mm/internal.h"
#include "kernel/abi/errno.h"
#include "kernel/debug/panic.h"
#include "kernel/lib/string.h"

void page_cache_init(struct page_cache *cache, const struct page_cache_ops *ops,
		     unsigned int flags)
{
	mutex_init(&cache->lock, LOCK_PAGE_CACHE);
	radix_init(&cache->pages);
	cache->num_pages = 0;
	cache->generation = 0;
	list_init(&cache->areas);
	cache->ops = ops;
	cache->size_bytes = 0;
	cache->flags = flags;
}

/* ---- The tree; cache->lock held -------------------------------------------------- */

static void count_pages(const struct page_cache *cache, int64_t delta)
{
	memory_count(COUNT_CACHED, delta);
	if (cache->flags & PAGE_CACHE_MEMORY)
		memory_count(COUNT_SHARED, delta);
}

/* 0, -EEXIST, -ENOMEM. */
static int insert(struct page_cache *cache, uint64_t index, struct page *page)
{
	int err = radix_insert(&cache->pages, index, page);

	if (err)
		return err;
	page_get(page);
	page->cache = cache;
	page->index = index;
	page_set_flags(page, PAGE_FLAG_UPTODATE);
	cache->num_pages++;
	count_pages(cache, 1);
	return 0;
}

/* Take the page at @index out, if there is one. */
static void drop(struct page_cache *cache, uint64_t index)
{
	struct page *page = radix_remove(&cache->pages, index);

	if (!page)
		return;
	page->cache = NULL;
	cache->num_pages--;
	count_pages(cache, -1);
	if (cache->ops && cache->ops->uncharge)
		cache->ops->uncharge(cache, 1);
	page_put(page);
}

/* The part of @area that shows pages [first, last] of its file. */
static bool pages_in_area(const struct vm_area *area, uint64_t first,
			  uint64_t last, vaddr_t *start, vaddr_t *end)
{
	uint64_t area_first = area->page_offset;
	uint64_t area_last = area_first + area_pages(area) - 1;

	if (area_last < first || area_first > last)
		return false;
	first = MAX(first, area_first);
	last = MIN(last, area_last);
	*start = area->start + ((first - area_first) << PAGE_SHIFT);
	*end = area->start + ((last - area_first + 1) << PAGE_SHIFT);
	return true;
}

/* Drop pages [first, last], wherever they are mapped (C2). */
static void drop_range(struct page_cache *cache, uint64_t first, uint64_t last,
		       bool keep_private)
{
	struct vm_area *area;
	uint64_t index = first;
	vaddr_t start, end;

	cache->generation++;
	while (radix_next(&cache->pages, &index) && index <= last)
		drop(cache, index++);
	list_for_each (area, &cache->areas, cache_node) {
		if (pages_in_area(area, first, last, &start, &end))
			range_unmap(area->space, start, end, keep_private);
	}
}

/* ---- Finding and making pages ------------------------------------------------------- */

static bool has_home(const struct page_cache *cache)
{
	return cache->ops && cache->ops->read_page;
}

static int charge(struct page_cache *cache)
{
	if (!cache->ops || !cache->ops->charge)
		return 0;
	return cache->ops->charge(cache, 1);
}

static void uncharge(struct page_cache *cache)
{
	if (cache->ops && cache->ops->uncharge)
		cache->ops->uncharge(cache, 1);
}

int page_cache_add(struct page_cache *cache, uint64_t index, struct page *page)
{
	int err = charge(cache);

	if (err)
		return err;
	mutex_lock(&cache->lock);
	err = insert(cache, index, page);
	mutex_unlock(&cache->lock);
	if (err)
		uncharge(cache);
	return err;
}

/* Fill a new page from where the file lives and add it. 0, -EEXIST, ... */
static int read_and_add(struct page_cache *cache, uint64_t index,
			struct page *page)
{
	uint64_t generation = READ_ONCE(cache->generation);
	int err = cache->ops->read_page(cache, index, page);

	if (err)
		return err;
	mutex_lock(&cache->lock);
	/* Dropped pages: what was read may be too old (C3). Again. */
	if (cache->generation != generation)
		err = -EEXIST;
	else
		err = insert(cache, index, page);
	mutex_unlock(&cache->lock);
	return err;
}

/* Make the missing page @index; no lock held. 0: look again; or an error. */
static int make_page(struct page_cache *cache, uint64_t index)
{
	bool read = has_home(cache);
	struct page *page = page_alloc(0, ALLOC_USER | (read ? 0 : ALLOC_ZERO));
	int err;

	if (!page)
		return -ENOMEM;
	if (read)
		err = read_and_add(cache, index, page);
	else
		err = page_cache_add(cache, index, page);
	page_put(page);
	return err == -EEXIST ? 0 : err;
}

int page_cache_find(struct page_cache *cache, uint64_t index,
		    struct page **page, bool *waited)
{
	for (;;) {
		int err;

		if (index >= DIV_ROUND_UP(cache->size_bytes, PAGE_SIZE))
			return -ERANGE;
		*page = radix_get(&cache->pages, index);
		if (likely(*page))
			return 0;
		mutex_unlock(&cache->lock);
		err = make_page(cache, index);
		mutex_lock(&cache->lock);
		if (err)
			return err;
		if (has_home(cache))
			*waited = true;
	}
}

struct page *page_cache_lookup(struct page_cache *cache, uint64_t index)
{
	struct page *page;

	mutex_lock(&cache->lock);
	page = radix_get(&cache->pages, index);
	if (page)
		page_get(page);
	mutex_unlock(&cache->lock);
	return page;
}

int page_cache_get(struct page_cache *cache, uint64_t index, bool create,
		   struct page **page)
{
	for (;;) {
		int err;

		*page = page_cache_lookup(cache, index);
		if (*page || (!create && !has_home(cache)))
			return 0;
		err = make_page(cache, index);
		if (err)
			return err;
	}
}

void page_cache_mark_written(struct page_cache *cache, struct page *page)
{
	/* Harts that fetched instructions from it have old ones. */
	if (page->flags & PAGE_FLAG_CODE)
		page_clear_flags(page, PAGE_FLAG_CODE);
	if (!(cache->flags & PAGE_CACHE_MEMORY))
		page_set_flags(page, PAGE_FLAG_DIRTY);
}

/* ---- Size ------------------------------------------------------------------------------ */

void page_cache_extend(struct page_cache *cache, uint64_t size_bytes)
{
	if (size_bytes <= READ_ONCE(cache->size_bytes))
		return;
	mutex_lock(&cache->lock);
	if (size_bytes > cache->size_bytes)
		cache->size_bytes = size_bytes;
	mutex_unlock(&cache->lock);
}

/* What a later growth would bring back must read as zeros. */
static void clear_tail(struct page_cache *cache, uint64_t size_bytes)
{
	size_t used = size_bytes & (PAGE_SIZE - 1);
	struct page *page;

	if (!used)
		return;
	page = radix_get(&cache->pages, size_bytes >> PAGE_SHIFT);
	if (!page)
		return;
	memset((char *)page_address(page) + used, 0, PAGE_SIZE - used);
	page_cache_mark_written(cache, page);
}

int page_cache_truncate(struct page_cache *cache, uint64_t size_bytes)
{
	mutex_lock(&cache->lock);
	if (size_bytes < cache->size_bytes) {
		/* First the size: faults from now on find the end here. */
		cache->size_bytes = size_bytes;
		drop_range(cache, DIV_ROUND_UP(size_bytes, PAGE_SIZE),
			   UINT64_MAX >> PAGE_SHIFT, false);
		clear_tail(cache, size_bytes);
	}
	cache->size_bytes = size_bytes;
	mutex_unlock(&cache->lock);
	return 0;
}

void page_cache_punch(struct page_cache *cache, uint64_t first, uint64_t last)
{
	mutex_lock(&cache->lock);
	drop_range(cache, first, last, true);
	mutex_unlock(&cache->lock);
}

void page_cache_destroy(struct page_cache *cache)
{
	mutex_lock(&cache->lock);
	assert(list_empty(&cache->areas));
	drop_range(cache, 0, UINT64_MAX >> PAGE_SHIFT, false);
	radix_destroy(&cache->pages);
	mutex_unlock(&cache->lock);
}
