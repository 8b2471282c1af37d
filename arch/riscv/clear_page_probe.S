/* SPDX-License-Identifier: MIT */
/*
 * clear_page_probe.S - does cbo.zero work in S-mode here?
 */
#include "arch/riscv/asm.h"

	.section .text
	.globl	zero_block_works
/*
 * bool zero_block_works(void *block): clear the block, or return false if that
 * is an illegal instruction. Called with interrupts off. For one instruction
 * traps come to the label behind it instead of to trap_entry; nothing else can
 * trap meanwhile.
 */
zero_block_works:
	csrr	t0, stvec
	la	t1, 1f
	csrw	stvec, t1
	mv	t2, a0
	li	a0, 0
	.insn	i 0x0f, 2, x0, t2, 4		/* cbo.zero (t2) */
	li	a0, 1
	.align	2
1:	csrw	stvec, t0
	/* No sret ends that trap, which would have done this: T1 of trap.S. */
	li	t0, SSTATUS_SPP
	csrc	sstatus, t0
	li	t0, SSTATUS_SPIE
	csrs	sstatus, t0
	ret
