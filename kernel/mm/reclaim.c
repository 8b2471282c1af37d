/* SPDX-License-Identifier: MIT */
/*
 * reclaim.c - pages of files that memory can do without
 *
 * Idea: a page that is the same on the disk can be had again, so it is the first
 * to go when memory is short. Which one, a clock decides (OSTEP ch. 22): its
 * hand goes round all files and all pages of each; a page that was used since it
 * last came by (PAGE_FLAG_USED) gets a second chance. Use through a mapping
 * shows by faults only, so a mapped page loses its mappings at the first visit;
 * if it is still unmapped at the second, nobody missed it.
 *
 * Invariants
 *   R1  A cache with a home and with pages is on the list.
 *   R2  While busy is not 0 the cache stays; reclaim_remove() waits for that.
 *
 * Locks: list_lock for the list; a cache's lock is only tried, since the thread
 * that needs memory may hold others.
 * Read: OSTEP ch. 22 (beyond physical memory: policies; the clock).
 */
#include "kernel/mm/writeback.h"

#include "kernel/debug/panic.h"
#include "kernel/mm/internal.h"
#include "kernel/sync/wait.h"

/* Pages looked at in one file before the hand goes on to the next. */
#define LOOKS 512u

static struct spinlock list_lock = SPINLOCK_INIT(LOCK_SPIN_MISC);
static struct list_head caches = LIST_HEAD_INIT(caches); /* under list_lock */
static unsigned int num_caches;                          /* the same */
static struct wait_queue left = WAIT_QUEUE_INIT(left);   /* busy went down */

void reclaim_add(struct page_cache *cache)
{
	spin_lock(&list_lock);
	list_push_back(&caches, &cache->all_node);
	num_caches++;
	spin_unlock(&list_lock);
}

static bool is_left_alone(const struct page_cache *cache)
{
	return !__atomic_load_n(&cache->busy, __ATOMIC_ACQUIRE);
}

void reclaim_remove(struct page_cache *cache)
{
	if (list_empty(&cache->all_node))
		return;
	spin_lock(&list_lock);
	list_remove(&cache->all_node);
	num_caches--;
	spin_unlock(&list_lock);
	WAIT_EVENT(&left, is_left_alone(cache));
}

/* The file where the hand is, which goes on to the next; NULL: none. */
static struct page_cache *turn_hand(void)
{
	struct page_cache *cache = NULL;

	spin_lock(&list_lock);
	if (!list_empty(&caches)) {
		cache = list_first(&caches, struct page_cache, all_node);
		list_remove(&cache->all_node);
		list_push_back(&caches, &cache->all_node);
		cache->busy++;
	}
	spin_unlock(&list_lock);
	return cache;
}

static void leave(struct page_cache *cache)
{
	spin_lock(&list_lock);
	/* pairs with the acquire in is_left_alone() */
	__atomic_fetch_sub(&cache->busy, 1, __ATOMIC_RELEASE);
	spin_unlock(&list_lock);
	wake_all(&left);
}

static bool is_locked_by(struct vm_area *area, void *data)
{
	uint64_t index = *(const uint64_t *)data;

	return area->flags & VM_LOCKED && index >= area->page_offset &&
	       index - area->page_offset < area_pages(area);
}

/* Is the page wanted by mlock(2) of somebody? */
static bool is_locked_in(struct page_cache *cache, uint64_t index)
{
	return page_cache_look_at_areas(cache, is_locked_by, &index);
}

bool reclaim_drop(struct page_cache *cache, struct page *page)
{
	const unsigned int keep =
		PAGE_FLAG_DIRTY | PAGE_FLAG_WRITEBACK | PAGE_FLAG_LOCKED;

	page_cache_close(cache);
	if (READ_ONCE(page->map_count))
		page_cache_unmap(cache, page->index, page->index, true);
	if (cache->ops->release_page)
		cache->ops->release_page(cache, page);
	/* The tree's reference alone: nobody can get another without the
	 * lock. */
	if (refcount_read(&page->refs) > 1 || READ_ONCE(page->flags) & keep)
		return false;
	page_cache_drop(cache, page->index);
	return true;
}

/* The hand comes by. True: the page is free now. */
static bool visit(struct page_cache *cache, struct page *page)
{
	const unsigned int keep =
		PAGE_FLAG_DIRTY | PAGE_FLAG_WRITEBACK | PAGE_FLAG_LOCKED;
	unsigned int flags = READ_ONCE(page->flags);

	if (flags & keep)
		return false;
	if (flags & PAGE_FLAG_USED) {
		page_clear_flags(page, PAGE_FLAG_USED);
		if (READ_ONCE(page->map_count) &&
		    !is_locked_in(cache, page->index))
			page_cache_unmap(cache, page->index, page->index, true);
		return false;
	}
	if (READ_ONCE(page->map_count))
		return false;
	return reclaim_drop(cache, page);
}

/* Returns how many pages were freed; adds to *@looked how many were seen. */
static unsigned int visit_cache(struct page_cache *cache, unsigned int count,
				uint64_t *looked)
{
	unsigned int freed = 0;
	struct page *page;

	for (unsigned int i = 0; i < LOOKS && freed < count; i++) {
		++*looked;
		page = radix_next(&cache->pages, &cache->hand);
		if (!page) {
			cache->hand = 0;
			break;
		}
		freed += visit(cache, page);
		cache->hand++;
	}
	return freed;
}

unsigned int reclaim_pages(unsigned int count, bool *skipped)
{
	uint64_t looked = 0, limit;
	struct memory_info info;
	unsigned int freed = 0;

	/* Twice round takes the second chance from every page. */
	memory_get_info(&info);
	limit = 2 * (info.cached + READ_ONCE(num_caches)) + 1;
	*skipped = false;
	while (freed < count && looked < limit) {
		struct page_cache *cache = turn_hand();

		if (!cache)
			break;
		looked++;
		if (mutex_is_mine(&cache->lock)) {
			/* The caller is in the middle of something there. */
		} else if (mutex_trylock(&cache->lock)) {
			freed += visit_cache(cache, count - freed, &looked);
			mutex_unlock(&cache->lock);
		} else {
			*skipped = true;
			looked += LOOKS;
		}
		leave(cache);
	}
	return freed;
}

void memory_drop_files(void)
{
	bool skipped;

	while (reclaim_pages(UINT32_MAX, &skipped))
		continue;
}
