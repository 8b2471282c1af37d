/* SPDX-License-Identifier: MIT */
/*
 * panic.c - the end of a kernel that is wrong
 *
 * Idea: say what is known, then stop the machine in a way that a script sees
 * (the firmware's "system failure"). A panic while one is being printed waits
 * a while, so that the first is seen whole, then ends the machine itself.
 */
#include "kernel/debug/panic.h"

#include <stdarg.h>
#include <arch/hart.h>
#include <arch/machine.h>
#include <arch/trap_frame.h>
#include "kernel/debug/log.h"
#include "kernel/lib/format.h"

/* What stack protection compares; the canary itself is in the thread. */
void __stack_chk_fail(void) __noreturn;

/* Some tenths of a second. */
#define MAX_SPINS (1u << 25)
#define MAX_DEPTH 32

static unsigned int panicking; /* atomic */

/* @what comes before the message: what kind of end this is. */
static __printf(2, 0) void panic_begin(const char *what, const char *fmt,
				       va_list args)
{
	char text[256];

	arch_interrupts_off();
	if (__atomic_exchange_n(&panicking, 1, __ATOMIC_ACQ_REL)) {
		for (unsigned int i = 0; i < MAX_SPINS; i++)
			arch_spin_hint();
		log_console_write("panic in panic\n", 15);
		arch_power_off(true);
	}
	log_set_console_level(LOG_DEBUG);
	format_string_v(text, sizeof(text), fmt, args);
	log_error("%s: %s", what, text);
}

void panic(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	panic_begin("PANIC", fmt, args);
	va_end(args);
	backtrace_print(arch_frame_pointer(), 0);
	arch_power_off(true);
}

void halt_machine(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	panic_begin("STOP", fmt, args);
	va_end(args);
	arch_power_off(true);
}

void panic_at(const struct trap_frame *tf, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	panic_begin("PANIC", fmt, args);
	va_end(args);
	arch_print_registers(tf);
	backtrace_print(tf_frame_pointer(tf), tf_pc(tf));
	arch_power_off(true);
}

void assert_failed(const char *expr, const char *file, int line,
		   const char *func)
{
	panic("assertion failed: %s (%s:%d, %s)", expr, file, line, func);
}

void __stack_chk_fail(void)
{
	panic("a kernel stack frame was overwritten (stack protector)");
}

/*
 * @pc lies in the function, or just behind it: a return address does if the
 * call is the function's last instruction (it never returns).
 */
static void print_function(vaddr_t pc, bool is_return_address)
{
	size_t offset;
	const char *name = symbol_find(pc - is_return_address, &offset);

	if (name)
		log_error("  [<%016lx>] %s+0x%zx", pc, name,
			  offset + is_return_address);
	else
		log_error("  [<%016lx>]", pc);
}

void backtrace_print(vaddr_t fp, vaddr_t pc)
{
	uint64_t frame = fp, at = pc;

	log_error("Call chain, innermost first:");
	if (pc)
		print_function(pc, false);
	for (int depth = 0; depth < MAX_DEPTH; depth++) {
		if (!arch_backtrace_step(&frame, &at))
			return;
		print_function(at, true);
	}
}
