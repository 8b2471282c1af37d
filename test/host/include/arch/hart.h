/* SPDX-License-Identifier: MIT */
/*
 * arch/hart.h - the hart of unit tests: a thread of the host
 *
 * The same contract as arch/riscv/include/arch/hart.h. Interrupts are a flag;
 * time stands still unless a test moves it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct host_hart {
	bool interrupts_on;
	uint64_t ticks;       /* what arch_time_ticks() says */
	uint64_t timer_ticks; /* what arch_timer_set() was told last */
	unsigned int timer_sets;
	unsigned int index, num_harts;
};
extern struct host_hart host_hart;

static inline bool arch_interrupts_save(void)
{
	bool were_on = host_hart.interrupts_on;

	host_hart.interrupts_on = false;
	return were_on;
}

/* Nobody is owed any interrupts. */
static inline void arch_call_interrupts_off_pay(void)
{
}

static inline void arch_interrupts_on(void)
{
	host_hart.interrupts_on = true;
}

static inline void arch_interrupts_off(void)
{
	host_hart.interrupts_on = false;
}

static inline bool arch_interrupts_are_on(void)
{
	return host_hart.interrupts_on;
}

static inline bool arch_trap_from_user(void)
{
	return false;
}

static inline void arch_spin_hint(void)
{
}

static inline void arch_wait_for_interrupt(void)
{
}

static inline uint64_t arch_time_ticks(void)
{
	return host_hart.ticks;
}

void arch_timer_set(uint64_t ticks);
unsigned int arch_hart_index(void);
unsigned int arch_num_harts(void);
uint64_t arch_hart_id(unsigned int hart_index);
void arch_send_ipi(unsigned int hart_index);
uint64_t arch_hwcap(void);
const char *arch_isa_string(void);
void arch_machine_ids(uint64_t ids[3]);
