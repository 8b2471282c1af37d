/* SPDX-License-Identifier: MIT */
/*
 * signal_frame.c - the user registers, put on the user stack and taken back
 *
 * Idea: the frame is made and read in one look at the page table, in the
 * program's own memory (struct user_window): the floating-point registers go
 * there, and come from there, without a copy in between.
 *
 * The layout is the Linux ABI's struct rt_sigframe: siginfo, then ucontext,
 * whose machine part is the trap frame's first 32 words and the floating-point
 * registers. Return goes through the vDSO, whose two instructions debuggers
 * recognise.
 */
#include <arch/signal_frame.h>
#include <arch/thread.h>
#include <arch/trap_frame.h>
#include "arch/riscv/fpu.h"
#include "arch/riscv/vdso_symbols.h"
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
#define SAME_PLACE(ours, theirs)                                               \
	_Static_assert(offsetof(struct signal_context, ours) ==                \
			       offsetof(struct ucontext, theirs),              \
		       "ABI")
SAME_PLACE(flags, uc_flags);
SAME_PLACE(link, uc_link);
SAME_PLACE(alt_stack.base, uc_stack.ss_sp);
SAME_PLACE(alt_stack.flags, uc_stack.ss_flags);
SAME_PLACE(alt_stack.size, uc_stack.ss_size);
SAME_PLACE(mask, uc_sigmask);
#undef SAME_PLACE
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

/* What push() and pop() have to do with the program's memory. */
struct frame_access {
	struct user_window *window;
	struct trap_frame *tf;
	const struct short_siginfo *info; /* push */
	const struct signal_context *context;
	struct signal_context *context_out; /* pop */
};

static force_inline void put(const struct frame_access *a, char *whole,
			     size_t offset, const void *from, size_t size)
{
	if (whole)
		copy_words((uint64_t *)(void *)(whole + offset), from, size);
	else
		user_window_put(a->window, offset, from, size);
}

static force_inline void get(const struct frame_access *a, const char *whole,
			     size_t offset, void *to, size_t size)
{
	if (whole)
		copy_words(to, (const uint64_t *)(const void *)(whole + offset),
			   size);
	else
		user_window_get(a->window, offset, to, size);
}

/* @whole: the frame's memory, or NULL if it is in parts. */
static force_inline void write_frame(const struct frame_access *a, char *whole)
{
	put(a, whole, 0, a->info, sizeof(*a->info));
	put(a, whole, sizeof(*a->info), no_info, sizeof(no_info));
	put(a, whole, FRAME_UC, a->context, sizeof(*a->context));
	put(a, whole, FRAME_REGS, a->tf, USER_REGS_SIZE);
	put(a, whole, FRAME_EXTENSION, no_extension, EXTENSION_SIZE);
	if (whole) {
		fpu_store(current(), (void *)(whole + FRAME_FPU));
	} else {
		struct fpu_state fpu;

		fpu_store(current(), &fpu);
		put(a, whole, FRAME_FPU, &fpu, sizeof(fpu));
	}
}

static force_inline void read_frame(const struct frame_access *a,
				    const char *whole)
{
	struct thread *thread = current();

	get(a, whole, FRAME_UC, a->context_out, sizeof(*a->context_out));
	get(a, whole, FRAME_REGS, a->tf, USER_REGS_SIZE);
	if (!thread->arch.fpu_live)
		return; /* it never used the unit, and goes on so */
	if (whole) {
		fpu_load((const void *)(whole + FRAME_FPU));
	} else {
		struct fpu_state fpu;

		get(a, whole, FRAME_FPU, &fpu, sizeof(fpu));
		fpu_load(&fpu);
	}
}

static __noinline void write_parts(const struct frame_access *a)
{
	write_frame(a, NULL);
}

static __noinline void read_parts(const struct frame_access *a)
{
	read_frame(a, NULL);
}

int arch_signal_frame_push(struct trap_frame *tf,
			   const struct signal_frame_args *args)
{
	vaddr_t top = args->stack_top ? args->stack_top : tf->sp;
	vaddr_t frame =
		ALIGN_DOWN(top - sizeof(struct signal_frame), STACK_ALIGN);
	struct user_window window;
	const struct frame_access access = {
		.window = &window,
		.tf = tf,
		.info = args->info,
		.context = &args->context,
	};

	if (user_window_open(&window, frame, sizeof(struct signal_frame), true))
		return -EFAULT;
	if (likely(window.whole))
		write_frame(&access, window.whole);
	else
		write_parts(&access);
	user_window_close(&window);

	tf->pc = args->handler;
	tf->sp = frame;
	tf->ra = current()->space->vdso_code + VDSO_RT_SIGRETURN;
	tf->a[0] = (uint64_t)args->signo;
	tf->a[1] = frame + offsetof(struct signal_frame, info);
	tf->a[2] = frame + FRAME_UC;
	tf->cause = TF_CAUSE_NONE;
	return 0;
}

int arch_signal_frame_pop(struct trap_frame *tf, struct signal_context *out)
{
	struct user_window window;
	const struct frame_access access = {
		.window = &window,
		.tf = tf,
		.context_out = out,
	};

	if (user_window_open(&window, tf->sp, sizeof(struct signal_frame),
			     false))
		return -EFAULT;
	if (likely(window.whole))
		read_frame(&access, window.whole);
	else
		read_parts(&access);
	user_window_close(&window);
	tf->cause = TF_CAUSE_NONE;
	return 0;
}
