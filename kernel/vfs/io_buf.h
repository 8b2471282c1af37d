/* SPDX-License-Identifier: MIT */
/*
 * io_buf.h - a cursor over the bytes of one read or write
 *
 * Idea: below syscall/ nobody asks whether bytes go to the program or to the
 * kernel, nor whether they are one piece or an iovec: code copies through the
 * cursor, which moves on.
 */
#pragma once

#include "kernel/lib/compiler.h"

struct io_vec {
	void *base; /* user address unless io_buf.kernel */
	size_t size;
};

struct io_buf {
	const struct io_vec *vec;
	unsigned int num_vecs;
	unsigned int at;   /* vec we are in */
	size_t offset;     /* bytes of it done */
	size_t left;       /* bytes still to do in all */
	bool kernel;       /* base is kernel memory */
	bool nonblock;     /* O_NONBLOCK, MSG_DONTWAIT or RWF_NOWAIT */
	struct io_vec one; /* for the single-piece case */
};

/* One piece of user or kernel memory. */
static inline void io_buf_one(struct io_buf *io, void *base, size_t size,
			      bool kernel)
{
	io->one.base = base;
	io->one.size = size;
	io->vec = &io->one;
	io->num_vecs = 1;
	io->at = 0;
	io->offset = 0;
	io->left = size;
	io->kernel = kernel;
	io->nonblock = false;
}
static inline void io_buf_user(struct io_buf *io, void __user *base,
			       size_t size)
{
	io_buf_one(io, (__force void *)base, size, false);
}
static inline void io_buf_kernel(struct io_buf *io, void *base, size_t size)
{
	io_buf_one(io, base, size, true);
}
/* Many pieces of user memory; @vec must outlive @io. */
void io_buf_vec(struct io_buf *io, const struct io_vec *vec,
		unsigned int num_vecs);

/*
 * Copy up to @size bytes into (read) or out of (write) the program's buffer,
 * as far as it goes; returns bytes copied, fewer only at the end of the buffer
 * or at a bad address. The caller turns 0 of >0 into -EFAULT.
 */
size_t io_copy_to(struct io_buf *io, const void *from, size_t size);
size_t io_copy_from(struct io_buf *io, void *to, size_t size);
size_t io_clear(struct io_buf *io, size_t size);
/* Go back @size bytes (after a copy that could not be used). */
void io_revert(struct io_buf *io, size_t size);

/* Text for a read at @pos of a generated file: copies the part that is due. */
ssize_t io_copy_text(struct io_buf *io, loff_t pos, const char *text,
		     size_t size);
