/* SPDX-License-Identifier: MIT */
/*
 * area.c - the areas of an address space: what should be where
 *
 * Idea: areas do not overlap, so a binary tree sorted by start finds the one
 * that holds an address. Neighbours that continue each other (same rights,
 * same file, next page) are merged, so that a program which maps memory in
 * small steps does not pay for each step forever.
 *
 * Invariants
 *   A1  start < end, page aligned; areas of a space do not overlap.
 *   A2  The space's sums (total_pages ...) are those over its areas.
 *   A3  An area with a cache is listed there (area_list.c) exactly while it is
 *	 in a tree.
 *
 * Locks: space->lock. Bounds of areas with a cache change under cache->lock
 * too, so that a truncation may look at them with that lock alone.
 */
#include "kernel/mm/internal.h"
#include "kernel/abi/errno.h"
#include "kernel/debug/panic.h"
#include "kernel/mm/slab.h"
#include "kernel/mm/vm_file.h"

static struct slab_cache *area_slab; /* fixed after boot */

void area_init(void)
{
	area_slab = slab_cache_create("vm_area", sizeof(struct vm_area), 0);
}

struct vm_area *area_create(void)
{
	return slab_alloc_zero(area_slab);
}

struct vm_area *area_create_like(const struct vm_area *area)
{
	struct vm_area *copy = slab_alloc(area_slab);

	if (copy)
		*copy = *area;
	return copy;
}

static bool counts_as_committed(unsigned int flags)
{
	return area_is_private_write(flags) && !(flags & VM_NO_RESERVE);
}

/* The sums of @space change by @pages pages of an area with @flags (A2). */
static void account(struct vm_space *space, unsigned int flags, int64_t pages)
{
	uint64_t delta = (uint64_t)pages;

	space->total_pages += delta;
	if (space->total_pages > space->peak_pages)
		space->peak_pages = space->total_pages;
	if (flags & VM_GROWS_DOWN)
		space->stack_pages += delta;
	else if (area_is_private_write(flags))
		space->data_pages += delta;
	else if (flags & PAGE_EXEC)
		space->exec_pages += delta;
	if (flags & VM_LOCKED)
		space->locked_pages += delta;
	if (counts_as_committed(flags))
		memory_count(COUNT_COMMITTED, pages);
}

static void lock_cache(struct vm_area *area) UNCHECKED_LOCKING
{
	if (area->cache)
		mutex_lock(&area->cache->lock);
}

static void unlock_cache(struct vm_area *area) UNCHECKED_LOCKING
{
	if (area->cache)
		mutex_unlock(&area->cache->lock);
}

static void link_area(struct vm_space *space, struct vm_area *area)
{
	struct rb_node **link = &space->areas.node;
	struct rb_node *parent = NULL;

	while (*link) {
		struct vm_area *other = rb_entry(*link, struct vm_area, node);

		parent = *link;
		debug_assert(area->end <= other->start ||
			     area->start >= other->end);
		link = area->start < other->start ? &parent->left
						  : &parent->right;
	}
	rb_insert(&space->areas, &area->node, parent, link);
}

void area_insert_unlisted(struct vm_space *space, struct vm_area *area)
{
	area->space = space;
	link_area(space, area);
	space->num_areas++;
	account(space, area->flags, (int64_t)area_pages(area));
}

void area_insert(struct vm_space *space, struct vm_area *area)
{
	area_insert_unlisted(space, area);
	if (area->cache) {
		area_choose_row(area);
		area_list(area);
	}
}

void area_remove(struct vm_space *space, struct vm_area *area)
{
	rb_remove(&space->areas, &area->node);
	space->num_areas--;
	account(space, area->flags, -(int64_t)area_pages(area));
	if (space->last_found == area)
		space->last_found = NULL;
	if (area->cache)
		area_unlist(area);
}

/* The tree is left as it is until the end: nobody looks at it any more, so it
 * need not be balanced after each. */
void area_remove_all(struct vm_space *space, struct list_head *dead)
{
	struct vm_area *area = vm_area_first(space);
	int64_t committed = 0;

	area_unlist_all(space);
	for (; area; area = vm_area_next(area)) {
		range_unmap(space, area->start, area->end, false);
		list_push_back(dead, &area->cache_node);
		if (counts_as_committed(area->flags))
			committed += (int64_t)area_pages(area);
	}
	memory_count(COUNT_COMMITTED, -committed);
	space->areas.node = NULL;
	space->last_found = NULL;
	space->num_areas = 0;
}

void area_destroy(struct vm_area *area)
{
	if (area->file)
		vm_file_put(area->file);
	slab_free(area_slab, area);
}

static __noinline void destroy_some(struct list_head *areas)
{
	struct vm_file_batch files = { .drops = true };

	while (!list_empty(areas)) {
		struct vm_area *area =
			list_first(areas, struct vm_area, cache_node);

		list_remove(&area->cache_node);
		vm_file_gather(&files, area->file);
		slab_free(area_slab, area);
	}
	vm_file_flush(&files);
}

/* Mostly there are none. */
void area_destroy_list(struct list_head *areas)
{
	if (!list_empty(areas))
		destroy_some(areas);
}

void area_set_bounds(struct vm_space *space, struct vm_area *area,
		     vaddr_t start, vaddr_t end)
{
	int64_t before = (int64_t)area_pages(area);

	lock_cache(area);
	/* Below the old start this wraps around, and so does the sum. */
	area->page_offset +=
		(uint64_t)((int64_t)(start - area->start) >> PAGE_SHIFT);
	area->start = start;
	area->end = end;
	unlock_cache(area);
	account(space, area->flags, (int64_t)area_pages(area) - before);
}

void area_set_flags(struct vm_space *space, struct vm_area *area,
		    unsigned int flags)
{
	int64_t pages = (int64_t)area_pages(area);

	account(space, area->flags, -pages);
	area->flags = flags;
	account(space, flags, pages);
}

struct vm_area *vm_area_find(struct vm_space *space, vaddr_t va)
{
	struct rb_node *node = space->areas.node;
	struct vm_area *best = space->last_found;

	if (best && area_holds(best, va))
		return best;
	best = NULL;
	while (node) {
		struct vm_area *area = rb_entry(node, struct vm_area, node);

		if (va >= area->end) {
			node = node->right;
			continue;
		}
		best = area;
		if (va >= area->start)
			break;
		node = node->left;
	}
	if (best)
		space->last_found = best;
	return best;
}

static struct vm_area *area_of(struct rb_node *node)
{
	return node ? rb_entry(node, struct vm_area, node) : NULL;
}

struct vm_area *vm_area_first(struct vm_space *space)
{
	return area_of(rb_first(&space->areas));
}

struct vm_area *vm_area_next(struct vm_area *area)
{
	return area_of(rb_next(&area->node));
}

struct vm_area *area_below(struct vm_area *area)
{
	return area_of(rb_prev(&area->node));
}

struct vm_area *area_before(struct vm_space *space, vaddr_t va)
{
	struct rb_node *node = space->areas.node;
	struct vm_area *best = NULL;

	while (node) {
		struct vm_area *area = rb_entry(node, struct vm_area, node);

		if (area->start < va) {
			best = area;
			node = node->right;
		} else {
			node = node->left;
		}
	}
	return best;
}

bool area_range_is_free(struct vm_space *space, vaddr_t start, vaddr_t end)
{
	struct vm_area *area = vm_area_find(space, start);

	return !area || area->start >= end;
}

size_t area_bytes_in(struct vm_space *space, vaddr_t start, vaddr_t end)
{
	struct vm_area *area = vm_area_find(space, start);
	size_t bytes = 0;

	for (; area && area->start < end; area = vm_area_next(area))
		bytes += MIN(area->end, end) - MAX(area->start, start);
	return bytes;
}

/* ---- Splitting and merging -------------------------------------------------- */

int area_split_at(struct vm_space *space, vaddr_t va)
{
	struct vm_area *area = vm_area_find(space, va);
	struct vm_area *upper;
	vaddr_t end;

	if (!area || area->start >= va)
		return 0;
	if (space->num_areas >= MAX_AREAS)
		return -ENOMEM;
	upper = area_create_like(area);
	if (!upper)
		return -ENOMEM;
	end = area->end;
	upper->start = va;
	upper->page_offset = area_index(area, va);
	if (area->special_pages)
		upper->special_pages += (va - area->start) >> PAGE_SHIFT;
	if (upper->file)
		vm_file_get(upper->file);
	area_set_bounds(space, area, area->start, va);
	upper->end = end;
	area_insert(space, upper);
	return 0;
}

/* Does @upper go on where @lower ends, as if both were mapped as one? */
static bool continues(const struct vm_area *lower, const struct vm_area *upper)
{
	if (lower->end != upper->start || lower->file != upper->file ||
	    lower->cache != upper->cache || lower->name != upper->name)
		return false;
	if ((lower->flags ^ upper->flags) & ~VM_MERGE_IGNORE)
		return false;
	if (lower->flags & VM_SPECIAL)
		return false;
	return !lower->cache ||
	       area_index(lower, lower->end) == upper->page_offset;
}

/* @upper becomes part of @lower. Not the last user of the file. */
static void swallow(struct vm_space *space, struct vm_area *lower,
		    struct vm_area *upper) MUST_HOLD(space->lock)
{
	vaddr_t end = upper->end;

	lower->flags |= upper->flags & VM_MERGE_IGNORE;
	area_remove(space, upper);
	area_set_bounds(space, lower, lower->start, end);
	area_destroy(upper);
}

struct vm_area *area_merge(struct vm_space *space, struct vm_area *area)
{
	struct vm_area *below = area_below(area);
	struct vm_area *above = vm_area_next(area);

	if (above && continues(area, above))
		swallow(space, area, above);
	if (below && continues(below, area)) {
		swallow(space, below, area);
		area = below;
	}
	return area;
}
