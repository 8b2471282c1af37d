/* SPDX-License-Identifier: MIT */
/*
 * elf.h - what an ELF file asks for, checked
 *
 * Idea: reading the file's headers (here) is apart from acting on them
 * (elf_map.c). The parser sees nothing but bytes, so it also builds on the
 * host, where a fuzzer feeds it broken files.
 * Source: ELF gABI 4.1, chapter 5; RISC-V ELF psABI.
 */
#pragma once

#include "kernel/lib/compiler.h"

#define ELF_HEADER_SIZE       64u
#define ELF_MAX_HEADERS       64u /* program headers; Debian's files have <= 12 */
#define ELF_MAX_SEGMENTS      16u /* to be loaded */
#define ELF_PAGE              4096u
#define ELF_HEADER_ENTRY_SIZE 56u

/* The file header, as far as it matters. */
struct elf_header {
	bool position_independent; /* ET_DYN */
	uint64_t entry;
	uint64_t table_offset; /* of the program headers in the file */
	unsigned int table_entries;
};

/* A PT_LOAD segment: these bytes of the file at that address, then zeros. */
struct elf_segment {
	uint64_t address;
	uint64_t offset;      /* congruent to address modulo the page size */
	uint64_t file_size;   /* <= memory_size */
	uint64_t memory_size; /* > 0 */
	bool readable, writable, executable;
};

/*
 * What the program headers say. Invariants (elf_parse() made sure):
 *   E1  Segments are in ascending order and share no page.
 *   E2  All lie in [start, end), page aligned, end <= the limit given.
 *   E3  offset + file_size does not overflow a file offset.
 */
struct elf_image {
	uint64_t start, end;
	uint64_t alignment;     /* of start, if it may be moved */
	uint64_t table_address; /* of the program headers in memory, or 0 */
	bool executable_stack;
	uint64_t interpreter_offset; /* its name in the file */
	size_t interpreter_size;     /* NUL included; 0: no interpreter */
	unsigned int num_segments;
	struct elf_segment segments[ELF_MAX_SEGMENTS];
};

/* Does a file that begins with these bytes claim to be ELF? */
bool elf_has_magic(const void *bytes, size_t size);
/* The first @size bytes of the file. 0 or -ENOEXEC. */
int elf_parse_header(const void *bytes, size_t size, struct elf_header *header);
/*
 * The table of program headers, table_entries * ELF_HEADER_ENTRY_SIZE bytes.
 * @lowest, @limit: where a program that is not position independent may lie;
 * another one must be no larger than that. 0 or -ENOEXEC.
 */
int elf_parse(const struct elf_header *header, const void *table,
	      uint64_t lowest, uint64_t limit, struct elf_image *image);
