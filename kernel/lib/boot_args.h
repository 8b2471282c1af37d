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
/* The whole line, for /proc/cmdline. */
const char *boot_args_line(void);
