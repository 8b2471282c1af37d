/* SPDX-License-Identifier: MIT */
/*
 * place.c - where a mapping goes when the program does not care
 *
 * Idea: the highest hole that fits, below mmap_top. Programs with thousands of
 * mappings mostly have them packed without holes, so the walk down would take
 * longer with each new one. Therefore the space remembers where the last
 * search ended, and how large the largest hole above that was: a search for
 * more than that goes on from there.
 *
 * Invariant
 *   P1  Every hole between search_top and mmap_top is at most hole_above
 *	 bytes. (search_top 0: nothing is known, begin at mmap_top.)
 *
 * Locks: space->lock. Read: OSTEP ch. 17 ("next fit").
 */
#include "kernel/mm/internal.h"

/* The lowest address that a mapping below @area may not reach. */
static vaddr_t floor_of(const struct vm_area *area)
{
	if ((area->flags & VM_GROWS_DOWN) && area->start > STACK_GUARD_SIZE)
		return area->start - STACK_GUARD_SIZE;
	return area->start;
}

/*
 * The start of the highest hole of @size below @top; 0: none. *@largest grows
 * to the largest hole that was too small.
 */
static vaddr_t search(struct vm_space *space, size_t size, vaddr_t top,
		      size_t *largest) MUST_HOLD(space->lock)
{
	struct vm_area *area = area_before(space, top);
	vaddr_t ceiling = top;

	for (;;) {
		vaddr_t bottom = area ? area->end : USER_SPACE_START;
		size_t hole = ceiling > bottom ? ceiling - bottom : 0;

		if (hole >= size)
			return ceiling - size;
		*largest = MAX(*largest, hole);
		if (!area)
			return 0;
		ceiling = MIN(ceiling, floor_of(area));
		area = area_below(area);
	}
}

vaddr_t place_find(struct vm_space *space, size_t size)
{
	vaddr_t top = space->search_top;
	size_t largest = space->hole_above;
	vaddr_t start;

	if (!top || size <= largest) {
		top = space->mmap_top;
		largest = 0;
	}
	start = search(space, size, top, &largest);
	if (start) {
		space->search_top = start;
		space->hole_above = largest;
		return start;
	}
	/* Between mmap_top and the end, around the stack. */
	return search(space, size, USER_SPACE_END, &largest);
}

void place_freed(struct vm_space *space, vaddr_t start, vaddr_t end)
{
	struct vm_area *above, *below;

	if (!space->search_top || end <= space->search_top)
		return;
	above = vm_area_find(space, start);
	below = above ? area_below(above) : area_before(space, USER_SPACE_END);
	end = above ? above->start : USER_SPACE_END;
	start = below ? below->end : USER_SPACE_START;
	/* A hole around search_top: search from its upper end (P1). */
	if (start <= space->search_top)
		space->search_top = MIN(end, space->mmap_top);
	else
		space->hole_above = MAX(space->hole_above, end - start);
}
