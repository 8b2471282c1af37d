/* SPDX-License-Identifier: MIT */
/*
 * string.c - bytes and strings
 *
 * Idea: copying and clearing is what a kernel does most, so it moves 64-bit
 * words, several per round of the loop. Words are only read and written where
 * they are aligned: boards trap a misaligned access to the firmware, which
 * takes hundreds of instructions to emulate it. Where source and destination
 * are misaligned against each other, two aligned source words are shifted
 * together (the byte order is little endian).
 *
 * No byte outside the given ranges is read, so the sanitizers agree.
 */
#include "kernel/lib/string.h"

#include "kernel/abi/errno.h"

#define WORD_SIZE sizeof(uint64_t)
#define LARGE     (16 * WORD_SIZE) /* from here on copies go round a loop */

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
	       "copy_shifted() puts words together in this order");

/* Bytes from @p to the next word boundary. */
static size_t bytes_to_boundary(const void *p)
{
	return -(uintptr_t)p & (WORD_SIZE - 1);
}

/* One byte after the other; returns where @to ended. */
static unsigned char *copy_bytes(unsigned char *to, const unsigned char *from,
				 size_t n)
{
	while (n--) {
		*to++ = *from++;
		compiler_barrier(); /* else it is made a call of memcpy() */
	}
	return to;
}

/* Of @n bytes the last few, which are not a word. */
static force_inline void copy_tail(void *to, const void *from, size_t n)
{
	size_t odd = n & (WORD_SIZE - 1);

	if (unlikely(odd))
		copy_bytes((unsigned char *)to + (n - odd),
			   (const unsigned char *)from + (n - odd), odd);
}

/* Both word aligned. */
static force_inline void copy_aligned(uint64_t *to, const uint64_t *from,
				      size_t n)
{
	copy_words(to, from, n);
	copy_tail(to, from, n);
}

/*
 * @to is word aligned, @from is not, @n is at least two words: each word
 * written is put together from the rest of one aligned source word and the
 * beginning of the next.
 */
static void copy_shifted(uint64_t *to, const unsigned char *from, size_t n)
{
	size_t head = bytes_to_boundary(from);
	unsigned int low = (unsigned int)head * 8;
	const uint64_t *next;
	uint64_t rest = 0;

	for (size_t i = 0; i < head; i++)
		rest |= (uint64_t)from[i] << (8 * i);
	next = (const uint64_t *)(uintptr_t)(from + head);

	for (; n >= head + WORD_SIZE; n -= WORD_SIZE) {
		uint64_t word = *next++;

		*to++ = rest | word << low;
		rest = word >> (64 - low);
		from += WORD_SIZE;
	}
	copy_bytes((unsigned char *)to, from, n);
}

static __noinline void *copy_misaligned(unsigned char *to,
					const unsigned char *from, size_t n)
{
	size_t head = bytes_to_boundary(to);
	unsigned char *at = to;

	if (n < 3 * WORD_SIZE) {
		copy_bytes(at, from, n);
		return to;
	}
	at = copy_bytes(at, from, head);
	from += head;
	n -= head;
	if (IS_ALIGNED((uintptr_t)from, WORD_SIZE))
		copy_aligned((uint64_t *)(uintptr_t)at,
			     (const uint64_t *)(uintptr_t)from, n);
	else
		copy_shifted((uint64_t *)(uintptr_t)at, from, n);
	return to;
}

/* Half a kilobyte: in longer rounds than this, counting is no cost any more. */
#define ROUND_WORDS 64u

static force_inline void copy_round(uint64_t *to, const uint64_t *from)
{
	copy_eight(to, from);
	copy_eight(to + 8, from + 8);
	copy_eight(to + 16, from + 16);
	copy_eight(to + 24, from + 24);
	copy_eight(to + 32, from + 32);
	copy_eight(to + 40, from + 40);
	copy_eight(to + 48, from + 48);
	copy_eight(to + 56, from + 56);
}

/* Apart from the small copies, which need fewer registers. */
static __noinline void *copy_large(void *to, const void *from, size_t n)
{
	uint64_t *d = to;
	const uint64_t *s = from;

	for (; n >= ROUND_WORDS * WORD_SIZE; n -= ROUND_WORDS * WORD_SIZE) {
		copy_round(d, s);
		d += ROUND_WORDS;
		s += ROUND_WORDS;
	}
	copy_aligned(d, s, n);
	return to;
}

void *memcpy(void *to, const void *from, size_t n)
{
	if (unlikely(!IS_ALIGNED((uintptr_t)to | (uintptr_t)from, WORD_SIZE)))
		return copy_misaligned(to, from, n);
	if (n >= LARGE)
		return copy_large(to, from, n);
	copy_few_words(to, from, n);
	copy_tail(to, from, n);
	return to;
}

/* From the last byte to the first: @to overlaps the end of @from. */
static void copy_backward(unsigned char *to, const unsigned char *from,
			  size_t n)
{
	bool words = IS_ALIGNED((uintptr_t)to ^ (uintptr_t)from, WORD_SIZE);

	to += n;
	from += n;
	while (n && !(words && IS_ALIGNED((uintptr_t)to, WORD_SIZE))) {
		*--to = *--from;
		n--;
		compiler_barrier();
	}
	for (; n >= WORD_SIZE; n -= WORD_SIZE) {
		to -= WORD_SIZE;
		from -= WORD_SIZE;
		*(uint64_t *)(uintptr_t)to = *(const uint64_t *)(uintptr_t)from;
		compiler_barrier();
	}
	while (n--) {
		*--to = *--from;
		compiler_barrier();
	}
}

void *memmove(void *to, const void *from, size_t n)
{
	/* Copying upward reads each byte before it is overwritten, unless
	 * @to lies inside of @from's range. */
	if ((uintptr_t)to - (uintptr_t)from >= n)
		return memcpy(to, from, n);
	copy_backward(to, from, n);
	return to;
}

static unsigned char *set_bytes(unsigned char *to, int byte, size_t n)
{
	while (n--) {
		*to++ = (unsigned char)byte;
		compiler_barrier();
	}
	return to;
}

void *memset(void *to, int byte, size_t n)
{
	uint64_t word = (unsigned char)byte * 0x0101010101010101ULL;
	unsigned char *d = to;
	uint64_t *w;
	size_t head = MIN(bytes_to_boundary(d), n);

	if (n < WORD_SIZE) {
		set_bytes(d, byte, n);
		return to;
	}
	d = set_bytes(d, byte, head);
	n -= head;
	w = (uint64_t *)(uintptr_t)d;
	for (; n >= 8 * WORD_SIZE; n -= 8 * WORD_SIZE, w += 8) {
		w[0] = word, w[1] = word, w[2] = word, w[3] = word;
		w[4] = word, w[5] = word, w[6] = word, w[7] = word;
	}
	for (; n >= WORD_SIZE; n -= WORD_SIZE) {
		*w++ = word;
		compiler_barrier();
	}
	set_bytes((unsigned char *)w, byte, n);
	return to;
}

static force_inline void clear_eight(uint64_t *w)
{
	w[0] = 0, w[1] = 0, w[2] = 0, w[3] = 0;
	w[4] = 0, w[5] = 0, w[6] = 0, w[7] = 0;
}

void clear_page(void *page)
{
	uint64_t *w = page;
	uint64_t *end = w + PAGE_SIZE / WORD_SIZE;

	for (; w != end; w += ROUND_WORDS) {
		clear_eight(w);
		clear_eight(w + 8);
		clear_eight(w + 16);
		clear_eight(w + 24);
		clear_eight(w + 32);
		clear_eight(w + 40);
		clear_eight(w + 48);
		clear_eight(w + 56);
	}
}

void copy_page(void *to, const void *from)
{
	uint64_t *d = to;
	const uint64_t *s = from;
	const uint64_t *end = s + PAGE_SIZE / WORD_SIZE;

	for (; s != end; s += ROUND_WORDS, d += ROUND_WORDS)
		copy_round(d, s);
}

int memcmp(const void *a, const void *b, size_t n)
{
	const unsigned char *x = a, *y = b;

	if (IS_ALIGNED((uintptr_t)x | (uintptr_t)y, WORD_SIZE)) {
		while (n >= WORD_SIZE &&
		       *(const uint64_t *)(uintptr_t)x ==
			       *(const uint64_t *)(uintptr_t)y) {
			x += WORD_SIZE;
			y += WORD_SIZE;
			n -= WORD_SIZE;
		}
	}
	for (; n; n--, x++, y++) {
		if (*x != *y)
			return *x - *y;
	}
	return 0;
}

void *memchr(const void *s, int byte, size_t n)
{
	const unsigned char *p = s;

	for (; n; n--, p++) {
		if (*p == (unsigned char)byte)
			return (void *)(uintptr_t)p;
	}
	return NULL;
}

size_t strlen(const char *s)
{
	const char *end = s;

	while (*end)
		end++;
	return (size_t)(end - s);
}

size_t strnlen(const char *s, size_t max)
{
	size_t n = 0;

	while (n < max && s[n])
		n++;
	return n;
}

int strcmp(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return (unsigned char)*a - (unsigned char)*b;
}

int strncmp(const char *a, const char *b, size_t n)
{
	for (; n; n--, a++, b++) {
		if (*a != *b || !*a)
			return (unsigned char)*a - (unsigned char)*b;
	}
	return 0;
}

char *strchr(const char *s, int c)
{
	for (;; s++) {
		if (*s == (char)c)
			return (char *)(uintptr_t)s;
		if (!*s)
			return NULL;
	}
}

char *strrchr(const char *s, int c)
{
	const char *found = NULL;

	for (;; s++) {
		if (*s == (char)c)
			found = s;
		if (!*s)
			return (char *)(uintptr_t)found;
	}
}

char *strstr(const char *s, const char *part)
{
	size_t n = strlen(part);

	for (;; s++) {
		if (!strncmp(s, part, n))
			return (char *)(uintptr_t)s;
		if (!*s)
			return NULL;
	}
}

ssize_t strcopy(char *to, const char *from, size_t size)
{
	size_t length = strnlen(from, size);

	if (!size)
		return -E2BIG;
	if (length == size) {
		memcpy(to, from, size - 1);
		to[size - 1] = '\0';
		return -E2BIG;
	}
	memcpy(to, from, length + 1);
	return (ssize_t)length;
}

bool starts_with(const char *s, const char *prefix)
{
	while (*prefix) {
		if (*s++ != *prefix++)
			return false;
	}
	return true;
}

/* The value of @c as a digit, 16 or more if it is none. */
static unsigned int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned int)(c - '0');
	if (c >= 'a' && c <= 'f')
		return (unsigned int)(c - 'a') + 10;
	if (c >= 'A' && c <= 'F')
		return (unsigned int)(c - 'A') + 10;
	return 16;
}

uint64_t parse_u64(const char *s, const char **end)
{
	unsigned int base = 10;
	uint64_t value = 0;

	if (s[0] == '0' && (s[1] == 'x' || s[1] == 'X') &&
	    digit_value(s[2]) < 16) {
		base = 16;
		s += 2;
	} else if (s[0] == '0') {
		base = 8;
	}
	for (; digit_value(*s) < base; s++)
		value = value * base + digit_value(*s);
	if (end)
		*end = s;
	return value;
}
