/* SPDX-License-Identifier: MIT */
/*
 * sigreturn.S - where a signal handler returns to (user mode, in [vdso])
 *
 * Debuggers and unwinders know a signal frame by exactly these instructions.
 */
	.text
	.globl	__vdso_rt_sigreturn
	.type	__vdso_rt_sigreturn, @function
	.balign	16
__vdso_rt_sigreturn:
	.option push
	.option norvc
	li	a7, 139		/* rt_sigreturn(2) */
	ecall
	.option pop
	.size	__vdso_rt_sigreturn, . - __vdso_rt_sigreturn
