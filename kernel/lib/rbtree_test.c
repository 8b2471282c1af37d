/* SPDX-License-Identifier: MIT */
/*
 * rbtree_test.c - random insertions and removals against a sorted array
 */
#include "kernel/debug/ktest.h"
#include "kernel/lib/rbtree.h"

enum { NUM_KEYS = 200, NUM_STEPS = 3000 };

struct item {
	struct rb_node node;
	unsigned int key;
	bool present;
};

static struct item items[NUM_KEYS]; /* item i has key i: sorted by itself */
static struct rb_root root;

/* The same in each run: Lehmer's generator. */
static unsigned int next_random(uint64_t *state)
{
	*state = *state * 48271 % 2147483647;
	return (unsigned int)*state;
}

static struct item *item_of(struct rb_node *node)
{
	return rb_entry(node, struct item, node);
}

static void insert(struct item *item)
{
	struct rb_node **link = &root.node, *parent = NULL;

	while (*link) {
		parent = *link;
		link = item->key < item_of(parent)->key ? &parent->left
							: &parent->right;
	}
	rb_insert(&root, &item->node, parent, link);
	item->present = true;
}

/* Black nodes on the way down; -1 when B2, B3 or a parent link is broken. */
static int black_height(const struct rb_node *node)
{
	int left, right;

	if (!node)
		return 0;
	if ((node->left && node->left->parent != node) ||
	    (node->right && node->right->parent != node))
		return -1;
	if (node->red && ((node->left && node->left->red) ||
			  (node->right && node->right->red)))
		return -1;
	left = black_height(node->left);
	right = black_height(node->right);
	if (left < 0 || left != right)
		return -1;
	return left + !node->red;
}

/* The tree holds exactly the present items, in order, both ways. */
static bool matches_array(void)
{
	struct rb_node *up = rb_first(&root), *down = rb_last(&root);

	for (unsigned int i = 0; i < NUM_KEYS; i++) {
		if (!items[i].present)
			continue;
		if (!up || item_of(up) != &items[i])
			return false;
		up = rb_next(up);
	}
	for (unsigned int i = NUM_KEYS; i-- > 0;) {
		if (!items[i].present)
			continue;
		if (!down || item_of(down) != &items[i])
			return false;
		down = rb_prev(down);
	}
	return !up && !down;
}

KTEST(rbtree_stays_sorted_and_balanced)
{
	uint64_t state = 12345;

	root.node = NULL;
	for (unsigned int i = 0; i < NUM_KEYS; i++)
		items[i] = (struct item){ .key = i };
	for (unsigned int step = 0; step < NUM_STEPS; step++) {
		struct item *item = &items[next_random(&state) % NUM_KEYS];

		if (item->present) {
			rb_remove(&root, &item->node);
			item->present = false;
		} else {
			insert(item);
		}
		KTEST_TRUE(!root.node || !root.node->red);
		KTEST_TRUE(black_height(root.node) >= 0);
		if (step % 16 == 0)
			KTEST_TRUE(matches_array());
	}
	KTEST_TRUE(matches_array());
}

KTEST(rbtree_empties_in_order)
{
	root.node = NULL;
	for (unsigned int i = 0; i < NUM_KEYS; i++) {
		items[i] = (struct item){ .key = i };
		insert(&items[i]);
	}
	for (unsigned int i = 0; i < NUM_KEYS; i++) {
		KTEST_TRUE(rb_first(&root) == &items[i].node);
		rb_remove(&root, &items[i].node);
		KTEST_TRUE(black_height(root.node) >= 0);
	}
	KTEST_TRUE(!root.node);
}
