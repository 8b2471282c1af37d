/* SPDX-License-Identifier: MIT */
/*
 * head.S - the first instructions: from the firmware to kernel_main()
 *
 * The image begins with the 64-byte header that U-Boot's booti and other
 * loaders know (Linux Documentation/arch/riscv/boot-image-header). It runs
 * wherever it was loaded (2 MiB aligned): until the MMU is on, everything is
 * addressed relative to pc.
 */
#include <arch/thread.h>
#include "arch/riscv/asm.h"
#include "kernel/trace/place.h"

	.section .text.header, "ax"
	.globl _start
_start:
	.option push
	.option norvc
	j	boot			/* code0: over the header */
	nop				/* code1 */
	.option pop
	.dword	0x200000		/* text_offset: where booti puts it */
	.dword	kernel_size		/* image_size, .bss included */
	.dword	0			/* flags: little endian */
	.word	2			/* version 0.2 */
	.word	0
	.dword	0
	.ascii	"RISCV\0\0\0"		/* magic */
	.ascii	"RSC\x05"		/* magic2 */
	.word	0			/* no EFI stub */

/*
 * From the firmware: S-mode, MMU off, one hart; a0 = hart id, a1 = physical
 * address of the device tree, nothing else is defined.
 */
	.section .text.entry, "ax"
boot:
	csrw	sie, zero
	csrw	sip, zero
	la	t0, boot_taken
	li	t1, 1
	amoswap.w.aqrl t1, t1, (t0)
	bnez	t1, started_at_boot
	li	t0, SSTATUS_FS | SSTATUS_VS
	csrc	sstatus, t0		/* a stray FP instruction must trap */
	mv	s0, a0
	mv	s1, a1

	/* RAM is not zero on real boards: clear .bss, tables and stack too. */
	la	t0, bss_start
	la	t1, bss_end
1:	sd	zero, 0(t0)
	addi	t0, t0, 8
	bltu	t0, t1, 1b

	la	sp, boot_stack_top
	la	a0, _start
	call	boot_page_table		/* a0 = satp for the first table */

	call	paging_on
	la	tp, boot_thread
	csrw	sscratch, tp
	la	sp, boot_stack_top
	mv	a0, s0
	mv	a1, s1
	li	s0, 0			/* end of the call chain */
	call	boot_hart_main		/* no return */

/*
 * A further hart, started by arch_hart_start() through SBI HSM: S-mode, MMU
 * off, interrupts off, a0 = hart id, a1 = its idle thread (virtual address).
 * The boot hart has made everything else: a stack, and the page table.
 */
	.globl	secondary_entry
secondary_entry:
	csrw	sie, zero
	csrw	sip, zero
	li	t0, SSTATUS_FS | SSTATUS_VS
	csrc	sstatus, t0
	mv	s1, a1
	la	t0, secondary_satp
	ld	a0, 0(t0)
	call	paging_on
	mv	tp, s1
	csrw	sscratch, tp
	ld	sp, THREAD_KERNEL_SP(tp)
	li	s0, 0
	call	secondary_hart_main	/* no return */

/*
 * OpenSBI before 1.3 says that a hart is to start, and then writes down where.
 * A hart that looks in between begins where the boot hart did: a0 is right, a1
 * is not. Find its idle thread by a0.
 */
started_at_boot:
	la	t0, hart_starts
	li	t1, HART_STARTS
1:	ld	t2, 0(t0)
	ld	a1, 8(t0)
	beqz	a1, 2f
	beq	t2, a0, secondary_entry
2:	addi	t0, t0, 16
	addi	t1, t1, -1
	bnez	t1, 1b
	wfi
	j	started_at_boot

	.section .data
	.balign	4
boot_taken:
	.word	0			/* not in .bss, which is cleared */
	.section .text.entry, "ax"

/*
 * Turn the MMU on with satp = a0, and return to the caller's linked address.
 * From there on the kernel handles traps.
 */
paging_on:
	la	t0, _start
	li	t1, KERNEL_WINDOW
	sub	t1, t1, t0		/* linked - loaded */
	add	ra, ra, t1
	la	t2, 2f
	add	t2, t2, t1
	csrw	stvec, t2
	sfence.vma
	csrw	satp, a0
	/*
	 * The next fetch, from the physical address, faults; stvec brings us to
	 * 2 at the linked address.
	 */
	nop
	.align	2
2:	la	t0, trap_entry
	TRACE_STEP(BOOT, paging_on)
	csrw	stvec, t0		/* the trap table, told to the hardware */
	li	t0, SSTATUS_SPP		/* T1 of trap.S */
	csrc	sstatus, t0
	li	t0, SSTATUS_SPIE
	csrs	sstatus, t0
	ret

	.section .bss
	.align	15			/* a slot, see STACK_SLOT_SIZE */
	.space	STACK_SLOT_SIZE
	.globl	boot_stack_top
boot_stack_top:
