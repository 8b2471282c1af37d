/* SPDX-License-Identifier: MIT */
/*
 * vdso_image.S - the vDSO's bytes, in the kernel's constants
 */
	.section .rodata
	.balign	4096
	.globl	vdso_image_start
vdso_image_start:
	.incbin VDSO_FILE
	.balign	4096
	.globl	vdso_image_end
vdso_image_end:
