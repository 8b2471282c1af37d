/* SPDX-License-Identifier: MIT */
/*
 * memory.c - which physical memory there is, and one struct page per frame
 *
 * Idea: RAM comes in banks, anywhere, with holes between them. The structs are
 * one array by frame number in a window of kernel memory (page.h), with frames
 * mapped only for the parts that belong to RAM, so a hole costs nothing and
 * nobody has to search for the right bank. What firmware, the kernel image,
 * the device tree and the ramdisk occupy is kept in a sorted list of reserved
 * ranges until the allocator takes over.
 *
 * Invariants
 *   M1  Banks do not overlap; nor do reserved ranges, which are sorted.
 *   M2  A frame is either reserved or the buddy allocator's.
 *
 * Locks: none; banks are fixed after memory_init(), before other harts run.
 */
#include "kernel/mm/page.h"
#include "kernel/mm/internal.h"
#include "kernel/debug/log.h"
#include "kernel/debug/panic.h"
#include "kernel/lib/string.h"

#define MAX_BANKS    16
#define MAX_RESERVED 128

struct range {
	paddr_t start, end; /* frame aligned */
};

static struct range banks[MAX_BANKS];
static unsigned int num_banks;

/* Until memory_init(). */
static struct range reserved[MAX_RESERVED];
static unsigned int num_reserved;

static bool initialised;

/* Cut [@start, @start + @size) to whole frames that the direct map reaches. */
static struct range bank_range(paddr_t start, uint64_t size)
{
	paddr_t end = start + size;

	if (end < start || end > DIRECT_MAP_SIZE)
		end = DIRECT_MAP_SIZE;
	start = ALIGN_UP(start, PAGE_SIZE);
	end = ALIGN_DOWN(end, PAGE_SIZE);
	return (struct range){ start, end };
}

void memory_add(paddr_t start, uint64_t size)
{
	struct range r = bank_range(start, size);
	unsigned int i;

	if (start >= DIRECT_MAP_SIZE || r.start >= r.end)
		return;
	for (i = 0; i < num_banks; i++) {
		struct range *bank = &banks[i];

		if (r.start < bank->end && bank->start < r.end) {
			log_warning("memory: bank at %#lx overlaps, ignored",
				    start);
			return;
		}
		/* Two that touch are one: fewer to search. */
		if (r.start == bank->end) {
			bank->end = r.end;
			return;
		}
		if (r.end == bank->start) {
			bank->start = r.start;
			return;
		}
	}
	if (num_banks == MAX_BANKS) {
		log_warning("memory: more than %d banks, rest unused",
			    MAX_BANKS);
		return;
	}
	banks[num_banks++] = r;
}

void memory_reserve(paddr_t start, uint64_t size)
{
	struct range new;
	unsigned int first = 0, past;

	assert(!initialised);
	if (size == 0 || start >= DIRECT_MAP_SIZE)
		return;
	size = MIN(size, DIRECT_MAP_SIZE - start);
	new.start = ALIGN_DOWN(start, PAGE_SIZE);
	new.end = ALIGN_UP(start + size, PAGE_SIZE);

	/* Entries [first, past) touch the new one and melt into it (M1). */
	while (first < num_reserved && reserved[first].end < new.start)
		first++;
	for (past = first; past < num_reserved; past++) {
		if (reserved[past].start > new.end)
			break;
		new.start = MIN(new.start, reserved[past].start);
		new.end = MAX(new.end, reserved[past].end);
	}
	if (past == first && num_reserved == MAX_RESERVED)
		halt_machine("more than %d reserved ranges of memory",
			     MAX_RESERVED);
	memmove(&reserved[first + 1], &reserved[past],
		(num_reserved - past) * sizeof(reserved[0]));
	num_reserved = num_reserved - (past - first) + 1;
	reserved[first] = new;
}

bool memory_bank(unsigned int i, paddr_t *start, uint64_t *size)
{
	if (i >= num_banks)
		return false;
	*start = banks[i].start;
	*size = banks[i].end - banks[i].start;
	return true;
}

/*
 * The next unreserved piece of @bank at or after @from. False: none.
 */
static bool next_unreserved(const struct range *bank, paddr_t from,
			    struct range *out)
{
	unsigned int i;

	from = MAX(from, bank->start);
	out->end = bank->end;
	for (i = 0; i < num_reserved; i++) {
		if (reserved[i].end <= from)
			continue;
		if (reserved[i].start > from) {
			out->end = MIN(reserved[i].start, bank->end);
			break;
		}
		from = reserved[i].end;
	}
	out->start = from;
	return from < out->end;
}

/* The first frame of @bank that nobody has, then reserved; 0: none. */
static paddr_t take_early(const struct range *bank)
{
	struct range free = { 0, 0 };

	while (next_unreserved(bank, free.end, &free)) {
		/* Physical address 0 would look like "none". */
		if (free.start == 0)
			free.start = PAGE_SIZE;
		if (free.start < free.end) {
			memory_reserve(free.start, PAGE_SIZE);
			return free.start;
		}
	}
	return 0;
}

static struct range *largest_bank(void)
{
	struct range *best = &banks[0];
	unsigned int i;

	for (i = 1; i < num_banks; i++) {
		if (banks[i].end - banks[i].start > best->end - best->start)
			best = &banks[i];
	}
	return best;
}

void *early_alloc_page(void)
{
	paddr_t frame = take_early(largest_bank());
	void *page;

	/* A bank that is reserved whole: any other will do. */
	for (unsigned int i = 0; !frame && i < num_banks; i++)
		frame = take_early(&banks[i]);
	if (!frame)
		halt_machine("no memory for the first page tables and page "
			     "descriptors");
	page = phys_to_virt(frame);
	clear_page(page);
	return page;
}

/*
 * Have memory for the struct pages of @bank's regions, all zero: no frame is free
 * or reserved yet. Two banks may meet in one page of the array.
 */
static void create_pages(const struct range *bank)
{
	vaddr_t va =
		(vaddr_t)phys_to_page(ALIGN_DOWN(bank->start, REGION_SIZE));
	vaddr_t end = (vaddr_t)phys_to_page(ALIGN_UP(bank->end, REGION_SIZE));

	for (; va < end; va += PAGE_SIZE)
		page_array_map(va);
}

static void mark_reserved(paddr_t start, paddr_t end)
{
	for (; start < end; start += PAGE_SIZE) {
		struct page *page = phys_to_page(start);

		page->flags = PAGE_FLAG_RESERVED;
		refcount_init(&page->refs, 1);
	}
}

/* Hand the free pieces of @bank to the buddy allocator, mark the others. */
static void open_bank(const struct range *bank)
{
	struct range free = { bank->start, bank->start };
	paddr_t done = bank->start;

	while (next_unreserved(bank, free.end, &free)) {
		mark_reserved(done, free.start);
		buddy_add(phys_to_page(free.start),
			  (free.end - free.start) >> PAGE_SHIFT);
		done = free.end;
	}
	mark_reserved(done, bank->end);
}

void memory_init(void)
{
	unsigned int i;

	if (num_banks == 0)
		halt_machine("the device tree names no usable memory");
	/* All arrays first: each reserves memory, perhaps in another bank. */
	for (i = 0; i < num_banks; i++)
		create_pages(&banks[i]);
	initialised = true;
	for (i = 0; i < num_banks; i++)
		open_bank(&banks[i]);
	buddy_ready();
	slab_init();
	area_init();
	zero_page = page_alloc(0, ALLOC_ZERO);
	assert(zero_page);
}

void memory_release(paddr_t start, uint64_t size)
{
	paddr_t end = ALIGN_DOWN(start + size, PAGE_SIZE);

	assert(initialised);
	for (start = ALIGN_UP(start, PAGE_SIZE); start < end;
	     start += PAGE_SIZE) {
		struct page *page = phys_to_page(start);

		if (!phys_is_ram(start) || !(page->flags & PAGE_FLAG_RESERVED))
			continue;
		page->flags = 0;
		refcount_init(&page->refs, 0);
		buddy_add(page, 1);
	}
}

bool phys_is_ram(paddr_t pa)
{
	unsigned int i;

	for (i = 0; i < num_banks; i++) {
		if (pa >= banks[i].start && pa < banks[i].end)
			return true;
	}
	return false;
}
