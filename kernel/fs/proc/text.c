/* SPDX-License-Identifier: MIT */
/*
 * text.c - text that grows while it is written
 */
#include "kernel/fs/proc/text.h"

#include <stdarg.h>
#include "kernel/abi/errno.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"

#define FIRST_CAPACITY 1024u
/* No generated file is longer; keeps a program with a million areas from
 * taking all kernel memory through /proc/PID/maps. */
#define MAX_CAPACITY (16u << 20)

void text_init(struct text *text)
{
	memset(text, 0, sizeof(*text));
}

void text_destroy(struct text *text)
{
	kfree(text->data);
	text_init(text);
}

/* Room for @more bytes; false: the text has failed. */
static bool reserve(struct text *text, size_t more)
{
	size_t capacity = text->capacity ? text->capacity : FIRST_CAPACITY;
	char *data;

	if (text->err)
		return false;
	if (text->size + more <= text->capacity)
		return true;
	while (capacity < text->size + more)
		capacity *= 2;
	if (capacity > MAX_CAPACITY) {
		text->err = -EFBIG;
		return false;
	}
	data = krealloc(text->data, text->size, capacity);
	if (!data) {
		text->err = -ENOMEM;
		return false;
	}
	text->data = data;
	text->capacity = capacity;
	return true;
}

void text_add(struct text *text, const char *fmt, ...)
{
	va_list args, again;
	size_t room = text->capacity - text->size;
	int len;

	if (text->err)
		return;
	va_start(args, fmt);
	va_copy(again, args);
	len = format_string_v(text->data ? text->data + text->size : NULL, room,
			      fmt, args);
	/* The NUL that ends it is overwritten by what comes next. */
	if ((size_t)len >= room && reserve(text, (size_t)len + 1))
		format_string_v(text->data + text->size, (size_t)len + 1, fmt,
				again);
	if (!text->err)
		text->size += (size_t)len;
	va_end(again);
	va_end(args);
}

void text_add_bytes(struct text *text, const void *bytes, size_t size)
{
	if (!reserve(text, size))
		return;
	memcpy(text->data + text->size, bytes, size);
	text->size += size;
}

void text_pad(struct text *text, size_t line_start, size_t column)
{
	size_t width = text->size - line_start;

	if (width >= column || !reserve(text, column - width))
		return;
	memset(text->data + text->size, ' ', column - width);
	text->size += column - width;
}

void text_add_escaped(struct text *text, const char *s)
{
	for (; *s; s++) {
		if (strchr(" \t\n\\", *s))
			text_add(text, "\\%03o", (unsigned int)*s);
		else
			text_add_bytes(text, s, 1);
	}
}
