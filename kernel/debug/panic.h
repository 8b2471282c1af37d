/* SPDX-License-Identifier: MIT */
/*
 * panic.h - what happens when the kernel itself is wrong
 */
#pragma once

#include "kernel/lib/compiler.h"

struct trap_frame;

/*
 * Print what was expected and what was found, registers and a symbolised
 * backtrace, then stop the machine with a failing status. Any context.
 */
void panic(const char *fmt, ...) __printf(1, 2) __noreturn;
/* The same with the registers of the trap that brought us here. */
void panic_at(const struct trap_frame *tf, const char *fmt, ...)
	__printf(2, 3) __noreturn;

/*
 * The kernel is in order, but not what it was given: no memory, no program to
 * run. Print why, and stop the machine with a failing status. Any context.
 */
void halt_machine(const char *fmt, ...) __printf(1, 2) __noreturn;

void assert_failed(const char *expr, const char *file, int line,
		   const char *func) __noreturn;

/* Stays on in release builds: our own mistakes must not go unseen. */
#define assert(expr)                                                           \
	(likely(expr) ? (void)0                                                \
		      : assert_failed(#expr, __FILE__, __LINE__, __func__))

/* Checked in debug builds only: for the hottest paths. */
#define debug_assert(expr)                                                     \
	do {                                                                   \
		if (CONFIG_DEBUG)                                              \
			assert(expr);                                          \
	} while (0)

/* Print the call chain that begins at the frame pointer @fp. */
void backtrace_print(vaddr_t fp, vaddr_t pc);

/*
 * The function that holds @address. Returns its name, or NULL, and the
 * distance from its start in *@offset.
 */
const char *symbol_find(vaddr_t address, size_t *offset);
