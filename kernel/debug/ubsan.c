/* SPDX-License-Identifier: MIT */
/*
 * ubsan.c - what the compiler calls when a program does the undefined
 *
 * Debug builds (make DEBUG=1) are compiled with -fsanitize=undefined: before
 * each operation that C leaves undefined for some values, a test is compiled
 * in, and a call of one of these functions if it fails. Each gets a
 * description whose first member says where in the source that is.
 *
 * A report is a line "UBSAN: ..." in the log, which the tests look for; the
 * kernel goes on. After MAX_REPORTS it is silent, as one bad line in a loop
 * would drown everything else.
 *
 * Source: GCC 12, libsanitizer/ubsan/ubsan_handlers.h (names and arguments).
 */
#include "kernel/debug/log.h"
#include "kernel/debug/panic.h"

enum { MAX_REPORTS = 32 };

/* Where; what follows it in the descriptions is not used here. */
struct location {
	const char *file;
	uint32_t line;
	uint32_t column;
};

static unsigned int num_reports; /* atomic */

static void report(const struct location *at, const char *what)
{
	unsigned int n = __atomic_fetch_add(&num_reports, 1, __ATOMIC_RELAXED);

	if (n < MAX_REPORTS)
		log_error("UBSAN: %s at %s:%u", what, at->file, at->line);
}

#define HANDLER(name, what, ...)                                               \
	void __ubsan_handle_##name(const struct location *at, ##__VA_ARGS__);  \
	void __ubsan_handle_##name(const struct location *at, ##__VA_ARGS__)   \
	{                                                                      \
		report(at, what);                                              \
	}

/* The operands are passed too; the source line says enough. */
HANDLER(add_overflow, "overflow of +", uintptr_t a, uintptr_t b)
HANDLER(sub_overflow, "overflow of -", uintptr_t a, uintptr_t b)
HANDLER(mul_overflow, "overflow of *", uintptr_t a, uintptr_t b)
HANDLER(negate_overflow, "overflow of negation", uintptr_t a)
HANDLER(divrem_overflow, "division by 0 or overflow", uintptr_t a, uintptr_t b)
HANDLER(shift_out_of_bounds, "shift by too much", uintptr_t a, uintptr_t b)
HANDLER(out_of_bounds, "array index out of bounds", uintptr_t index)
HANDLER(vla_bound_not_positive, "array of no elements", uintptr_t bound)
HANDLER(load_invalid_value, "bool or enum of no valid value", uintptr_t value)
HANDLER(pointer_overflow, "pointer overflow", uintptr_t a, uintptr_t b)
HANDLER(type_mismatch_v1, "null pointer or object too small", uintptr_t p)
HANDLER(nonnull_arg, "NULL for an argument that must not be")
HANDLER(invalid_builtin, "0 for a builtin that needs another value")

/* The second argument says where; the first describes the function. */
void __ubsan_handle_nonnull_return_v1(const void *data,
				      const struct location *at);
void __ubsan_handle_nonnull_return_v1(const void *data,
				      const struct location *at)
{
	report(at, "NULL returned where that must not be");
}

/* After these there is nothing to go on with. */
void __ubsan_handle_builtin_unreachable(const struct location *at) __noreturn;
void __ubsan_handle_builtin_unreachable(const struct location *at)
{
	panic("UBSAN: unreachable code at %s:%u", at->file, at->line);
}

void __ubsan_handle_missing_return(const struct location *at) __noreturn;
void __ubsan_handle_missing_return(const struct location *at)
{
	panic("UBSAN: end of a function without return at %s:%u", at->file,
	      at->line);
}
