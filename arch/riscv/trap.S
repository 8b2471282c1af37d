/* SPDX-License-Identifier: MIT */
/*
 * trap.S - into the kernel and back
 *
 * Idea: sscratch is the current thread of the hart. One swap with tp gives the
 * first register to work with; swapping back later leaves sscratch as it was.
 *
 * To touch a CSR is dear (on real harts it waits for all before it, in an
 * emulator it ends a block of translated code), so a system call touches as few
 * as it can: scause alone tells it from everything else, as only user mode makes
 * this ecall; sstatus is neither read nor written. That rests on
 *   T1  In a thread, sstatus.SPP is 0 and SPIE is 1 except inside a trap from
 *       the kernel: head.S makes it so, a trap from user mode leaves it so, and
 *       the sret of a trap from the kernel makes it so again.
 *   T2  sstatus.FS is the current thread's, not the trap frame's (fpu.c).
 *
 * Interrupts may be on during the way out. One that comes between
 * return_to_user and the sret finds some registers the kernel's and some the
 * program's; but the frame still has them all. So it is taken as if it had come
 * from the program, and afterwards the way out begins anew (trap_in_return). The
 * frame keeps its cause, since what brought us here may not be finished: there
 * may be work, and that may be to restart an interrupted system call.
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
	csrrw	tp, sscratch, tp		/* the thread; the program's tp */
	sd	sp, THREAD_SCRATCH(tp)
	csrr	sp, scause
	addi	sp, sp, -CAUSE_USER_ECALL
	bnez	sp, not_a_system_call

	ld	sp, THREAD_KERNEL_SP(tp)	/* its trap frame */
	TRACE_STEP(SAVE, save_registers)
	save_registers
	csrrw	t0, sscratch, tp
	ld	t1, THREAD_SCRATCH(tp)
	csrr	t2, sepc
	li	t3, CAUSE_USER_ECALL
	sd	t0, TF_REG(4)(sp)
	sd	t1, TF_REG(2)(sp)
	addi	t2, t2, 4			/* return behind the ecall */
	sd	t3, TF_CAUSE(sp)
	sd	a0, TF_ORIG_A0(sp)
	sd	t2, TF_PC(sp)
	li	s0, 0				/* end of the call chain */
	mv	a0, sp
	csrsi	sstatus, SSTATUS_SIE
	call	handle_syscall

/*
 * Return-from-trap to user mode. Jumped to with tp = thread, sp = its trap
 * frame. Up to the sret, nothing may be changed that a second try needs.
 */
	.globl	return_to_user
return_to_user:
	TRACE_STEP(RETURN, return_to_user)
	lw	t0, THREAD_WORK(tp)
	bnez	t0, work_to_do
	ld	t1, TF_PC(sp)
	csrw	sepc, t1
	TRACE_STEP(RESTORE, restore_registers)
	restore_registers
	ld	tp, TF_REG(4)(sp)
	ld	sp, TF_REG(2)(sp)
	TRACE_STEP(SRET, return_to_user)
	sret					/* SPP = user, SPIE = 1: T1 */
.Lreturned:

work_to_do:
	csrci	sstatus, SSTATUS_SIE
	mv	a0, sp
	call	handle_user_return
	j	return_to_user

/* As above: tp = thread, sscratch = tp before, sp is in THREAD_SCRATCH. */
not_a_system_call:
	csrr	sp, sstatus
	andi	sp, sp, SSTATUS_SPP
	bnez	sp, trap_in_kernel

	ld	sp, THREAD_KERNEL_SP(tp)
	save_registers
	csrrw	t0, sscratch, tp
	ld	t1, THREAD_SCRATCH(tp)
	csrr	t2, sepc
	sd	t0, TF_REG(4)(sp)
	sd	t1, TF_REG(2)(sp)
	sd	t2, TF_PC(sp)
	csrr	t3, sstatus
	csrr	t4, scause
	csrr	t5, stval
	sd	t3, TF_STATUS(sp)
	sd	t4, TF_CAUSE(sp)
	sd	t5, TF_TVAL(sp)
	li	s0, 0
	mv	a0, sp
	call	trap_from_user
	j	return_to_user

trap_in_kernel:
	sd	t0, THREAD_SCRATCH2(tp)
	csrr	sp, sepc
	la	t0, .Lreturned
	bgeu	sp, t0, trap_from_kernel_entry
	la	t0, return_to_user
	bgeu	sp, t0, trap_in_return

/*
 * From the kernel proper: its own tp, which is in sscratch, is right, also in
 * the middle of arch_switch(). The frame goes on the stack in use, if that is
 * still within bounds.
 */
trap_from_kernel_entry:
	ld	t0, THREAD_SCRATCH2(tp)
	ld	sp, THREAD_SCRATCH(tp)
	csrrw	tp, sscratch, tp
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
 * On the way out: the program was as good as running, with the registers and
 * the pc that are in its frame. Faults do not happen there.
 */
trap_in_return:
	csrr	t0, scause
	csrw	sscratch, tp
	bgez	t0, kernel_stack_overflow	/* no interrupt: a message */
	ld	sp, THREAD_KERNEL_SP(tp)
	li	t0, SSTATUS_SPP
	csrc	sstatus, t0			/* from user mode; keeps T1 */
	li	s0, 0
	mv	a0, sp
	call	trap_on_way_out
	j	return_to_user

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
	ld	sp, THREAD_KERNEL_SP(tp)
	li	s0, 0
	j	return_to_user

	.section .bss
	.align	15
	.space	STACK_SLOT_SIZE
	.globl	overflow_stack_top
overflow_stack_top:
