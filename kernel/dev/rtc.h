/* SPDX-License-Identifier: MIT */
/*
 * rtc.h - the class of real-time clocks
 */
#pragma once

#include "kernel/lib/compiler.h"

/* By a driver, in probe: ns since 1970. Sets the wall clock once. */
void rtc_register(uint64_t (*read_ns)(void *data), void *data);
