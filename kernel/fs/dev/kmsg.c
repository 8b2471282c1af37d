/* SPDX-License-Identifier: MIT */
/*
 * kmsg.c - /dev/kmsg: the kernel's log, one record per read
 *
 * A reader starts at the oldest record that is kept; a write becomes a message.
 * The log takes no locks that could wake anybody (it must work when all else is
 * broken), so who waits for new messages looks again ten times a second.
 * Source: Linux, Documentation/ABI/testing/dev-kmsg.
 */
#include "kernel/fs/dev/internal.h"

#include "kernel/abi/errno.h"
#include "kernel/abi/fcntl.h"
#include "kernel/abi/fs.h"
#include "kernel/debug/log.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "kernel/sync/mutex.h"
#include "kernel/time/clock.h"
#include "kernel/vfs/device.h"
#include "kernel/vfs/file.h"
#include "kernel/vfs/poll.h"

#include <linux/major.h>

#define RECORD_SIZE   512
#define LOOK_EVERY_NS (100 * NSEC_PER_MSEC)
#define DEFAULT_LEVEL LOG_WARNING /* of text that a program writes */
#define LEVEL_MASK    7u          /* the rest of "<N>" is the facility */

struct kmsg_reader {
	struct mutex lock; /* rank LOCK_TTY: two threads may share the file */
	uint64_t sequence; /* next to read; under lock */
};

static struct wait_queue nobody_wakes = WAIT_QUEUE_INIT(nobody_wakes);

static int kmsg_open(struct inode *inode, struct file *file)
{
	struct kmsg_reader *reader = kzalloc(sizeof(*reader));

	if (!reader)
		return -ENOMEM;
	mutex_init(&reader->lock, LOCK_TTY);
	file->data = reader;
	return 0;
}

static void kmsg_release(struct file *file)
{
	kfree(file->data);
}

/* The next record into @record, waiting for it. Its size or an error. */
static ssize_t next_record(struct kmsg_reader *reader, char *record,
			   bool nonblock)
{
	for (;;) {
		size_t size =
			log_read_record(&reader->sequence, record, RECORD_SIZE);
		int err;

		if (size)
			return (ssize_t)size;
		if (nonblock)
			return -EAGAIN;
		err = WAIT_EVENT_DEADLINE(&nobody_wakes, false,
					  WAIT_INTERRUPTIBLE,
					  clock_now_ns() + LOOK_EVERY_NS);
		if (err != -ETIMEDOUT)
			return err;
	}
}

/* Clang cannot follow a lock that may not be got. */
static ssize_t kmsg_read(struct file *file, struct io_buf *io,
			 loff_t *pos) UNCHECKED_LOCKING
{
	struct kmsg_reader *reader = file->data;
	char record[RECORD_SIZE];
	uint64_t sequence;
	ssize_t size;

	size = mutex_lock_interruptible(&reader->lock);
	if (size)
		return size;
	sequence = reader->sequence;
	size = next_record(reader, record, io->nonblock);
	if (size > 0 && (size_t)size > io->left) {
		reader->sequence = sequence;
		size = -EINVAL;
	}
	mutex_unlock(&reader->lock);
	if (size > 0 && io_copy_to(io, record, (size_t)size) < (size_t)size)
		return -EFAULT;
	return size;
}

/* "<N>text": N is level and facility. */
static const char *parse_level(const char *text, enum log_level *level)
{
	const char *end;
	uint64_t number;

	*level = DEFAULT_LEVEL;
	if (text[0] != '<' || text[1] < '0' || text[1] > '9')
		return text;
	number = parse_u64(text + 1, &end);
	if (*end != '>')
		return text;
	number &= LEVEL_MASK;
	if (number <= LOG_ERROR)
		*level = LOG_ERROR;
	else if (number == LOG_WARNING)
		*level = LOG_WARNING;
	else
		*level = number < LOG_DEBUG ? LOG_INFO : LOG_DEBUG;
	return end + 1;
}

static ssize_t kmsg_write(struct file *file, struct io_buf *io, loff_t *pos)
{
	char text[RECORD_SIZE];
	enum log_level level;
	const char *message;
	size_t size = io->left;
	size_t kept = MIN(size, sizeof(text) - 1);

	if (io_copy_from(io, text, kept) < kept)
		return -EFAULT;
	while (kept && text[kept - 1] == '\n')
		kept--;
	text[kept] = '\0';
	message = parse_level(text, &level);
	log_message(level, "%s", message);
	return (ssize_t)size;
}

/* The oldest record (SEEK_SET) or behind the newest (SEEK_END). */
static loff_t kmsg_seek(struct file *file, loff_t offset, int whence)
{
	struct kmsg_reader *reader = file->data;
	char record[RECORD_SIZE];

	if (offset)
		return -ESPIPE;
	if (whence != SEEK_SET && whence != SEEK_DATA && whence != SEEK_END)
		return -EINVAL;
	mutex_lock(&reader->lock);
	if (whence == SEEK_SET)
		reader->sequence = 0;
	else
		while (log_read_record(&reader->sequence, record,
				       sizeof(record)))
			continue;
	mutex_unlock(&reader->lock);
	return 0;
}

/* Without a wake-up: says "readable" only if there is something now. */
static unsigned int kmsg_poll(struct file *file, struct poll_table *table)
{
	struct kmsg_reader *reader = file->data;
	uint64_t sequence = READ_ONCE(reader->sequence);
	char record[RECORD_SIZE];

	poll_wait(table, &nobody_wakes);
	if (log_read_record(&sequence, record, sizeof(record)))
		return EPOLLIN | EPOLLRDNORM;
	return 0;
}

static const struct file_ops kmsg_ops = {
	.open = kmsg_open,
	.release = kmsg_release,
	.read = kmsg_read,
	.write = kmsg_write,
	.seek = kmsg_seek,
	.poll = kmsg_poll,
	.stream = true,
};

void kmsg_init(void)
{
	if (device_register(S_IFCHR, device_number(MEM_MAJOR, MINOR_KMSG), 1,
			    &kmsg_ops))
		log_error("dev: no device number for kmsg");
}
