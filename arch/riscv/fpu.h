/* SPDX-License-Identifier: MIT */
/*
 * fpu.h - lazy floating-point state; see fpu.c
 */
#pragma once

#include <stdbool.h>
#include <arch/thread.h>
#include <arch/trap_frame.h>
#include "arch/riscv/csr.h"
#include "kernel/lib/string.h"
#include "kernel/sched/thread.h"

/* sstatus.FS as the program has it: FS_*. */
static inline unsigned int fpu_frame_fs(const struct trap_frame *tf)
{
	return (unsigned int)((tf->status & SSTATUS_FS) >> SSTATUS_FS_SHIFT);
}

static inline void fpu_set_frame_fs(struct trap_frame *tf, uint64_t fs)
{
	tf->status =
		(tf->status & ~(uint64_t)SSTATUS_FS) | (fs << SSTATUS_FS_SHIFT);
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
	if (fpu_frame_fs(arch_thread_frame(thread)) == FS_OFF) {
		copy_words((uint64_t *)(void *)to,
			   (const uint64_t *)(const void *)&thread->arch.fpu,
			   sizeof(*to));
	} else {
		csr_set(sstatus, SSTATUS_FS);
		fpu_registers_save(to);
	}
}

static inline void fpu_load(struct thread *thread, const struct fpu_state *from)
{
	csr_set(sstatus, SSTATUS_FS);
	fpu_registers_load(from);
	fpu_set_frame_fs(arch_thread_frame(thread), FS_DIRTY);
}

/* An illegal instruction with the unit off: turn it on; true if it was off. */
bool fpu_turn_on(struct thread *thread, struct trap_frame *tf);
