/* SPDX-License-Identifier: MIT */
/*
 * crc.c - checksums with the multiplication of polynomials
 *
 * Idea: Zbc's clmul and clmulr are the lower half and the (reversed) upper half
 * of a product without carries. Two of them make 64 bits of a checksum: see
 * kernel/lib/crc.c, which falls back on tables.
 * Source: RISC-V Bit-Manipulation ISA Extensions 1.0.0, "Zbc".
 */
#include <arch/harts.h>
#include "kernel/lib/crc.h"

/* The assembler may not know their names. */
static force_inline uint64_t clmul(uint64_t a, uint64_t b)
{
	uint64_t product;

	__asm__(".insn r 0x33, 1, 5, %0, %1, %2"
		: "=r"(product)
		: "r"(a), "r"(b));
	return product;
}

/* Bits 63 to 126. */
static force_inline uint64_t clmulr(uint64_t a, uint64_t b)
{
	uint64_t product;

	__asm__(".insn r 0x33, 2, 5, %0, %1, %2"
		: "=r"(product)
		: "r"(a), "r"(b));
	return product;
}

static uint32_t crc_words(uint32_t crc, const uint64_t *words, size_t count,
			  uint64_t quotient, uint32_t polynomial)
{
	const uint64_t *end = words + count;
	uint64_t rest = crc;

	if (count & 1)
		rest = clmulr(clmul(rest ^ *words++, quotient), polynomial);
	for (; words != end; words += 2) {
		rest = clmulr(clmul(rest ^ words[0], quotient), polynomial);
		rest = clmulr(clmul(rest ^ words[1], quotient), polynomial);
	}
	return (uint32_t)rest;
}

void arch_use_clmul(void)
{
	crc_use_words(crc_words);
}
