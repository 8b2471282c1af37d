/* SPDX-License-Identifier: MIT */
/*
 * arch/thread.h - the machine's part of a thread
 *
 * Two register saves, as in the lectures. The trap frame (trap_frame.h) holds
 * the whole user register file, at the top of the thread's kernel stack, saved
 * by trap.S. The context holds what a C function must preserve, saved by
 * switch.S when the kernel changes kernel stacks.
 *
 * sscratch is the current thread; so is tp, in the kernel.
 */
#pragma once

/* Offsets that trap.S and switch.S use; proved in arch/riscv/thread.c. */
#define THREAD_KERNEL_SP 0
#define THREAD_SCRATCH   8
#define THREAD_CANARY    16
#define THREAD_SCRATCH2  24
#define THREAD_CONTEXT   32
#define CONTEXT_SIZE     (14 * 8)

#ifndef __ASSEMBLER__

#include <stdbool.h>
#include <stdint.h>

/* Callee-saved registers of the calling convention; saved by arch_switch(). */
struct context {
	uint64_t ra;
	uint64_t sp;
	uint64_t s[12];
};

/* The D extension's registers; sizes as the ABI's struct __riscv_d_ext_state. */
struct fpu_state {
	uint64_t f[32];
	uint32_t fcsr;
	uint32_t pad;
};

struct arch_thread {
	uint64_t kernel_sp; /* top of the kernel stack, below the trap frame */
	uint64_t scratch;   /* trap.S */
	uint64_t canary;    /* stack protector, debug builds */
	uint64_t scratch2;  /* trap.S */
	struct context context;
	struct fpu_state fpu;
	void *kernel_stack; /* lowest mapped byte */
	bool fpu_live;      /* the program has used the FPU */
	bool fpu_hot;       /* and wrote to it in its last turn on a hart */
	/* The hart it runs on, or will next; see arch_hart_index(). Written
	 * only while it is off its hart, by the scheduler. */
	unsigned int hart_index;
};

/* Where a thread that is off its hart will go on, and on which stack. */
static inline uint64_t context_pc(const struct context *context)
{
	return context->ra;
}
static inline uint64_t context_sp(const struct context *context)
{
	return context->sp;
}

struct thread;
struct trap_frame;

/* The thread pointer register; the compiler never uses it otherwise. */
register struct thread *arch_tp __asm__("tp");

static inline struct thread *arch_current(void)
{
	return arch_tp;
}

/* Save the callee-saved registers of @from, load those of @to (switch.S). */
void arch_switch(struct context *from, struct context *to);

/*
 * Give @arch a kernel stack with a guard page below. 0 or -ENOMEM.
 * arch_thread_frame() is valid after this.
 */
int arch_thread_init(struct arch_thread *arch);
/* Give the kernel stack back; not the running one. */
void arch_thread_destroy(struct arch_thread *arch);

/* The trap frame at the top of the kernel stack: the user registers. */
static inline struct trap_frame *arch_thread_frame(const struct thread *thread)
{
	/* It begins with its struct arch_thread. */
	return (struct trap_frame *)((const struct arch_thread *)thread)
		->kernel_sp;
}

/* When first switched to: run @fn(@arg), interrupts off, rq lock held. */
void arch_thread_start_at(struct arch_thread *arch, void (*fn)(void *),
			  void *arg);
/* Leave to user mode through the frame of the current thread; no return. */
void arch_enter_user(void) __attribute__((noreturn));

/*
 * Before and after arch_switch(): floating-point state (lazily: only what the
 * program dirtied is saved) and whatever else the hart keeps per thread.
 */
void arch_thread_leave(struct thread *thread);
void arch_thread_arrive(struct thread *thread);

/* Bring arch.fpu of the current thread up to date. */
void arch_fpu_save(struct thread *thread);
/* A new program begins with a clean FPU. */
void arch_fpu_reset(struct thread *thread);

/* Bytes of kernel stack a thread has. */
#define KERNEL_STACK_SIZE 16384

#endif
