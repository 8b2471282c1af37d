/* SPDX-License-Identifier: MIT */
/*
 * exec.h - run another program in this process: execve(2)
 *
 * Idea: the new address space is built completely, beside the old one, before
 * anything of the old program is given up; so nearly every error comes back to
 * a caller that is unharmed.
 */
#pragma once

#include "kernel/vfs/path.h"

/* Longest single string, and most bytes of all: execve(2), "Limits". */
#define EXEC_STRING_MAX (128 * 1024UL)
#define EXEC_TOTAL_MAX	(6 * 1024 * 1024UL)

/*
 * The strings for a new program, end to end with their NULs in a chain of
 * pages: arguments first, then the environment. Only ever appended to and
 * read in order.
 */
struct exec_page;

struct exec_strings {
	struct exec_page *first, *last;
	size_t used;  /* bytes in last */
	size_t bytes; /* in all */
	size_t arg_bytes;
	unsigned int num_args, num_env;
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

/*
 * Replace the program of the current process.
 *
 * @path     what to run, an open path
 * @name     its name for AT_EXECFN, #! scripts and the thread's name
 * @strings  arguments and environment; stay the caller's
 *
 * Returns 0 with the trap frame set to the new program's start. -ENOEXEC,
 * -EACCES, -ETXTBSY, -ENOMEM, -E2BIG, -ELOOP, -EIO, ...: the old program is
 * unharmed.
 */
int exec_path(const struct path *path, const char *name,
	      struct exec_strings *strings);

/*
 * For the first process: the current thread has no program yet. Both lists
 * end with NULL. As exec_path(); after 0 the caller enters user mode.
 */
int exec_kernel(const char *name, const char *const argv[],
		const char *const envp[]);
