/* SPDX-License-Identifier: MIT */
/*
 * block.h - disks and their partitions, as those see them who read and write
 *
 * Idea: a block device is a row of sectors. Whoever wants some of them moved
 * fills in a request (where, which memory, what to call at the end) and
 * submits it; the queue (queue.h) merges neighbours and hands them to the
 * driver, the driver's interrupt completes them. Everything synchronous is a
 * request and a sleep.
 *
 * What a completed write means: the device has the data, perhaps in its volatile
 * cache. It is safe from a power cut only after a FLUSH that was submitted
 * after the write completed, or if the write had BLOCK_FUA. Requests that are
 * in flight together may be carried out in any order: who needs an order waits
 * for the first to complete before he submits the second.
 *
 * Each device (a partition too) has a page cache of its bytes, shared by
 * read() and write() of the device node and by a file system's metadata
 * (buffer.h). Files' contents are not in it.
 * Read: OSTEP ch. 37 (hard disk drives: merging, scheduling), ch. 42 (why
 * order matters).
 */
#pragma once

#include "kernel/block/stats.h"
#include "kernel/lib/list.h"
#include "kernel/lib/radix_tree.h"
#include "kernel/lib/refcount.h"
#include "kernel/mm/page_cache.h"
#include "kernel/sync/mutex.h"

struct block_device;
struct block_queue;
struct page;

/* The unit of block_request.sector, whatever the device's own sector is. */
#define BLOCK_SECTOR_SHIFT 9u
#define BLOCK_SECTOR_SIZE  (1u << BLOCK_SECTOR_SHIFT)

#define BLOCK_NAME_SIZE 32

/* ---- Requests ------------------------------------------------------------------ */

enum block_op {
	BLOCK_READ,
	BLOCK_WRITE,
	BLOCK_FLUSH,       /* no sectors: empty the device's write cache */
	BLOCK_DISCARD,     /* no data: contents are undefined afterwards */
	BLOCK_WRITE_ZEROES /* no data: the sectors read as zeros afterwards */
};

/* Flags of a request. */
#define BLOCK_PREFLUSH 1u /* write: flush the device first, then write */
#define BLOCK_FUA      2u /* write: is on the medium when it completes */
#define BLOCK_AHEAD    4u /* read-ahead: may fail without a log line */
#define BLOCK_NO_UNMAP 8u /* write zeroes: keep the space allocated */

/* A piece of memory inside one page; size and offset multiples of 512. */
struct block_segment {
	struct page *page;
	uint32_t offset, size; /* bytes */
};

struct block_request {
	/* The submitter's, not changed by the block layer. */
	struct block_device *bdev;
	enum block_op op;
	unsigned int flags;
	uint64_t sector;      /* on bdev, in 512 bytes */
	uint64_t num_sectors; /* counted by block_request_add(); set by hand
			       for discard and write zeroes */
	/*
	 * The end; in an interrupt or in the submitter's own thread, with
	 * interrupts off: must not sleep. The request belongs to the submitter
	 * again, who may free it here.
	 */
	void (*done)(struct block_request *request);
	void *data; /* for done() */
	int error;  /* valid in done(): 0, -EIO, -ENOSPC, -EOPNOTSUPP */

	unsigned int num_segments, max_segments;
	struct block_segment *segments;

	/* The block layer's, from submission to done(). */
	struct block_queue *queue;
	uint64_t disk_sector;   /* on the whole disk */
	struct list_head node;  /* in the queue, or in the head's chain */
	struct list_head chain; /* of the head: requests merged behind it */
	uint64_t chain_sectors;
	unsigned int chain_segments;
	enum block_op now; /* what the driver is to do: op, or a FLUSH that
			      goes before or after it */
	unsigned int step; /* of preflush, data, postflush: queue.c */
	uint64_t begin;    /* of a head: of the step, in ticks */
	bool allocated;    /* by block_request_create() */

	struct block_segment inline_segments[4];
};

/*
 * A request with room for @max_segments pieces; NULL: no memory.
 * Context: thread or interrupt.
 */
struct block_request *block_request_create(struct block_device *bdev,
					   enum block_op op, uint64_t sector,
					   unsigned int max_segments);
/* For one that lives in its owner's memory: at most four segments. */
void block_request_init(struct block_request *request,
			struct block_device *bdev, enum block_op op,
			uint64_t sector);
/* Frees what block_request_create() made. */
void block_request_free(struct block_request *request);
/* Append memory; false: no segment is left. References to pages are the
 * caller's business. */
bool block_request_add(struct block_request *request, struct page *page,
		       uint32_t offset, uint32_t size);
/* The same for the kernel's memory [buf, buf + size), which may go over many
 * pages: as much as fits; returns bytes. */
size_t block_request_add_memory(struct block_request *request, char *buf,
				size_t size);

/*
 * Start it. Errors come to done() only, also those of a sector past the end
 * (-EIO) or of a write to a read-only device (-EROFS).
 * Context: thread; does not wait for the device, but may sleep while its queue
 * is full.
 */
void block_submit(struct block_request *request);
/* Submit, sleep, and return the error. done() and data are overwritten. */
int block_submit_wait(struct block_request *request);

/*
 * Plugging: gather requests in a list of one's own and start them together,
 * sorted, so that neighbours become one request of the device. The gathered
 * ones make no progress before block_plug_end(): do not wait for them earlier.
 */
struct block_plug {
	struct list_head requests;
	unsigned int count;
};
void block_plug_begin(struct block_plug *plug);
void block_plug_add(struct block_plug *plug, struct block_request *request);
void block_plug_end(struct block_plug *plug);

/* ---- Devices ------------------------------------------------------------------- */

struct block_device {
	struct refcount refs;
	char name[BLOCK_NAME_SIZE]; /* "vda", "vda1"; fixed */
	uint64_t dev;               /* makedev() number; fixed */
	struct block_queue *queue;  /* the disk's; fixed */
	struct block_device
		*disk;  /* a partition's whole disk, or NULL; fixed */
	uint64_t start; /* a partition's first sector; fixed */
	unsigned int max_partitions; /* of a disk; changes only for loops */
	uint64_t partition_dev; /* number before its first's; 0: dev; fixed */
	unsigned int partition; /* 1.., 0: the whole disk; fixed */
	char part_uuid[40];     /* PARTUUID; "" unknown; fixed */
	char part_label[40];    /* PARTLABEL, ASCII; fixed */

	uint64_t num_sectors; /* of 512 bytes; may change (loop devices) */
	unsigned int logical_block_size;  /* bytes; what it can address */
	unsigned int physical_block_size; /* bytes; what it writes at once */
	unsigned int block_size; /* soft: what a file system set; BLKBSZSET */
	bool read_only;          /* BLKROSET, or the medium */
	bool gone;               /* removed: all requests fail with -EIO */

	/* Contents as bytes; see above. size_bytes follows num_sectors. */
	struct page_cache cache;
	struct radix_tree buffers; /* buffer.c, by block; under cache.lock */
	unsigned int buffer_size;  /* of all of them; 0: none yet */

	/* Under the table's lock in device.c. */
	struct list_head node;
	unsigned int openers, holds;
	void *holder; /* who has it for himself (a mounted super block) */

	struct block_stats stats; /* under queue->lock */
};

/* Flags of block_device_open(). */
#define BLOCK_OPEN_WRITE     1u /* -EROFS if it cannot be written */
#define BLOCK_OPEN_EXCLUSIVE 2u /* for @holder alone: -EBUSY if held */

/*
 * Open by number. 0; -ENXIO: no such device; -EBUSY; -EROFS. The size and the
 * partitions are known then. Context: thread.
 */
int block_device_open(uint64_t dev, unsigned int flags, void *holder,
		      struct block_device **out);
/*
 * By name, as root= has it: "vda1" or "/dev/vda1", "PARTUUID=...",
 * "PARTLABEL=...", "UUID=..." and "LABEL=..." (of an ext2/3/4 or FAT file
 * system), "254:1".
 */
int block_device_open_name(const char *name, unsigned int flags, void *holder,
			   struct block_device **out);
/* Writes back what is dirty if it was the last opener. */
void block_device_close(struct block_device *bdev, void *holder);

static inline uint64_t block_device_size(const struct block_device *bdev)
{
	return bdev->num_sectors << BLOCK_SECTOR_SHIFT;
}

/*
 * Bytes of the device past its cache, in units of the logical block, into or
 * out of memory of kmalloc() or a page. For what is read once, or belongs to a
 * journal. @flags BLOCK_FUA, BLOCK_PREFLUSH. 0, -EINVAL, -EIO, -ENOMEM.
 * Context: thread, sleeps.
 */
int block_read(struct block_device *bdev, uint64_t pos, void *buf, size_t size);
int block_write(struct block_device *bdev, uint64_t pos, const void *buf,
		size_t size, unsigned int flags);
/* All completed writes are on the medium. */
int block_flush(struct block_device *bdev);
/* -EOPNOTSUPP if the device knows no such thing (discard); zeroes are written
 * by hand if it does not. The cache's pages there are dropped. */
int block_discard(struct block_device *bdev, uint64_t pos, uint64_t size);
int block_write_zeroes(struct block_device *bdev, uint64_t pos, uint64_t size,
		       unsigned int flags);

/* Write back all dirty pages and buffers, wait, flush. 0 or the first error. */
int block_device_sync(struct block_device *bdev);
/* Drop clean pages and buffers nobody holds (BLKFLSBUF, end of a mount). */
void block_device_invalidate(struct block_device *bdev);
/*
 * Block size of the buffers, a power of two from the logical block size to the
 * page size. Drops all buffers, which nobody may hold. 0, -EINVAL, -EBUSY.
 */
int block_set_size(struct block_device *bdev, unsigned int size);

/* Device @i (0..), in the order of their appearance, with a reference; NULL:
 * past the end. */
struct block_device *block_device_at(unsigned int i);
struct block_device *block_device_get(struct block_device *bdev);
void block_device_put(struct block_device *bdev);
/* Boot: before the first disk is found. */
void block_core_init(void);
/* Boot: threads run, so partitions can be looked for from now on. */
void block_init(void);
/* Somebody wants to know of each that comes or goes (devfs). Called for those
 * that are there already, too. Context: thread. */
struct block_watcher {
	void (*added)(struct block_device *bdev);
	void (*removed)(struct block_device *bdev);
	struct list_head node;
};
void block_watch(struct block_watcher *watcher);
