/* SPDX-License-Identifier: MIT */
/*
 * thread_offsets.h - where trap.S finds fields of struct thread
 *
 * Each is proved in thread.c.
 */
#pragma once

#include <arch/thread.h>

#define ARCH_THREAD_SIZE (THREAD_CONTEXT + CONTEXT_SIZE + 33 * 8 + 16)
#define THREAD_WORK      (ARCH_THREAD_SIZE + 16)
