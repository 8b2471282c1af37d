/* SPDX-License-Identifier: MIT */
/*
 * text.h - text that grows while it is written
 *
 * Writers do not look at errors: after one (no memory, too long) everything
 * that follows is dropped, and the reader of the text finds @err set.
 */
#pragma once

#include "kernel/lib/compiler.h"

struct text {
	char *data; /* no NUL at the end */
	size_t size;
	size_t capacity;
	int err; /* 0, -ENOMEM, -EFBIG */
};

void text_init(struct text *text);
void text_destroy(struct text *text);
void text_add(struct text *text, const char *fmt, ...) __printf(2, 3);
void text_add_bytes(struct text *text, const void *bytes, size_t size);
/* Blanks until the line that began at @line_start is @column long. */
void text_pad(struct text *text, size_t line_start, size_t column);
/* @s with blanks, newlines and backslashes as octal: fields of fstab(5). */
void text_add_escaped(struct text *text, const char *s);
