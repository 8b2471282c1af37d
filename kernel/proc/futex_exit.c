/* SPDX-License-Identifier: MIT */
/*
 * futex_exit.c - what a thread leaves behind in its memory when it goes
 *
 * Robust mutexes: the program keeps a list of the locks it holds; if it dies,
 * the kernel marks each as FUTEX_OWNER_DIED and wakes one waiter. The list is
 * the program's own, so every pointer in it is suspect and its length bounded.
 * Source: get_robust_list(2); set_tid_address(2).
 */
#include "kernel/abi/futex.h"
#include "kernel/abi/errno.h"
#include "kernel/mm/user_copy.h"
#include "kernel/proc/futex.h"
#include "kernel/proc/futex_internal.h"
#include "kernel/proc/process.h"

#define MAX_ROBUST_LOCKS 2048u /* ROBUST_LIST_LIMIT */

/* A link of the list: bit 0 says that the lock is a PI futex. */
#define LINK_PI 1UL

static int read_link(uint64_t from, uint64_t *link)
{
	return get_user_u64(link, (const void __user *)from);
}

/*
 * The current thread dies with the lock at @address in its list. @pending: it
 * was about to take or release it. False: stop here.
 */
static bool mark_dead(uint64_t address, bool pi, bool pending)
{
	uint32_t __user *word = (uint32_t __user *)address;
	uint32_t me = (uint32_t)thread_tid(current());
	uint32_t value, seen;

	if (!IS_ALIGNED(address, sizeof(value)) || get_user_u32(&value, word))
		return false;
	/* Released, but the wake-up was still to come. */
	if (pending && !pi && value == 0) {
		futex_wake(word, false, 1, FUTEX_ANY);
		return true;
	}
	for (;;) {
		if ((value & FUTEX_TID_MASK) != me)
			return true;
		if (cmpxchg_user_u32(word, value,
				     (value & FUTEX_WAITERS) | FUTEX_OWNER_DIED,
				     &seen))
			return false;
		if (seen == value)
			break;
		value = seen;
	}
	if (!pi && (value & FUTEX_WAITERS))
		futex_wake(word, false, 1, FUTEX_ANY);
	return true;
}

static void walk_robust_list(uint64_t head_address)
{
	struct robust_list_head head;
	uint64_t link, pending, offset;

	if (copy_from_user(&head, (const void __user *)head_address,
			   sizeof(head)))
		return;
	link = (uint64_t)head.list.next;
	pending = (uint64_t)head.list_op_pending;
	offset = (uint64_t)head.futex_offset;

	for (unsigned int i = 0; i < MAX_ROBUST_LOCKS; i++) {
		uint64_t entry = link & ~LINK_PI;
		bool pi = link & LINK_PI;
		int err;

		if (entry == head_address)
			break;
		/* Read on first: who gets the lock may free its memory. */
		err = read_link(entry, &link);
		if (entry != (pending & ~LINK_PI) &&
		    !mark_dead(entry + offset, pi, false))
			return;
		if (err)
			return;
	}
	if (pending & ~LINK_PI)
		mark_dead((pending & ~LINK_PI) + offset, pending & LINK_PI,
			  true);
}

/* pthread_join(3) and the like wait for this word. */
static void clear_tid(struct thread *thread)
{
	uint32_t __user *word = (uint32_t __user *)thread->clear_child_tid;

	/* The last user of the memory has nobody to tell. */
	if (!word || refcount_read(&thread->space->users) == 1)
		return;
	if (!put_user_u32(word, 0))
		futex_wake(word, false, 1, FUTEX_ANY);
}

void futex_thread_exit(void)
{
	struct thread *thread = current();

	if (!thread->space)
		return;
	if (thread->robust_list) {
		walk_robust_list(thread->robust_list);
		thread->robust_list = 0;
	}
	futex_pi_thread_exit(thread);
	clear_tid(thread);
	thread->clear_child_tid = 0;
}
