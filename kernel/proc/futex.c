/* SPDX-License-Identifier: MIT */
/*
 * futex.c - waiting on a word of user memory
 *
 * Idea: who wants to sleep locks the bucket of its word, looks at the word,
 * and joins the queue only if the value is still the expected one. Who wakes
 * has changed the word before it locks the bucket. So either the sleeper sees
 * the new value or the waker sees the sleeper.
 *
 *   sleeper                          waker (user mode, then here)
 *   lock(bucket)                     change the word
 *   word == expected? else leave     lock(bucket)
 *   join the queue                   take waiters off the queue, wake them
 *   unlock(bucket)                   unlock(bucket)
 *   sleep until woken
 *
 * A waiter lives on the sleeper's stack. Whoever wakes it holds the bucket's
 * lock until it is done with it, and the sleeper takes that lock once more
 * before it returns (futex_dequeue()).
 *
 * The word is reached through the page table without faults while the bucket
 * is locked; a page that is missing is brought in with nothing locked.
 *
 * Locks: futex_bucket.lock; the page table's inside it.
 * Source: futex(2). Read: OSTEP ch. 28 (Linux-based futex locks).
 */
#include "kernel/abi/futex.h"
#include "kernel/abi/errno.h"
#include "kernel/mm/user_copy.h"
#include "kernel/proc/futex.h"
#include "kernel/proc/futex_internal.h"
#include "kernel/sched/sched.h"

#define BUCKET_INIT(n)                                                         \
	{                                                                      \
		.lock = SPINLOCK_INIT(LOCK_FUTEX),                             \
		.waiters = LIST_HEAD_INIT(futex_buckets[n].waiters)            \
	}
#define BUCKET_INIT_4(n)                                                       \
	BUCKET_INIT(n), BUCKET_INIT((n) + 1), BUCKET_INIT((n) + 2),            \
		BUCKET_INIT((n) + 3)
#define BUCKET_INIT_16(n)                                                      \
	BUCKET_INIT_4(n), BUCKET_INIT_4((n) + 4), BUCKET_INIT_4((n) + 8),      \
		BUCKET_INIT_4((n) + 12)
#define BUCKET_INIT_64(n)                                                      \
	BUCKET_INIT_16(n), BUCKET_INIT_16((n) + 16), BUCKET_INIT_16((n) + 32), \
		BUCKET_INIT_16((n) + 48)

struct futex_bucket futex_buckets[FUTEX_BUCKETS] = { BUCKET_INIT_64(0),
						     BUCKET_INIT_64(64),
						     BUCKET_INIT_64(128),
						     BUCKET_INIT_64(192) };

/* ---- Words and buckets --------------------------------------------------- */

static struct futex_bucket *bucket_of(const struct vm_futex_key *key)
{
	uint64_t hash = (uint64_t)key->object ^ key->offset;

	hash *= 0x9e3779b97f4a7c15UL; /* 2^64 / golden ratio: spreads well */
	return &futex_buckets[hash >> 56];
}

int futex_find(struct futex *futex, uint32_t __user *address, bool is_private)
{
	int err;

	if (!IS_ALIGNED((vaddr_t)address, sizeof(*address)))
		return -EINVAL;
	if (!user_range_ok(address, sizeof(*address)))
		return -EFAULT;
	err = vm_futex_key(current()->space, (vaddr_t)address, is_private,
			   &futex->key);
	if (err)
		return err;
	futex->address = address;
	futex->bucket = bucket_of(&futex->key);
	return 0;
}

bool futex_peek(const struct futex *futex, uint32_t *value)
{
	struct vm_space *space = current()->space;
	const uint32_t *word;

	spin_lock(&space->page_table_lock);
	word = page_table_user_address(&space->page_table,
				       (vaddr_t)futex->address, false);
	if (word)
		*value = __atomic_load_n(word, __ATOMIC_RELAXED);
	spin_unlock(&space->page_table_lock);
	return word;
}

bool futex_exchange(const struct futex *futex, uint32_t expected,
		    uint32_t desired, uint32_t *seen)
{
	struct vm_space *space = current()->space;
	uint32_t *word;

	spin_lock(&space->page_table_lock);
	word = page_table_user_address(&space->page_table,
				       (vaddr_t)futex->address, true);
	if (word)
		__atomic_compare_exchange_n(word, &expected, desired, false,
					    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
	spin_unlock(&space->page_table_lock);
	*seen = expected;
	return word;
}

int futex_fault_in(const struct futex *futex, bool write)
{
	uint32_t value;

	/* An exchange of 0 for 0 changes nothing. */
	return write ? cmpxchg_user_u32(futex->address, 0, 0, &value)
		     : get_user_u32(&value, futex->address);
}

static void lock_two(struct futex_bucket *a,
		     struct futex_bucket *b) UNCHECKED_LOCKING
{
	spin_lock(a < b ? &a->lock : &b->lock);
	if (a != b)
		spin_lock(a < b ? &b->lock : &a->lock);
}

static void unlock_two(struct futex_bucket *a,
		       struct futex_bucket *b) UNCHECKED_LOCKING
{
	spin_unlock(&a->lock);
	if (a != b)
		spin_unlock(&b->lock);
}

/* ---- Waiters ------------------------------------------------------------- */

void futex_enqueue(const struct futex *futex, struct futex_waiter *waiter)
{
	waiter->key = futex->key;
	waiter->bucket = futex->bucket;
	waiter->thread = current();
	waiter->woken = false;
	list_push_back(&futex->bucket->waiters, &waiter->node);
}

void futex_wake_waiter(struct futex_waiter *waiter)
{
	struct thread *thread = waiter->thread;

	list_remove(&waiter->node);
	/* pairs with the acquire in futex_sleep() */
	STORE_RELEASE(waiter->woken, true);
	sched_wake(thread, THREAD_INTERRUPTIBLE);
}

bool futex_dequeue(struct futex_waiter *waiter) UNCHECKED_LOCKING
{
	struct futex_bucket *bucket;
	bool waiting;

	for (;;) {
		bucket = READ_ONCE(waiter->bucket);
		spin_lock(&bucket->lock);
		if (bucket == waiter->bucket)
			break;
		spin_unlock(&bucket->lock); /* it was moved meanwhile */
	}
	waiting = !waiter->woken;
	if (waiting)
		list_remove(&waiter->node);
	spin_unlock(&bucket->lock);
	return waiting;
}

int futex_sleep(const struct futex_waiter *waiter, uint64_t deadline_ns)
{
	struct thread *thread = waiter->thread;
	int result = 0;

	for (;;) {
		WRITE_ONCE(thread->state, THREAD_INTERRUPTIBLE);
		/* The state before the flag; pairs with that in sched_wake() */
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		if (__atomic_load_n(&waiter->woken, __ATOMIC_ACQUIRE))
			break;
		if (thread_has_work(thread, WORK_SIGNAL | WORK_KILL)) {
			result = -ERESTARTSYS;
			break;
		}
		if (deadline_ns == FUTEX_FOREVER) {
			schedule();
		} else if (sched_sleep_until(deadline_ns)) {
			result = -ETIMEDOUT;
			break;
		}
	}
	WRITE_ONCE(thread->state, THREAD_RUNNING);
	return result;
}

/* ---- Wait ---------------------------------------------------------------- */

/* After a stop: the rest of the wait, with the same deadline. */
static long wait_again(struct thread *thread)
{
	const uint64_t *arg = thread->restart.arg;

	return futex_wait((uint32_t __user *)arg[0], arg[1], (uint32_t)arg[2],
			  (uint32_t)arg[3], arg[4]);
}

static long interrupted(uint32_t __user *address, bool is_private,
			uint32_t expected, uint32_t bitset,
			uint64_t deadline_ns)
{
	struct thread *thread = current();

	if (deadline_ns == FUTEX_FOREVER)
		return -ERESTARTSYS;
	thread->restart.call = wait_again;
	thread->restart.arg[0] = (uint64_t)address;
	thread->restart.arg[1] = is_private;
	thread->restart.arg[2] = expected;
	thread->restart.arg[3] = bitset;
	thread->restart.arg[4] = deadline_ns;
	return -ERESTART_RESTARTBLOCK;
}

/* Join the queue if the word is @expected. 0, -EAGAIN, -EFAULT. */
static int enqueue_if(const struct futex *futex, uint32_t expected,
		      struct futex_waiter *waiter)
{
	uint32_t value;
	int err;

	for (;;) {
		spin_lock(&futex->bucket->lock);
		if (futex_peek(futex, &value))
			break;
		spin_unlock(&futex->bucket->lock);
		err = futex_fault_in(futex, false);
		if (err)
			return err;
	}
	if (value == expected)
		futex_enqueue(futex, waiter);
	spin_unlock(&futex->bucket->lock);
	return value == expected ? 0 : -EAGAIN;
}

long futex_wait(uint32_t __user *address, bool is_private, uint32_t expected,
		uint32_t bitset, uint64_t deadline_ns)
{
	struct futex_waiter waiter = { .bitset = bitset };
	struct futex futex;
	long result;

	if (!bitset)
		return -EINVAL;
	result = futex_find(&futex, address, is_private);
	if (!result)
		result = enqueue_if(&futex, expected, &waiter);
	if (result)
		return result;
	result = futex_sleep(&waiter, deadline_ns);
	if (!futex_dequeue(&waiter))
		return 0; /* a wake-up was meant for us: that counts */
	if (result == -ERESTARTSYS)
		return interrupted(address, is_private, expected, bitset,
				   deadline_ns);
	return result;
}

/* ---- Wake ---------------------------------------------------------------- */

/* The bucket is locked. As Linux, wakes one even if @max is 0. */
static long wake_matching(const struct futex *futex, int max, uint32_t bitset)
{
	struct futex_waiter *waiter, *next;
	int woken = 0;

	list_for_each_safe (waiter, next, &futex->bucket->waiters, node) {
		if (!futex_same_key(&waiter->key, &futex->key))
			continue;
		if (waiter->pi)
			return -EINVAL; /* only its owner may wake it */
		if (!(waiter->bitset & bitset))
			continue;
		futex_wake_waiter(waiter);
		if (++woken >= max)
			break;
	}
	return woken;
}

long futex_wake(uint32_t __user *address, bool is_private, int max,
		uint32_t bitset)
{
	struct futex futex;
	long result;

	if (!bitset)
		return -EINVAL;
	result = futex_find(&futex, address, is_private);
	if (result)
		return result;
	spin_lock(&futex.bucket->lock);
	result = wake_matching(&futex, max, bitset);
	spin_unlock(&futex.bucket->lock);
	return result;
}

/* ---- Requeue ------------------------------------------------------------- */

static void move_waiter(struct futex_waiter *waiter, const struct futex *to)
{
	list_remove(&waiter->node);
	list_push_back(&to->bucket->waiters, &waiter->node);
	waiter->key = to->key;
	WRITE_ONCE(waiter->bucket, to->bucket);
}

/* Both buckets are locked. Returns how many were woken or moved. */
static long wake_and_move(const struct futex *from, const struct futex *to,
			  int wake, int requeue)
{
	struct futex_waiter *waiter, *next;
	long done = 0;

	if (futex_same_key(&from->key, &to->key))
		requeue = 0; /* they would only go round in a circle */
	list_for_each_safe (waiter, next, &from->bucket->waiters, node) {
		if (done >= (long)wake + requeue)
			break;
		if (!futex_same_key(&waiter->key, &from->key))
			continue;
		if (waiter->pi)
			return -EINVAL;
		if (done++ < wake)
			futex_wake_waiter(waiter);
		else
			move_waiter(waiter, to);
	}
	return done;
}

/* Lock both buckets; with @expected, only while @from has that value. */
static int lock_if(const struct futex *from, const struct futex *to,
		   const uint32_t *expected) UNCHECKED_LOCKING
{
	uint32_t value;
	int err;

	for (;;) {
		lock_two(from->bucket, to->bucket);
		if (!expected)
			return 0;
		if (futex_peek(from, &value))
			break;
		unlock_two(from->bucket, to->bucket);
		err = futex_fault_in(from, false);
		if (err)
			return err;
	}
	if (value == *expected)
		return 0;
	unlock_two(from->bucket, to->bucket);
	return -EAGAIN;
}

long futex_requeue(uint32_t __user *from_address, uint32_t __user *to_address,
		   bool is_private, int wake, int requeue,
		   const uint32_t *expected) UNCHECKED_LOCKING
{
	struct futex from, to;
	long result;

	if (wake < 0 || requeue < 0)
		return -EINVAL;
	result = futex_find(&from, from_address, is_private);
	if (!result)
		result = futex_find(&to, to_address, is_private);
	if (!result)
		result = lock_if(&from, &to, expected);
	if (result)
		return result;
	result = wake_and_move(&from, &to, wake, requeue);
	unlock_two(from.bucket, to.bucket);
	return result;
}

/* ---- FUTEX_WAKE_OP ------------------------------------------------------- */

static int sign_extend_12(uint32_t value)
{
	return (int)(value & 0xfff) - (int)((value & 0x800) << 1);
}

/* Does the old value satisfy the comparison in @operation? Or -ENOSYS. */
static int compare_op(uint32_t operation, uint32_t old_word)
{
	int old = (int)old_word;
	int arg = sign_extend_12(operation);

	switch (operation >> 24 & 0xf) {
	case FUTEX_OP_CMP_EQ:
		return old == arg;
	case FUTEX_OP_CMP_NE:
		return old != arg;
	case FUTEX_OP_CMP_LT:
		return old < arg;
	case FUTEX_OP_CMP_GE:
		return old >= arg;
	case FUTEX_OP_CMP_LE:
		return old <= arg;
	case FUTEX_OP_CMP_GT:
		return old > arg;
	default:
		return -ENOSYS;
	}
}

/* Change the word as @operation says; the value of its comparison. */
static int apply_op(uint32_t __user *address, uint32_t operation)
{
	int op = operation >> 28 & 7;
	uint32_t arg = (uint32_t)sign_extend_12(operation >> 12);
	uint32_t old;
	int err;

	if (operation >> 28 & FUTEX_OP_OPARG_SHIFT)
		arg = 1u << (arg & 31);
	err = futex_op_user_u32(address, op, arg, &old);
	return err ? err : compare_op(operation, old);
}

long futex_wake_op(uint32_t __user *first_address,
		   uint32_t __user *second_address, bool is_private,
		   int wake_first, int wake_second,
		   uint32_t operation) UNCHECKED_LOCKING
{
	struct futex first, second;
	long woken, more;
	int matched;
	int err;

	err = futex_find(&first, first_address, is_private);
	if (!err)
		err = futex_find(&second, second_address, is_private);
	if (err)
		return err;
	/* The change comes before the bucket's lock, as any waker's does. */
	matched = apply_op(second_address, operation);
	if (matched < 0)
		return matched;

	lock_two(first.bucket, second.bucket);
	woken = wake_matching(&first, wake_first, FUTEX_ANY);
	if (woken >= 0 && matched) {
		more = wake_matching(&second, wake_second, FUTEX_ANY);
		woken = more < 0 ? more : woken + more;
	}
	unlock_two(first.bucket, second.bucket);
	return woken;
}
