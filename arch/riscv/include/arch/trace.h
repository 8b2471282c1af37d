/* SPDX-License-Identifier: MIT */
/*
 * arch/trace.h - what the protocol trace asks of the machine
 */
#pragma once

#include <stdint.h>

/*
 * A time stamp in ticks of the timebase: never less than the one before on this
 * hart, and cheap also where reading the time counter is a trap to the firmware
 * (arch/riscv/trace_time.c). Interrupts off.
 */
uint64_t arch_trace_time(void);
/* Tracing is about to begin: find out what is cheap here. Context: thread. */
void arch_trace_time_choose(void);
/* This hart may have waited: do not trust its cycles. Interrupts off. */
void arch_trace_time_check(void);
