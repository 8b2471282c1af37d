/* SPDX-License-Identifier: MIT */
/*
 * access.c - reach into an address space that need not be the current one
 *
 * Used where a program is built (exec's stack) or looked at (/proc/PID/mem,
 * ptrace, process_vm_readv), and to name a word of memory for futexes.
 *
 * Locks: space->lock while a page is brought in, page_table_lock while it is
 * in use, as in user_copy.c.
 */
#include "kernel/mm/internal.h"
#include <arch/hart.h>
#include "kernel/abi/errno.h"
#include "kernel/lib/string.h"

/* What one call wants; moves on from page to page. */
struct transfer {
	struct vm_space *space;
	vaddr_t va;
	char *buf;
	bool write, force;
};

/*
 * The memory at @t->va, if it is there in the form we need; page_table_lock
 * held. A forced write goes to a page that is the program's own though its
 * entry is read-only.
 */
static char *page_memory(const struct transfer *t)
{
	struct page_table *table = &t->space->page_table;
	char *memory = page_table_user_address(table, t->va, t->write);
	struct page *page;
	pte_t *pte;

	if (memory || !t->force)
		return memory;
	pte = page_table_entry(table, t->va, false);
	if (!pte || !pte_present(*pte))
		return NULL;
	page = phys_to_page(pte_frame(*pte));
	if (t->write && (!(page->flags & PAGE_FLAG_ANON) ||
			 refcount_read(&page->refs) != 1))
		return NULL;
	return (char *)page_address(page) + (t->va & (PAGE_SIZE - 1));
}

/* Copy @size bytes within one page, if it is there. */
static bool try_copy(const struct transfer *t, size_t size)
{
	char *memory;

	spin_lock(&t->space->page_table_lock);
	memory = page_memory(t);
	if (memory && t->write)
		memcpy(memory, t->buf, size);
	else if (memory)
		memcpy(t->buf, memory, size);
	spin_unlock(&t->space->page_table_lock);
	return memory;
}

/* Bring the page in and copy, with the areas locked so that it stays. */
static bool fault_and_copy(const struct transfer *t, size_t size)
{
	enum vm_fault_result result;
	bool done = false;

	mutex_lock(&t->space->lock);
	result = fault_locked(t->space, t->va,
			      t->write ? ACCESS_WRITE : ACCESS_READ,
			      t->force ? FAULT_FORCED : FAULT_REQUEST);
	if (result == VM_FAULT_OK)
		done = try_copy(t, size);
	mutex_unlock(&t->space->lock);
	return done;
}

/* Code was written (a debugger's breakpoint): harts must see it. */
static void sync_if_code(struct vm_space *space, vaddr_t va)
{
	struct vm_area *area;
	bool is_code;

	mutex_lock(&space->lock);
	area = vm_area_find(space, va);
	is_code = area && area_holds(area, va) && (area->flags & PAGE_EXEC);
	mutex_unlock(&space->lock);
	if (is_code)
		code_written(&space->page_table);
}

size_t vm_space_access(struct vm_space *space, vaddr_t va, void *buf,
		       size_t size, bool write, bool force)
{
	struct transfer t = { space, va, buf, write, force };
	size_t done = 0;

	if (va >= USER_SPACE_END)
		return 0;
	size = MIN(size, USER_SPACE_END - va);
	while (done < size) {
		size_t part =
			MIN(size - done, PAGE_SIZE - (t.va & (PAGE_SIZE - 1)));

		if (!try_copy(&t, part) && !fault_and_copy(&t, part))
			break;
		done += part;
		t.va += part;
		t.buf += part;
	}
	if (write && done)
		sync_if_code(space, va);
	return done;
}

int vm_futex_key(struct vm_space *space, vaddr_t va, bool is_private,
		 struct vm_futex_key *key)
{
	struct vm_area *area;
	int err = 0;

	if (va >= USER_SPACE_END)
		return -EFAULT;
	key->object = space;
	key->offset = va;
	if (is_private)
		return 0;
	mutex_lock(&space->lock);
	area = vm_area_find(space, va);
	if (!area || !area_holds(area, va) || !(area->flags & PAGE_READ)) {
		err = -EFAULT;
	} else if ((area->flags & VM_SHARED) && area->cache) {
		key->object = area->cache;
		key->offset = (area_index(area, va) << PAGE_SHIFT) |
			      (va & (PAGE_SIZE - 1));
	}
	mutex_unlock(&space->lock);
	return err;
}

void vm_mapped_page(struct vm_space *space, vaddr_t va,
		    struct vm_mapped_page *out)
{
	const struct page *page;
	pte_t *pte = NULL;

	*out = (struct vm_mapped_page){};
	spin_lock(&space->page_table_lock);
	if (va < USER_SPACE_END)
		pte = page_table_entry(&space->page_table, va, false);
	if (pte && pte_present(*pte)) {
		out->present = true;
		out->frame = pte_frame(*pte);
		page = phys_to_page(out->frame);
		out->of_file = page && !(page->flags & PAGE_FLAG_ANON);
		out->only_here = page && page->map_count == 1;
	}
	spin_unlock(&space->page_table_lock);
}
