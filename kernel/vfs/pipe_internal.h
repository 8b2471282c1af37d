/* SPDX-License-Identifier: MIT */
/*
 * pipe_internal.h - what the three files of a pipe share
 */
#pragma once

#include "kernel/abi/fcntl.h"
#include "kernel/vfs/file.h"
#include "kernel/vfs/pipe.h"

#define PIPE_SLOTS_DEFAULT 16u /* 64 KiB: what programs count on */

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

static inline struct piece *pipe_piece_at(const struct pipe *pipe,
					  unsigned int i)
{
	return &pipe->ring[(pipe->head + i) & (pipe->num_slots - 1)];
}

static inline bool pipe_is_empty(const struct pipe *pipe)
{
	return READ_ONCE(pipe->count) == 0;
}

static inline bool pipe_is_full(const struct pipe *pipe)
{
	return READ_ONCE(pipe->count) + READ_ONCE(pipe->reserved) >=
	       READ_ONCE(pipe->num_slots);
}

/* What a sleeping reader waits for: data, or the end. */
static inline bool pipe_is_readable(const struct pipe *pipe)
{
	return !pipe_is_empty(pipe) || !READ_ONCE(pipe->writers);
}

static inline bool pipe_is_writable(const struct pipe *pipe)
{
	return !pipe_is_full(pipe) || !READ_ONCE(pipe->readers);
}

static inline bool pipe_can_read(const struct file *file)
{
	return (file->flags & O_ACCMODE) != O_WRONLY;
}

static inline bool pipe_can_write(const struct file *file)
{
	return (file->flags & O_ACCMODE) != O_RDONLY;
}

/* ---- pipe.c ---- */

/* Keep the page of @piece for the next write, or give it back. */
void pipe_drop_page(struct pipe *pipe, const struct piece *piece)
	MUST_HOLD(pipe->lock);
/* The oldest piece is used up. */
void pipe_drop_head(struct pipe *pipe) MUST_HOLD(pipe->lock);
/* A new last piece; the caller has seen that there is room. */
void pipe_push_piece(struct pipe *pipe, struct piece piece)
	MUST_HOLD(pipe->lock);

/* Sleep until @ready: 0 or -ERESTARTSYS. One waiter is woken at a time. */
int pipe_sleep(struct pipe *pipe, struct wait_queue *queue,
	       bool (*ready)(const struct pipe *)) MUST_NOT_HOLD(pipe->lock);
/* Both release the lock while asleep, and hold it again when they return. */
int pipe_wait_readable(struct pipe *pipe) MUST_HOLD(pipe->lock);
int pipe_wait_writable(struct pipe *pipe) MUST_HOLD(pipe->lock);

ssize_t pipe_read(struct file *file, struct io_buf *io, loff_t *pos);
ssize_t pipe_write(struct file *file, struct io_buf *io, loff_t *pos);
unsigned int pipe_poll(struct file *file, struct poll_table *table);
long pipe_ioctl(struct file *file, unsigned int cmd, unsigned long arg);
