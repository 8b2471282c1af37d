/* SPDX-License-Identifier: MIT */
/*
 * clear_page_probe.S - does cbo.zero work in S-mode here?
 */
	.section .text
	.globl	zero_block_works
/*
 * bool zero_block_works(void *block): clear the block, or return false if that
 * is an illegal instruction. Called with interrupts off. For one instruction
 * traps come to the label below instead of to trap_entry; nothing else can trap
 * meanwhile.
 */
zero_block_works:
	csrr	t0, stvec
	la	t1, 1f
	csrw	stvec, t1
	mv	t2, a0
	li	a0, 0
	.insn	i 0x0f, 2, x0, t2, 4		/* cbo.zero (t2) */
	li	a0, 1
	csrw	stvec, t0
	ret
	.align	2
1:	csrw	stvec, t0
	csrw	sepc, ra
	sret				/* as any trap ends: T1 of trap.S */
