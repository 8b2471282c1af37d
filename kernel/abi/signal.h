/* SPDX-License-Identifier: MIT */
/*
 * abi/signal.h - signal numbers, siginfo_t, sigaction flags
 */
#pragma once

#include <linux/signal.h>
