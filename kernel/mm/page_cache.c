/* SPDX-License-Identifier: MIT */
/*
 * page_cache.c - the pages of one file, shared by read, write and mmap
 *
 * Idea: a page of a file that lives in memory alone enters the tree when it is
 * filled. A page with a home on a disk enters it empty and locked, so that all
 * who want it wait for one read; who finds an up-to-date page may use it at
 * once. How pages go back to the disk is in writeback.c, how they are given
 * up in reclaim.c.
 *
 * Invariants
 *   C1  A page in the tree has page->cache and page->index set and the tree
 *	 holds one reference. It is up to date, or locked (being read), or its
 *	 read has failed and the next who comes takes it out.
 *   C2  No entry of a page table maps a page of the file that lies past its
 *	 end or has left the tree, once the lock is free again.
 *   C3  A page leaves the tree neither locked nor in write-back; so when a
 *	 truncation returns, the device has no more to do with its blocks.
 *   C4  A page has its tag in the tree exactly while it is dirty.
 *   C5  While the file is open to faults the tree keeps its pages: who wants to
 *	 change them, with the lock held, closes it first and waits for who is
 *	 looking. So programs that all run the same file, which does not change,
 *	 do not wait for each other.
 *
 * Locks: cache->lock; inside it the rows of areas, and each mapping space's
 * page_table_lock.
 * Read: Dice and Kogan, "BRAVO: Biased Locking for Reader-Writer Locks" (USENIX
 * ATC 2019), for C5.
 */
#include "kernel/mm/page_cache.h"
#include "kernel/mm/internal.h"
#include "kernel/abi/errno.h"
#include "kernel/debug/panic.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "kernel/mm/writeback.h"
#include "kernel/sync/wait.h"

void page_cache_init(struct page_cache *cache, const struct page_cache_ops *ops,
		     unsigned int flags)
{
	memset(cache, 0, sizeof(*cache));
	mutex_init(&cache->lock, LOCK_PAGE_CACHE);
	radix_init(&cache->pages);
	list_init(&cache->areas);
	list_init(&cache->all_node);
	list_init(&cache->dirty_node);
	cache->ops = ops;
	cache->flags = flags;
}

static bool has_home(const struct page_cache *cache)
{
	return cache->ops && cache->ops->read_page;
}

/* ---- The tree; cache->lock held -------------------------------------------------- */

static void count_pages(const struct page_cache *cache, int64_t delta)
{
	memory_count(COUNT_CACHED, delta);
	if (cache->flags & PAGE_CACHE_MEMORY)
		memory_count(COUNT_SHARED, delta);
}

struct cache_reader cache_readers[MAX_HARTS];

void page_cache_close(struct page_cache *cache)
{
	if (likely(!cache->open_to_faults))
		return;
	cache->calm_faults = 0;
	WRITE_ONCE(cache->open_to_faults, false);
	/* First it is closed, then we look for who looks; pairs with the fence
	 * in cache_look_begin(). */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	for (unsigned int i = 0; i < arch_num_harts(); i++) {
		/* pairs with the release in cache_look_end() */
		while (__atomic_load_n(&cache_readers[i].cache,
				       __ATOMIC_ACQUIRE) == cache)
			arch_spin_hint();
	}
}

/* With @flags: up to date, or locked. 0, -EEXIST, -ENOMEM. */
static int insert(struct page_cache *cache, uint64_t index, struct page *page,
		  unsigned int flags)
{
	int err;

	page_cache_close(cache);
	err = radix_insert(&cache->pages, index, page);
	if (err)
		return err;
	page_get(page);
	page->cache = cache;
	page->index = index;
	page_set_flags(page, flags | PAGE_FLAG_USED);
	cache->num_pages++;
	count_pages(cache, 1);
	if (unlikely(list_empty(&cache->all_node)) && has_home(cache))
		reclaim_add(cache);
	return 0;
}

/*
 * The page at @index when nothing is under way with it any more (C3), or NULL.
 * The lock is let go meanwhile: who writes a batch of pages, this one among
 * them, may want it for the next one.
 */
static struct page *settled_page(struct page_cache *cache,
				 uint64_t index) UNCHECKED_LOCKING
{
	const unsigned int busy = PAGE_FLAG_LOCKED | PAGE_FLAG_WRITEBACK;
	bool locked = mutex_is_mine(&cache->lock);

	for (;;) {
		struct page *page = radix_get(&cache->pages, index);

		if (!page || likely(!(READ_ONCE(page->flags) & busy)))
			return page;
		page_get(page);
		if (locked)
			mutex_unlock(&cache->lock);
		page_wait(page, busy);
		if (locked)
			mutex_lock(&cache->lock);
		page_put(page);
	}
}

void page_cache_drop(struct page_cache *cache, uint64_t index)
{
	struct page *page = settled_page(cache, index);

	if (!page)
		return;
	page_cache_close(cache);
	radix_remove(&cache->pages, index);
	if (page->flags & PAGE_FLAG_DIRTY && cache->num_dirty)
		writeback_count(cache, -1);
	page_clear_flags(page, PAGE_FLAG_DIRTY | PAGE_FLAG_BACKED |
				       PAGE_FLAG_AHEAD | PAGE_FLAG_UPTODATE);
	if (cache->ops && cache->ops->release_page)
		cache->ops->release_page(cache, page);
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

/* Pages that are wanted, wherever they are mapped. */
struct wanted {
	uint64_t first, last;
	bool keep_private;
};

static bool unmap_in(struct vm_area *area, void *data)
{
	const struct wanted *wanted = data;
	vaddr_t start, end;

	if (pages_in_area(area, wanted->first, wanted->last, &start, &end))
		range_unmap(area->space, start, end, wanted->keep_private);
	return false;
}

void page_cache_unmap(struct page_cache *cache, uint64_t first, uint64_t last,
		      bool keep_private)
{
	struct wanted wanted = { first, last, keep_private };

	page_cache_look_at_areas(cache, unmap_in, &wanted);
}

static bool protect_in(struct vm_area *area, void *data)
{
	const struct wanted *wanted = data;
	vaddr_t start, end;

	if (area->flags & VM_SHARED &&
	    pages_in_area(area, wanted->first, wanted->last, &start, &end))
		range_write_protect(area->space, start, end);
	return false;
}

void page_cache_protect(struct page_cache *cache, uint64_t index)
{
	struct wanted wanted = { index, index, false };

	page_cache_look_at_areas(cache, protect_in, &wanted);
}

/* Drop pages [first, last], wherever they are mapped (C2). */
static void drop_range(struct page_cache *cache, uint64_t first, uint64_t last,
		       bool keep_private)
{
	uint64_t index = first;

	WRITE_ONCE(cache->drops, cache->drops + 1);
	/* That before we look at areas; pairs with share_pages() in fork.c. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	while (radix_next(&cache->pages, &index) && index <= last)
		page_cache_drop(cache, index++);
	page_cache_unmap(cache, first, last, keep_private);
	STORE_RELEASE(cache->drops, cache->drops + 1);
}

/* ---- Finding and making pages ------------------------------------------------------- */

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
	err = insert(cache, index, page, PAGE_FLAG_UPTODATE);
	mutex_unlock(&cache->lock);
	if (err)
		uncharge(cache);
	return err;
}

int page_cache_add_locked(struct page_cache *cache, uint64_t index,
			  struct page *page)
{
	int err;

	mutex_lock(&cache->lock);
	err = insert(cache, index, page, PAGE_FLAG_LOCKED);
	mutex_unlock(&cache->lock);
	return err;
}

void page_cache_end_read(struct page_cache *cache, struct page *page, int error)
{
	if (!error)
		page_set_flags(page, PAGE_FLAG_UPTODATE);
	/* What was read is there before the flag that says so is gone. */
	page_finish(page, PAGE_FLAG_LOCKED);
}

/* @page's read has failed: out with it, unless somebody did that already. */
static void drop_failed(struct page_cache *cache, uint64_t index,
			struct page *page)
{
	mutex_lock(&cache->lock);
	if (radix_get(&cache->pages, index) == page &&
	    !(READ_ONCE(page->flags) & (PAGE_FLAG_LOCKED | PAGE_FLAG_UPTODATE)))
		page_cache_drop(cache, index);
	mutex_unlock(&cache->lock);
}

/* Fill a new page from where the file lives. 0, -EEXIST, ... */
static int read_and_add(struct page_cache *cache, uint64_t index,
			struct page *page)
{
	int err = page_cache_add_locked(cache, index, page);

	if (err)
		return err;
	err = cache->ops->read_page(cache, index, page);
	page_cache_end_read(cache, page, err);
	if (err)
		drop_failed(cache, index, page);
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

/*
 * A page that is not PAGE_READY, with a reference of the caller's. True: it may be
 * used; false: look again.
 */
static __noinline bool wait_until_read(struct page_cache *cache, uint64_t index,
				       struct page *page)
{
	page_wait(page, PAGE_FLAG_LOCKED);
	if (READ_ONCE(page->flags) & PAGE_FLAG_UPTODATE) {
		page_set_flags(page, PAGE_FLAG_USED);
		return true;
	}
	drop_failed(cache, index, page);
	return false;
}

int page_cache_find(struct page_cache *cache, uint64_t index,
		    struct page **page, bool *waited)
{
	for (;;) {
		struct page *found;
		int err = 0;

		if (index >= DIV_ROUND_UP(cache->size_bytes, PAGE_SIZE))
			return -ERANGE;
		*page = found = radix_get(&cache->pages, index);
		if (likely(found && (found->flags & PAGE_READY) == PAGE_READY))
			return 0;
		if (found && found->flags & PAGE_FLAG_UPTODATE) {
			page_set_flags(found, PAGE_FLAG_USED);
			return 0;
		}
		if (found)
			page_get(found);
		mutex_unlock(&cache->lock);
		if (found) {
			wait_until_read(cache, index, found);
			page_put(found);
		} else {
			page_cache_read_around(cache, index);
			err = make_page(cache, index);
		}
		mutex_lock(&cache->lock);
		if (err)
			return err;
		if (has_home(cache))
			*waited = true;
	}
}

/* A mapping is about to let its program write to @page: may it? */
static int prepare_store(struct page_cache *cache, uint64_t index,
			 struct page *page) MUST_HOLD(cache->lock)
{
	int err;

	if (!cache->ops || !cache->ops->prepare_write)
		return 0;
	page_get(page);
	mutex_unlock(&cache->lock);
	err = cache->ops->prepare_write(cache, index, page, 0, PAGE_SIZE);
	mutex_lock(&cache->lock);
	page_put(page);
	return err;
}

/* Few files are held, and not for long: one queue does. */
static struct wait_queue stores = WAIT_QUEUE_INIT(stores);

void page_cache_hold_stores(struct page_cache *cache)
{
	mutex_lock(&cache->lock);
	assert(!cache->holds_stores);
	WRITE_ONCE(cache->holds_stores, true);
	mutex_unlock(&cache->lock);
}

void page_cache_let_stores(struct page_cache *cache)
{
	mutex_lock(&cache->lock);
	WRITE_ONCE(cache->holds_stores, false);
	mutex_unlock(&cache->lock);
	wake_all(&stores);
}

static void wait_for_stores(struct page_cache *cache) MUST_HOLD(cache->lock)
{
	mutex_unlock(&cache->lock);
	WAIT_EVENT(&stores, !READ_ONCE(cache->holds_stores));
	mutex_lock(&cache->lock);
}

int page_cache_find_to_write(struct page_cache *cache, uint64_t index,
			     struct page **page, bool *waited)
{
	for (;;) {
		struct page *found;
		int err = page_cache_find(cache, index, page, waited);

		if (err || cache->flags & PAGE_CACHE_MEMORY)
			return err;
		if (unlikely(cache->holds_stores)) {
			wait_for_stores(cache);
			continue;
		}
		found = *page;
		if (found->flags & PAGE_FLAG_DIRTY &&
		    found->flags & PAGE_FLAG_BACKED)
			return 0;
		err = prepare_store(cache, index, found);
		if (err)
			return err;
		if (radix_get(&cache->pages, index) != found ||
		    cache->holds_stores)
			continue;
		writeback_mark_locked(cache, found);
		return 0;
	}
}

struct page *page_cache_lookup(struct page_cache *cache, uint64_t index)
{
	struct page *page;

	mutex_lock(&cache->lock);
	page = radix_get(&cache->pages, index);
	if (page && unlikely(!(page->flags & PAGE_FLAG_UPTODATE)))
		page = NULL;
	if (page)
		page_get(page);
	mutex_unlock(&cache->lock);
	return page;
}

struct page *page_cache_wait_lookup(struct page_cache *cache, uint64_t index)
{
	for (;;) {
		struct page *found;

		mutex_lock(&cache->lock);
		found = radix_get(&cache->pages, index);
		if (found)
			page_get(found);
		mutex_unlock(&cache->lock);
		if (!found || found->flags & PAGE_FLAG_UPTODATE ||
		    wait_until_read(cache, index, found))
			return found;
		page_put(found);
	}
}

int page_cache_get(struct page_cache *cache, uint64_t index, bool create,
		   struct page **page)
{
	for (;;) {
		struct page *found;
		int err;

		mutex_lock(&cache->lock);
		found = radix_get(&cache->pages, index);
		if (found)
			page_get(found);
		mutex_unlock(&cache->lock);
		*page = found;
		if (likely(found)) {
			if (likely((found->flags & PAGE_READY) == PAGE_READY) ||
			    wait_until_read(cache, index, found))
				return 0;
			page_put(found);
			continue;
		}
		if (!create && !has_home(cache))
			return 0;
		err = make_page(cache, index);
		if (err)
			return err;
	}
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

void page_cache_begin_growth(struct page_cache *cache, uint64_t size_bytes)
{
	mutex_lock(&cache->lock);
	cache->growing_to = size_bytes;
	cache->edge_taken = false;
	mutex_unlock(&cache->lock);
}

void page_cache_end_growth(struct page_cache *cache, uint64_t size_bytes)
{
	uint64_t edge;
	struct page *page;

	mutex_lock(&cache->lock);
	edge = cache->size_bytes >> PAGE_SHIFT;
	if (size_bytes > cache->size_bytes)
		WRITE_ONCE(cache->size_bytes, size_bytes);
	/* Pairs with the acquire in page_cache_end(). */
	STORE_RELEASE(cache->growing_to, 0);
	page = cache->edge_taken ? radix_get(&cache->pages, edge) : NULL;
	if (page) /* it was written as far as the file went */
		writeback_mark_locked(cache, page);
	mutex_unlock(&cache->lock);
}

/* What a later growth would bring back must read as zeros. */
static void clear_tail(struct page_cache *cache, uint64_t size_bytes)
{
	size_t used = size_bytes & (PAGE_SIZE - 1);
	struct page *page;

	if (!used)
		return;
	page = settled_page(cache, size_bytes >> PAGE_SHIFT);
	if (!page)
		return;
	memset((char *)page_address(page) + used, 0, PAGE_SIZE - used);
	/* Of several small blocks, those behind the end will be freed. */
	page_clear_flags(page, PAGE_FLAG_BACKED);
	writeback_mark_locked(cache, page);
}

int page_cache_truncate(struct page_cache *cache, uint64_t size_bytes)
{
	mutex_lock(&cache->lock);
	if (size_bytes < cache->size_bytes) {
		/* First the size: faults from now on find the end here. */
		page_cache_close(cache);
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

void page_cache_forget(struct page_cache *cache, uint64_t first)
{
	mutex_lock(&cache->lock);
	drop_range(cache, first, UINT64_MAX >> PAGE_SHIFT, false);
	mutex_unlock(&cache->lock);
}

int page_cache_write_and_drop(struct page_cache *cache, uint64_t first,
			      uint64_t last)
{
	uint64_t index = first;
	struct page *page;
	int err;

	if (!READ_ONCE(cache->num_pages))
		return 0;
	err = page_cache_sync(cache, first << PAGE_SHIFT,
			      (last << PAGE_SHIFT) + PAGE_SIZE - 1);
	mutex_lock(&cache->lock);
	for (; !err && (page = radix_next(&cache->pages, &index)) &&
	       index <= last;
	     index++) {
		page = settled_page(cache, index);
		if (page && !reclaim_drop(cache, page))
			err = -EBUSY;
	}
	mutex_unlock(&cache->lock);
	return err;
}

static bool any_area(struct vm_area *area, void *unused)
{
	return true;
}

void page_cache_destroy(struct page_cache *cache) UNCHECKED_LOCKING
{
	assert(!page_cache_look_at_areas(cache, any_area, NULL));
	/* Nobody else knows it any more, so there is nothing to lock; memory
	 * pressure may have brought us here with another cache locked. */
	reclaim_remove(cache);
	drop_range(cache, 0, UINT64_MAX >> PAGE_SHIFT, false);
	writeback_wait_idle(cache);
	radix_destroy(&cache->pages);
	kfree(cache->rows);
}
