/* SPDX-License-Identifier: MIT */
/*
 * memory_test.c - a radix tree whose memory runs out, and leaks nothing
 */
#include <stdlib.h>

#include "kernel/abi/errno.h"
#include "kernel/debug/ktest.h"
#include "kernel/lib/radix_tree.h"

static int nodes_live, nodes_allowed;

static void *limited_alloc(size_t size)
{
	if (nodes_live >= nodes_allowed)
		return NULL;
	nodes_live++;
	return malloc(size);
}

static void counting_free(void *node)
{
	nodes_live--;
	free(node);
}

static void *plain_alloc(size_t size)
{
	return malloc(size);
}

KTEST(radix_tree_survives_every_failed_allocation)
{
	static char item;

	radix_set_allocator(limited_alloc, counting_free);
	for (nodes_allowed = 0; nodes_allowed < 24; nodes_allowed++) {
		struct radix_tree tree;
		bool has_small, has_large;

		radix_init(&tree);
		has_small = !radix_insert(&tree, 3, &item);
		has_large = !radix_insert(&tree, UINT64_MAX, &item);
		KTEST_EQUAL(has_small, nodes_allowed >= 1);
		KTEST_TRUE((radix_get(&tree, 3) != NULL) == has_small);
		KTEST_TRUE((radix_get(&tree, UINT64_MAX) != NULL) == has_large);
		radix_remove(&tree, 3);
		radix_remove(&tree, UINT64_MAX);
		KTEST_TRUE(!tree.root || tree.height > 0);
		radix_destroy(&tree);
		KTEST_EQUAL(nodes_live, 0);
	}
	radix_set_allocator(plain_alloc, free);
}

KTEST(radix_tree_frees_nodes_that_become_empty)
{
	struct radix_tree tree;
	static char item;

	radix_set_allocator(limited_alloc, counting_free);
	nodes_allowed = 1000000;
	radix_init(&tree);
	for (uint64_t i = 0; i < 10000; i++)
		KTEST_EQUAL(radix_insert(&tree, i * 37, &item), 0);
	for (uint64_t i = 0; i < 10000; i++)
		KTEST_TRUE(radix_remove(&tree, i * 37) == &item);
	KTEST_EQUAL(nodes_live, 0);
	radix_set_allocator(plain_alloc, free);
}
