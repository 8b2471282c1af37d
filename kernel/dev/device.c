/* SPDX-License-Identifier: MIT */
/*
 * device.c - which driver serves which device
 *
 * Idea: one walk over the device tree makes a struct device of each enabled
 * node that some driver names; then these are probed class by class, so that
 * an interrupt controller is there before who needs it. A node lists its
 * "compatible" strings from the most special to the most general, and the
 * first that any driver knows decides.
 *
 * Locks: none; the list is built at boot and fixed afterwards.
 * Source: Devicetree Specification v0.4, "compatible".
 */
#include "kernel/dev/driver.h"

#include <arch/page_table.h>
#include "kernel/abi/errno.h"
#include "kernel/debug/log.h"
#include "kernel/dev/device_tree.h"
#include "kernel/dev/irq.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"

/* From linker.ld: one pointer per DRIVER(). */
extern const struct driver *const drivers_start[], *const drivers_end[];

static struct list_head devices = LIST_HEAD_INIT(devices);

static const struct dt_match *match_in(const struct driver *driver,
				       const char *compatible)
{
	const struct dt_match *match = driver->match;

	for (; match->compatible; match++) {
		if (!strcmp(match->compatible, compatible))
			return match;
	}
	return NULL;
}

static const struct driver *driver_for(const char *compatible,
				       const struct dt_match **match)
{
	const struct driver *const *driver = drivers_start;

	for (; driver < drivers_end; driver++) {
		*match = match_in(*driver, compatible);
		if (*match)
			return *driver;
	}
	return NULL;
}

int device_add(const char *name, const char *compatible, int node, void *bus)
{
	const struct dt_match *match;
	const struct driver *driver = driver_for(compatible, &match);
	struct device *dev;

	if (!driver)
		return -ENOENT;
	dev = kzalloc(sizeof(*dev));
	if (!dev)
		return -ENOMEM;
	dev->node = node;
	strcopy(dev->name, name, sizeof(dev->name));
	dev->driver = driver;
	dev->match_data = match->data;
	dev->bus = bus;
	list_push_back(&devices, &dev->all_node);
	return 0;
}

static void look_at(int node)
{
	const char *compatible;
	int err;

	if (!dt_property(node, "compatible", NULL) || !dt_is_enabled(node))
		return;
	for (int i = 0; (compatible = dt_string_at(node, "compatible", i));
	     i++) {
		err = device_add(dt_name(node), compatible, node, NULL);
		if (err == -ENOMEM)
			log_error("%s: no memory for it", dt_name(node));
		if (err != -ENOENT)
			return;
	}
}

static void probe(struct device *dev)
{
	int err = dev->driver->probe(dev);

	if (err == 0)
		log_debug("%s: driver %s", dev->name, dev->driver->name);
	else if (err != -ENODEV)
		log_error("%s: driver %s failed, error %d", dev->name,
			  dev->driver->name, -err);
	if (err)
		dev->driver = NULL;
}

void devices_probe(void)
{
	struct device *dev;
	int node;

	dt_for_each_node (node)
		look_at(node);
	for (enum device_class class = 0; class < NUM_DEVICE_CLASSES;
	     class ++) {
		list_for_each (dev, &devices, all_node) {
			if (dev->driver && dev->driver->class == class)
				probe(dev);
		}
	}
}

void device_for_each(void (*fn)(struct device *dev, void *arg), void *arg)
{
	struct device *dev;

	list_for_each (dev, &devices, all_node)
		fn(dev, arg);
}

int device_map_registers(struct device *dev, unsigned int i,
			 volatile void **regs)
{
	paddr_t address;
	uint64_t size;
	int err = dt_reg(dev->node, i, &address, &size);

	if (err)
		return err;
	if (size == 0)
		return -EINVAL;
	*regs = device_map(address, size);
	return *regs ? 0 : -ENOMEM;
}

int device_attach_irq(struct device *dev, unsigned int i,
		      void (*handler)(void *arg), void *arg)
{
	int controller, err;
	uint32_t number;

	err = dt_interrupt(dev->node, i, &controller, &number);
	if (err)
		return err;
	return irq_attach(controller, number, dev->name, handler, arg);
}
