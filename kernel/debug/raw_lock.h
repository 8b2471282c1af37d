/* SPDX-License-Identifier: MIT */
/*
 * raw_lock.h - a lock for what must work when everything else is broken
 *
 * Used by the log and by what moves its bytes (serial ports). It has no rank,
 * so a message may be printed with any other lock held; therefore nothing may
 * be locked inside of it but another raw lock (log before port). And it waits
 * for a limited time only: a hart that failed while it held the lock does not
 * silence the others, at the price of mixed-up output.
 */
#pragma once

#include <arch/hart.h>
#include "kernel/lib/compiler.h"

struct raw_lock {
	unsigned int held; /* atomic */
};

/* How to leave; a local variable of who entered. */
struct raw_lock_state {
	bool interrupts_were_on;
	bool taken; /* false: went on without it */
};

/* Some tenths of a second; longer than a line takes at 9600 baud. */
#define RAW_LOCK_MAX_SPINS (1u << 25)

static inline struct raw_lock_state raw_lock_enter(struct raw_lock *lock)
{
	struct raw_lock_state state = {
		.interrupts_were_on = arch_interrupts_save(),
		.taken = true,
	};
	unsigned int spins = 0;

	/* pairs with the release in raw_lock_leave() */
	while (__atomic_exchange_n(&lock->held, 1, __ATOMIC_ACQUIRE)) {
		if (++spins == RAW_LOCK_MAX_SPINS) {
			state.taken = false;
			break;
		}
		arch_spin_hint();
	}
	return state;
}

static inline void raw_lock_leave(struct raw_lock *lock,
				  struct raw_lock_state state)
{
	/* pairs with the acquire in raw_lock_enter() */
	if (state.taken)
		STORE_RELEASE(lock->held, 0);
	if (state.interrupts_were_on)
		arch_interrupts_on();
}
