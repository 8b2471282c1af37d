/* SPDX-License-Identifier: MIT */
/*
 * check.h - the few lines that every ABI test shares
 *
 * A claim is one line of output: "ok NAME" or "not ok NAME: why". main()
 * returns check_status(): 0 when every claim held.
 */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

static int check_failed;

/*
 * How often something is tried that must not take longer, or use more of a hart,
 * than a certain time. A machine (or a hart of it) may stand still at any moment,
 * for seconds, when its host has no time for it; what stands still then is late,
 * and is charged for it. But not each time: what keeps its time once keeps it.
 */
#define TRIES 20

/* One claim: @holds, under the printf-like name. */
__attribute__((format(printf, 2, 3), unused)) static bool
check(bool holds, const char *name, ...)
{
	va_list args;

	if (!holds)
		check_failed++;
	fputs(holds ? "ok " : "not ok ", stdout);
	va_start(args, name);
	vprintf(name, args);
	va_end(args);
	putchar('\n');
	fflush(stdout);
	return holds;
}

__attribute__((unused)) static int check_status(void)
{
	printf("%s\n", check_failed ? "FAILED" : "PASSED");
	return check_failed ? 1 : 0;
}
