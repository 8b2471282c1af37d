/* SPDX-License-Identifier: MIT */
/*
 * random.h - random numbers for programs and for the kernel
 *
 * ChaCha20 (RFC 8439) keyed from /chosen/rng-seed, virtio-rng and interrupt
 * timing; the key is replaced after each use ("fast key erasure"), so earlier
 * output cannot be computed from a later state.
 */
#pragma once

#include "kernel/lib/compiler.h"

void random_init(void);
/* Mix @data in; @trusted: counts as full entropy (seed, hardware). */
void random_add(const void *data, size_t size, bool trusted);
/* Cheap: called with timing noise from interrupts. */
void random_add_timing(uint64_t value);
void random_bytes(void *to, size_t size);
uint64_t random_u64(void);
/* Uniform in [0, @limit). */
uint64_t random_below(uint64_t limit);
bool random_is_seeded(void);
