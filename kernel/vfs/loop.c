/* SPDX-License-Identifier: MIT */
/*
 * loop.c - files as disks: /dev/loop0, losetup(8), mount -o loop
 *
 * Idea: a block device whose requests are carried out by reading and writing a
 * file, on the queue's own thread. It goes through the file's page cache, so its
 * contents are in memory twice; a flush of the device is an fsync of the file.
 *
 * Locks: loop->lock for which file it is. The thread holds a reference to the
 * file while it uses it.
 * Source: loop(4). Left out: other block sizes, direct I/O,
 * encryption.
 */
#include "kernel/vfs/loop.h"

#include "kernel/abi/loop.h"
#include "kernel/block/queue.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/mm/page.h"
#include "kernel/mm/slab.h"
#include "kernel/mm/user_copy.h"
#include "kernel/vfs/device.h"
#include "kernel/vfs/internal.h"

#include <linux/capability.h>

/* Numbers of partitions are far from those of the loops. */
enum {
	AT_BOOT = 8,
	MAX_LOOPS = 64,
	MAJOR = 7,
	PARTITION_MAJOR = 259,
	MAX_PARTITIONS = 15
};

struct loop {
	unsigned int number;       /* fixed */
	struct block_device *bdev; /* fixed */

	struct mutex lock; /* rank LOCK_BLOCK_DEVICE */
	/* Under lock. */
	struct file *file;           /* NULL: not in use */
	uint64_t offset, size_limit; /* bytes; limit 0: none */
	unsigned int flags;          /* LO_FLAGS_* */
	char name[LO_NAME_SIZE];
};

/* Under loops_lock; entries are fixed once made. */
static struct mutex loops_lock = MUTEX_INIT(loops_lock, LOCK_MOUNT_TABLE);
static struct loop *loops[MAX_LOOPS];

/* ---- Requests: on the queue's thread --------------------------------------------- */

/* With a reference; NULL: there is none. */
static struct file *get_file(struct loop *loop, uint64_t *offset)
{
	struct file *file;

	mutex_lock(&loop->lock);
	file = loop->file ? file_get(loop->file) : NULL;
	*offset = loop->offset;
	mutex_unlock(&loop->lock);
	return file;
}

static int move_segment(struct file *file, const struct block_segment *segment,
			uint64_t pos, bool write)
{
	char *memory = (char *)page_address(segment->page) + segment->offset;
	ssize_t done;

	if (write) {
		done = file_write_kernel(file, memory, segment->size,
					 (loff_t)pos);
		if (done < 0)
			return done == -ENOSPC ? -ENOSPC : -EIO;
		return done == (ssize_t)segment->size ? 0 : -EIO;
	}
	done = file_read_kernel(file, memory, segment->size, (loff_t)pos);
	if (done < 0)
		return -EIO;
	/* The file may be shorter than it was. */
	memset(memory + done, 0, segment->size - (size_t)done);
	return 0;
}

static int move(struct file *file, const struct block_request *head,
		uint64_t pos)
{
	struct block_segment_iter iter;
	const struct block_segment *segment;
	int err = 0;

	block_segments_begin(&iter, head);
	while (!err && (segment = block_segments_next(&iter))) {
		err = move_segment(file, segment, pos,
				   head->now == BLOCK_WRITE);
		pos += segment->size;
	}
	return err;
}

static int punch(struct file *file, const struct block_request *head,
		 uint64_t pos)
{
	if (!file->ops->fallocate)
		return -EOPNOTSUPP;
	return file->ops->fallocate(
		file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (loff_t)pos,
		(loff_t)(head->num_sectors << BLOCK_SECTOR_SHIFT));
}

static int carry_out(struct file *file, const struct block_request *head,
		     uint64_t offset)
{
	uint64_t pos = offset + (head->disk_sector << BLOCK_SECTOR_SHIFT);
	int err;

	switch (head->now) {
	case BLOCK_READ:
	case BLOCK_WRITE:
		return move(file, head, pos);
	case BLOCK_FLUSH:
		err = file_sync(file, true);
		return err == -EINVAL ? 0 : err;
	case BLOCK_DISCARD:
	case BLOCK_WRITE_ZEROES:
		return punch(file, head, pos);
	}
	return -EOPNOTSUPP;
}

static int loop_perform(struct block_queue *queue, struct block_request *head)
{
	struct loop *loop = queue->data;
	uint64_t offset;
	struct file *file = get_file(loop, &offset);
	int err;

	if (!file)
		return -EIO;
	err = carry_out(file, head, offset);
	file_put(file);
	return err;
}

/* ---- Which file --------------------------------------------------------------------- */

static uint64_t file_bytes(const struct file *file)
{
	return READ_ONCE(file->cache->size_bytes);
}

static void set_size(struct loop *loop) MUST_HOLD(loop->lock)
{
	uint64_t size = loop->file ? file_bytes(loop->file) : 0;

	size -= MIN(size, loop->offset);
	if (loop->size_limit)
		size = MIN(size, loop->size_limit);
	block_disk_resize(loop->bdev, size >> BLOCK_SECTOR_SHIFT);
}

static int check_file(const struct file *file)
{
	if (!S_ISREG(file->inode->mode) && !S_ISBLK(file->inode->mode))
		return -EINVAL;
	if (!file_is_readable(file))
		return -EBADF;
	return 0;
}

static void copy_info(struct loop *loop, const struct loop_info64 *info)
	MUST_HOLD(loop->lock)
{
	const unsigned int settable =
		LO_FLAGS_AUTOCLEAR | LO_FLAGS_READ_ONLY | LO_FLAGS_PARTSCAN;

	loop->offset = info->lo_offset;
	loop->size_limit = info->lo_sizelimit;
	loop->flags = (loop->flags & ~(unsigned int)LO_FLAGS_AUTOCLEAR) |
		      (info->lo_flags & settable);
	memcpy(loop->name, info->lo_file_name, sizeof(loop->name));
	loop->name[sizeof(loop->name) - 1] = '\0';
}

static int bind(struct loop *loop, unsigned int fd,
		const struct loop_info64 *info)
{
	struct file *file = fd_get((int)fd);
	int err = file ? check_file(file) : -EBADF;

	if (err)
		goto put;
	err = -EBUSY;
	mutex_lock(&loop->lock);
	if (!loop->file) {
		loop->file = file_get(file);
		loop->flags = file_is_writable(file) ? 0 : LO_FLAGS_READ_ONLY;
		copy_info(loop, info);
		loop->bdev->read_only = loop->flags & LO_FLAGS_READ_ONLY;
		set_size(loop);
		err = 0;
	}
	mutex_unlock(&loop->lock);
put:
	if (file)
		file_put(file);
	return err;
}

/* Only with LO_FLAGS_PARTSCAN does it have any. */
static void scan_partitions(struct loop *loop)
{
	bool scan = READ_ONCE(loop->flags) & LO_FLAGS_PARTSCAN;

	loop->bdev->max_partitions = scan ? MAX_PARTITIONS : 0;
	block_disk_rescan(loop->bdev);
}

/* What was written goes to the file; then it is let go. */
static int unbind(struct loop *loop)
{
	struct file *file;

	if (loop->bdev->max_partitions) {
		loop->bdev->max_partitions = 0;
		block_disk_rescan(loop->bdev);
	}

	block_device_sync(loop->bdev);
	block_device_invalidate(loop->bdev);
	mutex_lock(&loop->lock);
	file = loop->file;
	loop->file = NULL;
	loop->offset = loop->size_limit = 0;
	loop->flags = 0;
	loop->name[0] = '\0';
	loop->bdev->read_only = false;
	set_size(loop);
	mutex_unlock(&loop->lock);
	if (!file)
		return -ENXIO;
	file_put(file);
	return 0;
}

/* LOOP_CLR_FD: at once, or, while others have it open, when they have gone. */
static int clear(struct loop *loop)
{
	if (loop->bdev->openers <= 1)
		return unbind(loop);
	mutex_lock(&loop->lock);
	loop->flags |= LO_FLAGS_AUTOCLEAR;
	mutex_unlock(&loop->lock);
	return 0;
}

static void loop_closed(struct block_device *bdev)
{
	struct loop *loop = bdev->queue->data;

	if (READ_ONCE(loop->flags) & LO_FLAGS_AUTOCLEAR)
		unbind(loop);
}

/* ---- ioctl(2) ------------------------------------------------------------------------ */

static long configure(struct loop *loop, unsigned long arg)
{
	struct loop_config *config = kmalloc(sizeof(*config));
	long err = -ENOMEM;

	if (!config)
		return err;
	err = -EFAULT;
	if (!copy_from_user(config, (const void __user *)arg, sizeof(*config)))
		err = config->block_size && config->block_size != 512
			      ? -EINVAL
			      : bind(loop, config->fd, &config->info);
	if (!err && config->info.lo_flags & LO_FLAGS_PARTSCAN)
		scan_partitions(loop);
	kfree(config);
	return err;
}

static long set_fd(struct loop *loop, unsigned long arg)
{
	static const struct loop_info64 nothing;

	return bind(loop, (unsigned int)arg, &nothing);
}

static long set_status(struct loop *loop, unsigned long arg)
{
	struct loop_info64 *info = kmalloc(sizeof(*info));
	long err = -ENOMEM;

	if (!info)
		return err;
	err = -EFAULT;
	if (copy_from_user(info, (const void __user *)arg, sizeof(*info)))
		goto free_info;
	mutex_lock(&loop->lock);
	err = -ENXIO;
	if (loop->file) {
		copy_info(loop, info);
		set_size(loop);
		err = 0;
	}
	mutex_unlock(&loop->lock);
	if (!err && info->lo_flags & LO_FLAGS_PARTSCAN)
		scan_partitions(loop);
free_info:
	kfree(info);
	return err;
}

static long get_status(struct loop *loop, unsigned long arg)
{
	struct loop_info64 *info = kzalloc(sizeof(*info));
	long err = -ENXIO;

	if (!info)
		return -ENOMEM;
	mutex_lock(&loop->lock);
	if (loop->file) {
		info->lo_device = loop->file->inode->sb->dev;
		info->lo_inode = loop->file->inode->ino;
		info->lo_rdevice = loop->file->inode->rdev;
		info->lo_offset = loop->offset;
		info->lo_sizelimit = loop->size_limit;
		info->lo_number = loop->number;
		info->lo_flags = loop->flags;
		memcpy(info->lo_file_name, loop->name, sizeof(loop->name));
		err = 0;
	}
	mutex_unlock(&loop->lock);
	if (!err)
		err = copy_to_user((void __user *)arg, info, sizeof(*info));
	kfree(info);
	return err;
}

static long set_capacity(struct loop *loop)
{
	long err = -ENXIO;

	mutex_lock(&loop->lock);
	if (loop->file) {
		set_size(loop);
		err = 0;
	}
	mutex_unlock(&loop->lock);
	return err;
}

static long loop_ioctl(struct block_device *bdev, unsigned int cmd,
		       unsigned long arg)
{
	struct loop *loop = bdev->queue->data;

	if (cmd == LOOP_GET_STATUS64)
		return get_status(loop, arg);
	if (cmd >> 8 == LOOP_SET_FD >> 8 &&
	    !cred_capable(vfs_cred(), CAP_SYS_ADMIN))
		return -EPERM;
	switch (cmd) {
	case LOOP_SET_FD:
		return set_fd(loop, arg);
	case LOOP_CLR_FD:
		return clear(loop);
	case LOOP_SET_STATUS64:
		return set_status(loop, arg);
	case LOOP_SET_CAPACITY:
		return set_capacity(loop);
	case LOOP_CONFIGURE:
		return configure(loop, arg);
	case LOOP_SET_DIRECT_IO:
		return arg ? -EINVAL : 0;
	case LOOP_SET_BLOCK_SIZE:
		return arg == BLOCK_SECTOR_SIZE ? 0 : -EINVAL;
	default:
		return -ENOTTY;
	}
}

/* ---- /sys -------------------------------------------------------------------------------- */

static struct loop *loop_of(struct block_device *bdev)
{
	return device_major(bdev->dev) == MAJOR && !bdev->partition
		       ? bdev->queue->data
		       : NULL;
}

bool loop_has_file(struct block_device *bdev)
{
	const struct loop *loop = loop_of(bdev);

	return loop && READ_ONCE(loop->file);
}

static int show_file(struct loop *loop, char *buf, size_t size)
{
	uint64_t offset;
	struct file *file = get_file(loop, &offset);
	char *name, *room;
	int len = -ENXIO;

	if (!file)
		return -ENXIO;
	room = kmalloc(PATH_MAX);
	if (room &&
	    !path_name(&file->path, mount_root_path(), room, PATH_MAX, &name))
		len = format_string(buf, size, "%s\n", name);
	kfree(room);
	file_put(file);
	return len;
}

int loop_show(struct block_device *bdev, const char *what, char *buf,
	      size_t size)
{
	struct loop *loop = loop_of(bdev);
	uint64_t number = 0;

	if (!loop)
		return -ENXIO;
	if (strcmp(what, "backing_file") == 0)
		return show_file(loop, buf, size);
	if (strcmp(what, "offset") == 0)
		number = READ_ONCE(loop->offset);
	else if (strcmp(what, "sizelimit") == 0)
		number = READ_ONCE(loop->size_limit);
	else if (strcmp(what, "autoclear") == 0)
		number = (loop->flags & LO_FLAGS_AUTOCLEAR) != 0;
	else if (strcmp(what, "partscan") == 0)
		number = (loop->flags & LO_FLAGS_PARTSCAN) != 0;
	return format_string(buf, size, "%lu\n", number);
}

static const struct block_queue_ops loop_ops = {
	.perform = loop_perform,
	.ioctl = loop_ioctl,
	.closed = loop_closed,
};

/* ---- Making them; /dev/loop-control ---------------------------------------------------- */

static int make_loop(unsigned int number)
{
	static const struct block_limits limits = {
		.logical_block_size = BLOCK_SECTOR_SIZE,
		.physical_block_size = BLOCK_SECTOR_SIZE,
		.max_segments = 64,
		.max_sectors = 1024,
		.max_discard_sectors = 1u << 22,
		.max_zeroes_sectors = 1u << 22,
		.can_flush = true,
	};
	struct loop *loop = kzalloc(sizeof(*loop));
	struct block_queue *queue;
	char name[BLOCK_NAME_SIZE];
	int err = -ENOMEM;

	if (!loop)
		return -ENOMEM;
	loop->number = number;
	mutex_init(&loop->lock, LOCK_BLOCK_DEVICE);
	queue = block_queue_create(&loop_ops, &limits, loop);
	if (!queue)
		goto free_loop;
	format_string(name, sizeof(name), "loop%u", number);
	err = block_disk_add(queue, name, device_number(MAJOR, number), 0,
			     &loop->bdev);
	if (err)
		goto free_loop; /* the queue stays: it has a thread */
	loop->bdev->partition_dev =
		device_number(PARTITION_MAJOR, number * (MAX_PARTITIONS + 1));
	loops[number] = loop;
	return 0;

free_loop:
	kfree(loop);
	return err;
}

static long add(unsigned long number)
{
	int err;

	if (number >= MAX_LOOPS)
		return -EINVAL;
	if (loops[number])
		return -EEXIST;
	err = make_loop((unsigned int)number);
	return err ? err : (long)number;
}

static long get_free(void)
{
	for (unsigned int i = 0; i < MAX_LOOPS; i++) {
		if (!loops[i])
			return add(i);
		if (!READ_ONCE(loops[i]->file))
			return (long)i;
	}
	return -ENOSPC;
}

static long control_ioctl(struct file *file, unsigned int cmd,
			  unsigned long arg)
{
	long result = -ENOTTY;

	if (!cred_capable(vfs_cred(), CAP_SYS_ADMIN))
		return -EPERM;
	mutex_lock(&loops_lock);
	if (cmd == LOOP_CTL_GET_FREE)
		result = get_free();
	else if (cmd == LOOP_CTL_ADD)
		result = add(arg);
	else if (cmd == LOOP_CTL_REMOVE)
		result = -EBUSY;
	mutex_unlock(&loops_lock);
	return result;
}

void loop_init(void)
{
	static const struct file_ops control_ops = { .ioctl = control_ioctl,
						     .stream = true };
	int err = 0;

	mutex_lock(&loops_lock);
	for (unsigned int i = 0; i < AT_BOOT && !err; i++)
		err = make_loop(i);
	mutex_unlock(&loops_lock);
	device_register(S_IFCHR, device_number(10, 237), 1, &control_ops);
}
