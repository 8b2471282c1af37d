/* SPDX-License-Identifier: MIT */
/*
 * block_file.c - block devices as files
 *
 * Idea: the contents of /dev/vda are the device's own page cache, so reading and
 * writing is that of any file in the cache, except that the size is fixed: a
 * write past the end is -ENOSPC. The inode is only a name.
 *
 * Locks: none; writers of one device are not kept apart, as on Linux.
 * Source: ioctl requests of <linux/fs.h>; lseek(2), open(2) on devices.
 */
#include "kernel/vfs/block_file.h"

#include "kernel/abi/block.h"
#include "kernel/abi/ioctl.h"
#include "kernel/block/queue.h"
#include "kernel/lib/bits.h"
#include "kernel/mm/page.h"
#include "kernel/mm/slab.h"
#include "kernel/mm/user_copy.h"
#include "kernel/mm/vm_space.h"
#include "kernel/vfs/device.h"
#include "kernel/vfs/internal.h"
#include "kernel/vfs/io_buf.h"

#include <linux/capability.h>

static struct block_device *device_of(const struct file *file)
{
	return file->data;
}

static unsigned int open_flags(const struct file *file)
{
	return file->flags & O_EXCL ? BLOCK_OPEN_EXCLUSIVE : 0;
}

static int block_open(struct inode *inode, struct file *file)
{
	struct block_device *bdev;
	int err = block_device_open(inode->rdev, open_flags(file), file, &bdev);

	if (err)
		return err;
	file->data = bdev;
	file->cache = &bdev->cache;
	file->error_seen = error_sequence_sample(&bdev->cache.errors);
	return 0;
}

static void block_release(struct file *file)
{
	/* If it was opened with O_EXCL, the file is the holder. */
	block_device_close(device_of(file), file);
}

/* ---- Bytes ------------------------------------------------------------------------ */

static ssize_t block_file_read(struct file *file, struct io_buf *io,
			       loff_t *pos)
{
	struct block_device *bdev = device_of(file);
	ssize_t done;

	done = page_cache_read_file(&bdev->cache, &file->ahead, io, *pos);
	if (done > 0)
		*pos += done;
	return done;
}

static ssize_t block_file_write(struct file *file, struct io_buf *io,
				loff_t *pos)
{
	struct block_device *bdev = device_of(file);
	uint64_t size = block_device_size(bdev), at = (uint64_t)*pos;
	size_t left = io->left;
	ssize_t done;

	if (bdev->read_only)
		return -EPERM;
	if (!left)
		return 0;
	if (at >= size)
		return -ENOSPC;
	io->left = (size_t)MIN((uint64_t)left, size - at);
	left -= io->left;
	done = page_cache_write(&bdev->cache, io, *pos);
	io->left += left;
	if (done > 0)
		*pos += done;
	return done;
}

static loff_t block_file_seek(struct file *file, loff_t offset, int whence)
{
	loff_t size = (loff_t)block_device_size(device_of(file)), base = 0;

	if (whence == SEEK_CUR)
		base = file->pos;
	else if (whence == SEEK_END)
		base = size;
	else if (whence == SEEK_HOLE)
		return offset < 0 || offset >= size ? -ENXIO : size;
	else if (whence == SEEK_DATA)
		return offset < 0 || offset >= size ? -ENXIO : offset;
	else if (whence != SEEK_SET)
		return -EINVAL;
	if (__builtin_add_overflow(base, offset, &offset) || offset < 0 ||
	    offset > size)
		return -EINVAL;
	file->pos = offset;
	return offset;
}

static int block_file_sync(struct file *file, bool data_only)
{
	return block_device_sync(device_of(file));
}

static int block_file_mmap(struct file *file, struct vm_map_args *args)
{
	args->cache = &device_of(file)->cache;
	return 0;
}

/* ---- Past the cache: O_DIRECT -------------------------------------------------------- */

/* Bytes moved through one buffer at a time. */
#define DIRECT_PART (128UL * 1024)

/* One part; bytes or an error. */
static ssize_t direct_part(struct block_device *bdev, struct io_buf *io,
			   loff_t pos, void *buf, size_t size, bool write)
{
	size_t copied = size;
	int err;

	if (write) {
		copied = io_copy_from(io, buf, size);
		if (copied < size)
			return -EFAULT;
		err = block_write(bdev, (uint64_t)pos, buf, size, 0);
	} else {
		err = block_read(bdev, (uint64_t)pos, buf, size);
		if (!err)
			copied = io_copy_to(io, buf, size);
	}
	if (err)
		return err;
	return copied < size ? -EFAULT : (ssize_t)size;
}

/*
 * The bytes take a way through a buffer of ours: the program's pages are never
 * given to a device, so that nothing has to be pinned. It costs a copy, and
 * would be the thing to change for a fast disk.
 */
static ssize_t block_file_direct(struct file *file, struct io_buf *io,
				 loff_t *pos, bool write)
{
	struct block_device *bdev = device_of(file);
	uint64_t size = block_device_size(bdev), at = (uint64_t)*pos;
	size_t left = io->left, done = 0;
	ssize_t part = 0;
	void *buf;
	int err;

	if ((at | left) & (bdev->logical_block_size - 1))
		return -EINVAL;
	if (write && bdev->read_only)
		return -EPERM;
	if (!left || (at >= size && !write))
		return 0;
	if (at >= size)
		return -ENOSPC;
	left = (size_t)MIN((uint64_t)left, size - at);
	err = page_cache_write_and_drop(&bdev->cache, at >> PAGE_SHIFT,
					(at + left - 1) >> PAGE_SHIFT);
	if (err)
		return err;
	buf = kmalloc(DIRECT_PART);
	if (!buf)
		return -ENOMEM;
	while (done < left) {
		part = direct_part(bdev, io, *pos, buf,
				   MIN(left - done, (size_t)DIRECT_PART),
				   write);
		if (part < 0)
			break;
		done += (size_t)part;
		*pos += part;
	}
	kfree(buf);
	return done ? (ssize_t)done : part;
}

/* ---- ioctl(2) ------------------------------------------------------------------------ */

static int put_u64(unsigned long arg, uint64_t value)
{
	return copy_to_user((void __user *)arg, &value, sizeof(value));
}

static int put_int(unsigned long arg, unsigned int value)
{
	return copy_to_user((void __user *)arg, &value, sizeof(value));
}

static int put_u16(unsigned long arg, unsigned int value)
{
	uint16_t word = (uint16_t)value;

	return copy_to_user((void __user *)arg, &word, sizeof(word));
}

static int set_read_only(struct block_device *bdev, unsigned long arg)
{
	int on;

	if (!cred_capable(vfs_cred(), CAP_SYS_ADMIN))
		return -EACCES;
	if (copy_from_user(&on, (const void __user *)arg, sizeof(on)))
		return -EFAULT;
	bdev->read_only = on || bdev->queue->limits.read_only;
	return 0;
}

static int set_block_size(struct block_device *bdev, unsigned long arg)
{
	int size;

	if (!cred_capable(vfs_cred(), CAP_SYS_ADMIN))
		return -EACCES;
	if (copy_from_user(&size, (const void __user *)arg, sizeof(size)))
		return -EFAULT;
	return size < 0 ? -EINVAL : block_set_size(bdev, (unsigned int)size);
}

/* BLKDISCARD, BLKZEROOUT: a start and a length in bytes. */
static int do_range(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct block_device *bdev = device_of(file);
	uint64_t range[2], end;

	if (!file_is_writable(file))
		return -EBADF;
	if (copy_from_user(range, (const void __user *)arg, sizeof(range)))
		return -EFAULT;
	if ((range[0] | range[1]) & (BLOCK_SECTOR_SIZE - 1) ||
	    __builtin_add_overflow(range[0], range[1], &end) ||
	    end > block_device_size(bdev))
		return -EINVAL;
	if (cmd == BLKZEROOUT)
		return block_write_zeroes(bdev, range[0], range[1], 0);
	return block_discard(bdev, range[0], range[1]);
}

static int flush_buffers(struct block_device *bdev)
{
	if (!cred_capable(vfs_cred(), CAP_SYS_ADMIN))
		return -EACCES;
	block_device_sync(bdev);
	block_device_invalidate(bdev);
	return 0;
}

static int read_partitions(struct block_device *bdev)
{
	if (!cred_capable(vfs_cred(), CAP_SYS_ADMIN))
		return -EACCES;
	if (!bdev->max_partitions)
		return -EINVAL;
	block_device_sync(bdev);
	return block_disk_rescan(bdev);
}

/* BLKPG: one partition of the disk, without its table. */
static int change_partition(struct block_device *bdev, unsigned long arg)
{
	struct blkpg_ioctl_arg command;
	struct blkpg_partition part;
	uint64_t start, sectors;

	if (!cred_capable(vfs_cred(), CAP_SYS_ADMIN))
		return -EACCES;
	if (copy_from_user(&command, (const void __user *)arg,
			   sizeof(command)) ||
	    copy_from_user(&part, (__force const void __user *)command.data,
			   sizeof(part)))
		return -EFAULT;
	if (bdev->partition || part.pno <= 0 || part.start < 0 ||
	    part.length < 0)
		return -EINVAL;
	if (command.op == BLKPG_DEL_PARTITION)
		return block_partition_delete(bdev, (unsigned int)part.pno);
	if ((part.start | part.length) & (BLOCK_SECTOR_SIZE - 1))
		return -EINVAL;
	start = (uint64_t)part.start >> BLOCK_SECTOR_SHIFT;
	sectors = (uint64_t)part.length >> BLOCK_SECTOR_SHIFT;
	if (command.op == BLKPG_ADD_PARTITION)
		return block_partition_add(bdev, (unsigned int)part.pno, start,
					   sectors);
	if (command.op == BLKPG_RESIZE_PARTITION)
		return block_partition_resize(bdev, (unsigned int)part.pno,
					      start, sectors);
	return -EINVAL;
}

/* The shape that fdisk and mkfs.fat want to hear of; all invented. */
static int get_geometry(struct block_device *bdev, unsigned long arg)
{
	struct hd_geometry geometry = {
		.heads = 255,
		.sectors = 63,
		.cylinders = (unsigned short)MIN(
			bdev->num_sectors / (255UL * 63), (uint64_t)UINT16_MAX),
		.start = bdev->start,
	};

	return copy_to_user((void __user *)arg, &geometry, sizeof(geometry));
}

/* Questions whose answer is one number. */
static long get_number(struct block_device *bdev, unsigned int cmd,
		       unsigned long arg)
{
	const struct block_limits *limits = &bdev->queue->limits;

	switch (cmd) {
	case BLKGETSIZE64:
		return put_u64(arg, block_device_size(bdev));
	case BLKGETSIZE:
		return put_u64(arg, bdev->num_sectors);
	case BLKROGET:
		return put_int(arg, bdev->read_only);
	case BLKBSZGET:
		return put_int(arg, bdev->block_size);
	case BLKSSZGET:
		return put_int(arg, bdev->logical_block_size);
	case BLKPBSZGET:
		return put_int(arg, bdev->physical_block_size);
	case BLKIOMIN:
		return put_int(arg, bdev->physical_block_size);
	case BLKIOOPT:
	case BLKALIGNOFF:
	case BLKDISCARDZEROES:
		return put_int(arg, 0);
	case BLKSECTGET:
		return put_u16(arg, limits->max_sectors);
	case BLKROTATIONAL:
		return put_u16(arg, 0);
	case BLKRAGET:
	case BLKFRAGET:
		return put_u64(arg, 256);
	default:
		return -ENOTTY;
	}
}

static long block_file_ioctl(struct file *file, unsigned int cmd,
			     unsigned long arg)
{
	struct block_device *bdev = device_of(file);
	const struct block_queue_ops *ops = bdev->queue->ops;
	long result = get_number(bdev, cmd, arg);

	if (result != -ENOTTY)
		return result;
	switch (cmd) {
	case BLKROSET:
		return set_read_only(bdev, arg);
	case BLKBSZSET:
		return set_block_size(bdev, arg);
	case BLKFLSBUF:
		return flush_buffers(bdev);
	case BLKRRPART:
		return read_partitions(bdev);
	case BLKPG:
		return change_partition(bdev, arg);
	case BLKDISCARD:
	case BLKSECDISCARD:
	case BLKZEROOUT:
		return do_range(file, cmd, arg);
	case BLKRASET:
	case BLKFRASET:
		return 0;
	case HDIO_GETGEO:
		return get_geometry(bdev, arg);
	default:
		return ops->ioctl ? ops->ioctl(bdev, cmd, arg) : -ENOTTY;
	}
}

const struct file_ops block_file_ops = {
	.open = block_open,
	.release = block_release,
	.read = block_file_read,
	.write = block_file_write,
	.seek = block_file_seek,
	.fsync = block_file_sync,
	.mmap = block_file_mmap,
	.direct = block_file_direct,
	.ioctl = block_file_ioctl,
};

/* ---- Names --------------------------------------------------------------------------- */

int block_open_source(const char *source, unsigned int flags, void *holder,
		      struct block_device **out)
{
	struct path path;
	int err = path_lookup(NULL, source, LOOKUP_FOLLOW, &path, NULL);

	if (err)
		return err;
	if (!S_ISBLK(path.dentry->inode->mode))
		err = -ENOTBLK;
	else
		err = block_device_open(path.dentry->inode->rdev, flags, holder,
					out);
	path_put(&path);
	return err;
}

/* Each device's number means these operations. */
static void device_added(struct block_device *bdev)
{
	device_register(S_IFBLK, bdev->dev, 1, &block_file_ops);
}

static void device_removed(struct block_device *bdev)
{
	device_unregister(S_IFBLK, bdev->dev);
}

void block_files_init(void)
{
	static struct block_watcher watcher = {
		.added = device_added,
		.removed = device_removed,
	};

	block_watch(&watcher);
}
