/* SPDX-License-Identifier: MIT */
/*
 * boot_args.h - the words after the kernel's name: "sched=mlfq quiet ..."
 *
 * Words are separated by blanks; "quotes" may hold blanks. Words after "--"
 * go to init. Unknown words of the form name=value become init's environment,
 * others its arguments (as on Linux).
 */
#pragma once

#include "kernel/lib/compiler.h"

void boot_args_init(const char *text);
/* The value of "name=value", "" for a bare "name", NULL when absent. */
const char *boot_arg(const char *name);
/*
 * The words for init: those that nobody asked for with boot_arg() so far. Begin
 * with *@i = 0; false at the end. @is_variable: for its environment, else one
 * of its arguments.
 */
bool boot_args_for_init(unsigned int *i, const char **word, bool *is_variable);
/* The whole line, for /proc/cmdline. */
const char *boot_args_line(void);
