/* SPDX-License-Identifier: MIT */
/*
 * fpu_registers.S - the 32 floating-point registers and fcsr
 *
 * The only code of the kernel that is assembled for the D extension.
 */
	.text

/* void fpu_registers_save(struct fpu_state *state), unit on */
	.globl	fpu_registers_save
fpu_registers_save:
	frcsr	t0
	.irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	fsd	f\n, 8*\n(a0)
	.endr
	sd	t0, 256(a0)			/* and the padding */
	ret

/* void fpu_registers_load(const struct fpu_state *state), unit on */
	.globl	fpu_registers_load
fpu_registers_load:
	lw	t0, 256(a0)
	.irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	fld	f\n, 8*\n(a0)
	.endr
	fscsr	t0
	ret
