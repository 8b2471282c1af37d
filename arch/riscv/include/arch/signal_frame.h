/* SPDX-License-Identifier: MIT */
/*
 * arch/signal_frame.h - the bytes a signal handler finds on its stack
 *
 * struct rt_sigframe of the Linux ABI: siginfo, ucontext with mask, the user
 * registers (the trap frame's first 32 words) and the FPU state; return goes
 * through the vDSO's __vdso_rt_sigreturn.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "kernel/lib/types.h"

struct short_siginfo;
struct trap_frame;

/*
 * The part of the frame that is the same on every machine: the beginning of
 * struct ucontext.
 */
struct signal_context {
	unsigned long flags; /* 0 */
	unsigned long link;  /* 0 */
	struct {
		vaddr_t base;
		int flags; /* SS_* */
		int pad;
		size_t size;
	} alt_stack;
	uint64_t mask; /* to be restored at return */
};

struct signal_frame_args {
	int signo;
	const struct short_siginfo *info;
	vaddr_t handler;
	vaddr_t stack_top; /* the alternate stack's end, or 0: go on at sp */
	struct signal_context context;
};

/*
 * Build the frame on the user stack and point @tf at the handler.
 * 0, or -EFAULT if the stack cannot be written. Context: thread.
 */
int arch_signal_frame_push(struct trap_frame *tf,
			   const struct signal_frame_args *args);

/* rt_sigreturn(2): registers and FPU from the frame at sp. 0 or -EFAULT. */
int arch_signal_frame_pop(struct trap_frame *tf, struct signal_context *out);

/* AT_MINSIGSTKSZ. */
size_t arch_signal_frame_size(void);
