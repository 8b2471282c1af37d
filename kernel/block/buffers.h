/* SPDX-License-Identifier: MIT */
/*
 * buffers.h - between buffer.c and cache.c
 */
#pragma once

#include "kernel/block/block.h"

struct page_io;

/*
 * Add what may be written of @page, whose contents buffers look into, to @io.
 * False: no buffer does, so all of it may be written.
 */
bool buffers_write_page(struct block_device *bdev, struct page *page,
			struct page_io *io);
/* Free buffers of @page that nobody holds; cache.lock is held. */
void buffers_release_page(struct block_device *bdev, struct page *page);
/* Boot. */
void buffers_init(void);
