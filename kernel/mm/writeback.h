/* SPDX-License-Identifier: MIT */
/*
 * writeback.h - between page_cache.c, writeback.c, read_ahead.c and reclaim.c
 */
#pragma once

#include "kernel/mm/page.h"
#include "kernel/mm/page_cache.h"

/* ---- page_wait.c: waiting for a flag of a page to go ----------------------- */

void page_wait_init(void);
/* Sleep until none of @flags is set. */
void page_wait(const struct page *page, unsigned int flags);
/* Take @flag off and wake who waits for that. Any context. */
void page_finish(struct page *page, unsigned int flag);

/* ---- page_cache.c; cache->lock held ----------------------------------------- */

/* Take the page at @index out, if there is one; waits while it is in use by a
 * device. */
void page_cache_drop(struct page_cache *cache, uint64_t index);
/* The tree is about to change, or somebody is about to see whether a page is in
 * use: from here on only who has the lock finds pages (C5). cache->lock held. */
void page_cache_close(struct page_cache *cache);
/* No page table maps pages [first, last] any more. */
void page_cache_unmap(struct page_cache *cache, uint64_t first, uint64_t last,
		      bool keep_private);
/* No shared mapping can write to page @index unseen any more. */
void page_cache_protect(struct page_cache *cache, uint64_t index);

/* Without the lock: a page to be filled; 0, -EEXIST, -ENOMEM. */
int page_cache_add_locked(struct page_cache *cache, uint64_t index,
			  struct page *page);

/* ---- writeback.c ----------------------------------------------------------------- */

/* @page of @cache is dirty; cache->lock held. */
void writeback_mark_locked(struct page_cache *cache, struct page *page);
/* @delta pages became dirty, or (-1) are no longer; cache->lock held. */
void writeback_count(struct page_cache *cache, int64_t delta);
/* No page of @cache is on its way to the disk. */
void writeback_wait_idle(struct page_cache *cache);
/* Memory is short: have dirty pages written. True: some have been; false: there
 * are none, or the deadline came first. */
bool writeback_hurry(uint64_t deadline_ns);

/* ---- read_ahead.c ------------------------------------------------------------------ */

/* A fault misses @index: start reading what lies around it. No lock held. */
void page_cache_read_around(struct page_cache *cache, uint64_t index);

/* ---- reclaim.c --------------------------------------------------------------------- */

/* Pages of @cache may be given up from now on; cache->lock held. */
void reclaim_add(struct page_cache *cache);
/* Nobody looks at it any more when this returns. */
void reclaim_remove(struct page_cache *cache);
/* Give up @page if nobody uses it; cache->lock held. */
bool reclaim_drop(struct page_cache *cache, struct page *page);
/* Give up some @count pages of files. Returns how many; *@skipped: somebody was
 * busy with a file, there might be more soon. Context: thread; other caches
 * may be locked. */
unsigned int reclaim_pages(unsigned int count, bool *skipped);
