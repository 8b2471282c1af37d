/* SPDX-License-Identifier: MIT */
/*
 * boot_args.c - the words after the kernel's name
 *
 * Idea: the line is cut into words once, in a copy. A word that some room asks
 * for by name is marked as the kernel's; what remains is for init.
 *
 * Locks: none; written at boot only. The marks may be set at any time, by
 * several harts with the same value.
 * Source: kernel-command-line(7), bootparam(7).
 */
#include "kernel/lib/boot_args.h"

#include "kernel/lib/string.h"

enum { MAX_LINE = 2048, MAX_WORDS = 128 };

struct word {
	const char *text;  /* "name=value", quotes taken out */
	bool after_dashes; /* behind a lone "--" */
	bool is_kernels;   /* somebody asked for it */
};

static char line[MAX_LINE];      /* as given */
static char word_text[MAX_LINE]; /* the words, each ended with NUL */
static struct word words[MAX_WORDS];
static unsigned int num_words;

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n';
}

/* Copy one word without its quotes; returns where it ended in @from. */
static const char *cut_word(const char *from, char **to)
{
	bool quoted = false;

	for (; *from && (quoted || !is_blank(*from)); from++) {
		if (*from == '"')
			quoted = !quoted;
		else
			*(*to)++ = *from;
	}
	*(*to)++ = '\0';
	return from;
}

void boot_args_init(const char *text)
{
	const char *from = line;
	char *to = word_text;
	bool after_dashes = false;

	strcopy(line, text ? text : "", sizeof(line));
	num_words = 0;
	while (num_words < MAX_WORDS) {
		char *word = to;

		while (is_blank(*from))
			from++;
		if (!*from)
			break;
		from = cut_word(from, &to);
		if (!after_dashes && !strcmp(word, "--")) {
			after_dashes = true;
			continue;
		}
		words[num_words++] = (struct word){
			.text = word,
			.after_dashes = after_dashes,
		};
	}
}

/* "" for "name", "value" for "name=value", else NULL. */
static const char *value_if(const char *word, const char *name)
{
	if (!starts_with(word, name))
		return NULL;
	word += strlen(name);
	if (*word == '\0')
		return word;
	return *word == '=' ? word + 1 : NULL;
}

const char *boot_arg(const char *name)
{
	const char *found = NULL;

	for (unsigned int i = 0; i < num_words; i++) {
		const char *value = value_if(words[i].text, name);

		if (!value || words[i].after_dashes)
			continue;
		words[i].is_kernels = true;
		found = value; /* the last one wins, as on Linux */
	}
	return found;
}

const char *boot_args_line(void)
{
	return line;
}

bool boot_args_for_init(unsigned int *i, const char **word, bool *is_variable)
{
	for (; *i < num_words; (*i)++) {
		const struct word *w = &words[*i];

		if (w->is_kernels)
			continue;
		*word = w->text;
		*is_variable = !w->after_dashes && strchr(w->text, '=');
		(*i)++;
		return true;
	}
	return false;
}
