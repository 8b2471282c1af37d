/* SPDX-License-Identifier: MIT */
/*
 * switch.S - from one kernel stack to another
 *
 * The "switch()" of the lectures. The caller is a C function, so only what a
 * C function must preserve is saved; everything of the program is in the trap
 * frame already. Loading sp is the moment when thread B runs instead of A.
 */
#include <arch/thread.h>
#include "kernel/trace/place.h"

	.text
/*
 * void arch_switch(struct context *from, struct context *to)
 * Called by schedule() with the run queue locked, interrupts off; returns in
 * the other thread. Contexts lie in their threads: that gives the new tp.
 */
	.globl	arch_switch
arch_switch:
	TRACE_STEP(SWITCH_SAVE, arch_switch)
	sd	ra, 0(a0)
	sd	sp, 8(a0)
	sd	s0, 16(a0)
	sd	s1, 24(a0)
	sd	s2, 32(a0)
	sd	s3, 40(a0)
	sd	s4, 48(a0)
	sd	s5, 56(a0)
	sd	s6, 64(a0)
	sd	s7, 72(a0)
	sd	s8, 80(a0)
	sd	s9, 88(a0)
	sd	s10, 96(a0)
	sd	s11, 104(a0)

	TRACE_STEP(SWITCH_LOAD, arch_switch)
	ld	ra, 0(a1)
	TRACE_STEP(SWITCH_STACK, arch_switch)
	ld	sp, 8(a1)
	ld	s0, 16(a1)
	ld	s1, 24(a1)
	ld	s2, 32(a1)
	ld	s3, 40(a1)
	ld	s4, 48(a1)
	ld	s5, 56(a1)
	ld	s6, 64(a1)
	ld	s7, 72(a1)
	ld	s8, 80(a1)
	ld	s9, 88(a1)
	ld	s10, 96(a1)
	ld	s11, 104(a1)
	addi	tp, a1, -THREAD_CONTEXT
	csrw	sscratch, tp		/* for trap.S */
	ret

/*
 * A new thread's first step: arch_switch() "returns" here with s1 = function,
 * s2 = its argument (arch_thread_start_at()).
 */
	.globl	thread_first_step
thread_first_step:
	li	s0, 0			/* end of the call chain */
	mv	a0, s2
	jalr	s1
	unimp				/* it never returns */

/*
 * arch_call_interrupts_off_pay() jumps here, interrupts off, the way back in
 * t0. All that a C function may change is saved.
 */
	.globl	pay_keeping_registers
pay_keeping_registers:
	addi	sp, sp, -128
	sd	ra, 0(sp)
	sd	t0, 8(sp)
	sd	t1, 16(sp)
	sd	t2, 24(sp)
	sd	t3, 32(sp)
	sd	t4, 40(sp)
	sd	t5, 48(sp)
	sd	t6, 56(sp)
	sd	a0, 64(sp)
	sd	a1, 72(sp)
	sd	a2, 80(sp)
	sd	a3, 88(sp)
	sd	a4, 96(sp)
	sd	a5, 104(sp)
	sd	a6, 112(sp)
	sd	a7, 120(sp)
	call	interrupts_off_pay
	ld	ra, 0(sp)
	ld	t0, 8(sp)
	ld	t1, 16(sp)
	ld	t2, 24(sp)
	ld	t3, 32(sp)
	ld	t4, 40(sp)
	ld	t5, 48(sp)
	ld	t6, 56(sp)
	ld	a0, 64(sp)
	ld	a1, 72(sp)
	ld	a2, 80(sp)
	ld	a3, 88(sp)
	ld	a4, 96(sp)
	ld	a5, 104(sp)
	ld	a6, 112(sp)
	ld	a7, 120(sp)
	addi	sp, sp, 128
	jr	t0
