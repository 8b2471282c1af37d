/* SPDX-License-Identifier: MIT */
/*
 * fpu.h - lazy floating-point state; see fpu.c
 */
#pragma once

#include <stdbool.h>
#include <arch/thread.h>
#include "arch/riscv/csr.h"
#include "kernel/lib/string.h"
#include "kernel/sched/thread.h"

/* sstatus.FS, which is the current thread's: FS_*. */
static inline unsigned int fpu_state_now(void)
{
	return (unsigned int)((csr_read(sstatus) & SSTATUS_FS) >>
			      SSTATUS_FS_SHIFT);
}

/* fpu_registers.S */
void fpu_registers_save(struct fpu_state *state);
void fpu_registers_load(const struct fpu_state *state);

/*
 * The current thread's registers to any memory of the kernel, and from there,
 * with no stop in arch.fpu. Both word aligned; interrupts off.
 */
static inline void fpu_store(const struct thread *thread, struct fpu_state *to)
{
	if (fpu_state_now() == FS_OFF) {
		copy_words((uint64_t *)(void *)to,
			   (const uint64_t *)(const void *)&thread->arch.fpu,
			   sizeof(*to));
	} else {
		fpu_registers_save(to);
	}
}

static inline void fpu_load(const struct fpu_state *from)
{
	csr_set(sstatus, SSTATUS_FS); /* Dirty: not what is in arch.fpu */
	fpu_registers_load(from);
}

/* An illegal instruction with the unit off: turn it on; true if it was off. */
bool fpu_turn_on(struct thread *thread);
