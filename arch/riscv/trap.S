/* SPDX-License-Identifier: MIT */
/*
 * trap.S - into the kernel and back
 *
 * Idea: sscratch is 0 while the hart is in the kernel, and points to the
 * current thread while it is in user mode. One swap with tp tells where a trap
 * came from and gives the first free register.
 *
 * The hart itself did: sepc = pc, scause, stval, sstatus.SPP/SPIE = mode and
 * SIE before, SIE = 0, S-mode, pc = stvec. Saving the register file, which the
 * lectures draw in the "hardware" column, is the first thing software does
 * here; restoring it is the last.
 *
 * Read: Privileged Spec, "Supervisor Trap"; OSTEP ch. 6, the two tables.
 */
#include <arch/thread.h>
#include <arch/trap_frame.h>
#include "arch/riscv/asm.h"
#include "kernel/trace/place.h"

/* struct thread.work: just behind arch and irq; proved in thread.c */
#include "arch/riscv/thread_offsets.h"

/* x1, x3 and x5..x31: all but sp and tp, which need care. */
.macro save_registers
	sd	ra, TF_REG(1)(sp)
	sd	gp, TF_REG(3)(sp)
	sd	t0, TF_REG(5)(sp)
	sd	t1, TF_REG(6)(sp)
	sd	t2, TF_REG(7)(sp)
	sd	s0, TF_REG(8)(sp)
	sd	s1, TF_REG(9)(sp)
	sd	a0, TF_REG(10)(sp)
	sd	a1, TF_REG(11)(sp)
	sd	a2, TF_REG(12)(sp)
	sd	a3, TF_REG(13)(sp)
	sd	a4, TF_REG(14)(sp)
	sd	a5, TF_REG(15)(sp)
	sd	a6, TF_REG(16)(sp)
	sd	a7, TF_REG(17)(sp)
	sd	s2, TF_REG(18)(sp)
	sd	s3, TF_REG(19)(sp)
	sd	s4, TF_REG(20)(sp)
	sd	s5, TF_REG(21)(sp)
	sd	s6, TF_REG(22)(sp)
	sd	s7, TF_REG(23)(sp)
	sd	s8, TF_REG(24)(sp)
	sd	s9, TF_REG(25)(sp)
	sd	s10, TF_REG(26)(sp)
	sd	s11, TF_REG(27)(sp)
	sd	t3, TF_REG(28)(sp)
	sd	t4, TF_REG(29)(sp)
	sd	t5, TF_REG(30)(sp)
	sd	t6, TF_REG(31)(sp)
.endm

.macro restore_registers
	ld	ra, TF_REG(1)(sp)
	ld	gp, TF_REG(3)(sp)
	ld	t0, TF_REG(5)(sp)
	ld	t1, TF_REG(6)(sp)
	ld	t2, TF_REG(7)(sp)
	ld	s0, TF_REG(8)(sp)
	ld	s1, TF_REG(9)(sp)
	ld	a0, TF_REG(10)(sp)
	ld	a1, TF_REG(11)(sp)
	ld	a2, TF_REG(12)(sp)
	ld	a3, TF_REG(13)(sp)
	ld	a4, TF_REG(14)(sp)
	ld	a5, TF_REG(15)(sp)
	ld	a6, TF_REG(16)(sp)
	ld	a7, TF_REG(17)(sp)
	ld	s2, TF_REG(18)(sp)
	ld	s3, TF_REG(19)(sp)
	ld	s4, TF_REG(20)(sp)
	ld	s5, TF_REG(21)(sp)
	ld	s6, TF_REG(22)(sp)
	ld	s7, TF_REG(23)(sp)
	ld	s8, TF_REG(24)(sp)
	ld	s9, TF_REG(25)(sp)
	ld	s10, TF_REG(26)(sp)
	ld	s11, TF_REG(27)(sp)
	ld	t3, TF_REG(28)(sp)
	ld	t4, TF_REG(29)(sp)
	ld	t5, TF_REG(30)(sp)
	ld	t6, TF_REG(31)(sp)
.endm

	.section .text.entry, "ax"
	.globl	trap_entry
	.align	2
/*
 * The hart jumps here (stvec, direct mode) for every trap, from user mode or
 * from the kernel, with interrupts off.
 */
trap_entry:
	TRACE_STEP(ENTRY, trap_entry)
	csrrw	tp, sscratch, tp
	beqz	tp, trap_from_kernel_entry

	/* From user mode: tp = thread, sscratch = the program's tp. */
	sd	sp, THREAD_SCRATCH(tp)
	ld	sp, THREAD_KERNEL_SP(tp)	/* its trap frame */
	TRACE_STEP(SAVE, save_registers)
	save_registers
	csrrw	t0, sscratch, zero		/* in the kernel now */
	ld	t1, THREAD_SCRATCH(tp)
	sd	t0, TF_REG(4)(sp)
	sd	t1, TF_REG(2)(sp)
	csrr	t2, sepc
	csrr	t3, sstatus
	csrr	t4, scause
	li	s0, 0				/* end of the call chain */
	sd	t3, TF_STATUS(sp)
	sd	t4, TF_CAUSE(sp)
	li	t5, CAUSE_USER_ECALL
	bne	t4, t5, not_a_system_call

	/* A system call returns behind its ecall. */
	addi	t2, t2, 4
	sd	a0, TF_ORIG_A0(sp)
	sd	t2, TF_PC(sp)
	mv	a0, sp
	csrsi	sstatus, SSTATUS_SIE
	call	handle_syscall
	csrci	sstatus, SSTATUS_SIE

/*
 * Return-from-trap to user mode. Jumped to with interrupts off, tp = thread,
 * sp = its trap frame.
 */
	.globl	return_to_user
return_to_user:
	TRACE_STEP(RETURN, return_to_user)
	lw	t0, THREAD_WORK(tp)
	bnez	t0, work_to_do
	ld	t0, TF_STATUS(sp)
	ld	t1, TF_PC(sp)
	csrw	sstatus, t0			/* SPP = user, SPIE = 1 */
	csrw	sepc, t1
	csrw	sscratch, tp			/* in user mode, soon */
	TRACE_STEP(RESTORE, restore_registers)
	restore_registers
	ld	tp, TF_REG(4)(sp)
	ld	sp, TF_REG(2)(sp)
	TRACE_STEP(SRET, return_to_user)
	sret

work_to_do:
	mv	a0, sp
	call	handle_user_return
	j	return_to_user

not_a_system_call:
	csrr	t5, stval
	sd	t2, TF_PC(sp)
	sd	t5, TF_TVAL(sp)
	mv	a0, sp
	call	trap_from_user
	csrci	sstatus, SSTATUS_SIE
	j	return_to_user

/*
 * From the kernel: tp was the current thread and is in sscratch now. The frame
 * goes on the stack in use, if that is still within bounds.
 */
trap_from_kernel_entry:
	csrrw	tp, sscratch, zero
	sd	sp, THREAD_SCRATCH(tp)
	addi	sp, sp, -TF_SIZE
	slli	sp, sp, 63 - STACK_BIT		/* the bit that says "in it" */
	bgez	sp, kernel_stack_overflow
	ld	sp, THREAD_SCRATCH(tp)
	addi	sp, sp, -TF_SIZE
save_kernel_frame:
	save_registers
	ld	t1, THREAD_SCRATCH(tp)
	sd	tp, TF_REG(4)(sp)
	sd	t1, TF_REG(2)(sp)
	csrr	t2, sepc
	csrr	t3, sstatus
	csrr	t4, scause
	csrr	t5, stval
	sd	t2, TF_PC(sp)
	sd	t3, TF_STATUS(sp)
	sd	t4, TF_CAUSE(sp)
	sd	t5, TF_TVAL(sp)
	mv	a0, sp
	call	trap_from_kernel

	ld	t0, TF_STATUS(sp)
	ld	t1, TF_PC(sp)
	csrw	sstatus, t0
	csrw	sepc, t1
	restore_registers
	ld	sp, TF_REG(2)(sp)		/* tp is the same thread's */
	TRACE_STEP(RETURN_KERNEL, trap_from_kernel_entry)
	sret

/*
 * The kernel ran out of stack. Go to a stack kept for this, so that there is a
 * message; trap_from_kernel() sees the old sp in the frame and panics.
 */
kernel_stack_overflow:
	la	sp, overflow_stack_top
	addi	sp, sp, -TF_SIZE
	j	save_kernel_frame

/*
 * void arch_enter_user(void): leave through the current thread's frame, for a
 * thread that never came from user mode (new program, child of clone).
 */
	.globl	arch_enter_user
arch_enter_user:
	csrci	sstatus, SSTATUS_SIE
	ld	sp, THREAD_KERNEL_SP(tp)
	li	s0, 0
	j	return_to_user

	.section .bss
	.align	15
	.space	STACK_SLOT_SIZE
	.globl	overflow_stack_top
overflow_stack_top:
