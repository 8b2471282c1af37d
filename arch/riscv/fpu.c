/* SPDX-License-Identifier: MIT */
/*
 * fpu.c - floating-point registers, moved only when somebody uses them
 *
 * Idea: the kernel never uses the unit, so the registers stay where they are
 * across traps. sstatus.FS, saved in the trap frame, says what is in them:
 *   Off     the program has not used the unit (its first FP instruction traps)
 *   Clean   the same as in arch.fpu
 *   Dirty   newer than arch.fpu; set by the hart at the first write
 * So a switch away saves only dirty registers. A switch to a thread that wrote
 * to the unit in its last turn loads them, as it will again; any other finds the
 * unit off, and has them loaded when (and if) it comes to use it.
 *
 * Source: Privileged Spec, "Extension Context Status in sstatus".
 */
#include "arch/riscv/fpu.h"
#include <arch/thread.h>
#include <arch/trap_frame.h>
#include "arch/riscv/csr.h"
#include "kernel/lib/string.h"
#include "kernel/sched/thread.h"
#include "kernel/sync/spinlock.h"

/*
 * The unit must be on for the moves; the frame decides again at sret. Not to
 * be interrupted by a switch, which would go by the frame.
 */
static void load_registers(struct thread *thread)
{
	interrupts_off_enter();
	csr_set(sstatus, SSTATUS_FS);
	fpu_registers_load(&thread->arch.fpu);
	fpu_set_frame_fs(arch_thread_frame(thread), FS_CLEAN);
	interrupts_off_leave();
}

void arch_fpu_save(struct thread *thread)
{
	struct trap_frame *tf = arch_thread_frame(thread);

	if (fpu_frame_fs(tf) != FS_DIRTY)
		return;
	csr_set(sstatus, SSTATUS_FS);
	fpu_registers_save(&thread->arch.fpu);
	fpu_set_frame_fs(tf, FS_CLEAN);
}

void arch_fpu_reset(struct thread *thread)
{
	memset(&thread->arch.fpu, 0, sizeof(thread->arch.fpu));
	thread->arch.fpu_live = false;
	thread->arch.fpu_hot = false;
	fpu_set_frame_fs(arch_thread_frame(thread), FS_OFF);
}

/* The unit is all that a hart keeps of a thread: kernel threads have nothing. */
void arch_thread_leave(struct thread *thread)
{
	struct trap_frame *tf = arch_thread_frame(thread);
	unsigned int fs;

	if (!thread->space)
		return;
	fs = fpu_frame_fs(tf);
	thread->arch.fpu_hot = fs == FS_DIRTY;
	if (fs == FS_OFF)
		return;
	if (fs == FS_DIRTY)
		arch_fpu_save(thread);
	/* What is left in the registers will be another thread's. */
	fpu_set_frame_fs(tf, FS_OFF);
}

void arch_thread_arrive(struct thread *thread)
{
	if (thread->arch.fpu_hot && thread->space)
		load_registers(thread);
}

bool fpu_turn_on(struct thread *thread, struct trap_frame *tf)
{
	if (fpu_frame_fs(tf) != FS_OFF)
		return false;
	thread->arch.fpu_live = true;
	load_registers(thread);
	return true;
}
