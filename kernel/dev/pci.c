/* SPDX-License-Identifier: MIT */
/*
 * pci.c - what is on a PCI bus
 *
 * Idea: the machine starts our kernel without firmware that knows PCI, so the
 * devices have no addresses yet: each says by its BAR registers how much it
 * wants, and gets the next free piece of the bridge's window.
 *
 * Locks: none; all at boot, on one hart.
 * Source: PCI Local Bus Specification 3.0, 6.2 "Configuration Space
 * Functions", 6.2.5.1 "Address Maps"; Devicetree, "Nexus Nodes and Specifier
 * Mapping".
 */
#include "kernel/dev/pci.h"

#include <arch/page_table.h>
#include "kernel/abi/errno.h"
#include "kernel/debug/log.h"
#include "kernel/dev/device_tree.h"
#include "kernel/dev/irq.h"
#include "kernel/lib/format.h"
#include "kernel/mm/slab.h"

/* Offsets in configuration space, and bits there. */
enum {
	ID = 0x00,
	COMMAND = 0x04,
	CLASS = 0x08,
	HEADER = 0x0c,
	BAR0 = 0x10,
	CAPABILITIES = 0x34,
	INTERRUPT = 0x3c,

	COMMAND_MEMORY = 1 << 1,
	COMMAND_MASTER = 1 << 2,
	STATUS_HAS_CAPABILITIES = 1 << 20,
	HEADER_MULTI = 0x80,
	HEADER_TYPE = 0x7f,
	BAR_IS_IO = 1,
	BAR_IS_64 = 1 << 2,
};
#define BAR_FLAGS 0xfu

enum { NUM_SLOTS = 32, NUM_FUNCTIONS = 8, MAX_CAPABILITIES = 48 };

/* ---- Configuration space ----------------------------------------------------------- */

static volatile char *config_of(const struct pci_device *pci)
{
	return pci->host->config +
	       ((pci->slot * NUM_FUNCTIONS + pci->function) << 12);
}

uint32_t pci_read(const struct pci_device *pci, unsigned int offset)
{
	return mmio_read32(config_of(pci) + offset);
}

void pci_write(const struct pci_device *pci, unsigned int offset,
	       uint32_t value)
{
	mmio_write32(config_of(pci) + offset, value);
}

uint8_t pci_read8(const struct pci_device *pci, unsigned int offset)
{
	return mmio_read8(config_of(pci) + offset);
}

unsigned int pci_capability(const struct pci_device *pci, uint8_t id,
			    unsigned int after)
{
	unsigned int at = after ? pci_read8(pci, after + 1)
				: pci_read8(pci, CAPABILITIES);

	if (!(pci_read(pci, COMMAND) & STATUS_HAS_CAPABILITIES))
		return 0;
	/* A list of the device's making: it must end, and stay inside. */
	for (unsigned int i = 0; i < MAX_CAPABILITIES; i++) {
		at &= 0xfc;
		if (at < 0x40)
			return 0;
		if (pci_read8(pci, at) == id)
			return at;
		at = pci_read8(pci, at + 1);
	}
	return 0;
}

void pci_enable(const struct pci_device *pci)
{
	/* The upper half is status: zeros leave it alone. */
	uint32_t command = pci_read(pci, COMMAND) & 0xffff;

	pci_write(pci, COMMAND, command | COMMAND_MEMORY | COMMAND_MASTER);
}

int pci_map_bar(const struct pci_device *pci, unsigned int i,
		volatile char **regs)
{
	if (i >= PCI_NUM_BARS || !pci->bars[i].size || !pci->bars[i].address)
		return -ENOENT;
	*regs = device_map(pci->bars[i].address, pci->bars[i].size);
	return *regs ? 0 : -ENOMEM;
}

/* ---- Addresses ------------------------------------------------------------------------- */

/* What the BAR at @offset answers when all ones are written to it. */
static uint32_t ask_size(const struct pci_device *pci, unsigned int offset)
{
	uint32_t old = pci_read(pci, offset), mask;

	pci_write(pci, offset, UINT32_MAX);
	mask = pci_read(pci, offset);
	pci_write(pci, offset, old);
	return mask;
}

/* The size of memory BAR @i; 0: there is none. */
static uint64_t bar_size(const struct pci_device *pci, unsigned int i,
			 bool *is_64)
{
	unsigned int offset = BAR0 + 4 * i;
	uint32_t low = ask_size(pci, offset);
	uint64_t mask;

	*is_64 =
		!(low & BAR_IS_IO) && (low & BAR_IS_64) && i + 1 < PCI_NUM_BARS;
	if (!low || (low & BAR_IS_IO))
		return 0;
	mask = (low & ~BAR_FLAGS) | (uint64_t)UINT32_MAX << 32;
	if (*is_64)
		mask = (mask & UINT32_MAX) | (uint64_t)ask_size(pci, offset + 4)
						     << 32;
	return ~mask + 1;
}

/* A piece of the bridge's window, as aligned as it is large; 0: none left. */
static paddr_t take_addresses(struct pci_host *host, uint64_t size)
{
	uint64_t align = size < PAGE_SIZE ? PAGE_SIZE : size;
	paddr_t start = ALIGN_UP(host->memory, align);

	if (size & (size - 1) || start < host->memory ||
	    size > host->memory_end - host->memory ||
	    start > host->memory_end - size)
		return 0;
	host->memory = start + size;
	return start;
}

static void place_bar(struct pci_device *pci, unsigned int i, uint64_t size,
		      bool is_64)
{
	paddr_t address = take_addresses(pci->host, size);
	uint64_t on_bus = address - pci->host->bus_offset;

	if (!address) {
		log_warning("%s: no addresses left for its BAR %u", pci->name,
			    i);
		return;
	}
	pci_write(pci, BAR0 + 4 * i, (uint32_t)on_bus);
	if (is_64)
		pci_write(pci, BAR0 + 4 * i + 4, (uint32_t)(on_bus >> 32));
	pci->bars[i].address = address;
	pci->bars[i].size = size;
}

static void place_bars(struct pci_device *pci)
{
	bool is_64;

	for (unsigned int i = 0; i < PCI_NUM_BARS; i += is_64 ? 2 : 1) {
		uint64_t size = bar_size(pci, i, &is_64);

		if (size)
			place_bar(pci, i, size, is_64);
	}
}

/* ---- Interrupts -------------------------------------------------------------------------- */

enum {
	MAP_UNIT = 3,  /* cells of a PCI address */
	MAP_CHILD = 4, /* and the pin */
};

/* What follows the child's part of an entry: controller, its address, number.
 * Returns the length in cells, or an error. */
static int read_parent(int node, int at, int *controller, uint32_t *number)
{
	uint32_t phandle, address_cells = 0, interrupt_cells;
	int err = dt_u32_at(node, "interrupt-map", at, &phandle);

	if (err)
		return err;
	*controller = dt_find_phandle(phandle);
	if (*controller < 0)
		return *controller;
	dt_u32(*controller, "#address-cells", &address_cells);
	err = dt_u32(*controller, "#interrupt-cells", &interrupt_cells);
	if (err)
		return err;
	if (address_cells > 4 || interrupt_cells == 0 || interrupt_cells > 4)
		return -EINVAL;
	err = dt_u32_at(node, "interrupt-map", at + 1 + (int)address_cells,
			number);
	return err ? err : 1 + (int)(address_cells + interrupt_cells);
}

/* Does the entry at cell @at stand for @unit (slot) and @pin? */
static bool entry_matches(int node, int at, uint32_t unit, uint32_t pin)
{
	uint32_t unit_mask = 0, pin_mask = 0, its_unit, its_pin;

	if (dt_u32_at(node, "interrupt-map-mask", 0, &unit_mask) ||
	    dt_u32_at(node, "interrupt-map-mask", MAP_UNIT, &pin_mask) ||
	    dt_u32_at(node, "interrupt-map", at, &its_unit) ||
	    dt_u32_at(node, "interrupt-map", at + MAP_UNIT, &its_pin))
		return false;
	return (unit & unit_mask) == its_unit && (pin & pin_mask) == its_pin;
}

int pci_attach_irq(const struct pci_device *pci, void (*handler)(void *arg),
		   void *arg)
{
	uint32_t pin = pci_read8(pci, INTERRUPT + 1), number = 0;
	uint32_t unit = pci->slot << 11 | pci->function << 8;
	int node = pci->host->node, at = 0, controller = -1;

	if (!pin)
		return -ENOENT;
	for (;;) {
		int len =
			read_parent(node, at + MAP_CHILD, &controller, &number);

		if (len < 0)
			return len;
		if (entry_matches(node, at, unit, pin))
			break;
		at += MAP_CHILD + len;
	}
	return irq_attach_shared(controller, number, pci->name, handler, arg);
}

/* ---- Finding devices ----------------------------------------------------------------------- */

static int announce(struct pci_device *pci)
{
	char compatible[32];
	int err;

	format_string(compatible, sizeof(compatible), "pci%04x,%04x",
		      pci->vendor, pci->device);
	err = device_add(pci->name, compatible, pci->host->node, pci);
	if (err != -ENOENT)
		return err;
	format_string(compatible, sizeof(compatible), "pciclass,%06x",
		      pci->class);
	return device_add(pci->name, compatible, pci->host->node, pci);
}

/* Fill in what is at a place; false: nothing, or a bridge. */
static bool look_at(struct pci_device *pci)
{
	uint32_t id = pci_read(pci, ID);

	if (id == UINT32_MAX || id == 0)
		return false;
	pci->vendor = (uint16_t)id;
	pci->device = (uint16_t)(id >> 16);
	pci->class = pci_read(pci, CLASS) >> 8;
	format_string(pci->name, sizeof(pci->name), "pci-00:%02x.%u", pci->slot,
		      pci->function);
	return (pci_read8(pci, HEADER + 2) & HEADER_TYPE) == 0;
}

static int add_function(struct pci_host *host, unsigned int slot,
			unsigned int function)
{
	struct pci_device *pci = kzalloc(sizeof(*pci));
	int err;

	if (!pci)
		return -ENOMEM;
	pci->host = host;
	pci->slot = slot;
	pci->function = function;
	if (!look_at(pci)) {
		kfree(pci);
		return 0;
	}
	place_bars(pci);
	err = announce(pci);
	if (err == -ENOENT)
		log_debug("%s: nobody serves %04x:%04x, class %06x", pci->name,
			  pci->vendor, pci->device, pci->class);
	/* Its addresses are given; it stays known even without a driver. */
	return err == -ENOMEM ? err : 0;
}

int pci_host_scan(struct pci_host *host)
{
	int err = 0;

	for (unsigned int slot = 0; slot < NUM_SLOTS && !err; slot++) {
		struct pci_device first = { .host = host, .slot = slot };
		bool multi = pci_read(&first, ID) != UINT32_MAX &&
			     pci_read8(&first, HEADER + 2) & HEADER_MULTI;

		for (unsigned int i = 0; i < (multi ? NUM_FUNCTIONS : 1); i++) {
			err = add_function(host, slot, i);
			if (err)
				break;
		}
	}
	return err;
}
