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

struct exec_strings;

/*
 * Replace the program of the current process.
 *
 * @path     what to run, an open path
 * @name     its name for AT_EXECFN, #! scripts and the thread's name
 * @strings  at least one argument, and the environment (exec_strings.h);
 *           stay the caller's
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
