/* SPDX-License-Identifier: MIT */
/*
 * irq.c - device interrupts, between the controller and the drivers
 *
 * Idea: a table by interrupt number says whose function to run. The controller
 * hands out numbers until none is pending; one trap may serve several.
 *
 * One hart serves a line: the one that attached it, until somebody chooses
 * others (/proc/irq/N/smp_affinity) or it goes off line.
 *
 * Locks: table_lock for attaching and routes; the interrupt path takes none (an entry is
 * complete before it is seen, and never goes away).
 */
#include "kernel/dev/irq.h"

#include <arch/hart.h>
#include "kernel/abi/errno.h"
#include "kernel/arch_entry.h"
#include "kernel/debug/log.h"
#include "kernel/dev/device_tree.h"
#include "kernel/dev/random.h"
#include "kernel/mm/slab.h"
#include "kernel/sched/sched.h"
#include "kernel/sync/spinlock.h"
#include "kernel/trace/trace.h"

struct irq {
	void (*handler)(void *arg);
	void *arg;
	const char *name;
	bool shared;
	struct irq *next; /* on the same line */

	/* Of the first on a line. Under table_lock: */
	uint64_t affinity; /* bit h: hart h may serve it */
	unsigned int hart; /* who does */
	/* Own hart, interrupts off; read by others. */
	uint64_t counts[];
};

/* Fixed once registered. */
static const struct irqchip_ops *chip_ops;
static void *chip;
static int chip_node;

static struct spinlock table_lock = SPINLOCK_INIT(LOCK_DEVICE);

/* Written under table_lock; read without. */
static struct irq *irqs[MAX_IRQS];

/* ---- Who serves a line ---- */

static struct irq *irq_at(uint32_t number)
{
	if (number >= MAX_IRQS)
		return NULL;
	/* pairs with the release in irq_attach() */
	return __atomic_load_n(&irqs[number], __ATOMIC_ACQUIRE);
}

/* To the first of @harts that can; 0, -EINVAL. */
static int route(struct irq *irq, uint32_t number, uint64_t harts)
	MUST_HOLD(table_lock)
{
	for (harts &= sched_online_harts(); harts; harts &= harts - 1) {
		unsigned int hart = (unsigned int)__builtin_ctzl(harts);

		if (hart == irq->hart)
			return 0;
		if (chip_ops->route(chip, number, hart) == 0) {
			irq->hart = hart;
			return 0;
		}
	}
	return -EINVAL;
}

static void hart_gone(unsigned int hart)
{
	spin_lock(&table_lock);
	for (uint32_t n = 1; n < MAX_IRQS; n++) {
		struct irq *irq = irqs[n];

		if (irq && irq->hart == hart &&
		    route(irq, n, irq->affinity) != 0)
			(void)route(irq, n, UINT64_MAX);
	}
	spin_unlock(&table_lock);
}

uint64_t irq_affinity(uint32_t number)
{
	const struct irq *irq = irq_at(number);

	return irq ? READ_ONCE(irq->affinity) : 0;
}

unsigned int irq_hart(uint32_t number)
{
	const struct irq *irq = irq_at(number);

	return irq ? READ_ONCE(irq->hart) : 0;
}

int irq_set_affinity(uint32_t number, uint64_t harts)
{
	struct irq *irq = irq_at(number);
	int err;

	if (!irq)
		return -ENOENT;
	spin_lock(&table_lock);
	err = route(irq, number, harts);
	if (!err)
		irq->affinity = harts;
	spin_unlock(&table_lock);
	return err;
}

/* ---- The controller ---- */

int irqchip_register(int node, const struct irqchip_ops *ops, void *data)
{
	if (chip_ops)
		return -EBUSY;
	chip = data;
	chip_node = node;
	chip_ops = ops;
	irqchip_hart_init();
	sched_set_hart_gone_hook(hart_gone);
	return 0;
}

void irqchip_hart_init(void)
{
	if (chip_ops)
		chip_ops->hart_init(chip);
}

static int attach(int controller_node, uint32_t number, const char *name,
		  void (*handler)(void *arg), void *arg, bool shared)
{
	struct irq *irq;
	int err = 0;

	if (!chip_ops || controller_node != chip_node)
		return -ENODEV;
	if (number == 0 || number >= MAX_IRQS)
		return -EINVAL;
	irq = kzalloc(sizeof(*irq) + arch_num_harts() * sizeof(uint64_t));
	if (!irq)
		return -ENOMEM;
	irq->handler = handler;
	irq->arg = arg;
	irq->name = name;
	irq->shared = shared;
	irq->affinity = UINT64_MAX;

	spin_lock(&table_lock);
	irq->hart = arch_hart_index();
	irq->next = irqs[number];
	if (irq->next && !(shared && irq->next->shared))
		err = -EBUSY;
	else if (irq->next)
		irq->hart = irq->next->hart;
	if (!err) /* pairs with the acquire in run_handler() */
		STORE_RELEASE(irqs[number], irq);
	spin_unlock(&table_lock);
	if (err) {
		kfree(irq);
		return err;
	}
	chip_ops->enable(chip, number, arch_hart_index());
	return 0;
}

int irq_attach(int controller_node, uint32_t number, const char *name,
	       void (*handler)(void *arg), void *arg)
{
	return attach(controller_node, number, name, handler, arg, false);
}

int irq_attach_shared(int controller_node, uint32_t number, const char *name,
		      void (*handler)(void *arg), void *arg)
{
	return attach(controller_node, number, name, handler, arg, true);
}

static void run_handler(uint32_t number)
{
	struct irq *irq = irq_at(number);

	if (!irq) {
		chip_ops->disable(chip, number);
		log_warning("irq: nobody waits for interrupt %u: turned off",
			    number);
		return;
	}
	WRITE_ONCE(irq->counts[arch_hart_index()],
		   irq->counts[arch_hart_index()] + 1);
	for (; irq; irq = irq->next)
		irq->handler(irq->arg);
}

void handle_external_interrupt(void)
{
	uint32_t number;

	while (chip_ops && (number = chip_ops->claim(chip))) {
		TRACE(DEVICE, number);
		run_handler(number);
		chip_ops->complete(chip, number);
		random_add_timing(arch_time_ticks());
	}
}

bool irq_next(uint32_t *number, const char **name)
{
	for (; *number < MAX_IRQS; ++*number) {
		const struct irq *irq = irq_at(*number);

		if (irq) {
			*name = irq->name;
			return true;
		}
	}
	return false;
}

uint64_t irq_count(uint32_t number, unsigned int hart_index)
{
	const struct irq *irq = irq_at(number);

	return irq ? READ_ONCE(irq->counts[hart_index]) : 0;
}

uint64_t irq_total(void)
{
	const char *name;
	uint64_t total = 0;

	for (uint32_t n = 1; irq_next(&n, &name); n++) {
		for (unsigned int i = 0; i < arch_num_harts(); i++)
			total += irq_count(n, i);
	}
	return total;
}
