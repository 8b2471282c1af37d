/* SPDX-License-Identifier: MIT */
/*
 * buddy_test.c - claims about the frame allocator
 */
#include "kernel/debug/ktest.h"
#include "kernel/mm/internal.h"

/* Nothing else allocates while the tests run, so counts are exact. */

KTEST(buddy_returns_every_frame)
{
	uint64_t before = buddy_free_pages();
	struct page *pages[64];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(pages); i++) {
		pages[i] = page_alloc(i % 4, 0);
		KTEST_TRUE(pages[i]);
	}
	KTEST_TRUE(buddy_free_pages() < before);
	for (i = 0; i < ARRAY_SIZE(pages); i++)
		page_put(pages[i]);
	KTEST_EQUAL(buddy_free_pages(), before);
}

KTEST(buddy_blocks_are_aligned_to_their_size)
{
	unsigned int order;

	for (order = 0; order <= 8; order++) {
		struct page *page = page_alloc(order, 0);

		KTEST_TRUE(page);
		KTEST_TRUE(IS_ALIGNED(page_to_phys(page), PAGE_SIZE << order));
		KTEST_TRUE(phys_to_page(page_to_phys(page)) == page);
		page_put(page);
	}
}

KTEST(buddy_merges_freed_halves)
{
	struct page *block = page_alloc(4, 0), *halves[2], *again;

	KTEST_TRUE(block);
	page_put(block);
	/* The block just freed is the first to be split. */
	halves[0] = page_alloc(3, 0);
	halves[1] = page_alloc(3, 0);
	page_put(halves[0]);
	page_put(halves[1]);
	again = page_alloc(4, 0);
	KTEST_TRUE(again);
	page_put(again);
}

KTEST(buddy_clears_when_asked)
{
	struct page *page = page_alloc(1, 0);
	unsigned char *memory;
	size_t i, dirty = 0;

	memory = page_address(page);
	for (i = 0; i < 2 * PAGE_SIZE; i++)
		memory[i] = 0xa5;
	page_put(page);
	page = page_alloc(1, ALLOC_ZERO);
	memory = page_address(page);
	for (i = 0; i < 2 * PAGE_SIZE; i++)
		dirty += memory[i] != 0;
	KTEST_EQUAL(dirty, 0);
	page_put(page);
}

KTEST(buddy_keeps_a_page_with_references)
{
	uint64_t before = buddy_free_pages();
	struct page *page = page_alloc(0, 0);

	page_get(page);
	page_put(page);
	KTEST_EQUAL(buddy_free_pages(), before - 1);
	page_put(page);
	KTEST_EQUAL(buddy_free_pages(), before);
}

KTEST(buddy_refuses_what_is_too_large)
{
	KTEST_TRUE(!page_alloc(MAX_ORDER + 1, 0));
}

KTEST(what_is_no_ram_is_known)
{
	KTEST_TRUE(!phys_is_ram(UINT64_MAX));
	KTEST_TRUE(phys_is_ram(page_to_phys(zero_page)));
}
