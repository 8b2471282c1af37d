/* SPDX-License-Identifier: MIT */
/*
 * rbtree.c - red-black trees
 *
 * Invariants
 *   B1  The root is black; a missing child counts as black.
 *   B2  A red node has no red child.
 *   B3  Every way from a node down to a missing child passes the same number
 *       of black nodes.
 *
 * Read: Cormen et al., "Red-Black Trees"; the cases are numbered as there.
 */
#include "kernel/lib/rbtree.h"

static bool is_red(const struct rb_node *node)
{
	return node && node->red;
}

/* The field that points at @node: in its parent, or the root. */
static struct rb_node **link_to(struct rb_root *root, struct rb_node *node)
{
	struct rb_node *parent = node->parent;

	if (!parent)
		return &root->node;
	return parent->left == node ? &parent->left : &parent->right;
}

/* @node moves down to the left, its right child takes its place. */
static void rotate_left(struct rb_root *root, struct rb_node *node)
{
	struct rb_node *up = node->right;

	*link_to(root, node) = up;
	up->parent = node->parent;
	node->right = up->left;
	if (node->right)
		node->right->parent = node;
	up->left = node;
	node->parent = up;
}

static void rotate_right(struct rb_root *root, struct rb_node *node)
{
	struct rb_node *up = node->left;

	*link_to(root, node) = up;
	up->parent = node->parent;
	node->left = up->right;
	if (node->left)
		node->left->parent = node;
	up->right = node;
	node->parent = up;
}

/*
 * @node is red, as its parent may be (against B2). Either the uncle is red too
 * and the trouble moves two levels up (case 1), or two rotations end it.
 */
static void fix_insert(struct rb_root *root, struct rb_node *node)
{
	struct rb_node *parent;

	while (is_red(parent = node->parent)) {
		struct rb_node *grand = parent->parent; /* B1: exists */
		bool left = parent == grand->left;
		struct rb_node *uncle = left ? grand->right : grand->left;

		if (is_red(uncle)) { /* case 1 */
			parent->red = false;
			uncle->red = false;
			grand->red = true;
			node = grand;
			continue;
		}
		if (left) {
			if (node == parent->right) { /* case 2 */
				rotate_left(root, parent);
				parent = node;
			}
			rotate_right(root, grand); /* case 3 */
		} else {
			if (node == parent->left) {
				rotate_right(root, parent);
				parent = node;
			}
			rotate_left(root, grand);
		}
		parent->red = false;
		grand->red = true;
		break;
	}
	root->node->red = false;
}

void rb_insert(struct rb_root *root, struct rb_node *node,
	       struct rb_node *parent, struct rb_node **link)
{
	node->parent = parent;
	node->left = NULL;
	node->right = NULL;
	node->red = true;
	*link = node;
	fix_insert(root, node);
}

/*
 * One step of fix_remove() for a @node that is its parent's left child.
 * Returns the node to go on with; the root when B3 holds again.
 */
static struct rb_node *fix_remove_left(struct rb_root *root,
				       struct rb_node *parent)
{
	struct rb_node *sibling = parent->right;

	if (sibling->red) { /* case 1 */
		sibling->red = false;
		parent->red = true;
		rotate_left(root, parent);
		sibling = parent->right;
	}
	if (!is_red(sibling->left) && !is_red(sibling->right)) { /* case 2 */
		sibling->red = true;
		return parent;
	}
	if (!is_red(sibling->right)) { /* case 3 */
		sibling->left->red = false;
		sibling->red = true;
		rotate_right(root, sibling);
		sibling = parent->right;
	}
	sibling->red = parent->red; /* case 4 */
	parent->red = false;
	sibling->right->red = false;
	rotate_left(root, parent);
	return root->node;
}

/* The same, mirrored. */
static struct rb_node *fix_remove_right(struct rb_root *root,
					struct rb_node *parent)
{
	struct rb_node *sibling = parent->left;

	if (sibling->red) {
		sibling->red = false;
		parent->red = true;
		rotate_right(root, parent);
		sibling = parent->left;
	}
	if (!is_red(sibling->left) && !is_red(sibling->right)) {
		sibling->red = true;
		return parent;
	}
	if (!is_red(sibling->left)) {
		sibling->right->red = false;
		sibling->red = true;
		rotate_left(root, sibling);
		sibling = parent->left;
	}
	sibling->red = parent->red;
	parent->red = false;
	sibling->left->red = false;
	rotate_right(root, parent);
	return root->node;
}

/*
 * Below @node (NULL or a child of @parent) one black node too few is passed.
 * Painting @node black mends it; until that is possible, move up.
 */
static void fix_remove(struct rb_root *root, struct rb_node *node,
		       struct rb_node *parent)
{
	while (node != root->node && !is_red(node)) {
		if (node == parent->left)
			node = fix_remove_left(root, parent);
		else
			node = fix_remove_right(root, parent);
		parent = node->parent;
	}
	if (node)
		node->red = false;
}

/* @node has at most one child, @child: that takes its place. */
static void unlink_node(struct rb_root *root, struct rb_node *node,
			struct rb_node *child)
{
	*link_to(root, node) = child;
	if (child)
		child->parent = node->parent;
}

/* @to takes the place, the children and the colour of @from. */
static void take_place(struct rb_root *root, struct rb_node *from,
		       struct rb_node *to)
{
	*link_to(root, from) = to;
	*to = *from;
	if (to->left)
		to->left->parent = to;
	if (to->right)
		to->right->parent = to;
}

void rb_remove(struct rb_root *root, struct rb_node *node)
{
	struct rb_node *victim = node; /* leaves its place in the tree */
	struct rb_node *child, *parent;
	bool lost_black;

	if (node->left && node->right) {
		victim = node->right;
		while (victim->left)
			victim = victim->left;
	}
	child = victim->left ? victim->left : victim->right;
	parent = victim->parent;
	lost_black = !victim->red;

	unlink_node(root, victim, child);
	if (victim != node) {
		if (parent == node)
			parent = victim;
		take_place(root, node, victim);
	}
	if (lost_black)
		fix_remove(root, child, parent);
}

struct rb_node *rb_first(const struct rb_root *root)
{
	struct rb_node *node = root->node;

	while (node && node->left)
		node = node->left;
	return node;
}

struct rb_node *rb_last(const struct rb_root *root)
{
	struct rb_node *node = root->node;

	while (node && node->right)
		node = node->right;
	return node;
}

struct rb_node *rb_next(const struct rb_node *node)
{
	struct rb_node *next = node->right;

	if (next) {
		while (next->left)
			next = next->left;
		return next;
	}
	while ((next = node->parent) && next->right == node)
		node = next;
	return next;
}

struct rb_node *rb_prev(const struct rb_node *node)
{
	struct rb_node *prev = node->left;

	if (prev) {
		while (prev->right)
			prev = prev->right;
		return prev;
	}
	while ((prev = node->parent) && prev->left == node)
		node = prev;
	return prev;
}
