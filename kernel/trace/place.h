/* SPDX-License-Identifier: MIT */
/*
 * place.h - which line of the assembly does a step of the protocol
 *
 * TRACE_STEP(step, label) in a .S file makes an entry in the table of places:
 * no instruction. Numbers beyond those of the events.
 */
#pragma once

#define TRACE_STEP_BOOT          256 /* csrw stvec */
#define TRACE_STEP_ENTRY         257 /* where stvec points */
#define TRACE_STEP_SAVE          258 /* registers into the trap frame */
#define TRACE_STEP_RETURN        259 /* the way out to user mode */
#define TRACE_STEP_RESTORE       260 /* registers from the trap frame */
#define TRACE_STEP_SRET          261 /* mode and pc */
#define TRACE_STEP_RETURN_KERNEL 262
#define TRACE_STEP_SWITCH_SAVE   263 /* registers into the context */
#define TRACE_STEP_SWITCH_LOAD   264 /* registers from the context */
#define TRACE_STEP_SWITCH_STACK  265 /* the load of sp */
/* In C: TRACE_STEP_HERE() of trace.h. */
#define TRACE_STEP_PROCESS_ENTRY 266 /* in the process list */
#define TRACE_STEP_ADDRESS_SPACE 267
#define TRACE_STEP_LOAD          268 /* the program */
#define TRACE_STEP_FIRST_FRAME   269 /* registers and pc of a new program */
#define TRACE_STEP_HANDLE_CALL   270
#define TRACE_STEP_HANDLE_FAULT  271
#define TRACE_STEP_HANDLE_TIMER  272
#define TRACE_STEP_CHOOSE        273
#define TRACE_STEP_CALL_SWITCH   274
#define TRACE_STEP_HANDLER       275 /* of traps other than system calls */
#define TRACE_STEP_EVENT         0   /* where the event is recorded */

#ifdef __ASSEMBLER__
/* clang-format off */
#define TRACE_STEP(step, label) \
	.pushsection .rodata.trace_names, "a" ; \
881:	.asciz __FILE__ ; \
882:	.asciz #label ; \
	.popsection ; \
	.pushsection .trace_places, "a" ; \
	.balign 8 ; \
	.dword 881b, 882b ; \
	.word __LINE__, TRACE_STEP_##step ; \
	.popsection
#endif
