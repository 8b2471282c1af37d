/* SPDX-License-Identifier: MIT */
/*
 * pipe.c - bytes from one program to another: pipes and fifos
 *
 * Idea: a ring of pieces, each a part of one page. Writers append pieces (or
 * fill up the last one), readers take from the oldest. Pages come when they
 * are needed; the last one that became free is kept, so that two programs
 * sending each other small messages never ask the allocator.
 *
 * Invariants
 *   P1  count + reserved <= num_slots; every piece in the ring has size > 0.
 *   P2  A write of at most PIPE_BUF bytes lies in one piece: it never mixes
 *       with another and never goes in by half (pipe(7)).
 *   P3  inode->fifo is this pipe exactly while users > 0 (pipe_open.c).
 *
 * Who waits is woken when the state changes for it: readers when the ring was
 * empty, writers when it was full. Waiters are exclusive: one is woken, and
 * passes it on if something is left.
 *
 * Locks: pipe.lock (LOCK_PIPE) for the ring; held while user memory is copied.
 * Read: OSTEP ch. 30 (bounded buffer).
 */
#include "kernel/vfs/pipe_internal.h"

#include "kernel/abi/errno.h"
#include "kernel/abi/ioctl.h"
#include "kernel/mm/page.h"
#include "kernel/mm/slab.h"
#include "kernel/mm/user_copy.h"
#include "kernel/vfs/cred.h"
#include "kernel/vfs/poll.h"

#include <linux/capability.h>

#define PIPE_SLOTS_USER 256u /* beyond needs CAP_SYS_RESOURCE */
#define PIPE_SLOTS_MAX  (1u << 19)

/* ---- Pages --------------------------------------------------------------- */

static struct page *take_page(struct pipe *pipe)
{
	struct page *page = pipe->spare;

	if (page) {
		pipe->spare = NULL;
		return page;
	}
	return page_alloc(0, ALLOC_USER);
}

void pipe_drop_page(struct pipe *pipe, const struct piece *piece)
{
	if (piece->own && !pipe->spare)
		pipe->spare = piece->page;
	else
		page_put(piece->page);
}

static char *piece_bytes(const struct piece *piece)
{
	return (char *)page_address(piece->page) + piece->offset;
}

void pipe_drop_head(struct pipe *pipe)
{
	pipe_drop_page(pipe, pipe_piece_at(pipe, 0));
	pipe->head++;
	WRITE_ONCE(pipe->count, pipe->count - 1);
}

void pipe_push_piece(struct pipe *pipe, struct piece piece)
{
	*pipe_piece_at(pipe, pipe->count) = piece;
	WRITE_ONCE(pipe->count, pipe->count + 1);
}

/* ---- Sleeping ------------------------------------------------------------ */

int pipe_sleep(struct pipe *pipe, struct wait_queue *queue,
	       bool (*ready)(const struct pipe *pipe))
{
	struct waiter waiter;
	int err = 0;

	waiter_init(&waiter);
	waiter.exclusive = true;
	wait_begin(queue, &waiter, WAIT_INTERRUPTIBLE);
	while (!ready(pipe)) {
		err = wait_sleep(WAIT_INTERRUPTIBLE, WAIT_FOREVER);
		if (err)
			break;
	}
	wait_end(queue, &waiter);

	/* The wake-up meant for us must not die with us. */
	if (err && ready(pipe))
		wake_one(queue);
	return err;
}

int pipe_wait_readable(struct pipe *pipe)
{
	int err;

	mutex_unlock(&pipe->lock);
	err = pipe_sleep(pipe, &pipe->read_wait, pipe_is_readable);
	mutex_lock(&pipe->lock);
	return err;
}

int pipe_wait_writable(struct pipe *pipe)
{
	int err;

	mutex_unlock(&pipe->lock);
	err = pipe_sleep(pipe, &pipe->write_wait, pipe_is_writable);
	mutex_lock(&pipe->lock);
	return err;
}

/* ---- Reading ------------------------------------------------------------- */

/* Copy out what is there, as far as @io goes. Bytes, or -EFAULT. */
static ssize_t drain(struct pipe *pipe, struct io_buf *io) MUST_HOLD(pipe->lock)
{
	ssize_t done = 0;

	while (pipe->count && io->left) {
		struct piece *piece = pipe_piece_at(pipe, 0);
		unsigned int copied = (unsigned int)io_copy_to(
			io, piece_bytes(piece), piece->size);

		if (!copied)
			return done ? done : -EFAULT;
		done += copied;
		piece->offset += copied;
		piece->size -= copied;
		if (!piece->size)
			pipe_drop_head(pipe);
	}
	return done;
}

ssize_t pipe_read(struct file *file, struct io_buf *io, loff_t *pos)
{
	struct pipe *pipe = file->data;
	bool waited = false;
	bool was_full, wake_reader, wake_writer;
	ssize_t done = 0;

	if (!io->left)
		return 0;

	mutex_lock(&pipe->lock);
	while (!pipe->count && pipe->writers && !done) {
		if (io->nonblock) {
			done = -EAGAIN;
		} else {
			done = pipe_wait_readable(pipe);
			waited = true;
		}
	}
	was_full = pipe_is_full(pipe);
	if (!done)
		done = drain(pipe, io);
	wake_writer = was_full && !pipe_is_full(pipe);
	wake_reader = waited && pipe->count;
	mutex_unlock(&pipe->lock);

	if (wake_writer)
		wake_one(&pipe->write_wait);
	if (wake_reader)
		wake_one(&pipe->read_wait);
	return done;
}

/* ---- Writing ------------------------------------------------------------- */

/*
 * The part of the write that does not fill a page goes behind the last piece
 * if it fits there as a whole (P2). Bytes, or -EFAULT.
 */
static ssize_t fill_last_piece(struct pipe *pipe, struct io_buf *io)
	MUST_HOLD(pipe->lock)
{
	size_t size = io->left & (PAGE_SIZE - 1);
	struct piece *last;
	unsigned int end, copied;

	if (!size || !pipe->count)
		return 0;
	last = pipe_piece_at(pipe, pipe->count - 1);
	end = last->offset + last->size;
	if (!last->own || end + size > PAGE_SIZE)
		return 0;

	copied = (unsigned int)io_copy_from(
		io, (char *)page_address(last->page) + end, size);
	if (copied < size) {
		io_revert(io, copied);
		return -EFAULT;
	}
	last->size += copied;
	return copied;
}

/* A new piece with up to a page of @io. Bytes, -ENOMEM, -EFAULT. */
static ssize_t append_page(struct pipe *pipe, struct io_buf *io)
	MUST_HOLD(pipe->lock)
{
	struct piece piece = { .page = take_page(pipe), .own = true };

	if (!piece.page)
		return -ENOMEM;
	piece.size = (unsigned int)io_copy_from(io, page_address(piece.page),
						MIN(io->left, PAGE_SIZE));
	if (!piece.size) {
		pipe_drop_page(pipe, &piece);
		return -EFAULT;
	}
	pipe_push_piece(pipe, piece);
	return piece.size;
}

/* One step of a write: bytes, or why it cannot go on now. */
static ssize_t write_step(struct pipe *pipe, struct io_buf *io)
	MUST_HOLD(pipe->lock)
{
	if (!pipe->readers)
		return -EPIPE;
	if (pipe_is_full(pipe))
		return -EAGAIN;
	return append_page(pipe, io);
}

ssize_t pipe_write(struct file *file, struct io_buf *io, loff_t *pos)
{
	struct pipe *pipe = file->data;
	bool waited = false;
	bool was_empty, wake_reader, wake_writer;
	ssize_t done = 0, step;

	if (!io->left)
		return 0;

	mutex_lock(&pipe->lock);
	was_empty = pipe_is_empty(pipe);
	step = pipe->readers ? fill_last_piece(pipe, io) : -EPIPE;
	while (step >= 0) {
		done += step;
		if (!io->left)
			break;
		step = write_step(pipe, io);
		if (step != -EAGAIN || io->nonblock)
			continue;
		/* Full: let readers at what is there, then wait for room. */
		if (was_empty || pipe->polled)
			wake_one(&pipe->read_wait);
		step = pipe_wait_writable(pipe);
		was_empty = pipe_is_empty(pipe);
		waited = true;
	}
	wake_reader = done && (was_empty || pipe->polled);
	wake_writer = waited && !pipe_is_full(pipe);
	mutex_unlock(&pipe->lock);

	if (wake_reader)
		wake_one(&pipe->read_wait);
	if (wake_writer)
		wake_one(&pipe->write_wait);
	return done ? done : step;
}

/* ---- Polling and control ------------------------------------------------- */

unsigned int pipe_poll(struct file *file, struct poll_table *table)
{
	struct pipe *pipe = file->data;
	unsigned int events = 0;

	if (table)
		WRITE_ONCE(pipe->polled, true);
	if (pipe_can_read(file)) {
		poll_wait(table, &pipe->read_wait);
		if (!pipe_is_empty(pipe))
			events |= EPOLLIN | EPOLLRDNORM;
		/* Not before the first writer came: fifo_open() set pos. */
		if (!READ_ONCE(pipe->writers) &&
		    (uint64_t)file->pos != READ_ONCE(pipe->writer_opens))
			events |= EPOLLHUP;
	}
	if (pipe_can_write(file)) {
		poll_wait(table, &pipe->write_wait);
		if (!pipe_is_full(pipe))
			events |= EPOLLOUT | EPOLLWRNORM;
		if (!READ_ONCE(pipe->readers))
			events |= EPOLLERR;
	}
	return events;
}

static unsigned int bytes_inside(struct pipe *pipe)
{
	unsigned int i, bytes = 0;

	mutex_lock(&pipe->lock);
	for (i = 0; i < pipe->count; i++)
		bytes += pipe_piece_at(pipe, i)->size;
	mutex_unlock(&pipe->lock);
	return bytes;
}

long pipe_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	if (cmd != FIONREAD)
		return -ENOTTY;
	return put_user_u32((void __user *)arg, bytes_inside(file->data));
}

struct pipe *pipe_of(const struct file *file)
{
	return file->ops == &fifo_file_ops ? file->data : NULL;
}

size_t pipe_capacity(const struct pipe *pipe)
{
	return READ_ONCE(pipe->num_slots) * PAGE_SIZE;
}

static int resize(struct pipe *pipe, unsigned int num_slots)
	MUST_HOLD(pipe->lock)
{
	struct piece *ring;
	unsigned int i;

	if (pipe->count + pipe->reserved > num_slots)
		return -EBUSY;
	ring = kcalloc(num_slots, sizeof(*ring));
	if (!ring)
		return -ENOMEM;
	for (i = 0; i < pipe->count; i++)
		ring[i] = *pipe_piece_at(pipe, i);
	kfree(pipe->ring);
	pipe->ring = ring;
	pipe->head = 0;
	WRITE_ONCE(pipe->num_slots, num_slots);
	return 0;
}

long pipe_set_capacity(struct pipe *pipe, size_t size_bytes)
{
	unsigned int num_slots = 1;
	int err;

	if (size_bytes > PIPE_SLOTS_MAX * PAGE_SIZE)
		return -EINVAL;
	while (num_slots * PAGE_SIZE < size_bytes)
		num_slots *= 2;
	if (num_slots > PIPE_SLOTS_USER && num_slots > pipe->num_slots &&
	    !capable(CAP_SYS_RESOURCE))
		return -EPERM;

	mutex_lock(&pipe->lock);
	err = resize(pipe, num_slots);
	mutex_unlock(&pipe->lock);
	if (err)
		return err;
	wake_all(&pipe->write_wait);
	return (long)(num_slots * PAGE_SIZE);
}
