/* SPDX-License-Identifier: MIT */
/*
 * fork.c - a copy of an address space that costs almost nothing
 *
 * Idea: the child gets the same areas. Pages that only this program has become
 * read-only on both sides and are shared until one side writes (copy-on-write:
 * fault.c). Everything else (files, shared memory, the vDSO) the child finds by
 * itself, by faults, so those entries are not even looked at.
 *
 * A program that forks again and again (a shell, a server) writes to the same few
 * pages each time, its stack's above all, and so does each child: two faults for
 * one page, and a fence. When it has written to no more than FORK_COPIES since
 * its last fork, they are copied at once and stay writable on both sides.
 *
 * If such a program was made by fork itself (a subshell in a loop, the workers of
 * a server), it shares pages with its parent and siblings that it never writes
 * to, and each child of its own would be counted in them: a cache line that all
 * harts want. It gets copies of the first KEPT_PAGES of those, some at a fork.
 *
 * Read: OSTEP ch. 23 (copy-on-write).
 *
 * Locks: the parent's space->lock throughout: no thread of it faults meanwhile.
 */
#include "kernel/mm/internal.h"
#include "kernel/abi/errno.h"
#include "kernel/lib/string.h"
#include "kernel/mm/vm_file.h"

/* Forks after which a program is one that forks again and again. */
#define MANY_FORKS 4u
#define KEPT_PAGES 32u

/* Has @area pages that its program has for itself? */
static bool has_private_pages(const struct vm_area *area)
{
	if (area->flags & (VM_SHARED | VM_SPECIAL | VM_WIPE_FORK))
		return false;
	return !area->cache || (area->flags & VM_HAS_COPIES);
}

static void copy_layout(struct vm_space *child, const struct vm_space *parent)
{
	child->start_code = parent->start_code;
	child->end_code = parent->end_code;
	child->start_data = parent->start_data;
	child->end_data = parent->end_data;
	child->start_brk = parent->start_brk;
	child->brk = parent->brk;
	child->start_stack = parent->start_stack;
	child->stack_limit = parent->stack_limit;
	child->arg_start = parent->arg_start;
	child->arg_end = parent->arg_end;
	child->env_start = parent->env_start;
	child->env_end = parent->env_end;
	child->mmap_top = parent->mmap_top;
	child->search_top = parent->search_top;
	child->hole_above = parent->hole_above;
	child->vdso_code = parent->vdso_code;
	copy_words(child->auxv, parent->auxv,
		   parent->auxv_words * sizeof(parent->auxv[0]));
	child->auxv_words = parent->auxv_words;
	child->exe = parent->exe;
	child->membarriers = parent->membarriers;
	child->dumpable = parent->dumpable;
	child->no_huge = parent->no_huge;
}

/* Nobody but truncations knows the child yet, so its own lock is not needed.
 * Pages cleared ahead would have to be shared: both begin to count anew. */
static int copy_area(struct vm_space *child, struct vm_area *area,
		     struct vm_file_batch *files) UNCHECKED_LOCKING
{
	struct vm_area *copy;

	area->run_pages = 0;
	copy = area_create_like(area);
	if (!copy)
		return -ENOMEM;
	copy->flags &= ~VM_LOCKED;
	vm_file_gather(files, copy->file);
	area_choose_row(copy);
	area_insert_unlisted(child, copy);
	return 0;
}

/* Are the pages that @parent has written to few? And does nobody else write to
 * them while they are copied? */
static bool copies_written_pages(const struct vm_space *parent)
	MUST_HOLD(parent->lock)
{
	return parent->num_written <= FORK_COPIES &&
	       refcount_read(&parent->users) == 1;
}

/*
 * A truncation takes a file's pages, and private copies of them, from every area
 * it finds. It may come to the child's before we have shared the parent's pages,
 * and to the parent's after it: then the child would keep what is gone. So the
 * child's areas are listed before they have pages; the file's number of drops is
 * asked for before that and after sharing. If it is the same, truncations found
 * either nothing any more in the parent, or, later, all there is in both. Else
 * all is done again.
 */
static uint64_t drops_before(const struct vm_area *area) UNCHECKED_LOCKING
{
	struct page_cache *cache = area->cache;

	if (!cache || !has_private_pages(area))
		return 0;
	while (__atomic_load_n(&cache->drops, __ATOMIC_ACQUIRE) & 1) {
		/* Until it is over. */
		mutex_lock(&cache->lock);
		mutex_unlock(&cache->lock);
	}
	return READ_ONCE(cache->drops);
}

static int copy_areas(struct sharing *sharing) UNCHECKED_LOCKING
{
	struct vm_area *area = vm_area_first(sharing->parent);
	struct vm_space *child = sharing->child;
	struct vm_file_batch files = { 0 };
	int err = 0;

	vm_file_gather(&files, child->exe);
	for (; area && !err; area = vm_area_next(area)) {
		if (area->flags & VM_DONT_FORK)
			continue;
		sharing->drops += drops_before(area);
		err = copy_area(child, area, &files);
	}
	vm_file_flush(&files);
	/* Also if they are not all: they will be removed. */
	area_list_all(child);
	return err;
}

/* How many pages that it shares with its own parent @parent should get copies of
 * now. */
static unsigned int count_leaves(struct vm_space *parent)
	MUST_HOLD(parent->lock)
{
	if (!parent->forked || parent->num_kept >= KEPT_PAGES)
		return 0;
	if (parent->num_forks < MANY_FORKS) {
		parent->num_forks++;
		return 0;
	}
	return FORK_COPIES;
}

static int share_pages(struct sharing *sharing) MUST_HOLD(sharing->parent->lock)
{
	struct vm_area *area = vm_area_first(sharing->parent);
	int err = 0;

	/* The lists before the numbers; pairs with the fence in drop_range(). */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	for (; area && !err; area = vm_area_next(area)) {
		if ((area->flags & VM_DONT_FORK) || !has_private_pages(area))
			continue;
		err = range_share(sharing, area);
		if (area->cache)
			sharing->drops -= READ_ONCE(area->cache->drops);
	}
	return err;
}

/* 0, -ENOMEM; -EAGAIN: a truncation came in between, see drops_before(). */
static int copy_space(struct vm_space *parent, struct vm_space *child)
	MUST_HOLD(parent->lock)
{
	struct sharing sharing = { .parent = parent, .child = child };
	int err;

	copy_layout(child, parent);
	child->forked = true;
	if (copies_written_pages(parent))
		sharing.copies_left = FORK_COPIES;
	sharing.leaves_left = count_leaves(parent);
	err = copy_areas(&sharing);
	if (!err)
		err = share_pages(&sharing);
	parent->num_written = child->num_written = sharing.copied;
	parent->num_kept += sharing.num_left;
	if (sharing.changed)
		tlb_flush_all(&parent->page_table);
	range_drop_left(&sharing);
	if (!err && unlikely(sharing.drops))
		err = -EAGAIN;
	return err;
}

int vm_space_fork(struct vm_space *parent, struct vm_space **child_out)
{
	struct vm_space *child;
	int err;

	do {
		child = vm_space_create();
		if (!child)
			return -ENOMEM;
		mutex_lock(&parent->lock);
		err = copy_space(parent, child);
		mutex_unlock(&parent->lock);
		if (err)
			vm_space_put(child);
	} while (unlikely(err == -EAGAIN));
	if (!err)
		*child_out = child;
	return err;
}
