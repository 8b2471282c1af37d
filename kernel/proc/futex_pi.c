/* SPDX-License-Identifier: MIT */
/*
 * futex_pi.c - futexes whose word names the owner (FUTEX_LOCK_PI)
 *
 * The word holds the owner's tid, with FUTEX_WAITERS set while somebody waits
 * here; then the owner cannot release it in user mode and comes to
 * futex_unlock_pi(), which writes the next owner's tid into the word and wakes
 * it. All changes by the kernel are made with the bucket locked.
 *
 * Deliberate simplification: the owner's priority is not raised to that of its
 * waiters, who are served in order.
 *
 * When an owner exits without unlocking, its waiters are woken and one takes
 * the lock over, with FUTEX_OWNER_DIED set in the word. An exit that comes
 * between our look at the owner and our sleep is noticed by futex_gone: the
 * owner sets it before it looks for waiters, we look at it after we queued.
 *
 * Locks: futex_bucket.lock.
 * Source: futex(2), "Priority-inheritance futexes".
 */
#include "kernel/abi/futex.h"
#include "kernel/abi/errno.h"
#include "kernel/proc/futex.h"
#include "kernel/proc/futex_internal.h"
#include "kernel/proc/process.h"

/* Waiters in all buckets; atomic. */
static unsigned int num_pi_waiters;

/* The first who waits for @futex with priority inheritance, and the number of
 * all of them. The bucket is locked. */
static struct futex_waiter *first_waiter(const struct futex *futex,
					 unsigned int *count)
{
	struct futex_waiter *waiter, *first = NULL;

	*count = 0;
	list_for_each (waiter, &futex->bucket->waiters, node) {
		if (!waiter->pi || !futex_same_key(&waiter->key, &futex->key))
			continue;
		if (!first)
			first = waiter;
		++*count;
	}
	return first;
}

/* What one look at the word, with the bucket locked, came to. */
enum attempt {
	ATTEMPT_LOCKED, /* it is ours */
	ATTEMPT_QUEUED, /* it is another's; the waiter is queued */
	ATTEMPT_AGAIN,  /* the word was changed meanwhile */
	ATTEMPT_FAULT,  /* the page is not there */
};

/* @dead_owner: may be taken over from (0: nobody). */
static enum attempt attempt_lock(const struct futex *futex, uint32_t me,
				 uint32_t dead_owner,
				 struct futex_waiter *waiter)
{
	uint32_t word, seen, owner;
	unsigned int others;

	if (!futex_peek(futex, &word))
		return ATTEMPT_FAULT;
	owner = word & FUTEX_TID_MASK;
	first_waiter(futex, &others);
	if (owner == 0 || owner == dead_owner) {
		uint32_t desired = me | (word & FUTEX_OWNER_DIED);

		if (owner)
			desired |= FUTEX_OWNER_DIED;
		if (others)
			desired |= FUTEX_WAITERS;
		if (!futex_exchange(futex, word, desired, &seen))
			return ATTEMPT_FAULT;
		return seen == word ? ATTEMPT_LOCKED : ATTEMPT_AGAIN;
	}
	if (!futex_exchange(futex, word, word | FUTEX_WAITERS, &seen))
		return ATTEMPT_FAULT;
	if (seen != word)
		return ATTEMPT_AGAIN;
	waiter->owner = (int)owner;
	waiter->granted = false;
	futex_enqueue(futex, waiter);
	return ATTEMPT_QUEUED;
}

static int lock_or_queue(const struct futex *futex, uint32_t me,
			 uint32_t dead_owner, struct futex_waiter *waiter,
			 enum attempt *attempt)
{
	do {
		spin_lock(&futex->bucket->lock);
		*attempt = attempt_lock(futex, me, dead_owner, waiter);
		spin_unlock(&futex->bucket->lock);
		if (*attempt == ATTEMPT_FAULT) {
			int err = futex_fault_in(futex, true);

			if (err)
				return err;
		}
	} while (*attempt == ATTEMPT_AGAIN || *attempt == ATTEMPT_FAULT);
	return 0;
}

static bool thread_is_gone(int tid)
{
	struct thread *thread = thread_find(tid);
	bool gone;

	if (!thread)
		return true;
	/* pairs with the store in futex_pi_thread_exit() */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	gone = READ_ONCE(thread->futex_gone);
	thread_put(thread);
	return gone;
}

/* Who the word says has the lock, into @owner (0: nobody). */
static int read_owner(const struct futex *futex, uint32_t *owner)
{
	uint32_t word;

	while (!futex_peek(futex, &word)) {
		int err = futex_fault_in(futex, true);

		if (err)
			return err;
	}
	*owner = word & FUTEX_TID_MASK;
	return 0;
}

/* Before anything is queued: what cannot be waited for. */
static int check_owner(const struct futex *futex, uint32_t me, bool try_only)
{
	uint32_t owner, gone = 0;

	for (;;) {
		int err = read_owner(futex, &owner);

		if (err)
			return err;
		if (owner == 0)
			return 0;
		if (owner == me)
			return -EDEADLK;
		/* The first time it may have ended after a release that our
		 * look at the word came too early for. */
		if (owner == gone)
			return -ESRCH;
		if (!thread_is_gone((int)owner))
			return try_only ? -EAGAIN : 0;
		gone = owner;
	}
}

/* Sleep as a queued waiter. 1: the lock is ours; 0: the owner died, try
 * again; -ETIMEDOUT, -ERESTARTNOINTR. */
static int wait_for_owner(struct futex_waiter *waiter, uint64_t deadline_ns)
{
	int result = 0;

	__atomic_fetch_add(&num_pi_waiters, 1, __ATOMIC_SEQ_CST);
	if (!thread_is_gone(waiter->owner))
		result = futex_sleep(waiter, deadline_ns);
	if (!futex_dequeue(waiter))
		result = waiter->granted;
	__atomic_fetch_sub(&num_pi_waiters, 1, __ATOMIC_RELAXED);
	return result == -ERESTARTSYS ? -ERESTARTNOINTR : result;
}

long futex_lock_pi(uint32_t __user *address, bool is_private,
		   uint64_t deadline_ns, bool try_only)
{
	struct futex_waiter waiter = { .pi = true };
	uint32_t me = (uint32_t)thread_tid(current());
	uint32_t dead_owner = 0;
	enum attempt attempt;
	struct futex futex;
	int result;

	result = futex_find(&futex, address, is_private);
	if (!result)
		result = check_owner(&futex, me, try_only);
	if (result)
		return result;
	for (;;) {
		result = lock_or_queue(&futex, me, dead_owner, &waiter,
				       &attempt);
		if (result || attempt == ATTEMPT_LOCKED)
			return result;
		/* Lost a race for a lock that was free: for a try, a wait
		 * that is over at once. */
		result = wait_for_owner(&waiter, try_only ? 0 : deadline_ns);
		if (result == -ETIMEDOUT && try_only)
			return -EAGAIN;
		if (result)
			return result < 0 ? result : 0;
		dead_owner = (uint32_t)waiter.owner;
	}
}

/* Pass the lock on, or free it. 0; -EPERM; -EAGAIN: the word changed;
 * -EFAULT: it is not there. The bucket is locked. */
static int hand_over(const struct futex *futex, uint32_t me)
{
	struct futex_waiter *next;
	uint32_t word, seen, desired = 0;
	unsigned int count;

	if (!futex_peek(futex, &word))
		return -EFAULT;
	if ((word & FUTEX_TID_MASK) != me)
		return -EPERM;
	next = first_waiter(futex, &count);
	if (next)
		desired = (uint32_t)thread_tid(next->thread);
	if (count > 1)
		desired |= FUTEX_WAITERS;
	if (!futex_exchange(futex, word, desired, &seen))
		return -EFAULT;
	if (seen != word)
		return -EAGAIN;
	if (next) {
		next->granted = true;
		futex_wake_waiter(next);
	}
	return 0;
}

long futex_unlock_pi(uint32_t __user *address, bool is_private)
{
	uint32_t me = (uint32_t)thread_tid(current());
	struct futex futex;
	int result;

	result = futex_find(&futex, address, is_private);
	if (result)
		return result;
	for (;;) {
		spin_lock(&futex.bucket->lock);
		result = hand_over(&futex, me);
		spin_unlock(&futex.bucket->lock);
		if (result == -EFAULT)
			result = futex_fault_in(&futex, true);
		else if (result != -EAGAIN)
			return result;
		if (result && result != -EAGAIN)
			return result;
	}
}

void futex_pi_thread_exit(struct thread *thread)
{
	int tid = thread_tid(thread);

	WRITE_ONCE(thread->futex_gone, true);
	/* pairs with the fence in thread_is_gone() */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (READ_ONCE(num_pi_waiters) == 0)
		return;
	for (unsigned int i = 0; i < FUTEX_BUCKETS; i++) {
		struct futex_bucket *bucket = &futex_buckets[i];
		struct futex_waiter *waiter, *next;

		spin_lock(&bucket->lock);
		list_for_each_safe (waiter, next, &bucket->waiters, node) {
			if (waiter->pi && waiter->owner == tid)
				futex_wake_waiter(waiter);
		}
		spin_unlock(&bucket->lock);
	}
}
