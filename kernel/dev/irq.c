/* SPDX-License-Identifier: MIT */
/*
 * irq.c - device interrupts, between the controller and the drivers
 *
 * Idea: a table by interrupt number says whose function to run. The controller
 * hands out numbers until none is pending; one trap may serve several.
 *
 * Locks: table_lock for attaching; the interrupt path takes none (an entry is
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
#include "kernel/sync/spinlock.h"
#include "kernel/trace/trace.h"

struct irq {
	void (*handler)(void *arg);
	void *arg;
	const char *name;
	uint64_t count; /* atomic */
	bool shared;
	struct irq *next; /* on the same line */
};

/* Fixed once registered. */
static const struct irqchip_ops *chip_ops;
static void *chip;
static int chip_node;

static struct spinlock table_lock = SPINLOCK_INIT(LOCK_DEVICE);

/* Written under table_lock; read without. */
static struct irq *irqs[MAX_IRQS];

static uint64_t total; /* atomic */

int irqchip_register(int node, const struct irqchip_ops *ops, void *data)
{
	if (chip_ops)
		return -EBUSY;
	chip = data;
	chip_node = node;
	chip_ops = ops;
	irqchip_hart_init();
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
	irq = kmalloc(sizeof(*irq));
	if (!irq)
		return -ENOMEM;
	*irq = (struct irq){
		.handler = handler, .arg = arg, .name = name, .shared = shared
	};

	spin_lock(&table_lock);
	irq->next = irqs[number];
	if (irq->next && !(shared && irq->next->shared))
		err = -EBUSY;
	else /* pairs with the acquire in run_handler() */
		__atomic_store_n(&irqs[number], irq, __ATOMIC_RELEASE);
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

static struct irq *irq_at(uint32_t number)
{
	if (number >= MAX_IRQS)
		return NULL;
	/* pairs with the release in irq_attach() */
	return __atomic_load_n(&irqs[number], __ATOMIC_ACQUIRE);
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
	__atomic_fetch_add(&irq->count, 1, __ATOMIC_RELAXED);
	for (; irq; irq = irq->next)
		irq->handler(irq->arg);
}

void handle_external_interrupt(void)
{
	uint32_t number;

	while (chip_ops && (number = chip_ops->claim(chip))) {
		TRACE(DEVICE, number);
		__atomic_fetch_add(&total, 1, __ATOMIC_RELAXED);
		run_handler(number);
		chip_ops->complete(chip, number);
		random_add_timing(arch_time_ticks());
	}
}

bool irq_get_info(unsigned int i, uint32_t *number, uint64_t *count,
		  const char **name)
{
	for (uint32_t n = 1; n < MAX_IRQS; n++) {
		struct irq *irq = irq_at(n);

		if (!irq || i-- > 0)
			continue;
		*number = n;
		*count = __atomic_load_n(&irq->count, __ATOMIC_RELAXED);
		*name = irq->name;
		return true;
	}
	return false;
}

uint64_t irq_total(void)
{
	return __atomic_load_n(&total, __ATOMIC_RELAXED);
}
