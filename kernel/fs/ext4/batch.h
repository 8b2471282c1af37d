/* SPDX-License-Identifier: MIT */
/*
 * batch.h - pages of one file on their way to their blocks (file.c)
 *
 * Idea: write-back takes dirty pages of the cache, direct I/O pages of its own;
 * how blocks are chosen, written and shown is the same.
 */
#pragma once

#include "kernel/fs/ext4/disk.h"
#include "kernel/lib/compiler.h"

struct inode;
struct page;

#define BATCH_PAGES  64u
#define BATCH_PIECES (4u * BATCH_PAGES)

enum piece_kind {
	PIECE_WRITTEN,   /* has its blocks */
	PIECE_UNWRITTEN, /* the map says "zeros" */
	PIECE_NEW        /* promised */
};

struct piece {
	uint32_t lblk, len;
	uint64_t block;
	enum piece_kind kind;
};

struct batch {
	struct inode *inode;
	uint64_t size;     /* of the file, in bytes, when this is done */
	uint64_t from, to; /* only these of its blocks */
	unsigned int num_pages, num_pieces, num_placed, num_parts;
	struct page *page[BATCH_PAGES];
	uint64_t index[BATCH_PAGES]; /* going up */
	struct piece piece[BATCH_PIECES];
	struct piece placed[BATCH_PIECES]; /* all with blocks */
	struct disk_part part[BATCH_PIECES];
	uint64_t goal;
};

/*
 * Write the pages, and show the blocks that are new. What has no block must be
 * promised. inode, size, from, to, pages and indices are given.
 * Context: thread, write_lock held. 0; -EIO, -ENOMEM, ...: nothing new is shown.
 */
int ext4_batch_write(struct batch *batch);
/* Read into the pages (which then are in order, and without a gap). */
int ext4_batch_read(struct batch *batch);
/* Promise a place for blocks [@first, @end). 0, -ENOSPC, -ENOMEM. */
int ext4_promise(struct inode *inode, uint64_t first, uint64_t end);
