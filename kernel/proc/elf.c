/* SPDX-License-Identifier: MIT */
/*
 * elf.c - what an ELF file asks for, checked
 *
 * Every number in the file is somebody else's: nothing is added before it is
 * known not to overflow, nothing used before it is compared with a limit. No
 * kernel state: builds on the host.
 */
#include "kernel/proc/elf.h"
#include "kernel/abi/elf.h"
#include "kernel/abi/errno.h"
#include "kernel/lib/string.h"

_Static_assert(sizeof(Elf64_Ehdr) == ELF_HEADER_SIZE, "gABI");
_Static_assert(sizeof(Elf64_Phdr) == ELF_HEADER_ENTRY_SIZE, "gABI");

/* A file offset must stay positive as loff_t. */
#define MAX_OFFSET ((uint64_t)INT64_MAX)
/* More than any machine has; beyond it alignment is nonsense. */
#define MAX_ALIGNMENT        (1UL << 30)
#define MAX_INTERPRETER_NAME 4096u

bool elf_has_magic(const void *bytes, size_t size)
{
	return size >= SELFMAG && !memcmp(bytes, ELFMAG, SELFMAG);
}

int elf_parse_header(const void *bytes, size_t size, struct elf_header *header)
{
	Elf64_Ehdr file;

	if (size < sizeof(file) || !elf_has_magic(bytes, size))
		return -ENOEXEC;
	memcpy(&file, bytes, sizeof(file));
	if (file.e_ident[EI_CLASS] != ELFCLASS64 ||
	    file.e_ident[EI_DATA] != ELFDATA2LSB || file.e_machine != EM_RISCV)
		return -ENOEXEC;
	if (file.e_type != ET_EXEC && file.e_type != ET_DYN)
		return -ENOEXEC;
	if (file.e_phentsize != sizeof(Elf64_Phdr) || file.e_phnum == 0 ||
	    file.e_phnum > ELF_MAX_HEADERS)
		return -ENOEXEC;
	if (file.e_phoff > MAX_OFFSET - ELF_MAX_HEADERS * sizeof(Elf64_Phdr))
		return -ENOEXEC;

	header->position_independent = file.e_type == ET_DYN;
	header->entry = file.e_entry;
	header->table_offset = file.e_phoff;
	header->table_entries = file.e_phnum;
	return 0;
}

/* May this header be loaded at all? Only numbers that cannot overflow. */
static bool segment_is_sane(const Elf64_Phdr *ph, uint64_t limit)
{
	if (ph->p_filesz > ph->p_memsz)
		return false;
	if (ph->p_vaddr > limit || ph->p_memsz > limit - ph->p_vaddr)
		return false;
	if (ph->p_offset > MAX_OFFSET - ELF_PAGE ||
	    ph->p_filesz > MAX_OFFSET - ELF_PAGE - ph->p_offset)
		return false;
	return (ph->p_vaddr - ph->p_offset) % ELF_PAGE == 0;
}

static int add_segment(struct elf_image *image, const Elf64_Phdr *ph,
		       uint64_t limit)
{
	struct elf_segment *segment;
	uint64_t start = ALIGN_DOWN(ph->p_vaddr, (uint64_t)ELF_PAGE);

	if (ph->p_memsz == 0)
		return 0;
	if (!segment_is_sane(ph, limit) ||
	    image->num_segments == ELF_MAX_SEGMENTS)
		return -ENOEXEC;
	if (image->num_segments == 0)
		image->start = start;
	else if (start < image->end)
		return -ENOEXEC; /* E1 */
	image->end = ALIGN_UP(ph->p_vaddr + ph->p_memsz, (uint64_t)ELF_PAGE);
	if (image->end > limit)
		return -ENOEXEC;

	/* One that is no power of two is no alignment: as Linux, ignore it. */
	if ((ph->p_align & (ph->p_align - 1)) == 0 &&
	    ph->p_align <= MAX_ALIGNMENT && ph->p_align > image->alignment)
		image->alignment = ph->p_align;

	segment = &image->segments[image->num_segments++];
	segment->address = ph->p_vaddr;
	segment->offset = ph->p_offset;
	segment->file_size = ph->p_filesz;
	segment->memory_size = ph->p_memsz;
	segment->readable = ph->p_flags & PF_R;
	segment->writable = ph->p_flags & PF_W;
	segment->executable = ph->p_flags & PF_X;
	return 0;
}

static int add_interpreter(struct elf_image *image, const Elf64_Phdr *ph)
{
	if (image->interpreter_size)
		return 0; /* the first one counts */
	if (ph->p_filesz < 2 || ph->p_filesz > MAX_INTERPRETER_NAME ||
	    ph->p_offset > MAX_OFFSET - MAX_INTERPRETER_NAME)
		return -ENOEXEC;
	image->interpreter_offset = ph->p_offset;
	image->interpreter_size = ph->p_filesz;
	return 0;
}

/* Where the segments put the program headers themselves (AT_PHDR). */
static uint64_t find_table(const struct elf_image *image, uint64_t offset)
{
	for (unsigned int i = 0; i < image->num_segments; i++) {
		const struct elf_segment *segment = &image->segments[i];

		if (offset >= segment->offset &&
		    offset - segment->offset < segment->file_size)
			return segment->address + (offset - segment->offset);
	}
	return 0;
}

int elf_parse(const struct elf_header *header, const void *table,
	      uint64_t lowest, uint64_t limit, struct elf_image *image)
{
	memset(image, 0, sizeof(*image));
	image->alignment = ELF_PAGE;

	for (unsigned int i = 0; i < header->table_entries; i++) {
		Elf64_Phdr ph;
		int err = 0;

		memcpy(&ph, (const char *)table + i * sizeof(ph), sizeof(ph));
		if (ph.p_type == PT_LOAD)
			err = add_segment(image, &ph, limit);
		else if (ph.p_type == PT_INTERP)
			err = add_interpreter(image, &ph);
		else if (ph.p_type == PT_GNU_STACK)
			image->executable_stack = ph.p_flags & PF_X;
		if (err)
			return err;
	}

	if (image->num_segments == 0)
		return -ENOEXEC;
	if (!header->position_independent && image->start < lowest)
		return -ENOEXEC;
	image->table_address = find_table(image, header->table_offset);
	return 0;
}
