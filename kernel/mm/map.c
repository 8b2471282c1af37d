/* SPDX-License-Identifier: MIT */
/*
 * map.c - mmap, munmap, mprotect, brk: what should be where
 *
 * Idea: only areas change; pages come later, by faults. To take something away
 * or to change its rights, the borders of the range are first made borders of
 * areas (area_split_at), then whole areas are handled. Splitting is all that
 * can fail, so a call either happens whole or leaves everything as it was.
 *
 * Locks: space->lock. A file may be closed by an unmapping, so areas taken out
 * are collected and destroyed after the lock is let go.
 */
#include "kernel/mm/internal.h"
#include "kernel/abi/errno.h"
#include "kernel/mm/vm_file.h"

/* Refuse what can never be: more private memory at once than there is. */
static bool may_commit(unsigned int flags, size_t size)
{
	if (!area_is_private_write(flags) || (flags & VM_NO_RESERVE))
		return true;
	return size >> PAGE_SHIFT <= buddy_managed_pages();
}

/* Take [@start, @end) out of the tree and the page table. 0, -ENOMEM. */
int map_detach(struct vm_space *space, vaddr_t start, vaddr_t end,
	       struct list_head *dead)
{
	struct vm_area *area = vm_area_find(space, start);

	/* Mostly it is one area as it was mapped: no borders to make. */
	if (!area || area->start != start || area->end != end) {
		int err = area_split_at(space, start);

		if (!err)
			err = area_split_at(space, end);
		if (err)
			return err;
		area = vm_area_find(space, start);
	}
	while (area && area->start < end) {
		struct vm_area *next = vm_area_next(area);

		area_remove(space, area);
		range_unmap(space, area->start, area->end, false);
		list_push_back(dead, &area->cache_node);
		area = next;
	}
	return 0;
}

/* ---- mmap -------------------------------------------------------------------- */

static struct vm_area *create_from(const struct vm_map_args *args)
{
	struct vm_area *area = area_create();

	if (!area)
		return NULL;
	area->flags = args->flags;
	area->cache = args->cache;
	area->page_offset = args->page_offset;
	area->file = args->file;
	area->special_pages = args->special_pages;
	area->name = args->name;
	vm_file_get(area->file);
	return area;
}

/* Where the mapping shall be. 0, -ENOMEM, -EINVAL, -EEXIST, -EPERM. */
static int choose_start(struct vm_space *space, const struct vm_map_args *args,
			size_t size, vaddr_t *start) MUST_HOLD(space->lock)
{
	vaddr_t hint = args->hint;

	if (args->fixed) {
		if (!IS_ALIGNED(hint, PAGE_SIZE))
			return -EINVAL;
		if (hint > USER_SPACE_END - size)
			return -ENOMEM;
		if (hint < USER_SPACE_START)
			return -EPERM;
		if (args->no_replace &&
		    !area_range_is_free(space, hint, hint + size))
			return -EEXIST;
		*start = hint;
		return 0;
	}
	hint = ALIGN_UP(hint, PAGE_SIZE);
	if (hint >= USER_SPACE_START && hint <= USER_SPACE_END - size &&
	    area_range_is_free(space, hint, hint + size)) {
		*start = hint;
		return 0;
	}
	*start = place_find(space, size);
	return *start ? 0 : -ENOMEM;
}

/* RLIMIT_AS and the number of areas. */
static int check_limits(struct vm_space *space, const struct vm_map_args *args,
			vaddr_t start, size_t size) MUST_HOLD(space->lock)
{
	uint64_t pages;

	if (space->num_areas >= MAX_AREAS)
		return -ENOMEM;
	if (!args->limit_pages)
		return 0;
	pages = space->total_pages + (size >> PAGE_SHIFT);
	if (args->fixed)
		pages -=
			area_bytes_in(space, start, start + size) >> PAGE_SHIFT;
	return pages > args->limit_pages ? -ENOMEM : 0;
}

/* With the lock held; replaced areas go to @dead. @area may become part of a
 * neighbour. */
static int map_locked(struct vm_space *space, const struct vm_map_args *args,
		      struct vm_area *area, size_t size, vaddr_t *start,
		      struct list_head *dead) MUST_HOLD(space->lock)
{
	int err;

	err = choose_start(space, args, size, start);
	if (!err)
		err = check_limits(space, args, *start, size);
	if (!err && args->fixed)
		err = map_detach(space, *start, *start + size, dead);
	if (err)
		return err;
	area->start = *start;
	area->end = *start + size;
	if (space->lock_future)
		area->flags |= VM_LOCKED;
	area_insert(space, area);
	area_merge(space, area);
	return 0;
}

int vm_map(struct vm_space *space, const struct vm_map_args *args, vaddr_t *out)
{
	size_t size = ALIGN_UP(args->size, PAGE_SIZE);
	struct list_head dead;
	struct vm_area *area;
	vaddr_t start;
	bool populate;
	int err;

	if (args->size == 0)
		return -EINVAL;
	if (size == 0 || size > USER_SPACE_END ||
	    !may_commit(args->flags, size))
		return -ENOMEM;
	area = create_from(args);
	if (!area)
		return -ENOMEM;
	list_init(&dead);
	mutex_lock(&space->lock);
	err = map_locked(space, args, area, size, &start, &dead);
	populate = space->lock_future;
	mutex_unlock(&space->lock);
	area_destroy_list(&dead);
	if (err) {
		area_destroy(area);
		return err;
	}
	if (populate)
		vm_populate(space, start, size);
	*out = start;
	return 0;
}

/* ---- munmap ------------------------------------------------------------------ */

int vm_unmap(struct vm_space *space, vaddr_t start, size_t size)
{
	struct list_head dead;
	int err;

	if (!IS_ALIGNED(start, PAGE_SIZE) || size == 0 ||
	    size > USER_SPACE_END || start > USER_SPACE_END - size)
		return -EINVAL;
	size = ALIGN_UP(size, PAGE_SIZE);
	list_init(&dead);
	mutex_lock(&space->lock);
	err = map_detach(space, start, start + size, &dead);
	if (!err)
		place_freed(space, start, start + size);
	mutex_unlock(&space->lock);
	area_destroy_list(&dead);
	return err;
}

/* ---- mprotect ---------------------------------------------------------------- */

int map_change_flags(struct vm_space *space, vaddr_t start, vaddr_t end,
		     unsigned int clear, unsigned int set)
{
	struct vm_area *area = vm_area_find(space, start);
	unsigned int flags = (area->flags & ~clear) | set;
	int err;

	if (flags == area->flags)
		return 0;
	err = area_split_at(space, start);
	if (!err)
		err = area_split_at(space, end);
	if (err)
		return err;
	area = vm_area_find(space, start);
	area_set_flags(space, area, flags);
	if ((clear | set) & (PAGE_READ | PAGE_WRITE | PAGE_EXEC))
		range_protect(space, area, start, end);
	area_merge(space, area);
	return 0;
}

/* [@start, @end) lies within one area. 0, -EACCES, -ENOMEM. */
static int protect_area(struct vm_space *space, const struct vm_area *area,
			vaddr_t start, vaddr_t end, unsigned int page_bits)
	MUST_HOLD(space->lock)
{
	if (page_bits & PAGE_WRITE) {
		if ((area->flags & VM_SHARED) && !(area->flags & VM_MAY_WRITE))
			return -EACCES;
		if (area->flags & VM_SPECIAL)
			return -EACCES;
		if (!may_commit(area->flags | PAGE_WRITE, end - start))
			return -ENOMEM;
	}
	return map_change_flags(space, start, end,
				PAGE_READ | PAGE_WRITE | PAGE_EXEC, page_bits);
}

int vm_protect(struct vm_space *space, vaddr_t start, size_t size,
	       unsigned int page_bits)
{
	vaddr_t va = start, end;
	int err = 0;

	if (!IS_ALIGNED(start, PAGE_SIZE))
		return -EINVAL;
	if (size == 0)
		return 0;
	if (size > USER_SPACE_END || start > USER_SPACE_END - size)
		return -ENOMEM;
	end = start + ALIGN_UP(size, PAGE_SIZE);
	mutex_lock(&space->lock);
	while (va < end && !err) {
		struct vm_area *area = vm_area_find(space, va);
		vaddr_t stop;

		if (!area || area->start > va) {
			err = -ENOMEM;
			break;
		}
		stop = MIN(area->end, end);
		err = protect_area(space, area, va, stop, page_bits);
		va = stop;
	}
	mutex_unlock(&space->lock);
	return err;
}

/* ---- brk ----------------------------------------------------------------------- */

/* Nothing in the way of the heap, with a gap if it is a stack. */
static bool heap_may_grow(struct vm_space *space, vaddr_t top, vaddr_t new_top)
	MUST_HOLD(space->lock)
{
	struct vm_area *above = vm_area_find(space, top);
	vaddr_t ceiling = above ? above->start : USER_SPACE_END;

	if (above && (above->flags & VM_GROWS_DOWN))
		ceiling -= MIN(ceiling, STACK_GUARD_SIZE);
	return new_top <= ceiling &&
	       may_commit(PAGE_READ | PAGE_WRITE, new_top - top);
}

static bool grow_heap(struct vm_space *space, vaddr_t top, vaddr_t new_top)
	MUST_HOLD(space->lock)
{
	struct vm_area *area;

	if (!heap_may_grow(space, top, new_top))
		return false;
	area = vm_area_find(space, top - 1);
	if (area && area->end == top && (area->flags & VM_HEAP)) {
		area_set_bounds(space, area, area->start, new_top);
		return true;
	}
	area = area_create();
	if (!area)
		return false;
	area->start = top;
	area->end = new_top;
	area->flags = PAGE_READ | PAGE_WRITE | VM_HEAP | VM_MAY_WRITE;
	if (space->lock_future)
		area->flags |= VM_LOCKED;
	area->name = "[heap]";
	area_insert(space, area);
	return true;
}

/* Move the break with the lock held; true if it was moved. */
static bool move_break(struct vm_space *space, vaddr_t wanted,
		       struct list_head *dead) MUST_HOLD(space->lock)
{
	vaddr_t top = ALIGN_UP(space->brk, PAGE_SIZE);
	vaddr_t new_top = ALIGN_UP(wanted, PAGE_SIZE);

	if (new_top > top && !grow_heap(space, top, new_top))
		return false;
	if (new_top < top) {
		if (map_detach(space, new_top, top, dead))
			return false;
		place_freed(space, new_top, top);
	}
	space->brk = wanted;
	return true;
}

vaddr_t vm_brk(struct vm_space *space, vaddr_t wanted, uint64_t data_limit)
{
	struct list_head dead;
	vaddr_t old, now;
	uint64_t data;
	bool populate;

	list_init(&dead);
	mutex_lock(&space->lock);
	old = space->brk;
	data = wanted - space->start_brk + space->end_data - space->start_data;
	if (wanted >= space->start_brk && wanted < USER_SPACE_END &&
	    data <= data_limit)
		move_break(space, wanted, &dead);
	now = space->brk;
	populate = space->lock_future && now > old;
	mutex_unlock(&space->lock);
	area_destroy_list(&dead);
	if (populate)
		vm_populate(space, old, now - old);
	return now;
}
