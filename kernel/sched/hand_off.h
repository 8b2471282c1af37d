/* SPDX-License-Identifier: MIT */
/*
 * hand_off.h - who wakes another and then sleeps leaves it the hart (sched/ only)
 *
 * Only with sched_other_harts; see hand_off.c.
 */
#pragma once

#include "kernel/lib/types.h"

struct run_queue;
struct thread;

/* Who wakes another in a turn shorter than this had better hand its hart over. */
uint64_t hand_off_short_ns(void);
/* Its bounds; within them, what waking a hart takes on this machine decides. */
#define HAND_OFF_LEAST_NS (50 * NSEC_PER_USEC)
#define HAND_OFF_MOST_NS  (500 * NSEC_PER_USEC)

/* That is measured: the hart of @rq is about to be interrupted ... */
void hand_off_ipi_goes(struct run_queue *rq);
/* ... and was: @rq is this hart's; interrupts off. */
void hand_off_ipi_came(struct run_queue *rq);

/*
 * @waker, which runs on @rq (this hart's, perhaps not locked), wakes @woken.
 * Should it wait on @rq until @waker sleeps? Then the caller sets
 * waker->sched.handed_off.
 */
bool hand_off_wanted(const struct run_queue *rq, const struct thread *waker,
		     const struct thread *woken);
/* @waker, which woke somebody (sched.woke), goes to sleep @ran_ns after it got
 * the hart; rq locked. */
void hand_off_slept(struct thread *waker, uint64_t ran_ns);
/*
 * @waker handed off, but did not sleep (keeps H1). Returns the hart (bit) to
 * interrupt, or 0; rq locked, it goes on running or is on no queue yet.
 */
uint64_t hand_off_failed(struct run_queue *rq, struct thread *waker);
