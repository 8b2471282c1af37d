/* SPDX-License-Identifier: MIT */
/*
 * fair.c - shares in proportion to weight, and the earliest virtual deadline
 *
 * Idea: imagine a perfect hart that runs all ready threads at once, each at a
 * speed in proportion to its weight (weight.c). Virtual time is what such a
 * thread of weight 1024 would have received. A real hart serves one at a time,
 * so each thread has a lag: what it should have received less what it has.
 * Two rules keep all lags small and short requests quick:
 *
 *   eligible        only who has received no more than its share (its vruntime
 *                   is not past the virtual time of the queue) may be chosen
 *   earliest        of those, the one whose request is due first: a request for
 *   deadline        r ns is due at vruntime + r * 1024 / weight
 *
 * Who goes on computing asks for SLICE at a time. Who wakes up asks for the
 * shorter WAKE_SLICE, so it is due earlier and has the hart soon, and still
 * gets no more than its share. Who slept keeps at most SLICE of the time it
 * was entitled to; what it owes (vruntime ahead) it still owes, less what the
 * others have received meanwhile.
 *
 * The virtual time of the queue is the average of all vruntimes, weighted. With
 * few ready threads, which is the usual case, nobody needs to know it: of two,
 * the one with the lower vruntime is eligible. They are kept in an array; the
 * trees and the average are only for more.
 *
 * vruntimes mean the same on all harts: a thread that is moved takes its lag
 * along, and a hart whose clock is behind (its threads receive less than those
 * elsewhere) gives a thread away (balance.c). That is what makes shares come
 * out right over several harts, also with weights that do not divide evenly.
 * A hart that was idle is behind for another reason: nobody was there to receive
 * anything. It goes on where the others are ("furthest"); else whoever comes to
 * it had a lag that nobody gave him, and he ran alone until it was made up for.
 *
 * Invariants
 *   F1  Ready threads are in few[], oldest first, or in the trees; never both.
 *   F2  clock never goes back. It is at least the vruntime of the thread that
 *       was picked last, as it was then, and behind the running one's by
 *       no more than two of its requests.
 *   F3  A picked thread's vruntime is at least clock - MAX_LAG.
 *   F4  weight and sum are those of the threads in the trees; a thread's weight
 *       does not change while it is there.
 *
 * Read: OSTEP ch. 9, "The Linux Completely Fair Scheduler"; Stoica and
 * Abdel-Wahab, "Earliest Eligible Virtual Deadline First" (1995).
 */
#include "kernel/abi/sched.h"
#include "kernel/sched/policy.h"
#include "kernel/sched/run_queue.h"
#include "kernel/sched/sched.h"

/* What one request asks for, ns. */
#define SLICE      (3 * NSEC_PER_MSEC)
#define WAKE_SLICE (1 * NSEC_PER_MSEC)
/* With less than this left of it, the timer is not set for it any more. */
#define LEAST_QUANTUM (SLICE / 2)
/* A difference in virtual time not worth a switch. */
#define SLACK   (SLICE / 8)
#define MAX_LAG (30 * NSEC_PER_MSEC)
/* Harts may differ by so much before a thread is moved; virtual ns. */
#define BALANCE_GAP (2 * SLICE)
/* So that "clock - MAX_LAG" is no negative number. */
#define CLOCK_START NSEC_PER_SEC

#define UNIT_WEIGHT 1024u

/*
 * How far the harts are: the furthest that was looked at. Where a hart begins
 * that had nothing to do. Atomic; a hint: two may write at once.
 */
static uint64_t furthest = CLOCK_START;

static struct fair_thread *data_of(struct thread *thread)
{
	return &thread->sched.data.fair;
}

/* Real time of a thread of @weight -> virtual time. */
static uint64_t virtual_ns(uint64_t ns, unsigned int weight)
{
	return likely(weight == UNIT_WEIGHT) ? ns : ns * UNIT_WEIGHT / weight;
}

/* A hart is so far. Not each little step, which all harts would have to hear. */
static void note_progress(uint64_t progress)
{
	if (progress > READ_ONCE(furthest) + SLACK)
		WRITE_ONCE(furthest, progress);
}

static void fair_init(struct run_queue *rq)
{
	rq->data.fair = (struct fair_queue){ .clock = READ_ONCE(furthest) };
}

/* ---- Many: two trees ---- */

/* Behind equals. The tree of the @waiting is sorted by vruntime. */
static void insert(struct rb_root *root, struct fair_thread *mine, bool waiting)
{
	struct rb_node **link = &root->node, *parent = NULL;

	while (*link) {
		struct fair_thread *other =
			rb_entry(*link, struct fair_thread, node);
		bool before = waiting ? mine->vruntime < other->vruntime
				      : mine->deadline < other->deadline;

		parent = *link;
		link = before ? &parent->left : &parent->right;
	}
	mine->waiting = waiting;
	rb_insert(root, &mine->node, parent, link);
}

/* Everybody begins as waiting; pick_from_trees() knows who is eligible. */
static void trees_add(struct fair_queue *queue, struct thread *thread)
{
	struct fair_thread *mine = data_of(thread);
	unsigned int weight = thread->sched.weight;

	if (queue->num_in_trees++ == 0) {
		queue->base = queue->clock;
		queue->sum = 0;
		queue->weight = 0;
	}
	queue->weight += weight;
	queue->sum += (int64_t)(mine->vruntime - queue->base) * weight;
	insert(&queue->waiting, mine, true);
}

static void trees_remove(struct fair_queue *queue, struct thread *thread)
{
	struct fair_thread *mine = data_of(thread);
	unsigned int weight = thread->sched.weight;

	queue->num_in_trees--;
	queue->weight -= weight;
	queue->sum -= (int64_t)(mine->vruntime - queue->base) * weight;
	rb_remove(mine->waiting ? &queue->waiting : &queue->eligible,
		  &mine->node);
}

/* The average vruntime. Moves base there, so that the terms of sum are small. */
static uint64_t virtual_time(struct fair_queue *queue)
{
	int64_t ahead = queue->sum / (int64_t)queue->weight;

	queue->base += (uint64_t)ahead;
	queue->sum -= ahead * (int64_t)queue->weight;
	return queue->base;
}

static struct thread *thread_of(struct rb_node *node)
{
	return rb_entry(node, struct thread, sched.data.fair.node);
}

static struct thread *pick_from_trees(struct fair_queue *queue)
{
	uint64_t now = virtual_time(queue);
	struct rb_node *first;

	while ((first = rb_first(&queue->waiting))) {
		struct fair_thread *mine = data_of(thread_of(first));

		if (mine->vruntime > now + SLACK)
			break;
		rb_remove(&queue->waiting, first);
		insert(&queue->eligible, mine, false);
	}
	/* Somebody is never above the average. */
	first = rb_first(&queue->eligible);
	trees_remove(queue, thread_of(first));
	queue->clock = MAX(queue->clock, now);
	return thread_of(first);
}

/* ---- Few: an array ---- */

static bool goes_before(struct thread *a, struct thread *b)
{
	int64_t ahead = (int64_t)(data_of(a)->vruntime - data_of(b)->vruntime);

	if (ahead > (int64_t)SLACK || ahead < -(int64_t)SLACK)
		return ahead < 0;
	return data_of(a)->deadline < data_of(b)->deadline;
}

static struct thread *pick_of_few(struct fair_queue *queue)
{
	struct thread *first = queue->few[0];

	if (--queue->num_few) {
		if (goes_before(queue->few[1], first))
			return queue->few[1];
		queue->few[0] = queue->few[1];
	}
	return first;
}

static void few_remove(struct fair_queue *queue, struct thread *thread)
{
	if (queue->few[0] == thread)
		queue->few[0] = queue->few[1];
	queue->num_few--;
}

/* ---- Requests ---- */

/* @thread asks for @ns, from where it is. */
static void request(struct thread *thread, uint64_t ns)
{
	struct fair_thread *mine = data_of(thread);

	mine->left_ns = (int64_t)ns;
	mine->deadline = mine->vruntime + virtual_ns(ns, thread->sched.weight);
}

static void come_from_sleep(const struct fair_queue *queue,
			    struct thread *thread)
{
	struct fair_thread *mine = data_of(thread);
	bool batch = thread->sched.policy == SCHED_BATCH;
	uint64_t earliest = queue->clock - (batch ? 0 : SLICE);

	mine->vruntime = MAX(mine->vruntime, earliest);
	request(thread, batch ? SLICE : WAKE_SLICE);
}

/* It keeps its lag; but other harts are not in step to the microsecond. */
static void come_from_elsewhere(const struct fair_queue *queue,
				struct thread *thread)
{
	struct fair_thread *mine = data_of(thread);

	mine->vruntime = MIN(MAX(mine->vruntime, queue->clock - MAX_LAG),
			     queue->clock + MAX_LAG);
	request(thread, SLICE);
}

static void renew_request(const struct fair_queue *queue, struct thread *thread,
			  enum add_reason reason)
{
	struct fair_thread *mine = data_of(thread);

	switch (reason) {
	case ADD_PREEMPTED:
		if (mine->left_ns <= 0)
			request(thread, SLICE);
		break;
	case ADD_TURN_OVER:
		request(thread, SLICE);
		break;
	case ADD_YIELDED: /* after those who are due by then */
		mine->deadline += virtual_ns(SLICE, thread->sched.weight);
		mine->left_ns = (int64_t)SLICE;
		break;
	case ADD_WOKEN:
		come_from_sleep(queue, thread);
		break;
	case ADD_NEW:
		mine->vruntime = MAX(mine->vruntime, queue->clock);
		request(thread, SLICE);
		break;
	case ADD_MOVED:
		come_from_elsewhere(queue, thread);
		break;
	}
}

/* ---- The policy ---- */

/* While the hart was idle, its clock stood still; nobody missed anything. */
static void come_from_idle(struct fair_queue *queue)
{
	queue->clock = MAX(queue->clock, READ_ONCE(furthest));
	note_progress(queue->clock);
}

static void fair_add(struct run_queue *rq, struct thread *thread,
		     enum add_reason reason)
{
	struct fair_queue *queue = &rq->data.fair;

	if (queue->num_few == 0 && rq->current == rq->idle)
		come_from_idle(queue);
	renew_request(queue, thread, reason);
	if (queue->num_few < FAIR_FEW && queue->num_in_trees == 0) {
		queue->few[queue->num_few++] = thread;
		return;
	}
	for (unsigned int i = 0; i < queue->num_few; i++)
		trees_add(queue, queue->few[i]);
	queue->num_few = 0;
	trees_add(queue, thread);
}

static void fair_remove(struct run_queue *rq, struct thread *thread)
{
	struct fair_queue *queue = &rq->data.fair;

	if (queue->num_in_trees)
		trees_remove(queue, thread);
	else
		few_remove(queue, thread);
}

/* What a pick means for the clock. */
static inline void go_by(struct fair_queue *queue, struct fair_thread *picked)
{
	if (picked->vruntime > queue->clock) /* F2 */
		queue->clock = picked->vruntime;
	else if (unlikely(picked->vruntime + MAX_LAG < queue->clock)) /* F3 */
		picked->vruntime = queue->clock - MAX_LAG;
}

static struct thread *fair_pick(struct run_queue *rq)
{
	struct fair_queue *queue = &rq->data.fair;
	struct thread *thread;

	if (queue->num_few)
		thread = pick_of_few(queue);
	else if (queue->num_in_trees)
		thread = pick_from_trees(queue);
	else
		return NULL;
	go_by(queue, data_of(thread));
	return thread;
}

/* Two that take turns: the usual case, worth a short way. */
static struct thread *fair_exchange(struct run_queue *rq, struct thread *prev,
				    enum add_reason reason)
{
	struct fair_queue *queue = &rq->data.fair;
	struct thread *next;

	if (queue->num_few != 1) {
		fair_add(rq, prev, reason);
		return fair_pick(rq);
	}
	renew_request(queue, prev, reason);
	next = queue->few[0];
	if (goes_before(prev, next))
		next = prev;
	else
		queue->few[0] = prev;
	go_by(queue, data_of(next));
	return next;
}

static struct thread *tree_spare(const struct rb_root *root, uint64_t harts)
{
	struct rb_node *node = rb_first(root);

	for (; node; node = rb_next(node)) {
		if (thread_of(node)->sched.affinity & harts)
			return thread_of(node);
	}
	return NULL;
}

static struct thread *fair_spare(const struct run_queue *rq, uint64_t harts)
{
	const struct fair_queue *queue = &rq->data.fair;
	struct thread *thread;

	for (unsigned int i = 0; i < queue->num_few; i++) {
		if (queue->few[i]->sched.affinity & harts)
			return queue->few[i];
	}
	thread = tree_spare(&queue->eligible, harts);
	return thread ? thread : tree_spare(&queue->waiting, harts);
}

/*
 * Does the running one keep the hart when @thread wakes up? A switch is not
 * free: only for one that is due clearly earlier.
 */
static bool fair_is_better(const struct run_queue *rq,
			   const struct thread *thread,
			   const struct thread *running)
{
	const struct fair_thread *mine = &thread->sched.data.fair;
	const struct fair_thread *its = &running->sched.data.fair;

	return mine->deadline + WAKE_SLICE < its->deadline &&
	       mine->vruntime <= rq->data.fair.clock + SLACK &&
	       thread->sched.policy != SCHED_BATCH;
}

/*
 * What is left of the request, but no less than LEAST_QUANTUM: a program that
 * wakes others and soon sleeps itself (fork and wait, a pipe) would else have the
 * timer set again and again for the last bit of its slice, in vain. Who does go on
 * takes too much, which delays its next deadline.
 */
static uint64_t fair_quantum_ns(const struct thread *thread)
{
	int64_t left_ns = thread->sched.data.fair.left_ns;

	return left_ns > (int64_t)LEAST_QUANTUM ? (uint64_t)left_ns
						: LEAST_QUANTUM;
}

/*
 * It was alone for long: nobody was picked meanwhile, so the clock stood still.
 * Who comes now is not entitled to that time.
 */
static __noinline void advance_clock(struct fair_queue *queue,
				     const struct thread *thread)
{
	uint64_t slice = virtual_ns(SLICE, thread->sched.weight);
	uint64_t vruntime = thread->sched.data.fair.vruntime;

	if (vruntime <= queue->clock + 2 * slice)
		return;
	queue->clock = vruntime - slice; /* F2 */
	note_progress(queue->clock);
}

static void fair_account(struct run_queue *rq, struct thread *thread,
			 uint64_t ran_ns)
{
	struct fair_thread *mine = data_of(thread);

	mine->left_ns -= (int64_t)ran_ns;
	mine->vruntime += virtual_ns(ran_ns, thread->sched.weight);
	if (unlikely(mine->vruntime > rq->data.fair.clock + 2 * SLICE))
		advance_clock(&rq->data.fair, thread);
}

/* ---- Several harts ---- */

static uint64_t fair_progress(const struct run_queue *rq)
{
	uint64_t progress = rq->data.fair.clock;

	if (rq->num_ready == 0 && rq->current->sched.kept_by == &fair_policy)
		progress = MAX(progress, rq->current->sched.data.fair.vruntime);
	note_progress(progress);
	return progress;
}

static uint64_t fair_load(const struct run_queue *rq)
{
	const struct fair_queue *queue = &rq->data.fair;
	uint64_t load = queue->num_in_trees ? queue->weight : 0;

	for (unsigned int i = 0; i < queue->num_few; i++)
		load += queue->few[i]->sched.weight;
	if (rq->current->sched.kept_by == &fair_policy)
		load += rq->current->sched.weight;
	return load;
}

/*
 * Its threads have missed too much to make up for: forget the rest (F3). The
 * running one, too: alone, it is what the progress of the hart is measured by.
 */
static void fair_fell_behind(struct run_queue *rq, uint64_t ahead)
{
	struct fair_queue *queue = &rq->data.fair;
	struct thread *running = rq->current;

	if (queue->clock + MAX_LAG >= ahead)
		return;
	queue->clock = ahead - MAX_LAG;
	if (running->sched.kept_by == &fair_policy)
		data_of(running)->vruntime =
			MAX(data_of(running)->vruntime, queue->clock);
}

const struct sched_policy fair_policy = {
	.name = "fair",
	.init = fair_init,
	.add = fair_add,
	.remove = fair_remove,
	.pick = fair_pick,
	.exchange = fair_exchange,
	.spare = fair_spare,
	.is_better = fair_is_better,
	.quantum_ns = fair_quantum_ns,
	.account = fair_account,
	.progress = fair_progress,
	.balance_gap = BALANCE_GAP,
	.load = fair_load,
	.fell_behind = fair_fell_behind,
};
