/* SPDX-License-Identifier: MIT */
/*
 * radix_tree.c - a map from 64-bit indices to pointers
 *
 * Idea: each node has 64 slots, chosen by six bits of the index, the highest
 * six first. The tree is as high as the largest index needs. A word of bits
 * per node says which slots are used, so that looking for the next item skips
 * empty ones.
 *
 * Invariants
 *   T1  Bit i of node.used is set exactly while slots[i] is not NULL.
 *   T2  No node is empty; a tree without items has no root.
 *   T3  Items are in the nodes of the lowest level only.
 *   T4  Bit i of node.tagged is set exactly while slots[i] is an item with a
 *	 tag, or leads to one.
 */
#include "kernel/lib/radix_tree.h"

#include "kernel/abi/errno.h"
#include "kernel/lib/bits.h"

enum {
	SLOT_BITS = 6,
	NUM_SLOTS = 1 << SLOT_BITS,
	MAX_HEIGHT = (64 + SLOT_BITS - 1) / SLOT_BITS,
};

struct radix_node {
	uint64_t used, tagged;
	void *slots[NUM_SLOTS];
};

const size_t radix_node_size = sizeof(struct radix_node);

static void *(*node_memory_alloc)(size_t size);
static void (*node_memory_free)(void *node);

void radix_set_allocator(void *(*alloc)(size_t size), void (*free)(void *node))
{
	node_memory_alloc = alloc;
	node_memory_free = free;
}

static struct radix_node *node_create(void)
{
	struct radix_node *node = node_memory_alloc(sizeof(*node));

	if (!node)
		return NULL;
	node->used = 0;
	node->tagged = 0;
	for (unsigned int i = 0; i < NUM_SLOTS; i++)
		node->slots[i] = NULL;
	return node;
}

static void node_set(struct radix_node *node, unsigned int slot, void *value)
{
	node->slots[slot] = value;
	node->used |= BIT(slot);
}

static void node_clear(struct radix_node *node, unsigned int slot)
{
	node->slots[slot] = NULL;
	node->used &= ~BIT(slot);
	node->tagged &= ~BIT(slot);
}

/* The slot of @index in a node that has @level levels below it. */
static unsigned int slot_at(uint64_t index, unsigned int level)
{
	return (unsigned int)(index >> level * SLOT_BITS) & (NUM_SLOTS - 1);
}

/* Is @index too large for a tree of @height levels? */
static bool is_beyond(uint64_t index, unsigned int height)
{
	return height < MAX_HEIGHT && index >> height * SLOT_BITS;
}

void radix_init(struct radix_tree *tree)
{
	tree->root = NULL;
	tree->height = 0;
}

/* The node of the lowest level that @index leads to; NULL: none. */
static struct radix_node *lowest_node(const struct radix_tree *tree,
				      uint64_t index)
{
	struct radix_node *node = tree->root;
	unsigned int level = tree->height;

	if (!node || is_beyond(index, level))
		return NULL;
	while (node && --level)
		node = node->slots[slot_at(index, level)];
	return node;
}

void *radix_get(const struct radix_tree *tree, uint64_t index)
{
	struct radix_node *node = lowest_node(tree, index);

	return node ? node->slots[slot_at(index, 0)] : NULL;
}

void *const *radix_slots(const struct radix_tree *tree, uint64_t index,
			 size_t *count)
{
	struct radix_node *node = lowest_node(tree, index);
	unsigned int first = slot_at(index, 0);

	*count = MIN(*count, (size_t)(NUM_SLOTS - first));
	return node ? &node->slots[first] : NULL;
}

/*
 * Put roots on top until @index fits. On -ENOMEM the tree is still valid,
 * perhaps higher than needed.
 */
static int grow(struct radix_tree *tree, uint64_t index)
{
	while (is_beyond(index, tree->height)) {
		struct radix_node *top = node_create();

		if (!top)
			return -ENOMEM;
		node_set(top, 0, tree->root);
		top->tagged = tree->root->tagged != 0;
		tree->root = top;
		tree->height++;
	}
	return 0;
}

/* Make the root of an empty tree, at once as high as @index needs. */
static int plant(struct radix_tree *tree, uint64_t index)
{
	unsigned int height = 1;

	while (is_beyond(index, height))
		height++;
	tree->root = node_create();
	if (!tree->root)
		return -ENOMEM;
	tree->height = height;
	return 0;
}

/*
 * Free the nodes on the way to @index that hold nothing, from the lowest up
 * (keeps T2). @path[level] is the node with @level levels below it, NULL
 * where the way ended before.
 */
static void prune(struct radix_tree *tree, uint64_t index,
		  struct radix_node *const path[])
{
	for (unsigned int level = 0; level < tree->height; level++) {
		if (!path[level])
			continue;
		if (path[level]->used)
			return;
		node_memory_free(path[level]);
		if (level + 1 < tree->height)
			node_clear(path[level + 1], slot_at(index, level + 1));
	}
	radix_init(tree);
}

int radix_insert(struct radix_tree *tree, uint64_t index, void *item)
{
	struct radix_node *path[MAX_HEIGHT] = { NULL };
	struct radix_node *node;
	unsigned int level, slot;
	int err;

	err = tree->root ? grow(tree, index) : plant(tree, index);
	if (err)
		return err;

	level = tree->height - 1;
	path[level] = tree->root;
	for (; level; level--) {
		slot = slot_at(index, level);
		node = path[level]->slots[slot];
		if (!node) {
			node = node_create();
			if (!node)
				goto undo;
			node_set(path[level], slot, node);
		}
		path[level - 1] = node;
	}
	slot = slot_at(index, 0);
	if (path[0]->slots[slot])
		return -EEXIST;
	node_set(path[0], slot, item);
	return 0;

undo:
	prune(tree, index, path);
	return -ENOMEM;
}

/* Take the tag of @index off, and those that lead to no other any more. */
static void untag(struct radix_node *const path[], unsigned int height,
		  uint64_t index)
{
	for (unsigned int level = 0; level < height; level++) {
		path[level]->tagged &= ~BIT(slot_at(index, level));
		if (path[level]->tagged)
			return;
	}
}

/* Take roots off that only lead to slot 0. */
static void shrink(struct radix_tree *tree)
{
	while (tree->height > 1 && tree->root->used == BIT(0)) {
		struct radix_node *top = tree->root;

		tree->root = top->slots[0];
		tree->height--;
		node_memory_free(top);
	}
}

void *radix_remove(struct radix_tree *tree, uint64_t index)
{
	struct radix_node *path[MAX_HEIGHT] = { NULL };
	unsigned int level = tree->height;
	struct radix_node *node = tree->root;
	void *item;

	if (!node || is_beyond(index, level))
		return NULL;
	while (--level) {
		path[level] = node;
		node = node->slots[slot_at(index, level)];
		if (!node)
			return NULL;
	}
	path[0] = node;
	item = node->slots[slot_at(index, 0)];
	if (!item)
		return NULL;
	untag(path, tree->height, index);
	node_clear(node, slot_at(index, 0));
	prune(tree, index, path);
	shrink(tree);
	return item;
}

/* The nodes that lead to the item at @index; false: there is none. */
static bool find_path(const struct radix_tree *tree, uint64_t index,
		      struct radix_node *path[])
{
	unsigned int level = tree->height;
	struct radix_node *node = tree->root;

	if (!node || is_beyond(index, level))
		return false;
	while (level--) {
		if (!node)
			return false;
		path[level] = node;
		node = node->slots[slot_at(index, level)];
	}
	return node;
}

void radix_set_tag(struct radix_tree *tree, uint64_t index)
{
	struct radix_node *path[MAX_HEIGHT];

	if (!find_path(tree, index, path))
		return;
	for (unsigned int level = 0; level < tree->height; level++)
		path[level]->tagged |= BIT(slot_at(index, level));
}

void radix_clear_tag(struct radix_tree *tree, uint64_t index)
{
	struct radix_node *path[MAX_HEIGHT];

	if (find_path(tree, index, path))
		untag(path, tree->height, index);
}

/* The lowest index that leads from the node at @level into @slot. */
static uint64_t slot_start(uint64_t index, unsigned int level,
			   unsigned int slot)
{
	uint64_t above = index >> level * SLOT_BITS >> SLOT_BITS << SLOT_BITS;

	return (above | slot) << level * SLOT_BITS;
}

/* radix_next() below @node, which *@index leads to; changes *@index. */
static void *next_below(const struct radix_node *node, unsigned int level,
			uint64_t *index, bool tagged)
{
	unsigned int slot = slot_at(*index, level);
	uint64_t wanted = tagged ? node->tagged : node->used;

	while (slot < NUM_SLOTS && wanted >> slot) {
		unsigned int found = slot + bit_lowest(wanted >> slot);
		void *item;

		if (slot_at(*index, level) != found)
			*index = slot_start(*index, level, found);
		if (level == 0)
			return node->slots[found];
		item = next_below(node->slots[found], level - 1, index, tagged);
		if (item)
			return item;
		slot = found + 1;
	}
	return NULL;
}

static void *next(const struct radix_tree *tree, uint64_t *index, bool tagged)
{
	uint64_t at = *index;
	void *item;

	if (!tree->root || is_beyond(at, tree->height))
		return NULL;
	item = next_below(tree->root, tree->height - 1, &at, tagged);
	if (item)
		*index = at;
	return item;
}

void *radix_next(const struct radix_tree *tree, uint64_t *index)
{
	return next(tree, index, false);
}

void *radix_next_tagged(const struct radix_tree *tree, uint64_t *index)
{
	return next(tree, index, true);
}

static void destroy_below(struct radix_node *node, unsigned int level)
{
	for (; level && node->used; node->used &= node->used - 1)
		destroy_below(node->slots[bit_lowest(node->used)], level - 1);
	node_memory_free(node);
}

void radix_destroy(struct radix_tree *tree)
{
	if (tree->root)
		destroy_below(tree->root, tree->height - 1);
	radix_init(tree);
}
