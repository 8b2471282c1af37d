/* SPDX-License-Identifier: MIT */
/*
 * transfer.h - bytes from one file to another inside the kernel
 *
 * Source: sendfile(2), copy_file_range(2), splice(2), tee(2).
 */
#pragma once

#include "kernel/lib/compiler.h"

struct file;

/*
 * Copy up to @size bytes from @in to @out, at *@in_pos and *@out_pos, which
 * move on; NULL: at the file's own position. Modes and kinds are checked.
 * Bytes (fewer at the end of @in or when @out is full), or an error.
 */
ssize_t file_transfer(struct file *in, loff_t *in_pos, struct file *out,
		      loff_t *out_pos, size_t size);

/*
 * The same where one is a pipe at least: pages change hands without a copy.
 * -EINVAL if none is.
 */
ssize_t file_splice(struct file *in, loff_t *in_pos, struct file *out,
		    loff_t *out_pos, size_t size, bool nonblock);
