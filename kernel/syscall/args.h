/* SPDX-License-Identifier: MIT */
/*
 * args.h - the six arguments of a system call, by position
 *
 * They lie in the trap frame (a0..a5) and are read in place. A handler names
 * its arguments first, checks them, copies what they point to, and calls one
 * function of another room.
 */
#pragma once

#include "kernel/abi/errno.h"
#include "kernel/lib/compiler.h"

struct syscall_args {
	uint64_t arg[6];
};

static inline int arg_int(const struct syscall_args *a, unsigned int i)
{
	return (int)a->arg[i];
}
static inline unsigned int arg_uint(const struct syscall_args *a,
				    unsigned int i)
{
	return (unsigned int)a->arg[i];
}
static inline long arg_long(const struct syscall_args *a, unsigned int i)
{
	return (long)a->arg[i];
}
static inline uint64_t arg_u64(const struct syscall_args *a, unsigned int i)
{
	return a->arg[i];
}
static inline size_t arg_size(const struct syscall_args *a, unsigned int i)
{
	return a->arg[i];
}
static inline void __user *arg_ptr(const struct syscall_args *a, unsigned int i)
{
	return (void __user *)a->arg[i];
}
static inline const char __user *arg_str(const struct syscall_args *a,
					 unsigned int i)
{
	return (const char __user *)a->arg[i];
}
