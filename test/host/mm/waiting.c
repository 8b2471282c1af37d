// SPDX-License-Identifier: MIT
/*
 * waiting.c - sleeping and threads, where there is one thread
 *
 * Who would have to sleep waits for ever here, so that ends the program.
 */
#include "kernel/debug/panic.h"
#include "kernel/mm/page_cache.h"
#include "kernel/sched/sched.h"
#include "kernel/sync/mutex.h"
#include "kernel/sync/wait.h"
#include "kernel/time/clock.h"

void wait_queue_init(struct wait_queue *queue)
{
	spin_init(&queue->lock, LOCK_WAIT_QUEUE);
	list_init(&queue->waiters);
}

void wake_all(struct wait_queue *queue)
{
	assert(wait_queue_idle(queue));
}

void waiter_init(struct waiter *waiter)
{
}

void wait_begin(struct wait_queue *queue, struct waiter *waiter,
		unsigned int flags)
{
	panic("a test would sleep for ever");
}

int wait_sleep(unsigned int flags, uint64_t deadline_ns)
{
	panic("a test would sleep for ever");
}

void wait_end(struct wait_queue *queue, struct waiter *waiter)
{
}

bool mutex_trylock(struct mutex *mutex)
{
	if (mutex->owner)
		return false;
	mutex_lock(mutex);
	return true;
}

struct thread *thread_create_kernel(const char *name, void (*fn)(void *),
				    void *arg)
{
	return NULL;
}

void sched_start(struct thread *thread)
{
}

uint64_t clock_now_ns(void)
{
	static uint64_t now;

	return now += NSEC_PER_MSEC;
}
