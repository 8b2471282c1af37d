/* SPDX-License-Identifier: MIT */
/*
 * time/internal.h - what the files of time/ tell each other
 */
#pragma once

#include "kernel/lib/compiler.h"

/* Show programs the clock through the vDSO; needs memory for its page. */
void clock_publish(void);
/* The counter's first value at which clock_now_ns() is @deadline_ns or more. */
uint64_t clock_deadline_ticks(uint64_t deadline_ns);
