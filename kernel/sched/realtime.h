/* SPDX-License-Identifier: MIT */
/*
 * realtime.h - the ready SCHED_FIFO and SCHED_RR threads of a hart
 */
#pragma once

#include "kernel/lib/rbtree.h"

struct thread;

/*
 * Behind its equals; but with @before_equals (it was pushed aside by a better
 * one, its turn is not over) in front of them.
 */
void realtime_add(struct rb_root *queue, struct thread *thread,
		  bool before_equals);
void realtime_remove(struct rb_root *queue, struct thread *thread);
/* Take off the best one; there is one. */
struct thread *realtime_pick(struct rb_root *queue);
/* The best one that may run on one of @harts; it stays. NULL: none. */
struct thread *realtime_spare(const struct rb_root *queue, uint64_t harts);
