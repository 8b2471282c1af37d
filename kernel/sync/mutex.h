/* SPDX-License-Identifier: MIT */
/*
 * mutex.h - locks that may be held across a sleep
 *
 * One owner, no recursion; waiters are served in order. Threads only.
 * Read: OSTEP ch. 28 (locks), "sleeping instead of spinning".
 */
#pragma once

#include "kernel/sync/annotate.h"
#include "kernel/sync/wait.h"

struct LOCKABLE mutex {
	struct thread *owner; /* atomic; NULL when free */
	unsigned int rank;    /* enum lock_rank; fixed */
	bool contended;       /* someone waits or is about to */
	struct wait_queue waiters;
};

#define MUTEX_INIT(name, r)                                                    \
	{                                                                      \
		.owner = NULL, .rank = (r), .contended = false,                \
		.waiters = WAIT_QUEUE_INIT((name).waiters)                     \
	}

void mutex_init(struct mutex *mutex, enum lock_rank rank);
void mutex_lock(struct mutex *mutex) ACQUIRES(mutex);
/* 0, or -ERESTARTSYS if a signal came first. */
int mutex_lock_interruptible(struct mutex *mutex);
bool mutex_trylock(struct mutex *mutex) TRY_ACQUIRES(mutex);
void mutex_unlock(struct mutex *mutex) RELEASES(mutex);

static inline bool mutex_is_mine(const struct mutex *mutex)
{
	return READ_ONCE(mutex->owner) == current();
}

/* Panics in debug builds if a spinlock is held or interrupts are off. */
void sleep_check(void);
static inline void might_sleep(void)
{
	if (CONFIG_DEBUG)
		sleep_check();
}
