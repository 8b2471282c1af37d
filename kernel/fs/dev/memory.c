/* SPDX-License-Identifier: MIT */
/*
 * memory.c - devices without a device: null, zero, full, random, urandom
 *
 * Source: null(4), full(4), random(4). random and urandom are the same here,
 * as on Linux since 5.18 once the generator is seeded; neither ever blocks.
 */
#include "kernel/fs/dev/internal.h"

#include "kernel/abi/errno.h"
#include "kernel/abi/fcntl.h"
#include "kernel/abi/fs.h"
#include "kernel/debug/log.h"
#include "kernel/dev/random.h"
#include "kernel/mm/vm_space.h"
#include "kernel/proc/signal.h"
#include "kernel/vfs/device.h"
#include "kernel/vfs/file.h"

#include <linux/major.h>

/* A long read of zeros or random bytes can be killed after so many. */
#define ZERO_STEP 65536u

static ssize_t read_nothing(struct file *file, struct io_buf *io, loff_t *pos)
{
	return 0;
}

static ssize_t write_nowhere(struct file *file, struct io_buf *io, loff_t *pos)
{
	size_t size = io->left;

	io->left = 0;
	return (ssize_t)size;
}

static ssize_t write_full(struct file *file, struct io_buf *io, loff_t *pos)
{
	return -ENOSPC;
}

static ssize_t read_zeros(struct file *file, struct io_buf *io, loff_t *pos)
{
	ssize_t done = 0;

	while (io->left) {
		size_t step = MIN(io->left, (size_t)ZERO_STEP);
		size_t cleared = io_clear(io, step);

		done += (ssize_t)cleared;
		if (cleared < step)
			return done ? done : -EFAULT;
		if (io->left && signal_is_pending(current()))
			break;
	}
	return done;
}

static ssize_t read_random(struct file *file, struct io_buf *io, loff_t *pos)
{
	uint8_t chunk[256];
	ssize_t done = 0;

	while (io->left) {
		size_t step = MIN(io->left, sizeof(chunk));
		size_t copied;

		random_bytes(chunk, step);
		copied = io_copy_to(io, chunk, step);
		done += (ssize_t)copied;
		if (copied < step)
			return done ? done : -EFAULT;
		if (done % ZERO_STEP == 0 && signal_is_pending(current()))
			break;
	}
	return done;
}

/* Mixed in, but not believed: anyone may write. */
static ssize_t write_random(struct file *file, struct io_buf *io, loff_t *pos)
{
	uint8_t chunk[256];
	ssize_t done = 0;

	while (io->left) {
		size_t step = MIN(io->left, sizeof(chunk));
		size_t copied = io_copy_from(io, chunk, step);

		random_add(chunk, copied, false);
		done += (ssize_t)copied;
		if (copied < step)
			return done ? done : -EFAULT;
	}
	return done;
}

/* These have no position, but programs that try to set it must not fail. */
static loff_t seek_nowhere(struct file *file, loff_t offset, int whence)
{
	return 0;
}

/* Private or shared, /dev/zero maps as memory without a file. */
static int map_zero(struct file *file, struct vm_map_args *args)
{
	args->file = NULL;
	args->cache = NULL;
	return 0;
}

static const struct file_ops null_ops = {
	.read = read_nothing,
	.write = write_nowhere,
	.seek = seek_nowhere,
	.stream = true,
};

static const struct file_ops zero_ops = {
	.read = read_zeros,
	.write = write_nowhere,
	.seek = seek_nowhere,
	.mmap = map_zero,
	.stream = true,
};

static const struct file_ops full_ops = {
	.read = read_zeros,
	.write = write_full,
	.seek = seek_nowhere,
	.stream = true,
};

static const struct file_ops random_ops = {
	.read = read_random,
	.write = write_random,
	.seek = seek_nowhere,
	.stream = true,
};

void memory_devices_init(void)
{
	static const struct {
		unsigned int minor;
		const struct file_ops *ops;
	} devices[] = {
		{ MINOR_NULL, &null_ops },      { MINOR_ZERO, &zero_ops },
		{ MINOR_FULL, &full_ops },      { MINOR_RANDOM, &random_ops },
		{ MINOR_URANDOM, &random_ops },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(devices); i++) {
		if (device_register(S_IFCHR,
				    device_number(MEM_MAJOR, devices[i].minor),
				    1, devices[i].ops))
			log_error("dev: no device number 1:%u",
				  devices[i].minor);
	}
}
