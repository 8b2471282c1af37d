/* SPDX-License-Identifier: MIT */
/*
 * script.h - the first line of a script: "#! interpreter [argument]"
 *
 * No kernel state: builds on the host.
 */
#pragma once

#include "kernel/lib/compiler.h"

/* Parts of the line, not ended by NUL. */
struct script_line {
	const char *interpreter;
	size_t interpreter_len;
	const char *argument; /* NULL: none; else all the rest, as one */
	size_t argument_len;
};

/* Does a file that begins with these bytes claim to be a script? */
bool script_has_magic(const char *bytes, size_t size);
/*
 * Find the parts in the first @size bytes of the file. 0; -ENOEXEC if there is
 * no interpreter's name, or it may be cut off. Source: execve(2),
 * "Interpreter scripts".
 */
int script_parse(const char *bytes, size_t size, struct script_line *line);
