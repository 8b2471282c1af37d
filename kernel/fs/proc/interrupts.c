/* SPDX-License-Identifier: MIT */
/*
 * interrupts.c - /proc/interrupts and /proc/irq: who is interrupted how often
 *
 * A line for each interrupt and a column for each hart that is on line. Numbers
 * are the controller's; 0, which is none there, is the hart's own timer.
 * irq/N/smp_affinity chooses the harts that may serve a device (proc(5)): a mask
 * in hexadecimal; the first of them that is on line does.
 */
#include <arch/hart.h>
#include "kernel/dev/irq.h"
#include "kernel/fs/proc/internal.h"
#include "kernel/sched/sched.h"
#include "kernel/time/timer.h"

#define for_each_hart_of(hart, harts)                                          \
	for (uint64_t left_ = (harts), hart;                                   \
	     left_ && (hart = (uint64_t)__builtin_ctzl(left_), true);          \
	     left_ &= left_ - 1)

/* ---- /proc/interrupts ---- */

static uint64_t timer_count(uint32_t number, unsigned int hart)
{
	return timer_interrupts(hart);
}

static uint64_t ipi_count(uint32_t number, unsigned int hart)
{
	return sched_hart_ipis(hart);
}

static void add_counts(struct text *text, uint32_t number, uint64_t harts,
		       uint64_t (*count)(uint32_t number, unsigned int hart))
{
	for_each_hart_of(hart, harts)
		text_add(text, " %10lu", count(number, (unsigned int)hart));
}

int proc_show_interrupts(const struct proc_subject *subject, struct text *text)
{
	uint64_t harts = sched_online_harts();
	const char *name;

	text_add(text, "     ");
	for_each_hart_of(hart, harts) text_add(
		text, "%sCPU%lu", hart < 10 ? "       " : "      ", hart);
	text_add(text, "       \n%4u:", 0);
	add_counts(text, 0, harts, timer_count);
	text_add(text, "  RISC-V INTC   5 Edge      riscv-timer\n");
	for (uint32_t n = 1; irq_next(&n, &name); n++) {
		text_add(text, "%4u:", n);
		add_counts(text, n, harts, irq_count);
		text_add(text, "  SiFive PLIC %3u Edge      %s\n", n, name);
	}
	text_add(text, "IPI0:");
	add_counts(text, 0, harts, ipi_count);
	text_add(text, "  Rescheduling interrupts\n");
	return 0;
}

/* ---- /proc/irq/N ---- */

static bool next_irq(const struct proc_node *dir, int *number)
{
	uint32_t n = *number > 0 ? (uint32_t)*number : 1;
	const char *name;

	if (!irq_next(&n, &name))
		return false;
	*number = (int)n;
	return true;
}

static int find_irq(const struct proc_node *dir, int number,
		    struct proc_node *child)
{
	int found = number;

	if (number < 1 || !next_irq(dir, &found) || found != number)
		return -ENOENT;
	child->number = number;
	return 0;
}

/* Bits without a hart are not shown. */
static int show_affinity(const struct proc_subject *subject, struct text *text)
{
	uint64_t all = BIT(arch_num_harts()) - 1;

	if (arch_num_harts() >= 64)
		all = UINT64_MAX;
	text_add(text, "%lx\n", irq_affinity((uint32_t)subject->number) & all);
	return 0;
}

static int show_effective(const struct proc_subject *subject, struct text *text)
{
	text_add(text, "%lx\n", BIT(irq_hart((uint32_t)subject->number)));
	return 0;
}

/* Hexadecimal, with commas between groups, as Linux has it. */
static int parse_mask(const char *text, uint64_t *mask)
{
	unsigned int digits = 0;

	*mask = 0;
	for (; *text && *text != '\n'; text++) {
		unsigned int digit;

		if (*text == ',')
			continue;
		if (*text >= '0' && *text <= '9')
			digit = (unsigned int)(*text - '0');
		else if ((*text | 0x20) >= 'a' && (*text | 0x20) <= 'f')
			digit = (unsigned int)((*text | 0x20) - 'a') + 10;
		else
			return -EINVAL;
		if (*mask >> 60)
			return -EOVERFLOW;
		*mask = *mask << 4 | digit;
		digits++;
	}
	return digits ? 0 : -EINVAL;
}

static int store_affinity(const struct proc_subject *subject, const char *text,
			  size_t size)
{
	uint64_t harts;
	int err = parse_mask(text, &harts);

	if (!err)
		err = irq_set_affinity((uint32_t)subject->number, harts);
	return err;
}

static const struct proc_entry irq_files[] = {
	{ "effective_affinity", PROC_FILE, .show = show_effective },
	{ "smp_affinity", PROC_WRITE, .show = show_affinity,
	  .store = store_affinity },
	{},
};
static const struct proc_entry irq_entry = { "", PROC_DIR,
					     .children = irq_files };

const struct proc_numbers proc_irqs = {
	.next = next_irq,
	.find = find_irq,
	.entry = &irq_entry,
};
