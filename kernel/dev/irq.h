/* SPDX-License-Identifier: MIT */
/*
 * irq.h - device interrupts, between the controllers and the drivers
 *
 * One root controller per machine (PLIC). Its driver registers its operations;
 * a device's driver attaches a handler by controller node and number.
 */
#pragma once

#include "kernel/lib/compiler.h"

#define MAX_IRQS 1024

struct irqchip_ops {
	/* The highest pending interrupt for this hart, claimed; 0: none. */
	uint32_t (*claim)(void *chip);
	void (*complete)(void *chip, uint32_t number);
	void (*enable)(void *chip, uint32_t number, unsigned int hart_index);
	void (*disable)(void *chip, uint32_t number);
	/* This hart comes up: open its context. */
	void (*hart_init)(void *chip);
};

int irqchip_register(int node, const struct irqchip_ops *ops, void *chip);
void irqchip_hart_init(void);
int irq_attach(int controller_node, uint32_t number, const char *name,
	       void (*handler)(void *arg), void *arg);
/* The same for a line that several devices may have (PCI): all their handlers
 * run, each finds out whether it was meant. */
int irq_attach_shared(int controller_node, uint32_t number, const char *name,
		      void (*handler)(void *arg), void *arg);
/* For /proc/interrupts: number, count per hart, name. False past the end. */
bool irq_get_info(unsigned int i, uint32_t *number, uint64_t *count,
		  const char **name);
uint64_t irq_total(void);
