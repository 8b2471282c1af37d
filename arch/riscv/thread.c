/* SPDX-License-Identifier: MIT */
/*
 * thread.c - kernel stacks, trap frames and first steps of threads
 *
 * Idea: a kernel stack is the upper half of a slot of address space; the lower
 * half is never mapped, so running over the end is a fault that trap.S turns
 * into a message. Mapped stacks are kept for the next thread, because mapping
 * is dear: a fence on every hart when they go. So they go many at a time. Each
 * hart keeps those of the threads it took apart, which are still in its cache.
 *
 * Locks: stack_lock guards the slots; the kept stacks: their hart, interrupts off.
 */
#include <arch/page_table.h>
#include <arch/thread.h>
#include <arch/trap_frame.h>
#include "arch/riscv/asm.h"
#include "arch/riscv/csr.h"
#include "arch/riscv/thread_offsets.h"
#include "arch/riscv/tlb.h"
#include "kernel/abi/errno.h"
#include "kernel/lib/string.h"
#include "kernel/mm/page.h"
#include "kernel/sched/thread.h"
#include "kernel/trace/trace.h"

#define STACK_PAGES     (KERNEL_STACK_SIZE / PAGE_SIZE)
#define NUM_STACK_SLOTS (STACK_WINDOW_SIZE / STACK_SLOT_SIZE)
#define MAX_KEPT_STACKS 32
/* So many more, and they go, all with one fence. */
#define NUM_SURPLUS_STACKS 32

_Static_assert(KERNEL_STACK_SIZE == BIT(STACK_BIT), "one bit tells");
_Static_assert(STACK_SLOT_SIZE == 2 * KERNEL_STACK_SIZE, "guard is half");
_Static_assert(offsetof(struct arch_thread, kernel_sp) == THREAD_KERNEL_SP, "");
_Static_assert(offsetof(struct arch_thread, scratch) == THREAD_SCRATCH, "");
_Static_assert(offsetof(struct arch_thread, canary) == THREAD_CANARY, "");
_Static_assert(offsetof(struct arch_thread, scratch2) == THREAD_SCRATCH2, "");
_Static_assert(offsetof(struct arch_thread, context) == THREAD_CONTEXT, "");
_Static_assert(TF_CAUSE_SYSCALL == CAUSE_USER_ECALL, "trap_frame.h");
_Static_assert(sizeof(struct context) == (size_t)CONTEXT_SIZE, "switch.S");
_Static_assert(sizeof(struct arch_thread) == ARCH_THREAD_SIZE, "trap.S");
_Static_assert(offsetof(struct thread, work) == THREAD_WORK, "trap.S");

/* At the lowest word of a stack that is kept or of a slot's record. */
struct kept_stack {
	struct kept_stack *next;
};

/* In the first page of a stack that is not mapped any more. */
struct gone_stack {
	struct gone_stack *next;
	vaddr_t base;
	size_t num_pages;
	struct page *pages[STACK_PAGES];
};

/* A page of numbers of slots that were unmapped again. */
struct slot_record {
	struct slot_record *next;
	uint64_t count; /* not 0 */
	uint32_t slots[(PAGE_SIZE - 16) / sizeof(uint32_t)];
};
_Static_assert(sizeof(struct slot_record) == PAGE_SIZE, "a page");

static struct spinlock stack_lock = SPINLOCK_INIT(LOCK_PAGE_TABLE);
/* This hart only, interrupts off: mapped, unused. */
static struct hart_stacks {
	struct kept_stack *first;
	unsigned int num;
} __aligned(64) hart_stacks[MAX_HARTS];
/* Under stack_lock. */
static uint64_t next_fresh_slot;
static struct slot_record *free_slots; /* the newest; or NULL */

static void *take_kept_stack(void)
{
	struct hart_stacks *mine;
	struct kept_stack *stack;

	interrupts_off_enter();
	mine = &hart_stacks[arch_hart_index()];
	stack = mine->first;
	if (stack) {
		mine->first = stack->next;
		mine->num--;
	}
	interrupts_off_leave();
	return stack;
}

/* Interrupts off, and so many are kept. */
static struct kept_stack *take_surplus(struct hart_stacks *mine)
{
	struct kept_stack *first = mine->first, *last = first;

	for (unsigned int i = 1; i < NUM_SURPLUS_STACKS; i++)
		last = last->next;
	mine->first = last->next;
	last->next = NULL;
	mine->num -= NUM_SURPLUS_STACKS;
	return first;
}

/* Returns stacks that are too many now, or NULL. */
static struct kept_stack *keep_stack(struct kept_stack *stack)
{
	struct kept_stack *surplus = NULL;
	struct hart_stacks *mine;

	interrupts_off_enter();
	mine = &hart_stacks[arch_hart_index()];
	stack->next = mine->first;
	mine->first = stack;
	if (unlikely(++mine->num == MAX_KEPT_STACKS + NUM_SURPLUS_STACKS))
		surplus = take_surplus(mine);
	interrupts_off_leave();
	return surplus;
}

/* stack_lock held, and there is one. */
static uint64_t take_recorded_slot(void)
{
	struct slot_record *record = free_slots;
	uint64_t slot = record->slots[--record->count];

	if (record->count == 0) {
		free_slots = record->next;
		page_put(phys_to_page(direct_to_phys(record)));
	}
	return slot;
}

/* stack_lock held. */
static void record_slot(uint64_t slot)
{
	struct slot_record *record = free_slots;

	if (!record || record->count == ARRAY_SIZE(record->slots)) {
		struct page *page = page_alloc(0, ALLOC_ATOMIC);

		/* Without a record the address is lost, not the memory. */
		if (!page)
			return;
		record = page_address(page);
		record->next = free_slots;
		record->count = 0;
		free_slots = record;
	}
	record->slots[record->count++] = (uint32_t)slot;
}

/* A slot's first mapped address, or 0: the window is full. */
static vaddr_t take_slot(void)
{
	uint64_t slot = NUM_STACK_SLOTS;

	spin_lock(&stack_lock);
	if (free_slots)
		slot = take_recorded_slot();
	else if (next_fresh_slot < NUM_STACK_SLOTS)
		slot = next_fresh_slot++;
	spin_unlock(&stack_lock);
	if (slot == NUM_STACK_SLOTS)
		return 0;
	return STACK_WINDOW + slot * STACK_SLOT_SIZE + KERNEL_STACK_SIZE;
}

static void give_slot_back(vaddr_t base)
{
	uint64_t slot = (base - STACK_WINDOW) / STACK_SLOT_SIZE;

	spin_lock(&stack_lock);
	record_slot(slot);
	spin_unlock(&stack_lock);
}

/* Take the first @num_pages of a stack out of its slot, before a fence. */
static struct gone_stack *unmap_stack(vaddr_t base, size_t num_pages)
{
	struct page *pages[STACK_PAGES];
	struct gone_stack *gone;

	for (size_t i = 0; i < num_pages; i++) {
		vaddr_t va = base + i * PAGE_SIZE;
		pte_t *pte = page_table_entry(&kernel_page_table, va, false);

		pages[i] = phys_to_page(pte_frame(*pte));
	}
	kernel_unmap(base, num_pages * PAGE_SIZE);
	gone = page_address(pages[0]);
	gone->base = base;
	gone->num_pages = num_pages;
	for (size_t i = 0; i < num_pages; i++)
		gone->pages[i] = pages[i];
	return gone;
}

/* Behind the fence: others may have the frames and the slot. */
static void free_gone(const struct gone_stack *gone)
{
	struct gone_stack copy = *gone; /* in one of the pages */

	for (size_t i = 0; i < copy.num_pages; i++)
		page_put(copy.pages[i]);
	memory_count_stacks(-(int)copy.num_pages);
	give_slot_back(copy.base);
}

static void free_stacks(struct kept_stack *stacks)
{
	struct gone_stack *all = NULL, *gone;

	while (stacks) {
		vaddr_t base = (vaddr_t)stacks;

		stacks = stacks->next;
		gone = unmap_stack(base, STACK_PAGES);
		gone->next = all;
		all = gone;
	}
	tlb_flush_kernel();
	while (all) {
		gone = all;
		all = gone->next;
		free_gone(gone);
	}
}

/* Of a stack there are only the first @num_pages, and it is not wanted. */
static void take_back(vaddr_t base, size_t num_pages)
{
	struct gone_stack *gone;

	if (num_pages == 0) {
		give_slot_back(base);
		return;
	}
	gone = unmap_stack(base, num_pages);
	tlb_flush_kernel();
	free_gone(gone);
}

static void *map_stack(void)
{
	vaddr_t base = take_slot();

	if (!base)
		return NULL;
	for (size_t i = 0; i < STACK_PAGES; i++) {
		struct page *page = page_alloc(0, 0);

		if (!page ||
		    kernel_map(base + i * PAGE_SIZE, page_to_phys(page),
			       PAGE_SIZE, PAGE_READ | PAGE_WRITE)) {
			if (page)
				page_put(page);
			take_back(base, i);
			return NULL;
		}
		memory_count_stacks(1);
	}
	return (void *)base;
}

int arch_thread_init(struct arch_thread *arch)
{
	char *stack = take_kept_stack();
	struct trap_frame *tf;

	if (!stack)
		stack = map_stack();
	if (!stack)
		return -ENOMEM;

	arch->kernel_stack = stack;
	tf = (void *)(stack + KERNEL_STACK_SIZE - sizeof(*tf));
	memset(tf, 0, sizeof(*tf));
	arch->kernel_sp = (uint64_t)tf;
	arch->fpu_live = false;
	arch->fpu_hot = false;
	return 0;
}

void arch_thread_destroy(struct arch_thread *arch)
{
	struct kept_stack *surplus = NULL;

	if (arch->kernel_stack)
		surplus = keep_stack(arch->kernel_stack);
	arch->kernel_stack = NULL;
	if (unlikely(surplus))
		free_stacks(surplus);
}

void thread_first_step(void); /* switch.S */

void arch_thread_start_at(struct arch_thread *arch, void (*fn)(void *),
			  void *arg)
{
	memset(&arch->context, 0, sizeof(arch->context));
	arch->context.ra = (uint64_t)thread_first_step;
	arch->context.sp = arch->kernel_sp;
	arch->context.s[1] = (uint64_t)fn;
	arch->context.s[2] = (uint64_t)arg;
}

void tf_restart_syscall(struct trap_frame *tf)
{
	tf->a[0] = tf->orig_a0;
	tf->pc -= 4; /* the ecall again */
	tf->cause = TF_CAUSE_NONE;
}

void tf_restart_syscall_as(struct trap_frame *tf, long nr)
{
	tf_restart_syscall(tf);
	tf->a[7] = (uint64_t)nr;
}

void tf_start_program(struct trap_frame *tf, uint64_t pc, uint64_t sp)
{
	TRACE_STEP_HERE(FIRST_FRAME);
	uint64_t status = csr_read(sstatus);

	memset(tf, 0, sizeof(*tf));
	tf->pc = pc;
	tf->sp = sp;
	/* To user mode, interrupts on, units off until used. */
	status &= ~(uint64_t)(SSTATUS_SPP | SSTATUS_SIE | SSTATUS_FS |
			      SSTATUS_VS | SSTATUS_SUM);
	tf->status = status | SSTATUS_SPIE;
	tf->cause = TF_CAUSE_NONE;
}

void tf_start_child(struct trap_frame *child, const struct trap_frame *parent,
		    uint64_t sp, bool set_tls, uint64_t tls)
{
	*child = *parent;
	child->a[0] = 0;
	child->cause = TF_CAUSE_NONE;
	child->status &= ~(uint64_t)SSTATUS_FS; /* its state is in memory */
	if (sp)
		child->sp = sp;
	if (set_tls)
		child->tp = tls;
}
