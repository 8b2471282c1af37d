/* SPDX-License-Identifier: MIT */
/*
 * page_cache.h - the pages of one file, shared by read, write and mmap
 *
 * Idea: a file's contents in memory are a radix tree of pages by page number.
 * read() and write() copy from and to these pages, mmap maps the very same
 * ones, so all see one truth. Where the contents come from (a disk, or nowhere
 * for tmpfs) is behind page_cache_ops. Embedded in struct inode.
 * Read: OSTEP ch. 40 (caching and buffering), ch. 23 (unified page cache).
 */
#pragma once

#include "kernel/lib/list.h"
#include "kernel/lib/radix_tree.h"
#include "kernel/sync/mutex.h"

struct page;
struct page_cache;

struct page_cache_ops {
	/*
	 * Fill @page (not up to date, not yet visible) with the file's bytes.
	 * NULL: a missing page reads as zeros (tmpfs). 0 or a negative errno.
	 */
	int (*read_page)(struct page_cache *cache, uint64_t index,
			 struct page *page);
	/*
	 * A page is about to be created for writing; account for it (tmpfs
	 * size limit). 0, -ENOSPC. May be NULL.
	 */
	int (*charge)(struct page_cache *cache, uint64_t pages);
	void (*uncharge)(struct page_cache *cache, uint64_t pages);
};

struct page_cache {
	struct mutex lock;       /* rank LOCK_PAGE_CACHE */
	struct radix_tree pages; /* struct page *, under lock */
	uint64_t num_pages;      /* under lock */
	uint64_t generation;    /* goes up when pages are dropped; under lock */
	struct list_head areas; /* vm_areas mapping it, under lock */
	const struct page_cache_ops *ops; /* fixed */
	uint64_t size_bytes; /* the file's size; under lock, read freely */
	unsigned int flags;  /* fixed */
};
#define PAGE_CACHE_MEMORY                                                      \
	1u /* pages have no other home: never reclaimed,
				counted as shared memory */

void page_cache_init(struct page_cache *cache, const struct page_cache_ops *ops,
		     unsigned int flags);
/* Drop all pages; nothing maps the file any more. */
void page_cache_destroy(struct page_cache *cache);

/*
 * The page of number @index with a reference taken. Without @create, a hole
 * gives *@page = NULL (it reads as zeros). Index past the end is allowed (the
 * caller checks the size). 0, -ENOMEM, -ENOSPC, -EIO.
 */
int page_cache_get(struct page_cache *cache, uint64_t index, bool create,
		   struct page **page);

/* What is there already, with a reference, or NULL. */
struct page *page_cache_lookup(struct page_cache *cache, uint64_t index);
/*
 * A page the caller has filled becomes the file's; the cache takes a reference
 * of its own. 0, -EEXIST, -ENOMEM, -ENOSPC.
 */
int page_cache_add(struct page_cache *cache, uint64_t index, struct page *page);
/* Bytes of @page (with a reference) were just changed. */
void page_cache_mark_written(struct page_cache *cache, struct page *page);
/* The file is at least @size_bytes large now. */
void page_cache_extend(struct page_cache *cache, uint64_t size_bytes);

struct io_buf;
/* vfs/page_cache_io.c, since mm/ does not know what an io_buf is: */
/* The generic read and write of files: bytes at @pos; returns bytes or error.
 * Reading stops at size_bytes; writing extends it. */
ssize_t page_cache_read(struct page_cache *cache, struct io_buf *io,
			loff_t pos);
ssize_t page_cache_write(struct page_cache *cache, struct io_buf *io,
			 loff_t pos);
/* Set the size; pages past it go, mappings of them too (SIGBUS then), the
 * rest of the last page is cleared. */
int page_cache_truncate(struct page_cache *cache, uint64_t size_bytes);
/* Forget pages [first, last] (fallocate punch hole). */
void page_cache_punch(struct page_cache *cache, uint64_t first, uint64_t last);
