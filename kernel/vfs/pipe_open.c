/* SPDX-License-Identifier: MIT */
/*
 * pipe_open.c - making, opening and closing pipes and fifos
 *
 * Idea: a pipe hangs off its inode while somebody has it open, named or not.
 * What pipe2() makes is a fifo without a name, both of whose ends are open.
 *
 * An open of one end of a fifo waits until the other has been opened; that is
 * counted, because the other may be closed again before the first one looks.
 *
 * Locks: inode.lock for inode->fifo and users, then pipe.lock for the ends.
 * Source: pipe(7), fifo(7).
 */
#include "kernel/abi/errno.h"
#include "kernel/lib/format.h"
#include "kernel/mm/page.h"
#include "kernel/mm/slab.h"
#include "kernel/vfs/pipe_internal.h"
#include "kernel/vfs/poll.h"

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

/* Nobody has it open: no lock is needed. */
static void pipe_free(struct pipe *pipe) UNCHECKED_LOCKING
{
	while (pipe->count)
		pipe_drop_head(pipe);
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
	if (pipe_can_read(file)) {
		WRITE_ONCE(pipe->readers, pipe->readers + 1);
		WRITE_ONCE(pipe->reader_opens, pipe->reader_opens + 1);
		wake_all(&pipe->write_wait);
	}
	if (pipe_can_write(file)) {
		WRITE_ONCE(pipe->writers, pipe->writers + 1);
		WRITE_ONCE(pipe->writer_opens, pipe->writer_opens + 1);
		wake_all(&pipe->read_wait);
	}
}

static void leave_ends(struct pipe *pipe, const struct file *file)
{
	mutex_lock(&pipe->lock);
	if (pipe_can_read(file))
		WRITE_ONCE(pipe->readers, pipe->readers - 1);
	if (pipe_can_write(file))
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
