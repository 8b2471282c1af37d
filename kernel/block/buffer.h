/* SPDX-License-Identifier: MIT */
/*
 * buffer.h - blocks of a device in memory, for a file system's metadata
 *
 * Idea: a buffer is one block inside a page of the device's cache, with a
 * state of its own: a page of four 1 KiB blocks can have one that is dirty and
 * one that a journal still keeps from the disk. What read() of the device node
 * shows is the same memory.
 *
 * A journal (JBD2) uses them like this: get the buffer, change data under its
 * own handle, and set BUFFER_JOURNALED, which keeps write-back away; when the
 * transaction has committed, clear it and buffer_mark_dirty(): from then on
 * write-back may take it at any time ("checkpoint"); buffer_write() forces it.
 * A buffer whose data is being written by the device has BUFFER_WRITING;
 * buffer_wait() before changing it keeps checksums and data together.
 *
 * Invariants
 *   U1  A buffer with references keeps its page in the cache and itself in
 *	 memory; without references and clean it may go at any time.
 *   U2  BUFFER_DIRTY and BUFFER_JOURNALED are never both set.
 */
#pragma once

#include "kernel/block/block.h"

/* Bits of buffer.flags; atomic. */
#define BUFFER_UPTODATE  1u  /* data is the block's, or newer */
#define BUFFER_DIRTY     2u  /* newer than the disk; write-back may write it */
#define BUFFER_WRITING   4u  /* on its way to the disk */
#define BUFFER_READING   8u  /* on its way from the disk */
#define BUFFER_JOURNALED 16u /* a transaction's: not to be written in place */
#define BUFFER_ERROR     32u /* the last write failed */
#define BUFFER_VERIFIED  64u /* file system: checksum and shape were checked */
#define BUFFER_FS_BITS   0xffff0000u /* free for the file system and journal */

struct buffer {
	struct refcount refs;          /* holders; 0: cached only */
	unsigned int flags;            /* atomic */
	struct block_device *bdev;     /* fixed */
	uint64_t block;                /* number, in buffer_size; fixed */
	unsigned int size;             /* bytes; fixed */
	struct page *page;             /* fixed, with a reference */
	void *data;                    /* fixed; inside page */
	void *journal;                 /* the journal's; NULL when not in one */
	struct list_head journal_node; /* the same */
	struct buffer *write_next;     /* buffer.c: in one batch */
};

/*
 * Block @block with a reference, without reading it: for one that is
 * overwritten as a whole (then set BUFFER_UPTODATE). 0; -ENOMEM; -EIO: past
 * the end of the device. The size is bdev->block_size: block_set_size().
 * Context: thread, may sleep.
 */
int buffer_get(struct block_device *bdev, uint64_t block, struct buffer **out);
/* The same, read if it is not up to date. -EIO: it could not be read. */
int buffer_read(struct block_device *bdev, uint64_t block, struct buffer **out);
/* What is in memory already, or NULL. */
struct buffer *buffer_find(struct block_device *bdev, uint64_t block);
/* Start reading @count blocks that will be wanted soon. */
void buffer_read_ahead(struct block_device *bdev, uint64_t block,
		       unsigned int count);
static inline void buffer_hold(struct buffer *buffer)
{
	refcount_get(&buffer->refs);
}
/* NULL is fine. */
void buffer_put(struct buffer *buffer);

void buffer_set(struct buffer *buffer, unsigned int flags);
void buffer_clear(struct buffer *buffer, unsigned int flags);
static inline bool buffer_has(const struct buffer *buffer, unsigned int flags)
{
	return (__atomic_load_n(&buffer->flags, __ATOMIC_ACQUIRE) & flags) ==
	       flags;
}

/* data is newer than the disk; write-back will take it in time. */
void buffer_mark_dirty(struct buffer *buffer);
/* Forget that: the block was freed, what it holds is of no interest. Waits for
 * a write under way. */
void buffer_forget(struct buffer *buffer);
/* Start writing it now if it is dirty; does not wait. */
void buffer_start_write(struct buffer *buffer, struct block_plug *plug);
/* No read or write is under way; -EIO if the last write failed. */
int buffer_wait(struct buffer *buffer);
/* Both, with BLOCK_FUA, BLOCK_PREFLUSH: 0 or -EIO. */
int buffer_write(struct buffer *buffer, unsigned int flags);
