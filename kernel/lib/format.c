/* SPDX-License-Identifier: MIT */
/*
 * format.c - printf-like formatting into memory
 *
 * Idea: each conversion makes its characters in a small buffer, then one
 * function pads them. Characters past the end of the buffer are counted but
 * not stored, so the caller learns how long the text would have been.
 *
 * Source: ISO C17, "The fprintf function".
 */
#include "kernel/lib/format.h"

#include "kernel/lib/string.h"

/* Where the text goes. */
struct output {
	char *buf;
	size_t size;   /* of buf */
	size_t length; /* of the text, stored or not */
};

/* One conversion specification: %[flags][width][.precision][length]type. */
struct spec {
	bool left;      /* "-" */
	bool zero;      /* "0" */
	bool plus;      /* "+" */
	bool blank;     /* " " */
	bool alternate; /* "#" */
	int width;
	int precision; /* -1: none given */
	enum { SIZE_CHAR, SIZE_SHORT, SIZE_INT, SIZE_LONG } size;
	char type;
};

/* Sign or "0x", then the digits. */
struct number {
	char prefix[3];
	unsigned int prefix_length;
	char digits[24]; /* 64 bits in octal are 22 */
	unsigned int num_digits;
};

static void put(struct output *out, char c)
{
	if (out->length < out->size)
		out->buf[out->length] = c;
	out->length++;
}

static void put_many(struct output *out, char c, int count)
{
	while (count-- > 0)
		put(out, c);
}

static void put_text(struct output *out, const char *text, size_t length)
{
	while (length--)
		put(out, *text++);
}

static void put_padded(struct output *out, const struct spec *spec,
		       const char *text, size_t length)
{
	int padding = spec->width - (int)length;

	if (!spec->left)
		put_many(out, ' ', padding);
	put_text(out, text, length);
	if (spec->left)
		put_many(out, ' ', padding);
}

static void put_string(struct output *out, const struct spec *spec,
		       const char *s)
{
	size_t max = SIZE_MAX;

	if (!s)
		s = "(null)";
	if (spec->precision >= 0)
		max = (size_t)spec->precision;
	put_padded(out, spec, s, strnlen(s, max));
}

static void put_number(struct output *out, const struct spec *spec,
		       const struct number *n)
{
	int zeros = spec->precision - (int)n->num_digits;
	int padding;

	if (spec->precision < 0 && spec->zero && !spec->left)
		zeros = spec->width - (int)(n->num_digits + n->prefix_length);
	if (zeros < 0)
		zeros = 0;
	/* "#" of octal: the first digit is a 0, wherever it comes from. */
	if (spec->type == 'o' && spec->alternate && zeros == 0 &&
	    (n->num_digits == 0 || n->digits[0] != '0'))
		zeros = 1;
	padding = spec->width - zeros - (int)(n->num_digits + n->prefix_length);

	if (!spec->left)
		put_many(out, ' ', padding);
	put_text(out, n->prefix, n->prefix_length);
	put_many(out, '0', zeros);
	put_text(out, n->digits, n->num_digits);
	if (spec->left)
		put_many(out, ' ', padding);
}

/* The digits of @value, written from the right. */
static void make_digits(struct number *n, uint64_t value, unsigned int base,
			bool upper)
{
	const char *letters = upper ? "0123456789ABCDEF" : "0123456789abcdef";
	char reversed[sizeof(n->digits)];
	unsigned int count = 0;

	for (; value; value /= base)
		reversed[count++] = letters[value % base];
	n->num_digits = count;
	for (unsigned int i = 0; i < count; i++)
		n->digits[i] = reversed[count - 1 - i];
}

static void add_prefix(struct number *n, char c)
{
	n->prefix[n->prefix_length++] = c;
}

/* Zero has the digit 0, unless the precision is 0 too. */
static void finish_zero(struct number *n, const struct spec *spec)
{
	if (!n->num_digits && spec->precision != 0)
		n->digits[n->num_digits++] = '0';
}

static void put_signed(struct output *out, const struct spec *spec,
		       int64_t value)
{
	struct number n = { .prefix_length = 0 };
	uint64_t magnitude = (uint64_t)value;

	if (value < 0) {
		magnitude = -magnitude;
		add_prefix(&n, '-');
	} else if (spec->plus) {
		add_prefix(&n, '+');
	} else if (spec->blank) {
		add_prefix(&n, ' ');
	}
	make_digits(&n, magnitude, 10, false);
	finish_zero(&n, spec);
	put_number(out, spec, &n);
}

static void put_unsigned(struct output *out, const struct spec *spec,
			 uint64_t value)
{
	struct number n = { .prefix_length = 0 };

	switch (spec->type) {
	case 'x':
	case 'X':
		make_digits(&n, value, 16, spec->type == 'X');
		if (spec->alternate && value) {
			add_prefix(&n, '0');
			add_prefix(&n, spec->type);
		}
		break;
	case 'o':
		make_digits(&n, value, 8, false);
		break;
	default:
		make_digits(&n, value, 10, false);
		break;
	}
	finish_zero(&n, spec);
	put_number(out, spec, &n);
}

static bool parse_flag(struct spec *spec, char c)
{
	switch (c) {
	case '-':
		spec->left = true;
		return true;
	case '0':
		spec->zero = true;
		return true;
	case '+':
		spec->plus = true;
		return true;
	case ' ':
		spec->blank = true;
		return true;
	case '#':
		spec->alternate = true;
		return true;
	default:
		return false;
	}
}

static int parse_int(const char **fmt)
{
	int value = 0;

	while (**fmt >= '0' && **fmt <= '9')
		value = value * 10 + (*(*fmt)++ - '0');
	return value;
}

static void parse_length(struct spec *spec, const char **fmt)
{
	spec->size = SIZE_INT;
	for (;; (*fmt)++) {
		switch (**fmt) {
		case 'h':
			spec->size = spec->size == SIZE_SHORT ? SIZE_CHAR
							      : SIZE_SHORT;
			break;
		case 'l':
		case 'z':
		case 't':
		case 'j':
			spec->size = SIZE_LONG;
			break;
		default:
			return;
		}
	}
}

/* @*fmt is behind the "%"; leaves it behind the type. */
static void parse_spec(struct spec *spec, const char **fmt, va_list *args)
{
	*spec = (struct spec){ .precision = -1 };
	while (parse_flag(spec, **fmt))
		(*fmt)++;
	if (**fmt == '*') {
		(*fmt)++;
		spec->width = va_arg(*args, int);
		if (spec->width < 0) {
			spec->left = true;
			spec->width = -spec->width;
		}
	} else {
		spec->width = parse_int(fmt);
	}
	if (**fmt == '.') {
		(*fmt)++;
		if (**fmt == '*') {
			(*fmt)++;
			spec->precision = va_arg(*args, int);
		} else {
			spec->precision = parse_int(fmt);
		}
	}
	parse_length(spec, fmt);
	spec->type = **fmt;
	if (spec->type)
		(*fmt)++;
}

static int64_t signed_argument(const struct spec *spec, va_list *args)
{
	if (spec->size == SIZE_LONG)
		return va_arg(*args, long);
	if (spec->size == SIZE_SHORT)
		return (short)va_arg(*args, int);
	if (spec->size == SIZE_CHAR)
		return (signed char)va_arg(*args, int);
	return va_arg(*args, int);
}

static uint64_t unsigned_argument(const struct spec *spec, va_list *args)
{
	if (spec->size == SIZE_LONG)
		return va_arg(*args, unsigned long);
	if (spec->size == SIZE_SHORT)
		return (unsigned short)va_arg(*args, unsigned int);
	if (spec->size == SIZE_CHAR)
		return (unsigned char)va_arg(*args, unsigned int);
	return va_arg(*args, unsigned int);
}

static void put_converted(struct output *out, struct spec *spec, va_list *args)
{
	char c;

	switch (spec->type) {
	case 'd':
	case 'i':
		put_signed(out, spec, signed_argument(spec, args));
		break;
	case 'u':
	case 'x':
	case 'X':
	case 'o':
		put_unsigned(out, spec, unsigned_argument(spec, args));
		break;
	case 'p':
		spec->type = 'x';
		spec->alternate = true;
		put_unsigned(out, spec, (uintptr_t)va_arg(*args, void *));
		break;
	case 'c':
		c = (char)va_arg(*args, int);
		put_padded(out, spec, &c, 1);
		break;
	case 's':
		put_string(out, spec, va_arg(*args, const char *));
		break;
	case '%':
		put(out, '%');
		break;
	default: /* not one of ours: show it, so that it is noticed */
		put(out, '%');
		if (spec->type)
			put(out, spec->type);
		break;
	}
}

int format_string_v(char *buf, size_t size, const char *fmt, va_list list)
{
	struct output out = { .buf = buf, .size = size };
	struct spec spec;
	va_list args; /* a copy: a parameter has no address of type va_list * */

	va_copy(args, list);
	while (*fmt) {
		if (*fmt != '%') {
			put(&out, *fmt++);
			continue;
		}
		fmt++;
		parse_spec(&spec, &fmt, &args);
		put_converted(&out, &spec, &args);
	}
	va_end(args);
	if (size)
		buf[MIN(out.length, size - 1)] = '\0';
	return (int)out.length;
}

int format_string(char *buf, size_t size, const char *fmt, ...)
{
	va_list args;
	int length;

	va_start(args, fmt);
	length = format_string_v(buf, size, fmt, args);
	va_end(args);
	return length;
}
