/* SPDX-License-Identifier: MIT */
/*
 * pci.h - devices on a PCI bus: what their drivers use
 *
 * Idea: a host bridge (drivers/pci) makes configuration space reachable and
 * says which addresses the bus has; the code here looks at every place on the
 * bus, gives the memory regions (BARs) of what it finds addresses, and
 * announces a device "pciVVVV,DDDD" (vendor and device in hexadecimal), or, if no
 * driver knows that, "pciclass,CCSSPP". A driver gets a struct pci_device as
 * dev->bus.
 *
 * What is there: bus 0, memory regions, INTx interrupts. Left out: bridges,
 * I/O ports, MSI.
 * Source: PCI Local Bus Specification 3.0, chapter 6; PCI Express Base
 * Specification, "PCI Express Enhanced Configuration Access Mechanism (ECAM)".
 */
#pragma once

#include "kernel/dev/driver.h"
#include "kernel/lib/compiler.h"

#define PCI_NUM_BARS 6u

struct pci_host;

struct pci_device {
	/* Fixed once it is announced. */
	struct pci_host *host;
	unsigned int slot, function; /* on bus 0 */
	uint16_t vendor, device;
	uint32_t class; /* class, subclass, interface */
	char name[16];  /* "pci-00:01.0" */
	struct {
		paddr_t address; /* 0: none, or not memory */
		uint64_t size;   /* bytes */
	} bars[PCI_NUM_BARS];
};

struct pci_host {
	/* Filled in by the bridge's driver. */
	int node;              /* in the device tree */
	volatile char *config; /* bus 0: 32 slots of 8 functions of 4 KiB */
	paddr_t memory,
		memory_end;  /* addresses to give away, on our side ... */
	uint64_t bus_offset; /* ... and minus this on the bus's */
};

/* Find what is on the bus and announce it. By a bridge's probe. */
int pci_host_scan(struct pci_host *host);

/* Configuration space; @offset a multiple of 4. */
uint32_t pci_read(const struct pci_device *pci, unsigned int offset);
void pci_write(const struct pci_device *pci, unsigned int offset,
	       uint32_t value);
uint8_t pci_read8(const struct pci_device *pci, unsigned int offset);

/* The next capability with number @id behind offset @after (0: the first);
 * its offset, or 0. */
unsigned int pci_capability(const struct pci_device *pci, uint8_t id,
			    unsigned int after);
/* Let it decode its memory and do DMA. */
void pci_enable(const struct pci_device *pci);
/* BAR @i mapped; -ENOENT, -ENOMEM. */
int pci_map_bar(const struct pci_device *pci, unsigned int i,
		volatile char **regs);
/* Run @handler(@arg) at its interrupt; others may share the line. */
int pci_attach_irq(const struct pci_device *pci, void (*handler)(void *arg),
		   void *arg);
