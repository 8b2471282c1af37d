/* SPDX-License-Identifier: MIT */
/*
 * dispatch.h - the table of handlers, for who stands between it and a call
 */
#pragma once

#include "kernel/abi/syscall.h"
#include "kernel/syscall/args.h"

typedef long (*syscall_fn)(const struct syscall_args *args);

/* By number; NULL: no such call. */
extern const syscall_fn syscall_handlers[NUM_SYSCALLS];

/* Every call goes through @table from now on; as long as syscall_handlers. */
void syscall_use_handlers(const syscall_fn *table);

/* Boot: have the trace tell us when it is turned on and off. trace.c */
void syscall_trace_init(void);
