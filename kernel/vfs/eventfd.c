/* SPDX-License-Identifier: MIT */
/*
 * eventfd.c - a counter behind a descriptor
 *
 * write() adds, read() takes (everything, or one under EFD_SEMAPHORE) and
 * waits while there is nothing: a semaphore that poll and epoll understand.
 *
 * Locks: eventfd.lock for the count. Source: eventfd(2).
 * Read: OSTEP ch. 31 (semaphores).
 */
#include "kernel/vfs/eventfd.h"

#include "kernel/abi/errno.h"
#include "kernel/lib/format.h"
#include "kernel/mm/slab.h"
#include "kernel/vfs/anonymous.h"
#include "kernel/vfs/file.h"
#include "kernel/vfs/poll.h"

#define COUNT_MAX (UINT64_MAX - 1)

struct eventfd {
	struct spinlock lock;   /* rank LOCK_SPIN_MISC */
	uint64_t count;         /* under lock, at most COUNT_MAX */
	bool semaphore;         /* fixed */
	struct wait_queue wait; /* readers and writers */
};

/* 0: nothing to take. */
static uint64_t try_take(struct eventfd *eventfd)
{
	uint64_t taken;

	spin_lock(&eventfd->lock);
	taken = eventfd->semaphore ? eventfd->count != 0 : eventfd->count;
	eventfd->count -= taken;
	spin_unlock(&eventfd->lock);
	return taken;
}

static bool try_add(struct eventfd *eventfd, uint64_t value)
{
	bool fits;

	spin_lock(&eventfd->lock);
	fits = value <= COUNT_MAX - eventfd->count;
	if (fits)
		eventfd->count += value;
	spin_unlock(&eventfd->lock);
	return fits;
}

static ssize_t eventfd_read(struct file *file, struct io_buf *io, loff_t *pos)
{
	struct eventfd *eventfd = file->data;
	uint64_t value;
	int err;

	if (io->left < sizeof(value))
		return -EINVAL;
	value = try_take(eventfd);
	if (!value && io->nonblock)
		return -EAGAIN;
	if (!value) {
		err = WAIT_EVENT_INTERRUPTIBLE(
			&eventfd->wait, (value = try_take(eventfd)) != 0);
		if (err)
			return err;
	}
	wake_all_events(&eventfd->wait, EPOLLOUT | EPOLLWRNORM);
	if (io_copy_to(io, &value, sizeof(value)) != sizeof(value))
		return -EFAULT;
	return sizeof(value);
}

static ssize_t eventfd_write(struct file *file, struct io_buf *io, loff_t *pos)
{
	struct eventfd *eventfd = file->data;
	bool added;
	uint64_t value;
	int err;

	if (io->left < sizeof(value))
		return -EINVAL;
	if (io_copy_from(io, &value, sizeof(value)) != sizeof(value))
		return -EFAULT;
	if (value > COUNT_MAX)
		return -EINVAL;
	added = try_add(eventfd, value);
	if (!added && io->nonblock)
		return -EAGAIN;
	if (!added) {
		err = WAIT_EVENT_INTERRUPTIBLE(
			&eventfd->wait,
			added || (added = try_add(eventfd, value)));
		if (err)
			return err;
	}
	wake_all_events(&eventfd->wait, EPOLLIN | EPOLLRDNORM);
	return sizeof(value);
}

static unsigned int eventfd_poll(struct file *file, struct poll_table *table)
{
	struct eventfd *eventfd = file->data;
	unsigned int events = 0;
	uint64_t count;

	poll_wait(table, &eventfd->wait);
	count = READ_ONCE(eventfd->count);
	if (count)
		events |= EPOLLIN;
	if (count < COUNT_MAX)
		events |= EPOLLOUT;
	return events;
}

static void eventfd_show_fdinfo(struct file *file, char *buf, size_t size)
{
	struct eventfd *eventfd = file->data;

	format_string(buf, size, "eventfd-count: %16lx\n",
		      READ_ONCE(eventfd->count));
}

static void eventfd_release(struct file *file)
{
	kfree(file->data);
}

static const struct file_ops eventfd_file_ops = {
	.release = eventfd_release,
	.read = eventfd_read,
	.write = eventfd_write,
	.poll = eventfd_poll,
	.show_fdinfo = eventfd_show_fdinfo,
	.stream = true,
};

int eventfd_create(unsigned int initial, bool semaphore, unsigned int flags,
		   struct file **out)
{
	struct eventfd *eventfd = kzalloc(sizeof(*eventfd));
	int err;

	if (!eventfd)
		return -ENOMEM;
	spin_init(&eventfd->lock, LOCK_SPIN_MISC);
	wait_queue_init(&eventfd->wait);
	eventfd->count = initial;
	eventfd->semaphore = semaphore;

	err = anonymous_file_create("anon_inode:[eventfd]", &eventfd_file_ops,
				    flags, eventfd, out);
	if (err)
		kfree(eventfd);
	return err;
}
