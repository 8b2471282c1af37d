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
struct writeback;

/*
 * What a file system does for its files' caches. Files that live in memory
 * alone (tmpfs) fill in charge and uncharge only.
 *
 * No callback may touch user memory. None is called with cache->lock held.
 */
struct page_cache_ops {
	/*
	 * Fill @page (not up to date, locked) with the file's bytes, zeros
	 * behind its end, and return when that is done. NULL: a missing page
	 * reads as zeros (tmpfs). 0 or a negative errno.
	 * Context: may be called from a fault, so with a vm_space locked.
	 */
	int (*read_page)(struct page_cache *cache, uint64_t index,
			 struct page *page);
	/*
	 * Read-ahead: start reading @count pages from @index on, which are in
	 * the cache and locked, and return. Each must come to
	 * page_cache_end_read(). NULL: no read-ahead.
	 */
	void (*read_pages)(struct page_cache *cache, uint64_t index,
			   struct page **pages, unsigned int count);
	/*
	 * A page is about to be created for writing; account for it (tmpfs
	 * size limit). 0, -ENOSPC. May be NULL.
	 */
	int (*charge)(struct page_cache *cache, uint64_t pages);
	void (*uncharge)(struct page_cache *cache, uint64_t pages);

	/*
	 * Bytes [@offset, @offset + @size) of @page are about to be written, by
	 * write(2) or (then it is the whole page) by the first store to a
	 * shared mapping: see to it that they will have a place on the disk,
	 * by allocating or by reserving it. Then write-back can only fail by
	 * an I/O error. 0; -ENOSPC, -EDQUOT, -EIO: the write fails with it, the
	 * store gets SIGBUS.
	 *
	 * Set PAGE_FLAG_BACKED if all of the page has its place: the page's
	 * next writes do not ask again until that flag goes (truncate, punch).
	 * Journal handles must be closed again before it returns, since the
	 * bytes come from user memory. Context: inode->lock held for write(2);
	 * a vm_space's, and no inode's, for a store. NULL: nothing to do.
	 */
	int (*prepare_write)(struct page_cache *cache, uint64_t index,
			     struct page *page, size_t offset, size_t size);
	/*
	 * Write dirty pages of [wb->first, wb->last]: page_cache_take_dirty()
	 * gives them one after the other; each ends with page_cache_end_write()
	 * (a page_io does that), or page_cache_redirty(). Allocates what was
	 * only reserved. Does not wait for the device. 0 or the first error.
	 * Must not lock the inode: a writer that is throttled has it.
	 */
	int (*write_pages)(struct page_cache *cache, struct writeback *wb);
	/*
	 * Keep the owner (inode) alive while the cache has dirty pages, and let
	 * it go. Context: thread, no spinlock held for release.
	 */
	void (*hold)(struct page_cache *cache);
	void (*release)(struct page_cache *cache);
	/*
	 * The cache wants to let go of @page, which is clean: give up what else
	 * refers to it if possible (buffers). cache->lock is held. May be NULL.
	 */
	void (*release_page)(struct page_cache *cache, struct page *page);
};

/* What one round of write-back is to do. */
struct writeback {
	uint64_t first, last; /* pages */
	uint64_t budget;      /* pages still to write; goes down */
	/* For fsync: also pages whose older contents are being written now
	 * (waits for those). Otherwise such pages are left for later. */
	bool sync;
	/* Only pages with PAGE_FLAG_BACKED: what a commit of ordered data may
	 * do without allocating. */
	bool backed_only;
};

/*
 * An error of write-back, told once to each who may want to know (fsync(2) of
 * every open file; syncfs(2)). The number counts errors; bit 0 of it says
 * that nobody has asked since the last one.
 */
struct error_sequence {
	uint32_t value; /* atomic: errno in the low 12 bits, count above */
};
/* Now nothing is known to the new file, except an error nobody has seen. */
uint32_t error_sequence_sample(struct error_sequence *errors);
void error_sequence_set(struct error_sequence *errors, int error);
/* The error since *@seen, or 0; *@seen moves on. */
int error_sequence_check(struct error_sequence *errors, uint32_t *seen);

/*
 * Areas that began to show a file on one hart. A program that forks on one does
 * not wait for one that ends on another, though both run the same file.
 */
struct area_row {
	struct mutex lock; /* rank LOCK_AREA_ROW */
	struct list_head areas;
} __aligned(64);

struct page_cache {
	struct mutex lock; /* rank LOCK_PAGE_CACHE */
	struct radix_tree
		pages;      /* struct page *, tagged when dirty; under lock */
	uint64_t num_pages; /* under lock */
	/* Odd while pages, and what maps them, are being dropped. Under lock,
	 * read freely (fork.c). */
	uint64_t drops;
	/*
	 * The vm_areas that show it (area.c): on areas, under lock; or, once
	 * programs on several harts may come and go, on the row of some hart,
	 * under its lock. NULL, or set once.
	 */
	struct list_head areas;
	struct area_row *rows;
	const struct page_cache_ops *ops; /* fixed */
	uint64_t size_bytes; /* the file's size; under lock, read freely */
	unsigned int flags;  /* fixed */
	/* May faults look without the lock? Under lock, read freely (C5); and
	 * how many were served by it since the last change; lock. */
	bool open_to_faults;
	unsigned int calm_faults;
	bool holds_stores; /* page_cache_hold_stores(); under lock */

	/* Caches with a home only. */
	uint64_t num_dirty;  /* under lock; read freely */
	uint64_t growing_to; /* a write that is under way will make it so large;
				0: none. Under lock; read freely (W3) */
	bool edge_taken;     /* meanwhile its last page was written; lock */
	unsigned int num_writing; /* pages with PAGE_FLAG_WRITEBACK; atomic */
	struct error_sequence errors;        /* of write-back */
	struct error_sequence *group_errors; /* is told too; or NULL; fixed */
	void *group; /* its super_block or block_device, for sync; fixed */
	struct list_head all_node;   /* writeback.c's lock: all, for reclaim */
	struct list_head dirty_node; /* the same: those with dirty pages */
	uint64_t dirtied_ns;         /* when it came there */
	uint64_t round;              /* of write-back that met it last */
	unsigned int busy; /* reclaim is looking at it; writeback.c's lock */
	uint64_t hand;     /* reclaim: where it stopped looking; lock */
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
/* The same, but a page that is being read is waited for: so whatever a device
 * was asked for before is in it, or is not in the cache. */
struct page *page_cache_wait_lookup(struct page_cache *cache, uint64_t index);
/*
 * A page the caller has filled becomes the file's; the cache takes a reference
 * of its own. 0, -EEXIST, -ENOMEM, -ENOSPC.
 */
int page_cache_add(struct page_cache *cache, uint64_t index, struct page *page);
/* Bytes of @page (with a reference) were just changed: it is dirty, if the
 * file has a home. Nothing happens if it has left the cache meanwhile. */
void page_cache_mark_written(struct page_cache *cache, struct page *page);
/* The file is at least @size_bytes large now. */
void page_cache_extend(struct page_cache *cache, uint64_t size_bytes);
/*
 * Around a write past the end: the bytes come first and the size last, so that
 * no reader sees what is not there; but until then write-back must not take what
 * is behind the old end for nothing (W3). One at a time (the inode's lock).
 * @size_bytes: what it wants to become; what it became, or 0.
 */
void page_cache_begin_growth(struct page_cache *cache, uint64_t size_bytes);
void page_cache_end_growth(struct page_cache *cache, uint64_t size_bytes);
/* Pages up to here are, or will be, the file's. */
static inline uint64_t page_cache_end(const struct page_cache *cache)
{
	/* This order: it grows to growing_to before that becomes 0. */
	uint64_t soon = __atomic_load_n(&cache->growing_to, __ATOMIC_ACQUIRE);
	uint64_t size = __atomic_load_n(&cache->size_bytes, __ATOMIC_RELAXED);

	return MAX(soon, size);
}

struct vm_area;
/*
 * @look at each area that shows the file, until it says true, which is returned
 * then. cache->lock is held; @look may take spinlocks. An area that is entered
 * meanwhile may be missed: it has no pages yet.
 */
bool page_cache_look_at_areas(struct page_cache *cache,
			      bool (*look)(struct vm_area *area, void *data),
			      void *data);

/* ---- Reading ahead ------------------------------------------------------------- */

/* What is known of how one open file is being read. Zeroed at open. */
struct read_ahead {
	uint64_t next;       /* the page that would be read next in sequence */
	uint64_t started;    /* pages below this have been asked for */
	unsigned int window; /* pages to ask for at a time; 0: random */
	unsigned int max_window; /* posix_fadvise(2); 0: the default */
};
/*
 * A read of pages [@index, @index + @count) is coming: start reading what it
 * and its likely successors need. Never fails, it is only a guess.
 */
void page_cache_read_ahead(struct page_cache *cache, struct read_ahead *ahead,
			   uint64_t index, uint64_t count);
/* A page that read_pages() got is filled, or (error) not. Any context. */
void page_cache_end_read(struct page_cache *cache, struct page *page,
			 int error);

/* ---- Writing back --------------------------------------------------------------- */

/*
 * For write_pages: the next dirty page at or after *@index in the range of
 * @wb, with a reference; *@index is set to its number. It is no longer dirty
 * but being written (PAGE_FLAG_WRITEBACK), no mapping can write to it unseen,
 * and what lies behind the end of the file is cleared. NULL: no more.
 * Truncation waits for such a page, so its blocks stay its own meanwhile.
 */
struct page *page_cache_take_dirty(struct page_cache *cache,
				   struct writeback *wb, uint64_t *index);
/* Such a page has been written, or (error: noted for fsync) lost. Drops the
 * reference. Any context. */
void page_cache_end_write(struct page_cache *cache, struct page *page,
			  int error);
/* Such a page could not be written now: it is dirty again. Thread context. */
void page_cache_redirty(struct page_cache *cache, struct page *page);

/*
 * Write the dirty pages of bytes [@first, @last] and wait; pages that are
 * being written already are waited for. Returns 0 or an error met by this
 * call; errors of earlier write-backs are in cache->errors.
 */
int page_cache_sync(struct page_cache *cache, uint64_t first, uint64_t last);
/* Only start it (sync_file_range(2)), only wait. */
int page_cache_start_write(struct page_cache *cache, uint64_t first,
			   uint64_t last);
void page_cache_wait_written(struct page_cache *cache, uint64_t first,
			     uint64_t last);
/* All caches of one super block or device (NULL: all there are). */
int writeback_sync_group(void *group, bool wait);
/*
 * A writer made pages dirty: with too many of them in the machine he helps
 * writing and waits. Call without locks that write_pages would need.
 */
void writeback_throttle(struct page_cache *cache);
/* For a deleted file: its dirty pages need not be written any more. True if it
 * is off the list now, and ops->release is the caller's to do. */
bool page_cache_cancel_writeback(struct page_cache *cache);
/* Things to do on the thread of write-back, every few seconds. */
struct writeback_hook {
	void (*run)(struct writeback_hook *hook);
	struct list_head node;
};
void writeback_add_hook(struct writeback_hook *hook);
/* There is something for them to do, in some seconds. */
void writeback_run_hooks_later(void);
/* Pages, in the whole machine. */
void writeback_get_counts(uint64_t *dirty, uint64_t *writing);
/* Boot: start the thread. */
void writeback_init(void);

/* ---- Direct I/O: pages in the way ------------------------------------------------ */

/* Write back and drop pages [@first, @last] (page numbers), before a direct
 * read or write passes the cache by. 0, -EBUSY: one is in use, -EIO. */
int page_cache_write_and_drop(struct page_cache *cache, uint64_t first,
			      uint64_t last);

/* Give up all clean pages that nobody uses (vm.drop_caches). */
void memory_drop_files(void);

struct io_buf;
/* vfs/page_cache_io.c, since mm/ does not know what an io_buf is: */
/* The generic read and write of files: bytes at @pos; returns bytes or error.
 * Reading stops at size_bytes; writing extends it. */
ssize_t page_cache_read(struct page_cache *cache, struct io_buf *io,
			loff_t pos);
ssize_t page_cache_write(struct page_cache *cache, struct io_buf *io,
			 loff_t pos);
/* The same, with what is known of the reader; @ahead may be NULL. */
ssize_t page_cache_read_file(struct page_cache *cache, struct read_ahead *ahead,
			     struct io_buf *io, loff_t pos);
/*
 * Set the size; pages past it go, mappings of them too (SIGBUS then), the
 * rest of the last page is cleared. Pages on their way to the disk are waited
 * for, so afterwards their blocks may be freed.
 * Order for a file system: no journal handle open, no lock of its own that
 * read_page or write_pages take; this; then free blocks. The last page is dirty then if its block is kept: it was cleared.
 */
int page_cache_truncate(struct page_cache *cache, uint64_t size_bytes);
/* Forget pages [first, last] (fallocate punch hole), with the same order. */
void page_cache_punch(struct page_cache *cache, uint64_t first, uint64_t last);
/* Forget all from page @first on, and private copies: they are, or will be,
 * other bytes of the file. The same order. */
void page_cache_forget(struct page_cache *cache, uint64_t first);
/*
 * Between the two no store through a mapping makes a page dirty, it waits: what
 * is written back and forgotten meanwhile was not changed in between. Reading
 * goes on. Context: what the holder waits for must not need a vm_space's lock;
 * one holder at a time (the inode's lock).
 */
void page_cache_hold_stores(struct page_cache *cache);
void page_cache_let_stores(struct page_cache *cache);
