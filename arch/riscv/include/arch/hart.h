/* SPDX-License-Identifier: MIT */
/*
 * arch/hart.h - the hart we run on: interrupts, waiting, identity
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <arch/thread.h>

/* sstatus.SIE; named here once because the three functions below are hot. */
#define ARCH_INTERRUPT_BIT 2UL

/* Interrupts off; returns whether they were on. */
static inline bool arch_interrupts_save(void)
{
	unsigned long old;

	__asm__ volatile("csrrci %0, sstatus, 2" : "=r"(old) : : "memory");
	return old & ARCH_INTERRUPT_BIT;
}

/*
 * Call interrupts_off_pay(), changing no register that a C function may: who
 * has such a call at the end of every critical section, and seldom makes it,
 * need not save any (switch.S).
 */
static inline void arch_call_interrupts_off_pay(void)
{
	__asm__ volatile("call t0, pay_keeping_registers" : : : "t0", "memory");
}

static inline void arch_interrupts_on(void)
{
	__asm__ volatile("csrsi sstatus, 2" : : : "memory");
}

static inline void arch_interrupts_off(void)
{
	__asm__ volatile("csrci sstatus, 2" : : : "memory");
}

static inline bool arch_interrupts_are_on(void)
{
	unsigned long now;

	__asm__ volatile("csrr %0, sstatus" : "=r"(now));
	return now & ARCH_INTERRUPT_BIT;
}

/*
 * Did the trap being handled come from user mode? sstatus.SPP; only before
 * interrupts are turned on again.
 */
static inline bool arch_trap_from_user(void)
{
	unsigned long status;

	__asm__ volatile("csrr %0, sstatus" : "=r"(status));
	return !(status & 0x100UL);
}

/* In a spin loop: let the other hart go on (Zihintpause, a hint everywhere). */
static inline void arch_spin_hint(void)
{
	__asm__ volatile(".insn i 0x0f, 0, x0, x0, 0x010" : : : "memory");
}

/* Sleep until an interrupt is pending, even if interrupts are off. */
static inline void arch_wait_for_interrupt(void)
{
	__asm__ volatile("wfi" : : : "memory");
}

/* The time counter, in ticks of the timebase. */
static inline uint64_t arch_time_ticks(void)
{
	uint64_t now;

	__asm__ volatile("rdtime %0" : "=r"(now));
	return now;
}

/* One timer interrupt at @ticks or soon after; UINT64_MAX: none. */
void arch_timer_set(uint64_t ticks);

/*
 * Dense 0..n-1; stable while interrupts are off (else the thread may move to
 * another hart). Kept in the thread, which tp points at: one load.
 */
static inline unsigned int arch_hart_index(void)
{
	return ((const struct arch_thread *)arch_current())->hart_index;
}
/* Harts that may be used, running or not. */
unsigned int arch_num_harts(void);
/* SBI's name for a hart. */
uint64_t arch_hart_id(unsigned int hart_index);
void arch_send_ipi(unsigned int hart_index);
/*
 * Start a hart that is stopped: it calls handle_hart_start() (arch_entry.h) as
 * @idle (adopted by that hart already), on its stack, interrupts off. 0, or -EIO if the firmware says no.
 */
int arch_hart_start(unsigned int hart_index, struct thread *idle);
/*
 * Stop this hart: back to the firmware, until arch_hart_start(). Interrupts
 * off; it has the kernel's page table, and nothing is left on it.
 */
void arch_hart_stop(void) __attribute__((noreturn));
/* Does the firmware say that it is stopped? */
bool arch_hart_is_stopped(unsigned int hart_index);

/* A full memory barrier on this and all other running harts, done on return. */
void arch_fence_all_harts(void);

/* Bits of AT_HWCAP: single-letter extensions programs may use. */
uint64_t arch_hwcap(void);
/* "rv64imafdc", for /proc/cpuinfo. */
const char *arch_isa_string(void);
/* mvendorid, marchid, mimpid from SBI. */
void arch_machine_ids(uint64_t ids[3]);
