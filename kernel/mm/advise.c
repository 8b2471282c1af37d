/* SPDX-License-Identifier: MIT */
/*
 * advise.c - madvise, mlock, msync, mincore: calls that walk a range
 *
 * Idea: each walks the areas of a range and does something to each piece;
 * for_each_piece() is that walk. Advice about speed alone is taken note of by
 * doing nothing, or by a flag of the area. Source: the manual pages of these
 * calls.
 *
 * Locks: space->lock.
 */
#include "kernel/mm/internal.h"
#include "kernel/abi/errno.h"
#include "kernel/abi/mman.h"
#include "kernel/lib/string.h"
#include "kernel/mm/vm_file.h"

/* A piece of the range that lies within one area. 0 or an error that ends the
 * walk. */
typedef int (*piece_fn)(struct vm_space *space, struct vm_area *area,
			vaddr_t start, vaddr_t end, int argument);

/*
 * Call @fn for each mapped piece of [@start, @end). Holes: -ENOMEM, after the
 * rest has been done if @past_holes, else at once.
 */
static int for_each_piece(struct vm_space *space, vaddr_t start, vaddr_t end,
			  bool past_holes, piece_fn fn, int argument)
	MUST_HOLD(space->lock)
{
	vaddr_t va = start;
	bool hole = false;

	while (va < end) {
		struct vm_area *area = vm_area_find(space, va);
		vaddr_t stop;
		int err;

		if (!area || area->start > va) {
			if (!past_holes || !area || area->start >= end)
				return -ENOMEM;
			hole = true;
			va = area->start;
		}
		stop = MIN(area->end, end);
		err = fn(space, area, va, stop, argument);
		if (err)
			return err;
		va = stop;
	}
	return hole ? -ENOMEM : 0;
}

/* ---- Bringing pages in ------------------------------------------------------------- */

static int errno_of(enum vm_fault_result result)
{
	switch (result) {
	case VM_FAULT_OK:
		return 0;
	case VM_FAULT_NO_AREA:
	case VM_FAULT_NO_MEMORY:
		return -ENOMEM;
	case VM_FAULT_NO_ACCESS:
		return -EINVAL;
	case VM_FAULT_BUS:
		return -EFAULT;
	}
	return -EFAULT;
}

static bool is_there(struct vm_space *space, vaddr_t va, bool write)
{
	bool there;

	spin_lock(&space->page_table_lock);
	there = page_table_user_address(&space->page_table, va, write);
	spin_unlock(&space->page_table_lock);
	return there;
}

/* One page. @access < 0: as the area's rights suggest. */
static int populate_page(struct vm_space *space, vaddr_t va, int access)
{
	enum vm_fault_result result = VM_FAULT_OK;
	struct vm_area *area;

	mutex_lock(&space->lock);
	area = vm_area_find(space, va);
	if (!area || area->start > va) {
		result = VM_FAULT_NO_AREA;
	} else {
		if (access < 0)
			access = area_is_private_write(area->flags)
					 ? ACCESS_WRITE
					 : ACCESS_READ;
		if (!is_there(space, va, access == ACCESS_WRITE))
			result = fault_locked(space, va, (enum access)access,
					      FAULT_REQUEST);
	}
	mutex_unlock(&space->lock);
	return errno_of(result);
}

static int populate(struct vm_space *space, vaddr_t start, size_t size,
		    int access)
{
	vaddr_t va = ALIGN_DOWN(start, PAGE_SIZE), end = start + size;
	int err = 0;

	for (; va < end && !err; va += PAGE_SIZE)
		err = memory_denied() ? -EINTR
				      : populate_page(space, va, access);
	return err;
}

int vm_populate(struct vm_space *space, vaddr_t start, size_t size)
{
	return populate(space, start, size, -1);
}

/* ---- mlock ---------------------------------------------------------------------------- */

static int lock_piece(struct vm_space *space, struct vm_area *area,
		      vaddr_t start, vaddr_t end, int lock) UNCHECKED_LOCKING
{
	if (area->flags & VM_SPECIAL)
		return 0;
	return map_change_flags(space, start, end, VM_LOCKED,
				lock ? VM_LOCKED : 0);
}

int vm_lock(struct vm_space *space, vaddr_t start, size_t size, bool lock)
{
	vaddr_t end;
	int err;

	if (size > USER_SPACE_END || start > USER_SPACE_END - size)
		return size > -start ? -EINVAL : -ENOMEM;
	end = ALIGN_UP(start + size, PAGE_SIZE);
	start = ALIGN_DOWN(start, PAGE_SIZE);
	mutex_lock(&space->lock);
	err = for_each_piece(space, start, end, false, lock_piece, lock);
	mutex_unlock(&space->lock);
	if (lock && !err)
		err = vm_populate(space, start, end - start);
	/* Memory without access cannot be brought in: as Linux has it. */
	return err == -EINVAL || err == -EFAULT ? -ENOMEM : err;
}

int vm_lock_all(struct vm_space *space, bool now, bool future)
{
	vaddr_t va = 0;

	mutex_lock(&space->lock);
	space->lock_future = future;
	for (;;) {
		struct vm_area *area = vm_area_find(space, va);

		if (!area)
			break;
		va = area->end;
		lock_piece(space, area, area->start, area->end, now);
	}
	mutex_unlock(&space->lock);
	for (va = 0; now;) {
		struct vm_area *area;
		vaddr_t start;
		size_t size;

		mutex_lock(&space->lock);
		area = vm_area_find(space, va);
		start = area ? area->start : 0;
		size = area ? area->end - area->start : 0;
		mutex_unlock(&space->lock);
		if (!area)
			break;
		/* As much as can be: errors do not count here. */
		vm_populate(space, start, size);
		va = start + size;
	}
	return 0;
}

/* ---- madvise --------------------------------------------------------------------------- */

static int drop_pages(struct vm_space *space, struct vm_area *area,
		      vaddr_t start, vaddr_t end, int advice)
{
	bool is_anonymous = !area->cache && !(area->flags & VM_SPECIAL);

	if (area->flags & (VM_LOCKED | VM_SPECIAL))
		return -EINVAL;
	if (advice == MADV_FREE && (!is_anonymous || (area->flags & VM_SHARED)))
		return -EINVAL;
	range_unmap(space, start, end, false);
	return 0;
}

/* MADV_REMOVE: the pages go from the file as well. */
static int punch_file(struct vm_space *space, struct vm_area *area,
		      vaddr_t start, vaddr_t end, int advice)
{
	if (!area->cache || (area->flags & VM_LOCKED))
		return -EINVAL;
	if (!(area->flags & VM_SHARED) || !(area->flags & PAGE_WRITE))
		return -EACCES;
	page_cache_punch(area->cache, area_index(area, start),
			 area_index(area, end) - 1);
	return 0;
}

/* Advice that is kept as flags of the area. */
static const struct flag_advice {
	int advice;
	unsigned int clear, set;
} flag_advice[] = {
	{ MADV_NORMAL, VM_RANDOM | VM_SEQUENTIAL, 0 },
	{ MADV_RANDOM, VM_SEQUENTIAL, VM_RANDOM },
	{ MADV_SEQUENTIAL, VM_RANDOM, VM_SEQUENTIAL },
	{ MADV_HUGEPAGE, VM_NO_HUGE, VM_HUGE },
	{ MADV_NOHUGEPAGE, VM_HUGE, VM_NO_HUGE },
	{ MADV_DONTFORK, 0, VM_DONT_FORK },
	{ MADV_DOFORK, VM_DONT_FORK, 0 },
	{ MADV_WIPEONFORK, 0, VM_WIPE_FORK },
	{ MADV_KEEPONFORK, VM_WIPE_FORK, 0 },
	{ MADV_DONTDUMP, 0, VM_DONT_DUMP },
	{ MADV_DODUMP, VM_DONT_DUMP, 0 },
};

/* NULL: none of these. */
static const struct flag_advice *find_flag_advice(int advice)
{
	for (size_t i = 0; i < ARRAY_SIZE(flag_advice); i++) {
		if (flag_advice[i].advice == advice)
			return &flag_advice[i];
	}
	return NULL;
}

static int set_advice(struct vm_space *space, struct vm_area *area,
		      vaddr_t start, vaddr_t end, int advice) UNCHECKED_LOCKING
{
	const struct flag_advice *flags = find_flag_advice(advice);
	int err;

	if (((flags->clear | flags->set) & VM_WIPE_FORK) &&
	    (area->cache || (area->flags & (VM_SHARED | VM_SPECIAL))))
		return -EINVAL;
	err = map_change_flags(space, start, end, flags->clear, flags->set);
	/* No memory for an area: -ENOMEM would say that there is a hole. */
	return err == -ENOMEM ? -EAGAIN : err;
}

static int take_note(struct vm_space *space, struct vm_area *area,
		     vaddr_t start, vaddr_t end, int advice)
{
	return 0;
}

/* NULL: no such advice. */
static piece_fn advice_function(int advice)
{
	if (find_flag_advice(advice))
		return set_advice;
	switch (advice) {
	case MADV_WILLNEED:
	case MADV_MERGEABLE:
	case MADV_UNMERGEABLE:
	case MADV_COLD:
	case MADV_PAGEOUT:
		return take_note;
	case MADV_DONTNEED:
	case MADV_DONTNEED_LOCKED:
	case MADV_FREE:
		return drop_pages;
	case MADV_REMOVE:
		return punch_file;
	default:
		return NULL;
	}
}

int vm_advise(struct vm_space *space, vaddr_t start, size_t size, int advice)
{
	piece_fn fn = advice_function(advice);
	bool is_populate =
		advice == MADV_POPULATE_READ || advice == MADV_POPULATE_WRITE;
	int err;

	if (!fn && !is_populate)
		return -EINVAL;
	if (!IS_ALIGNED(start, PAGE_SIZE))
		return -EINVAL;
	if (size > -PAGE_SIZE || start + ALIGN_UP(size, PAGE_SIZE) < start)
		return -EINVAL;
	size = ALIGN_UP(size, PAGE_SIZE);
	if (size == 0)
		return 0;
	if (is_populate)
		return populate(space, start, size,
				advice == MADV_POPULATE_WRITE ? ACCESS_WRITE
							      : ACCESS_READ);
	mutex_lock(&space->lock);
	err = for_each_piece(space, start, start + size, true, fn, advice);
	mutex_unlock(&space->lock);
	return err;
}

/* ---- msync ------------------------------------------------------------------------------- */

/*
 * Sync the file of the area at @va, if it has one that needs it; *@next is
 * where to go on. The lock is let go meanwhile: a disk is slow.
 */
static int sync_at(struct vm_space *space, vaddr_t va, vaddr_t end, int flags,
		   vaddr_t *next)
{
	struct vm_area *area;
	struct file *file = NULL;
	int err = 0;

	mutex_lock(&space->lock);
	area = vm_area_find(space, va);
	if (!area || area->start >= end) {
		err = -ENOMEM;
		*next = end;
	} else {
		if (area->start > va)
			err = -ENOMEM;
		*next = area->end;
		if ((flags & MS_INVALIDATE) && (area->flags & VM_LOCKED)) {
			err = -EBUSY;
			*next = end;
		} else if ((flags & MS_SYNC) && (area->flags & VM_SHARED)) {
			file = area->file;
			vm_file_get(file);
		}
	}
	mutex_unlock(&space->lock);
	if (file) {
		int sync_err = vm_file_sync(file);

		vm_file_put(file);
		if (sync_err) {
			err = sync_err;
			*next = end;
		}
	}
	return err;
}

int vm_sync(struct vm_space *space, vaddr_t start, size_t size, int flags)
{
	vaddr_t va = start, end;
	int result = 0;

	if (flags & ~(MS_ASYNC | MS_INVALIDATE | MS_SYNC))
		return -EINVAL;
	if (!IS_ALIGNED(start, PAGE_SIZE))
		return -EINVAL;
	if ((flags & MS_ASYNC) && (flags & MS_SYNC))
		return -EINVAL;
	end = start + ALIGN_UP(size, PAGE_SIZE);
	if (end < start)
		return -ENOMEM;
	while (va < end) {
		int err = sync_at(space, va, end, flags, &va);

		if (err)
			result = err;
	}
	return result;
}

/* ---- mincore ------------------------------------------------------------------------------ */

static bool page_is_resident(struct vm_space *space, const struct vm_area *area,
			     vaddr_t va)
{
	struct page *page;
	pte_t *pte;
	bool there;

	spin_lock(&space->page_table_lock);
	pte = page_table_entry(&space->page_table, va, false);
	there = pte && *pte;
	spin_unlock(&space->page_table_lock);
	if (there || !area->cache)
		return there;
	page = page_cache_lookup(area->cache, area_index(area, va));
	if (!page)
		return false;
	page_put(page);
	return true;
}

int vm_resident(struct vm_space *space, vaddr_t start, size_t pages,
		unsigned char *vec)
{
	int err = 0;
	size_t i;

	mutex_lock(&space->lock);
	for (i = 0; i < pages; i++) {
		vaddr_t va = start + i * PAGE_SIZE;
		struct vm_area *area = vm_area_find(space, va);

		if (!area || area->start > va) {
			err = -ENOMEM;
			break;
		}
		vec[i] = page_is_resident(space, area, va);
	}
	mutex_unlock(&space->lock);
	return err;
}
