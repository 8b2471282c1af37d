/* SPDX-License-Identifier: MIT */
/*
 * abi/signal.h - signal numbers, siginfo_t, sigaction flags
 */
#pragma once

#include <linux/signal.h>

/*
 * What of a siginfo_t has a meaning. The rest, up to SI_MAX_SIZE, is for
 * members to come; the program finds zeros there.
 */
struct short_siginfo {
	__SIGINFO;
};
_Static_assert(sizeof(struct short_siginfo) == 48, "ABI");
