/* SPDX-License-Identifier: MIT */
/*
 * process_vm.c - copy between our memory and another process's
 *
 * Idea: two lists of pieces, one on each side, walked together; bytes go
 * through a page of the kernel's. Source: process_vm_readv(2).
 */
#include "kernel/mm/page.h"
#include "kernel/mm/slab.h"
#include "kernel/mm/user_copy.h"
#include "kernel/mm/vm_space.h"
#include "kernel/proc/process.h"
#include "kernel/syscall/args.h"
#include "kernel/syscall/table.h"

#define MAX_PIECES 1024u /* UIO_MAXIOV */

/* struct iovec of the ABI. */
struct piece {
	uint64_t base, size;
};

/* A list of pieces and how far we are in it. */
struct side {
	struct piece *pieces;
	size_t count, at;
	uint64_t done; /* bytes of pieces[at] */
};

static int read_pieces(struct side *side, const void __user *from, size_t count)
{
	uint64_t total = 0;
	size_t i;

	side->count = count;
	side->at = 0;
	side->done = 0;
	side->pieces = NULL;
	if (count > MAX_PIECES)
		return -EINVAL;
	if (count == 0)
		return 0;
	side->pieces = kmalloc(count * sizeof(struct piece));
	if (!side->pieces)
		return -ENOMEM;
	if (copy_from_user(side->pieces, from, count * sizeof(struct piece)))
		return -EFAULT;
	for (i = 0; i < count; i++) {
		if (side->pieces[i].size > INT64_MAX - total)
			return -EINVAL;
		total += side->pieces[i].size;
	}
	return 0;
}

/* Bytes of the piece we are at; 0: the list is done. */
static uint64_t left_in_piece(struct side *side)
{
	while (side->at < side->count &&
	       side->done == side->pieces[side->at].size) {
		side->at++;
		side->done = 0;
	}
	if (side->at == side->count)
		return 0;
	return side->pieces[side->at].size - side->done;
}

static vaddr_t address_in_piece(const struct side *side)
{
	return side->pieces[side->at].base + side->done;
}

/* Copy one stretch; returns bytes. */
static size_t copy_stretch(struct vm_space *space, vaddr_t local,
			   vaddr_t remote, void *page, size_t size, bool write)
{
	if (write) {
		size = copy_from_user_partial(page, (void __user *)local, size);
		return vm_space_access(space, remote, page, size, true, false);
	}
	size = vm_space_access(space, remote, page, size, false, false);
	return copy_to_user_partial((void __user *)local, page, size);
}

static long copy_all(struct vm_space *space, struct side *local,
		     struct side *remote, bool write)
{
	struct page *page = page_alloc(0, ALLOC_USER);
	long total = 0;

	if (!page)
		return -ENOMEM;
	for (;;) {
		size_t size = MIN(left_in_piece(local), left_in_piece(remote));
		size_t copied;

		size = MIN(size, PAGE_SIZE);
		if (size == 0)
			break;
		copied = copy_stretch(space, address_in_piece(local),
				      address_in_piece(remote),
				      page_address(page), size, write);
		total += (long)copied;
		local->done += copied;
		remote->done += copied;
		if (copied < size) {
			total = total ? total : -EFAULT;
			break;
		}
	}
	page_put(page);
	return total;
}

/* The process of thread @tid, with a reference. */
static struct process *process_of(int tid)
{
	struct thread *thread = thread_find(tid);
	struct process *process;

	if (!thread)
		return NULL;
	process = thread->process;
	if (process)
		process_get(process);
	thread_put(thread);
	return process;
}

static long copy_with_process(int tid, struct side *local, struct side *remote,
			      bool write)
{
	struct process *process = process_of(tid);
	struct vm_space *space = NULL;
	long result;

	if (!process)
		return -ESRCH;
	if (process_may_access(process)) {
		space = process_vm_get(process);
		result = space ? copy_all(space, local, remote, write) : -ESRCH;
	} else {
		result = -EPERM;
	}
	if (space)
		vm_space_put(space);
	process_put(process);
	return result;
}

static long process_vm_copy(const struct syscall_args *a, bool write)
{
	struct side local = {}, remote = {};
	long result;

	if (a->arg[5])
		return -EINVAL;
	result = read_pieces(&local, arg_ptr(a, 1), arg_size(a, 2));
	if (!result)
		result = read_pieces(&remote, arg_ptr(a, 3), arg_size(a, 4));
	if (!result && left_in_piece(&local))
		result = copy_with_process(arg_int(a, 0), &local, &remote,
					   write);
	kfree(local.pieces);
	kfree(remote.pieces);
	return result;
}

long sys_process_vm_readv(const struct syscall_args *a)
{
	return process_vm_copy(a, false);
}

long sys_process_vm_writev(const struct syscall_args *a)
{
	return process_vm_copy(a, true);
}
