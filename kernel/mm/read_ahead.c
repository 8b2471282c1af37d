/* SPDX-License-Identifier: MIT */
/*
 * read_ahead.c - asking for pages before they are wanted
 *
 * Idea: a disk takes as long for thirty pages in a row as for one, and works
 * while the program does. Who reads a file in order gets a window of pages
 * ahead that doubles with each step; the first page of a new window is marked
 * (PAGE_FLAG_AHEAD), and who comes to it asks for the next. Who jumps about
 * gets what he asked for.
 *
 * Locks: none; the pages that are asked for are locked themselves.
 * Read: OSTEP ch. 37 (sequential against random access).
 */
#include "kernel/mm/writeback.h"

#include "kernel/abi/errno.h"
#include "kernel/lib/string.h"
#include "kernel/mm/internal.h"

#define FIRST_WINDOW 4u
#define MAX_WINDOW   32u
/* Around a fault, aligned. */
#define AROUND 16u

/* Pages in a row that are new in the cache. */
struct run {
	struct page_cache *cache;
	uint64_t first;
	unsigned int count;
	struct page *pages[MAX_WINDOW];
};

static void start_run(struct run *run)
{
	unsigned int count = run->count;

	if (!count)
		return;
	run->count = 0;
	/* The reads' own references: each page is used after its end only by
	 * who takes one for himself. */
	run->cache->ops->read_pages(run->cache, run->first, run->pages, count);
	for (unsigned int i = 0; i < count; i++)
		page_put(run->pages[i]);
}

/* Page @index into the cache and the run; false: no memory for guesses. */
static bool add_page(struct run *run, uint64_t index)
{
	struct page *page = page_alloc(0, ALLOC_USER | ALLOC_ATOMIC);
	int err;

	if (!page)
		return false;
	err = page_cache_add_locked(run->cache, index, page);
	if (err) {
		page_put(page);
		return err == -EEXIST;
	}
	if (run->count == 0)
		run->first = index;
	run->pages[run->count++] = page;
	if (run->count == MAX_WINDOW)
		start_run(run);
	return true;
}

static bool is_there(struct page_cache *cache, uint64_t index)
{
	bool there;

	mutex_lock(&cache->lock);
	there = radix_get(&cache->pages, index);
	mutex_unlock(&cache->lock);
	return there;
}

/* Read what is missing of [first, end). */
static void read_missing(struct page_cache *cache, uint64_t first, uint64_t end)
{
	uint64_t last = DIV_ROUND_UP(READ_ONCE(cache->size_bytes), PAGE_SIZE);
	struct run run = { .cache = cache };

	end = MIN(end, last);
	for (uint64_t index = first; index < end; index++) {
		if (is_there(cache, index))
			start_run(&run);
		else if (!add_page(&run, index))
			break;
	}
	start_run(&run);
}

static void mark(struct page_cache *cache, uint64_t index)
{
	struct page *page;

	mutex_lock(&cache->lock);
	page = radix_get(&cache->pages, index);
	if (page)
		page_set_flags(page, PAGE_FLAG_AHEAD);
	mutex_unlock(&cache->lock);
}

static unsigned int next_window(const struct read_ahead *ahead)
{
	unsigned int most = ahead->max_window ? ahead->max_window : MAX_WINDOW;
	unsigned int window = ahead->window ? ahead->window * 2 : FIRST_WINDOW;

	return MIN(window, most);
}

void page_cache_read_ahead(struct page_cache *cache, struct read_ahead *ahead,
			   uint64_t index, uint64_t count)
{
	bool in_order = ahead && (index == ahead->next ||
				  index + 1 == ahead->next || index == 0);
	uint64_t end = index + MIN(count, (uint64_t)MAX_WINDOW);
	uint64_t from = index;

	if (!cache->ops || !cache->ops->read_pages)
		return;
	if (!in_order) {
		if (ahead)
			ahead->window = 0;
		if (end - index > 1)
			read_missing(cache, index, end);
		return;
	}
	ahead->window = next_window(ahead);
	/* From where the last window ended, if that still makes sense. */
	if (ahead->started > index && ahead->started <= end + MAX_WINDOW)
		from = ahead->started;
	end = MAX(end, from) + ahead->window;
	read_missing(cache, from, end);
	mark(cache, end - ahead->window);
	ahead->started = end;
}

void page_cache_read_around(struct page_cache *cache, uint64_t index)
{
	uint64_t first = ALIGN_DOWN(index, AROUND);

	if (cache->ops && cache->ops->read_pages)
		read_missing(cache, first, first + AROUND);
}
