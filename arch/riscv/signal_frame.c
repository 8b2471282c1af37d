/* SPDX-License-Identifier: MIT */
/*
 * signal_frame.c - the user registers, put on the user stack and taken back
 *
 * Idea: the frame is made and read in one look at the page table, part by part
 * in the program's own memory (struct user_window).
 *
 * The layout is the Linux ABI's struct rt_sigframe: siginfo, then ucontext,
 * whose machine part is the trap frame's first 32 words and the floating-point
 * registers. Return goes through the vDSO, whose two instructions debuggers
 * recognise.
 */
#include <arch/signal_frame.h>
#include <arch/thread.h>
#include <arch/trap_frame.h>
#include <arch/vdso.h>
#include "arch/riscv/csr.h"
#include "kernel/abi/errno.h"
#include "kernel/abi/signal.h"
#include "kernel/abi/ucontext.h"
#include "kernel/lib/string.h"
#include "kernel/mm/user_copy.h"
#include "kernel/mm/vm_space.h"
#include "kernel/sched/thread.h"

/* psABI: the stack pointer is 16-byte aligned at function entry. */
#define STACK_ALIGN 16UL

struct signal_frame {
	siginfo_t info;
	struct ucontext uc;
};

/* The part of ucontext before the registers. */
struct ucontext_head {
	unsigned long flags;
	unsigned long link;
	stack_t stack;
	uint64_t mask;
};

#define USER_REGS_SIZE (32 * sizeof(uint64_t))
/* A reserved word, then struct __riscv_ctx_hdr (magic, size); aligned. */
#define EXTENSION_SIZE 16u

_Static_assert(sizeof(siginfo_t) == 128, "ABI");
_Static_assert(sizeof(struct user_regs_struct) == USER_REGS_SIZE, "ABI");
_Static_assert(sizeof(struct signal_frame) - EXTENSION_SIZE ==
		       offsetof(struct signal_frame, uc) +
			       offsetof(struct ucontext,
					uc_mcontext.sc_fpregs) +
			       sizeof(((struct __riscv_q_ext_state *)0)->f),
	       "where struct __riscv_extra_ext_header has its header");
_Static_assert(offsetof(struct ucontext, uc_sigmask) ==
		       offsetof(struct ucontext_head, mask),
	       "ABI");
_Static_assert(sizeof(struct fpu_state) == sizeof(struct __riscv_d_ext_state),
	       "both are the D extension's registers");

size_t arch_signal_frame_size(void)
{
	return ALIGN_UP(sizeof(struct signal_frame), STACK_ALIGN);
}

#define FRAME_UC   offsetof(struct signal_frame, uc)
#define FRAME_REGS (FRAME_UC + offsetof(struct ucontext, uc_mcontext.sc_regs))
#define FRAME_FPU  (FRAME_UC + offsetof(struct ucontext, uc_mcontext.sc_fpregs))
/* The header of the first extension behind the registers. */
#define FRAME_EXTENSION (sizeof(struct signal_frame) - EXTENSION_SIZE)

/* Programs look for extensions there: one of type 0 says that none is. */
static const uint64_t no_extension[EXTENSION_SIZE / sizeof(uint64_t)];
/* The end of a siginfo_t, which says nothing yet. */
static const uint64_t
	no_info[(sizeof(siginfo_t) - sizeof(struct short_siginfo)) /
		sizeof(uint64_t)];

int arch_signal_frame_push(struct trap_frame *tf,
			   const struct signal_frame_args *args)
{
	vaddr_t top = args->stack_top ? args->stack_top : tf->sp;
	vaddr_t frame =
		ALIGN_DOWN(top - sizeof(struct signal_frame), STACK_ALIGN);
	struct ucontext_head head = { .mask = args->saved_mask };
	struct thread *thread = current();
	struct user_window window;

	head.stack.ss_sp = (void *)args->alt_stack.base;
	head.stack.ss_size = args->alt_stack.size;
	head.stack.ss_flags = args->alt_stack.flags;

	arch_fpu_save(thread);
	if (user_window_open(&window, frame, sizeof(struct signal_frame), true))
		return -EFAULT;
	user_window_put(&window, 0, args->info, sizeof(*args->info));
	user_window_put(&window, sizeof(*args->info), no_info, sizeof(no_info));
	user_window_put(&window, FRAME_UC, &head, sizeof(head));
	user_window_put(&window, FRAME_REGS, tf, USER_REGS_SIZE);
	user_window_put(&window, FRAME_FPU, &thread->arch.fpu,
			sizeof(thread->arch.fpu));
	user_window_put(&window, FRAME_EXTENSION, no_extension, EXTENSION_SIZE);
	user_window_close(&window);

	tf->pc = args->handler;
	tf->sp = frame;
	tf->ra = arch_vdso_sigreturn(thread->space->vdso_code);
	tf->a[0] = (uint64_t)args->signo;
	tf->a[1] = frame + offsetof(struct signal_frame, info);
	tf->a[2] = frame + FRAME_UC;
	tf->cause = TF_CAUSE_NONE;
	return 0;
}

int arch_signal_frame_pop(struct trap_frame *tf,
			  struct signal_frame_restored *out)
{
	vaddr_t frame = tf->sp;
	struct thread *thread = current();
	struct user_window window;
	struct ucontext_head head;

	if (user_window_open(&window, frame, sizeof(struct signal_frame),
			     false))
		return -EFAULT;
	user_window_get(&window, FRAME_UC, &head, sizeof(head));
	user_window_get(&window, FRAME_REGS, tf, USER_REGS_SIZE);
	/* A program that never used the unit goes on not using it. */
	if (thread->arch.fpu_live)
		user_window_get(&window, FRAME_FPU, &thread->arch.fpu,
				sizeof(thread->arch.fpu));
	user_window_close(&window);
	if (thread->arch.fpu_live)
		arch_fpu_changed(thread);
	tf->cause = TF_CAUSE_NONE;
	out->mask = head.mask;
	out->alt_base = (vaddr_t)head.stack.ss_sp;
	out->alt_size = head.stack.ss_size;
	out->alt_flags = head.stack.ss_flags;
	return 0;
}
