/* SPDX-License-Identifier: MIT */
/*
 * exec_stack.c - what a new program finds on its stack
 *
 * Idea: all sizes are known before the first byte is written, so the stack is
 * written once, upwards, a page at a time.
 */
#include "kernel/proc/exec_stack.h"
#include "kernel/abi/errno.h"
#include "kernel/dev/random.h"
#include "kernel/lib/string.h"
#include "kernel/mm/page.h"
#include "kernel/mm/vm_space.h"
#include "kernel/proc/exec_strings.h"
#include "kernel/trace/trace.h"

/* Zeros above the last string, as on Linux. */
#define TOP_ZEROS  8u
#define NUM_RANDOM 16u

/* Bytes that go to @at in @space, one page after the other. */
struct writer {
	struct vm_space *space;
	uint64_t at;
	char *page; /* holds the bytes before @at that are not yet written */
	size_t used;
	int err;
};

static void writer_flush(struct writer *w)
{
	if (w->used && !w->err &&
	    vm_space_access(w->space, w->at - w->used, w->page, w->used, true,
			    false) != w->used)
		w->err = -ENOMEM;
	w->used = 0;
}

/* @bytes NULL: zeros. */
static void writer_put(struct writer *w, const void *bytes, size_t size)
{
	while (size) {
		size_t part = PAGE_SIZE - w->at % PAGE_SIZE;

		part = MIN(part, size);
		if (bytes) {
			memcpy(w->page + w->used, bytes, part);
			bytes = (const char *)bytes + part;
		} else {
			memset(w->page + w->used, 0, part);
		}
		w->used += part;
		w->at += part;
		size -= part;
		if (w->at % PAGE_SIZE == 0)
			writer_flush(w);
	}
}

static void writer_put_word(struct writer *w, uint64_t word)
{
	writer_put(w, &word, sizeof(word));
}

/* The strings one after the other: prefixes, arguments, environment. */
typedef void (*span_fn)(void *context, const char *bytes, size_t size);

/* Bytes of the argument that the prefix replaces. */
static size_t replaced_bytes(const struct exec_args *args)
{
	const struct exec_page *page = args->strings->first;
	size_t bytes = 0;

	if (!args->num_prefix)
		return 0;
	for (; page; page = page->next) {
		const char *end = memchr(page->text, '\0', EXEC_PAGE_TEXT);

		if (end)
			return bytes + (size_t)(end - page->text) + 1;
		bytes += EXEC_PAGE_TEXT;
	}
	return bytes;
}

static void for_each_span(const struct exec_args *args, span_fn fn,
			  void *context)
{
	const struct exec_page *page = args->strings->first;
	size_t skip = replaced_bytes(args);
	size_t left = args->strings->bytes;

	for (unsigned int i = args->num_prefix; i-- > 0;)
		fn(context, args->prefix[i], strlen(args->prefix[i]) + 1);
	for (; page; page = page->next) {
		size_t size = MIN(left, EXEC_PAGE_TEXT);
		size_t skipped = MIN(skip, size);

		if (size > skipped)
			fn(context, page->text + skipped, size - skipped);
		skip -= skipped;
		left -= size;
	}
}

static size_t prefix_bytes(const struct exec_args *args)
{
	size_t bytes = 0;

	for (unsigned int i = 0; i < args->num_prefix; i++)
		bytes += strlen(args->prefix[i]) + 1;
	return bytes;
}

void exec_stack_plan(struct exec_stack *stack, const struct exec_args *args,
		     uint64_t top, unsigned int auxv_words)
{
	const struct exec_strings *strings = args->strings;
	size_t added = prefix_bytes(args) - replaced_bytes(args);
	size_t name_bytes = strlen(args->name) + 1;
	uint64_t words;

	stack->argc = strings->num_args;
	if (args->num_prefix)
		stack->argc += args->num_prefix - 1;
	stack->top = top;
	stack->env_end = top - TOP_ZEROS - name_bytes;
	stack->strings = stack->env_end - strings->bytes - added;
	stack->env = stack->strings + strings->arg_bytes + added;
	stack->random = ALIGN_DOWN(stack->strings - NUM_RANDOM, 16UL);
	words = 1UL + stack->argc + 1 + strings->num_env + 1 + auxv_words;
	stack->sp = ALIGN_DOWN(stack->random - words * sizeof(uint64_t), 16UL);
}

/* The pointers argv[] and envp[], found by walking over the strings. */
struct pointer_walk {
	struct writer *writer;
	uint64_t address;        /* of the next byte */
	bool inside;             /* of a string whose start we had */
	unsigned int until_null; /* arguments still to come */
};

static void put_pointers(void *context, const char *bytes, size_t size)
{
	struct pointer_walk *walk = context;
	const char *end = bytes + size;

	while (bytes < end) {
		const char *nul = memchr(bytes, '\0', (size_t)(end - bytes));
		const char *next = nul ? nul + 1 : end;

		if (!walk->inside) {
			writer_put_word(walk->writer, walk->address);
			if (--walk->until_null == 0)
				writer_put_word(walk->writer, 0);
		}
		walk->inside = !nul;
		walk->address += (uint64_t)(next - bytes);
		bytes = next;
	}
}

static void put_bytes(void *context, const char *bytes, size_t size)
{
	writer_put(context, bytes, size);
}

static void write_words(struct writer *w, const struct exec_stack *stack,
			const struct exec_args *args, const uint64_t *auxv,
			unsigned int auxv_words)
{
	struct pointer_walk walk = {
		.writer = w,
		.address = stack->strings,
		.until_null = stack->argc,
	};

	writer_put_word(w, stack->argc);
	for_each_span(args, put_pointers, &walk);
	writer_put_word(w, 0); /* ends envp */
	writer_put(w, auxv, auxv_words * sizeof(*auxv));
}

int exec_stack_write(const struct exec_stack *stack,
		     const struct exec_args *args, struct vm_space *space,
		     const uint64_t *auxv, unsigned int auxv_words)
{
	struct page *frame = page_alloc(0, 0);
	char random[NUM_RANDOM];
	struct writer w = { .space = space, .at = stack->sp };

	if (!frame)
		return -ENOMEM;
	w.page = page_address(frame);
	random_bytes(random, sizeof(random));

	write_words(&w, stack, args, auxv, auxv_words);
	writer_put(&w, NULL, stack->random - w.at);
	writer_put(&w, random, sizeof(random));
	writer_put(&w, NULL, stack->strings - w.at);
	for_each_span(args, put_bytes, &w);
	writer_put(&w, args->name, strlen(args->name) + 1);
	writer_put(&w, NULL, TOP_ZEROS);
	writer_flush(&w);
	page_put(frame);
	TRACE(USER_STACK, stack->sp, stack->argc, stack->top);
	return w.err;
}
