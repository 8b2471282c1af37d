/* SPDX-License-Identifier: MIT */
/*
 * mmio.c - virtio devices behind memory-mapped registers
 *
 * Idea: a bus with one place per node; the register DeviceID says what sits
 * there, 0 for nothing. What is found becomes a device "virtio,deviceN" for
 * which a driver of its class is looked up.
 *
 * Two generations: version 2 takes three addresses for a queue, version 1
 * ("legacy", QEMU's default) one page number and a fixed layout behind it.
 *
 * Source: VIRTIO 1.2, "Virtio Over MMIO". Ran on: QEMU virt, both versions.
 */
#include "drivers/virtio/virtio.h"
#include "kernel/abi/errno.h"
#include "kernel/dev/driver.h"
#include "kernel/lib/format.h"
#include "kernel/mm/page.h"
#include "kernel/mm/slab.h"

#define MAGIC 0x74726976 /* "virt" */

enum { LEGACY = 1, MODERN = 2 };

struct mmio {
	struct virtio_device vdev;

	/* Fixed after probe. */
	volatile char *regs;
	uint32_t version;
};

static struct mmio *mmio_of(struct virtio_device *vdev)
{
	return container_of(vdev, struct mmio, vdev);
}

static uint32_t get(struct mmio *mmio, unsigned int reg)
{
	return mmio_read32(mmio->regs + reg);
}

static void put(struct mmio *mmio, unsigned int reg, uint32_t value)
{
	mmio_write32(mmio->regs + reg, value);
}

/* A pair of registers, the high half 4 behind the low one. */
static void put64(struct mmio *mmio, unsigned int reg, uint64_t value)
{
	put(mmio, reg, (uint32_t)value);
	put(mmio, reg + 4, (uint32_t)(value >> 32));
}

static uint64_t mmio_get_features(struct virtio_device *vdev)
{
	struct mmio *mmio = mmio_of(vdev);
	uint64_t features;

	put(mmio, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 1);
	features = (uint64_t)get(mmio, VIRTIO_MMIO_DEVICE_FEATURES) << 32;
	put(mmio, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 0);
	features |= get(mmio, VIRTIO_MMIO_DEVICE_FEATURES);
	/* Legacy registers cannot serve what version 1 means. */
	return mmio->version == LEGACY ? features & UINT32_MAX : features;
}

static void mmio_set_features(struct virtio_device *vdev, uint64_t features)
{
	struct mmio *mmio = mmio_of(vdev);

	put(mmio, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
	put(mmio, VIRTIO_MMIO_DRIVER_FEATURES, (uint32_t)(features >> 32));
	put(mmio, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
	put(mmio, VIRTIO_MMIO_DRIVER_FEATURES, (uint32_t)features);
	if (mmio->version == LEGACY)
		put(mmio, VIRTIO_MMIO_GUEST_PAGE_SIZE, PAGE_SIZE);
}

static uint8_t mmio_get_status(struct virtio_device *vdev)
{
	return (uint8_t)get(mmio_of(vdev), VIRTIO_MMIO_STATUS);
}

static void mmio_set_status(struct virtio_device *vdev, uint8_t status)
{
	put(mmio_of(vdev), VIRTIO_MMIO_STATUS, status);
}

static unsigned int mmio_queue_max(struct virtio_device *vdev,
				   unsigned int index)
{
	struct mmio *mmio = mmio_of(vdev);

	put(mmio, VIRTIO_MMIO_QUEUE_SEL, index);
	return get(mmio, VIRTIO_MMIO_QUEUE_NUM_MAX);
}

static int mmio_queue_enable(struct virtio_device *vdev,
			     const struct virtio_queue *queue)
{
	struct mmio *mmio = mmio_of(vdev);
	paddr_t desc = virt_to_phys(queue->desc);
	paddr_t used = desc + PAGE_SIZE;
	paddr_t avail = desc + sizeof(*queue->desc) * queue->size;

	put(mmio, VIRTIO_MMIO_QUEUE_SEL, queue->index);
	put(mmio, VIRTIO_MMIO_QUEUE_NUM, queue->size);
	if (mmio->version == LEGACY) {
		if (desc >> PAGE_SHIFT > UINT32_MAX)
			return -EINVAL;
		put(mmio, VIRTIO_MMIO_QUEUE_ALIGN, PAGE_SIZE);
		put(mmio, VIRTIO_MMIO_QUEUE_PFN,
		    (uint32_t)(desc >> PAGE_SHIFT));
		return 0;
	}
	put64(mmio, VIRTIO_MMIO_QUEUE_DESC_LOW, desc);
	put64(mmio, VIRTIO_MMIO_QUEUE_AVAIL_LOW, avail);
	put64(mmio, VIRTIO_MMIO_QUEUE_USED_LOW, used);
	put(mmio, VIRTIO_MMIO_QUEUE_READY, 1);
	return 0;
}

static void mmio_notify(struct virtio_device *vdev, unsigned int index)
{
	put(mmio_of(vdev), VIRTIO_MMIO_QUEUE_NOTIFY, index);
}

/* Byte by byte, until the device has not changed it in between. */
static void mmio_read_config(struct virtio_device *vdev, unsigned int offset,
			     void *to, size_t size)
{
	struct mmio *mmio = mmio_of(vdev);
	volatile char *from = mmio->regs + VIRTIO_MMIO_CONFIG + offset;
	uint8_t *bytes = to;
	uint32_t generation;

	do {
		generation = get(mmio, VIRTIO_MMIO_CONFIG_GENERATION);
		for (size_t i = 0; i < size; i++)
			bytes[i] = mmio_read8(from + i);
	} while (mmio->version != LEGACY &&
		 generation != get(mmio, VIRTIO_MMIO_CONFIG_GENERATION));
}

static const struct virtio_transport mmio_transport = {
	.get_features = mmio_get_features,
	.set_features = mmio_set_features,
	.get_status = mmio_get_status,
	.set_status = mmio_set_status,
	.queue_max = mmio_queue_max,
	.queue_enable = mmio_queue_enable,
	.notify = mmio_notify,
	.read_config = mmio_read_config,
};

static void mmio_interrupt(void *arg)
{
	struct mmio *mmio = arg;

	put(mmio, VIRTIO_MMIO_INTERRUPT_ACK,
	    get(mmio, VIRTIO_MMIO_INTERRUPT_STATUS));
	virtio_interrupt(&mmio->vdev);
}

/* 0 if a device that we can talk to sits behind these registers. */
static int look(volatile char *regs, uint32_t *version, uint32_t *kind)
{
	if (mmio_read32(regs + VIRTIO_MMIO_MAGIC_VALUE) != MAGIC)
		return -ENODEV;
	*version = mmio_read32(regs + VIRTIO_MMIO_VERSION);
	*kind = mmio_read32(regs + VIRTIO_MMIO_DEVICE_ID);
	if (*kind == 0 || *version < LEGACY || *version > MODERN)
		return -ENODEV;
	return 0;
}

static int mmio_probe(struct device *dev)
{
	volatile void *regs;
	uint32_t version, kind;
	struct mmio *mmio;
	char compatible[32];
	int err;

	err = device_map_registers(dev, 0, &regs);
	if (err)
		return err;
	err = look(regs, &version, &kind);
	if (err)
		return err;
	mmio = kzalloc(sizeof(*mmio));
	if (!mmio)
		return -ENOMEM;
	mmio->regs = regs;
	mmio->version = version;
	mmio->vdev.transport = &mmio_transport;
	mmio->vdev.name = dev->name;

	err = device_attach_irq(dev, 0, mmio_interrupt, mmio);
	if (err)
		goto free_mmio;
	dev->data = mmio;
	format_string(compatible, sizeof(compatible), "virtio,device%u", kind);
	/* Without a driver for its kind the device just stays unused. */
	err = device_add(dev->name, compatible, dev->node, &mmio->vdev);
	return err == -ENOENT ? 0 : err;

free_mmio:
	kfree(mmio);
	return err;
}

static const struct dt_match mmio_match[] = {
	{ .compatible = "virtio,mmio" },
	{},
};

DRIVER(virtio_mmio) = {
	.name = "virtio-mmio",
	.class = CLASS_BUS,
	.match = mmio_match,
	.probe = mmio_probe,
};
