/* SPDX-License-Identifier: MIT */
/*
 * vm_space.c - the life of an address space
 *
 * Made by exec (empty) or fork (a copy); taken down by whoever drops the last
 * reference, page by page, without a fence: no hart uses its table any more.
 */
#include "kernel/mm/internal.h"
#include "kernel/abi/errno.h"
#include "kernel/debug/panic.h"
#include "kernel/mm/slab.h"
#include "kernel/mm/vm_file.h"
#include "kernel/sched/sched.h"
#include "kernel/trace/trace.h"

static const struct vm_file_ops *file_ops;

void vm_set_file_ops(const struct vm_file_ops *ops)
{
	file_ops = ops;
}

void vm_file_get(struct file *file)
{
	if (file)
		file_ops->get(file, 1);
}

void vm_file_put(struct file *file)
{
	if (file)
		file_ops->put(file, 1);
}

void vm_file_flush(struct vm_file_batch *batch)
{
	if (!batch->file)
		return;
	if (batch->drops)
		file_ops->put(batch->file, batch->count);
	else
		file_ops->get(batch->file, batch->count);
	batch->file = NULL;
	batch->count = 0;
}

void vm_file_gather(struct vm_file_batch *batch, struct file *file)
{
	if (!file)
		return;
	if (file != batch->file) {
		vm_file_flush(batch);
		batch->file = file;
	}
	batch->count++;
}

int vm_file_sync(struct file *file)
{
	return file_ops->sync ? file_ops->sync(file) : 0;
}

struct vm_space *vm_space_create(void)
{
	TRACE_STEP_HERE(ADDRESS_SPACE);
	struct vm_space *space = kzalloc(sizeof(*space));

	if (!space)
		return NULL;
	if (page_table_init(&space->page_table)) {
		kfree(space);
		return NULL;
	}
	refcount_init(&space->users, 1);
	mutex_init(&space->lock, LOCK_VM_SPACE);
	spin_init(&space->page_table_lock, LOCK_PAGE_TABLE);
	space->mmap_top = USER_SPACE_END;
	space->stack_limit = 8UL << 20;
	space->dumpable = true;
	return space;
}

void vm_space_get(struct vm_space *space)
{
	refcount_get(&space->users);
}

/* Nobody else knows @space: the lock is for the checkers' sake. */
static void destroy_space(struct vm_space *space)
{
	struct list_head dead;

	sched_forget_space(space);
	list_init(&dead);
	mutex_lock(&space->lock);
	area_remove_all(space, &dead);
	mutex_unlock(&space->lock);
	area_destroy_list(&dead);
	debug_assert(space->resident[0] == 0 && space->resident[1] == 0);
	page_table_destroy(&space->page_table);
	vm_file_put(space->exe);
	kfree(space);
}

void vm_space_put(struct vm_space *space)
{
	if (refcount_put(&space->users))
		destroy_space(space);
}

void vm_space_use(struct vm_space *space)
{
	struct thread *thread = current();
	struct vm_space *old;

	interrupts_off_enter();
	old = thread->space;
	/* As Linux has it: exec does not change it. */
	if (old && space)
		space->no_huge = READ_ONCE(old->no_huge);
	thread->space = space;
	page_table_switch(space ? &space->page_table : &kernel_page_table);
	interrupts_off_leave();
	if (old)
		vm_space_put(old);
}

uint64_t vm_resident_pages(const struct vm_space *space)
{
	return READ_ONCE(space->resident[0]) + READ_ONCE(space->resident[1]);
}
