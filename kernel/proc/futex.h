/* SPDX-License-Identifier: MIT */
/*
 * futex.h - waiting on a word of user memory: futex(2)
 *
 * Idea: the program takes and releases its lock in user mode, with atomic
 * instructions; only who has to wait, or to wake, comes here. The kernel keeps
 * no object for a futex: a hash table finds the waiters of an address.
 * Read: OSTEP ch. 28 (locks), "two-phase locks".
 */
#pragma once

#include "kernel/lib/compiler.h"

struct thread;

/* Match any waiter: FUTEX_BITSET_MATCH_ANY. */
#define FUTEX_ANY 0xffffffffu

/* No deadline. */
#define FUTEX_FOREVER UINT64_MAX

/*
 * All take user addresses in the current address space. @is_private: only this
 * address space uses the word (FUTEX_PRIVATE_FLAG). Deadlines are on the
 * monotonic clock, in ns. All may give -EFAULT.
 */

/*
 * Sleep while the word at @address is @expected, until a wake-up that matches
 * @bitset. 0; -EAGAIN if it had another value; -ETIMEDOUT; -ERESTARTSYS or
 * -ERESTART_RESTARTBLOCK for a signal.
 */
long futex_wait(uint32_t __user *address, bool is_private, uint32_t expected,
		uint32_t bitset, uint64_t deadline_ns);
/* Wake up to @max waiters; their number. */
long futex_wake(uint32_t __user *address, bool is_private, int max,
		uint32_t bitset);
/*
 * Wake up to @wake waiters of @from and let up to @requeue others wait for @to
 * instead. @expected may be NULL; else -EAGAIN if @from's word differs.
 * Returns how many were woken or moved.
 */
long futex_requeue(uint32_t __user *from, uint32_t __user *to, bool is_private,
		   int wake, int requeue, const uint32_t *expected);
/* FUTEX_WAKE_OP: change @second, wake @first, wake @second if it matched. */
long futex_wake_op(uint32_t __user *first, uint32_t __user *second,
		   bool is_private, int wake_first, int wake_second,
		   uint32_t operation);

/* Priority-inheritance futexes: the word holds the owner's tid. */
long futex_lock_pi(uint32_t __user *address, bool is_private,
		   uint64_t deadline_ns, bool try_only);
long futex_unlock_pi(uint32_t __user *address, bool is_private);

/*
 * The current thread leaves its address space (exit, exec): tell those who
 * wait for the locks it holds (robust list), store 0 at clear_child_tid and
 * wake who waits there. Context: thread, no lock held.
 */
void futex_thread_exit(void);
