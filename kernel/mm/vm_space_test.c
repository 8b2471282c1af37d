/* SPDX-License-Identifier: MIT */
/*
 * vm_space_test.c - claims about address spaces: areas, faults, copies
 */
#include "kernel/abi/errno.h"
#include "kernel/abi/mman.h"
#include "kernel/debug/ktest.h"
#include "kernel/lib/string.h"
#include "kernel/mm/internal.h"
#include "kernel/mm/writeback.h"

#define READ_WRITE (PAGE_READ | PAGE_WRITE)
#define BASE       0x10000000UL

/* ---- Helpers ----------------------------------------------------------------- */

/* Map @pages at BASE + @at pages. */
static int map_at(struct vm_space *space, size_t at, size_t pages,
		  unsigned int flags)
{
	struct vm_map_args args = {
		.hint = BASE + at * PAGE_SIZE,
		.size = pages * PAGE_SIZE,
		.flags = flags,
		.fixed = true,
	};
	vaddr_t start;

	return vm_map(space, &args, &start);
}

static int map_cache(struct vm_space *space, struct page_cache *cache,
		     size_t at, size_t pages, unsigned int flags)
{
	struct vm_map_args args = {
		.hint = BASE + at * PAGE_SIZE,
		.size = pages * PAGE_SIZE,
		.flags = flags,
		.fixed = true,
		.cache = cache,
	};
	vaddr_t start;

	return vm_map(space, &args, &start);
}

static vaddr_t address(size_t page)
{
	return BASE + page * PAGE_SIZE;
}

static bool put_word(struct vm_space *space, vaddr_t va, uint64_t word)
{
	return vm_space_access(space, va, &word, sizeof(word), true, false) ==
	       sizeof(word);
}

/* The word at @va; all ones: it cannot be read. */
static uint64_t get_word(struct vm_space *space, vaddr_t va)
{
	uint64_t word;

	if (vm_space_access(space, va, &word, sizeof(word), false, false) !=
	    sizeof(word))
		return UINT64_MAX;
	return word;
}

static unsigned int count_areas(struct vm_space *space)
{
	return space->num_areas;
}

/* ---- Areas ------------------------------------------------------------------------ */

KTEST(neighbours_with_equal_rights_are_one_area)
{
	struct vm_space *space = vm_space_create();

	map_at(space, 0, 4, READ_WRITE);
	map_at(space, 4, 4, READ_WRITE);
	KTEST_EQUAL(count_areas(space), 1);
	map_at(space, 9, 4, READ_WRITE);
	KTEST_EQUAL(count_areas(space), 2);
	map_at(space, 8, 1, READ_WRITE);
	KTEST_EQUAL(count_areas(space), 1);
	map_at(space, 13, 4, PAGE_READ);
	KTEST_EQUAL(count_areas(space), 2);
	vm_space_put(space);
}

KTEST(unmap_splits_an_area)
{
	struct vm_space *space = vm_space_create();

	map_at(space, 0, 8, READ_WRITE);
	put_word(space, address(1), 1);
	put_word(space, address(3), 3);
	put_word(space, address(6), 6);
	KTEST_EQUAL(vm_unmap(space, address(2), 2 * PAGE_SIZE), 0);
	KTEST_EQUAL(count_areas(space), 2);
	KTEST_EQUAL(space->total_pages, 6);
	KTEST_EQUAL(get_word(space, address(1)), 1);
	KTEST_EQUAL(get_word(space, address(3)), UINT64_MAX);
	KTEST_EQUAL(get_word(space, address(6)), 6);
	vm_space_put(space);
}

KTEST(unmap_of_nothing_is_no_error)
{
	struct vm_space *space = vm_space_create();

	KTEST_EQUAL(vm_unmap(space, address(0), PAGE_SIZE), 0);
	KTEST_EQUAL(vm_unmap(space, address(0) + 1, PAGE_SIZE), -EINVAL);
	KTEST_EQUAL(vm_unmap(space, address(0), 0), -EINVAL);
	vm_space_put(space);
}

KTEST(fixed_mapping_replaces)
{
	struct vm_space *space = vm_space_create();

	map_at(space, 0, 4, READ_WRITE);
	put_word(space, address(1), 7);
	map_at(space, 1, 2, READ_WRITE);
	KTEST_EQUAL(get_word(space, address(1)), 0);
	KTEST_EQUAL(space->total_pages, 4);
	vm_space_put(space);
}

KTEST(no_replace_refuses_to_replace)
{
	struct vm_space *space = vm_space_create();
	struct vm_map_args args = {
		.hint = address(1),
		.size = PAGE_SIZE,
		.flags = READ_WRITE,
		.fixed = true,
		.no_replace = true,
	};
	vaddr_t start;

	map_at(space, 0, 4, READ_WRITE);
	KTEST_EQUAL(vm_map(space, &args, &start), -EEXIST);
	args.hint = address(4);
	KTEST_EQUAL(vm_map(space, &args, &start), 0);
	vm_space_put(space);
}

KTEST(mappings_are_placed_downward_and_holes_reused)
{
	struct vm_space *space = vm_space_create();
	struct vm_map_args args = { .size = 4 * PAGE_SIZE, .flags = PAGE_READ };
	vaddr_t first, second, third, again;

	space->mmap_top = address(1000);
	vm_map(space, &args, &first);
	args.flags = READ_WRITE;
	vm_map(space, &args, &second);
	vm_map(space, &args, &third);
	KTEST_EQUAL(first, address(996));
	KTEST_EQUAL(second, address(992));
	KTEST_EQUAL(third, address(988));
	vm_unmap(space, second, 4 * PAGE_SIZE);
	vm_map(space, &args, &again);
	KTEST_EQUAL(again, second);
	vm_unmap(space, first, 4 * PAGE_SIZE);
	vm_unmap(space, second, 4 * PAGE_SIZE);
	args.size = 8 * PAGE_SIZE;
	vm_map(space, &args, &again);
	KTEST_EQUAL(again, second);
	vm_space_put(space);
}

KTEST(more_memory_than_there_is_is_refused)
{
	struct vm_space *space = vm_space_create();
	size_t pages = buddy_managed_pages() + 1;

	KTEST_EQUAL(map_at(space, 0, pages, READ_WRITE), -ENOMEM);
	KTEST_EQUAL(map_at(space, 0, pages, READ_WRITE | VM_NO_RESERVE), 0);
	KTEST_EQUAL(map_at(space, 0, pages, 0), 0);
	vm_space_put(space);
}

/* ---- Faults ------------------------------------------------------------------------ */

KTEST(untouched_memory_reads_as_zeros_without_a_frame)
{
	struct vm_space *space = vm_space_create();

	map_at(space, 0, 4, READ_WRITE);
	KTEST_EQUAL(get_word(space, address(2)), 0);
	KTEST_EQUAL(vm_resident_pages(space), 0);
	KTEST_TRUE(put_word(space, address(2), 5));
	KTEST_EQUAL(vm_resident_pages(space), 1);
	KTEST_EQUAL(get_word(space, address(2)), 5);
	vm_space_put(space);
}

KTEST(faults_outside_and_against_rights_are_told_apart)
{
	struct vm_space *space = vm_space_create();

	map_at(space, 0, 1, PAGE_READ);
	map_at(space, 1, 1, 0);
	KTEST_EQUAL(vm_fault(space, address(0), ACCESS_READ), VM_FAULT_OK);
	KTEST_EQUAL(vm_fault(space, address(0), ACCESS_WRITE),
		    VM_FAULT_NO_ACCESS);
	KTEST_EQUAL(vm_fault(space, address(0), ACCESS_EXEC),
		    VM_FAULT_NO_ACCESS);
	KTEST_EQUAL(vm_fault(space, address(1), ACCESS_READ),
		    VM_FAULT_NO_ACCESS);
	KTEST_EQUAL(vm_fault(space, address(2), ACCESS_READ), VM_FAULT_NO_AREA);
	KTEST_EQUAL(vm_fault(space, UINT64_MAX, ACCESS_READ), VM_FAULT_NO_AREA);
	vm_space_put(space);
}

KTEST(protection_can_be_taken_and_given_back)
{
	struct vm_space *space = vm_space_create();

	map_at(space, 0, 3, READ_WRITE);
	put_word(space, address(1), 11);
	KTEST_EQUAL(vm_protect(space, address(1), PAGE_SIZE, PAGE_READ), 0);
	KTEST_EQUAL(count_areas(space), 3);
	KTEST_TRUE(!put_word(space, address(1), 12));
	KTEST_EQUAL(get_word(space, address(1)), 11);
	KTEST_EQUAL(vm_protect(space, address(1), PAGE_SIZE, 0), 0);
	KTEST_EQUAL(get_word(space, address(1)), UINT64_MAX);
	KTEST_EQUAL(vm_protect(space, address(1), PAGE_SIZE, READ_WRITE), 0);
	KTEST_EQUAL(count_areas(space), 1);
	KTEST_EQUAL(get_word(space, address(1)), 11);
	KTEST_TRUE(put_word(space, address(1), 13));
	KTEST_EQUAL(vm_protect(space, address(2), 2 * PAGE_SIZE, PAGE_READ),
		    -ENOMEM);
	vm_space_put(space);
}

KTEST(a_stack_grows_but_keeps_its_distance)
{
	struct vm_space *space = vm_space_create();

	space->stack_limit = 400 * PAGE_SIZE;
	map_at(space, 0, 1, READ_WRITE);
	map_at(space, 600, 2, READ_WRITE | VM_GROWS_DOWN);
	KTEST_TRUE(put_word(space, address(590), 1));
	KTEST_EQUAL(space->stack_pages, 12);
	KTEST_TRUE(put_word(space, address(300), 2));
	KTEST_TRUE(!put_word(space, address(200), 3)); /* over the limit */
	space->stack_limit = 1000 * PAGE_SIZE;
	KTEST_TRUE(put_word(space, address(257), 4));
	KTEST_TRUE(!put_word(space, address(256), 5)); /* into the gap */
	vm_space_put(space);
}

KTEST(a_forced_write_copies_what_is_read_only)
{
	struct vm_space *space = vm_space_create();
	uint64_t word = 77;

	map_at(space, 0, 1, PAGE_READ);
	KTEST_TRUE(!put_word(space, address(0), 1));
	KTEST_EQUAL(vm_space_access(space, address(0), &word, sizeof(word),
				    true, true),
		    sizeof(word));
	KTEST_EQUAL(get_word(space, address(0)), 77);
	KTEST_TRUE(!put_word(space, address(0), 1));
	vm_space_put(space);
}

/* ---- Fork ---------------------------------------------------------------------------- */

KTEST(fork_shares_until_one_side_writes)
{
	struct vm_space *parent = vm_space_create(), *child;
	uint64_t free_before;

	map_at(parent, 0, 8, READ_WRITE);
	for (size_t i = 0; i < 8; i++)
		put_word(parent, address(i), i + 1);
	KTEST_EQUAL(vm_space_fork(parent, &child), 0);
	KTEST_EQUAL(vm_resident_pages(child), 8);
	KTEST_EQUAL(get_word(child, address(0)), 1);
	free_before = buddy_free_pages();
	KTEST_TRUE(put_word(child, address(0), 100));
	KTEST_EQUAL(buddy_free_pages(), free_before - 1);
	KTEST_EQUAL(get_word(parent, address(0)), 1);
	KTEST_TRUE(put_word(parent, address(1), 200));
	KTEST_EQUAL(get_word(child, address(1)), 2);
	vm_space_put(child);
	/* The last one to have a page takes it over without a copy. */
	free_before = buddy_free_pages();
	KTEST_TRUE(put_word(parent, address(0), 300));
	KTEST_EQUAL(buddy_free_pages(), free_before);
	KTEST_EQUAL(get_word(parent, address(0)), 300);
	vm_space_put(parent);
}

/* Frames that are free after @space has written to pages 0 to @count - 1. */
static uint64_t free_after_writing(struct vm_space *space, size_t count)
{
	for (size_t i = 0; i < count; i++)
		KTEST_TRUE(put_word(space, address(i), 1000 + i));
	return buddy_free_pages();
}

KTEST(fork_copies_at_once_what_is_written_each_time)
{
	struct vm_space *parent = vm_space_create(), *child;
	uint64_t free_before;

	map_at(parent, 0, 8, READ_WRITE);
	for (size_t i = 0; i < 8; i++)
		put_word(parent, address(i), i + 1);
	vm_space_fork(parent, &child); /* too many: shared */
	vm_space_put(child);
	put_word(parent, address(0), 100);
	put_word(parent, address(5), 500);
	KTEST_EQUAL(vm_space_fork(parent, &child), 0);
	KTEST_EQUAL(vm_resident_pages(child), 8);
	/* Both go on with these two as they are, and do not see each other. */
	free_before = buddy_free_pages();
	KTEST_TRUE(put_word(parent, address(0), 101));
	KTEST_TRUE(put_word(child, address(5), 501));
	KTEST_EQUAL(buddy_free_pages(), free_before);
	KTEST_EQUAL(get_word(child, address(0)), 100);
	KTEST_EQUAL(get_word(parent, address(5)), 500);
	/* The other six are shared. */
	KTEST_EQUAL(free_after_writing(child, 8), free_before - 6);
	KTEST_EQUAL(get_word(parent, address(7)), 8);
	vm_space_put(child);
	vm_space_put(parent);
}

KTEST(pages_cleared_ahead_do_not_count_as_written)
{
	struct vm_space *parent = vm_space_create(), *child;

	map_at(parent, 0, 64, READ_WRITE);
	for (size_t i = 0; i < 9; i++)
		vm_fault(parent, address(i), ACCESS_WRITE);
	KTEST_EQUAL(vm_resident_pages(parent), 13);
	KTEST_EQUAL(parent->num_written, 9);
	vm_space_fork(parent, &child);
	KTEST_EQUAL(vm_resident_pages(child), 13);
	/* Who has forked begins anew, and so does the child. */
	vm_fault(parent, address(13), ACCESS_WRITE);
	vm_fault(child, address(13), ACCESS_WRITE);
	KTEST_EQUAL(vm_resident_pages(parent), 14);
	KTEST_EQUAL(vm_resident_pages(child), 14);
	vm_space_put(child);
	vm_space_put(parent);
}

KTEST(fork_copies_nothing_that_others_may_be_writing)
{
	struct vm_space *parent = vm_space_create(), *child;
	uint64_t free_before;

	map_at(parent, 0, 2, READ_WRITE);
	put_word(parent, address(0), 1);
	put_word(parent, address(1), 2);
	vm_space_get(parent); /* as another thread would */
	KTEST_EQUAL(vm_space_fork(parent, &child), 0);
	free_before = buddy_free_pages();
	KTEST_EQUAL(free_after_writing(child, 2), free_before - 2);
	KTEST_EQUAL(get_word(parent, address(1)), 2);
	vm_space_put(child);
	vm_space_put(parent);
	vm_space_put(parent);
}

KTEST(a_child_that_forks_again_and_again_keeps_to_itself)
{
	struct vm_space *root = vm_space_create(), *middle, *child;
	uint64_t free_before;

	map_at(root, 0, 6, READ_WRITE);
	for (size_t i = 0; i < 6; i++)
		put_word(root, address(i), i + 1);
	KTEST_EQUAL(vm_space_fork(root, &middle), 0);
	/* Into all tables, so that only pages count. */
	KTEST_EQUAL(get_word(middle, address(0)), 1);
	free_before = buddy_free_pages();
	for (size_t i = 0; i < 8; i++) {
		KTEST_EQUAL(vm_space_fork(middle, &child), 0);
		KTEST_EQUAL(get_word(child, address(i % 6)), i % 6 + 1);
		vm_space_put(child);
	}
	/* It shares none of the six any more, and the root has them alone. */
	KTEST_EQUAL(buddy_free_pages(), free_before - 6);
	free_before = buddy_free_pages();
	for (size_t i = 0; i < 6; i++)
		KTEST_TRUE(put_word(root, address(i), 100 + i));
	KTEST_EQUAL(buddy_free_pages(), free_before);
	for (size_t i = 0; i < 6; i++)
		KTEST_EQUAL(get_word(middle, address(i)), i + 1);
	vm_space_put(middle);
	vm_space_put(root);
}

KTEST(fork_heeds_advice)
{
	struct vm_space *parent = vm_space_create(), *child;

	map_at(parent, 0, 3, READ_WRITE);
	put_word(parent, address(0), 1);
	put_word(parent, address(1), 2);
	put_word(parent, address(2), 3);
	vm_advise(parent, address(1), PAGE_SIZE, MADV_DONTFORK);
	vm_advise(parent, address(2), PAGE_SIZE, MADV_WIPEONFORK);
	vm_space_fork(parent, &child);
	KTEST_EQUAL(get_word(child, address(0)), 1);
	KTEST_EQUAL(get_word(child, address(1)), UINT64_MAX);
	KTEST_EQUAL(get_word(child, address(2)), 0);
	vm_space_put(child);
	vm_space_put(parent);
}

KTEST(spaces_give_all_their_frames_back)
{
	struct vm_space *space, *child;
	uint64_t before;
	unsigned int i;

	/* Once before counting, so that slabs have grown. */
	for (i = 0; i < 2; i++) {
		before = buddy_free_pages();
		space = vm_space_create();
		map_at(space, 0, 2000, READ_WRITE);
		vm_populate(space, address(0), 600 * PAGE_SIZE);
		vm_space_fork(space, &child);
		put_word(child, address(5), 1);
		put_word(space, address(6), 1);
		vm_space_put(space);
		vm_space_put(child);
	}
	KTEST_EQUAL(buddy_free_pages(), before);
}

/* ---- Moving and dropping ---------------------------------------------------------------- */

KTEST(remap_carries_the_pages_along)
{
	struct vm_space *space = vm_space_create();
	vaddr_t start;

	space->mmap_top = address(5000);
	map_at(space, 0, 4, READ_WRITE);
	map_at(space, 4, 1, PAGE_READ); /* in the way of growing */
	put_word(space, address(3), 33);
	KTEST_EQUAL(vm_remap(space, address(0), 4 * PAGE_SIZE, 8 * PAGE_SIZE, 0,
			     0, &start),
		    -ENOMEM);
	KTEST_EQUAL(vm_remap(space, address(0), 4 * PAGE_SIZE, 8 * PAGE_SIZE,
			     MREMAP_MAYMOVE, 0, &start),
		    0);
	KTEST_TRUE(start != address(0));
	KTEST_EQUAL(get_word(space, start + 3 * PAGE_SIZE), 33);
	KTEST_EQUAL(get_word(space, start + 7 * PAGE_SIZE), 0);
	KTEST_EQUAL(get_word(space, address(3)), UINT64_MAX);
	KTEST_EQUAL(vm_remap(space, start, 8 * PAGE_SIZE, 4 * PAGE_SIZE, 0, 0,
			     &start),
		    0);
	KTEST_EQUAL(get_word(space, start + 3 * PAGE_SIZE), 33);
	KTEST_EQUAL(get_word(space, start + 4 * PAGE_SIZE), UINT64_MAX);
	KTEST_EQUAL(space->total_pages, 5);
	vm_space_put(space);
}

KTEST(remap_grows_in_place_when_it_can)
{
	struct vm_space *space = vm_space_create();
	vaddr_t start;

	map_at(space, 0, 2, READ_WRITE);
	KTEST_EQUAL(vm_remap(space, address(0), 2 * PAGE_SIZE, 9 * PAGE_SIZE, 0,
			     0, &start),
		    0);
	KTEST_EQUAL(start, address(0));
	KTEST_TRUE(put_word(space, address(8), 1));
	vm_space_put(space);
}

KTEST(dont_need_zeroes_private_memory)
{
	struct vm_space *space = vm_space_create();

	map_at(space, 0, 2, READ_WRITE);
	put_word(space, address(0), 1);
	put_word(space, address(1), 2);
	KTEST_EQUAL(vm_advise(space, address(0), PAGE_SIZE, MADV_DONTNEED), 0);
	KTEST_EQUAL(get_word(space, address(0)), 0);
	KTEST_EQUAL(get_word(space, address(1)), 2);
	KTEST_EQUAL(vm_resident_pages(space), 1);
	vm_space_put(space);
}

KTEST(break_moves_up_and_down)
{
	struct vm_space *space = vm_space_create();

	space->start_brk = space->brk = address(0) + 100;
	KTEST_EQUAL(vm_brk(space, address(3) + 5, UINT64_MAX), address(3) + 5);
	KTEST_TRUE(put_word(space, address(3), 9));
	KTEST_EQUAL(vm_brk(space, address(1), UINT64_MAX), address(1));
	KTEST_EQUAL(get_word(space, address(3)), UINT64_MAX);
	KTEST_EQUAL(vm_brk(space, address(9), 4 * PAGE_SIZE), address(1));
	map_at(space, 6, 1, READ_WRITE);
	KTEST_EQUAL(vm_brk(space, address(7), UINT64_MAX), address(1));
	KTEST_EQUAL(vm_brk(space, 0, UINT64_MAX), address(1));
	vm_space_put(space);
}

/* ---- Files ---------------------------------------------------------------------------------- */

static const struct page_cache_ops memory_ops = {};

static uint64_t cache_word(struct page_cache *cache, uint64_t index)
{
	struct page *page = page_cache_lookup(cache, index);
	uint64_t word;

	if (!page)
		return UINT64_MAX;
	word = *(uint64_t *)page_address(page);
	page_put(page);
	return word;
}

KTEST(shared_writes_reach_the_file_private_ones_do_not)
{
	struct vm_space *space = vm_space_create();
	struct page_cache cache;

	page_cache_init(&cache, &memory_ops, PAGE_CACHE_MEMORY);
	page_cache_truncate(&cache, 4 * PAGE_SIZE);
	map_cache(space, &cache, 0, 4, READ_WRITE | VM_SHARED | VM_MAY_WRITE);
	map_cache(space, &cache, 10, 4, READ_WRITE);
	KTEST_TRUE(put_word(space, address(1), 21));
	KTEST_EQUAL(cache_word(&cache, 1), 21);
	KTEST_EQUAL(get_word(space, address(11)), 21);
	KTEST_TRUE(put_word(space, address(11), 22));
	KTEST_EQUAL(cache_word(&cache, 1), 21);
	KTEST_EQUAL(get_word(space, address(11)), 22);
	KTEST_EQUAL(get_word(space, address(1)), 21);
	vm_space_put(space);
	page_cache_destroy(&cache);
}

KTEST(truncation_takes_mapped_pages_away)
{
	struct vm_space *space = vm_space_create();
	struct page_cache cache;

	page_cache_init(&cache, &memory_ops, PAGE_CACHE_MEMORY);
	page_cache_truncate(&cache, 4 * PAGE_SIZE);
	map_cache(space, &cache, 0, 8, READ_WRITE | VM_SHARED | VM_MAY_WRITE);
	KTEST_EQUAL(vm_fault(space, address(4), ACCESS_READ), VM_FAULT_BUS);
	put_word(space, address(1), 5);
	put_word(space, address(1) + 800, 6);
	put_word(space, address(3), 7);
	page_cache_truncate(&cache, PAGE_SIZE + 8);
	KTEST_EQUAL(get_word(space, address(3)), UINT64_MAX);
	KTEST_EQUAL(vm_fault(space, address(2), ACCESS_WRITE), VM_FAULT_BUS);
	KTEST_EQUAL(get_word(space, address(1)), 5);
	KTEST_EQUAL(get_word(space, address(1) + 800), 0);
	page_cache_truncate(&cache, 4 * PAGE_SIZE);
	KTEST_EQUAL(get_word(space, address(3)), 0);
	vm_space_put(space);
	page_cache_destroy(&cache);
}

/* The program writes to page @page: are more pages there than before? */
static bool write_faults(struct vm_space *space, size_t page)
{
	uint64_t before = vm_resident_pages(space);

	if (!page_table_user_address(&space->page_table, address(page), true))
		KTEST_EQUAL(vm_fault(space, address(page), ACCESS_WRITE),
			    VM_FAULT_OK);
	return vm_resident_pages(space) != before;
}

/* It writes to pages @from to @to - 1: so many faults. */
static size_t faults_of_run(struct vm_space *space, size_t from, size_t to)
{
	size_t count = 0;

	for (size_t i = from; i < to; i++)
		count += write_faults(space, i);
	return count;
}

KTEST(who_writes_page_after_page_gets_more_at_a_fault)
{
	struct vm_space *space = vm_space_create();
	size_t i;

	map_at(space, 0, 300, READ_WRITE);
	/* Up to 8 it is one page a fault. */
	KTEST_EQUAL(faults_of_run(space, 0, 8), 8);
	KTEST_EQUAL(vm_resident_pages(space), 8);
	for (i = 8; i < 256; i++) {
		write_faults(space, i);
		/* Never more than half as many as were asked for. */
		KTEST_TRUE(vm_resident_pages(space) <= (i + 1) * 3 / 2);
	}
	KTEST_TRUE(vm_resident_pages(space) >= 256);
	for (i = 0; i < 300; i++)
		KTEST_EQUAL(get_word(space, address(i)), 0);
	KTEST_EQUAL(vm_unmap(space, address(0), 300 * PAGE_SIZE), 0);
	KTEST_EQUAL(vm_resident_pages(space), 0);
	/* After a stream another is expected. */
	map_at(space, 0, 256, READ_WRITE);
	KTEST_TRUE(faults_of_run(space, 0, 256) <= 7);
	KTEST_EQUAL(vm_resident_pages(space), 256);
	vm_space_put(space);
}

KTEST(who_writes_a_few_pages_is_soon_taken_at_his_word)
{
	struct vm_space *space = vm_space_create();
	size_t i, before;

	map_at(space, 0, 2000, READ_WRITE);
	/* The cold start, and no more than 128 at a time, array by array. */
	KTEST_TRUE(faults_of_run(space, 0, 2000) <= 36);
	KTEST_EQUAL(space->stream_pages, 512);
	before = vm_resident_pages(space);
	/* Two pages here, two there: 128, 64, ... come in vain, and at last one
	 * each, however long the stream was. */
	for (i = 0; i < 12; i++) {
		size_t at = (4 + i) * 512;

		map_at(space, at, 200, READ_WRITE);
		write_faults(space, at);
		write_faults(space, at + 1);
	}
	KTEST_EQUAL(vm_resident_pages(space) - before,
		    24 + 128 + 64 + 32 + 16 + 8 + 4 + 2 + 1 + 1 + 1);
	KTEST_EQUAL(space->stream_pages, 0);
	/* And then none. */
	before = vm_resident_pages(space);
	map_at(space, 9000, 100, READ_WRITE);
	KTEST_EQUAL(faults_of_run(space, 9000, 9008), 8);
	KTEST_EQUAL(vm_resident_pages(space), before + 8);
	vm_space_put(space);
}

KTEST(who_writes_here_and_there_gets_one_page_at_a_fault)
{
	struct vm_space *space = vm_space_create();
	size_t i;

	map_at(space, 0, 512, READ_WRITE);
	for (i = 0; i < 200; i++) {
		write_faults(space, i * 77 % 256);
		KTEST_EQUAL(vm_resident_pages(space), i + 1);
	}
	/* Nor who goes down, as a stack does. */
	for (i = 0; i < 100; i++) {
		write_faults(space, 511 - i);
		KTEST_EQUAL(vm_resident_pages(space), 200 + i + 1);
	}
	vm_space_put(space);
}

KTEST(a_run_of_writes_ends_with_its_area_or_at_what_is_there)
{
	struct vm_space *space = vm_space_create();

	map_at(space, 0, 20, READ_WRITE);
	map_at(space, 20, 20, PAGE_READ);
	faults_of_run(space, 0, 20);
	KTEST_EQUAL(vm_resident_pages(space), 20);
	map_at(space, 0, 40, READ_WRITE);
	put_word(space, address(18), 42);
	KTEST_EQUAL(get_word(space, address(20)), 0); /* the page of zeros */
	KTEST_EQUAL(faults_of_run(space, 0, 18), 10);
	KTEST_EQUAL(vm_resident_pages(space), 19);
	KTEST_EQUAL(get_word(space, address(18)), 42);
	vm_space_put(space);
}

KTEST(who_asks_for_one_page_at_a_fault_gets_one)
{
	static const int no[] = { MADV_NOHUGEPAGE, MADV_RANDOM },
			 yes[] = { MADV_HUGEPAGE, MADV_SEQUENTIAL };
	struct vm_space *space = vm_space_create();

	map_at(space, 0, 512, READ_WRITE);
	for (size_t i = 0; i < 2; i++) {
		vm_advise(space, address(0), 512 * PAGE_SIZE, no[i]);
		KTEST_EQUAL(faults_of_run(space, 0, 64), 64);
		vm_advise(space, address(0), 512 * PAGE_SIZE, yes[i]);
		KTEST_TRUE(faults_of_run(space, 64, 128) < 30);
		vm_advise(space, address(0), 512 * PAGE_SIZE, MADV_DONTNEED);
	}
	space->no_huge = true;
	KTEST_EQUAL(faults_of_run(space, 128, 192), 64);
	vm_space_put(space);
}

/* Populating, and what others write to, touches what was named only. */
KTEST(pages_that_are_brought_in_have_none_ahead)
{
	struct vm_space *space = vm_space_create();

	map_at(space, 0, 256, READ_WRITE);
	vm_populate(space, address(0), 100 * PAGE_SIZE);
	KTEST_EQUAL(vm_resident_pages(space), 100);
	for (size_t i = 100; i < 150; i++)
		put_word(space, address(i), i);
	KTEST_EQUAL(vm_resident_pages(space), 150);
	vm_space_put(space);
}

KTEST(a_fault_brings_cached_neighbours_along)
{
	struct vm_space *space = vm_space_create();
	struct page_cache cache;
	struct page *page;
	uint64_t i;

	page_cache_init(&cache, &memory_ops, PAGE_CACHE_MEMORY);
	page_cache_truncate(&cache, 64 * PAGE_SIZE);
	for (i = 0; i < 32; i++) {
		page_cache_get(&cache, i, true, &page);
		page_put(page);
	}
	map_cache(space, &cache, 0, 64, PAGE_READ);
	KTEST_EQUAL(vm_fault(space, address(3), ACCESS_READ), VM_FAULT_OK);
	KTEST_EQUAL(vm_resident_pages(space), 16);
	KTEST_EQUAL(vm_fault(space, address(40), ACCESS_READ), VM_FAULT_OK);
	KTEST_EQUAL(vm_resident_pages(space), 17);
	vm_space_put(space);
	page_cache_destroy(&cache);
}

static int read_nothing(struct page_cache *cache, uint64_t index,
			struct page *page)
{
	return 0;
}

KTEST(a_fault_leaves_neighbours_that_are_being_read)
{
	static const struct page_cache_ops disk_ops = {
		.read_page = read_nothing,
	};
	struct vm_space *space = vm_space_create();
	struct page_cache cache;
	struct page *page;

	page_cache_init(&cache, &disk_ops, 0);
	page_cache_truncate(&cache, 16 * PAGE_SIZE);
	page_cache_get(&cache, 3, true, &page);
	page_put(page);
	page = page_alloc(0, ALLOC_USER);
	KTEST_EQUAL(page_cache_add_locked(&cache, 4, page), 0);
	map_cache(space, &cache, 0, 16, PAGE_READ);
	KTEST_EQUAL(vm_fault(space, address(3), ACCESS_READ), VM_FAULT_OK);
	KTEST_EQUAL(vm_resident_pages(space), 1);
	page_cache_end_read(&cache, page, 0);
	page_put(page);
	KTEST_EQUAL(vm_fault(space, address(4), ACCESS_READ), VM_FAULT_OK);
	KTEST_EQUAL(vm_resident_pages(space), 2);
	vm_space_put(space);
	page_cache_destroy(&cache);
}

KTEST(truncation_closes_a_file_that_is_open_to_faults)
{
	struct vm_space *space = vm_space_create();
	struct page_cache cache;

	page_cache_init(&cache, &memory_ops, PAGE_CACHE_MEMORY);
	page_cache_truncate(&cache, 4 * PAGE_SIZE);
	map_cache(space, &cache, 0, 4, READ_WRITE | VM_SHARED | VM_MAY_WRITE);
	put_word(space, address(2), 5);
	for (int i = 0; i < 64; i++) {
		page_cache_unmap(&cache, 0, 3, false);
		KTEST_EQUAL(get_word(space, address(2)), 5);
	}
	KTEST_TRUE(cache.open_to_faults);
	page_cache_truncate(&cache, 2 * PAGE_SIZE);
	KTEST_TRUE(!cache.open_to_faults);
	KTEST_EQUAL(vm_fault(space, address(2), ACCESS_READ), VM_FAULT_BUS);
	page_cache_truncate(&cache, 4 * PAGE_SIZE);
	KTEST_EQUAL(get_word(space, address(2)), 0);
	vm_space_put(space);
	page_cache_destroy(&cache);
}

KTEST(private_copies_of_a_file_survive_fork)
{
	struct vm_space *parent = vm_space_create(), *child;
	struct page_cache cache;

	page_cache_init(&cache, &memory_ops, PAGE_CACHE_MEMORY);
	page_cache_truncate(&cache, 4 * PAGE_SIZE);
	map_cache(parent, &cache, 0, 4, READ_WRITE);
	put_word(parent, address(2), 42);
	vm_space_fork(parent, &child);
	KTEST_EQUAL(get_word(child, address(2)), 42);
	put_word(child, address(2), 43);
	KTEST_EQUAL(get_word(parent, address(2)), 42);
	KTEST_EQUAL(get_word(child, address(1)), 0);
	vm_space_put(parent);
	KTEST_EQUAL(get_word(child, address(2)), 43);
	vm_space_put(child);
	page_cache_destroy(&cache);
}

/* ---- Against a model -------------------------------------------------------------------------- */

#define MODEL_PAGES 64

static uint64_t random_state = 88172645463325252UL;

static size_t random_below(size_t limit)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state % limit;
}

/* What each page of the model is: its rights, and the word in it. */
struct model {
	bool mapped[MODEL_PAGES];
	bool writable[MODEL_PAGES];
	uint64_t word[MODEL_PAGES];
};

static void model_step(struct vm_space *space, struct model *model,
		       uint64_t step)
{
	size_t at = random_below(MODEL_PAGES);
	size_t count = 1 + random_below(MODEL_PAGES - at);
	bool writable = random_below(2);
	size_t i;

	switch (random_below(5)) {
	case 0:
		map_at(space, at, count, writable ? READ_WRITE : PAGE_READ);
		for (i = at; i < at + count; i++) {
			model->mapped[i] = true;
			model->writable[i] = writable;
			model->word[i] = 0;
		}
		break;
	case 1:
		count = MIN(count, 8UL);
		vm_unmap(space, address(at), count * PAGE_SIZE);
		for (i = at; i < at + count; i++)
			model->mapped[i] = false;
		break;
	case 2:
		vm_protect(space, address(at), count * PAGE_SIZE,
			   writable ? READ_WRITE : PAGE_READ);
		/* Up to the first hole. */
		for (i = at; i < at + count && model->mapped[i]; i++)
			model->writable[i] = writable;
		break;
	case 3:
		/* The program writes one page after the other: pages may come
		 * ahead, and nothing changes but that. */
		for (i = at; i < at + count; i++)
			KTEST_EQUAL(vm_fault(space, address(i), ACCESS_WRITE) ==
					    VM_FAULT_OK,
				    model->mapped[i] && model->writable[i]);
		break;
	default:
		KTEST_EQUAL(put_word(space, address(at), step),
			    model->mapped[at] && model->writable[at]);
		if (model->mapped[at] && model->writable[at])
			model->word[at] = step;
		break;
	}
}

static void compare_with_model(struct vm_space *space,
			       const struct model *model)
{
	size_t i, pages = 0;

	for (i = 0; i < MODEL_PAGES; i++) {
		KTEST_EQUAL(get_word(space, address(i)),
			    model->mapped[i] ? model->word[i] : UINT64_MAX);
		pages += model->mapped[i];
	}
	KTEST_EQUAL(space->total_pages, pages);
}

KTEST(random_calls_do_what_a_simple_model_does)
{
	static struct model model;
	struct vm_space *space = vm_space_create(), *child;
	uint64_t step;

	for (step = 1; step <= 4000; step++) {
		model_step(space, &model, step);
		if (step % 50 == 0)
			compare_with_model(space, &model);
		if (step % 400 == 0) {
			/* Go on as the child. */
			vm_space_fork(space, &child);
			vm_space_put(space);
			space = child;
			compare_with_model(space, &model);
		}
	}
	vm_space_put(space);
	memset(&model, 0, sizeof(model));
}
