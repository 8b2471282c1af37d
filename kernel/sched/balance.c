/* SPDX-License-Identifier: MIT */
/*
 * balance.c - giving threads to harts where they get more
 *
 * Idea: a hart with nothing to do takes work by itself. This is about harts
 * that are all busy: every BALANCE_NS a hart with ready threads looks at a few
 * others. By the policy's measure (sched_policy.progress: virtual time, say)
 * it finds the one that is furthest ahead of it, whose threads thus received
 * more than its own; if the gap is wide it gives a ready thread away. Now the
 * one ahead slows down, this one speeds up, and some time later they are even.
 * So threads with weights that no fixed division over the harts would suit get
 * their shares all the same: they move now and then.
 *
 * Only harts with ready threads need to look, and they have a tick anyway. A
 * thread alone on its hart is never disturbed.
 *
 * It looks at LOOK_AT harts each time, other ones the next time, so the cost
 * does not grow with their number.
 *
 * Locks: one run queue at a time.
 * Read: OSTEP ch. 10, "Multi-Queue Scheduling" (load imbalance, migration).
 */
#include <arch/hart.h>
#include "kernel/sched/run_queue.h"
#include "kernel/sched/sched.h"
#include "kernel/time/clock.h"

#define LOOK_AT      8u
#define GIVE_AT_ONCE 4u /* with interrupts off, hence not all */

/* Without a measure of its own: the fewer threads, the further. */
static uint64_t progress_of(const struct run_queue *rq)
{
	if (rq->policy->progress)
		return rq->policy->progress(rq);
	return UINT32_MAX - rq->num_ready;
}

static void forget_what_is_too_far(struct run_queue *rq, uint64_t ahead)
{
	if (rq->policy->fell_behind)
		rq->policy->fell_behind(rq, ahead);
}

static uint64_t load_of(const struct run_queue *rq)
{
	return rq->policy->load ? rq->policy->load(rq) : 0;
}

/* What balance() wants to know of a hart. */
struct view {
	const struct sched_policy *policy;
	uint64_t progress, load;
};

/*
 * How far is @other, as seen from a hart that is as far as @mine? 0: it is not
 * to be given anything. One that is ahead, but has more to do, will fall back by
 * itself: perhaps somebody else has just given it a thread.
 */
static void look_at(struct run_queue *other, const struct view *mine,
		    struct view *view)
{
	*view = (struct view){ .policy = mine->policy };

	spin_lock(&other->lock);
	if (other->online && other->policy == mine->policy) {
		view->load = load_of(other);
		if (other->current == other->idle && other->num_ready == 0) {
			view->progress = UINT64_MAX;
		} else {
			account_run_time(other, other->current, clock_now_ns(),
					 CPU_USER);
			forget_what_is_too_far(other, mine->progress);
			if (view->load <= mine->load)
				view->progress = progress_of(other);
		}
	}
	spin_unlock(&other->lock);
}

/*
 * The hart furthest ahead of @rq, and how far: @ahead. NULL: none is far enough.
 */
static struct run_queue *find_ahead(struct run_queue *rq,
				    const struct view *mine, struct view *ahead)
{
	unsigned int harts = arch_num_harts();
	struct run_queue *best = NULL;

	ahead->progress =
		mine->progress + MAX(mine->policy->balance_gap, (uint64_t)1);
	for (unsigned int i = 0; i < MIN(harts - 1, LOOK_AT); i++) {
		struct run_queue *other;
		struct view view;

		rq->balance_next = (rq->balance_next + 1) % harts;
		if (rq->balance_next == rq->hart_index)
			rq->balance_next = (rq->balance_next + 1) % harts;
		other = run_queue_of(rq->balance_next);
		if (!READ_ONCE(other->online))
			continue;
		look_at(other, mine, &view);
		if (view.progress > ahead->progress) {
			*ahead = view;
			best = other;
		}
	}
	return best;
}

/*
 * The weight of the thread given; 0: none. Who weighs more than @most stays; at
 * the next tick another one may be at hand. Lets go of the lock meanwhile.
 */
static uint64_t give(struct run_queue *rq, struct run_queue *to,
		     uint64_t most) UNCHECKED_LOCKING
{
	struct thread *thread = run_queue_spare(rq, to->hart_bit);
	uint64_t weight;

	if (!thread)
		return 0;
	weight = thread->sched.weight;
	if (weight > most) {
		rq->balance_ns = 0;
		return 0;
	}
	run_queue_remove(rq, thread);
	sched_place_on(to, rq, thread, ADD_MOVED);
	spin_lock(&rq->lock);
	return weight;
}

/*
 * What a thread may weigh that is given. More than this hart has more to do than
 * the other, and the harts would change places, further apart than before. But
 * if the gap grows wide all the same, any is better than none.
 */
static uint64_t most_to_give(const struct view *mine, const struct view *its)
{
	uint64_t gap = its->progress - mine->progress;

	if (!mine->policy->load || gap > 2 * mine->policy->balance_gap)
		return UINT64_MAX;
	return mine->load - its->load;
}

/*
 * Give a thread away; and further ones, while the other hart would still have no
 * more to do than this one: many became ready here at once, say.
 */
static void give_some(struct run_queue *rq, struct run_queue *to,
		      struct view *mine, struct view *its)
{
	uint64_t weight, most = most_to_give(mine, its);
	unsigned int num = 0;

	do {
		weight = give(rq, to, most);
		its->load += weight;
		mine->load -= MIN(weight, mine->load);
	} while (weight && ++num < GIVE_AT_ONCE && rq->policy == mine->policy &&
		 its->load + 2 * weight <= mine->load);
}

void balance(struct run_queue *rq, uint64_t now_ns) UNCHECKED_LOCKING
{
	struct view mine = { .policy = rq->policy }, its;
	struct run_queue *to;

	if (now_ns < rq->balance_ns || rq->num_ready == 0 ||
	    arch_num_harts() == 1)
		return;
	rq->balance_ns = now_ns + BALANCE_NS;
	mine.progress = progress_of(rq);
	mine.load = load_of(rq);
	spin_unlock(&rq->lock);

	to = find_ahead(rq, &mine, &its);

	spin_lock(&rq->lock);
	if (!to || rq->policy != mine.policy)
		return;
	if (its.progress != UINT64_MAX)
		forget_what_is_too_far(rq, its.progress);
	give_some(rq, to, &mine, &its);
}
