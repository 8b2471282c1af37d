// SPDX-License-Identifier: MIT
/*
 * machine.c - the machine of mm/'s unit tests
 *
 * Idea: what could go wrong with a real TLB must go wrong here. Translations
 * are remembered for ever until a fence names them, and each access through a
 * remembered one is checked: its frame must still be in use. A page given back
 * before the fence, or a right taken away without one, fails the test.
 *
 * RAM is two banks with a hole between them, full of junk; the hole is
 * poisoned for the address sanitizer.
 */
#include <sanitizer/asan_interface.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arch/hart.h>
#include <arch/machine.h>
#include <arch/page_table.h>
#include "kernel/abi/errno.h"
#include "kernel/debug/panic.h"
#include "kernel/mm/internal.h"
#include "kernel/mm/writeback.h"
#include "kernel/sched/sched.h"
#include "kernel/sync/mutex.h"
#include "test/host/mm/machine.h"

#define BANK_SIZE (16UL << 20)
#define BANK_2    (HOST_RAM_START + 2 * BANK_SIZE)

struct host_hart host_hart = { .num_harts = 1 };
char host_ram[HOST_RAM_SIZE] __attribute__((aligned(2 << 20)));
/* What no bank needs is poisoned, so that nobody looks at it. */
char host_page_array[HOST_PAGE_ARRAY_SIZE] __attribute__((aligned(4096)));
struct page_table kernel_page_table;
unsigned int machine_flushes;

static struct thread the_thread;

struct thread *arch_current(void)
{
	return &the_thread;
}

/* ---- Page tables ------------------------------------------------------------- */

#define ENTRIES 512UL
#define PRESENT 0x100UL

pte_t pte_make(paddr_t frame, unsigned int page_bits)
{
	if (page_bits & PAGE_COW)
		page_bits &= ~PAGE_WRITE;
	return frame | PRESENT | page_bits;
}

bool pte_present(pte_t pte)
{
	return pte & PRESENT;
}

paddr_t pte_frame(pte_t pte)
{
	return pte & PAGE_MASK;
}

unsigned int pte_bits(pte_t pte)
{
	return pte & 0xff;
}

void page_array_map(vaddr_t va)
{
	assert(va >= (vaddr_t)host_page_array &&
	       va < (vaddr_t)host_page_array + HOST_PAGE_ARRAY_SIZE);
	ASAN_UNPOISON_MEMORY_REGION((void *)va, PAGE_SIZE);
	/* As the machine does it: memory is taken for it. */
	early_alloc_page();
}

static pte_t *table_alloc(void)
{
	struct page *page = page_alloc(0, ALLOC_ZERO | ALLOC_ATOMIC);

	if (!page)
		return NULL;
	page->table_used = 0;
	memory_count_tables(1);
	return page_address(page);
}

static void table_free(pte_t *table)
{
	memory_count_tables(-1);
	memset(table, 0, PAGE_SIZE);
	phys_to_page(direct_to_phys(table))->refs_and_maps = 0;
	page_free_zeroed(phys_to_page(direct_to_phys(table)));
}

static pte_t *table_below(pte_t *pte, bool create)
{
	pte_t *table;

	if (*pte)
		return phys_to_virt(pte_frame(*pte));
	table = create ? table_alloc() : NULL;
	if (table)
		*pte = direct_to_phys(table) | PRESENT;
	return table;
}

static size_t index_at(vaddr_t va, unsigned int level)
{
	return (va >> (PAGE_SHIFT + 9 * level)) & (ENTRIES - 1);
}

pte_t *page_table_range(struct page_table *table, vaddr_t va, bool create,
			size_t *count_out)
{
	pte_t *level1, *level0;

	assert(va < USER_SPACE_END);
	level1 = table_below(&table->root[index_at(va, 2)], create);
	*count_out = ENTRIES * ENTRIES -
		     ((va >> PAGE_SHIFT) & (ENTRIES * ENTRIES - 1));
	if (!level1)
		return NULL;
	*count_out = ENTRIES - index_at(va, 0);
	level0 = table_below(&level1[index_at(va, 1)], create);
	return level0 ? &level0[index_at(va, 0)] : NULL;
}

pte_t *page_table_entry(struct page_table *table, vaddr_t va, bool create)
{
	size_t count;

	return page_table_range(table, va, create, &count);
}

void *page_table_user_address(struct page_table *table, vaddr_t va, bool write)
{
	pte_t *pte = page_table_entry(table, va, false);

	if (!pte || !(*pte & PAGE_READ) || (write && !(*pte & PAGE_WRITE)))
		return NULL;
	return (char *)phys_to_virt(pte_frame(*pte)) + (va & ~PAGE_MASK);
}

int page_table_init(struct page_table *table)
{
	table->root = table_alloc();
	return table->root ? 0 : -ENOMEM;
}

void page_table_destroy(struct page_table *table)
{
	tlb_flush_all(table);
	for (size_t i = 0; i < ENTRIES; i++) {
		pte_t *level1 = table_below(&table->root[i], false);

		for (size_t k = 0; level1 && k < ENTRIES; k++) {
			pte_t *level0 = table_below(&level1[k], false);

			/* Who takes a space down must have unmapped it. */
			for (size_t n = 0; level0 && n < ENTRIES; n++)
				assert(!level0[n]);
			if (level0)
				table_free(level0);
		}
		if (level1)
			table_free(level1);
	}
	table_free(table->root);
}

void page_table_switch(struct page_table *table)
{
}

/* ---- The TLB ------------------------------------------------------------------- */

#define NUM_TLBS 2
#define TLB_SIZE 4096

/* What one translation is remembered as. A program's threads run on several
 * harts, each with its own. */
static struct translation {
	pte_t *root; /* whose; NULL: free */
	vaddr_t va;
	pte_t pte;
} tlb[NUM_TLBS * TLB_SIZE];

/* The slot of the hart whose turn it is. */
static struct translation *tlb_slot(const struct page_table *table, vaddr_t va)
{
	static unsigned int turn;
	size_t hash = ((uintptr_t)table->root >> PAGE_SHIFT) * 31 +
		      (va >> PAGE_SHIFT);

	turn = turn * 1664525 + 1013904223; /* Knuth, TAOCP 3.3.4 */
	return &tlb[(turn >> 31) * TLB_SIZE + hash % TLB_SIZE];
}

void tlb_flush_range(struct page_table *table, vaddr_t start, vaddr_t end)
{
	machine_flushes++;
	for (size_t i = 0; i < ARRAY_SIZE(tlb); i++) {
		if (tlb[i].root == table->root && tlb[i].va >= start &&
		    tlb[i].va < end)
			tlb[i].root = NULL;
	}
}

void tlb_flush_page(struct page_table *table, vaddr_t va)
{
	tlb_flush_range(table, va, va + PAGE_SIZE);
}

void tlb_flush_all(struct page_table *table)
{
	tlb_flush_range(table, 0, USER_SPACE_END);
}

/* A translation that allows the access, from the TLB or by a walk; 0: none. */
static pte_t translate(struct vm_space *space, vaddr_t va, bool write)
{
	struct translation *slot;
	pte_t *pte;

	va = ALIGN_DOWN(va, PAGE_SIZE);
	slot = tlb_slot(&space->page_table, va);
	if (slot->root == space->page_table.root && slot->va == va) {
		struct page *page = phys_to_page(pte_frame(slot->pte));

		/* Remembered, so it must still be true. */
		assert(refcount_read(&page->refs) > 0);
		if (!write || (slot->pte & PAGE_WRITE))
			return slot->pte;
	}
	pte = page_table_entry(&space->page_table, va, false);
	if (!pte || !(*pte & PAGE_READ) || (write && !(*pte & PAGE_WRITE)))
		return 0;
	*slot = (struct translation){ space->page_table.root, va, *pte };
	return *pte;
}

static uint64_t *reach(struct vm_space *space, vaddr_t va, bool write)
{
	/* A fault that says OK must come to an end. */
	for (unsigned int tries = 0; tries < 4; tries++) {
		pte_t pte = translate(space, va, write);

		if (pte)
			return (uint64_t *)((char *)phys_to_virt(
						    pte_frame(pte)) +
					    (va & ~PAGE_MASK));
		if (vm_fault(space, va, write ? ACCESS_WRITE : ACCESS_READ) !=
		    VM_FAULT_OK)
			return NULL;
	}
	panic("a fault at %#lx is handled again and again", va);
}

bool machine_load(struct vm_space *space, vaddr_t va, uint64_t *word)
{
	uint64_t *memory = reach(space, va, false);

	if (memory)
		*word = *memory;
	return memory;
}

bool machine_store(struct vm_space *space, vaddr_t va, uint64_t word)
{
	uint64_t *memory = reach(space, va, true);

	if (memory)
		*memory = word;
	return memory;
}

/* ---- Frames ---------------------------------------------------------------------- */

static struct list_head used_up;

void machine_use_up_frames(uint64_t left)
{
	list_init(&used_up);
	while (buddy_free_pages() > left) {
		struct page *page = page_alloc(0, ALLOC_ATOMIC);

		assert(page);
		list_push_back(&used_up, &page->node);
	}
}

void machine_give_frames_back(void)
{
	while (!list_empty(&used_up)) {
		struct page *page = list_first(&used_up, struct page, node);

		list_remove(&page->node);
		page_put(page);
	}
}

void machine_start(void)
{
	memset(host_ram, 0xa5, sizeof(host_ram));
	ASAN_POISON_MEMORY_REGION(host_ram + BANK_SIZE, BANK_SIZE);
	ASAN_POISON_MEMORY_REGION(host_page_array, HOST_PAGE_ARRAY_SIZE);
	memory_add(HOST_RAM_START, BANK_SIZE);
	memory_add(BANK_2, BANK_SIZE);
	/* Overlapping, touching, out of order, and outside of RAM. */
	memory_reserve(HOST_RAM_START + 0x200000, 0x5001);
	memory_reserve(HOST_RAM_START, 0x80000);
	memory_reserve(HOST_RAM_START + 0x205000, 0x3000);
	memory_reserve(BANK_2 + BANK_SIZE - PAGE_SIZE, 2 * PAGE_SIZE);
	memory_reserve(0x1000, 0x1000);
	memory_init();
	page_wait_init();
}

/* ---- The rest of the contract, and of the rooms beside mm -------------------------- */

void machine_run_in(struct vm_space *space)
{
	the_thread.space = space;
}

void machine_kill_current(bool killed)
{
	the_thread.oom_victim = killed;
}

unsigned int arch_hart_index(void)
{
	return host_hart.index;
}

unsigned int arch_num_harts(void)
{
	return host_hart.num_harts;
}

void code_written(struct page_table *table)
{
}

void code_mapped(struct page_table *table)
{
}

void arch_console_write(const char *text, size_t size)
{
	fwrite(text, 1, size, stdout);
}

void arch_power_off(bool failed)
{
	fflush(stdout);
	exit(failed ? 1 : 0);
}

void arch_print_registers(const struct trap_frame *tf)
{
}

uint64_t arch_frame_pointer(void)
{
	return 0;
}

bool arch_backtrace_step(uint64_t *fp, uint64_t *pc)
{
	return false;
}

const char *symbol_find(vaddr_t address, size_t *offset)
{
	return NULL;
}

void lock_check_acquire(const void *lock, unsigned int rank)
{
}

void lock_check_release(const void *lock, unsigned int rank)
{
}

void lock_stats_count(unsigned int rank, bool waited, uint64_t spins)
{
}

void lock_stats_moved(unsigned int rank)
{
}

void sleep_check(void)
{
	assert(the_thread.irq.depth == 0);
}

void mutex_init(struct mutex *mutex, enum lock_rank rank)
{
	*mutex = (struct mutex){ .rank = rank };
}

/* There is one thread: who waits here waits for ever. */
void mutex_lock(struct mutex *mutex)
{
	might_sleep();
	assert(!mutex->owner);
	mutex->owner = &the_thread;
}

void mutex_unlock(struct mutex *mutex)
{
	assert(mutex->owner == &the_thread);
	mutex->owner = NULL;
}

void arch_clear_page(void *page)
{
	memset(page, 0, PAGE_SIZE);
}

void sched_sleep_ns(uint64_t duration_ns)
{
	might_sleep();
}

void sched_forget_space(struct vm_space *space)
{
}
