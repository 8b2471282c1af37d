/* SPDX-License-Identifier: MIT */
/*
 * bits.h - places of bits in a word
 *
 * rv64 without Zbb has no instruction for these, and the compiler would call
 * a library for its builtins (bits.c has that too).
 */
#pragma once

#include "kernel/lib/compiler.h"

/*
 * A de Bruijn sequence: each value of six bits occurs once in it. So when the
 * lowest bit alone has shifted it (the multiplication), its first six bits say
 * by how much; and this table says it in plain numbers.
 */
#define BIT_SEQUENCE 0x03f79d71b4cb0a89ULL
extern const uint8_t bit_shift_of[64];

/* The number of the lowest bit that is set; @word is not 0. */
static inline unsigned int bit_lowest(uint64_t word)
{
	return bit_shift_of[(word & -word) * BIT_SEQUENCE >> 58];
}
/* The number of the highest bit that is set; @word is not 0. */
unsigned int bit_highest(uint64_t word);
/* How many bits are set. */
unsigned int bit_count(uint64_t word);
