/* SPDX-License-Identifier: MIT */
/*
 * arch/thread.h - the machine's part of a thread, for unit tests: nothing
 *
 * The same contract as arch/riscv/include/arch/thread.h, as far as the files
 * that are tested on the host need it. There is one thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct arch_thread {
	unsigned int hart_index;
};

struct thread;

struct thread *arch_current(void);
