/* SPDX-License-Identifier: MIT */
/*
 * pipe_splice.c - whole pieces in and out of a pipe, without copying bytes
 *
 * Idea: a piece is a reference to a part of a page, so it can be handed on.
 * Once somebody else sees the page it is no longer the pipe's own, and write()
 * adds nothing to it. A piece that was taken out keeps its place reserved,
 * because its taker may have to put a part of it back.
 *
 * Locks: pipe.lock; two pipes by address. Source: splice(2), tee(2).
 */
#include "kernel/abi/errno.h"
#include "kernel/mm/page.h"
#include "kernel/vfs/pipe_internal.h"

int pipe_take_piece(struct pipe *pipe, size_t max, bool nonblock,
		    struct pipe_piece *out)
{
	struct piece *piece;
	int err = 0;

	mutex_lock(&pipe->lock);
	while (!pipe->count && pipe->writers && !err)
		err = nonblock ? -EAGAIN : pipe_wait_readable(pipe);
	if (err || !pipe->count)
		goto unlock;

	piece = pipe_piece_at(pipe, 0);
	out->page = piece->page;
	out->offset = piece->offset;
	out->size = (unsigned int)MIN((size_t)piece->size, max);
	page_get(piece->page);
	piece->own = false;
	piece->offset += out->size;
	piece->size -= out->size;
	if (!piece->size)
		pipe_drop_head(pipe);
	pipe->reserved++;
	err = 1;
unlock:
	mutex_unlock(&pipe->lock);
	return err;
}

void pipe_finish_piece(struct pipe *pipe, const struct pipe_piece *taken,
		       size_t used)
{
	struct piece rest = {
		.page = taken->page,
		.offset = taken->offset + (unsigned int)used,
		.size = taken->size - (unsigned int)used,
	};

	mutex_lock(&pipe->lock);
	pipe->reserved--;
	if (rest.size) {
		pipe->head--;
		pipe->count++;
		*pipe_piece_at(pipe, 0) = rest;
	}
	mutex_unlock(&pipe->lock);

	if (!rest.size)
		page_put(taken->page);
	wake_one(rest.size ? &pipe->read_wait : &pipe->write_wait);
}

int pipe_add_piece(struct pipe *pipe, const struct pipe_piece *in,
		   bool nonblock)
{
	struct piece piece = {
		.page = in->page,
		.offset = in->offset,
		.size = in->size,
	};
	int err = 0;

	mutex_lock(&pipe->lock);
	while (pipe->readers && pipe_is_full(pipe) && !err)
		err = nonblock ? -EAGAIN : pipe_wait_writable(pipe);
	if (!err && !pipe->readers)
		err = -EPIPE;
	if (!err)
		pipe_push_piece(pipe, piece);
	mutex_unlock(&pipe->lock);

	if (!err)
		wake_one(&pipe->read_wait);
	return err;
}

static void lock_two(struct pipe *a, struct pipe *b) UNCHECKED_LOCKING
{
	mutex_lock(a < b ? &a->lock : &b->lock);
	mutex_lock(a < b ? &b->lock : &a->lock);
}

static void unlock_two(struct pipe *a, struct pipe *b) UNCHECKED_LOCKING
{
	mutex_unlock(&a->lock);
	mutex_unlock(&b->lock);
}

/* Share the pieces of @from with @to, as far as there is room. */
static size_t share_pieces(struct pipe *from, struct pipe *to, size_t size)
	UNCHECKED_LOCKING /* both are held: lock_two() */
{
	size_t done = 0;
	unsigned int i;

	for (i = 0; i < from->count && done < size && !pipe_is_full(to); i++) {
		struct piece *piece = pipe_piece_at(from, i);
		struct piece copy = *piece;

		piece->own = false;
		copy.own = false;
		copy.size = (unsigned int)MIN((size_t)copy.size, size - done);
		page_get(copy.page);
		pipe_push_piece(to, copy);
		done += copy.size;
	}
	return done;
}

ssize_t pipe_tee(struct pipe *from, struct pipe *to, size_t size, bool nonblock)
{
	ssize_t done;
	int err;

	if (from == to)
		return -EINVAL;
	for (;;) {
		bool at_end, no_reader, no_room;

		lock_two(from, to);
		done = (ssize_t)(to->readers ? share_pieces(from, to, size)
					     : 0);
		at_end = !from->count && !from->writers;
		no_reader = !to->readers;
		no_room = pipe_is_full(to);
		unlock_two(from, to);

		if (no_reader)
			return -EPIPE;
		if (done || at_end)
			break;
		if (nonblock)
			return -EAGAIN;
		err = no_room ? pipe_sleep(to, &to->write_wait,
					   pipe_is_writable)
			      : pipe_sleep(from, &from->read_wait,
					   pipe_is_readable);
		if (err)
			return err;
	}
	if (done)
		wake_one(&to->read_wait);
	return done;
}
