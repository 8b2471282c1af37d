/* SPDX-License-Identifier: MIT */
/*
 * elf_map.h - put an ELF file's segments into an address space
 */
#pragma once

#include "kernel/proc/elf.h"

struct file;
struct vm_space;

/*
 * Map every segment of @image, @bias bytes above where it says. Nothing is
 * read but the one page where a segment's bytes end and its zeros begin.
 * 0, -ENOMEM, -ENOEXEC (the file ends too early), ...
 */
int elf_map(struct vm_space *space, struct file *file,
	    const struct elf_image *image, uint64_t bias);
/* Note for /proc where code and data of the program are. */
void elf_describe(struct vm_space *space, const struct elf_image *image,
		  uint64_t bias);
