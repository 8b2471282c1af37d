/* SPDX-License-Identifier: MIT */
/*
 * ecam.c - a PCI host bridge whose configuration space is plain memory
 *
 * Idea: 4 KiB for each function, one after the other; that and the windows of
 * addresses are all there is to it, and the device tree names both.
 *
 * Source: Devicetree bindings, "Generic PCI host controller"; PCI Bus Binding
 * to Open Firmware (the three cells of an address). Ran on: QEMU virt.
 */
#include <arch/page_table.h>
#include "kernel/abi/errno.h"
#include "kernel/dev/device_tree.h"
#include "kernel/dev/driver.h"
#include "kernel/dev/pci.h"
#include "kernel/mm/slab.h"

enum {
	BUS_SIZE = 1 << 20, /* of configuration space */
	RANGE_CELLS = 7,    /* of an entry: bus address 3, ours 2, size 2 */
	SPACE_SHIFT = 24,   /* in the first cell */
	SPACE_MASK = 3,
	SPACE_MEMORY_32 = 2,
};

static int read_u64(int node, int at, uint64_t *value)
{
	uint32_t high, low;

	if (dt_u32_at(node, "ranges", at, &high) ||
	    dt_u32_at(node, "ranges", at + 1, &low))
		return -ENOENT;
	*value = (uint64_t)high << 32 | low;
	return 0;
}

/* The window of memory below 4 GiB, which every BAR can have. */
static int find_window(struct pci_host *host)
{
	uint64_t bus, ours, size;
	uint32_t kind;

	for (int at = 0; !dt_u32_at(host->node, "ranges", at, &kind);
	     at += RANGE_CELLS) {
		if ((kind >> SPACE_SHIFT & SPACE_MASK) != SPACE_MEMORY_32)
			continue;
		if (read_u64(host->node, at + 1, &bus) ||
		    read_u64(host->node, at + 3, &ours) ||
		    read_u64(host->node, at + 5, &size))
			return -EINVAL;
		host->memory = ours;
		host->memory_end = ours + size;
		host->bus_offset = ours - bus;
		return 0;
	}
	return -ENOENT;
}

static int ecam_probe(struct device *dev)
{
	struct pci_host *host = kzalloc(sizeof(*host));
	paddr_t config;
	uint64_t size;
	int err;

	if (!host)
		return -ENOMEM;
	host->node = dev->node;
	err = dt_reg(dev->node, 0, &config, &size);
	if (!err && size < BUS_SIZE)
		err = -EINVAL;
	if (!err)
		err = find_window(host);
	if (err)
		goto free_host;
	err = -ENOMEM;
	host->config = device_map(config, BUS_SIZE);
	if (!host->config)
		goto free_host;
	dev->data = host;
	return pci_host_scan(host);

free_host:
	kfree(host);
	return err;
}

static const struct dt_match ecam_match[] = {
	{ .compatible = "pci-host-ecam-generic" },
	{},
};

DRIVER(pci_ecam) = {
	.name = "pci-ecam",
	.class = CLASS_BUS,
	.match = ecam_match,
	.probe = ecam_probe,
};
