/* SPDX-License-Identifier: MIT */
/*
 * vm_file.h - references to files, whose inside mm/ does not know
 */
#pragma once

#include "kernel/lib/types.h"

struct file;

/* @file may be NULL where a reference is taken or dropped. */
void vm_file_get(struct file *file);
void vm_file_put(struct file *file);

/*
 * References that are taken or dropped at once, as long as they are to the same
 * file: areas that lie side by side mostly show one, and all harts that run a
 * program count in one word. No file at first; flush at the end. Until then
 * others keep the files alive.
 */
struct vm_file_batch {
	bool drops; /* else it takes them; fixed */
	struct file *file;
	unsigned int count;
};
void vm_file_gather(struct vm_file_batch *batch, struct file *file);
void vm_file_flush(struct vm_file_batch *batch);
/* 0 or -EIO. */
int vm_file_sync(struct file *file);
