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

/* Clear or copy exactly one page; both page aligned. The fast routines. */
void clear_page(void *page);
void copy_page(void *to, const void *from);
