/* SPDX-License-Identifier: MIT */
/*
 * list.h - doubly linked lists whose links live in the listed objects
 *
 * Idea: a list is a ring through a head; an empty ring points at itself, so
 * adding and removing need no special cases and removal needs no list.
 */
#pragma once

#include "kernel/lib/compiler.h"

struct list_head {
	struct list_head *next;
	struct list_head *prev;
};

#define LIST_HEAD_INIT(name)                                                   \
	{                                                                      \
		&(name), &(name)                                               \
	}

static inline void list_init(struct list_head *head)
{
	head->next = head;
	head->prev = head;
}

static inline bool list_empty(const struct list_head *head)
{
	return head->next == head;
}

static inline void list_insert_between(struct list_head *node,
				       struct list_head *prev,
				       struct list_head *next)
{
	node->prev = prev;
	node->next = next;
	prev->next = node;
	next->prev = node;
}

/* Make @node the first of @head. */
static inline void list_push_front(struct list_head *head,
				   struct list_head *node)
{
	list_insert_between(node, head, head->next);
}

/* Make @node the last of @head. */
static inline void list_push_back(struct list_head *head,
				  struct list_head *node)
{
	list_insert_between(node, head->prev, head);
}

/* Take @node off its list; it is then an empty list of its own. */
static inline void list_remove(struct list_head *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	list_init(node);
}

/* Move all of @from, in order, to the end of @to; @from is then empty. */
static inline void list_splice_back(struct list_head *to,
				    struct list_head *from)
{
	if (list_empty(from))
		return;
	from->next->prev = to->prev;
	to->prev->next = from->next;
	from->prev->next = to;
	to->prev = from->prev;
	list_init(from);
}

#define list_entry(node, type, member) container_of(node, type, member)
#define list_first(head, type, member) list_entry((head)->next, type, member)
#define list_last(head, type, member)  list_entry((head)->prev, type, member)

/* Walk @pos (a pointer to the listed type) over the list. */
#define list_for_each(pos, head, member)                                       \
	for (pos = list_first(head, __typeof__(*pos), member);                 \
	     &pos->member != (head);                                           \
	     pos = list_first(&pos->member, __typeof__(*pos), member))

/* The same; @pos may be removed in the body. @tmp is of the same type. */
#define list_for_each_safe(pos, tmp, head, member)                             \
	for (pos = list_first(head, __typeof__(*pos), member),                 \
	    tmp = list_first(&pos->member, __typeof__(*pos), member);          \
	     &pos->member != (head); pos = tmp,                                \
	    tmp = list_first(&pos->member, __typeof__(*pos), member))
