/* SPDX-License-Identifier: MIT */
/*
 * arch.c - the machine of unit tests
 *
 * Implements the arch contract, as far as the tested files call it, with what
 * a program of the host can do: text goes to stdout, a panic ends the program
 * with a failing status.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arch/hart.h>
#include <arch/machine.h>
#include <arch/mmio.h>
#include <arch/page_table.h>
#include <arch/thread.h>
#include <arch/trap_frame.h>
#include <arch/vdso.h>
#include "kernel/debug/panic.h"
#include "kernel/mm/slab.h"
#include "kernel/sched/thread.h"
#include "kernel/trace/trace.h"

struct host_hart host_hart = { .num_harts = 1 };
struct host_device *host_device;

static struct thread the_thread;

struct thread *arch_current(void)
{
	return &the_thread;
}

/* ---- hart ----------------------------------------------------------------- */

void arch_timer_set(uint64_t ticks)
{
	host_hart.timer_ticks = ticks;
	host_hart.timer_sets++;
}

unsigned int arch_hart_index(void)
{
	return host_hart.index;
}

unsigned int arch_num_harts(void)
{
	return host_hart.num_harts;
}

/* Sparse and not from 0, as on boards. */
uint64_t arch_hart_id(unsigned int hart_index)
{
	return hart_index + 1;
}

/* ---- machine -------------------------------------------------------------- */

void arch_console_write(const char *text, size_t size)
{
	fwrite(text, 1, size, stdout);
}

int arch_console_read(void)
{
	return -1;
}

void arch_power_off(bool failed)
{
	fflush(stdout);
	exit(failed ? 1 : 0);
}

void mmio_barrier(void)
{
}

void arch_print_registers(const struct trap_frame *tf)
{
}

uint64_t arch_frame_pointer(void)
{
	return 0;
}

bool arch_backtrace_step(uint64_t *fp, uint64_t *pc)
{
	return false;
}

const char *symbol_find(vaddr_t address, size_t *offset)
{
	return NULL;
}

void arch_vdso_update_clock(uint64_t mult, unsigned int shift,
			    uint64_t base_ticks, int64_t realtime_offset_ns)
{
}

/* ---- memory ---------------------------------------------------------------- */

/* Aligned as kernel/mm/slab.h promises. */
void *kmalloc(size_t size)
{
	return size && size % 64 == 0 ? aligned_alloc(64, size) : malloc(size);
}

void *kzalloc(size_t size)
{
	void *memory = kmalloc(size);

	return memory ? memset(memory, 0, size) : NULL;
}

void kfree(void *object)
{
	free(object);
}

/* Registers: nothing is ever read there, see arch/mmio.h. */
volatile void *device_map(paddr_t pa, size_t size)
{
	return host_device->registers
		       ? (volatile void *)(uintptr_t)host_device->registers
		       : NULL;
}

/* ---- locks ------------------------------------------------------------------ */

void lock_check_acquire(const void *lock, unsigned int rank)
{
}

void lock_check_release(const void *lock, unsigned int rank)
{
}

void lock_stats_count(unsigned int rank, bool waited, uint64_t spins)
{
}

void lock_stats_moved(unsigned int rank)
{
}

/* ---- trace: off ---- */

uint64_t trace_mask;

void trace_record(const struct trace_place *place,
		  const struct trace_thread *about, const uint64_t *args,
		  unsigned int num_args)
{
}

void trace_record_by(const struct trace_thread *by,
		     const struct trace_place *place,
		     const struct trace_thread *about, const uint64_t *args,
		     unsigned int num_args, const struct trace_bytes *bytes,
		     unsigned int num_bytes)
{
}

void trace_record_bytes(const struct trace_place *place,
			const struct trace_thread *about, const uint64_t *args,
			unsigned int num_args, const struct trace_bytes *bytes,
			unsigned int num_bytes)
{
}

void trace_record_boot(const struct trace_place *place, const uint64_t *args,
		       unsigned int num_args)
{
}
