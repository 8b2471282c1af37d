/* SPDX-License-Identifier: MIT */
/*
 * fpu.c - floating-point registers, moved only when somebody uses them
 *
 * Idea: the kernel never uses the unit, so the registers stay where they are
 * across traps, and so does sstatus.FS, which says what is in them:
 *   Off     the program has not used the unit (its first FP instruction traps)
 *   Clean   the same as in arch.fpu
 *   Dirty   newer than arch.fpu; set by the hart at the first write
 * So a switch away saves only dirty registers. A switch to a thread that wrote
 * to the unit in its last turn loads them, as it will again; any other finds the
 * unit off, and has them loaded when (and if) it comes to use it.
 *
 * Invariant
 *   F1  FS is that of the thread that is on the hart. Between two threads, and
 *       in a thread of the kernel's own, it is Off.
 *
 * Locks: none; while registers are loaded, interrupts are off (half of them are
 * the thread's then, but Dirty).
 * Source: Privileged Spec, "Extension Context Status in sstatus".
 */
#include "arch/riscv/fpu.h"
#include <arch/thread.h>
#include <arch/trap_frame.h>
#include "arch/riscv/csr.h"
#include "kernel/lib/string.h"
#include "kernel/sched/thread.h"
#include "kernel/sync/spinlock.h"

/* What is Dirty without it is Clean. */
#define FS_DIRTY_BIT BIT(SSTATUS_FS_SHIFT)

/* @thread is on this hart; interrupts off. */
static void load_registers(const struct thread *thread)
{
	csr_set(sstatus, SSTATUS_FS);
	fpu_registers_load(&thread->arch.fpu);
	csr_clear(sstatus, FS_DIRTY_BIT);
}

/* If an interrupt has them saved meanwhile, twice is as good as once. */
void arch_fpu_save(struct thread *thread)
{
	if (fpu_state_now() != FS_DIRTY)
		return;
	fpu_registers_save(&thread->arch.fpu);
	csr_clear(sstatus, FS_DIRTY_BIT);
}

void arch_fpu_reset(struct thread *thread)
{
	interrupts_off_enter();
	memset(&thread->arch.fpu, 0, sizeof(thread->arch.fpu));
	thread->arch.fpu_live = false;
	thread->arch.fpu_hot = false;
	csr_clear(sstatus, SSTATUS_FS);
	interrupts_off_leave();
}

/* The unit is all that a hart keeps of a thread. Also of one that ends, and has
 * left its space. */
void arch_thread_leave(struct thread *thread)
{
	unsigned int now = fpu_state_now();

	thread->arch.fpu_hot = now == FS_DIRTY;
	if (now == FS_OFF)
		return;
	if (now == FS_DIRTY)
		fpu_registers_save(&thread->arch.fpu);
	/* What is left in the registers will be another thread's. */
	csr_clear(sstatus, SSTATUS_FS);
}

void arch_thread_arrive(struct thread *thread)
{
	if (thread->arch.fpu_hot && thread->space)
		load_registers(thread);
}

bool fpu_turn_on(struct thread *thread)
{
	if (fpu_state_now() != FS_OFF)
		return false;
	thread->arch.fpu_live = true;
	interrupts_off_enter();
	load_registers(thread);
	interrupts_off_leave();
	return true;
}
