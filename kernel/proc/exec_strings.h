/* SPDX-License-Identifier: MIT */
/*
 * exec_strings.h - the arguments and environment on their way to a new program
 */
#pragma once

#include "kernel/lib/compiler.h"

/* Longest single string, and most bytes of all: execve(2), "Limits". */
#define EXEC_STRING_MAX (128UL * 1024)
#define EXEC_TOTAL_MAX  (6UL * 1024 * 1024)

/*
 * The strings for a new program, end to end with their NULs in a chain of
 * pages: arguments first, then the environment. Only ever appended to and
 * read in order.
 */
#define EXEC_PAGE_TEXT (PAGE_SIZE - sizeof(void *))

struct exec_page {
	struct exec_page *next;
	char text[EXEC_PAGE_TEXT];
};

struct exec_strings {
	struct exec_page *first, *last;
	size_t used;  /* bytes in last */
	size_t bytes; /* in all */
	size_t arg_bytes;
	unsigned int num_args, num_env;
	bool args_ended;
	size_t limit; /* for strings and their pointers together */
};

/* @stack_limit: RLIMIT_STACK of the process. */
void exec_strings_init(struct exec_strings *strings, uint64_t stack_limit);
void exec_strings_free(struct exec_strings *strings);
/* Append one, from kernel memory. 0, -E2BIG, -ENOMEM. */
int exec_strings_add(struct exec_strings *strings, const char *text);
/* The same from user memory; also -EFAULT. */
int exec_strings_add_user(struct exec_strings *strings,
			  const char __user *text);
/* What follows is environment. */
void exec_strings_end_args(struct exec_strings *strings);
