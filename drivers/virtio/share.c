/* SPDX-License-Identifier: MIT */
/*
 * share.c - folders of the host (9P over virtio)
 *
 * Idea: one queue. A request is a chain of descriptors: first what the device
 * reads (the message), then what it writes (the reply). Who asks sleeps; the
 * interrupt takes back what is done and wakes. As many are under way as the
 * ring has room for, the others wait for that.
 *
 * What is in the messages is not this file's business, and the device's word
 * about how much it wrote is cut to what it had room for.
 *
 * Locks: share->lock for the ring.
 * Source: VIRTIO 1.2, "9P Transport". Ran on: QEMU virt, over MMIO and PCI.
 */
#include <arch/page_table.h>
#include "drivers/virtio/virtio.h"
#include "kernel/abi/errno.h"
#include "kernel/debug/log.h"
#include "kernel/dev/driver.h"
#include "kernel/dev/share.h"
#include "kernel/lib/bits.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "kernel/sync/spinlock.h"
#include "kernel/sync/wait.h"

enum { REQUEST_QUEUE = 0 };

struct virtio_share {
	struct share share;
	struct spinlock lock;       /* rank LOCK_DEVICE */
	struct virtio_queue *ring;  /* under lock */
	struct wait_queue progress; /* a reply came; there is room */
};

/* On the stack of who waits; the device never sees it. */
struct request {
	uint32_t written; /* before done */
	bool done;        /* atomic */
};

static struct virtio_share *of_share(struct share *share)
{
	return container_of(share, struct virtio_share, share);
}

/* ---- Requests ---------------------------------------------------------------- */

static unsigned int add_pieces(struct virtio_buffer *buffers,
			       const struct share_piece *pieces,
			       unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		buffers[i] = (struct virtio_buffer){ virt_to_phys(pieces[i].at),
						     (uint32_t)pieces[i].size };
	return count;
}

static size_t room_for_reply(const struct share_message *message)
{
	size_t size = 0;

	for (unsigned int i = 0; i < message->num_in; i++)
		size += message->in[i].size;
	return size;
}

static bool has_room(struct virtio_share *share, unsigned int count)
{
	bool room;

	spin_lock(&share->lock);
	room = share->ring->num_free >= count;
	spin_unlock(&share->lock);
	return room;
}

/* Into the ring, as soon as there is room. */
static void offer(struct virtio_share *share,
		  const struct virtio_buffer *buffers, unsigned int num_out,
		  unsigned int num_in, struct request *request)
{
	int err;

	for (;;) {
		spin_lock(&share->lock);
		err = virtio_queue_add(share->ring, buffers, num_out, num_in,
				       request);
		spin_unlock(&share->lock);
		if (!err)
			break;
		WAIT_EVENT(&share->progress, has_room(share, num_out + num_in));
	}
	virtio_queue_notify(share->ring);
}

static ssize_t share_call(struct share *base,
			  const struct share_message *message)
{
	struct virtio_share *share = of_share(base);
	struct virtio_buffer buffers[SHARE_MAX_PIECES];
	struct request request = { 0, false };
	unsigned int count = message->num_out + message->num_in;

	if (!message->num_out || !message->num_in ||
	    count > ARRAY_SIZE(buffers) || count > share->ring->size)
		return -EINVAL;
	count = add_pieces(buffers, message->out, message->num_out);
	add_pieces(buffers + count, message->in, message->num_in);
	offer(share, buffers, message->num_out, message->num_in, &request);
	/* pairs with the release in take_done() */
	WAIT_EVENT(&share->progress,
		   __atomic_load_n(&request.done, __ATOMIC_ACQUIRE));
	return (ssize_t)MIN((size_t)request.written, room_for_reply(message));
}

/* ---- Completion -------------------------------------------------------------- */

static bool take_done(struct virtio_share *share)
{
	struct request *request;
	uint32_t written = 0;

	spin_lock(&share->lock);
	request = virtio_queue_take(share->ring, &written);
	spin_unlock(&share->lock);
	if (!request)
		return false;
	request->written = written;
	/* From here on it may be gone; pairs with share_call(). */
	STORE_RELEASE(request->done, true);
	return true;
}

static void share_interrupt(struct virtio_queue *ring)
{
	struct virtio_share *share = ring->handler_data;
	bool any = false;

	while (take_done(share))
		any = true;
	if (any)
		wake_all(&share->progress);
}

static const struct share_ops share_ops = {
	.call = share_call,
};

/* ---- Probe ------------------------------------------------------------------- */

/* The name that mount(2) is to use; 0, -ENODEV. */
static int read_tag(struct virtio_device *vdev, char *tag, size_t size)
{
	uint16_t len = 0;

	if (!virtio_has_feature(vdev, VIRTIO_9P_MOUNT_TAG))
		return -ENODEV;
	virtio_read_config(vdev, offsetof(struct virtio_9p_config, tag_len),
			   &len, sizeof(len));
	if (len == 0 || len >= size)
		return -ENODEV;
	virtio_read_config(vdev, offsetof(struct virtio_9p_config, tag), tag,
			   len);
	tag[len] = '\0';
	return strlen(tag) ? 0 : -ENODEV;
}

static int share_probe(struct device *dev)
{
	struct virtio_device *vdev = dev->bus;
	struct virtio_share *share = kzalloc(sizeof(*share));
	int err;

	if (!share)
		return -ENOMEM;
	spin_init(&share->lock, LOCK_DEVICE);
	wait_queue_init(&share->progress);
	share->share.ops = &share_ops;
	list_init(&share->share.node);
	err = virtio_begin(vdev, BIT(VIRTIO_9P_MOUNT_TAG));
	if (err)
		goto free_share;
	err = read_tag(vdev, share->share.tag, sizeof(share->share.tag));
	if (!err)
		err = virtio_queue_create(vdev, REQUEST_QUEUE, share_interrupt,
					  share, &share->ring);
	if (err)
		goto fail;
	virtio_start(vdev);
	dev->data = share;
	share_add(&share->share);
	log_info("%s: a folder of the host, \"%s\"", dev->name,
		 share->share.tag);
	return 0;

fail:
	virtio_fail(vdev);
free_share:
	kfree(share);
	return err;
}

static const struct dt_match share_match[] = {
	{ .compatible = "virtio,device9" },
	{},
};

DRIVER(virtio_share) = {
	.name = "virtio-share",
	.class = CLASS_SHARE,
	.match = share_match,
	.probe = share_probe,
};
