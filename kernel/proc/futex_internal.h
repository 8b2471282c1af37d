/* SPDX-License-Identifier: MIT */
/*
 * futex_internal.h - the hash table of waiters, for the futex files
 */
#pragma once

#include "kernel/lib/list.h"
#include "kernel/mm/vm_space.h"
#include "kernel/sync/spinlock.h"

struct thread;

/* Those who wait for words that hash to the same number. */
struct futex_bucket {
	struct spinlock lock;     /* rank LOCK_FUTEX; two: by address */
	struct list_head waiters; /* under lock */
};

/* One sleeping thread, on its own stack. */
struct futex_waiter {
	struct list_head node; /* in bucket->waiters unless woken; its lock */
	struct futex_bucket *bucket; /* changed under both buckets' locks */
	struct vm_futex_key key;     /* the same */
	struct thread *thread;
	uint32_t bitset;
	bool woken; /* set under the bucket's lock, read freely */

	/* futex_pi.c; the bucket's lock. */
	bool pi;
	bool granted; /* woken as the new owner */
	int owner;    /* tid of whom it waits for */
};

/* A word, and where its waiters are. */
struct futex {
	uint32_t __user *address;
	struct vm_futex_key key;
	struct futex_bucket *bucket;
};

/* 0; -EINVAL: not aligned; -EFAULT. */
int futex_find(struct futex *futex, uint32_t __user *address, bool is_private);
/* The buckets, for who must look through all of them. */
#define FUTEX_BUCKETS 256u
extern struct futex_bucket futex_buckets[FUTEX_BUCKETS];

static inline bool futex_same_key(const struct vm_futex_key *a,
				  const struct vm_futex_key *b)
{
	return a->object == b->object && a->offset == b->offset;
}

/*
 * Reading and changing the word with the bucket locked: never sleeps. False:
 * the page is not there (or may not be written); unlock, call
 * futex_fault_in() and try again.
 */
bool futex_peek(const struct futex *futex, uint32_t *value);
/* *@seen is what was there; it was changed if that is @expected. */
bool futex_exchange(const struct futex *futex, uint32_t expected,
		    uint32_t desired, uint32_t *seen);
/* 0 or -EFAULT. */
int futex_fault_in(const struct futex *futex, bool write);

/* The bucket is locked. */
void futex_enqueue(const struct futex *futex, struct futex_waiter *waiter);
void futex_wake_waiter(struct futex_waiter *waiter);
/* The bucket is not locked. True: it was still waiting. */
bool futex_dequeue(struct futex_waiter *waiter);
/* Until woken: 0, -ETIMEDOUT or -ERESTARTSYS. */
int futex_sleep(const struct futex_waiter *waiter, uint64_t deadline_ns);

/* The thread will own and release no futex any more: futex_pi.c. */
void futex_pi_thread_exit(struct thread *thread);
