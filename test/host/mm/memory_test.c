/* SPDX-License-Identifier: MIT */
/*
 * memory_test.c - claims about mm/ that need a machine which can be broken:
 * one with a TLB that never forgets, and with as little memory as we like
 */
#include <stdlib.h>
#include <string.h>

#include "kernel/abi/errno.h"
#include "kernel/abi/mman.h"
#include "kernel/debug/ktest.h"
#include "kernel/mm/internal.h"
#include "kernel/mm/slab.h"
#include "kernel/mm/user_copy.h"
#include "test/host/mm/machine.h"

#define READ_WRITE (PAGE_READ | PAGE_WRITE)
#define BASE       0x10000000UL
#define PAGES      48

static vaddr_t address(size_t page)
{
	return BASE + page * PAGE_SIZE;
}

static int map_at(struct vm_space *space, size_t at, size_t pages,
		  unsigned int flags, struct page_cache *cache)
{
	struct vm_map_args args = {
		.hint = address(at),
		.size = pages * PAGE_SIZE,
		.flags = flags,
		.fixed = true,
		.cache = cache,
	};
	vaddr_t start;

	return vm_map(space, &args, &start);
}

static uint64_t load(struct vm_space *space, size_t page)
{
	uint64_t word;

	return machine_load(space, address(page), &word) ? word : UINT64_MAX;
}

/* ---- Banks ----------------------------------------------------------------------- */

KTEST(the_hole_between_banks_has_no_frames)
{
	paddr_t hole = HOST_RAM_START + (16UL << 20);

	KTEST_TRUE(phys_is_ram(hole - 1));
	KTEST_TRUE(!phys_is_ram(hole));
	KTEST_TRUE(!phys_is_ram(hole + (16UL << 20) - 1));
	KTEST_TRUE(phys_is_ram(hole + (16UL << 20)));
	KTEST_TRUE(!phys_is_ram(HOST_RAM_START - 1));
}

KTEST(reserved_frames_are_never_handed_out)
{
	static const paddr_t reserved[] = { 0, 0x7f000, 0x200000, 0x205000,
					    0x207000 };

	for (size_t i = 0; i < ARRAY_SIZE(reserved); i++) {
		struct page *page = phys_to_page(HOST_RAM_START + reserved[i]);

		KTEST_TRUE(page->flags & PAGE_FLAG_RESERVED);
	}
	KTEST_TRUE(!(phys_to_page(HOST_RAM_START + 0x208000)->flags &
		     PAGE_FLAG_RESERVED));
}

/* How large the largest free block is. */
static unsigned int largest_order(void)
{
	unsigned int order = MAX_ORDER;
	struct page *page;

	while (!(page = page_alloc(order, 0)))
		order--;
	page_put(page);
	return order;
}

KTEST(all_frames_can_be_used_and_come_back)
{
	uint64_t before = buddy_free_pages();
	unsigned int largest = largest_order();

	machine_use_up_frames(0);
	KTEST_TRUE(!page_alloc(0, ALLOC_ATOMIC));
	machine_give_frames_back();
	KTEST_EQUAL(buddy_free_pages(), before);
	KTEST_EQUAL(largest_order(), largest);
}

/* ---- Out of memory ------------------------------------------------------------------ */

static unsigned int kills;
static struct page *hostage;

static bool kill_nobody(void)
{
	kills++;
	return false;
}

/* A victim with some memory, which it gives back when it is killed. */
static bool kill_hostage(void)
{
	kills++;
	if (!hostage)
		return false;
	page_put(hostage);
	hostage = NULL;
	return true;
}

KTEST(programs_leave_a_reserve_to_the_kernel)
{
	struct vm_space *space = vm_space_create();
	struct page *page;

	memory_set_killer(kill_nobody);
	machine_run_in(space);
	machine_use_up_frames(60);
	kills = 0;
	KTEST_TRUE(!page_alloc(0, ALLOC_USER));
	KTEST_EQUAL(kills, 1);
	page = page_alloc(0, 0);
	KTEST_TRUE(page);
	page_put(page);
	machine_give_frames_back();
	machine_run_in(NULL);
	memory_set_killer(NULL);
	vm_space_put(space);
}

KTEST(a_victims_memory_goes_to_who_waits_for_it)
{
	struct vm_space *space = vm_space_create();
	struct page *page;

	memory_set_killer(kill_hostage);
	machine_run_in(space);
	hostage = page_alloc(8, 0);
	machine_use_up_frames(30);
	kills = 0;
	page = page_alloc(0, ALLOC_USER);
	KTEST_TRUE(page && !hostage);
	KTEST_EQUAL(kills, 1);
	page_put(page);
	/* Who is being killed gets nothing, and calls nobody. */
	machine_use_up_frames(20);
	machine_kill_current(true);
	KTEST_TRUE(!page_alloc(0, ALLOC_USER));
	KTEST_EQUAL(kills, 1);
	machine_kill_current(false);
	machine_give_frames_back();
	machine_run_in(NULL);
	memory_set_killer(NULL);
	vm_space_put(space);
}

/* Everything a process does with memory, each step allowed to fail. */
static void live_a_life(void)
{
	struct vm_space *space = vm_space_create(), *child = NULL;
	struct page_cache cache;
	vaddr_t moved;

	if (!space)
		return;
	page_cache_init(&cache, NULL, PAGE_CACHE_MEMORY);
	page_cache_truncate(&cache, 8 * PAGE_SIZE);
	machine_run_in(space);
	map_at(space, 0, 8, READ_WRITE, NULL);
	map_at(space, 8, 8, READ_WRITE, &cache);
	map_at(space, 600, 8, READ_WRITE | VM_SHARED | VM_MAY_WRITE, &cache);
	for (size_t i = 0; i < 16; i += 3)
		machine_store(space, address(i), i);
	machine_store(space, address(601), 601);
	vm_protect(space, address(2), 3 * PAGE_SIZE, PAGE_READ);
	vm_remap(space, address(5), PAGE_SIZE, 4 * PAGE_SIZE, MREMAP_MAYMOVE, 0,
		 &moved);
	if (vm_space_fork(space, &child) == 0) {
		for (size_t i = 0; i < 16; i++)
			machine_store(child, address(i), 100 + i);
		machine_store(space, address(0), 7);
		vm_space_put(child);
	}
	vm_unmap(space, address(3), PAGE_SIZE);
	machine_run_in(NULL);
	vm_space_put(space);
	page_cache_destroy(&cache);
}

KTEST(running_out_at_any_point_leaks_nothing)
{
	uint64_t before, slack;

	live_a_life(); /* slabs grow once */
	before = buddy_free_pages();
	for (uint64_t left = 0; left < 150; left++) {
		machine_use_up_frames(left);
		live_a_life();
		machine_give_frames_back();
	}
	/* A few empty slabs may be kept. */
	slack = before - MIN(before, buddy_free_pages());
	KTEST_TRUE(slack <= 4);
}

/* ---- What a real TLB would remember --------------------------------------------------- */

KTEST(unmapped_memory_cannot_be_reached_by_old_translations)
{
	struct vm_space *space = vm_space_create();

	map_at(space, 0, 4, READ_WRITE, NULL);
	for (size_t i = 0; i < 4; i++)
		machine_store(space, address(i), i + 1);
	vm_unmap(space, address(1), PAGE_SIZE);
	KTEST_TRUE(!machine_store(space, address(1), 1));
	KTEST_EQUAL(load(space, 0), 1);
	vm_advise(space, address(2), PAGE_SIZE, MADV_DONTNEED);
	KTEST_EQUAL(load(space, 2), 0);
	vm_protect(space, address(3), PAGE_SIZE, PAGE_READ);
	KTEST_TRUE(!machine_store(space, address(3), 1));
	vm_protect(space, address(3), PAGE_SIZE, 0);
	KTEST_EQUAL(load(space, 3), UINT64_MAX);
	vm_space_put(space);
}

KTEST(fork_makes_the_parent_forget_its_right_to_write)
{
	struct vm_space *parent = vm_space_create(), *child;

	map_at(parent, 0, 2, READ_WRITE, NULL);
	machine_store(parent, address(0), 1);
	vm_space_fork(parent, &child);
	machine_store(parent, address(0), 2);
	KTEST_EQUAL(load(child, 0), 1);
	machine_store(child, address(0), 3);
	KTEST_EQUAL(load(parent, 0), 2);
	vm_space_put(child);
	vm_space_put(parent);
}

KTEST(the_page_of_zeros_stays_zero)
{
	struct vm_space *space = vm_space_create();
	uint64_t *zeros = page_address(zero_page);

	map_at(space, 0, 2, READ_WRITE, NULL);
	KTEST_EQUAL(load(space, 0), 0);
	KTEST_TRUE(machine_store(space, address(0), 5));
	KTEST_EQUAL(load(space, 0), 5);
	for (size_t i = 0; i < PAGE_SIZE / sizeof(*zeros); i++)
		KTEST_EQUAL(zeros[i], 0);
	vm_space_put(space);
}

KTEST(unmapping_much_takes_few_fences)
{
	struct vm_space *space = vm_space_create();

	map_at(space, 0, 512, READ_WRITE, NULL);
	vm_populate(space, address(0), 512 * PAGE_SIZE);
	machine_flushes = 0;
	vm_unmap(space, address(0), 512 * PAGE_SIZE);
	KTEST_TRUE(machine_flushes <= 8);
	machine_flushes = 0;
	map_at(space, 0, 512, READ_WRITE, NULL);
	vm_unmap(space, address(0), 512 * PAGE_SIZE);
	KTEST_EQUAL(machine_flushes, 0);
	vm_space_put(space);
}

/* ---- User copies ------------------------------------------------------------------------- */

KTEST(copies_cross_pages_and_stop_at_holes)
{
	struct vm_space *space = vm_space_create();
	char from[3 * PAGE_SIZE], to[3 * PAGE_SIZE] = "";
	void *user = (void *)(address(0) + 100);

	for (size_t i = 0; i < sizeof(from); i++)
		from[i] = (char)(i * 7);
	map_at(space, 0, 3, READ_WRITE, NULL);
	machine_run_in(space);
	KTEST_EQUAL(copy_to_user(user, from, 2 * PAGE_SIZE), 0);
	KTEST_EQUAL(copy_from_user(to, user, 2 * PAGE_SIZE), 0);
	KTEST_EQUAL(memcmp(from, to, 2 * PAGE_SIZE), 0);
	KTEST_EQUAL(copy_to_user_partial(user, from, 3 * PAGE_SIZE),
		    3 * PAGE_SIZE - 100);
	KTEST_EQUAL(copy_to_user(user, from, 3 * PAGE_SIZE), -EFAULT);
	KTEST_EQUAL(copy_from_user(to, (void *)8, 1), -EFAULT);
	KTEST_EQUAL(copy_from_user(to, (void *)(USER_SPACE_END - 1), 2),
		    -EFAULT);
	KTEST_EQUAL(copy_from_user(to, (void *)(UINT64_MAX - 4), 8), -EFAULT);
	KTEST_EQUAL(copy_from_user(to, (void *)8, 0), 0);
	machine_run_in(NULL);
	vm_space_put(space);
}

KTEST(strings_end_with_nul_or_an_error)
{
	struct vm_space *space = vm_space_create();
	char text[64];
	char *user = (char *)(address(1) - 4);

	map_at(space, 0, 2, READ_WRITE, NULL);
	machine_run_in(space);
	KTEST_EQUAL(copy_to_user(user, "crossing", 9), 0);
	KTEST_EQUAL(copy_string_from_user(text, user, sizeof(text)), 8);
	KTEST_EQUAL(strcmp(text, "crossing"), 0);
	KTEST_EQUAL(copy_string_from_user(text, user, 9), 8);
	KTEST_EQUAL(copy_string_from_user(text, user, 8), -ENAMETOOLONG);
	user = (char *)(address(2) - 3);
	KTEST_EQUAL(copy_to_user(user, "abc", 3), 0);
	KTEST_EQUAL(copy_string_from_user(text, user, sizeof(text)), -EFAULT);
	KTEST_EQUAL(copy_string_from_user(text, NULL, sizeof(text)), -EFAULT);
	machine_run_in(NULL);
	vm_space_put(space);
}

KTEST(words_change_atomically)
{
	struct vm_space *space = vm_space_create();
	void *user = (void *)address(0);
	uint32_t seen;

	map_at(space, 0, 1, READ_WRITE, NULL);
	machine_run_in(space);
	KTEST_EQUAL(put_user_u32(user, 5), 0);
	KTEST_EQUAL(cmpxchg_user_u32(user, 4, 9, &seen), 0);
	KTEST_EQUAL(seen, 5);
	KTEST_EQUAL(cmpxchg_user_u32(user, 5, 9, &seen), 0);
	KTEST_EQUAL(seen, 5);
	KTEST_EQUAL(futex_op_user_u32(user, 1, 3, &seen), 0);
	KTEST_EQUAL(seen, 9);
	KTEST_EQUAL(get_user_u32(&seen, user), 0);
	KTEST_EQUAL(seen, 12);
	KTEST_EQUAL(get_user_u32(&seen, (void *)address(1)), -EFAULT);
	machine_run_in(NULL);
	vm_space_put(space);
}

/* ---- Everything at once, against a model -------------------------------------------------- */

static uint64_t random_state;

static size_t random_below(size_t limit)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state % limit;
}

enum kind { NOTHING, ANONYMOUS, FILE_PRIVATE, FILE_SHARED };

/* What a page of a space is. */
struct model_page {
	enum kind kind;
	bool readable, writable;
	bool copied; /* FILE_PRIVATE: has its own word */
	uint64_t word;
	size_t file_page;
};

#define FILE_PAGES 16
#define NUM_SPACES 3

static struct page_cache file;
static size_t file_size; /* in pages */
static uint64_t file_words[FILE_PAGES];
static struct vm_space *spaces[NUM_SPACES];
static struct model_page models[NUM_SPACES][PAGES];

/* Does an access get through, by the model? */
static bool model_allows(const struct model_page *page, bool write)
{
	if (page->kind == NOTHING || !page->readable)
		return false;
	if (write && !page->writable)
		return false;
	if (page->kind == ANONYMOUS || page->copied)
		return true;
	return page->file_page < file_size;
}

static uint64_t model_word(const struct model_page *page)
{
	if (page->kind == ANONYMOUS || page->copied)
		return page->word;
	return file_words[page->file_page];
}

static void check_page(size_t space, size_t at)
{
	const struct model_page *page = &models[space][at];
	uint64_t word = 0;
	bool allowed = model_allows(page, false);

	KTEST_EQUAL(machine_load(spaces[space], address(at), &word), allowed);
	if (allowed)
		KTEST_EQUAL(word, model_word(page));
}

static void do_store(size_t space, size_t at, uint64_t word)
{
	struct model_page *page = &models[space][at];
	bool allowed = model_allows(page, true);

	KTEST_EQUAL(machine_store(spaces[space], address(at), word), allowed);
	if (!allowed)
		return;
	if (page->kind == FILE_SHARED) {
		file_words[page->file_page] = word;
	} else {
		page->word = word;
		page->copied = page->kind == FILE_PRIVATE;
	}
}

static void do_map(size_t space, size_t at, size_t count)
{
	enum kind kind = ANONYMOUS + random_below(3);
	bool writable = random_below(3);
	struct vm_map_args args = {
		.hint = address(at),
		.size = count * PAGE_SIZE,
		.flags = PAGE_READ | (writable ? PAGE_WRITE : 0) | VM_MAY_WRITE,
		.fixed = true,
		.page_offset = random_below(FILE_PAGES - 1),
	};
	vaddr_t start;

	count = MIN(count, FILE_PAGES - args.page_offset);
	args.size = count * PAGE_SIZE;
	if (kind != ANONYMOUS)
		args.cache = &file;
	if (kind == FILE_SHARED)
		args.flags |= VM_SHARED;
	KTEST_EQUAL(vm_map(spaces[space], &args, &start), 0);
	for (size_t i = 0; i < count; i++)
		models[space][at + i] = (struct model_page){
			.kind = kind,
			.readable = true,
			.writable = writable,
			.file_page = args.page_offset + i,
		};
}

static void do_protect(size_t space, size_t at, size_t count)
{
	bool readable = random_below(4), writable = random_below(2);
	unsigned int bits =
		readable ? PAGE_READ | (writable ? PAGE_WRITE : 0) : 0;

	vm_protect(spaces[space], address(at), count * PAGE_SIZE, bits);
	for (size_t i = at; i < at + count; i++) {
		if (models[space][i].kind == NOTHING)
			break;
		models[space][i].readable = readable;
		models[space][i].writable = readable && writable;
	}
}

static void do_drop(size_t space, size_t at, size_t count)
{
	vm_advise(spaces[space], address(at), count * PAGE_SIZE, MADV_DONTNEED);
	for (size_t i = at; i < at + count; i++) {
		models[space][i].copied = false;
		models[space][i].word = 0;
	}
}

static void do_unmap(size_t space, size_t at, size_t count)
{
	vm_unmap(spaces[space], address(at), count * PAGE_SIZE);
	for (size_t i = at; i < at + count; i++)
		models[space][i].kind = NOTHING;
}

/* Another space becomes a copy of this one. */
static void do_fork(size_t space)
{
	size_t other = (space + 1) % NUM_SPACES;

	vm_space_put(spaces[other]);
	KTEST_EQUAL(vm_space_fork(spaces[space], &spaces[other]), 0);
	memcpy(models[other], models[space], sizeof(models[0]));
}

static void do_truncate(void)
{
	size_t size = random_below(FILE_PAGES + 1);

	page_cache_truncate(&file, size * PAGE_SIZE);
	for (size_t i = size; i < FILE_PAGES; i++)
		file_words[i] = 0;
	/* Private copies past the end go as well, as on Linux. */
	for (size_t s = 0; s < NUM_SPACES && size < file_size; s++) {
		for (size_t i = 0; i < PAGES; i++) {
			if (models[s][i].file_page >= size)
				models[s][i].copied = false;
		}
	}
	file_size = size;
}

static void do_move(size_t space, size_t at, size_t count)
{
	size_t to = random_below(PAGES - count);
	struct model_page moved[PAGES];
	vaddr_t start;
	int err;

	err = vm_remap(spaces[space], address(at), count * PAGE_SIZE,
		       count * PAGE_SIZE, MREMAP_MAYMOVE | MREMAP_FIXED,
		       address(to), &start);
	if (err == -EINVAL)
		return; /* they overlap */
	if (err) {
		/* What was there is gone all the same: the call unmaps first. */
		for (size_t i = 0; i < count; i++)
			models[space][to + i].kind = NOTHING;
		return;
	}
	memcpy(moved, &models[space][at], count * sizeof(moved[0]));
	for (size_t i = 0; i < count; i++)
		models[space][at + i].kind = NOTHING;
	memcpy(&models[space][to], moved, count * sizeof(moved[0]));
}

static void step(uint64_t number)
{
	size_t space = random_below(NUM_SPACES);
	size_t at = random_below(PAGES);
	size_t count = 1 + random_below(MIN(PAGES - at, 12UL));

	switch (random_below(16)) {
	case 0:
	case 1:
		do_map(space, at, count);
		break;
	case 2:
		do_unmap(space, at, MIN(count, 4UL));
		break;
	case 3:
		do_protect(space, at, count);
		break;
	case 4:
		do_drop(space, at, MIN(count, 4UL));
		break;
	case 5:
		do_fork(space);
		break;
	case 6:
		do_truncate();
		break;
	case 7:
		do_move(space, at, MIN(count, PAGES - 1UL));
		break;
	case 8:
	case 9:
	case 10:
		check_page(space, at);
		break;
	default:
		/* Both harts should know the page before and after. */
		check_page(space, at);
		do_store(space, at, number);
		check_page(space, at);
		check_page(space, at);
		break;
	}
}

KTEST(programs_see_what_a_simple_model_sees)
{
	uint64_t before = 0;

	for (uint64_t seed = 1; seed <= 40; seed++) {
		random_state = seed * 0x9e3779b97f4a7c15UL;
		memset(models, 0, sizeof(models));
		memset(file_words, 0, sizeof(file_words));
		page_cache_init(&file, NULL, PAGE_CACHE_MEMORY);
		file_size = FILE_PAGES;
		page_cache_truncate(&file, file_size * PAGE_SIZE);
		for (size_t i = 0; i < NUM_SPACES; i++)
			spaces[i] = vm_space_create();
		for (uint64_t n = 1; n <= 3000; n++)
			step(n);
		for (size_t i = 0; i < NUM_SPACES; i++) {
			for (size_t page = 0; page < PAGES; page++)
				check_page(i, page);
			vm_space_put(spaces[i]);
		}
		page_cache_destroy(&file);
		if (seed == 1)
			before = buddy_free_pages();
	}
	KTEST_TRUE(buddy_free_pages() + 4 >= before);
}
