/* SPDX-License-Identifier: MIT */
/*
 * vfs_kernel.h - the kernel's vfs/ and tmpfs as functions of a program
 *
 * Between a test, which sees the C library's headers, and vfs_kernel.c, which
 * sees the kernel's. Results are 0 or a negative errno, as from a system call.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* An empty root, and the working directory in it. Once. */
void kernel_start(void);

int kernel_mkdir(const char *name);
int kernel_rmdir(const char *name);
int kernel_unlink(const char *name);
int kernel_link(const char *old, const char *new, bool follow);
int kernel_symlink(const char *target, const char *name);
int kernel_rename(const char *old, const char *new, unsigned int flags);
int kernel_chdir(const char *name);
int kernel_truncate(const char *name, unsigned long size);
/* @flags are O_* of the ABI; closed at once. */
int kernel_open(const char *name, unsigned int flags);

struct kernel_stat {
	unsigned int mode, nlink;
	unsigned long size;
};
int kernel_stat(const char *name, bool follow, struct kernel_stat *st);
/* Bytes, or an error. */
long kernel_readlink(const char *name, char *buf, size_t size);
/* The name of the working directory. */
int kernel_getcwd(char *buf, size_t size, char **name);
/* Call @each for every entry, but "." and "..". */
int kernel_list(const char *name, void (*each)(void *arg, const char *entry),
		void *arg);
/* Forget what is cached, as when memory is short. */
void kernel_forget(unsigned int count);
