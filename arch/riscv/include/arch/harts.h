/* SPDX-License-Identifier: MIT */
/*
 * arch/harts.h - boot: main.c tells the arch what the device tree says
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* SBI's id of the hart that runs the boot. */
uint64_t arch_boot_hartid(void);
/* The time counter when the kernel was entered. */
uint64_t arch_entry_ticks(void);
/* A hart that may be used; its index, or -1 when there are too many. */
int arch_hart_add(uint64_t hartid);
/* What all usable harts have in common. */
void arch_hart_features(bool has_sstc, const char *isa);
/* All harts have Zicboz, with blocks of @size bytes. Interrupts off. */
void arch_use_zero_blocks(uint32_t size);
/* All harts have Zbc: checksums are made with it from now on. */
void arch_use_clmul(void);
/* Log which firmware we run on. */
void arch_firmware_describe(void);

/*
 * The final kernel page table: RAM banks (mm/page.h) in the direct map, the
 * image W^X, the windows. After memory_init(); 0 or -ENOMEM.
 */
int arch_paging_init(void);
/* Turn this hart's interrupt sources on. */
void arch_interrupt_sources_on(void);
/* Physical bounds of the kernel image, .bss included. */
void arch_kernel_bounds(uint64_t *start, uint64_t *end);
