/* SPDX-License-Identifier: MIT */
/*
 * thread.h - what the trace wants to know of a thread
 *
 * It lies in struct thread at a fixed place, because this room knows nobody:
 * behind arch, irq, work and state (asserted in kernel/sched/thread.h).
 */
#pragma once

#include "kernel/sched/current.h"

#define TRACE_KERNEL_TIDS 4194304 /* no process has such a number */

/* By the thread itself, or before it runs; zero at first. */
struct trace_thread {
	/*
	 * As in gettid(2). Threads of the kernel's own have pid 0, and tids
	 * above TRACE_KERNEL_TIDS; an idle thread has tid 0.
	 */
	int pid, tid;
	bool traced;       /* wanted by the filter "follow" */
	bool follow;       /* its children begin traced */
	bool hidden;       /* reads the trace: never recorded */
	bool switched;     /* off the hart since the last trap */
	bool quantum_over; /* at the last timer interrupt */
	uint8_t way_back;  /* enum trace_kind of the return that is due */
	uint16_t syscall;  /* the last one it made */
};

#define TRACE_THREAD_OFFSET                                                    \
	(sizeof(struct arch_thread) + sizeof(struct thread_irq) +              \
	 2 * sizeof(unsigned int))

static inline struct trace_thread *current_trace(void)
{
	return (struct trace_thread *)((uintptr_t)arch_current() +
				       TRACE_THREAD_OFFSET);
}
