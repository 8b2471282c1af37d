/* SPDX-License-Identifier: MIT */
/*
 * page_table.c - Sv39 tables of programs, and the kernel's own mappings
 *
 * Idea: a table has three levels of 512 entries. The root's lower half is the
 * program's; its upper half is the same in every address space, copied from
 * kernel_page_table when the space is made. All upper-half entries of the root
 * are filled at boot, so the copies never grow stale (invariant P1). All tables
 * of a program are on one list through their struct pages, so that freeing them
 * is no search; and as every entry is emptied before, the freed pages are all
 * zeros, as the next table wants them (page_free_zeroed()).
 *
 * A and D are set in every leaf we make: harts may fault instead of setting
 * them themselves (Svade), and nothing here needs to see them change.
 *
 * Locks: kernel_map_lock guards the kernel's windows; a program's table is
 * guarded by its vm_space.
 * Read: OSTEP ch. 20 (multi-level page tables).
 */
#include <arch/page_table.h>
#include <arch/harts.h>
#include "arch/riscv/csr.h"
#include "arch/riscv/pte.h"
#include "arch/riscv/tlb.h"
#include "kernel/abi/errno.h"
#include "kernel/debug/log.h"
#include "kernel/debug/panic.h"
#include "kernel/lib/string.h"
#include "kernel/mm/page.h"
#include "kernel/sync/spinlock.h"

struct page_table kernel_page_table;

/* The entries of the root's upper half that are in use; fixed after boot. A
 * list, because copying all 256 for each program would cost much more. */
static uint16_t kernel_entries[PT_ENTRIES - PT_USER_ENTRIES];
static size_t num_kernel_entries;

static struct spinlock kernel_map_lock = SPINLOCK_INIT(LOCK_PAGE_TABLE);
static vaddr_t next_device_va = DEVICE_WINDOW; /* under kernel_map_lock */

/* linker.ld */
extern char kernel_start[], text_end[], rodata_end[], kernel_end[];
/* Where the image was loaded; boot.c. */
extern paddr_t kernel_load_address;

/* What pte_make() puts together. */
_Static_assert(PAGE_READ == PTE_R && PAGE_WRITE == PTE_W, "PTE");
_Static_assert(PAGE_EXEC == PTE_X && PAGE_USER == PTE_U, "PTE");
_Static_assert(PAGE_ACCESSED == PTE_A && PAGE_DIRTY == PTE_D, "PTE");
_Static_assert((PAGE_COW | PAGE_DEVICE) == PTE_RSW, "bits left to software");
_Static_assert(PTE_PRESENT == PTE_V, "PTE");
_Static_assert(PTE_FRAME_SHIFT == PTE_PPN_SHIFT, "PTE");
/* What page_table_user_address() walks. */
_Static_assert(PT_LEVELS == 3 && PT_ENTRIES == 1UL << PTE_INDEX_BITS, "Sv39");
_Static_assert(PTE_PPN_MASK == ~0UL << (PTE_ABOVE_FRAME + PTE_FRAME_SHIFT) >>
				       PTE_ABOVE_FRAME,
	       "PTE");

/*
 * A cleared page for a table of @owner that @above will point to (NULL: the
 * root), or NULL: no memory.
 */
static pte_t *table_alloc(struct page_table *owner, pte_t *above)
{
	struct page *page = page_alloc(0, ALLOC_ZERO | ALLOC_ATOMIC);

	if (!page)
		return NULL;
	page->flags |= PAGE_FLAG_TABLE;
	page->table_used = 0;
	page->next_table = owner->tables;
	page->table_above = above;
	owner->tables = page;
	memory_count_tables(1);
	return page_address(page);
}

/* Free the table in @page, which is empty but for tables freed before: those
 * it points to are younger and so come earlier in the list. */
static void table_free(struct page *page)
{
	if (page->table_above)
		*page->table_above = 0;
	page->refs_and_maps = 0;
	page_free_zeroed(page);
}

static pte_t *next_table(pte_t pte)
{
	return phys_to_virt(pte_to_phys(pte));
}

static __noinline pte_t *table_create(struct page_table *owner, pte_t *pte)
{
	pte_t *table = table_alloc(owner, pte);

	if (table)
		pte_set(pte, phys_to_pte(direct_to_phys(table)) | PTE_V);
	return table;
}

/* The table below *@pte, made if missing and wanted; NULL: none. */
static force_inline pte_t *table_below(struct page_table *owner, pte_t *pte,
				       bool create)
{
	if (likely(*pte & PTE_V))
		return next_table(*pte);
	return create ? table_create(owner, pte) : NULL;
}

pte_t *page_table_range(struct page_table *table, vaddr_t va, bool create,
			size_t *count_out)
{
	pte_t *level1, *level0;

	level1 = table_below(table, &table->root[PT_INDEX(va, 2)], create);
	if (!level1) {
		*count_out =
			PT_ENTRIES * PT_ENTRIES -
			((va >> PAGE_SHIFT) & (PT_ENTRIES * PT_ENTRIES - 1));
		return NULL;
	}
	*count_out = PT_ENTRIES - PT_INDEX(va, 0);
	level0 = table_below(table, &level1[PT_INDEX(va, 1)], create);
	return level0 ? &level0[PT_INDEX(va, 0)] : NULL;
}

static __noinline pte_t *make_entry(struct page_table *table, vaddr_t va,
				    bool create)
{
	pte_t *level1, *level0;

	level1 = table_below(table, &table->root[PT_INDEX(va, 2)], create);
	if (unlikely(!level1))
		return NULL;
	level0 = table_below(table, &level1[PT_INDEX(va, 1)], create);
	return level0 ? &level0[PT_INDEX(va, 0)] : NULL;
}

/* Mostly the tables are there. */
pte_t *page_table_entry(struct page_table *table, vaddr_t va, bool create)
{
	pte_t pte = pte_at(table->root, va, 2);

	if (likely(pte & PTE_V)) {
		pte = pte_at(next_table(pte), va, 1);
		if (likely(pte & PTE_V))
			return &next_table(pte)[PT_INDEX(va, 0)];
	}
	return make_entry(table, va, create);
}

int page_table_init(struct page_table *table)
{
	table->harts = 0;
	table->tables = NULL;
	table->root = table_alloc(table, NULL);
	if (!table->root)
		return -ENOMEM;
	tlb_table_made(table);
	/* P1: the kernel's half never changes after boot. */
	for (size_t i = 0; i < num_kernel_entries; i++) {
		size_t at = kernel_entries[i];

		table->root[at] = kernel_page_table.root[at];
	}
	return 0;
}

void page_table_destroy(struct page_table *table)
{
	struct page *page = table->tables;
	int count = 0;

	for (size_t i = 0; i < num_kernel_entries; i++)
		table->root[kernel_entries[i]] = 0;
	while (page) {
		struct page *next = page->next_table;

		table_free(page);
		page = next;
		count++;
	}
	memory_count_tables(-count);
	table->tables = NULL;
	table->root = NULL;
}

static pte_t kernel_pte(paddr_t pa, unsigned int page_bits)
{
	return pte_make(pa, page_bits) | PTE_G;
}

int kernel_map(vaddr_t va, paddr_t pa, size_t size, unsigned int page_bits)
{
	int err = 0;

	spin_lock(&kernel_map_lock);
	for (size_t done = 0; done < size && !err; done += PAGE_SIZE) {
		pte_t *pte =
			page_table_entry(&kernel_page_table, va + done, true);

		if (pte)
			pte_set(pte, kernel_pte(pa + done, page_bits));
		else
			err = -ENOMEM;
	}
	spin_unlock(&kernel_map_lock);
	return err;
}

void kernel_unmap(vaddr_t va, size_t size)
{
	spin_lock(&kernel_map_lock);
	for (size_t done = 0; done < size; done += PAGE_SIZE) {
		pte_t *pte =
			page_table_entry(&kernel_page_table, va + done, false);

		if (pte)
			pte_clear(pte);
	}
	spin_unlock(&kernel_map_lock);
}

void page_array_map(vaddr_t va)
{
	pte_t *table = kernel_page_table.root;
	pte_t *pte;

	for (unsigned int level = 2; level > 0; level--) {
		pte = &table[PT_INDEX(va, level)];
		if (!(*pte & PTE_V))
			pte_set(pte, phys_to_pte(direct_to_phys(
					     early_alloc_page())) |
					     PTE_V);
		table = next_table(*pte);
	}
	pte = &table[PT_INDEX(va, 0)];
	if (!(*pte & PTE_V))
		pte_set(pte, kernel_pte(direct_to_phys(early_alloc_page()),
					PAGE_READ | PAGE_WRITE));
}

volatile void *device_map(paddr_t pa, size_t size)
{
	paddr_t first = ALIGN_DOWN(pa, PAGE_SIZE);
	size_t whole = ALIGN_UP(pa + size, PAGE_SIZE) - first;
	vaddr_t va;

	spin_lock(&kernel_map_lock);
	va = next_device_va;
	if (whole > DEVICE_WINDOW + DEVICE_WINDOW_SIZE - va)
		va = 0;
	else
		next_device_va += whole;
	spin_unlock(&kernel_map_lock);

	if (!va ||
	    kernel_map(va, first, whole, PAGE_READ | PAGE_WRITE | PAGE_DEVICE))
		return NULL;
	return (volatile char *)va + (pa - first);
}

paddr_t virt_to_phys(const void *va)
{
	vaddr_t address = (vaddr_t)va;

	if (address >= KERNEL_WINDOW)
		return address - KERNEL_WINDOW + kernel_load_address;
	return direct_to_phys(va);
}

void arch_kernel_bounds(uint64_t *start, uint64_t *end)
{
	*start = kernel_load_address;
	*end = kernel_load_address + (size_t)(kernel_end - kernel_start);
}

/* How the kernel may use the frame at @pa through the direct map: code and
 * constants stay constant through every door (W^X). */
static unsigned int direct_map_bits(paddr_t pa)
{
	paddr_t constant_end =
		kernel_load_address + (size_t)(rodata_end - kernel_start);

	if (pa >= kernel_load_address && pa < constant_end)
		return PAGE_READ;
	return PAGE_READ | PAGE_WRITE;
}

/* The largest page that [pa, end) allows at @pa with one protection. */
static unsigned int direct_map_level(paddr_t pa, paddr_t end)
{
	paddr_t kernel_first, kernel_last;

	arch_kernel_bounds(&kernel_first, &kernel_last);
	for (unsigned int level = 2; level > 0; level--) {
		paddr_t size = PT_SIZE(level);

		if (!IS_ALIGNED(pa, size) || pa + size > end)
			continue;
		if (pa < kernel_last && pa + size > kernel_first)
			continue;
		return level;
	}
	return 0;
}

/* Map one page of the direct map at @level; 0 or -ENOMEM. */
static int direct_map_page(paddr_t pa, unsigned int level)
{
	vaddr_t va = DIRECT_MAP_BASE + pa;
	pte_t *table = kernel_page_table.root;

	for (unsigned int at = 2; at > level; at--) {
		table = table_below(&kernel_page_table,
				    &table[PT_INDEX(va, at)], true);
		if (!table)
			return -ENOMEM;
	}
	pte_set(&table[PT_INDEX(va, level)],
		kernel_pte(pa, direct_map_bits(pa)));
	return 0;
}

static int map_banks(void)
{
	paddr_t start;
	uint64_t size;

	for (unsigned int i = 0; memory_bank(i, &start, &size); i++) {
		paddr_t end = ALIGN_DOWN(start + size, PAGE_SIZE);
		paddr_t pa = ALIGN_UP(start, PAGE_SIZE);

		while (pa < end) {
			unsigned int level = direct_map_level(pa, end);
			int err = direct_map_page(pa, level);

			if (err)
				return err;
			pa += PT_SIZE(level);
		}
	}
	return 0;
}

/* Text R-X, constants R--, data RW-; page by page. */
static int map_image(void)
{
	size_t size = (size_t)(kernel_end - kernel_start);
	size_t text = (size_t)(text_end - kernel_start);
	size_t constant = (size_t)(rodata_end - kernel_start);
	paddr_t pa = kernel_load_address;
	int err;

	err = kernel_map(KERNEL_WINDOW, pa, text, PAGE_READ | PAGE_EXEC);
	if (!err)
		err = kernel_map(KERNEL_WINDOW + text, pa + text,
				 constant - text, PAGE_READ);
	if (!err)
		err = kernel_map(KERNEL_WINDOW + constant, pa + constant,
				 size - constant, PAGE_READ | PAGE_WRITE);
	return err;
}

/* P1: the tables that the root's window entries point to. */
static int fill_windows(void)
{
	static const struct {
		vaddr_t start;
		uint64_t size;
	} windows[] = {
		{ STACK_WINDOW, STACK_WINDOW_SIZE },
		{ DEVICE_WINDOW, DEVICE_WINDOW_SIZE },
		{ KERNEL_WINDOW, PT_SIZE(2) },
	};

	for (size_t i = 0; i < ARRAY_SIZE(windows); i++) {
		for (uint64_t at = 0; at < windows[i].size; at += PT_SIZE(2)) {
			vaddr_t va = windows[i].start + at;

			if (!table_below(
				    &kernel_page_table,
				    &kernel_page_table.root[PT_INDEX(va, 2)],
				    true))
				return -ENOMEM;
		}
	}
	return 0;
}

static void note_kernel_entries(void)
{
	for (size_t i = PT_USER_ENTRIES; i < PT_ENTRIES; i++) {
		if (kernel_page_table.root[i] & PTE_V)
			kernel_entries[num_kernel_entries++] = (uint16_t)i;
	}
}

int arch_paging_init(void)
{
	const pte_t *boot_root = kernel_page_table.root;
	const size_t page_array = PT_INDEX(PAGE_ARRAY_BASE, 2);
	int err = 0;

	kernel_page_table.root = table_alloc(&kernel_page_table, NULL);
	if (!kernel_page_table.root)
		return -ENOMEM;
	tlb_table_made(&kernel_page_table);
	kernel_page_table.root[page_array] = boot_root[page_array];
	err = fill_windows();
	if (!err)
		err = map_banks();
	if (!err)
		err = map_image();
	if (!err) {
		note_kernel_entries();
		page_table_switch(&kernel_page_table);
		tlb_probe_asids();
	}
	return err;
}
