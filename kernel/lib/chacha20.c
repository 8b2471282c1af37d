/* SPDX-License-Identifier: MIT */
/*
 * chacha20.c - the ChaCha20 block function
 *
 * Source: RFC 8439, sections 2.1 to 2.3.
 */
#include "kernel/lib/chacha20.h"

#include "kernel/lib/string.h"

static force_inline uint32_t rotate(uint32_t word, unsigned int bits)
{
	return word << bits | word >> (32 - bits);
}

static force_inline void quarter_round(uint32_t s[16], unsigned int a,
				       unsigned int b, unsigned int c,
				       unsigned int d)
{
	s[a] += s[b];
	s[d] = rotate(s[d] ^ s[a], 16);
	s[c] += s[d];
	s[b] = rotate(s[b] ^ s[c], 12);
	s[a] += s[b];
	s[d] = rotate(s[d] ^ s[a], 8);
	s[c] += s[d];
	s[b] = rotate(s[b] ^ s[c], 7);
}

static void double_round(uint32_t s[16])
{
	quarter_round(s, 0, 4, 8, 12); /* the columns */
	quarter_round(s, 1, 5, 9, 13);
	quarter_round(s, 2, 6, 10, 14);
	quarter_round(s, 3, 7, 11, 15);
	quarter_round(s, 0, 5, 10, 15); /* the diagonals */
	quarter_round(s, 1, 6, 11, 12);
	quarter_round(s, 2, 7, 8, 13);
	quarter_round(s, 3, 4, 9, 14);
}

void chacha20_block(const unsigned char key[CHACHA20_KEY_SIZE],
		    uint32_t counter,
		    const unsigned char nonce[CHACHA20_NONCE_SIZE],
		    unsigned char block[CHACHA20_BLOCK_SIZE])
{
	/* "expand 32-byte k" in four little-endian words. */
	uint32_t start[16] = { 0x61707865, 0x3320646e, 0x79622d32, 0x6b206574 };
	uint32_t s[16];

	memcpy(start + 4, key, CHACHA20_KEY_SIZE);
	start[12] = counter;
	memcpy(start + 13, nonce, CHACHA20_NONCE_SIZE);

	memcpy(s, start, sizeof(s));
	for (int i = 0; i < 10; i++)
		double_round(s);
	for (int i = 0; i < 16; i++)
		s[i] += start[i];
	memcpy(block, s, CHACHA20_BLOCK_SIZE);
}
