/* SPDX-License-Identifier: MIT */
/*
 * policy.c - which policy is used, and changing it while threads run
 *
 * Idea: each run queue has a policy of its own, so a change goes from hart to
 * hart: lock the queue, take all threads off by the old policy's rules, put
 * them on again by the new one's. In between two harts may follow different
 * policies, which harms nothing. Threads that sleep are not touched: the new
 * policy gets to know them when they wake up (policy_adopt()).
 *
 * Locks: choosing, a mutex, so that two changes do not mix; a run queue's for
 * its policy.
 */
#include "kernel/sched/policy.h"
#include "kernel/abi/errno.h"
#include "kernel/debug/log.h"
#include "kernel/lib/boot_args.h"
#include "kernel/lib/string.h"
#include "kernel/sched/run_queue.h"
#include "kernel/sched/sched.h"
#include "kernel/sync/mutex.h"
#include "kernel/time/clock.h"

/* The first one is the default. */
static const struct sched_policy *const policies[] = {
	&fair_policy,   &round_robin_policy, &mlfq_policy,
	&stride_policy, &lottery_policy,
};

static struct mutex choosing;
/* Under choosing; a hart that comes begins with it. */
static const struct sched_policy *in_use;

static const struct sched_policy *find(const char *name)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(policies); i++) {
		if (strcmp(name, policies[i]->name) == 0)
			return policies[i];
	}
	return NULL;
}

const struct sched_policy *sched_first_policy(void)
{
	const char *name = boot_arg("sched");

	if (in_use)
		return in_use;
	mutex_init(&choosing, LOCK_SCHED_POLICY);
	in_use = name ? find(name) : NULL;
	if (!in_use) {
		in_use = policies[0];
		if (name)
			log_warning("sched: no policy \"%s\", using %s", name,
				    in_use->name);
	}
	return in_use;
}

const char *sched_policy_name(unsigned int i)
{
	return i < ARRAY_SIZE(policies) ? policies[i]->name : NULL;
}

const char *sched_policy_in_use(void)
{
	return READ_ONCE(in_use)->name;
}

/* By the old policy's order into the new one's queue. */
static void change_policy(struct run_queue *rq, const struct sched_policy *to)
{
	struct list_head list = LIST_HEAD_INIT(list);
	struct thread *thread, *next;

	while ((thread = rq->policy->pick(rq)))
		list_push_back(&list, &thread->sched.node);
	rq->policy = to;
	to->init(rq);
	list_for_each_safe (thread, next, &list, sched.node) {
		list_remove(&thread->sched.node);
		policy_adopt(rq, thread);
		to->add(rq, thread, ADD_MOVED);
	}
	/* The running one too, unless it is not the policy's (P2). */
	if (rq->current->sched.kept_by)
		policy_adopt(rq, rq->current);
}

static bool is_sane(const struct mlfq_settings *settings)
{
	if (settings->num_levels < 1 || settings->num_levels > MLFQ_MAX_LEVELS)
		return false;
	for (unsigned int i = 0; i < settings->num_levels; i++) {
		if (settings->quantum_ns[i] < NSEC_PER_MSEC ||
		    settings->allotment_ns[i] < NSEC_PER_MSEC)
			return false;
	}
	return true;
}

int sched_set_mlfq(const struct mlfq_settings *settings)
{
	int err = -EBUSY;

	if (!is_sane(settings))
		return -EINVAL;
	mutex_lock(&choosing);
	if (in_use != &mlfq_policy) {
		mlfq_settings = *settings;
		err = 0;
	}
	mutex_unlock(&choosing);
	return err;
}

int sched_choose_policy(const char *name)
{
	const struct sched_policy *to = find(name);

	if (!to)
		return -EINVAL;
	mutex_lock(&choosing);
	WRITE_ONCE(in_use, to);
	for (unsigned int i = 0; i < arch_num_harts(); i++) {
		struct run_queue *rq = run_queue_of(i);

		spin_lock(&rq->lock);
		if (rq->policy && rq->policy != to)
			change_policy(rq, to);
		spin_unlock(&rq->lock);
	}
	mutex_unlock(&choosing);
	return 0;
}
