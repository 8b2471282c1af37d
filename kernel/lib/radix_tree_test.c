/* SPDX-License-Identifier: MIT */
/*
 * radix_tree_test.c - random use of a radix tree against a plain array
 */
#include "kernel/abi/errno.h"
#include "kernel/debug/ktest.h"
#include "kernel/lib/radix_tree.h"

enum { NUM_KEYS = 64, NUM_STEPS = 4000 };

/* Sorted: dense, at the edges of nodes and levels, and the largest. */
static uint64_t key_at(unsigned int i)
{
	if (i < 40)
		return i;
	if (i < 50)
		return 60 + i - 40; /* over the edge of a node */
	if (i < 62)
		return 1ul << (12 + 4 * (i - 50));
	return i == 62 ? UINT64_MAX - 1 : UINT64_MAX;
}

static unsigned int next_random(uint64_t *state)
{
	*state = *state * 48271 % 2147483647;
	return (unsigned int)*state;
}

/* The items are the addresses of these. */
static char items[NUM_KEYS];
static bool present[NUM_KEYS], tagged[NUM_KEYS];

static bool walk_matches(struct radix_tree *tree)
{
	uint64_t index = 0;
	void *found = radix_next(tree, &index);

	for (unsigned int i = 0; i < NUM_KEYS; i++) {
		if (!present[i])
			continue;
		if (found != &items[i] || index != key_at(i))
			return false;
		found = NULL;
		if (index++ != UINT64_MAX)
			found = radix_next(tree, &index);
	}
	return !found;
}

static bool tags_match(struct radix_tree *tree)
{
	uint64_t index = 0;
	void *found = radix_next_tagged(tree, &index);

	for (unsigned int i = 0; i < NUM_KEYS; i++) {
		if (!present[i] || !tagged[i])
			continue;
		if (found != &items[i] || index != key_at(i))
			return false;
		found = NULL;
		if (index++ != UINT64_MAX)
			found = radix_next_tagged(tree, &index);
	}
	return !found;
}

/* Mark or unmark key @i, which need not be there. */
static void change_tag(struct radix_tree *tree, unsigned int i)
{
	if (tagged[i])
		radix_clear_tag(tree, key_at(i));
	else
		radix_set_tag(tree, key_at(i));
	tagged[i] = present[i] && !tagged[i];
}

static void change(struct radix_tree *tree, unsigned int i)
{
	uint64_t key = key_at(i);

	if (present[i]) {
		KTEST_EQUAL(radix_insert(tree, key, &items[i]), -EEXIST);
		KTEST_TRUE(radix_remove(tree, key) == &items[i]);
	} else {
		KTEST_TRUE(radix_remove(tree, key) == NULL);
		KTEST_EQUAL(radix_insert(tree, key, &items[i]), 0);
	}
	present[i] = !present[i];
	tagged[i] = false;
}

KTEST(radix_tree_keeps_what_an_array_keeps)
{
	struct radix_tree tree;
	uint64_t state = 4711;

	radix_init(&tree);
	for (unsigned int i = 0; i < NUM_KEYS; i++)
		present[i] = tagged[i] = false;
	for (unsigned int step = 0; step < NUM_STEPS; step++) {
		unsigned int i = next_random(&state) % NUM_KEYS;

		change(&tree, i);
		KTEST_TRUE((radix_get(&tree, key_at(i)) != NULL) == present[i]);
		change_tag(&tree, next_random(&state) % NUM_KEYS);
		if (step % 16 == 0)
			KTEST_TRUE(walk_matches(&tree) && tags_match(&tree));
	}
	for (unsigned int i = 0; i < NUM_KEYS; i++) {
		if (present[i])
			change(&tree, i);
	}
	KTEST_TRUE(!tree.root && tree.height == 0);
}

KTEST(radix_tree_finds_nothing_where_nothing_is)
{
	struct radix_tree tree;
	uint64_t index = 0;

	radix_init(&tree);
	KTEST_TRUE(!radix_get(&tree, 0) && !radix_get(&tree, UINT64_MAX));
	KTEST_TRUE(!radix_next(&tree, &index) && index == 0);
	KTEST_EQUAL(radix_insert(&tree, 5, items), 0);
	KTEST_TRUE(!radix_get(&tree, 5 + 64) && !radix_get(&tree, 1ul << 63));
	index = 6;
	KTEST_TRUE(!radix_next(&tree, &index) && index == 6);
	radix_destroy(&tree);
	KTEST_TRUE(!radix_get(&tree, 5));
}

KTEST(radix_tree_shows_the_items_of_a_node_at_once)
{
	struct radix_tree tree;
	void *const *slots;
	size_t count = 100;

	radix_init(&tree);
	KTEST_EQUAL(radix_insert(&tree, 130, &items[1]), 0);
	KTEST_EQUAL(radix_insert(&tree, 192, &items[2]), 0);
	slots = radix_slots(&tree, 129, &count);
	KTEST_EQUAL(count, 192 - 129);
	KTEST_TRUE(slots && !slots[0] && slots[1] == &items[1]);
	count = 5;
	KTEST_TRUE(radix_slots(&tree, 192, &count)[0] == &items[2]);
	KTEST_EQUAL(count, 5);
	count = 100;
	KTEST_TRUE(!radix_slots(&tree, 5, &count));
	KTEST_EQUAL(count, 64 - 5);
	radix_destroy(&tree);
}
