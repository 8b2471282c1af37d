/* SPDX-License-Identifier: MIT */
/*
 * cpio.h - reading archives in the "newc" format of cpio
 *
 * Knows bytes only, no files: also builds on the host, where it is fuzzed.
 * Source: cpio(5), "New ASCII Format"; Linux, "initramfs buffer format".
 */
#pragma once

#include "kernel/lib/types.h"

struct cpio_entry {
	const char *name; /* ended by NUL, in the archive */
	size_t name_len;
	const void *data; /* file contents, or the text of a link */
	size_t size;
	uint32_t ino, mode, uid, gid, nlink, mtime;
	uint32_t dev_major, dev_minor; /* where it was: with ino, which file */
	uint32_t rdev_major, rdev_minor; /* device nodes */
};

struct cpio_reader {
	const char *data;
	size_t size;
	size_t at;         /* next byte; after an error, of the bad header */
	const char *error; /* what is wrong, for the log */
};

enum cpio_result {
	CPIO_END, /* nothing is left */
	CPIO_ENTRY,
	CPIO_TRAILER, /* an archive ends; another may follow */
	CPIO_BROKEN,  /* see error */
};

void cpio_open(struct cpio_reader *reader, const void *data, size_t size);
enum cpio_result cpio_next(struct cpio_reader *reader,
			   struct cpio_entry *entry);
