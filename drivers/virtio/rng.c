/* SPDX-License-Identifier: MIT */
/*
 * rng.c - random bytes from the host
 *
 * One request at boot, for as much as a seed needs; what comes is mixed into
 * the kernel's generator as a trusted source.
 *
 * Source: VIRTIO 1.2, "Entropy Device". Ran on: QEMU virt.
 */
#include <arch/page_table.h>
#include "drivers/virtio/virtio.h"
#include "kernel/abi/errno.h"
#include "kernel/dev/driver.h"
#include "kernel/dev/random.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"

enum { REQUEST_QUEUE = 0, SEED_SIZE = 64 };

struct rng {
	struct virtio_queue *queue;
	unsigned char seed[SEED_SIZE];
};

static void rng_interrupt(struct virtio_queue *queue)
{
	struct rng *rng;
	uint32_t written;

	while ((rng = virtio_queue_take(queue, &written))) {
		random_add(rng->seed, MIN(written, (uint32_t)SEED_SIZE), true);
		memset(rng->seed, 0, SEED_SIZE);
	}
}

static int rng_probe(struct device *dev)
{
	struct virtio_device *vdev = dev->bus;
	struct virtio_buffer buffer;
	struct rng *rng;
	int err;

	rng = kzalloc(sizeof(*rng));
	if (!rng)
		return -ENOMEM;
	err = virtio_begin(vdev, 0);
	if (err)
		goto free_rng;
	err = virtio_queue_create(vdev, REQUEST_QUEUE, rng_interrupt, rng,
				  &rng->queue);
	if (err)
		goto fail;
	dev->data = rng;
	buffer.address = virt_to_phys(rng->seed);
	buffer.size = SEED_SIZE;
	virtio_queue_add(rng->queue, &buffer, 0, 1, rng);
	virtio_start(vdev);
	virtio_queue_notify(rng->queue);
	return 0;

fail:
	virtio_fail(vdev);
free_rng:
	kfree(rng);
	return err;
}

static const struct dt_match rng_match[] = {
	{ .compatible = "virtio,device4" },
	{},
};

DRIVER(virtio_rng) = {
	.name = "virtio-rng",
	.class = CLASS_RNG,
	.match = rng_match,
	.probe = rng_probe,
};
