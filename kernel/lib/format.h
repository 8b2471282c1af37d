/* SPDX-License-Identifier: MIT */
/*
 * format.h - printf-like formatting into memory
 *
 * Understands %d %i %u %x %X %o %c %s %p %% with the flags "-", "0", "+",
 * " ", "#", a width and a precision (numbers or *), and the lengths hh h l
 * ll z t j. No floating point.
 */
#pragma once

#include <stdarg.h>
#include "kernel/lib/compiler.h"

/*
 * Write at most @size bytes, always ended with NUL when @size > 0.
 * Returns the length the whole text has, as in C.
 */
int format_string(char *buf, size_t size, const char *fmt, ...) __printf(3, 4);
int format_string_v(char *buf, size_t size, const char *fmt, va_list args)
	__printf(3, 0);
