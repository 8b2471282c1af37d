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
 *   P3  inode->fifo is this pipe exactly while users > 0.
 *
 * Who waits is woken when the state changes for it: readers when the ring was
 * empty, writers when it was full. Waiters are exclusive: one is woken, and
 * passes it on if something is left.
 *
 * Locks: pipe.lock (LOCK_PIPE) for the ring; held while user memory is copied.
 * inode.lock for inode->fifo and users. Read: OSTEP ch. 30 (bounded buffer).
 */
#include "kernel/vfs/pipe.h"

#include "kernel/abi/errno.h"
#include "kernel/abi/fcntl.h"
#include "kernel/abi/ioctl.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/mm/page.h"
#include "kernel/mm/slab.h"
#include "kernel/mm/user_copy.h"
#include "kernel/vfs/cred.h"
#include "kernel/vfs/file.h"
#include "kernel/vfs/poll.h"

#include <linux/capability.h>

#define PIPE_SLOTS_DEFAULT 16u  /* 64 KiB: what programs count on */
#define PIPE_SLOTS_USER    256u /* beyond needs CAP_SYS_RESOURCE */
#define PIPE_SLOTS_MAX     (1u << 19)

struct piece {
	struct page *page; /* a reference */
	unsigned int offset;
	unsigned int size;
	bool own; /* made by write() and seen by nobody else: may grow */
};

struct pipe {
	struct mutex lock; /* rank LOCK_PIPE */

	/* Under lock; single words are read without it by poll and sleepers. */
	struct piece *ring;
	unsigned int num_slots;        /* a power of two */
	unsigned int head;             /* slot of the oldest piece */
	unsigned int count;            /* pieces in the ring */
	unsigned int reserved;         /* taken, and perhaps coming back */
	unsigned int readers, writers; /* open files */
	uint64_t reader_opens, writer_opens; /* ever; fifo_open() waits */
	struct page *spare;
	bool polled;    /* somebody may want every write announced */
	bool anonymous; /* of pipe2(): opening /proc/PID/fd/N never waits */

	struct wait_queue read_wait, write_wait;

	unsigned int users; /* open files; inode->lock */
};

static struct piece *piece_at(const struct pipe *pipe, unsigned int i)
{
	return &pipe->ring[(pipe->head + i) & (pipe->num_slots - 1)];
}

static bool is_empty(const struct pipe *pipe)
{
	return READ_ONCE(pipe->count) == 0;
}

static bool is_full(const struct pipe *pipe)
{
	return READ_ONCE(pipe->count) + READ_ONCE(pipe->reserved) >=
	       READ_ONCE(pipe->num_slots);
}

/* What a sleeping reader waits for: data, or the end. */
static bool is_readable(const struct pipe *pipe)
{
	return !is_empty(pipe) || !READ_ONCE(pipe->writers);
}

static bool is_writable(const struct pipe *pipe)
{
	return !is_full(pipe) || !READ_ONCE(pipe->readers);
}

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

/* Keep the page of @piece for the next write, or give it back. */
static void drop_page(struct pipe *pipe, const struct piece *piece)
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

/* The oldest piece is used up. */
static void drop_head(struct pipe *pipe)
{
	drop_page(pipe, piece_at(pipe, 0));
	pipe->head++;
	WRITE_ONCE(pipe->count, pipe->count - 1);
}

static void push_piece(struct pipe *pipe, struct piece piece)
{
	*piece_at(pipe, pipe->count) = piece;
	WRITE_ONCE(pipe->count, pipe->count + 1);
}

/* ---- Sleeping ------------------------------------------------------------ */

/* 0 when @ready holds, or -ERESTARTSYS. */
static int pipe_sleep(struct pipe *pipe, struct wait_queue *queue,
		      bool (*ready)(const struct pipe *pipe))
	MUST_NOT_HOLD(pipe->lock)
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

/* Both release the lock while asleep, and hold it again when they return. */
static int wait_readable(struct pipe *pipe) MUST_HOLD(pipe->lock)
{
	int err;

	mutex_unlock(&pipe->lock);
	err = pipe_sleep(pipe, &pipe->read_wait, is_readable);
	mutex_lock(&pipe->lock);
	return err;
}

static int wait_writable(struct pipe *pipe) MUST_HOLD(pipe->lock)
{
	int err;

	mutex_unlock(&pipe->lock);
	err = pipe_sleep(pipe, &pipe->write_wait, is_writable);
	mutex_lock(&pipe->lock);
	return err;
}

/* ---- Reading ------------------------------------------------------------- */

/* Copy out what is there, as far as @io goes. Bytes, or -EFAULT. */
static ssize_t drain(struct pipe *pipe, struct io_buf *io) MUST_HOLD(pipe->lock)
{
	ssize_t done = 0;

	while (pipe->count && io->left) {
		struct piece *piece = piece_at(pipe, 0);
		unsigned int copied = (unsigned int)io_copy_to(
			io, piece_bytes(piece), piece->size);

		if (!copied)
			return done ? done : -EFAULT;
		done += copied;
		piece->offset += copied;
		piece->size -= copied;
		if (!piece->size)
			drop_head(pipe);
	}
	return done;
}

static ssize_t pipe_read(struct file *file, struct io_buf *io, loff_t *pos)
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
			done = wait_readable(pipe);
			waited = true;
		}
	}
	was_full = is_full(pipe);
	if (!done)
		done = drain(pipe, io);
	wake_writer = was_full && !is_full(pipe);
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
	last = piece_at(pipe, pipe->count - 1);
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
		drop_page(pipe, &piece);
		return -EFAULT;
	}
	push_piece(pipe, piece);
	return piece.size;
}

/* One step of a write: bytes, or why it cannot go on now. */
static ssize_t write_step(struct pipe *pipe, struct io_buf *io)
	MUST_HOLD(pipe->lock)
{
	if (!pipe->readers)
		return -EPIPE;
	if (is_full(pipe))
		return -EAGAIN;
	return append_page(pipe, io);
}

static ssize_t pipe_write(struct file *file, struct io_buf *io, loff_t *pos)
{
	struct pipe *pipe = file->data;
	bool waited = false;
	bool was_empty, wake_reader, wake_writer;
	ssize_t done = 0, step;

	if (!io->left)
		return 0;

	mutex_lock(&pipe->lock);
	was_empty = is_empty(pipe);
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
		step = wait_writable(pipe);
		was_empty = is_empty(pipe);
		waited = true;
	}
	wake_reader = done && (was_empty || pipe->polled);
	wake_writer = waited && !is_full(pipe);
	mutex_unlock(&pipe->lock);

	if (wake_reader)
		wake_one(&pipe->read_wait);
	if (wake_writer)
		wake_one(&pipe->write_wait);
	return done ? done : step;
}

/* ---- Polling and control ------------------------------------------------- */

static bool can_read(const struct file *file)
{
	return (file->flags & O_ACCMODE) != O_WRONLY;
}

static bool can_write(const struct file *file)
{
	return (file->flags & O_ACCMODE) != O_RDONLY;
}

static unsigned int pipe_poll(struct file *file, struct poll_table *table)
{
	struct pipe *pipe = file->data;
	unsigned int events = 0;

	if (table)
		WRITE_ONCE(pipe->polled, true);
	if (can_read(file)) {
		poll_wait(table, &pipe->read_wait);
		if (!is_empty(pipe))
			events |= EPOLLIN | EPOLLRDNORM;
		/* Not before the first writer came: fifo_open() set pos. */
		if (!READ_ONCE(pipe->writers) &&
		    (uint64_t)file->pos != READ_ONCE(pipe->writer_opens))
			events |= EPOLLHUP;
	}
	if (can_write(file)) {
		poll_wait(table, &pipe->write_wait);
		if (!is_full(pipe))
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
		bytes += piece_at(pipe, i)->size;
	mutex_unlock(&pipe->lock);
	return bytes;
}

static long pipe_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
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
		ring[i] = *piece_at(pipe, i);
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

/* ---- Pieces for splice --------------------------------------------------- */

int pipe_take_piece(struct pipe *pipe, size_t max, bool nonblock,
		    struct pipe_piece *out)
{
	struct piece *piece;
	int err = 0;

	mutex_lock(&pipe->lock);
	while (!pipe->count && pipe->writers && !err)
		err = nonblock ? -EAGAIN : wait_readable(pipe);
	if (err || !pipe->count)
		goto unlock;

	piece = piece_at(pipe, 0);
	out->page = piece->page;
	out->offset = piece->offset;
	out->size = (unsigned int)MIN((size_t)piece->size, max);
	page_get(piece->page);
	piece->own = false;
	piece->offset += out->size;
	piece->size -= out->size;
	if (!piece->size)
		drop_head(pipe);
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
		*piece_at(pipe, 0) = rest;
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
	while (pipe->readers && is_full(pipe) && !err)
		err = nonblock ? -EAGAIN : wait_writable(pipe);
	if (!err && !pipe->readers)
		err = -EPIPE;
	if (!err)
		push_piece(pipe, piece);
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
{
	size_t done = 0;
	unsigned int i;

	for (i = 0; i < from->count && done < size && !is_full(to); i++) {
		struct piece *piece = piece_at(from, i);
		struct piece copy = *piece;

		piece->own = false;
		copy.own = false;
		copy.size = (unsigned int)MIN((size_t)copy.size, size - done);
		page_get(copy.page);
		push_piece(to, copy);
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
		no_room = is_full(to);
		unlock_two(from, to);

		if (no_reader)
			return -EPIPE;
		if (done || at_end)
			break;
		if (nonblock)
			return -EAGAIN;
		err = no_room ? pipe_sleep(to, &to->write_wait, is_writable)
			      : pipe_sleep(from, &from->read_wait, is_readable);
		if (err)
			return err;
	}
	if (done)
		wake_one(&to->read_wait);
	return done;
}

/* ---- Making, opening, closing -------------------------------------------- */

static struct pipe *pipe_alloc(void)
{
	struct pipe *pipe = kzalloc(sizeof(*pipe));

	if (!pipe)
		return NULL;
	pipe->num_slots = PIPE_SLOTS_DEFAULT;
	pipe->ring = kcalloc(pipe->num_slots, sizeof(*pipe->ring));
	if (!pipe->ring) {
		kfree(pipe);
		return NULL;
	}
	mutex_init(&pipe->lock, LOCK_PIPE);
	wait_queue_init(&pipe->read_wait);
	wait_queue_init(&pipe->write_wait);
	return pipe;
}

static void pipe_free(struct pipe *pipe)
{
	while (pipe->count)
		drop_head(pipe);
	if (pipe->spare)
		page_put(pipe->spare);
	kfree(pipe->ring);
	kfree(pipe);
}

/* One more open file of @inode's pipe, which is made if need be (P3). */
static struct pipe *pipe_attach(struct inode *inode)
{
	struct pipe *pipe;

	mutex_lock(&inode->lock);
	if (!inode->fifo)
		inode->fifo = pipe_alloc();
	pipe = inode->fifo;
	if (pipe)
		pipe->users++;
	mutex_unlock(&inode->lock);
	return pipe;
}

static void pipe_detach(struct inode *inode, struct pipe *pipe)
{
	bool last;

	mutex_lock(&inode->lock);
	last = --pipe->users == 0;
	if (last)
		inode->fifo = NULL;
	mutex_unlock(&inode->lock);
	if (last)
		pipe_free(pipe);
}

/* Count @file as an end, and tell who waits for such an end. */
static void join_ends(struct pipe *pipe, const struct file *file)
	MUST_HOLD(pipe->lock)
{
	if (can_read(file)) {
		WRITE_ONCE(pipe->readers, pipe->readers + 1);
		WRITE_ONCE(pipe->reader_opens, pipe->reader_opens + 1);
		wake_all(&pipe->write_wait);
	}
	if (can_write(file)) {
		WRITE_ONCE(pipe->writers, pipe->writers + 1);
		WRITE_ONCE(pipe->writer_opens, pipe->writer_opens + 1);
		wake_all(&pipe->read_wait);
	}
}

static void leave_ends(struct pipe *pipe, const struct file *file)
{
	mutex_lock(&pipe->lock);
	if (can_read(file))
		WRITE_ONCE(pipe->readers, pipe->readers - 1);
	if (can_write(file))
		WRITE_ONCE(pipe->writers, pipe->writers - 1);
	mutex_unlock(&pipe->lock);

	wake_all_events(&pipe->read_wait, EPOLLIN | EPOLLHUP);
	wake_all_events(&pipe->write_wait, EPOLLOUT | EPOLLERR);
}

static void pipe_release(struct file *file)
{
	struct pipe *pipe = file->data;

	leave_ends(pipe, file);
	pipe_detach(file->inode, pipe);
}

/*
 * Wait until the other end has been opened since *@opens was @seen; it need
 * not be open any more by the time we look.
 */
static int wait_for_open(struct wait_queue *queue, const uint64_t *opens,
			 uint64_t seen)
{
	return WAIT_EVENT_INTERRUPTIBLE(queue, READ_ONCE(*opens) != seen);
}

/* Source: fifo(7), open(2) ENXIO. */
static int fifo_open(struct inode *inode, struct file *file)
{
	unsigned int access = file->flags & O_ACCMODE;
	bool nonblock = file->flags & O_NONBLOCK;
	struct pipe *pipe = pipe_attach(inode);
	uint64_t seen_readers, seen_writers;
	bool alone;
	int err = 0;

	if (!pipe)
		return -ENOMEM;

	mutex_lock(&pipe->lock);
	alone = !pipe->anonymous &&
		(access == O_RDONLY ? !pipe->writers : !pipe->readers);
	seen_readers = pipe->reader_opens;
	seen_writers = pipe->writer_opens;
	if (access == O_WRONLY && nonblock && alone)
		err = -ENXIO;
	else
		join_ends(pipe, file);
	mutex_unlock(&pipe->lock);
	if (err)
		goto detach;

	file->data = pipe;
	/* pipe_poll() reports no hang-up until this count has moved. */
	file->pos = access == O_RDONLY && alone ? (loff_t)seen_writers : 0;
	if (alone && !nonblock && access == O_RDONLY)
		err = wait_for_open(&pipe->read_wait, &pipe->writer_opens,
				    seen_writers);
	else if (alone && !nonblock && access == O_WRONLY)
		err = wait_for_open(&pipe->write_wait, &pipe->reader_opens,
				    seen_readers);
	if (!err)
		return 0;

	leave_ends(pipe, file);
detach:
	pipe_detach(inode, pipe);
	return err;
}

const struct file_ops fifo_file_ops = {
	.open = fifo_open,
	.release = pipe_release,
	.read = pipe_read,
	.write = pipe_write,
	.poll = pipe_poll,
	.ioctl = pipe_ioctl,
	.stream = true,
};

/* One end of a new pipe on @inode, whose reference is taken over. */
static int open_end(struct inode *inode, unsigned int flags, struct file **out)
{
	struct pipe *pipe = pipe_attach(inode);
	char name[32];
	int err;

	if (!pipe) {
		inode_put(inode);
		return -ENOMEM;
	}
	pipe->anonymous = true;
	format_string(name, sizeof(name), "pipe:[%lu]", inode->ino);
	inode_get(inode); /* file_create_anonymous() keeps or drops one */
	err = file_create_anonymous(inode, name, &fifo_file_ops, flags, pipe,
				    out);
	if (err) {
		pipe_detach(inode, pipe);
	} else {
		mutex_lock(&pipe->lock);
		join_ends(pipe, *out);
		mutex_unlock(&pipe->lock);
	}
	inode_put(inode);
	return err;
}

int pipe_create(unsigned int flags, struct file *out[2])
{
	struct inode *inode = inode_create_anonymous(S_IFIFO | 0600);
	int err;

	if (!inode)
		return -ENOMEM;
	inode->file_ops = &fifo_file_ops; /* opened again by /proc/PID/fd */

	err = open_end(inode_get(inode), flags | O_RDONLY, &out[0]);
	if (err)
		goto put_inode;
	err = open_end(inode_get(inode), flags | O_WRONLY, &out[1]);
	if (err)
		file_put(out[0]);
put_inode:
	inode_put(inode);
	return err;
}
