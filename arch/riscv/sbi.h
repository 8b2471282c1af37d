/* SPDX-License-Identifier: MIT */
/*
 * sbi.h - calls to the firmware (M-mode)
 *
 * Source: RISC-V Supervisor Binary Interface Specification v2.0; extensions
 * are named as there. Old firmware lacks some: sbi_has() tells.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SBI_EXT_LEGACY_PUTCHAR  0x01
#define SBI_EXT_LEGACY_GETCHAR  0x02
#define SBI_EXT_LEGACY_SHUTDOWN 0x08
#define SBI_EXT_BASE            0x10
#define SBI_EXT_TIME            0x54494D45
#define SBI_EXT_IPI             0x735049
#define SBI_EXT_RFENCE          0x52464E43
#define SBI_EXT_HSM             0x48534D
#define SBI_EXT_SRST            0x53525354
#define SBI_EXT_DBCN            0x4442434E

struct sbi_result {
	long error; /* 0 or SBI_ERR_* (negative) */
	long value;
};

struct sbi_result sbi_call(unsigned long extension, unsigned long function,
			   unsigned long a0, unsigned long a1, unsigned long a2,
			   unsigned long a3, unsigned long a4);

/* Learn which extensions there are; once, at boot. */
void sbi_init(void);
bool sbi_has(unsigned long extension);

void sbi_set_timer(uint64_t ticks);
void sbi_send_ipi(uint64_t hartid);
/* On the harts whose ids are @base + (bits of @mask): forget all translations;
 * forget what was fetched of instructions. Return when it is done. */
void sbi_remote_fence(uint64_t mask, uint64_t base);
void sbi_remote_fence_i(uint64_t mask, uint64_t base);
/* The firmware can start harts, and do for others what several need. */
bool sbi_can_run_harts(void);
/* Start @hartid at physical @address with a1 = @argument. */
long sbi_hart_start(uint64_t hartid, uint64_t address, uint64_t argument);
/* Stop this hart; returns only with an error. */
long sbi_hart_stop(void);
bool sbi_hart_is_stopped(uint64_t hartid);
