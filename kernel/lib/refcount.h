/* SPDX-License-Identifier: MIT */
/*
 * refcount.h - counts of references that keep an object alive
 *
 * A count of 0 is final: who dropped the last reference frees the object.
 */
#pragma once

#include "kernel/lib/compiler.h"

struct refcount {
	unsigned int count; /* atomic */
};

static inline void refcount_init(struct refcount *ref, unsigned int count)
{
	ref->count = count;
}

static inline unsigned int refcount_read(const struct refcount *ref)
{
	return __atomic_load_n(&ref->count, __ATOMIC_RELAXED);
}

/* The caller has a reference already. */
static inline void refcount_get(struct refcount *ref)
{
	__atomic_fetch_add(&ref->count, 1, __ATOMIC_RELAXED);
}

static inline void refcount_get_many(struct refcount *ref, unsigned int count)
{
	__atomic_fetch_add(&ref->count, count, __ATOMIC_RELAXED);
}

/* Take a reference unless the count is 0 already; true if taken. */
static inline bool refcount_get_unless_zero(struct refcount *ref)
{
	unsigned int old = refcount_read(ref);

	while (old) {
		if (__atomic_compare_exchange_n(&ref->count, &old, old + 1,
						true, __ATOMIC_ACQUIRE,
						__ATOMIC_RELAXED))
			return true;
	}
	return false;
}

/*
 * If the count is @count, make it 0: nobody new gets a reference. For who holds
 * all of them, or a lock without which there is no other way to one.
 */
static inline bool refcount_freeze(struct refcount *ref, unsigned int count)
{
	return __atomic_compare_exchange_n(&ref->count, &count, 0, false,
					   __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

/* Undo refcount_freeze(); what was changed meanwhile is seen by who gets one. */
static inline void refcount_thaw(struct refcount *ref, unsigned int count)
{
	STORE_RELEASE(ref->count, count);
}

/*
 * Drop a reference; true when it was the last one. The release orders this
 * holder's writes before the free, the acquire the free after all of them.
 */
static inline bool refcount_put(struct refcount *ref)
{
	return __atomic_fetch_sub(&ref->count, 1, __ATOMIC_ACQ_REL) == 1;
}

/* The same for @count references of the caller's. */
static inline bool refcount_put_many(struct refcount *ref, unsigned int count)
{
	return __atomic_fetch_sub(&ref->count, count, __ATOMIC_ACQ_REL) ==
	       count;
}
