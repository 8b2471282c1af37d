/* SPDX-License-Identifier: MIT */
/*
 * arch/trap_frame.h - the user register file, as trap.S saves it
 *
 * The first 32 words are pc, x1..x31: the order of the ABI's user_regs_struct
 * and of a signal frame, so both are copied whole.
 */
#pragma once

#define TF_PC      (8 * 0)
#define TF_REG(n)  (8 * (n)) /* x1..x31 */
#define TF_STATUS  (8 * 32)
#define TF_CAUSE   (8 * 33)
#define TF_TVAL    (8 * 34)
#define TF_ORIG_A0 (8 * 35)
#define TF_SIZE    (8 * 36) /* a multiple of 16: the stack stays aligned */

/* Is there a system call to be restarted? Values of the cause. */
#define TF_CAUSE_SYSCALL 8      /* CAUSE_USER_ECALL */
#define TF_CAUSE_NONE    0x7fff /* ours: none, or not any more */

#ifndef __ASSEMBLER__

#include <stdbool.h>
#include <stdint.h>

struct trap_frame {
	uint64_t pc;
	uint64_t ra, sp, gp, tp;
	uint64_t t0, t1, t2;
	uint64_t s0, s1;
	uint64_t a[8];
	uint64_t s2, s3, s4, s5, s6, s7, s8, s9, s10, s11;
	uint64_t t3, t4, t5, t6;
	uint64_t status;  /* sstatus */
	uint64_t cause;   /* scause; TF_CAUSE_NONE when no restart is due */
	uint64_t tval;    /* stval */
	uint64_t orig_a0; /* first argument of a system call, for a restart */
};

_Static_assert(sizeof(struct trap_frame) == TF_SIZE, "trap.S");
_Static_assert(__builtin_offsetof(struct trap_frame, a) == TF_REG(10), "a0");
_Static_assert(__builtin_offsetof(struct trap_frame, t6) == TF_REG(31), "t6");
_Static_assert(__builtin_offsetof(struct trap_frame, status) == TF_STATUS,
	       "trap.S");
_Static_assert(__builtin_offsetof(struct trap_frame, orig_a0) == TF_ORIG_A0,
	       "trap.S");

struct thread;

/* What generic code may ask of a frame, whatever the registers are called. */
static inline uint64_t tf_pc(const struct trap_frame *tf)
{
	return tf->pc;
}
static inline uint64_t tf_user_sp(const struct trap_frame *tf)
{
	return tf->sp;
}
/* What trapped: the hart's cause, in its own numbers. */
static inline uint64_t tf_cause(const struct trap_frame *tf)
{
	return tf->cause;
}
/* Where the ecall is: pc has been moved behind it. */
static inline uint64_t tf_syscall_pc(const struct trap_frame *tf)
{
	return tf->pc - 4;
}
/* Where a backtrace begins. */
static inline uint64_t tf_frame_pointer(const struct trap_frame *tf)
{
	return tf->s0;
}
static inline void tf_set_result(struct trap_frame *tf, long value)
{
	tf->a[0] = (uint64_t)value;
}

/* The frame came from a system call (and has not been restarted yet). */
static inline bool tf_in_syscall(const struct trap_frame *tf)
{
	return tf->cause == TF_CAUSE_SYSCALL;
}
static inline long tf_syscall_result(const struct trap_frame *tf)
{
	return (long)tf->a[0];
}
/* No restart any more: the result stands. */
static inline void tf_forget_syscall(struct trap_frame *tf)
{
	tf->cause = TF_CAUSE_NONE;
}
/* Go back to the ecall, with the first argument as it was. */
void tf_restart_syscall(struct trap_frame *tf);
/* The same, but as system call @nr (restart_syscall). */
void tf_restart_syscall_as(struct trap_frame *tf, long nr);

/*
 * A new program: all registers 0, pc and sp as given, user mode.
 * Source: riscv ELF psABI; a0 = 0 at entry.
 */
void tf_start_program(struct trap_frame *tf, uint64_t pc, uint64_t sp);

/*
 * The child of clone(2): as @parent, but the call returns 0, on stack @sp (0:
 * the same) and with thread pointer @tls (if @set_tls).
 */
void tf_start_child(struct trap_frame *child, const struct trap_frame *parent,
		    uint64_t sp, bool set_tls, uint64_t tls);

#endif
