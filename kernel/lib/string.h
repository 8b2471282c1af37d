/* SPDX-License-Identifier: MIT */
/*
 * string.h - bytes and strings, as in the C library (ISO C, "String handling")
 */
#pragma once

#include "kernel/lib/compiler.h"

void *memcpy(void *to, const void *from, size_t n);
void *memmove(void *to, const void *from, size_t n);
void *memset(void *to, int byte, size_t n);
int memcmp(const void *a, const void *b, size_t n);
void *memchr(const void *s, int byte, size_t n);
size_t strlen(const char *s);
size_t strnlen(const char *s, size_t max);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);
char *strchr(const char *s, int c);
char *strrchr(const char *s, int c);
char *strstr(const char *s, const char *part);

/*
 * Copy @from to @to of @size bytes, always ended with NUL.
 * Returns the length copied, or -E2BIG if @from had to be cut.
 */
ssize_t strcopy(char *to, const char *from, size_t size);
bool starts_with(const char *s, const char *prefix);

/*
 * Parse a number in base 10, or 16 and 8 by prefix 0x and 0.
 * @end gets the first character not used (may be NULL).
 */
uint64_t parse_u64(const char *s, const char **end);

/* Eight words: as many as there are registers to hold them. */
static force_inline void copy_eight(uint64_t *to, const uint64_t *from)
{
	uint64_t w0 = from[0], w1 = from[1], w2 = from[2], w3 = from[3];
	uint64_t w4 = from[4], w5 = from[5], w6 = from[6], w7 = from[7];

	to[0] = w0, to[1] = w1, to[2] = w2, to[3] = w3;
	to[4] = w4, to[5] = w5, to[6] = w6, to[7] = w7;
}

/* As copy_words(), fewer than 16 of them. */
static force_inline void copy_few_words(uint64_t *to, const uint64_t *from,
					size_t size)
{
	if (size & (8 * sizeof(*from))) {
		copy_eight(to, from);
		to += 8, from += 8;
	}
	if (size & (4 * sizeof(*from))) {
		uint64_t w0 = from[0], w1 = from[1], w2 = from[2], w3 = from[3];

		to[0] = w0, to[1] = w1, to[2] = w2, to[3] = w3;
		to += 4, from += 4;
	}
	if (size & (2 * sizeof(*from))) {
		uint64_t w0 = from[0], w1 = from[1];

		to[0] = w0, to[1] = w1;
		to += 2, from += 2;
	}
	if (size & sizeof(*from))
		*to = *from;
}

/*
 * memcpy() of whole aligned words (@size in bytes). Inline: for structures,
 * whose size is a constant, nothing is left of the tests.
 */
static force_inline void copy_words(uint64_t *to, const uint64_t *from,
				    size_t size)
{
	const uint64_t *end = from + size / (16 * sizeof(*from)) * 16;

	for (; from != end; to += 16, from += 16) {
		copy_eight(to, from);
		copy_eight(to + 8, from + 8);
	}
	copy_few_words(to, from, size);
}

/* Clear or copy exactly one page; both page aligned. The fast routines. */
void clear_page(void *page);
void copy_page(void *to, const void *from);
