/* SPDX-License-Identifier: MIT */
/*
 * exec_stack.h - what a new program finds on its stack
 *
 * From sp upwards (psABI "Process Initialization"; the order of the strings is
 * what setproctitle-like programs rely on):
 *
 *   argc | argv[0..] NULL | envp[0..] NULL | auxv | 16 random bytes
 *   | argument strings | environment strings | program name | 8 zero bytes
 */
#pragma once

#include "kernel/lib/compiler.h"

struct exec_strings;
struct vm_space;

/* Each #! level puts two strings in front and replaces one. */
#define EXEC_MAX_SCRIPTS 5
#define EXEC_MAX_PREFIX  (1 + 2 * EXEC_MAX_SCRIPTS)

/* The strings, as #! lines have changed them. */
struct exec_args {
	const struct exec_strings *strings;
	const char *name; /* AT_EXECFN */
	/* Instead of the first argument, if any; the last comes first. */
	char *prefix[EXEC_MAX_PREFIX];
	unsigned int num_prefix;
};

struct exec_stack {
	uint64_t sp, top;
	uint64_t random;       /* AT_RANDOM */
	uint64_t strings;      /* arguments begin here */
	uint64_t env, env_end; /* env is also the arguments' end */
	unsigned int argc;
};

/* Where everything will be on a stack that ends at @top. */
void exec_stack_plan(struct exec_stack *stack, const struct exec_args *args,
		     uint64_t top, unsigned int auxv_words);
/* Write it all into @space; the area is mapped. 0, -ENOMEM. */
int exec_stack_write(const struct exec_stack *stack,
		     const struct exec_args *args, struct vm_space *space,
		     const uint64_t *auxv, unsigned int auxv_words);
