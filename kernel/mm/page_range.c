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
#include "kernel/lib/string.h"
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
	struct page *page = pte_page(*pte);
	bool is_private = page->flags & PAGE_FLAG_ANON;

	if (keep_private && is_private)
		return NULL;
	pte_clear(pte);
	if (page == zero_page)
		return NULL;
	space->resident[is_private]--;
	return page;
}

/* Drop the references of @pages, which changes the array. */
static void release_pages(struct page *pages[], unsigned int count)
{
	unsigned int unused = 0;

	/* Behind what was written to them, see page_unmap(). */
	__atomic_thread_fence(__ATOMIC_RELEASE);
	for (unsigned int i = 0; i < count; i++) {
		if (page_unmap(pages[i]))
			pages[unused++] = pages[i];
	}
	page_free_batch(pages, unused);
}

/* No entry of [@first, @end), all in one table, is in use any more. */
static void forget_groups(pte_t *first, const pte_t *end)
{
	struct page *table = pte_table(first);
	pte_t *pte = first;

	/* Groups that are only partly in the range may have other entries. */
	while ((uintptr_t)pte % (PAGE_SIZE / 64) != 0)
		pte++;
	for (; pte + PTES_IN_GROUP <= end; pte += PTES_IN_GROUP)
		table->table_used &= ~BIT(pte_group(pte));
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
	unsigned int gathered = 0;
	pte_t *first, *pte, *last;
	vaddr_t start = va;
	bool changed = false;
	size_t count;

	spin_lock(&space->page_table_lock);
	first = entries_at(space, va, end, false, &count);
	if (!first) {
		spin_unlock(&space->page_table_lock);
		return va + count * PAGE_SIZE;
	}
	note_peak(space);
	last = first + count;
	for (pte = pte_next_used(first, last); pte < last && gathered < BATCH;
	     pte = pte_next_used(pte + 1, last)) {
		struct page *page = take_entry(space, pte, keep_private);

		changed = true;
		if (page)
			batch[gathered++] = page;
	}
	va += (vaddr_t)(pte - first) * PAGE_SIZE;
	/* A space that is being taken down runs nowhere, and its tables go. */
	if (changed && refcount_read(&space->users) > 0) {
		if (!keep_private)
			forget_groups(first, pte);
		tlb_flush_range(&space->page_table, start, va);
	}
	spin_unlock(&space->page_table_lock);
	release_pages(batch, gathered);
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
	pte_t *pte, *last;
	size_t count;

	while (va < end) {
		spin_lock(&space->page_table_lock);
		pte = entries_at(space, va, end, false, &count);
		va += count * PAGE_SIZE;
		last = pte ? pte + count : NULL;
		while ((pte = pte_next_used(pte, last)) < last) {
			pte_t new = protected_entry(area, *pte);

			changed |= new != *pte;
			pte_set(pte++, new);
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
	pte_t *pte, *last;
	size_t count;

	spin_lock(&space->page_table_lock);
	while (va < end) {
		pte = entries_at(space, va, end, false, &count);
		va += count * PAGE_SIZE;
		last = pte ? pte + count : NULL;
		for (; (pte = pte_next_used(pte, last)) < last; pte++) {
			unsigned int bits = pte_bits(*pte);

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
				pte_enter(&target[i], pte);
		}
		spin_unlock(&space->page_table_lock);
		from += count * PAGE_SIZE;
		to += count * PAGE_SIZE;
	}
	tlb_flush_range(&space->page_table, start, end);
	return err;
}

/* ---- Sharing (fork) --------------------------------------------------------------- */

/* An entry like @pte for a copy of its page; 0: no memory for it, or it is code,
 * which the harts would have to be told of. */
static pte_t copy_of(pte_t pte)
{
	struct page *copy;

	if (pte_bits(pte) & PAGE_EXEC)
		return 0;
	copy = page_alloc(0, ALLOC_USER | ALLOC_ATOMIC);
	if (!copy)
		return 0;
	copy_page(page_address(copy), page_address(pte_page(pte)));
	copy->flags = PAGE_FLAG_ANON;
	copy->map_count = 1; /* nobody else knows it yet */
	memory_count(COUNT_ANONYMOUS, 1);
	return pte_make(page_to_phys(copy), pte_bits(pte));
}

/* A writable entry for the child, whose parent goes on writing to its page; 0:
 * it was not to be. */
static pte_t copy_entry(struct sharing *sharing, pte_t pte)
{
	pte_t copy = sharing->copies_left ? copy_of(pte) : 0;

	if (copy) {
		sharing->copies_left--;
		sharing->copied++;
	}
	return copy;
}

/* If others than the parent have the page of its read-only entry, a copy for it
 * to share from now on. */
static void leave_entry(struct sharing *sharing, pte_t *pte)
{
	struct page *page = pte_page(*pte);
	pte_t copy;

	if (!sharing->leaves_left || READ_ONCE(page->map_count) == 1)
		return;
	copy = copy_of(*pte);
	if (!copy)
		return;
	pte_set(pte, copy);
	sharing->left[sharing->num_left++] = page;
	sharing->leaves_left--;
	sharing->changed = true;
}

void range_drop_left(struct sharing *sharing)
{
	release_pages(sharing->left, sharing->num_left);
}

/* One entry of the parent, for the child; 0: it will find the page itself. */
static pte_t share_entry(struct sharing *sharing, pte_t *pte)
{
	if (!(pte_page(*pte)->flags & PAGE_FLAG_ANON))
		return 0;
	if (pte_bits(*pte) & PAGE_WRITE) {
		unsigned int bits = pte_bits(*pte) & ~(PAGE_WRITE | PAGE_DIRTY);
		pte_t copy = copy_entry(sharing, *pte);

		if (copy)
			return copy;
		pte_set(pte, pte_make(pte_frame(*pte), bits | PAGE_COW));
		sharing->changed = true;
	} else {
		leave_entry(sharing, pte);
	}
	page_map(pte_page(*pte));
	return *pte;
}

/*
 * The entries of one array. A truncation may walk the child's table already,
 * so both are locked, the parent's first.
 */
static int share_some(struct sharing *sharing, vaddr_t *va, vaddr_t end)
{
	struct vm_space *parent = sharing->parent, *child = sharing->child;
	vaddr_t start = *va;
	pte_t *source, *last, *target, *next;
	uint64_t shared = 0;
	size_t count, same;
	int err = 0;

	spin_lock(&parent->page_table_lock);
	source = entries_at(parent, start, end, false, &count);
	*va += count * PAGE_SIZE;
	if (!source)
		goto unlock;
	last = source + count;
	source = pte_next_used(source, last);
	if (source == last)
		goto unlock;
	start = *va - (vaddr_t)(last - source) * PAGE_SIZE;
	spin_lock(&child->page_table_lock);
	target = entries_at(child, start, end, true, &same);
	if (!target) {
		err = -ENOMEM;
		goto unlock_child;
	}
	for (; source < last; target += next - source, source = next) {
		pte_t pte = share_entry(sharing, source);

		if (pte) {
			pte_enter(target, pte);
			shared++;
		}
		next = pte_next_used(source + 1, last);
	}
	child->resident[1] += shared;
unlock_child:
	spin_unlock(&child->page_table_lock);
unlock:
	spin_unlock(&parent->page_table_lock);
	return err;
}

int range_share(struct sharing *sharing, const struct vm_area *area)
{
	vaddr_t va = area->start;
	int err = 0;

	while (va < area->end && !err)
		err = share_some(sharing, &va, area->end);
	return err;
}
