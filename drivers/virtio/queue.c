/* SPDX-License-Identifier: MIT */
/*
 * queue.c - virtqueues: buffers offered to a device and taken back
 *
 * Idea: a table of descriptors (address, size, next) and two rings of its
 * indices. In "avail" the driver offers chains of descriptors, in "used" the
 * device gives them back. Each side only ever writes its own ring; an index
 * that grows says how far.
 *
 * The device's word is not trusted: an index out of range is dropped.
 *
 * Locks: the driver's.
 * Source: VIRTIO 1.2, "Split Virtqueues"; "Legacy Interfaces: A Note on
 * Virtqueue Layout" (the used ring on a page of its own suits both).
 */
#include "drivers/virtio/virtio.h"

#include "kernel/abi/errno.h"
#include "kernel/debug/log.h"
#include "kernel/debug/panic.h"
#include "kernel/dev/driver.h"
#include "kernel/lib/bits.h"
#include "kernel/mm/page.h"
#include "kernel/mm/slab.h"

_Static_assert(sizeof(struct vring_desc) * VIRTIO_MAX_QUEUE +
			       sizeof(struct vring_avail) +
			       sizeof(uint16_t) * (VIRTIO_MAX_QUEUE + 1) <=
		       PAGE_SIZE,
	       "descriptors and avail ring share the first page");

/* ---- the device ----------------------------------------------------------- */

static void add_status(struct virtio_device *vdev, uint8_t bits)
{
	vdev->transport->set_status(vdev,
				    vdev->transport->get_status(vdev) | bits);
}

int virtio_begin(struct virtio_device *vdev, uint64_t wanted)
{
	const struct virtio_transport *transport = vdev->transport;
	uint64_t offered;

	transport->set_status(vdev, 0);
	add_status(vdev, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	add_status(vdev, VIRTIO_CONFIG_S_DRIVER);

	offered = transport->get_features(vdev);
	vdev->features = offered & (wanted | BIT(VIRTIO_F_VERSION_1));
	transport->set_features(vdev, vdev->features);
	/* Devices older than version 1 do not know of this step. */
	if (!virtio_has_feature(vdev, VIRTIO_F_VERSION_1))
		return 0;
	add_status(vdev, VIRTIO_CONFIG_S_FEATURES_OK);
	if (transport->get_status(vdev) & VIRTIO_CONFIG_S_FEATURES_OK)
		return 0;
	virtio_fail(vdev);
	return -EIO;
}

void virtio_start(struct virtio_device *vdev)
{
	add_status(vdev, VIRTIO_CONFIG_S_DRIVER_OK);
}

void virtio_fail(struct virtio_device *vdev)
{
	add_status(vdev, VIRTIO_CONFIG_S_FAILED);
}

bool virtio_has_feature(const struct virtio_device *vdev, unsigned int bit)
{
	return vdev->features & BIT(bit);
}

void virtio_read_config(struct virtio_device *vdev, unsigned int offset,
			void *to, size_t size)
{
	vdev->transport->read_config(vdev, offset, to, size);
}

void virtio_interrupt(struct virtio_device *vdev)
{
	for (unsigned int i = 0; i < VIRTIO_MAX_QUEUES; i++) {
		if (vdev->queues[i] && vdev->queues[i]->handler)
			vdev->queues[i]->handler(vdev->queues[i]);
	}
}

/* ---- making a queue ------------------------------------------------------- */

/* Chain all descriptors into the list of free ones. */
static void free_all(struct virtio_queue *queue)
{
	for (unsigned int i = 0; i < queue->size; i++)
		queue->desc[i].next = (uint16_t)(i + 1);
	queue->free_head = 0;
	queue->num_free = queue->size;
}

static struct virtio_queue *queue_alloc(unsigned int size)
{
	struct virtio_queue *queue = kzalloc(sizeof(*queue));
	struct page *pages;
	char *memory;

	if (!queue)
		return NULL;
	pages = page_alloc(1, ALLOC_ZERO);
	if (!pages) {
		kfree(queue);
		return NULL;
	}
	memory = page_address(pages);
	queue->size = size;
	queue->desc = (void *)memory;
	queue->avail = (void *)(queue->desc + size);
	queue->used = (void *)(memory + PAGE_SIZE);
	free_all(queue);
	return queue;
}

static void queue_free(struct virtio_queue *queue)
{
	page_put(phys_to_page(virt_to_phys(queue->desc)));
	kfree(queue);
}

int virtio_queue_create(struct virtio_device *vdev, unsigned int index,
			void (*handler)(struct virtio_queue *queue),
			void *handler_data, struct virtio_queue **out)
{
	unsigned int size = vdev->transport->queue_max(vdev, index);
	struct virtio_queue *queue;
	int err;

	if (index >= VIRTIO_MAX_QUEUES)
		return -EINVAL;
	if (size == 0)
		return -ENOENT;
	size = 1u << bit_highest(MIN(size, VIRTIO_MAX_QUEUE));
	queue = queue_alloc(size);
	if (!queue)
		return -ENOMEM;
	queue->vdev = vdev;
	queue->index = index;
	queue->handler = handler;
	queue->handler_data = handler_data;
	err = vdev->transport->queue_enable(vdev, queue);
	if (err) {
		queue_free(queue);
		return err;
	}
	vdev->queues[index] = queue;
	*out = queue;
	return 0;
}

/* ---- requests ------------------------------------------------------------- */

int virtio_queue_add(struct virtio_queue *queue,
		     const struct virtio_buffer *buffers, unsigned int num_out,
		     unsigned int num_in, void *token)
{
	unsigned int count = num_out + num_in;
	uint16_t head = queue->free_head;
	uint16_t at = head;

	assert(token && count > 0);
	if (count > queue->num_free)
		return -ENOSPC;
	for (unsigned int i = 0; i < count; i++) {
		struct vring_desc *desc = &queue->desc[at];

		desc->addr = buffers[i].address;
		desc->len = buffers[i].size;
		desc->flags =
			(uint16_t)((i + 1 < count ? VRING_DESC_F_NEXT : 0) |
				   (i >= num_out ? VRING_DESC_F_WRITE : 0));
		at = desc->next;
	}
	queue->free_head = at;
	queue->num_free -= count;
	queue->tokens[head] = token;

	queue->avail->ring[queue->avail_index % queue->size] = head;
	queue->avail_index++;
	mmio_barrier(); /* the device sees the entry before the index */
	queue->avail->idx = queue->avail_index;
	return 0;
}

void virtio_queue_notify(struct virtio_queue *queue)
{
	mmio_barrier(); /* our index before its flags and the notification */
	if (!(queue->used->flags & VRING_USED_F_NO_NOTIFY))
		queue->vdev->transport->notify(queue->vdev, queue->index);
}

/* Give the chain that begins with @head back to the free ones. */
static void free_chain(struct virtio_queue *queue, uint16_t head)
{
	uint16_t last = head;

	queue->num_free++;
	while (queue->desc[last].flags & VRING_DESC_F_NEXT) {
		last = queue->desc[last].next;
		queue->num_free++;
	}
	queue->desc[last].next = queue->free_head;
	queue->free_head = head;
}

void *virtio_queue_take(struct virtio_queue *queue, uint32_t *written)
{
	volatile struct vring_used_elem *element;
	uint32_t head;
	void *token;

	while (queue->used_index != queue->used->idx) {
		mmio_barrier(); /* the index before the entry */
		element = &queue->used->ring[queue->used_index % queue->size];
		head = element->id;
		*written = element->len;
		queue->used_index++;
		token = head < queue->size ? queue->tokens[head] : NULL;
		if (token) {
			queue->tokens[head] = NULL;
			free_chain(queue, (uint16_t)head);
			return token;
		}
		log_error("%s: the device returned request %u, which it was "
			  "not given",
			  queue->vdev->name, head);
	}
	return NULL;
}
