/* SPDX-License-Identifier: MIT */
/*
 * delayed.c - blocks of a file that are promised but not chosen yet
 */
#include "kernel/fs/ext4/internal.h"

#include "kernel/mm/slab.h"

struct range {
	struct rb_node node;
	uint32_t first, last;
};

void delayed_init(struct delayed *delayed)
{
	spin_init(&delayed->lock, LOCK_SPIN_MISC);
	delayed->ranges.node = NULL;
	delayed->total = 0;
}

/* The first range that ends at or behind @block. */
static struct range *at_or_after(const struct delayed *delayed, uint32_t block)
{
	struct rb_node *node = delayed->ranges.node;
	struct range *best = NULL;

	while (node) {
		struct range *range = rb_entry(node, struct range, node);

		if (range->last >= block) {
			best = range;
			node = node->left;
		} else {
			node = node->right;
		}
	}
	return best;
}

static struct range *next_of(struct range *range)
{
	struct rb_node *node = rb_next(&range->node);

	return node ? rb_entry(node, struct range, node) : NULL;
}

static void link_range(struct delayed *delayed, struct range *new)
{
	struct rb_node **link = &delayed->ranges.node, *parent = NULL;

	while (*link) {
		const struct range *range = rb_entry(*link, struct range, node);

		parent = *link;
		link = new->first < range->first ? &parent->left
						 : &parent->right;
	}
	rb_insert(&delayed->ranges, &new->node, parent, link);
}

/* How many of [@first, @last] are promised. */
static uint32_t count(const struct delayed *delayed, uint32_t first,
		      uint32_t last)
{
	struct range *range = at_or_after(delayed, first);
	uint32_t sum = 0;

	for (; range && range->first <= last; range = next_of(range))
		sum += MIN(range->last, last) - MAX(range->first, first) + 1;
	return sum;
}

/* Join all that overlaps or touches [@first, @last] into one. @spare is used
 * if there is none. */
static void join(struct delayed *delayed, uint32_t first, uint32_t last,
		 struct range **spare)
{
	struct range *range = at_or_after(delayed, first ? first - 1 : 0);
	struct range *next;

	if (!range || (range->first > last && range->first - last > 1)) {
		range = *spare;
		*spare = NULL;
		range->first = first;
		range->last = last;
		link_range(delayed, range);
		return;
	}
	range->first = MIN(range->first, first);
	range->last = MAX(range->last, last);
	while ((next = next_of(range)) &&
	       (next->first <= range->last || next->first - range->last == 1)) {
		range->last = MAX(range->last, next->last);
		rb_remove(&delayed->ranges, &next->node);
		kfree(next);
	}
}

int delayed_add(struct ext4 *fs, struct delayed *delayed, uint32_t first,
		uint32_t len)
{
	uint32_t last = first + len - 1, old;
	struct range *spare;
	int err;

	if (delayed_find(delayed, first, len, &old) && old == len)
		return 0;
	spare = kmalloc(sizeof(*spare));
	if (!spare)
		return -ENOMEM;
	err = ext4_delay(fs, len);
	if (err) {
		kfree(spare);
		return err;
	}
	spin_lock(&delayed->lock);
	old = count(delayed, first, last);
	delayed->total += len - old;
	join(delayed, first, last, &spare);
	spin_unlock(&delayed->lock);
	kfree(spare);
	ext4_undelay(fs, old);
	return 0;
}

void delayed_drop(struct ext4 *fs, struct delayed *delayed, uint32_t first,
		  uint32_t last)
{
	struct range *range, *next, *spare = NULL;
	uint32_t sum;

	/* Cutting a hole into a range makes two: rare, and then memory is
	 * needed. Without it the rear part's promise is forgotten. */
	if (!READ_ONCE(delayed->ranges.node))
		return;
	spare = kmalloc(sizeof(*spare));
	spin_lock(&delayed->lock);
	sum = count(delayed, first, last);
	for (range = at_or_after(delayed, first); range && range->first <= last;
	     range = next) {
		next = next_of(range);
		if (range->first < first && range->last > last) {
			uint32_t end = range->last;

			range->last = first - 1;
			if (spare) {
				spare->first = last + 1;
				spare->last = end;
				link_range(delayed, spare);
				spare = NULL;
			} else {
				sum += end - last;
			}
		} else if (range->first < first) {
			range->last = first - 1;
		} else if (range->last > last) {
			range->first = last + 1;
		} else {
			rb_remove(&delayed->ranges, &range->node);
			kfree(range);
		}
	}
	delayed->total -= sum;
	spin_unlock(&delayed->lock);
	kfree(spare);
	ext4_undelay(fs, sum);
}

bool delayed_find(struct delayed *delayed, uint32_t block, uint32_t max,
		  uint32_t *len)
{
	const struct range *range;
	bool found;

	spin_lock(&delayed->lock);
	range = at_or_after(delayed, block);
	found = range && range->first <= block;
	if (found)
		*len = MIN(max, range->last - block + 1);
	else if (range)
		*len = MIN(max, range->first - block);
	else
		*len = max;
	spin_unlock(&delayed->lock);
	return found;
}
