/* SPDX-License-Identifier: MIT */
/*
 * transfer.c - bytes from one file to another inside the kernel
 *
 * Idea: what moves is a piece of a page. A file in the page cache gives its
 * own page; any other file is read into a fresh page. A pipe takes the page as
 * it is, any other file is written from it. So the four kinds of transfer are
 * two ways to get a piece and two ways to put it.
 *
 * Locks: none held over a step. Two threads that share a file position and
 * transfer at once may see the same bytes, as on Linux.
 */
#include "kernel/vfs/transfer.h"

#include "kernel/mm/page.h"
#include "kernel/vfs/internal.h"
#include "kernel/vfs/pipe.h"

/* Where one side stands. */
struct side {
	struct file *file;
	struct pipe *pipe; /* NULL: not a pipe */
	loff_t *pos;       /* &own, or the caller's */
	loff_t own;
	bool nonblock;
};

/* The longest a transfer may be, as for read(2). */
#define TRANSFER_MAX 0x7ffff000ul

static void side_begin(struct side *side, struct file *file, loff_t *pos,
		       bool nonblock)
{
	side->file = file;
	side->pipe = pipe_of(file);
	side->pos = pos ? pos : &side->own;
	side->own = 0;
	side->nonblock = nonblock || READ_ONCE(file->flags) & O_NONBLOCK;
	if (pos || file->ops->stream)
		return;
	mutex_lock(&file->pos_lock);
	side->own = file->pos;
	mutex_unlock(&file->pos_lock);
}

static void side_end(struct side *side)
{
	struct file *file = side->file;

	if (side->pos != &side->own || file->ops->stream)
		return;
	mutex_lock(&file->pos_lock);
	file->pos = side->own;
	mutex_unlock(&file->pos_lock);
}

/* Files without a position get none. */
static loff_t *position(struct side *side)
{
	return side->file->ops->stream ? NULL : side->pos;
}

/* ---- Getting a piece: 1, 0 at the end, or an error ---- */

/* The file's own page, shared. A hole has none: -ENODATA. */
static int get_cached(struct side *side, size_t max, struct pipe_piece *piece)
{
	struct page_cache *cache = &side->file->inode->cache;
	uint64_t at = (uint64_t)*side->pos,
		 size = inode_size(side->file->inode);
	int err;

	if (at >= size)
		return 0;
	err = page_cache_get(cache, at >> PAGE_SHIFT, false, &piece->page);
	if (err)
		return err;
	if (!piece->page)
		return -ENODATA;
	piece->offset = (unsigned int)(at & (PAGE_SIZE - 1));
	max = MIN(max, PAGE_SIZE - piece->offset);
	piece->size = (unsigned int)MIN((uint64_t)max, size - at);
	*side->pos += (loff_t)piece->size;
	return 1;
}

/* A fresh page with what read() gives. */
static int get_copied(struct side *side, size_t max, struct pipe_piece *piece)
{
	struct page *page = page_alloc(0, ALLOC_USER);
	struct io_buf io;
	ssize_t done;

	if (!page)
		return -ENOMEM;
	io_buf_kernel(&io, page_address(page), MIN(max, PAGE_SIZE));
	io.nonblock = side->nonblock;
	done = file_read(side->file, &io, position(side));
	if (done <= 0) {
		page_put(page);
		return (int)done;
	}
	piece->page = page;
	piece->offset = 0;
	piece->size = (unsigned int)done;
	return 1;
}

static int get_piece(struct side *side, size_t max, struct pipe_piece *piece)
{
	int result = -ENODATA;

	if (side->pipe)
		return pipe_take_piece(side->pipe, max, side->nonblock, piece);
	if (side->file->ops->read == generic_file_read)
		result = get_cached(side, max, piece);
	if (result == -ENODATA)
		result = get_copied(side, max, piece);
	return result;
}

/* ---- Putting a piece: bytes, or an error ---- */

static ssize_t put_piece(struct side *side, const struct pipe_piece *piece)
{
	struct io_buf io;
	int err;

	if (side->pipe) {
		page_get(piece->page); /* the pipe's */
		err = pipe_add_piece(side->pipe, piece, side->nonblock);
		if (err)
			page_put(piece->page);
		return err ? err : (ssize_t)piece->size;
	}
	io_buf_kernel(&io, (char *)page_address(piece->page) + piece->offset,
		      piece->size);
	io.nonblock = side->nonblock;
	return file_write(side->file, &io, position(side));
}

/* @used bytes were put; the rest goes back to where it came from. */
static void finish_piece(struct side *side, const struct pipe_piece *piece,
			 size_t used)
{
	if (side->pipe) {
		pipe_finish_piece(side->pipe, piece, used);
		return;
	}
	if (!side->file->ops->stream)
		*side->pos -= (loff_t)(piece->size - used);
	page_put(piece->page);
}

static ssize_t move_one(struct side *in, struct side *out, size_t max)
{
	struct pipe_piece piece;
	ssize_t done;
	int got;

	got = get_piece(in, max, &piece);
	if (got <= 0)
		return got;
	done = put_piece(out, &piece);
	finish_piece(in, &piece, done > 0 ? (size_t)done : 0);
	return done;
}

static ssize_t move_all(struct side *in, struct side *out, size_t size)
{
	size_t done = 0;
	ssize_t moved = 0;

	while (done < size) {
		moved = move_one(in, out, size - done);
		if (moved <= 0)
			break;
		done += (size_t)moved;
		if (thread_has_work(current(), WORK_SIGNAL | WORK_KILL))
			break;
		/* A pipe gives what it has: splice(2) waits only for the
		   first bytes. */
		if (in->pipe)
			in->nonblock = true;
	}
	return done ? (ssize_t)done : moved;
}

/* ---- The calls ---- */

static ssize_t transfer(struct file *in, loff_t *in_pos, struct file *out,
			loff_t *out_pos, size_t size, bool nonblock)
{
	struct side from, to;
	ssize_t done;

	side_begin(&from, in, in_pos, nonblock);
	side_begin(&to, out, out_pos, nonblock);
	done = move_all(&from, &to, MIN(size, TRANSFER_MAX));
	side_end(&from);
	side_end(&to);
	return done;
}

ssize_t file_transfer(struct file *in, loff_t *in_pos, struct file *out,
		      loff_t *out_pos, size_t size)
{
	if (!file_is_readable(in) || !file_is_writable(out))
		return -EBADF;
	if (!in->ops->read || !out->ops->write || in->ops->stream)
		return -EINVAL;
	return transfer(in, in_pos, out, out_pos, size, false);
}

ssize_t file_splice(struct file *in, loff_t *in_pos, struct file *out,
		    loff_t *out_pos, size_t size, bool nonblock)
{
	struct pipe *from = pipe_of(in), *to = pipe_of(out);

	if (!file_is_readable(in) || !file_is_writable(out))
		return -EBADF;
	if ((from && in_pos) || (to && out_pos))
		return -ESPIPE;
	if (!from && !to)
		return -EINVAL;
	if (from == to || !in->ops->read || !out->ops->write)
		return -EINVAL;
	if ((!to && READ_ONCE(out->flags) & O_APPEND) ||
	    (in_pos && in->ops->stream) || (out_pos && out->ops->stream))
		return -EINVAL;
	return transfer(in, in_pos, out, out_pos, size, nonblock);
}
