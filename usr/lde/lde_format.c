/* SPDX-License-Identifier: MIT */
/*
 * lde_format.c - what the kernel says about its events
 *
 * Nothing about an event is written down here: names, arguments, the rows of
 * the lectures' tables and the places in the source all come from "format".
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lde.h"

#define MAX_FIELDS 8

static void *grow(void *array, unsigned int num, size_t size)
{
	/* By 64 at a time. */
	if (num % 64 == 0)
		array = realloc(array, (num + 64) * size);
	if (!array) {
		fputs("lde: out of memory\n", stderr);
		exit(1);
	}
	return array;
}

static unsigned int number(const char *text)
{
	return (unsigned int)strtoul(text, NULL, 0);
}

/* "pc:x sp:x cause:cause" */
static void read_event(struct format *f, char **field)
{
	struct kind *kind = &f->kind[number(field[0]) % 256];
	char *word = strtok(field[2], " ");

	kind->name = field[1];
	for (; word && kind->num_args < MAX_ARGS; word = strtok(NULL, " ")) {
		char *colon = strchr(word, ':');

		if (colon)
			*colon = '\0';
		kind->arg[kind->num_args] = word;
		kind->type[kind->num_args++] = colon ? colon + 1 : "x";
	}
}

static enum table table_of(const char *word)
{
	if (strcmp(word, "system_call") == 0)
		return TABLE_SYSTEM_CALL;
	if (strcmp(word, "timer_interrupt") == 0)
		return TABLE_TIMER;
	return strcmp(word, "both") == 0 ? TABLE_BOTH : TABLE_NONE;
}

static void read_row(struct format *f, char **field)
{
	struct kind *kind = &f->kind[number(field[0]) % 256];
	struct row *row = &kind->row[kind->num_rows];

	if (kind->num_rows == MAX_ROWS)
		return;
	kind->num_rows++;
	row->column = field[1][0] == 'o'   ? OS
		      : field[1][0] == 'h' ? HARDWARE
					   : PROGRAM;
	row->table = table_of(field[2]);
	row->words = field[3];
	row->step = number(field[4]);
}

static void read_place(struct format *f, char **field)
{
	struct place *place;

	f->place = grow(f->place, f->num_places, sizeof(*f->place));
	place = &f->place[f->num_places++];
	place->kind = number(field[1]);
	place->file = field[2];
	place->line = number(field[3]);
	place->function = field[4];
}

static void read_name(struct format *f, char **field)
{
	f->name = grow(f->name, f->num_names, sizeof(*f->name));
	f->name[f->num_names].domain = field[0];
	f->name[f->num_names].value = strtoull(field[1], NULL, 0);
	f->name[f->num_names++].text = field[2];
}

static void read_line(struct format *f, char *line)
{
	char *field[MAX_FIELDS] = { 0 };
	unsigned int num = 0;
	char *word;

	while (num < MAX_FIELDS && (word = strsep(&line, "\t")))
		field[num++] = word;
	if (num == 2 && !strcmp(field[0], "timebase"))
		f->timebase = strtoull(field[1], NULL, 0);
	else if (num == 2 && !strcmp(field[0], "clock"))
		sscanf(field[1], "%lu %u %lu", &f->mult, &f->shift, &f->base);
	else if (num == 2 && !strcmp(field[0], "harts"))
		f->harts = number(field[1]);
	else if (num == 4 && !strcmp(field[0], "event"))
		read_event(f, field + 1);
	else if (num == 6 && !strcmp(field[0], "row"))
		read_row(f, field + 1);
	else if (num == 6 && !strcmp(field[0], "place"))
		read_place(f, field + 1);
	else if (num == 5 && !strcmp(field[0], "chunk"))
		f->chunk[number(field[1]) % 256] = field[2];
	else if (num == 4 && !strcmp(field[0], "name"))
		read_name(f, field + 1);
	else if (num == 4 && !strcmp(field[0], "syscall")) {
		f->syscall[number(field[1]) % 1024] = field[2];
		f->syscall_args[number(field[1]) % 1024] = field[3];
	} else if (num == 3 && !strcmp(field[0], "words")) {
		if (!strcmp(field[1], "registers"))
			f->register_words = field[2];
		else
			f->context_words = field[2];
	}
}

void format_read(struct format *f)
{
	FILE *file = fopen(TRACE_DIR "format", "r");
	char *line = NULL;
	size_t room = 0;
	ssize_t len;

	if (!file) {
		fprintf(stderr,
			"lde: no " TRACE_DIR "format (%s): this is not the "
			"Creance kernel, or /proc is not mounted\n",
			strerror(errno));
		exit(1);
	}
	while ((len = getline(&line, &room, file)) > 0) {
		if (line[len - 1] == '\n')
			line[len - 1] = '\0';
		read_line(f, strdup(line));
	}
	free(line);
	fclose(file);
}

int format_kind(const struct format *f, const char *name)
{
	for (int i = 0; i < 256; i++) {
		if (f->kind[i].name && !strcmp(f->kind[i].name, name))
			return i;
	}
	return -1;
}

const char *format_name(const struct format *f, const char *domain,
			uint64_t value)
{
	for (unsigned int i = 0; i < f->num_names; i++) {
		if (f->name[i].value == value &&
		    !strcmp(f->name[i].domain, domain))
			return f->name[i].text;
	}
	return NULL;
}

const char *format_syscall(const struct format *f, uint64_t number)
{
	return number < 1024 && f->syscall[number] ? f->syscall[number]
						   : "unknown call";
}

const struct place *format_place(const struct format *f, const struct row *row,
				 unsigned int place)
{
	if (!row->step)
		return place < f->num_places ? &f->place[place] : NULL;
	for (unsigned int i = 0; i < f->num_places; i++) {
		if (f->place[i].kind == row->step)
			return &f->place[i];
	}
	return NULL;
}
