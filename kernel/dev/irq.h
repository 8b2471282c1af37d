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
	/* From now on it goes to @hart_index alone. -EINVAL: it cannot. */
	int (*route)(void *chip, uint32_t number, unsigned int hart_index);
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
/* For /proc/interrupts: the first attached @number at or above *@number; its
 * name. False: none. */
bool irq_next(uint32_t *number, const char **name);
/* How often @hart_index served it. */
uint64_t irq_count(uint32_t number, unsigned int hart_index);
uint64_t irq_total(void);
/*
 * The harts (bits) that may serve it, and the one of them that does: the first
 * that is on line. If that goes, another does; if all go, any other.
 */
uint64_t irq_affinity(uint32_t number);
unsigned int irq_hart(uint32_t number);
/* -EINVAL: none of @harts is on line, or can serve it; -ENOENT: no such one. */
int irq_set_affinity(uint32_t number, uint64_t harts);
