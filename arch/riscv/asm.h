/* SPDX-License-Identifier: MIT */
/*
 * asm.h - numbers that the assembly files and C share: CSR bits, the layout
 * of kernel virtual memory
 *
 * Source: RISC-V Privileged Spec 1.12, "Supervisor-Level ISA".
 */
#pragma once

#define SSTATUS_SIE      0x00000002 /* interrupts on, in S-mode */
#define SSTATUS_SPIE     0x00000020 /* interrupts on, after sret */
#define SSTATUS_SPP      0x00000100 /* mode before the trap: 1 is S */
#define SSTATUS_VS       0x00000600 /* vector unit: off */
#define SSTATUS_FS       0x00006000 /* floating-point unit: two bits */
#define SSTATUS_FS_SHIFT 13
#define SSTATUS_SUM      0x00040000 /* S-mode may touch user pages: never set */

#define FS_OFF     0
#define FS_INITIAL 1
#define FS_CLEAN   2
#define FS_DIRTY   3

#define SIE_SSIE 0x002 /* software interrupt (IPI) */
#define SIE_STIE 0x020 /* timer */
#define SIE_SEIE 0x200 /* external */

#define CAUSE_INTERRUPT           (1UL << 63)
#define CAUSE_SOFTWARE            1
#define CAUSE_TIMER               5
#define CAUSE_EXTERNAL            9
#define CAUSE_FETCH_MISALIGNED    0
#define CAUSE_FETCH_ACCESS        1
#define CAUSE_ILLEGAL_INSTRUCTION 2
#define CAUSE_BREAKPOINT          3
#define CAUSE_LOAD_MISALIGNED     4
#define CAUSE_LOAD_ACCESS         5
#define CAUSE_STORE_MISALIGNED    6
#define CAUSE_STORE_ACCESS        7
#define CAUSE_USER_ECALL          8
#define CAUSE_FETCH_PAGE_FAULT    12
#define CAUSE_LOAD_PAGE_FAULT     13
#define CAUSE_STORE_PAGE_FAULT    15

#define SATP_MODE_SV39  (8UL << 60)
#define SATP_ASID_SHIFT 44
#define SATP_ASID_MASK  0xffffUL

/*
 * Kernel virtual memory (Sv39, upper half). Each window is whole 1 GiB
 * entries of the root table, filled in at boot, so every address space's copy
 * of the upper half stays right for ever.
 *
 *   ffffffc0_00000000  128 GiB  direct map of RAM        (<arch/page_table.h>)
 *   ffffffe0_00000000    4 GiB  kernel stacks, each with a guard below
 *   ffffffe4_00000000    1 GiB  struct page of each frame (<arch/page_table.h>)
 *   ffffffe8_00000000    4 GiB  device registers
 *   ffffffff_80000000    1 GiB  kernel image             (linker.ld)
 */
#define STACK_WINDOW       0xffffffe000000000
#define STACK_WINDOW_SIZE  0x100000000
#define DEVICE_WINDOW      0xffffffe800000000
#define DEVICE_WINDOW_SIZE 0x100000000
#define KERNEL_WINDOW      0xffffffff80000000

/*
 * A kernel stack is the upper half of a slot of twice its size; the lower half
 * is not mapped. So one bit of sp tells whether it is still in its stack.
 */
#define STACK_SLOT_SIZE 32768
#define STACK_BIT       14

/* struct hart_start of hart.c; head.S goes through the table. */
#define HART_STARTS 64
