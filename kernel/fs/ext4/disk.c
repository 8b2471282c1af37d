/* SPDX-License-Identifier: MIT */
/*
 * disk.c - the disk below ext4: the block layer
 *
 * Parts that follow each other on the disk become one request; all requests of
 * a call are in flight together, and the last to complete wakes the caller.
 */
#include "kernel/fs/ext4/ext4.h"
#include "kernel/fs/ext4/internal.h"

#include "kernel/block/block.h"
#include "kernel/block/queue.h"
#include "kernel/mm/page.h"
#include "kernel/mm/slab.h"
#include "kernel/vfs/block_file.h"

#define MAX_SEGMENTS 64u
#define MAX_BYTES    (256u * 1024)

struct disk {
	struct block_device *bdev;
	bool read_only;
	struct wait_queue wait; /* for all batches: outlives them */
	unsigned int max_segments;
	size_t max_bytes;
};

/* The requests of one call; on its stack. */
struct batch {
	struct disk *disk;
	unsigned int pending; /* atomic; one is the caller's */
	int error;            /* the last one; atomic */
};

/* In an interrupt. Nothing of @batch is touched after the count is 0. */
static void request_done(struct block_request *request)
{
	struct batch *batch = request->data;
	struct disk *disk = batch->disk;

	if (request->error)
		WRITE_ONCE(batch->error, request->error);
	block_request_free(request);
	/* pairs with the acquire in batch_wait() */
	if (__atomic_sub_fetch(&batch->pending, 1, __ATOMIC_RELEASE) == 0)
		wake_all(&disk->wait);
}

static bool is_done(const struct batch *batch)
{
	return !__atomic_load_n(&batch->pending, __ATOMIC_ACQUIRE);
}

static int batch_wait(struct batch *batch)
{
	__atomic_sub_fetch(&batch->pending, 1, __ATOMIC_RELEASE);
	WAIT_EVENT(&batch->disk->wait, is_done(batch));
	return batch->error;
}

/* Where the next byte comes from or goes to. */
struct cursor {
	const struct disk_part *part;
	unsigned int left; /* parts, with this one */
	size_t done;       /* bytes of this one */
};

/* One request from the cursor on; NULL: no memory. */
static struct block_request *next_request(struct disk *disk, enum block_op op,
					  struct cursor *at)
{
	uint64_t pos = at->part->pos + at->done, start = pos;
	struct block_request *request = block_request_create(
		disk->bdev, op, pos >> BLOCK_SECTOR_SHIFT, disk->max_segments);

	if (!request)
		return NULL;
	while (at->left && at->part->pos + at->done == pos &&
	       pos - start < disk->max_bytes) {
		size_t want = MIN(at->part->size - at->done,
				  disk->max_bytes - (size_t)(pos - start));
		size_t got = block_request_add_memory(
			request, (char *)at->part->data + at->done, want);

		pos += got;
		at->done += got;
		if (at->done < at->part->size)
			break; /* the request is full */
		at->part++;
		at->left--;
		at->done = 0;
	}
	return request;
}

static int move(struct disk *disk, enum block_op op,
		const struct disk_part *parts, unsigned int num_parts,
		unsigned int flags)
{
	struct batch batch = { disk, 1, 0 };
	struct cursor at = { parts, num_parts, 0 };
	struct block_plug plug;
	int err;

	block_plug_begin(&plug);
	while (at.left) {
		struct block_request *request = next_request(disk, op, &at);

		if (!request) {
			batch.error = -ENOMEM;
			break;
		}
		request->flags = flags;
		request->done = request_done;
		request->data = &batch;
		__atomic_add_fetch(&batch.pending, 1, __ATOMIC_RELAXED);
		block_plug_add(&plug, request);
	}
	block_plug_end(&plug);
	err = batch_wait(&batch);
	return err;
}

int disk_read(struct disk *disk, const struct disk_part *parts,
	      unsigned int num_parts)
{
	return move(disk, BLOCK_READ, parts, num_parts, 0);
}

int disk_write(struct disk *disk, const struct disk_part *parts,
	       unsigned int num_parts, unsigned int flags)
{
	if (disk->read_only)
		return -EROFS;
	return move(disk, BLOCK_WRITE, parts, num_parts,
		    flags & DISK_FUA ? BLOCK_FUA : 0);
}

int disk_flush(struct disk *disk)
{
	return block_flush(disk->bdev);
}

uint64_t disk_size(const struct disk *disk)
{
	return block_device_size(disk->bdev);
}

bool disk_is_read_only(const struct disk *disk)
{
	return disk->read_only;
}

void disk_close(struct disk *disk)
{
	/* What its node shows must not be what it was before the mount. */
	block_device_invalidate(disk->bdev);
	block_device_close(disk->bdev, disk);
	kfree(disk);
}

/* ---- Mounting ---- */

static int open_source(struct disk *disk, const char *source, bool write)
{
	unsigned int flags = BLOCK_OPEN_EXCLUSIVE;

	if (write)
		flags |= BLOCK_OPEN_WRITE;
	/* A name with a slash is a node; else as root= has it. */
	if (source[0] == '/' && !starts_with(source, "/dev/root"))
		return block_open_source(source, flags, disk, &disk->bdev);
	return block_device_open_name(source, flags, disk, &disk->bdev);
}

static int open_disk(const char *source, unsigned int mount_flags,
		     struct disk **out)
{
	struct disk *disk = kzalloc(sizeof(*disk));
	const struct block_limits *limits;
	int err;

	if (!disk)
		return -ENOMEM;
	wait_queue_init(&disk->wait);
	disk->read_only = mount_flags & MS_RDONLY;
	err = open_source(disk, source, !disk->read_only);
	/* Even a mount for reading replays the journal, if it can. */
	if (!err && disk->read_only && !disk->bdev->read_only)
		disk->read_only = false;
	if (err) {
		kfree(disk);
		return err;
	}
	limits = &disk->bdev->queue->limits;
	disk->max_segments = MIN(limits->max_segments, MAX_SEGMENTS);
	disk->max_bytes = MIN((size_t)limits->max_sectors << BLOCK_SECTOR_SHIFT,
			      (size_t)MAX_BYTES);
	/* What was written through the node is read by us. */
	err = block_device_sync(disk->bdev);
	if (err) {
		disk_close(disk);
		return err;
	}
	*out = disk;
	return 0;
}

static int ext4_mount(const struct file_system_type *type, const char *source,
		      unsigned int flags, const char *options,
		      struct super_block **out)
{
	struct block_device *bdev;
	struct disk *disk;
	int err;

	err = open_disk(source, flags, &disk);
	if (err)
		return err;
	bdev = disk->bdev;
	err = ext4_mount_disk(type, disk, bdev->name, flags, options, out);
	if (err)
		return err;
	(*out)->dev = bdev->dev;
	(*out)->bdev = bdev;
	return 0;
}

static const struct file_system_type ext4_types[] = {
	{ .name = "ext4",
	  .has_handles = true,
	  .needs_device = true,
	  .mount = ext4_mount },
	{ .name = "ext3",
	  .has_handles = true,
	  .needs_device = true,
	  .mount = ext4_mount },
	{ .name = "ext2",
	  .has_handles = true,
	  .needs_device = true,
	  .mount = ext4_mount },
};

void ext4_init(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(ext4_types); i++)
		file_system_register(&ext4_types[i]);
	ext4_start_commits();
}
