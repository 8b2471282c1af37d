/* SPDX-License-Identifier: MIT */
/*
 * plic.c - the platform-level interrupt controller
 *
 * Idea: the PLIC has one "context" for each privilege mode of each hart that
 * can take interrupts. Which context is whose is said only by the device tree:
 * entry n of interrupts-extended names the hart's own controller and the
 * interrupt that context n raises there, 9 being the external interrupt of
 * S-mode. (So hart h has context 2h+1 on QEMU's virt, 2h on SiFive's chips.)
 *
 * The firmware leaves every source at priority 0 ("never") and the contexts
 * closed (threshold 7): both are set here.
 *
 * Locks: lock, for the words of enable bits. Claim and complete are registers
 * of the hart's own context.
 * Source: RISC-V Platform-Level Interrupt Controller Specification 1.0.0,
 * "Memory Map". Ran on: QEMU virt, sifive_u, icicle.
 */
#include <arch/hart.h>
#include <arch/page_table.h>
#include "kernel/abi/errno.h"
#include "kernel/dev/device_tree.h"
#include "kernel/dev/driver.h"
#include "kernel/dev/irq.h"
#include "kernel/mm/slab.h"
#include "kernel/sync/spinlock.h"

enum {
	PRIORITY = 0x0,          /* a word per source */
	ENABLE = 0x2000,         /* a bit per source, for each context */
	ENABLE_STRIDE = 0x80,    /* bytes */
	CONTEXT = 0x200000,      /* two registers for each context: */
	CONTEXT_STRIDE = 0x1000, /* bytes */
	THRESHOLD = 0x0,
	CLAIM = 0x4,

	MAX_CONTEXTS = 15872,
	MAX_SOURCES = 1023,
	SUPERVISOR_EXTERNAL = 9, /* the interrupt's number at the hart */
};

struct plic {
	struct spinlock lock; /* rank LOCK_LEAF; enable bits */
	bool rerouted;        /* some source has ever been given to another */

	/* Fixed after probe. */
	volatile char *regs;
	uint32_t num_sources;
	int context[MAX_HARTS]; /* by hart index; -1: cannot serve it */
};

static volatile char *context_regs(struct plic *plic, unsigned int hart)
{
	size_t n = (size_t)plic->context[hart];

	return plic->regs + CONTEXT + n * CONTEXT_STRIDE;
}

/* The word with the enable bit of source @number. */
static volatile char *enable_word(struct plic *plic, unsigned int hart,
				  uint32_t number)
{
	size_t n = (size_t)plic->context[hart];
	size_t word = number / 32;

	return plic->regs + ENABLE + n * ENABLE_STRIDE + word * 4;
}

static uint32_t plic_claim(void *chip)
{
	struct plic *plic = chip;
	unsigned int hart = arch_hart_index();

	if (plic->context[hart] < 0)
		return 0;
	return mmio_read32(context_regs(plic, hart) + CLAIM);
}

/* Let source @number through to the context of @hart, or not. */
static void set_enabled(struct plic *plic, uint32_t number, unsigned int hart,
			bool on)
{
	volatile char *word = enable_word(plic, hart, number);
	uint32_t bit = 1u << number % 32;
	uint32_t bits;

	spin_lock(&plic->lock);
	bits = mmio_read32(word);
	mmio_write32(word, on ? bits | bit : bits & ~bit);
	spin_unlock(&plic->lock);
}

static void plic_enable(void *chip, uint32_t number, unsigned int hart_index)
{
	struct plic *plic = chip;
	size_t source = number;

	if (number > plic->num_sources || plic->context[hart_index] < 0)
		return;
	mmio_write32(plic->regs + PRIORITY + source * 4, 1);
	set_enabled(plic, number, hart_index, true);
}

/*
 * A completion counts only while the source is enabled for the context. If it
 * was given to another hart since the claim, it is lent back for that moment;
 * else it would never come again.
 */
static void complete_lent(struct plic *plic, uint32_t number, unsigned int hart)
{
	volatile char *word = enable_word(plic, hart, number);
	uint32_t bit = 1u << number % 32;
	uint32_t bits;

	spin_lock(&plic->lock);
	bits = mmio_read32(word);
	mmio_write32(word, bits | bit);
	mmio_write32(context_regs(plic, hart) + CLAIM, number);
	mmio_write32(word, bits);
	spin_unlock(&plic->lock);
}

static void plic_complete(void *chip, uint32_t number)
{
	struct plic *plic = chip;
	unsigned int hart = arch_hart_index();

	if (unlikely(READ_ONCE(plic->rerouted)))
		complete_lent(plic, number, hart);
	else
		mmio_write32(context_regs(plic, hart) + CLAIM, number);
}

static int plic_route(void *chip, uint32_t number, unsigned int hart_index)
{
	struct plic *plic = chip;

	if (number > plic->num_sources || plic->context[hart_index] < 0)
		return -EINVAL;
	WRITE_ONCE(plic->rerouted, true);
	/* Never on none: what is pending would be forgotten by edge sources. */
	set_enabled(plic, number, hart_index, true);
	for (unsigned int i = 0; i < arch_num_harts(); i++) {
		if (i != hart_index && plic->context[i] >= 0)
			set_enabled(plic, number, i, false);
	}
	return 0;
}

static void plic_disable(void *chip, uint32_t number)
{
	struct plic *plic = chip;

	if (number > plic->num_sources)
		return;
	for (unsigned int i = 0; i < arch_num_harts(); i++) {
		if (plic->context[i] >= 0)
			set_enabled(plic, number, i, false);
	}
}

static void plic_hart_init(void *chip)
{
	struct plic *plic = chip;
	unsigned int hart = arch_hart_index();

	if (plic->context[hart] >= 0)
		mmio_write32(context_regs(plic, hart) + THRESHOLD, 0);
}

static const struct irqchip_ops plic_ops = {
	.claim = plic_claim,
	.complete = plic_complete,
	.enable = plic_enable,
	.disable = plic_disable,
	.route = plic_route,
	.hart_init = plic_hart_init,
};

/* The index of the hart with this number, or -1: not one that we use. */
static int hart_index_of(uint64_t hartid)
{
	for (unsigned int i = 0; i < arch_num_harts(); i++) {
		if (arch_hart_id(i) == hartid)
			return (int)i;
	}
	return -1;
}

/*
 * Whose S-mode context number @n is: a hart index, -1 for nobody that we know,
 * or -ENOENT behind the last context.
 */
static int owner_of_context(int node, unsigned int n)
{
	uint32_t interrupt;
	uint64_t hartid;
	int controller;
	int err = dt_interrupt(node, n, &controller, &interrupt);

	if (err)
		return -ENOENT;
	if (interrupt != SUPERVISOR_EXTERNAL ||
	    !dt_hart_usable(dt_parent(controller), &hartid))
		return -1;
	return hart_index_of(hartid);
}

/* Fill in plic->context; returns the highest that is ours, or -ENODEV. */
static int find_contexts(struct plic *plic, int node)
{
	int highest = -ENODEV;
	int hart;

	for (unsigned int i = 0; i < MAX_HARTS; i++)
		plic->context[i] = -1;
	for (int n = 0; n < MAX_CONTEXTS; n++) {
		hart = owner_of_context(node, (unsigned int)n);
		if (hart == -ENOENT)
			break;
		if (hart >= 0) {
			plic->context[hart] = n;
			highest = n;
		}
	}
	return highest;
}

/* Map the registers up to those of the last context: the whole block may be
 * 64 MiB. */
static int map_registers(struct plic *plic, int node, int last_context)
{
	uint64_t wanted =
		CONTEXT + (uint64_t)(last_context + 1) * CONTEXT_STRIDE;
	paddr_t address;
	uint64_t size;
	int err = dt_reg(node, 0, &address, &size);

	if (err)
		return err;
	if (size < wanted)
		return -EINVAL;
	plic->regs = device_map(address, wanted);
	return plic->regs ? 0 : -ENOMEM;
}

/* The firmware may have left sources enabled. */
static void close_all(struct plic *plic)
{
	for (unsigned int hart = 0; hart < arch_num_harts(); hart++) {
		if (plic->context[hart] < 0)
			continue;
		for (uint32_t n = 0; n <= plic->num_sources; n += 32)
			mmio_write32(enable_word(plic, hart, n), 0);
	}
}

static int plic_probe(struct device *dev)
{
	struct plic *plic = kzalloc(sizeof(*plic));
	int last_context, err;

	if (!plic)
		return -ENOMEM;
	spin_init(&plic->lock, LOCK_LEAF);

	err = -EINVAL;
	if (dt_u32(dev->node, "riscv,ndev", &plic->num_sources) ||
	    plic->num_sources > MAX_SOURCES)
		goto free_plic;
	err = last_context = find_contexts(plic, dev->node);
	if (err < 0)
		goto free_plic;
	err = map_registers(plic, dev->node, last_context);
	if (err)
		goto free_plic;

	close_all(plic);
	/* Registers stay mapped when there is another controller already:
	 * a second PLIC (QEMU's virt with several nodes) is not used. */
	err = irqchip_register(dev->node, &plic_ops, plic);
	if (err)
		goto free_plic;
	dev->data = plic;
	return 0;

free_plic:
	kfree(plic);
	return err == -EBUSY ? -ENODEV : err;
}

static const struct dt_match plic_match[] = {
	{ .compatible = "sifive,plic-1.0.0" },
	{ .compatible = "riscv,plic0" },
	{},
};

DRIVER(plic) = {
	.name = "plic",
	.class = CLASS_IRQCHIP,
	.match = plic_match,
	.probe = plic_probe,
};
