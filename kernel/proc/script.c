/* SPDX-License-Identifier: MIT */
/*
 * script.c - the first line of a script: "#! interpreter [argument]"
 */
#include "kernel/proc/script.h"
#include "kernel/abi/errno.h"
#include "kernel/lib/string.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static const char *skip_blanks(const char *s, const char *end)
{
	while (s < end && is_blank(*s))
		s++;
	return s;
}

static const char *skip_word(const char *s, const char *end)
{
	while (s < end && !is_blank(*s) && *s != '\0')
		s++;
	return s;
}

bool script_has_magic(const char *bytes, size_t size)
{
	return size >= 2 && bytes[0] == '#' && bytes[1] == '!';
}

int script_parse(const char *bytes, size_t size, struct script_line *line)
{
	const char *end = memchr(bytes, '\n', size);
	bool whole = end;
	const char *s, *word_end;

	if (!whole)
		end = bytes + size;
	s = skip_blanks(bytes + 2, end);
	word_end = skip_word(s, end);
	if (word_end == s)
		return -ENOEXEC;
	/* A name that runs to the end of what we see may be longer. */
	if (!whole && word_end == end)
		return -ENOEXEC;
	line->interpreter = s;
	line->interpreter_len = (size_t)(word_end - s);

	/* The rest of the line without the blanks around it, or up to a NUL. */
	s = skip_blanks(word_end, end);
	line->argument_len = strnlen(s, (size_t)(end - s));
	while (line->argument_len && is_blank(s[line->argument_len - 1]))
		line->argument_len--;
	line->argument = line->argument_len ? s : NULL;
	return 0;
}
