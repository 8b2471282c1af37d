/* SPDX-License-Identifier: MIT */
/*
 * virtio.h - devices made for virtual machines: what their drivers use
 *
 * Idea: whatever the device does, it is told what to do through queues of
 * buffers in memory. A transport (mmio.c) finds devices, and hands a struct
 * virtio_device to the driver that names "virtio,device4" in its match table
 * (4: the device's kind, VIRTIO_ID_RNG), as dev->bus.
 *
 * A driver's probe: virtio_begin(), virtio_queue_create() for each queue,
 * virtio_start(); on an error after begin, virtio_fail().
 *
 * Source: Virtual I/O Device (VIRTIO) 1.2, "Basic Facilities of a Virtio
 * Device".
 */
#pragma once

#include "kernel/abi/virtio.h"
#include "kernel/lib/compiler.h"

/* The largest queue we make: its rings fill two pages. */
#define VIRTIO_MAX_QUEUE 128u
/* Queues one device may have. */
#define VIRTIO_MAX_QUEUES 4u

struct virtio_device;
struct virtio_queue;

/* How to reach a device: over MMIO, and later PCI. */
struct virtio_transport {
	uint64_t (*get_features)(struct virtio_device *vdev);
	void (*set_features)(struct virtio_device *vdev, uint64_t features);
	uint8_t (*get_status)(struct virtio_device *vdev);
	void (*set_status)(struct virtio_device *vdev, uint8_t status);
	/* The most buffers queue @index can have; 0: no such queue. */
	unsigned int (*queue_max)(struct virtio_device *vdev,
				  unsigned int index);
	/* Tell the device where the rings are. 0, or an error. */
	int (*queue_enable)(struct virtio_device *vdev,
			    const struct virtio_queue *queue);
	void (*notify)(struct virtio_device *vdev, unsigned int index);
	/* Bytes of the configuration that belongs to the kind of device. */
	void (*read_config)(struct virtio_device *vdev, unsigned int offset,
			    void *to, size_t size);
};

struct virtio_device {
	/* Fixed after probe. */
	const struct virtio_transport *transport;
	void *transport_data;
	const char *name;
	uint64_t features; /* agreed upon */
	struct virtio_queue *queues[VIRTIO_MAX_QUEUES];
};

/*
 * One split virtqueue. Descriptors that are not in use are chained through
 * their next fields, from free_head.
 */
struct virtio_queue {
	/* Fixed after creation. */
	struct virtio_device *vdev;
	unsigned int index;
	unsigned int size;                           /* a power of two */
	struct vring_desc *desc;                     /* written by us */
	volatile struct vring_avail *avail;          /* written by us */
	volatile struct vring_used *used;            /* written by the device */
	void (*handler)(struct virtio_queue *queue); /* interrupts off */
	void *handler_data;

	/* The driver's lock. */
	uint16_t free_head;
	unsigned int num_free;
	uint16_t avail_index;           /* of the next we offer */
	uint16_t used_index;            /* of the next we take back */
	void *tokens[VIRTIO_MAX_QUEUE]; /* by first descriptor; NULL: none */
};

/* A piece of memory that a request names, by physical address. */
struct virtio_buffer {
	paddr_t address;
	uint32_t size;
};

/*
 * Reset the device and agree on those of its features that are in @wanted.
 * 0; -EIO when it does not accept the choice.
 */
int virtio_begin(struct virtio_device *vdev, uint64_t wanted);
void virtio_start(struct virtio_device *vdev);
void virtio_fail(struct virtio_device *vdev);
bool virtio_has_feature(const struct virtio_device *vdev, unsigned int bit);
void virtio_read_config(struct virtio_device *vdev, unsigned int offset,
			void *to, size_t size);

/*
 * Queue @index of the device. @handler runs in its interrupt, when buffers may
 * have been used. 0, -ENOENT, -ENOMEM, -EINVAL.
 */
int virtio_queue_create(struct virtio_device *vdev, unsigned int index,
			void (*handler)(struct virtio_queue *queue),
			void *handler_data, struct virtio_queue **queue);
/*
 * Offer a request: the first @num_out buffers are read by the device, the
 * @num_in after them written. @token (not NULL) comes back with it.
 * 0, -ENOSPC. Nothing happens before virtio_queue_notify().
 */
int virtio_queue_add(struct virtio_queue *queue,
		     const struct virtio_buffer *buffers, unsigned int num_out,
		     unsigned int num_in, void *token);
void virtio_queue_notify(struct virtio_queue *queue);
/*
 * The token of a request that is done, and how many bytes the device wrote;
 * NULL when there is none.
 */
void *virtio_queue_take(struct virtio_queue *queue, uint32_t *written);

/* By a transport, when the device interrupts. */
void virtio_interrupt(struct virtio_device *vdev);
