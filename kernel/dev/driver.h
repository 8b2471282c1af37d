/* SPDX-License-Identifier: MIT */
/*
 * driver.h - drivers, and the devices they serve
 *
 * Idea: a driver is one file that ends in its declaration, DRIVER(name); the
 * linker collects the declarations in a table (linker.ld). Boot walks the
 * device tree class by class and lets each enabled node be probed by the first
 * driver that names its "compatible".
 */
#pragma once

#include <arch/machine.h> /* mmio_barrier() */
#include <arch/mmio.h>
#include "kernel/lib/compiler.h"
#include "kernel/lib/list.h"

struct device {
	int node;      /* in the device tree; -1: none */
	char name[32]; /* "serial@10000000" */
	const struct driver *driver;
	const void *match_data; /* dt_match.data */
	void *bus;  /* how a bus reaches it: see that bus's header; or NULL */
	void *data; /* the driver's state */
	struct list_head all_node; /* device.c */
};

struct dt_match {
	const char *compatible;
	const void *data;
};

/* In the order in which they are probed. */
enum device_class {
	CLASS_IRQCHIP,
	CLASS_CLOCK,
	CLASS_SERIAL,
	CLASS_RESET,
	CLASS_RTC,
	CLASS_BUS, /* finds devices of its own: virtio-mmio, PCI */
	CLASS_RNG,
	CLASS_BLOCK,
	CLASS_SHARE,
	CLASS_NET,
	NUM_DEVICE_CLASSES
};

struct driver {
	const char *name;
	enum device_class class;
	const struct dt_match *match; /* ended by an empty entry */
	/* 0, -ENODEV (not mine after all), or an error, which is logged. */
	int (*probe)(struct device *dev);
};

#define DRIVER(id)                                                             \
	static const struct driver driver_##id;                                \
	static const struct driver *const driver_pointer_##id __section(       \
		".drivers") = &driver_##id;                                    \
	static const struct driver driver_##id

/* Probe the whole tree; at boot, after memory and traps work. */
void devices_probe(void);
void device_for_each(void (*fn)(struct device *dev, void *arg), void *arg);

/*
 * By a driver of CLASS_BUS, in probe: it has found a device, which the match
 * tables call @compatible. A driver of a later class will be asked. @node is
 * the bus's own. 0, -ENOMEM, -ENOENT (no driver for it).
 */
int device_add(const char *name, const char *compatible, int node, void *bus);

/* Register block @i mapped; 0, -ENOENT, -ENOMEM. */
int device_map_registers(struct device *dev, unsigned int i,
			 volatile void **regs);
/* Run @handler(@arg) at interrupt @i of the device, interrupts off. */
int device_attach_irq(struct device *dev, unsigned int i,
		      void (*handler)(void *arg), void *arg);
