/* SPDX-License-Identifier: MIT */
/*
 * io_buf.c - a cursor over the bytes of one read or write
 *
 * Invariants
 *   I1  left is the sum of what remains in vec[at..], minus offset.
 *   I2  offset < vec[at].size, or left is 0; empty pieces are skipped.
 */
#include "kernel/vfs/io_buf.h"

#include "kernel/abi/errno.h"
#include "kernel/lib/string.h"
#include "kernel/mm/user_copy.h"

enum direction { TO_BUFFER, FROM_BUFFER, CLEAR_BUFFER };

void io_buf_vec(struct io_buf *io, const struct io_vec *vec,
		unsigned int num_vecs)
{
	io->vec = vec;
	io->num_vecs = num_vecs;
	io->at = 0;
	io->offset = 0;
	io->left = 0;
	io->kernel = false;
	io->nonblock = false;
	for (unsigned int i = 0; i < num_vecs; i++)
		io->left += vec[i].size;
}

/* Copy within one piece; returns bytes done. */
static force_inline size_t copy_piece(const struct io_buf *io, char *base,
				      void *other, size_t size,
				      enum direction direction)
{
	if (!io->kernel) {
		if (direction == TO_BUFFER)
			return copy_to_user_partial((void __user *)base, other,
						    size);
		if (direction == FROM_BUFFER)
			return copy_from_user_partial(
				other, (void __user *)base, size);
		return clear_user((void __user *)base, size) ? 0 : size;
	}
	if (direction == TO_BUFFER)
		memcpy(base, other, size);
	else if (direction == FROM_BUFFER)
		memcpy(other, base, size);
	else
		memset(base, 0, size);
	return size;
}

/* Copy within as many pieces as it takes. */
static __noinline size_t copy_pieces(struct io_buf *io, char *other,
				     size_t size, enum direction direction)
{
	size_t done = 0;

	while (done < size) {
		const struct io_vec *vec = &io->vec[io->at];
		char *at = direction == CLEAR_BUFFER ? NULL : other + done;
		size_t part = MIN(size - done, vec->size - io->offset);
		size_t copied;

		if (part == 0) { /* the end of a piece (I2) */
			io->at++;
			io->offset = 0;
			continue;
		}
		copied = copy_piece(io, (char *)vec->base + io->offset, at,
				    part, direction);
		io->offset += copied;
		done += copied;
		if (copied < part)
			break;
	}
	io->left -= done;
	return done;
}

static force_inline size_t copy(struct io_buf *io, char *other, size_t size,
				enum direction direction)
{
	const struct io_vec *vec = &io->vec[io->at];
	size_t copied;

	size = MIN(size, io->left);
	if (unlikely(!size))
		return 0;
	if (unlikely(size > vec->size - io->offset))
		return copy_pieces(io, other, size, direction);
	copied = copy_piece(io, (char *)vec->base + io->offset, other, size,
			    direction);
	io->offset += copied;
	io->left -= copied;
	return copied;
}

size_t io_copy_to(struct io_buf *io, const void *from, size_t size)
{
	/* The bytes at @from are only read in this direction. */
	return copy(io, (char *)(uintptr_t)from, size, TO_BUFFER);
}

size_t io_copy_from(struct io_buf *io, void *to, size_t size)
{
	return copy(io, to, size, FROM_BUFFER);
}

size_t io_clear(struct io_buf *io, size_t size)
{
	return copy(io, NULL, size, CLEAR_BUFFER);
}

void io_revert(struct io_buf *io, size_t size)
{
	io->left += size;
	while (size > io->offset) {
		size -= io->offset;
		io->at--;
		io->offset = io->vec[io->at].size;
	}
	io->offset -= size;
}

ssize_t io_copy_text(struct io_buf *io, loff_t pos, const char *text,
		     size_t size)
{
	size_t start, wanted, done;

	if (pos < 0)
		return -EINVAL;
	if ((uint64_t)pos >= size)
		return 0;
	start = (size_t)pos;
	wanted = MIN(size - start, io->left);
	done = io_copy_to(io, text + start, wanted);
	return done || !wanted ? (ssize_t)done : -EFAULT;
}
