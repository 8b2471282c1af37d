/* SPDX-License-Identifier: MIT */
/*
 * signal_frame.c - the user registers, put on the user stack and taken back
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

_Static_assert(sizeof(siginfo_t) == 128, "ABI");
_Static_assert(sizeof(struct user_regs_struct) == USER_REGS_SIZE, "ABI");
_Static_assert(offsetof(struct ucontext, uc_sigmask) ==
		       offsetof(struct ucontext_head, mask),
	       "ABI");
_Static_assert(sizeof(struct fpu_state) == sizeof(struct __riscv_d_ext_state),
	       "both are the D extension's registers");

size_t arch_signal_frame_size(void)
{
	return ALIGN_UP(sizeof(struct signal_frame), STACK_ALIGN);
}

static void __user *at(vaddr_t frame, size_t offset)
{
	return (void __user *)(frame + offset);
}

#define FRAME_INFO    offsetof(struct signal_frame, info)
#define FRAME_UC      offsetof(struct signal_frame, uc)
#define FRAME_REGS    (FRAME_UC + offsetof(struct ucontext, uc_mcontext.sc_regs))
#define FRAME_FPU     (FRAME_UC + offsetof(struct ucontext, uc_mcontext.sc_fpregs))
#define FPU_AREA_SIZE sizeof(((struct sigcontext *)0)->sc_fpregs)

static int push_fpu(vaddr_t frame)
{
	struct thread *thread = current();

	arch_fpu_save(thread);
	if (copy_to_user(at(frame, FRAME_FPU), &thread->arch.fpu,
			 sizeof(thread->arch.fpu)))
		return -EFAULT;
	/* Programs look for extensions behind: there are none. */
	return clear_user(at(frame, FRAME_FPU + sizeof(thread->arch.fpu)),
			  FPU_AREA_SIZE - sizeof(thread->arch.fpu));
}

int arch_signal_frame_push(struct trap_frame *tf,
			   const struct signal_frame_args *args)
{
	vaddr_t top = args->stack_top ? args->stack_top : tf->sp;
	vaddr_t frame =
		ALIGN_DOWN(top - sizeof(struct signal_frame), STACK_ALIGN);
	struct ucontext_head head = { .mask = args->saved_mask };

	head.stack.ss_sp = (void *)args->alt_stack.base;
	head.stack.ss_size = args->alt_stack.size;
	head.stack.ss_flags = args->alt_stack.flags;

	if (copy_to_user(at(frame, FRAME_INFO), args->info,
			 sizeof(siginfo_t)) ||
	    copy_to_user(at(frame, FRAME_UC), &head, sizeof(head)) ||
	    copy_to_user(at(frame, FRAME_REGS), tf, USER_REGS_SIZE) ||
	    push_fpu(frame))
		return -EFAULT;

	tf->pc = args->handler;
	tf->sp = frame;
	tf->ra = arch_vdso_sigreturn(current()->space->vdso_code);
	tf->a[0] = (uint64_t)args->signo;
	tf->a[1] = frame + FRAME_INFO;
	tf->a[2] = frame + FRAME_UC;
	tf->cause = TF_CAUSE_NONE;
	return 0;
}

int arch_signal_frame_pop(struct trap_frame *tf,
			  struct signal_frame_restored *out)
{
	vaddr_t frame = tf->sp;
	struct thread *thread = current();
	struct ucontext_head head;
	struct fpu_state fpu;

	if (copy_from_user(&head, at(frame, FRAME_UC), sizeof(head)) ||
	    copy_from_user(&fpu, at(frame, FRAME_FPU), sizeof(fpu)) ||
	    copy_from_user(tf, at(frame, FRAME_REGS), USER_REGS_SIZE))
		return -EFAULT;

	/* A program that never used the unit goes on not using it. */
	if (thread->arch.fpu_live) {
		thread->arch.fpu = fpu;
		arch_fpu_changed(thread);
	}
	tf->cause = TF_CAUSE_NONE;
	out->mask = head.mask;
	out->alt_base = (vaddr_t)head.stack.ss_sp;
	out->alt_size = head.stack.ss_size;
	out->alt_flags = head.stack.ss_flags;
	return 0;
}
