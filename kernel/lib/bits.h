/* SPDX-License-Identifier: MIT */
/*
 * bits.h - places of bits in a word
 *
 * rv64 without Zbb has no instruction for these, and the compiler would call
 * a library for its builtins (bits.c has that too).
 */
#pragma once

#include "kernel/lib/compiler.h"

/* The number of the lowest bit that is set; @word is not 0. */
unsigned int bit_lowest(uint64_t word);
/* The number of the highest bit that is set; @word is not 0. */
unsigned int bit_highest(uint64_t word);
/* How many bits are set. */
unsigned int bit_count(uint64_t word);
