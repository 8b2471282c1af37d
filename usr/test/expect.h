/* SPDX-License-Identifier: MIT */
/*
 * expect.h - claims of the form "this call gives this error", one line each
 *
 * The line shows the call as it stands in the source, and what it gave.
 * Needs _GNU_SOURCE.
 */
#pragma once

#include <errno.h>
#include <string.h>
#include "check.h"

/* ENOENT, not "No such file": the same word as in the source. */
static inline const char *error_name(int error)
{
	const char *name = strerrorname_np(error);

	return name ? name : "?";
}

/* @call fails with @error. */
#define FAILS(call, error)                                                     \
	do {                                                                   \
		errno = 0;                                                     \
		long result_ = (long)(call);                                   \
		check(result_ == -1 && errno == (error),                       \
		      "%s: " #error " (got %ld, %s)", #call, result_,          \
		      error_name(errno));                                      \
	} while (0)

/* @call gives @value. */
#define GIVES(call, value)                                                     \
	do {                                                                   \
		errno = 0;                                                     \
		long result_ = (long)(call), value_ = (long)(value);           \
		check(result_ == value_, "%s = %ld (got %ld, %s)", #call,      \
		      value_, result_, error_name(errno));                     \
	} while (0)

#define WORKS(call) GIVES(call, 0)
