/* SPDX-License-Identifier: MIT */
/*
 * sched.h - who runs next
 *
 * One run queue per hart. The policy (fair.c at first) is behind struct
 * sched_policy, one file each. Read: OSTEP ch. 7 (scheduling).
 */
#pragma once

#include "kernel/sched/thread.h"

struct run_queue;

/*
 * Other harts than the boot hart have been started: what follows is worth
 * while. False on a machine with one hart, where it costs a load and a branch.
 */
extern bool sched_other_harts;

/* The quantum of round robin, stride and lottery; and of SCHED_IDLE. */
#define SCHED_QUANTUM_NS (10 * NSEC_PER_MSEC)
/* That of SCHED_RR: sched_rr_get_interval(2). */
#define SCHED_RR_QUANTUM_NS (100 * NSEC_PER_MSEC)

/* Called once on the boot hart: the running code becomes its idle thread. */
void sched_init(void);

/* NEW -> READY. */
void sched_start(struct thread *thread);

/*
 * Make @thread READY if its state is one of @states.
 * Returns true if it was. Any context, also from interrupts.
 */
bool sched_wake(struct thread *thread, unsigned int states);

/* Have @thread look at its work soon, if it is running on another hart. */
void sched_kick(struct thread *thread);

/*
 * Choose the next thread and switch to it; returns when this one is chosen
 * again. The caller has set current()->state (RUNNING means: still runnable).
 * Context: thread, no spinlock held.
 */
void schedule(void);

/* Give the rest of the quantum away: sched_yield(2). */
void sched_yield(void);

/* schedule(), for a thread on its way to user mode, which holds nothing. */
void sched_return_to_user(void);

/* From the timer interrupt: account, and ask for schedule() when due. */
void sched_tick(uint64_t now_ns);

/*
 * At the end of an interrupt that came while the kernel ran, with interrupts
 * on and no spinlock held (current_irq()->depth is 0): give the hart to
 * another thread if that is due. Called and returns with interrupts off.
 */
void sched_preempt(void);
/* dev/: told when a hart is about to go off line; thread, may take locks. */
void sched_set_hart_gone_hook(void (*gone)(unsigned int hart));
/* IPIs that the hart has had. */
uint64_t sched_hart_ipis(unsigned int hart);
/*
 * For deferred.c: how often @hart was seen outside all read sections. It need
 * not grow by itself, but does when the hart is sent an IPI (perhaps not by the
 * first). SCHED_QUIET_NOW: it idles, or is off line.
 */
uint64_t sched_quiet_count(unsigned int hart);
#define SCHED_QUIET_NOW UINT64_MAX

/* The boot code's last call: wait for work, for ever. */
void sched_idle(void) __noreturn;

/* The same on a hart that was started by sched_start_harts(). */
void sched_idle_secondary(void) __noreturn;

/*
 * Start the other harts, until @max run (at least this one does), and wait a
 * moment for them. Context: thread, may sleep.
 */
void sched_start_harts(unsigned int max);
/*
 * Start one that is stopped, or stop one: its threads go to others, even those
 * whose affinity names it alone. The boot hart never stops. Nothing to do: 0.
 *
 * Returns 0; -EBUSY for the boot hart; -EIO if the firmware refuses; -ENOMEM.
 * Context: thread, may sleep.
 */
int sched_set_hart_online(unsigned int hart, bool online);
bool sched_hart_may_stop(unsigned int hart);

/*
 * Sleep until @deadline_ns (monotonic) or a wake-up; the state was set by the
 * caller. Returns true if the deadline came first.
 */
bool sched_sleep_until(uint64_t deadline_ns);

/* Sleep, not interruptible, for drivers and tests. */
void sched_sleep_ns(uint64_t duration_ns);

/* Threads that are READY or RUNNING now, on all harts. */
unsigned int sched_num_runnable(void);
/* Load averages over 1, 5 and 15 minutes, in 1/65536. */
void sched_load_average(uint64_t load[3]);
uint64_t sched_num_switches(void);
/* Time all harts were idle, ns. */
uint64_t sched_idle_ns(void);
uint64_t sched_hart_idle_ns(unsigned int hart_index);
/* Bit h: hart h runs threads. */
uint64_t sched_online_harts(void);
/*
 * CPU time of @thread until now, including the stretch it is running. User and
 * system together are exact; how they divide is sampled (account.c).
 */
void sched_cpu_time(struct thread *thread, uint64_t *user_ns,
		    uint64_t *system_ns);
/*
 * @space is about to be taken down: no hart may go on with its page table
 * (kernel threads borrow the one they find). Called by the last put.
 */
void sched_forget_space(struct vm_space *space);
/* How long @thread may run at a stretch while others are ready; 0: for ever. */
uint64_t sched_quantum_of(struct thread *thread);
/*
 * The policies, and choosing one for all harts (policy.c). The i-th name; NULL
 * after the last one.
 */
const char *sched_policy_name(unsigned int i);
/* The one in use: "fair". */
const char *sched_policy_in_use(void);
/*
 * Give all ready threads to policy @name; what the old one knew of them is
 * forgotten. Returns 0 or -EINVAL. Context: thread, may sleep.
 */
int sched_choose_policy(const char *name);
/*
 * The levels of MLFQ from now on; not while it is in use: -EBUSY. -EINVAL: no
 * level, too many, or times below 1 ms. Context: thread, may sleep.
 */
int sched_set_mlfq(const struct mlfq_settings *settings);
/* Change how @thread is scheduled; it may run or wait meanwhile. */
void sched_set_policy(struct thread *thread, int policy, int rt_priority);
/* @child, not started, is scheduled like its parent: fork(2), sched(7). */
void sched_inherit(struct thread *child, const struct thread *parent);
void sched_set_nice(struct thread *thread, int nice);
void sched_set_affinity(struct thread *thread, uint64_t harts);
