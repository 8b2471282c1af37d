/* SPDX-License-Identifier: MIT */
/*
 * name.c - names: long ones in UTF-16, short ones of 8 and 3 letters
 *
 * Idea: a file has a short name in its entry, of capital letters, and, unless
 * that says it all, a long one in slots before the entry. Programs see UTF-8.
 * Names are the same when they differ in the case of ASCII letters only; this is
 * what Linux's vfat does with utf8.
 *
 * Source: "Microsoft FAT Specification", "Long File Names"; mount(8), "Mount
 * options for vfat".
 */
#include "kernel/fs/fat/internal.h"

#include "kernel/lib/format.h"

#define SURROGATE_FIRST 0xd800u
#define SURROGATE_LOW   0xdc00u
#define SURROGATE_END   0xe000u

/* Code page 437, the upper half: the letters of short names. */
static const uint16_t cp437[128] = {
	0x00c7, 0x00fc, 0x00e9, 0x00e2, 0x00e4, 0x00e0, 0x00e5, 0x00e7, 0x00ea,
	0x00eb, 0x00e8, 0x00ef, 0x00ee, 0x00ec, 0x00c4, 0x00c5, 0x00c9, 0x00e6,
	0x00c6, 0x00f4, 0x00f6, 0x00f2, 0x00fb, 0x00f9, 0x00ff, 0x00d6, 0x00dc,
	0x00a2, 0x00a3, 0x00a5, 0x20a7, 0x0192, 0x00e1, 0x00ed, 0x00f3, 0x00fa,
	0x00f1, 0x00d1, 0x00aa, 0x00ba, 0x00bf, 0x2310, 0x00ac, 0x00bd, 0x00bc,
	0x00a1, 0x00ab, 0x00bb, 0x2591, 0x2592, 0x2593, 0x2502, 0x2524, 0x2561,
	0x2562, 0x2556, 0x2555, 0x2563, 0x2551, 0x2557, 0x255d, 0x255c, 0x255b,
	0x2510, 0x2514, 0x2534, 0x252c, 0x251c, 0x2500, 0x253c, 0x255e, 0x255f,
	0x255a, 0x2554, 0x2569, 0x2566, 0x2560, 0x2550, 0x256c, 0x2567, 0x2568,
	0x2564, 0x2565, 0x2559, 0x2558, 0x2552, 0x2553, 0x256b, 0x256a, 0x2518,
	0x250c, 0x2588, 0x2584, 0x258c, 0x2590, 0x2580, 0x03b1, 0x00df, 0x0393,
	0x03c0, 0x03a3, 0x03c3, 0x00b5, 0x03c4, 0x03a6, 0x0398, 0x03a9, 0x03b4,
	0x221e, 0x03c6, 0x03b5, 0x2229, 0x2261, 0x00b1, 0x2265, 0x2264, 0x2320,
	0x2321, 0x00f7, 0x2248, 0x00b0, 0x2219, 0x00b7, 0x221a, 0x207f, 0x00b2,
	0x25a0, 0x00a0,
};

/* ---- UTF-8 and UTF-16 ---- */

static size_t put_utf8(uint32_t c, char *to)
{
	if (c < 0x80) {
		to[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		to[0] = (char)(0xc0 | (c >> 6));
		to[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		to[0] = (char)(0xe0 | (c >> 12));
		to[1] = (char)(0x80 | ((c >> 6) & 0x3f));
		to[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	to[0] = (char)(0xf0 | (c >> 18));
	to[1] = (char)(0x80 | ((c >> 12) & 0x3f));
	to[2] = (char)(0x80 | ((c >> 6) & 0x3f));
	to[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

/* The character at @from of @len bytes; its length, 0: no UTF-8. */
static size_t get_utf8(const char *from, size_t len, uint32_t *out)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	uint32_t c = (unsigned char)from[0];
	size_t size = c < 0x80    ? 1
		      : c >= 0xf8 ? 0
		      : c >= 0xf0 ? 4
		      : c >= 0xe0 ? 3
		      : c >= 0xc0 ? 2
				  : 0;

	if (!size || size > len)
		return 0;
	if (size > 1)
		c &= 0x7fu >> size;
	for (size_t i = 1; i < size; i++) {
		if (((unsigned char)from[i] & 0xc0) != 0x80)
			return 0;
		c = (c << 6) | ((unsigned char)from[i] & 0x3f);
	}
	if (c < least[size] || c > 0x10ffff ||
	    (c >= SURROGATE_FIRST && c < SURROGATE_END))
		return 0;
	*out = c;
	return size;
}

size_t fat_long_to_text(const uint16_t *from, unsigned int len, char *to)
{
	size_t size = 0;

	for (unsigned int i = 0; i < len; i++) {
		uint32_t c = from[i];

		if (c >= SURROGATE_FIRST && c < SURROGATE_LOW && i + 1 < len &&
		    from[i + 1] >= SURROGATE_LOW && from[i + 1] < SURROGATE_END)
			c = 0x10000 + ((c - SURROGATE_FIRST) << 10) +
			    (from[++i] - SURROGATE_LOW);
		else if (c >= SURROGATE_FIRST && c < SURROGATE_END)
			c = '?';
		/* Nothing that would be a path, or no name at all. */
		if (c == '/' || c == 0)
			c = '_';
		size += put_utf8(c, to + size);
	}
	return size;
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c;
}

/* The same for the letters of the code page that have a small form. */
static unsigned char lower_cp437(unsigned char c)
{
	static const unsigned char pairs[][2] = {
		{ 0x80, 0x87 }, { 0x8e, 0x84 }, { 0x8f, 0x86 }, { 0x90, 0x82 },
		{ 0x92, 0x91 }, { 0x99, 0x94 }, { 0x9a, 0x81 }, { 0xa5, 0xa4 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		if (pairs[i][0] == c)
			return pairs[i][1];
	}
	return (unsigned char)lower((char)c);
}

static size_t part_to_text(const char *from, size_t max, bool make_lower,
			   char *to)
{
	size_t len = max, size = 0;

	while (len && from[len - 1] == ' ')
		len--;
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)from[i];

		if (c == '/' || c < ' ')
			c = '_';
		if (make_lower)
			c = lower_cp437(c);
		if (c >= 0x80)
			size += put_utf8(cp437[c - 0x80], to + size);
		else
			to[size++] = (char)c;
	}
	return size;
}

size_t fat_short_to_text(const struct fat_entry *entry, char *to)
{
	char name[11];
	size_t size;

	memcpy(name, entry->name, sizeof(name));
	if ((unsigned char)name[0] == FAT_IS_E5)
		name[0] = (char)FAT_FREE;
	size = part_to_text(name, 8, entry->lcase & FAT_LOWER_BASE, to);
	if (name[8] == ' ' && name[9] == ' ' && name[10] == ' ')
		return size;
	to[size++] = '.';
	return size + part_to_text(name + 8, 3, entry->lcase & FAT_LOWER_EXT,
				   to + size);
}

bool fat_same_name(const char *a, size_t a_len, const char *b, size_t b_len)
{
	if (a_len != b_len)
		return false;
	for (size_t i = 0; i < a_len; i++) {
		if (lower(a[i]) != lower(b[i]))
			return false;
	}
	return true;
}

uint64_t fat_name_hash(const char *name, size_t len)
{
	uint64_t hash = 14695981039346656037u;

	while (len && name[len - 1] == '.')
		len--;
	for (size_t i = 0; i < len; i++)
		hash = (hash ^ (unsigned char)lower(name[i])) * 1099511628211u;
	return hash;
}

uint8_t fat_checksum(const char shortname[11])
{
	uint8_t sum = 0;

	for (unsigned int i = 0; i < 11; i++)
		sum = (uint8_t)((sum << 7 | sum >> 1) +
				(unsigned char)shortname[i]);
	return sum;
}

/* ---- Names from programs ---- */

int fat_parse_name(const char *name, size_t len, struct fat_name *to)
{
	size_t at = 0;

	to->len = 0;
	while (len && name[len - 1] == '.')
		len--;
	if (!len)
		return -ENOENT;
	if (name[len - 1] == ' ')
		return -EINVAL;
	while (at < len) {
		uint32_t c;
		size_t size = get_utf8(name + at, len - at, &c);

		if (!size || c < ' ' ||
		    (c < 0x80 && strchr("*?<>|\":\\", (int)c)))
			return -EINVAL;
		if (to->len + (c >= 0x10000 ? 2 : 1) > FAT_NAME_MAX)
			return -ENAMETOOLONG;
		if (c >= 0x10000) {
			c -= 0x10000;
			to->text[to->len++] =
				(uint16_t)(SURROGATE_FIRST + (c >> 10));
			c = SURROGATE_LOW + (c & 0x3ff);
		}
		to->text[to->len++] = (uint16_t)c;
		at += size;
	}
	return 0;
}

/* How a character stands in a short name; 0: it is left out. */
static char short_letter(uint16_t c, bool *lossy, bool *changed)
{
	if (c == ' ' || c == '.') {
		*lossy = true;
		return 0;
	}
	if (c >= 0x80 || strchr("+,;=[]", (int)c)) {
		*lossy = true;
		return '_';
	}
	if (c >= 'a' && c <= 'z') {
		*changed = true;
		return (char)(c - 'a' + 'A');
	}
	return (char)c;
}

/* Letters of @text[from, to) as they fit. */
static unsigned int short_part(const struct fat_name *name, unsigned int from,
			       unsigned int end, char *to, unsigned int max,
			       bool *lossy, bool *changed)
{
	unsigned int size = 0;

	for (unsigned int i = from; i < end; i++) {
		char c = short_letter(name->text[i], lossy, changed);

		if (!c)
			continue;
		if (size == max) {
			*lossy = true;
			break;
		}
		to[size++] = c;
	}
	return size;
}

static unsigned int text_hash(const struct fat_name *name)
{
	unsigned int hash = 0;

	for (unsigned int i = 0; i < name->len; i++)
		hash = hash * 31 + name->text[i];
	return hash ^ (hash >> 16);
}

bool fat_short_name(struct fat_name *name, unsigned int try, bool *exact)
{
	unsigned int first = 0, dot = name->len, base, tail_len;
	bool lossy = false, changed = false;
	char tail[9];

	memset(name->shortname, ' ', sizeof(name->shortname));
	while (first < name->len && name->text[first] == '.')
		first++;
	for (unsigned int i = first + 1; i < name->len; i++) {
		if (name->text[i] == '.')
			dot = i;
	}
	lossy = first > 0;
	base = short_part(name, first, dot, name->shortname, 8, &lossy,
			  &changed);
	if (dot < name->len)
		short_part(name, dot + 1, name->len, name->shortname + 8, 3,
			   &lossy, &changed);
	if (!base) {
		name->shortname[0] = '_';
		base = 1;
		lossy = true;
	}
	*exact = !lossy && !changed;
	if (try == 0)
		return !lossy;
	/* Many of one beginning: no use in counting on. */
	if (try <= 9)
		format_string(tail, sizeof(tail), "~%u", try);
	else
		format_string(tail, sizeof(tail), "%04X~%u",
			      (text_hash(name) + try / 9) & 0xffff,
			      1 + try % 9);
	tail_len = (unsigned int)strlen(tail);
	base = MIN(base, 8 - tail_len);
	memcpy(name->shortname + base, tail, tail_len);
	if (base + tail_len < 8)
		memset(name->shortname + base + tail_len, ' ',
		       8 - base - tail_len);
	*exact = false;
	return true;
}
