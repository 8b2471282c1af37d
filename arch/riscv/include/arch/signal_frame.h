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

struct signal_frame_args {
	int signo;
	const struct short_siginfo *info;
	vaddr_t handler;
	uint64_t saved_mask; /* to restore at return */
	vaddr_t stack_top;   /* the alternate stack's end, or 0: go on at sp */
	struct {
		vaddr_t base;
		size_t size;
		int flags;
	} alt_stack; /* to be stored in uc_stack */
};

/*
 * Build the frame on the user stack and point @tf at the handler.
 * 0, or -EFAULT if the stack cannot be written. Context: thread.
 */
int arch_signal_frame_push(struct trap_frame *tf,
			   const struct signal_frame_args *args);

struct signal_frame_restored {
	uint64_t mask;
	vaddr_t alt_base;
	size_t alt_size;
	int alt_flags;
};

/* rt_sigreturn(2): registers and FPU from the frame at sp. 0 or -EFAULT. */
int arch_signal_frame_pop(struct trap_frame *tf,
			  struct signal_frame_restored *out);

/* AT_MINSIGSTKSZ. */
size_t arch_signal_frame_size(void);
