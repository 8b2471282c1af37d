/* SPDX-License-Identifier: MIT */
/*
 * writeback_test.c - what is taken to be written while a file grows (W3)
 */
#include "kernel/debug/ktest.h"
#include "kernel/mm/page.h"
#include "kernel/mm/page_cache.h"
#include "kernel/mm/writeback.h"

static int write_nothing(struct page_cache *cache, struct writeback *wb)
{
	return 0;
}

static const struct page_cache_ops ops = { .write_pages = write_nothing };

static struct page *add_dirty(struct page_cache *cache, uint64_t index)
{
	struct page *page = page_alloc(0, ALLOC_USER | ALLOC_ZERO);

	KTEST_TRUE(page && !page_cache_add(cache, index, page));
	page_cache_mark_written(cache, page);
	return page;
}

static bool takes(struct page_cache *cache, uint64_t index, bool sync)
{
	struct writeback wb = {
		.first = index,
		.last = index,
		.budget = 1,
		.sync = sync,
	};
	struct page *page = page_cache_take_dirty(cache, &wb, &index);

	if (page)
		page_cache_end_write(cache, page, 0);
	return page;
}

/* The bytes of a write that has not ended are neither written nor cleared. */
KTEST(writeback_leaves_what_a_file_grows_by)
{
	static struct page_cache cache;
	struct page *edge, *behind;
	char *bytes;

	page_cache_init(&cache, &ops, 0);
	page_cache_extend(&cache, 100);
	page_cache_begin_growth(&cache, 2 * PAGE_SIZE);
	edge = add_dirty(&cache, 0);
	behind = add_dirty(&cache, 1);
	bytes = page_address(edge);
	bytes[99] = bytes[100] = 'x';
	KTEST_TRUE(!takes(&cache, 0, false));
	KTEST_TRUE(!takes(&cache, 1, true));
	/* Who syncs gets what was in the file before. */
	KTEST_TRUE(takes(&cache, 0, true));
	KTEST_TRUE(bytes[99] == 'x' && bytes[100] == 'x');
	page_cache_end_growth(&cache, 2 * PAGE_SIZE);
	KTEST_TRUE(takes(&cache, 0, false)); /* dirty again */
	KTEST_TRUE(takes(&cache, 1, false));
	page_put(edge);
	page_put(behind);
	page_cache_destroy(&cache);
}
