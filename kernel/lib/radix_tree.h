/* SPDX-License-Identifier: MIT */
/*
 * radix_tree.h - a map from 64-bit indices to pointers, cheap where dense
 *
 * Used for what is looked up by number: pages of a file, pids, descriptors.
 * Locks: none; the owner guards the tree. Nodes come from the allocator that
 * the owner passes once (so that the file also builds on the host).
 */
#pragma once

#include "kernel/lib/compiler.h"

struct radix_node;

struct radix_tree {
	struct radix_node *root; /* NULL: empty */
	unsigned int height;     /* levels of nodes; 0: empty */
};

/*
 * Where nodes come from, set once before the first tree is used. @alloc gets
 * radix_node_size and need not clear; it returns NULL when memory is out.
 */
void radix_set_allocator(void *(*alloc)(size_t size), void (*free)(void *node));
extern const size_t radix_node_size;

void radix_init(struct radix_tree *tree);

/* NULL when nothing is kept at @index. */
void *radix_get(const struct radix_tree *tree, uint64_t index);

/*
 * The items at @index and behind it, as far as they are in one node: an array,
 * NULL where nothing is kept. NULL: nothing is kept at all of them. *@count is
 * how many are wanted, and is cut to how many the answer is about.
 */
void *const *radix_slots(const struct radix_tree *tree, uint64_t index,
			 size_t *count);

/* Keep @item (not NULL) at @index. 0, -EEXIST, -ENOMEM. */
int radix_insert(struct radix_tree *tree, uint64_t index, void *item);

/* Returns what was there, or NULL; frees nodes that became empty. */
void *radix_remove(struct radix_tree *tree, uint64_t index);

/* The first item at or after *@index, which is set to its place; or NULL. */
void *radix_next(const struct radix_tree *tree, uint64_t *index);

/*
 * A mark on single items (the page cache's dirty pages). The item must be
 * there; removing it takes the mark away.
 */
void radix_set_tag(struct radix_tree *tree, uint64_t index);
void radix_clear_tag(struct radix_tree *tree, uint64_t index);
/* The first marked item at or after *@index, as radix_next(). */
void *radix_next_tagged(const struct radix_tree *tree, uint64_t *index);

/* Free all nodes (not the items). */
void radix_destroy(struct radix_tree *tree);
