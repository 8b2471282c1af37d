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

/* Who wakes another in so short a turn had better hand its hart over: less than
 * it takes to wake another hart in an emulator, some times as much as elsewhere. */
#define HAND_OFF_NS (50 * NSEC_PER_USEC)

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
