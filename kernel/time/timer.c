/* SPDX-License-Identifier: MIT */
/*
 * timer.c - something to do at a given time
 *
 * Idea: each hart keeps its timers in a tree by deadline, and arms its
 * hardware for the earliest of these and the end of the running thread's
 * quantum. The quantum moves at every switch, mostly to a later time; then the
 * hardware is left alone: it fires early once, finds nothing to do and is
 * armed anew. So a switch costs two loads and a comparison here.
 *
 * Invariants
 *   T1  timer.hart says whose lock guards the timer.
 *   T2  The timer is in that hart's tree exactly while timer.queued.
 *   T3  The hardware fires no later than min(quantum end, earliest).
 *   T4  Only the hart itself adds to its tree, so nobody else makes
 *       "earliest" smaller; but for a hart that stops, which then sends an
 *       interrupt (timers_look()).
 *
 * Locks: timer_queue.lock of the timer's hart. Two: a hart that stops takes its
 * own, then that of the hart which never stops.
 */
#include "kernel/time/timer.h"

#include <arch/hart.h>
#include "kernel/arch_entry.h"
#include "kernel/sched/sched.h"
#include "kernel/sync/spinlock.h"
#include "kernel/time/clock.h"
#include "kernel/time/internal.h"
#include "kernel/trace/trace.h"

#define NEVER UINT64_MAX

struct timer_queue {
	struct spinlock lock; /* rank LOCK_TIMER */

	/* Under lock. */
	struct rb_root timers;
	struct timer *first; /* the leftmost, or NULL */

	/* Written under lock, read by this hart without (T4). */
	uint64_t earliest_ns; /* first's deadline */

	/* Atomic: the timer whose function is running, or NULL. */
	struct timer *running;

	/* This hart only, interrupts off. */
	uint64_t quantum_end_ns;
	uint64_t armed_ns; /* what the hardware waits for */
	bool started;      /* it has been armed before */
	uint64_t interrupts;
} __aligned(64);

static struct timer_queue queues[MAX_HARTS];

/* Interrupts are off. */
static struct timer_queue *this_queue(void)
{
	return &queues[arch_hart_index()];
}

/* Keeps T3; interrupts are off. */
static void arm(struct timer_queue *queue)
{
	uint64_t earliest_ns = READ_ONCE(queue->earliest_ns);
	uint64_t next_ns = MIN(queue->quantum_end_ns, earliest_ns);

	if (next_ns >= queue->armed_ns)
		return;
	queue->armed_ns = next_ns;
	if (unlikely(!queue->started)) {
		queue->started = true;
		TRACE_BOOT(TIMER_START, next_ns - clock_now_ns(), next_ns);
	}
	arch_timer_set(clock_deadline_ticks(next_ns));
}

static struct timer *timer_of(struct rb_node *node)
{
	return node ? rb_entry(node, struct timer, node) : NULL;
}

static void set_first(struct timer_queue *queue, struct timer *first)
{
	queue->first = first;
	WRITE_ONCE(queue->earliest_ns, first ? first->deadline_ns : NEVER);
}

static void queue_add(struct timer_queue *queue, struct timer *timer)
	MUST_HOLD(queue->lock)
{
	struct rb_node **link = &queue->timers.node;
	struct rb_node *parent = NULL;
	bool leftmost = true;

	while (*link) {
		parent = *link;
		if (timer->deadline_ns < timer_of(parent)->deadline_ns) {
			link = &parent->left;
		} else {
			link = &parent->right;
			leftmost = false;
		}
	}
	rb_insert(&queue->timers, &timer->node, parent, link);
	timer->queued = true;
	if (leftmost)
		set_first(queue, timer);
}

static void queue_remove(struct timer_queue *queue, struct timer *timer)
	MUST_HOLD(queue->lock)
{
	if (queue->first == timer)
		set_first(queue, timer_of(rb_next(&timer->node)));
	rb_remove(&queue->timers, &timer->node);
	timer->queued = false;
}

/* Lock the queue that guards @timer (T1), which may be moving. */
static struct timer_queue *lock_queue_of(struct timer *timer) UNCHECKED_LOCKING
{
	for (;;) {
		unsigned int hart = READ_ONCE(timer->hart);
		struct timer_queue *queue = &queues[hart];

		spin_lock(&queue->lock);
		if (READ_ONCE(timer->hart) == hart)
			return queue;
		spin_unlock(&queue->lock);
	}
}

void timer_init(struct timer *timer, void (*fn)(struct timer *timer))
{
	timer->fn = fn;
	timer->hart = 0;
	timer->queued = timer->started = false;
}

void timer_start(struct timer *timer, uint64_t deadline_ns) UNCHECKED_LOCKING
{
	struct timer_queue *queue;
	unsigned int here;

	interrupts_off_enter();
	here = arch_hart_index();
	WRITE_ONCE(timer->started, true);
	for (;;) {
		queue = lock_queue_of(timer);
		if (timer->queued)
			queue_remove(queue, timer);
		if (queue == &queues[here])
			break;
		/* Bring it here; the new lock decides again. */
		WRITE_ONCE(timer->hart, here);
		spin_unlock(&queue->lock);
	}
	timer->deadline_ns = deadline_ns;
	queue_add(queue, timer);
	spin_unlock(&queue->lock);
	arm(queue);
	interrupts_off_leave();
}

bool timer_cancel(struct timer *timer) UNCHECKED_LOCKING
{
	struct timer_queue *queue;
	bool was_queued;

	if (!READ_ONCE(timer->started))
		return false;
	queue = lock_queue_of(timer);
	was_queued = timer->queued;
	if (was_queued)
		queue_remove(queue, timer);
	spin_unlock(&queue->lock);
	return was_queued;
}

/* Does its function run on another hart now? (Here it would be our caller.) */
static bool runs_elsewhere(const struct timer *timer)
{
	unsigned int here;

	interrupts_off_enter();
	here = arch_hart_index();
	interrupts_off_leave();
	for (unsigned int i = 0; i < arch_num_harts(); i++) {
		/* pairs with the release in run_due() */
		if (i != here && __atomic_load_n(&queues[i].running,
						 __ATOMIC_ACQUIRE) == timer)
			return true;
	}
	return false;
}

bool timer_cancel_sync(struct timer *timer)
{
	bool was_queued;

	if (!READ_ONCE(timer->started))
		return false;
	was_queued = timer_cancel(timer);
	/* Its function may start it again while we wait. */
	while (runs_elsewhere(timer)) {
		arch_spin_hint();
		if (timer_cancel(timer))
			was_queued = true;
	}
	return was_queued;
}

/* Run the functions of all timers whose time has come. */
static void run_due(struct timer_queue *queue)
{
	spin_lock(&queue->lock);
	while (queue->first && queue->earliest_ns <= clock_now_ns()) {
		struct timer *timer = queue->first;

		queue_remove(queue, timer);
		WRITE_ONCE(queue->running, timer);
		spin_unlock(&queue->lock);
		timer->fn(timer);
		spin_lock(&queue->lock);
		/* @timer may be gone by now. Pairs with runs_elsewhere(). */
		STORE_RELEASE(queue->running, NULL);
	}
	spin_unlock(&queue->lock);
}

static __noinline void report_timer(const struct timer_queue *queue)
{
	uint64_t now_ns = clock_now_ns();
	bool over = queue->quantum_end_ns <= now_ns;

	current_trace()->quantum_over = over;
	TRACE(TIMER, now_ns, over);
}

uint64_t timer_interrupts(unsigned int hart_index)
{
	return READ_ONCE(queues[hart_index].interrupts);
}

void timers_interrupt(void)
{
	struct timer_queue *queue = this_queue();
	uint64_t now;

	if (unlikely(READ_ONCE(trace_mask)))
		report_timer(queue);
	queue->armed_ns = NEVER;
	queue->interrupts++;
	run_due(queue);
	now = clock_now_ns();
	if (queue->quantum_end_ns <= now) {
		queue->quantum_end_ns = NEVER;
		sched_tick(now);
	}
	arm(queue);
	/* The interrupt stays pending until a later time is set. */
	if (queue->armed_ns == NEVER)
		arch_timer_set(NEVER);
}

void handle_timer_interrupt(void)
{
	TRACE_STEP_HERE(HANDLE_TIMER);

	timers_interrupt();
}

void timers_set_quantum_end(uint64_t deadline_ns)
{
	struct timer_queue *queue = this_queue();

	queue->quantum_end_ns = deadline_ns;
	arm(queue);
}

void timers_look(void)
{
	arm(this_queue());
}

void timers_leave_hart(unsigned int to) UNCHECKED_LOCKING
{
	struct timer_queue *from = this_queue();
	struct timer_queue *queue = &queues[to];

	spin_lock(&from->lock);
	spin_lock(&queue->lock);
	while (from->first) {
		struct timer *timer = from->first;

		queue_remove(from, timer);
		WRITE_ONCE(timer->hart, to);
		queue_add(queue, timer);
	}
	spin_unlock(&queue->lock);
	spin_unlock(&from->lock);
	from->quantum_end_ns = NEVER;
	from->armed_ns = NEVER;
	arch_timer_set(NEVER);
}

void timers_init(void)
{
	for (unsigned int i = 0; i < MAX_HARTS; i++) {
		struct timer_queue *queue = &queues[i];

		spin_init(&queue->lock, LOCK_TIMER);
		queue->earliest_ns = NEVER;
		queue->quantum_end_ns = NEVER;
		queue->armed_ns = NEVER;
	}
	clock_publish();
}
