/* SPDX-License-Identifier: MIT */
/*
 * chain.h - the chains of a hash table, which may be read without a lock
 *
 * Idea: a chain ends with NULL, so its head is one word, and a reader that is
 * carried over to another chain (what it stood on was moved) comes to an end
 * there, too. What is taken off keeps its link to the next, for readers that
 * stand on it: it is freed when they are done (sync/deferred.h).
 *
 * Writers hold a lock. A reader that has none may miss what is moved meanwhile.
 */
#pragma once

#include "kernel/lib/compiler.h"

struct chain_node {
	struct chain_node *next;
	struct chain_node **link; /* what points here; NULL: on no chain */
};

struct chain {
	struct chain_node *first;
};

/* @node is complete: who finds it may use it. */
static inline void chain_push(struct chain *chain, struct chain_node *node)
{
	struct chain_node *first = chain->first;

	node->link = &chain->first;
	if (first)
		first->link = &node->next;
	WRITE_ONCE(node->next, first);
	/* pairs with the address dependency of who follows the chain */
	STORE_RELEASE(chain->first, node);
}

static inline void chain_remove(struct chain_node *node)
{
	if (node->next)
		node->next->link = node->link;
	WRITE_ONCE(*node->link, node->next);
	node->link = NULL;
}

/* Walk @node (struct chain_node *) along the chain. */
#define chain_for_each(node, chain)                                            \
	for (node = READ_ONCE((chain)->first); node;                           \
	     node = READ_ONCE(node->next))
