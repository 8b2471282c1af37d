/* SPDX-License-Identifier: MIT */
/*
 * bits.c - places of bits in a word, and what the compiler calls for them
 */
#include "kernel/lib/bits.h"

const uint8_t bit_shift_of[64] = {
	0,  1,  48, 2,  57, 49, 28, 3,  61, 58, 50, 42, 38, 29, 17, 4,
	62, 55, 59, 36, 53, 51, 43, 22, 45, 39, 33, 30, 24, 18, 12, 5,
	63, 47, 56, 27, 60, 41, 37, 16, 54, 35, 52, 21, 44, 32, 23, 11,
	46, 26, 40, 15, 34, 20, 31, 10, 25, 14, 19, 9,  13, 8,  7,  6,
};

/* Halve the range in which the bit can be, six times. */
unsigned int bit_highest(uint64_t word)
{
	unsigned int place = 0;

	for (unsigned int half = 32; half; half /= 2) {
		if (word >> half) {
			word >>= half;
			place += half;
		}
	}
	return place;
}

/* Sums of ever wider neighbours: 2, 4, 8 bits; then all bytes at once. */
unsigned int bit_count(uint64_t word)
{
	word -= word >> 1 & 0x5555555555555555ULL;
	word = (word & 0x3333333333333333ULL) +
	       (word >> 2 & 0x3333333333333333ULL);
	word = (word + (word >> 4)) & 0x0f0f0f0f0f0f0f0fULL;
	return (unsigned int)(word * 0x0101010101010101ULL >> 56);
}

/*
 * GCC turns __builtin_ctzl() and the like into calls of these where the
 * machine has no instruction. Source: GCC Internals, "Routines for integer
 * arithmetic" and "Miscellaneous runtime library routines".
 */
int __ctzdi2(unsigned long word);
int __clzdi2(unsigned long word);
int __ffsdi2(unsigned long word);
int __popcountdi2(unsigned long word);
unsigned int __bswapsi2(unsigned int word);
unsigned long __bswapdi2(unsigned long word);

int __ctzdi2(unsigned long word)
{
	return (int)bit_lowest(word);
}

int __clzdi2(unsigned long word)
{
	return 63 - (int)bit_highest(word);
}

int __ffsdi2(unsigned long word)
{
	return word ? (int)bit_lowest(word) + 1 : 0;
}

int __popcountdi2(unsigned long word)
{
	return (int)bit_count(word);
}

unsigned int __bswapsi2(unsigned int word)
{
	return word >> 24 | (word >> 8 & 0xff00) | (word & 0xff00) << 8 |
	       word << 24;
}

unsigned long __bswapdi2(unsigned long word)
{
	return (unsigned long)__bswapsi2((unsigned int)word) << 32 |
	       __bswapsi2((unsigned int)(word >> 32));
}
