/* SPDX-License-Identifier: MIT */
/*
 * hash.c - the hash of a name, as indexed directories sort by it
 *
 * Three functions, each for signed and for unsigned characters (a machine's
 * "char" got into the format once). They need not be strong, only the same
 * everywhere.
 * Source: "Hash Tree Directories" of the Linux kernel's ext4 documentation; MD4:
 * RFC 1320, cut to three rounds of eight steps; TEA: Wheeler and Needham, "TEA,
 * a Tiny Encryption Algorithm".
 */
#include "kernel/fs/ext4/internal.h"

#define HASH_END 0xfffffffeu /* means "past the last": no name has it */

static uint32_t rotate_left(uint32_t x, unsigned int n)
{
	return x << n | x >> (32 - n);
}

/* A character, widened as the version of the hash wants it. */
static uint32_t char_at(const char *name, size_t i, bool is_unsigned)
{
	return is_unsigned ? (uint32_t)(unsigned char)name[i]
			   : (uint32_t)(int32_t)(signed char)name[i];
}

/* @num words from the next characters; what is missing is filled with the
 * length. */
static void fill_words(const char *name, size_t len, bool is_unsigned,
		       uint32_t *words, unsigned int num)
{
	uint32_t pad = (uint32_t)len | (uint32_t)len << 8, value;

	pad |= pad << 16;
	for (unsigned int i = 0; i < num; i++) {
		value = pad;
		for (size_t k = 4UL * i; k < 4UL * i + 4 && k < len; k++)
			value = (value << 8) + char_at(name, k, is_unsigned);
		words[i] = value;
	}
}

/* ---- Half MD4 ---- */

static uint32_t choose(uint32_t x, uint32_t y, uint32_t z)
{
	return z ^ (x & (y ^ z));
}

static uint32_t majority(uint32_t x, uint32_t y, uint32_t z)
{
	return (x & y) + ((x ^ y) & z);
}

static uint32_t parity(uint32_t x, uint32_t y, uint32_t z)
{
	return x ^ y ^ z;
}

/* Four steps, in which a, d, c, b take turns: which words, moved how far. */
#define FOUR_STEPS(mix, constant, i, j, k, l, r, s, t, u)                      \
	do {                                                                   \
		a = rotate_left(a + mix(b, c, d) + words[i] + (constant), r);  \
		d = rotate_left(d + mix(a, b, c) + words[j] + (constant), s);  \
		c = rotate_left(c + mix(d, a, b) + words[k] + (constant), t);  \
		b = rotate_left(b + mix(c, d, a) + words[l] + (constant), u);  \
	} while (0)

static void half_md4(uint32_t state[4], const uint32_t words[8])
{
	uint32_t a = state[0], b = state[1], c = state[2], d = state[3];

	FOUR_STEPS(choose, 0u, 0, 1, 2, 3, 3, 7, 11, 19);
	FOUR_STEPS(choose, 0u, 4, 5, 6, 7, 3, 7, 11, 19);
	FOUR_STEPS(majority, 0x5a827999u, 1, 3, 5, 7, 3, 5, 9, 13);
	FOUR_STEPS(majority, 0x5a827999u, 0, 2, 4, 6, 3, 5, 9, 13);
	FOUR_STEPS(parity, 0x6ed9eba1u, 3, 7, 2, 6, 3, 9, 11, 15);
	FOUR_STEPS(parity, 0x6ed9eba1u, 1, 5, 0, 4, 3, 9, 11, 15);
	state[0] += a;
	state[1] += b;
	state[2] += c;
	state[3] += d;
}

/* ---- TEA ---- */

static void tea(uint32_t state[4], const uint32_t words[4])
{
	uint32_t sum = 0, x = state[0], y = state[1];

	for (int i = 0; i < 16; i++) {
		sum += 0x9e3779b9u;
		x += ((y << 4) + words[0]) ^ (y + sum) ^ ((y >> 5) + words[1]);
		y += ((x << 4) + words[2]) ^ (x + sum) ^ ((x >> 5) + words[3]);
	}
	state[0] += x;
	state[1] += y;
}

/* ---- The oldest ---- */

static uint32_t legacy(const char *name, size_t len, bool is_unsigned)
{
	uint32_t hash = 0x12a3fe2d, before = 0x37abe8f9;

	for (size_t i = 0; i < len; i++) {
		uint32_t next =
			before +
			(hash ^ (char_at(name, i, is_unsigned) * 7152373u));

		if (next & 0x80000000u)
			next -= 0x7fffffffu;
		before = hash;
		hash = next;
	}
	return hash << 1;
}

int ext4_name_hash(const struct ext4 *fs, unsigned int version,
		   const char *name, size_t len, struct ext4_hash *out)
{
	const uint32_t *seed = fs->super->hash_seed;
	uint32_t state[4] = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476 };
	uint32_t words[8];
	bool wide = version >= HASH_UNSIGNED_FROM;
	size_t step, at;

	if (wide)
		version -= HASH_UNSIGNED_FROM;
	if (version > HASH_TEA)
		return -EUCLEAN;
	if (seed[0] | seed[1] | seed[2] | seed[3])
		memcpy(state, seed, sizeof(state));
	step = version == HASH_TEA ? 16 : 32;
	for (at = 0; version != HASH_LEGACY && at < len; at += step) {
		fill_words(name + at, len - at, wide, words,
			   (unsigned int)step / 4);
		if (version == HASH_TEA)
			tea(state, words);
		else
			half_md4(state, words);
	}
	out->minor = 0;
	if (version == HASH_LEGACY) {
		out->major = legacy(name, len, wide);
	} else if (version == HASH_TEA) {
		out->major = state[0];
		out->minor = state[1];
	} else {
		out->major = state[1];
		out->minor = state[2];
	}
	out->major &= ~1u;
	if (out->major == HASH_END)
		out->major = HASH_END - 2;
	return 0;
}
