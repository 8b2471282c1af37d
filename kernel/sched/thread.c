/* SPDX-License-Identifier: MIT */
/*
 * thread.c - making threads, and taking them apart
 *
 * Idea: a new thread is given a context that begins in one of the two
 * functions first_step_* here, as if it had called schedule() there before and
 * was now chosen again.
 * A thread that ends cannot free the stack it stands on: the next thread on
 * its hart does (finish_switch()).
 *
 * Locks: all threads are in lists by the hart that made them, each with a lock.
 */
#include "kernel/sched/thread.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "kernel/sched/run_queue.h"
#include "kernel/sched/sched.h"
#include "kernel/time/clock.h"

static struct slab_cache *thread_cache;
/* By the hart that made them; also for the debugger, scripts/gdb.py. */
static struct thread_list {
	struct spinlock lock;
	struct list_head threads; /* under lock */
} __aligned(64) thread_lists[MAX_HARTS];

static void list_thread(struct thread *thread)
{
	struct thread_list *list;

	thread->made_on = arch_hart_index();
	list = &thread_lists[thread->made_on];
	spin_lock(&list->lock);
	list_push_back(&list->threads, &thread->all_node);
	spin_unlock(&list->lock);
}

static void unlist_thread(struct thread *thread)
{
	struct thread_list *list = &thread_lists[thread->made_on];

	spin_lock(&list->lock);
	list_remove(&thread->all_node);
	spin_unlock(&list->lock);
}

void threads_init(void)
{
	thread_cache = slab_cache_create("thread", sizeof(struct thread), 16);
	for (unsigned int i = 0; i < MAX_HARTS; i++) {
		spin_init(&thread_lists[i].lock, LOCK_LEAF);
		list_init(&thread_lists[i].threads);
	}
	list_thread(current());
}

/* Those of one list that wait for the hart, up to @max. */
static unsigned int ready_of(struct thread_list *list, unsigned int hart_index,
			     int32_t *tids, unsigned int max)
{
	struct thread *thread;
	unsigned int num = 0;

	spin_lock(&list->lock);
	list_for_each (thread, &list->threads, all_node) {
		if (num < max && READ_ONCE(thread->sched.queue) &&
		    READ_ONCE(thread->sched.hart) == hart_index)
			tids[num++] = thread->trace.tid;
	}
	spin_unlock(&list->lock);
	return num;
}

unsigned int threads_ready(unsigned int hart_index, int32_t *tids,
			   unsigned int max)
{
	unsigned int num = 0;

	for (unsigned int i = 0; i < arch_num_harts(); i++)
		num += ready_of(&thread_lists[i], hart_index, tids + num,
				max - num);
	return num;
}

static int num_kernel_threads; /* ever made; atomic */

static struct thread *thread_create(const char *name, void (*first)(void *))
{
	struct thread *thread = slab_alloc_zero(thread_cache);

	if (!thread)
		return NULL;
	if (arch_thread_init(&thread->arch)) {
		slab_free(thread_cache, thread);
		return NULL;
	}
	arch_thread_start_at(&thread->arch, first, thread);
	/* It begins inside the switch: in schedule()'s section with interrupts
	 * off and with the run queue's lock. finish_switch() leaves both. */
	thread->irq.depth = 2;
	thread->state = THREAD_NEW;
	spin_init(&thread->cred_lock, LOCK_LEAF);
	refcount_init(&thread->refs, 1);
	strcopy(thread->name, name, sizeof(thread->name));
	thread->sched.affinity = UINT64_MAX;
	sched_update_weight(&thread->sched);
	list_init(&thread->sched.node);
	list_init(&thread->process_node);
	list_init(&thread->signal_queue);
	thread->start_time_ns = clock_now_ns();
	thread->timer_slack_ns = 50 * NSEC_PER_USEC;

	list_thread(thread);
	return thread;
}

static void first_step_kernel(void *arg)
{
	struct thread *me = arg;

	finish_switch();
	me->kernel_fn(me->kernel_arg);
	thread_exit();
}

static void first_step_user(void *arg)
{
	finish_switch();
	arch_enter_user();
}

struct thread *thread_create_kernel(const char *name, void (*fn)(void *),
				    void *arg)
{
	struct thread *thread = thread_create(name, first_step_kernel);

	if (!thread)
		return NULL;
	thread->trace.tid =
		TRACE_KERNEL_TIDS +
		__atomic_add_fetch(&num_kernel_threads, 1, __ATOMIC_RELAXED);
	thread->kernel_fn = fn;
	thread->kernel_arg = arg;
	return thread;
}

struct thread *thread_create_user(const char *name)
{
	return thread_create(name, first_step_user);
}

void thread_get(struct thread *thread)
{
	refcount_get(&thread->refs);
}

void thread_put(struct thread *thread)
{
	if (!refcount_put(&thread->refs))
		return;
	assert(thread != current());
	unlist_thread(thread);
	arch_thread_destroy(&thread->arch);
	slab_free(thread_cache, thread);
}

void thread_exit(void)
{
	WRITE_ONCE(current()->state, THREAD_DEAD);
	schedule();
	panic("a dead thread was chosen to run");
}
