/* SPDX-License-Identifier: MIT */
/*
 * elf_map.c - put an ELF file's segments into an address space
 *
 * Idea: a segment is a private mapping of the file, followed by anonymous
 * memory for what the file does not hold (.bss). Pages come in when they are
 * touched; only the page that holds both the last bytes and the first zeros is
 * made here.
 *
 *      address                 address + file_size      + memory_size
 *   ------|--------------------------|-----------------------|---
 *   |  page  |  page  |  page  |  page  |   page   |   page   |
 *   |<------- from the file ----------->|<---- anonymous ---->|
 *                                    |00| cleared
 */
#include "kernel/proc/elf_map.h"
#include "kernel/abi/errno.h"
#include "kernel/mm/vm_space.h"
#include "kernel/vfs/file.h"
#include "kernel/trace/trace.h"

_Static_assert(ELF_PAGE == PAGE_SIZE, "elf.h is not bound to the machine");

static char zeros[PAGE_SIZE];

static unsigned int segment_flags(const struct elf_segment *segment)
{
	unsigned int flags = VM_MAY_WRITE;

	/* RISC-V has no write-only pages. */
	if (segment->readable || segment->writable)
		flags |= PAGE_READ;
	if (segment->writable)
		flags |= PAGE_WRITE;
	if (segment->executable)
		flags |= PAGE_EXEC;
	return flags;
}

static int map_from_file(struct vm_space *space, struct file *file,
			 const struct elf_segment *segment, uint64_t start,
			 uint64_t end)
{
	struct vm_map_args args = {
		.hint = start,
		.size = end - start,
		.flags = segment_flags(segment),
		.fixed = true,
		.no_replace = true,
		.file = file,
		.cache = &file->inode->cache,
		.page_offset = segment->offset >> PAGE_SHIFT,
	};
	vaddr_t at;
	int err;

	if (file->ops->mmap) {
		err = file->ops->mmap(file, &args);
		if (err)
			return err;
	}
	return vm_map(space, &args, &at);
}

static int map_zeros(struct vm_space *space, const struct elf_segment *segment,
		     uint64_t start, uint64_t end)
{
	struct vm_map_args args = {
		.hint = start,
		.size = end - start,
		.flags = segment_flags(segment),
		.fixed = true,
		.no_replace = true,
	};
	vaddr_t at;

	return vm_map(space, &args, &at);
}

static int map_segment(struct vm_space *space, struct file *file,
		       const struct elf_segment *segment, uint64_t bias)
{
	uint64_t address = segment->address + bias;
	uint64_t start = ALIGN_DOWN(address, PAGE_SIZE);
	uint64_t file_end = address + segment->file_size;
	uint64_t end = ALIGN_UP(address + segment->memory_size, PAGE_SIZE);
	uint64_t zeros_from = start;
	int err;

	if (segment->file_size) {
		size_t tail;

		zeros_from = ALIGN_UP(file_end, PAGE_SIZE);
		err = map_from_file(space, file, segment, start, zeros_from);
		if (err)
			return err;
		tail = zeros_from - file_end;
		if (segment->memory_size > segment->file_size && tail &&
		    vm_space_access(space, file_end, zeros, tail, true, true) !=
			    tail)
			return -ENOEXEC;
	}
	if (zeros_from < end)
		return map_zeros(space, segment, zeros_from, end);
	return 0;
}

int elf_map(struct vm_space *space, struct file *file,
	    const struct elf_image *image, uint64_t bias)
{
	TRACE_STEP_HERE(LOAD);

	for (unsigned int i = 0; i < image->num_segments; i++) {
		int err = map_segment(space, file, &image->segments[i], bias);

		if (err)
			return err;
	}
	return 0;
}

void elf_describe(struct vm_space *space, const struct elf_image *image,
		  uint64_t bias)
{
	space->start_code = image->segments[0].address + bias;
	for (unsigned int i = 0; i < image->num_segments; i++) {
		const struct elf_segment *segment = &image->segments[i];
		uint64_t start = segment->address + bias;

		if (segment->executable)
			space->end_code = start + segment->file_size;
		space->start_data = start;
		space->end_data = start + segment->file_size;
	}
}
