/* SPDX-License-Identifier: MIT */
/*
 * exec_strings.c - the arguments and environment on their way to a new program
 *
 * They are copied once, out of the old address space, before that goes away.
 */
#include "kernel/proc/exec_strings.h"
#include "kernel/abi/errno.h"
#include "kernel/lib/string.h"
#include "kernel/mm/page.h"
#include "kernel/mm/user_copy.h"

_Static_assert(sizeof(struct exec_page) == PAGE_SIZE, "one page each");

void exec_strings_init(struct exec_strings *strings, uint64_t stack_limit)
{
	size_t limit = MIN(stack_limit / 4, (uint64_t)EXEC_TOTAL_MAX);

	memset(strings, 0, sizeof(*strings));
	strings->limit = MAX(limit, EXEC_STRING_MAX);
}

static void free_page(struct exec_page *page)
{
	page_put(phys_to_page(direct_to_phys(page)));
}

void exec_strings_free(struct exec_strings *strings)
{
	struct exec_page *page = strings->first;

	while (page) {
		struct exec_page *next = page->next;

		free_page(page);
		page = next;
	}
	strings->first = strings->last = NULL;
}

/* Room for at least one byte at the end; returns how much, 0: no memory. */
static size_t make_room(struct exec_strings *strings)
{
	struct page *frame;
	struct exec_page *page;

	if (strings->last && strings->used < EXEC_PAGE_TEXT)
		return EXEC_PAGE_TEXT - strings->used;
	frame = page_alloc(0, 0);
	if (!frame)
		return 0;
	page = page_address(frame);
	page->next = NULL;
	if (strings->last)
		strings->last->next = page;
	else
		strings->first = page;
	strings->last = page;
	strings->used = 0;
	return EXEC_PAGE_TEXT;
}

/* Do @bytes more, and a pointer to them, still fit? */
static bool within_limit(const struct exec_strings *strings, size_t bytes)
{
	size_t pointers = strings->num_args + strings->num_env + 1UL;

	return strings->bytes + bytes + pointers * sizeof(uint64_t) <=
	       strings->limit;
}

static void note_bytes(struct exec_strings *strings, size_t bytes)
{
	strings->used += bytes;
	strings->bytes += bytes;
}

static void note_string(struct exec_strings *strings)
{
	if (strings->args_ended)
		strings->num_env++;
	else
		strings->num_args++;
}

int exec_strings_add(struct exec_strings *strings, const char *text)
{
	size_t left = strlen(text) + 1;

	if (left > EXEC_STRING_MAX || !within_limit(strings, left))
		return -E2BIG;
	while (left) {
		size_t part = make_room(strings);

		if (!part)
			return -ENOMEM;
		part = MIN(part, left);
		memcpy(strings->last->text + strings->used, text, part);
		note_bytes(strings, part);
		text += part;
		left -= part;
	}
	note_string(strings);
	return 0;
}

int exec_strings_add_user(struct exec_strings *strings, const char __user *text)
{
	size_t done = 0;

	for (;;) {
		size_t room = make_room(strings);
		ssize_t len;

		if (!room)
			return -ENOMEM;
		len = copy_string_from_user(strings->last->text + strings->used,
					    text + done, room);
		if (len < 0 && len != -ENAMETOOLONG)
			return (int)len;
		/* Too long for this page only: go on in the next. */
		room = len < 0 ? room : (size_t)len + 1;
		done += room;
		if (done > EXEC_STRING_MAX || !within_limit(strings, room))
			return -E2BIG;
		note_bytes(strings, room);
		if (len >= 0)
			break;
	}
	note_string(strings);
	return 0;
}

void exec_strings_end_args(struct exec_strings *strings)
{
	strings->arg_bytes = strings->bytes;
	strings->args_ended = true;
}
