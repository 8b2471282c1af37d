/* SPDX-License-Identifier: MIT */
/*
 * remap.c - mremap: grow, shrink or move a mapping with its pages
 *
 * Idea: moving copies no bytes: the entries of the page table are carried over
 * to the new place. Source: mremap(2).
 *
 * Locks: space->lock; the file's cache while entries move, so that a
 * truncation meets each page in one place or the other.
 */
#include "kernel/mm/internal.h"
#include "kernel/abi/errno.h"
#include "kernel/abi/mman.h"
#include "kernel/mm/vm_file.h"

/* One call, its sizes in whole pages. */
struct remap {
	struct vm_space *space;
	vaddr_t old;
	size_t old_size, new_size;
	unsigned int flags; /* MREMAP_* */
	vaddr_t new_start;
	struct list_head dead; /* areas to destroy without the lock */
};

static int check_arguments(const struct remap *r)
{
	if (r->flags &
	    ~(unsigned int)(MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP))
		return -EINVAL;
	if ((r->flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)) &&
	    !(r->flags & MREMAP_MAYMOVE))
		return -EINVAL;
	if ((r->flags & MREMAP_DONTUNMAP) && r->old_size != r->new_size)
		return -EINVAL;
	if (!IS_ALIGNED(r->old, PAGE_SIZE) || r->new_size == 0)
		return -EINVAL;
	if (r->old_size > USER_SPACE_END || r->new_size > USER_SPACE_END ||
	    r->old > USER_SPACE_END - r->old_size)
		return -EINVAL;
	if (!(r->flags & MREMAP_FIXED))
		return 0;
	if (!IS_ALIGNED(r->new_start, PAGE_SIZE) ||
	    r->new_start > USER_SPACE_END - r->new_size)
		return -EINVAL;
	if (r->old < r->new_start + r->new_size &&
	    r->new_start < r->old + r->old_size)
		return -EINVAL;
	return r->new_start < USER_SPACE_START ? -EPERM : 0;
}

/* The area that holds all of the old range. 0, -EFAULT, -EINVAL. */
static int find_old(struct remap *r, struct vm_area **out)
	MUST_HOLD(r->space->lock)
{
	struct vm_area *area = vm_area_find(r->space, r->old);

	if (!area || area->start > r->old)
		return -EFAULT;
	/* Old size 0: another mapping of the same shared memory. */
	if (r->old_size == 0 && !(area->flags & VM_SHARED))
		return -EINVAL;
	if (r->old_size > area->end - r->old)
		return -EFAULT;
	if ((area->flags & VM_SPECIAL) && r->new_size != r->old_size)
		return -EFAULT;
	if ((r->flags & MREMAP_DONTUNMAP) && (area->flags & VM_SPECIAL))
		return -EINVAL;
	*out = area;
	return 0;
}

/* Carry the entries over; all of them or none. 0, -ENOMEM. */
static int move_entries(struct remap *r, struct page_cache *cache,
			vaddr_t new_start) UNCHECKED_LOCKING
{
	size_t size = MIN(r->old_size, r->new_size);
	int err;

	if (cache)
		mutex_lock(&cache->lock);
	err = range_move(r->space, r->old, new_start, size);
	if (err) {
		/* The tables of the old place exist: this cannot fail. */
		range_move(r->space, new_start, r->old, size);
	}
	if (cache)
		mutex_unlock(&cache->lock);
	return err;
}

/* An area like @area for [@start, @start + new_size), showing the old range. */
static struct vm_area *copy_area_to(struct remap *r, const struct vm_area *area,
				    vaddr_t start)
{
	struct vm_area *copy = area_create_like(area);

	if (!copy)
		return NULL;
	copy->start = start;
	copy->end = start + r->new_size;
	copy->page_offset = area_index(area, r->old);
	if (copy->special_pages)
		copy->special_pages += (r->old - area->start) >> PAGE_SHIFT;
	vm_file_get(copy->file);
	return copy;
}

/* Move the old range to @start, which is free. */
static int move_to(struct remap *r, struct vm_area *area, vaddr_t start)
	MUST_HOLD(r->space->lock)
{
	struct vm_area *copy;
	int err;

	if (r->space->num_areas + 3 >= MAX_AREAS)
		return -ENOMEM;
	/* What can fail comes first. */
	err = area_split_at(r->space, r->old);
	if (!err && r->old_size)
		err = area_split_at(r->space, r->old + r->old_size);
	if (err)
		return err;
	area = vm_area_find(r->space, r->old);
	copy = copy_area_to(r, area, start);
	if (!copy)
		return -ENOMEM;
	area_insert(r->space, copy);
	err = move_entries(r, copy->cache, start);
	if (err) {
		area_remove(r->space, copy);
		list_push_back(&r->dead, &copy->cache_node);
		return err;
	}
	if (r->old_size && !(r->flags & MREMAP_DONTUNMAP)) {
		map_detach(r->space, r->old, r->old + r->old_size, &r->dead);
		place_freed(r->space, r->old, r->old + r->old_size);
	}
	area_merge(r->space, copy);
	return 0;
}

/* To where the program says, or wherever there is room. */
static int remap_elsewhere(struct remap *r, vaddr_t *out)
	MUST_HOLD(r->space->lock)
{
	struct vm_area *area;
	vaddr_t start = r->new_start;
	int err;

	if (r->flags & MREMAP_FIXED) {
		err = map_detach(r->space, start, start + r->new_size,
				 &r->dead);
		if (err)
			return err;
		/* A smaller size means that the rest goes. */
		if (r->old_size > r->new_size) {
			err = map_detach(r->space, r->old + r->new_size,
					 r->old + r->old_size, &r->dead);
			if (err)
				return err;
			r->old_size = r->new_size;
		}
	}
	err = find_old(r, &area);
	if (err)
		return err;
	if (!(r->flags & MREMAP_FIXED)) {
		start = place_find(r->space, r->new_size);
		if (!start)
			return -ENOMEM;
	}
	*out = start;
	return move_to(r, area, start);
}

static bool may_grow_here(struct remap *r, const struct vm_area *area)
	MUST_HOLD(r->space->lock)
{
	vaddr_t end = r->old + r->new_size;

	return area->end == r->old + r->old_size && end <= USER_SPACE_END &&
	       area_range_is_free(r->space, area->end, end);
}

static int remap_locked(struct remap *r, vaddr_t *out) MUST_HOLD(r->space->lock)
{
	struct vm_area *area;
	int err;

	if (r->flags & (MREMAP_FIXED | MREMAP_DONTUNMAP))
		return remap_elsewhere(r, out);
	*out = r->old;
	area = vm_area_find(r->space, r->old);
	if (!area || area->start > r->old)
		return -EFAULT;
	if (r->old_size >= r->new_size) {
		vaddr_t end = r->old + r->new_size;

		if (r->old_size == r->new_size)
			return 0;
		err = map_detach(r->space, end, r->old + r->old_size, &r->dead);
		if (!err)
			place_freed(r->space, end, r->old + r->old_size);
		return err;
	}
	err = find_old(r, &area);
	if (err)
		return err;
	if (r->new_size - r->old_size > buddy_managed_pages() << PAGE_SHIFT &&
	    area_is_private_write(area->flags))
		return -ENOMEM;
	if (r->old_size && may_grow_here(r, area)) {
		area_set_bounds(r->space, area, area->start,
				r->old + r->new_size);
		area_merge(r->space, area);
		return 0;
	}
	if (!(r->flags & MREMAP_MAYMOVE))
		return -ENOMEM;
	return remap_elsewhere(r, out);
}

int vm_remap(struct vm_space *space, vaddr_t old, size_t old_size,
	     size_t new_size, unsigned int mremap_flags, vaddr_t new_start,
	     vaddr_t *out)
{
	struct remap r = {
		.space = space,
		.old = old,
		.old_size = ALIGN_UP(old_size, PAGE_SIZE),
		.new_size = ALIGN_UP(new_size, PAGE_SIZE),
		.flags = mremap_flags,
		.new_start = new_start,
	};
	struct vm_area *area;
	bool locked = false;
	int err;

	err = check_arguments(&r);
	if (err)
		return err;
	list_init(&r.dead);
	mutex_lock(&r.space->lock);
	err = remap_locked(&r, out);
	if (!err) {
		area = vm_area_find(r.space, *out);
		locked = area && (area->flags & VM_LOCKED);
	}
	mutex_unlock(&r.space->lock);
	area_destroy_list(&r.dead);
	if (!err && locked)
		vm_populate(space, *out, r.new_size);
	return err;
}
