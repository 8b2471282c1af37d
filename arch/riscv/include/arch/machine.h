/* SPDX-License-Identifier: MIT */
/*
 * arch/machine.h - the machine as a whole: early console, power, identity
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* The firmware's console (SBI DBCN, else legacy putchar). Any context. */
void arch_console_write(const char *text, size_t size);
/* One byte from the firmware's console, or -1. */
int arch_console_read(void);

/*
 * Stop the machine through SBI SRST; @failed sets the reason so that an
 * emulator exits with a failing status. Where the firmware cannot: say that
 * the machine may be switched off, and halt.
 */
void arch_power_off(_Bool failed) __attribute__((noreturn));
void arch_reboot(void) __attribute__((noreturn));
/* A device that can do it better than the firmware; tried first. */
void arch_set_power_off(void (*power_off)(_Bool failed));

/* Clear one page, page aligned, as fast as the hart can. */
void arch_clear_page(void *page);

/* Orders memory and device accesses before it against those after. */
void mmio_barrier(void);

/* Print the registers of a frame (panic). */
struct trap_frame;
void arch_print_registers(const struct trap_frame *tf);
/* Frame pointer and pc of the caller, to begin a backtrace. */
uint64_t arch_frame_pointer(void);
/* One step up: *fp and *pc become the caller's. False at the end. */
_Bool arch_backtrace_step(uint64_t *fp, uint64_t *pc);
