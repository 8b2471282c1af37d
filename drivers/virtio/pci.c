/* SPDX-License-Identifier: MIT */
/*
 * pci.c - virtio devices on the PCI bus
 *
 * Idea: vendor-specific capabilities say in which BAR, and where there, the
 * common registers, the doorbells, the interrupt status and the device's own
 * configuration are. Only this modern interface is used; transitional devices
 * have it too.
 *
 * Source: VIRTIO 1.2, "Virtio Over PCI Bus". Ran on: QEMU virt.
 */
#include <arch/page_table.h>
#include "drivers/virtio/virtio.h"
#include "kernel/abi/errno.h"
#include "kernel/dev/pci.h"
#include "kernel/lib/format.h"
#include "kernel/mm/slab.h"

enum {
	CAP_VENDOR = 0x09,    /* PCI: vendor specific */
	MODERN_BASE = 0x1040, /* device number of kind 0 */
	SUBSYSTEM = 0x2c,
};

struct vpci {
	struct virtio_device vdev;

	/* Fixed after probe. */
	struct pci_device *pci;
	volatile char *common, *notify, *isr, *config;
	size_t config_size;
	uint32_t notify_multiplier;
	volatile char *bars[PCI_NUM_BARS]; /* as far as mapped */
	volatile char *doorbells[VIRTIO_MAX_QUEUES];
};

static struct vpci *vpci_of(struct virtio_device *vdev)
{
	return container_of(vdev, struct vpci, vdev);
}

static void put32(struct vpci *vpci, unsigned int reg, uint32_t value)
{
	mmio_write32(vpci->common + reg, value);
}

static void put64(struct vpci *vpci, unsigned int reg, uint64_t value)
{
	put32(vpci, reg, (uint32_t)value);
	put32(vpci, reg + 4, (uint32_t)(value >> 32));
}

static uint64_t vpci_get_features(struct virtio_device *vdev)
{
	struct vpci *vpci = vpci_of(vdev);
	uint64_t features;

	put32(vpci, VIRTIO_PCI_COMMON_DFSELECT, 1);
	features = (uint64_t)mmio_read32(vpci->common + VIRTIO_PCI_COMMON_DF)
		   << 32;
	put32(vpci, VIRTIO_PCI_COMMON_DFSELECT, 0);
	return features | mmio_read32(vpci->common + VIRTIO_PCI_COMMON_DF);
}

static void vpci_set_features(struct virtio_device *vdev, uint64_t features)
{
	struct vpci *vpci = vpci_of(vdev);

	put32(vpci, VIRTIO_PCI_COMMON_GFSELECT, 1);
	put32(vpci, VIRTIO_PCI_COMMON_GF, (uint32_t)(features >> 32));
	put32(vpci, VIRTIO_PCI_COMMON_GFSELECT, 0);
	put32(vpci, VIRTIO_PCI_COMMON_GF, (uint32_t)features);
}

static uint8_t vpci_get_status(struct virtio_device *vdev)
{
	return mmio_read8(vpci_of(vdev)->common + VIRTIO_PCI_COMMON_STATUS);
}

static void vpci_set_status(struct virtio_device *vdev, uint8_t status)
{
	volatile char *reg = vpci_of(vdev)->common + VIRTIO_PCI_COMMON_STATUS;

	mmio_write8(reg, status);
	/* A reset is done when the register reads 0. */
	while (status == 0 && mmio_read8(reg) != 0)
		continue;
}

static void select_queue(struct vpci *vpci, unsigned int index)
{
	mmio_write16(vpci->common + VIRTIO_PCI_COMMON_Q_SELECT,
		     (uint16_t)index);
}

static unsigned int vpci_queue_max(struct virtio_device *vdev,
				   unsigned int index)
{
	struct vpci *vpci = vpci_of(vdev);

	select_queue(vpci, index);
	return mmio_read16(vpci->common + VIRTIO_PCI_COMMON_Q_SIZE);
}

static int vpci_queue_enable(struct virtio_device *vdev,
			     const struct virtio_queue *queue)
{
	struct vpci *vpci = vpci_of(vdev);
	paddr_t desc = virt_to_phys(queue->desc);
	uint32_t offset;

	select_queue(vpci, queue->index);
	mmio_write16(vpci->common + VIRTIO_PCI_COMMON_Q_SIZE,
		     (uint16_t)queue->size);
	put64(vpci, VIRTIO_PCI_COMMON_Q_DESCLO, desc);
	put64(vpci, VIRTIO_PCI_COMMON_Q_AVAILLO,
	      desc + sizeof(*queue->desc) * queue->size);
	put64(vpci, VIRTIO_PCI_COMMON_Q_USEDLO, desc + PAGE_SIZE);
	offset = mmio_read16(vpci->common + VIRTIO_PCI_COMMON_Q_NOFF);
	vpci->doorbells[queue->index] =
		vpci->notify + offset * (size_t)vpci->notify_multiplier;
	mmio_write16(vpci->common + VIRTIO_PCI_COMMON_Q_ENABLE, 1);
	return 0;
}

static void vpci_notify(struct virtio_device *vdev, unsigned int index)
{
	mmio_write16(vpci_of(vdev)->doorbells[index], (uint16_t)index);
}

/* Byte by byte, until the device has not changed it in between. */
static void vpci_read_config(struct virtio_device *vdev, unsigned int offset,
			     void *to, size_t size)
{
	struct vpci *vpci = vpci_of(vdev);
	volatile char *generation =
		vpci->common + VIRTIO_PCI_COMMON_CFGGENERATION;
	uint8_t *bytes = to;
	uint8_t before;

	do {
		before = mmio_read8(generation);
		for (size_t i = 0; i < size; i++)
			bytes[i] =
				offset + i < vpci->config_size
					? mmio_read8(vpci->config + offset + i)
					: 0;
	} while (before != mmio_read8(generation));
}

static const struct virtio_transport vpci_transport = {
	.get_features = vpci_get_features,
	.set_features = vpci_set_features,
	.get_status = vpci_get_status,
	.set_status = vpci_set_status,
	.queue_max = vpci_queue_max,
	.queue_enable = vpci_queue_enable,
	.notify = vpci_notify,
	.read_config = vpci_read_config,
};

/* The line may be others' too: the status register says, and is reset by being
 * read. */
static void vpci_interrupt(void *arg)
{
	struct vpci *vpci = arg;

	if (mmio_read8(vpci->isr))
		virtio_interrupt(&vpci->vdev);
}

/* ---- Probe ------------------------------------------------------------------------ */

/* The registers that the capability at @cap tells of; at least @least bytes. */
static int map_part(struct vpci *vpci, unsigned int cap, size_t least,
		    volatile char **regs, size_t *size)
{
	uint32_t bar = pci_read8(vpci->pci, cap + 4);
	uint32_t offset = pci_read(vpci->pci, cap + 8);
	uint32_t length = pci_read(vpci->pci, cap + 12);
	int err;

	if (bar >= PCI_NUM_BARS || length < least ||
	    (uint64_t)offset + length > vpci->pci->bars[bar].size)
		return -EINVAL;
	if (!vpci->bars[bar]) {
		err = pci_map_bar(vpci->pci, bar, &vpci->bars[bar]);
		if (err)
			return err;
	}
	*regs = vpci->bars[bar] + offset;
	*size = length;
	return 0;
}

static int map_capability(struct vpci *vpci, unsigned int cap)
{
	size_t size;

	switch (pci_read8(vpci->pci, cap + 3)) {
	case VIRTIO_PCI_CAP_COMMON_CFG:
		return map_part(vpci, cap, VIRTIO_PCI_COMMON_Q_USEDHI + 4,
				&vpci->common, &size);
	case VIRTIO_PCI_CAP_NOTIFY_CFG:
		vpci->notify_multiplier = pci_read(vpci->pci, cap + 16);
		return map_part(vpci, cap, 2, &vpci->notify, &size);
	case VIRTIO_PCI_CAP_ISR_CFG:
		return map_part(vpci, cap, 1, &vpci->isr, &size);
	case VIRTIO_PCI_CAP_DEVICE_CFG:
		return map_part(vpci, cap, 1, &vpci->config,
				&vpci->config_size);
	default:
		return 0;
	}
}

static int map_registers(struct vpci *vpci)
{
	unsigned int cap = 0, looks = 0;
	int err;

	/* The device's list might run in a circle. */
	while ((cap = pci_capability(vpci->pci, CAP_VENDOR, cap)) &&
	       looks++ < 16) {
		err = map_capability(vpci, cap);
		if (err)
			return err;
	}
	return vpci->common && vpci->notify && vpci->isr ? 0 : -ENODEV;
}

/* What kind of device: VIRTIO_ID_*. */
static unsigned int kind_of(const struct pci_device *pci)
{
	if (pci->device >= MODERN_BASE)
		return pci->device - MODERN_BASE;
	return pci_read(pci, SUBSYSTEM) >> 16;
}

static int vpci_probe(struct device *dev)
{
	struct pci_device *pci = dev->bus;
	struct vpci *vpci = kzalloc(sizeof(*vpci));
	char compatible[32];
	int err;

	if (!vpci)
		return -ENOMEM;
	vpci->pci = pci;
	vpci->vdev.transport = &vpci_transport;
	vpci->vdev.name = pci->name;
	err = map_registers(vpci);
	if (err)
		goto free_vpci;
	pci_enable(pci);
	err = pci_attach_irq(pci, vpci_interrupt, vpci);
	if (err)
		goto free_vpci;
	dev->data = vpci;
	format_string(compatible, sizeof(compatible), "virtio,device%u",
		      kind_of(pci));
	/* Without a driver for its kind the device just stays unused. */
	err = device_add(pci->name, compatible, dev->node, &vpci->vdev);
	return err == -ENOENT ? 0 : err;

free_vpci:
	kfree(vpci);
	return err;
}

/* Transitional numbers, then modern ones: net, block, console, entropy, 9p. */
static const struct dt_match vpci_match[] = {
	{ .compatible = "pci1af4,1000" },
	{ .compatible = "pci1af4,1001" },
	{ .compatible = "pci1af4,1003" },
	{ .compatible = "pci1af4,1005" },
	{ .compatible = "pci1af4,1009" },
	{ .compatible = "pci1af4,1041" },
	{ .compatible = "pci1af4,1042" },
	{ .compatible = "pci1af4,1043" },
	{ .compatible = "pci1af4,1044" },
	{ .compatible = "pci1af4,1049" },
	{},
};

DRIVER(virtio_pci) = {
	.name = "virtio-pci",
	.class = CLASS_BUS,
	.match = vpci_match,
	.probe = vpci_probe,
};
