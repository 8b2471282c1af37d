/* SPDX-License-Identifier: MIT */
/*
 * abi/signal.h - signal numbers, siginfo_t, sigaction flags
 */
#pragma once

#include <asm/signal.h>
#include <asm/siginfo.h>
