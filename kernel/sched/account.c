/* SPDX-License-Identifier: MIT */
/*
 * account.c - who used how much of the harts
 *
 * Idea: the sum is exact, because it is taken at every switch. How it divides
 * into user and system time is sampled: at a tick, the time since the last
 * sample goes to the mode that the tick hit; at a switch and when somebody
 * asks, to user mode. Measuring each system call would cost two reads of the
 * clock on the hottest path of the kernel.
 * So a thread that is alone on its hart (no ticks) shows as user time.
 *
 * Both sums only ever grow.
 *
 * Locks: the run queue's of the thread.
 */
#include "kernel/sched/run_queue.h"
#include "kernel/sched/sched.h"
#include "kernel/time/clock.h"

uint64_t account_run_time(struct run_queue *rq, struct thread *thread,
			  uint64_t now_ns, enum cpu_mode mode)
{
	uint64_t ran_ns = now_ns - thread->sched.started_ns;

	/* Another hart did this after our caller had read the clock. */
	if (unlikely((int64_t)ran_ns < 0))
		return 0;
	thread->sched.started_ns = now_ns;
	thread->sched.run_ns += ran_ns;
	if (mode == CPU_USER && thread->process)
		thread->user_ns += ran_ns;
	else
		thread->system_ns += ran_ns;
	/* Not the idle thread, nor a real-time one. */
	if (likely(thread->sched.kept_by == rq->policy))
		rq->policy->account(rq, thread, ran_ns);
	else
		thread->sched.rr_used_ns += ran_ns;
	return ran_ns;
}

void sched_cpu_time(struct thread *thread, uint64_t *user_ns,
		    uint64_t *system_ns)
{
	struct run_queue *rq = run_queue_lock_of(thread);

	if (thread->sched.on_hart)
		account_run_time(rq, thread, clock_now_ns(), CPU_USER);
	*user_ns = thread->user_ns;
	*system_ns = thread->system_ns;
	run_queue_unlock(rq);
}

uint64_t sched_idle_ns(void)
{
	uint64_t user_ns, system_ns, sum = 0;

	for (unsigned int i = 0; i < arch_num_harts(); i++) {
		struct run_queue *rq = run_queue_of(i);

		if (!rq->online)
			continue;
		sched_cpu_time(rq->idle, &user_ns, &system_ns);
		sum += system_ns;
	}
	return sum;
}

uint64_t sched_num_switches(void)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < arch_num_harts(); i++)
		sum += READ_ONCE(run_queue_of(i)->num_switches);
	return sum;
}

unsigned int sched_num_runnable(void)
{
	unsigned int sum = 0;

	for (unsigned int i = 0; i < arch_num_harts(); i++) {
		struct run_queue *rq = run_queue_of(i);

		if (!rq->online)
			continue;
		sum += READ_ONCE(rq->num_ready);
		if (READ_ONCE(rq->current) != rq->idle)
			sum++;
	}
	return sum;
}
