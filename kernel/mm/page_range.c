/* SPDX-License-Identifier: MIT */
/*
 * page_range.c - work on many entries of a page table
 *
 * Idea: the lowest level of a page table is an array of entries, so a range is
 * worked on array by array; where a whole array is missing it is stepped over
 * at once. A page is given back only after the fence that makes every hart
 * forget it, so pages are gathered first, one fence for many.
 *
 * Locks: takes space->page_table_lock. The caller holds space->lock, or the
 * cache->lock of the file that is mapped there (truncation).
 */
#include "kernel/mm/internal.h"
#include "kernel/abi/errno.h"
#include "kernel/debug/panic.h"
#include "kernel/sync/spinlock.h"

/* Pages between two fences; on the stack. */
#define BATCH 88u

/* Entries from @va on that one array holds, not past @end. */
static pte_t *entries_at(struct vm_space *space, vaddr_t va, vaddr_t end,
			 bool create, size_t *count)
{
	pte_t *pte = page_table_range(&space->page_table, va, create, count);

	*count = MIN(*count, (size_t)((end - va) >> PAGE_SHIFT));
	return pte;
}

/* ---- Unmapping ---------------------------------------------------------------- */

/* A page the table no longer maps; its reference is now ours. NULL: none. */
static struct page *take_entry(struct vm_space *space, pte_t *pte,
			       bool keep_private)
{
	struct page *page = phys_to_page(pte_frame(*pte));
	bool is_private = page->flags & PAGE_FLAG_ANON;

	if (keep_private && is_private)
		return NULL;
	pte_clear(pte);
	if (page == zero_page)
		return NULL;
	space->resident[is_private]--;
	return page;
}

static void release_page(struct page *page)
{
	__atomic_fetch_sub(&page->map_count, 1, __ATOMIC_RELAXED);
	page_put(page);
}

static void note_peak(struct vm_space *space)
{
	uint64_t now = space->resident[0] + space->resident[1];

	if (now > space->peak_resident)
		space->peak_resident = now;
}

/*
 * Unmap from @va up to the end of its array of entries, or till the batch is
 * full. Returns where to go on.
 */
static vaddr_t unmap_some(struct vm_space *space, vaddr_t va, vaddr_t end,
			  bool keep_private)
{
	struct page *batch[BATCH];
	unsigned int gathered = 0, i;
	vaddr_t start = va;
	bool changed = false;
	size_t count;
	pte_t *pte;

	spin_lock(&space->page_table_lock);
	pte = entries_at(space, va, end, false, &count);
	if (!pte) {
		spin_unlock(&space->page_table_lock);
		return va + count * PAGE_SIZE;
	}
	note_peak(space);
	for (; count > 0 && gathered < BATCH; count--, pte++, va += PAGE_SIZE) {
		struct page *page;

		if (!*pte)
			continue;
		page = take_entry(space, pte, keep_private);
		changed = true;
		if (page)
			batch[gathered++] = page;
	}
	/* A space that is being taken down runs nowhere. */
	if (changed && refcount_read(&space->users) > 0)
		tlb_flush_range(&space->page_table, start, va);
	spin_unlock(&space->page_table_lock);
	for (i = 0; i < gathered; i++)
		release_page(batch[i]);
	return va;
}

void range_unmap(struct vm_space *space, vaddr_t start, vaddr_t end,
		 bool keep_private)
{
	while (start < end)
		start = unmap_some(space, start, end, keep_private);
}

/* ---- Protection ---------------------------------------------------------------- */

/* What @pte should be under the flags of @area. */
static pte_t protected_entry(const struct vm_area *area, pte_t pte)
{
	/* An entry that was read-only stays so: it may be shared. The fault
	 * that comes with the first write finds out. */
	bool writable =
		(area->flags & PAGE_WRITE) && (pte_bits(pte) & PAGE_WRITE);

	return pte_make(pte_frame(pte), area_page_bits(area, writable));
}

void range_protect(struct vm_space *space, const struct vm_area *area,
		   vaddr_t start, vaddr_t end)
{
	vaddr_t va = start;
	bool changed = false;
	size_t count;
	pte_t *pte;

	while (va < end) {
		spin_lock(&space->page_table_lock);
		pte = entries_at(space, va, end, false, &count);
		va += count * PAGE_SIZE;
		for (; pte && count > 0; count--, pte++) {
			pte_t new;

			if (!*pte)
				continue;
			new = protected_entry(area, *pte);
			if (new == *pte)
				continue;
			pte_set(pte, new);
			changed = true;
		}
		spin_unlock(&space->page_table_lock);
	}
	if (changed)
		tlb_flush_range(&space->page_table, start, end);
}

void range_write_protect(struct vm_space *space, vaddr_t start, vaddr_t end)
{
	vaddr_t va = start;
	bool changed = false;
	size_t count;
	pte_t *pte;

	spin_lock(&space->page_table_lock);
	while (va < end) {
		pte = entries_at(space, va, end, false, &count);
		va += count * PAGE_SIZE;
		for (; pte && count > 0; count--, pte++) {
			unsigned int bits = *pte ? pte_bits(*pte) : 0;

			if (!(bits & PAGE_WRITE))
				continue;
			bits &= ~(unsigned int)(PAGE_WRITE | PAGE_DIRTY);
			pte_set(pte, pte_make(pte_frame(*pte), bits));
			changed = true;
		}
	}
	if (changed && refcount_read(&space->users) > 0)
		tlb_flush_range(&space->page_table, start, end);
	spin_unlock(&space->page_table_lock);
}

/* ---- Moving --------------------------------------------------------------------- */

int range_move(struct vm_space *space, vaddr_t from, vaddr_t to, size_t size)
{
	vaddr_t start = from, end = from + size;
	int err = 0;

	while (from < end && !err) {
		size_t count, target_count, i;
		pte_t *source, *target = NULL;

		spin_lock(&space->page_table_lock);
		source = entries_at(space, from, end, false, &count);
		if (source) {
			target = entries_at(space, to, to + (end - from), true,
					    &target_count);
			count = MIN(count, target_count);
			if (!target)
				err = -ENOMEM;
		}
		for (i = 0; source && target && i < count; i++) {
			pte_t pte = pte_clear(&source[i]);

			if (pte)
				pte_set(&target[i], pte);
		}
		spin_unlock(&space->page_table_lock);
		from += count * PAGE_SIZE;
		to += count * PAGE_SIZE;
	}
	tlb_flush_range(&space->page_table, start, end);
	return err;
}

/* ---- Sharing (fork) --------------------------------------------------------------- */

/* One entry of the parent, for the child; 0: it will find the page itself. */
static pte_t share_entry(pte_t *pte, bool *changed)
{
	struct page *page = phys_to_page(pte_frame(*pte));
	unsigned int bits;

	if (!(page->flags & PAGE_FLAG_ANON))
		return 0;
	bits = pte_bits(*pte);
	if (bits & PAGE_WRITE) {
		bits = (bits & ~(PAGE_WRITE | PAGE_DIRTY)) | PAGE_COW;
		pte_set(pte, pte_make(pte_frame(*pte), bits));
		*changed = true;
	}
	page_get(page);
	__atomic_fetch_add(&page->map_count, 1, __ATOMIC_RELAXED);
	return *pte;
}

/* The first entry at or after @pte that is in use; *@count goes down. */
static pte_t *skip_empty(pte_t *pte, size_t *count)
{
	while (*count > 0 && !*pte) {
		pte++;
		(*count)--;
	}
	return pte;
}

/*
 * The entries of one array. Nobody else adds to the child's table yet, and a
 * truncation that walks it stays out of this area, so the parent's lock will
 * do for the entries.
 */
static int share_some(struct vm_space *parent, struct vm_space *child,
		      vaddr_t *va, vaddr_t end, bool *changed)
{
	size_t count, target_count;
	pte_t *source, *target;
	uint64_t shared = 0;
	int err = 0;

	spin_lock(&parent->page_table_lock);
	source = entries_at(parent, *va, end, false, &count);
	*va += count * PAGE_SIZE;
	if (!source)
		goto unlock;
	source = skip_empty(source, &count);
	if (count == 0)
		goto unlock;
	target = entries_at(child, *va - count * PAGE_SIZE, end, true,
			    &target_count);
	if (!target) {
		err = -ENOMEM;
		goto unlock;
	}
	for (; count > 0; count--, source++, target++) {
		pte_t pte;

		if (!*source)
			continue;
		pte = share_entry(source, changed);
		if (!pte)
			continue;
		pte_set(target, pte);
		shared++;
	}
unlock:
	spin_unlock(&parent->page_table_lock);
	if (shared) {
		spin_lock(&child->page_table_lock);
		child->resident[1] += shared;
		spin_unlock(&child->page_table_lock);
	}
	return err;
}

int range_share(struct vm_space *parent, struct vm_space *child,
		const struct vm_area *area, bool *changed)
{
	vaddr_t va = area->start;
	int err = 0;

	while (va < area->end && !err)
		err = share_some(parent, child, &va, area->end, changed);
	return err;
}
