/* SPDX-License-Identifier: MIT */
/*
 * rbtree.h - balanced binary trees whose links live in the kept objects
 *
 * Idea: a red-black tree (every path from the root has the same number of
 * black nodes, no red node has a red child), so the height is at most
 * 2 log2(n + 1). The user of the tree searches and links; the tree balances.
 * Read: Cormen et al., "Red-Black Trees".
 *
 * Locks: none; the owner of the root guards it.
 */
#pragma once

#include "kernel/lib/compiler.h"

struct rb_node {
	struct rb_node *parent;
	struct rb_node *left;
	struct rb_node *right;
	bool red;
};

struct rb_root {
	struct rb_node *node;
};

#define rb_entry(ptr, type, member) container_of(ptr, type, member)

/*
 * Link @node where a search ended: below @parent, in *@link (one of its child
 * fields, or &root->node), then balance.
 */
void rb_insert(struct rb_root *root, struct rb_node *node,
	       struct rb_node *parent, struct rb_node **link);
void rb_remove(struct rb_root *root, struct rb_node *node);

/* In order; NULL at the ends. */
struct rb_node *rb_first(const struct rb_root *root);
struct rb_node *rb_last(const struct rb_root *root);
struct rb_node *rb_next(const struct rb_node *node);
struct rb_node *rb_prev(const struct rb_node *node);
