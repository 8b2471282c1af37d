/* SPDX-License-Identifier: MIT */
/*
 * elf_test.c - the reader of program headers, given whole files and broken ones
 *
 * The fuzzer writes numbers that are likely to hurt into the headers, flips
 * bits anywhere and cuts files short. A broken file may be refused or let in;
 * but what is let in must keep the promises of elf.h, and nothing may be read
 * that is not there: each piece lies in memory of exactly its size, and the
 * address sanitizer watches. ELF_FUZZ_SEED in the environment repeats a run.
 */
#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/abi/errno.h"
#include "kernel/debug/ktest.h"
#include "kernel/proc/elf.h"
#include "kernel/proc/script.h"
#include "test/host/host.h"

enum {
	ELF_RUNS = 30000,
	SCRIPT_RUNS = 20000,
	HEAD_SIZE = 256, /* of a file, as exec.c reads it */
	FILE_SIZE = 8192,
};

#define LOWEST 0x1000ul
#define LIMIT  (1ul << 38)

/* ---- Whole files ---- */

struct sample {
	size_t size;
	unsigned char bytes[FILE_SIZE];
};

static void start_file(struct sample *sample, unsigned int type, uint64_t entry)
{
	Elf64_Ehdr *file = (Elf64_Ehdr *)sample->bytes;

	memset(sample, 0, sizeof(*sample));
	sample->size = FILE_SIZE;
	memcpy(file->e_ident, ELFMAG, SELFMAG);
	file->e_ident[EI_CLASS] = ELFCLASS64;
	file->e_ident[EI_DATA] = ELFDATA2LSB;
	file->e_ident[EI_VERSION] = EV_CURRENT;
	file->e_type = (Elf64_Half)type;
	file->e_machine = EM_RISCV;
	file->e_version = EV_CURRENT;
	file->e_entry = entry;
	file->e_phoff = sizeof(*file);
	file->e_ehsize = sizeof(*file);
	file->e_phentsize = sizeof(Elf64_Phdr);
}

static void add_header(struct sample *sample, uint32_t type, uint32_t flags,
		       uint64_t offset, uint64_t address, uint64_t file_size,
		       uint64_t memory_size)
{
	Elf64_Ehdr *file = (Elf64_Ehdr *)sample->bytes;
	Elf64_Phdr *table = (Elf64_Phdr *)(sample->bytes + file->e_phoff);

	table[file->e_phnum++] = (Elf64_Phdr){
		.p_type = type,
		.p_flags = flags,
		.p_offset = offset,
		.p_vaddr = address,
		.p_paddr = address,
		.p_filesz = file_size,
		.p_memsz = memory_size,
		.p_align = type == PT_LOAD ? 4096 : 1,
	};
}

static void make_static(struct sample *sample)
{
	start_file(sample, ET_EXEC, 0x10400);
	add_header(sample, PT_LOAD, PF_R | PF_X, 0, 0x10000, 0x1000, 0x1000);
	add_header(sample, PT_LOAD, PF_R | PF_W, 0x1e00, 0x12e00, 0x100,
		   0x4000);
	add_header(sample, PT_GNU_STACK, PF_R | PF_W, 0, 0, 0, 0);
}

static void make_movable(struct sample *sample)
{
	static const char name[] = "/lib/ld-linux-riscv64-lp64d.so.1";

	start_file(sample, ET_DYN, 0x600);
	add_header(sample, PT_PHDR, PF_R, 64, 64, 6 * 56, 6 * 56);
	add_header(sample, PT_INTERP, PF_R, 0x400, 0x400, sizeof(name),
		   sizeof(name));
	add_header(sample, PT_LOAD, PF_R | PF_X, 0, 0, 0xa00, 0xa00);
	add_header(sample, PT_LOAD, PF_R | PF_W, 0xe00, 0x1e00, 0x200, 0x208);
	add_header(sample, PT_DYNAMIC, PF_R | PF_W, 0xe20, 0x1e20, 0x1e0,
		   0x1e0);
	add_header(sample, PT_GNU_STACK, PF_R | PF_W | PF_X, 0, 0, 0, 0);
	memcpy(sample->bytes + 0x400, name, sizeof(name));
}

/* This very program: a linker made it. Only its machine is another. */
static void make_own(struct sample *sample)
{
	size_t size;
	void *bytes = host_read_file("/proc/self/exe", &size);

	memset(sample, 0, sizeof(*sample));
	sample->size = FILE_SIZE;
	memcpy(sample->bytes, bytes, FILE_SIZE);
	free(bytes);
	((Elf64_Ehdr *)sample->bytes)->e_machine = EM_RISCV;
}

static void (*const samples[])(struct sample *) = {
	make_static,
	make_movable,
	make_own,
};

/* ---- Reading them, as exec.c does ---- */

/* A copy in memory of exactly @size bytes. */
static void *exact_copy(const void *bytes, size_t size)
{
	void *copy = malloc(size);

	memcpy(copy, bytes, size);
	return copy;
}

static int read_file(const struct sample *sample, struct elf_header *header,
		     struct elf_image *image)
{
	unsigned char *head = calloc(1, HEAD_SIZE);
	size_t table_size;
	void *table;
	int err;

	memcpy(head, sample->bytes,
	       sample->size < HEAD_SIZE ? sample->size : HEAD_SIZE);
	err = elf_parse_header(head, HEAD_SIZE, header);
	free(head);
	if (err)
		return err;
	KTEST_TRUE(header->table_entries >= 1 &&
		   header->table_entries <= ELF_MAX_HEADERS);
	table_size = header->table_entries * ELF_HEADER_ENTRY_SIZE;
	KTEST_TRUE(header->table_offset <= INT64_MAX - table_size);
	if (header->table_offset > sample->size ||
	    table_size > sample->size - header->table_offset)
		return -ENOEXEC;
	table = exact_copy(sample->bytes + header->table_offset, table_size);
	err = elf_parse(header, table, LOWEST, LIMIT, image);
	free(table);
	return err;
}

/* ---- What elf.h promises of an image that was let in ---- */

static void check_segments(const struct elf_image *image)
{
	uint64_t free_from = image->start;

	for (unsigned int i = 0; i < image->num_segments; i++) {
		const struct elf_segment *segment = &image->segments[i];
		uint64_t end = segment->address + segment->memory_size;

		KTEST_TRUE(segment->memory_size > 0);
		KTEST_TRUE(segment->file_size <= segment->memory_size);
		KTEST_TRUE((segment->address - segment->offset) % ELF_PAGE ==
			   0);
		/* E1 */
		KTEST_TRUE(segment->address / ELF_PAGE * ELF_PAGE >= free_from);
		/* E2 */
		KTEST_TRUE(end > segment->address && end <= image->end);
		/* E3: room to round up to a page, too */
		KTEST_TRUE(segment->offset <= INT64_MAX - ELF_PAGE);
		KTEST_TRUE(segment->file_size <=
			   INT64_MAX - ELF_PAGE - segment->offset);
		free_from = (end + ELF_PAGE - 1) / ELF_PAGE * ELF_PAGE;
	}
	KTEST_EQUAL(free_from, image->end);
}

static void check_image(const struct elf_header *header,
			const struct elf_image *image)
{
	KTEST_TRUE(image->num_segments >= 1 &&
		   image->num_segments <= ELF_MAX_SEGMENTS);
	KTEST_TRUE(image->start % ELF_PAGE == 0 && image->end % ELF_PAGE == 0);
	KTEST_TRUE(image->start < image->end && image->end <= LIMIT);
	KTEST_TRUE(header->position_independent || image->start >= LOWEST);
	KTEST_TRUE(image->alignment >= ELF_PAGE &&
		   (image->alignment & (image->alignment - 1)) == 0);
	KTEST_TRUE(image->interpreter_size <= 4096);
	KTEST_TRUE(image->interpreter_offset <=
		   INT64_MAX - image->interpreter_size);
	KTEST_TRUE(!image->table_address ||
		   (image->table_address >= image->start &&
		    image->table_address < image->end));
	check_segments(image);
}

KTEST(elf_reads_whole_files)
{
	struct elf_header header;
	struct elf_image image;
	struct sample sample;

	make_static(&sample);
	KTEST_EQUAL(read_file(&sample, &header, &image), 0);
	check_image(&header, &image);
	KTEST_TRUE(!header.position_independent && !image.executable_stack);
	KTEST_EQUAL(header.entry, 0x10400);
	KTEST_EQUAL(image.num_segments, 2);
	KTEST_EQUAL(image.start, 0x10000);
	KTEST_EQUAL(image.end, 0x17000);
	KTEST_EQUAL(image.table_address, 0x10040);
	KTEST_EQUAL(image.interpreter_size, 0);
	KTEST_TRUE(image.segments[1].writable && !image.segments[1].executable);

	make_movable(&sample);
	KTEST_EQUAL(read_file(&sample, &header, &image), 0);
	check_image(&header, &image);
	KTEST_TRUE(header.position_independent && image.executable_stack);
	KTEST_EQUAL(image.interpreter_offset, 0x400);
	KTEST_EQUAL(image.interpreter_size, 33);

	make_own(&sample);
	KTEST_EQUAL(read_file(&sample, &header, &image), 0);
	check_image(&header, &image);
	KTEST_TRUE(image.num_segments >= 2 && image.interpreter_size > 0);
}

/* ---- Broken files ---- */

/* Numbers at the edges of what a header may say. */
static uint64_t hurtful_number(uint64_t *seed)
{
	static const uint64_t edges[] = {
		0,
		1,
		2,
		4095,
		4096,
		LOWEST,
		LIMIT,
		LIMIT / 2,
		1ul << 30,
		1ul << 31,
		1ul << 32,
		INT64_MAX,
		1ul << 63,
		UINT64_MAX,
		64,
		56,
		ELF_MAX_HEADERS,
		ELF_MAX_SEGMENTS,
	};
	uint64_t edge =
		edges[host_random(seed) % (sizeof(edges) / sizeof(edges[0]))];

	switch (host_random(seed) % 4) {
	case 0:
		return edge + host_random(seed) % 5 - 2;
	case 1:
		return edge - 4096 * (host_random(seed) % 3);
	case 2:
		return host_random(seed);
	default:
		return edge;
	}
}

/* A number of 1, 2, 4 or 8 bytes somewhere in the headers. */
static void smash_field(struct sample *sample, uint64_t *seed)
{
	const Elf64_Ehdr *whole = (const Elf64_Ehdr *)sample->bytes;
	size_t headers = sizeof(*whole) + whole->e_phnum * sizeof(Elf64_Phdr);
	size_t width = 1ul << host_random(seed) % 4;
	uint64_t number = hurtful_number(seed);
	size_t at;

	if (headers > sample->size)
		headers = sample->size;
	at = host_random(seed) % (headers / width) * width;
	memcpy(sample->bytes + at, &number, width);
}

static void flip_bit(struct sample *sample, uint64_t *seed)
{
	size_t range = host_random(seed) % 4 ? 512 : sample->size;

	sample->bytes[host_random(seed) % range] ^=
		(unsigned char)(1u << host_random(seed) % 8);
}

static void damage(struct sample *sample, uint64_t *seed)
{
	unsigned int changes = 1 + host_random(seed) % 4;

	while (changes--) {
		if (host_random(seed) % 2)
			smash_field(sample, seed);
		else
			flip_bit(sample, seed);
	}
	if (host_random(seed) % 10 == 0)
		sample->size = host_random(seed) %
			       (host_random(seed) % 2 ? 700 : FILE_SIZE);
}

KTEST(elf_keeps_its_promises_for_broken_files)
{
	const char *text = getenv("ELF_FUZZ_SEED");
	uint64_t seed = text ? strtoull(text, NULL, 0) : 20240607;
	unsigned int let_in = 0;
	struct sample whole[3];

	for (int i = 0; i < 3; i++)
		samples[i](&whole[i]);
	for (int run = 0; run < ELF_RUNS; run++) {
		struct sample sample = whole[run % 3];
		struct elf_header header;
		struct elf_image image;
		int err;

		damage(&sample, &seed);
		err = read_file(&sample, &header, &image);
		KTEST_TRUE(err == 0 || err == -ENOEXEC);
		if (err)
			continue;
		let_in++;
		check_image(&header, &image);
	}
	printf("%d files, of which %u were let in\n", ELF_RUNS, let_in);
	/* The fuzzer must neither break everything nor nothing. */
	KTEST_TRUE(let_in > ELF_RUNS / 10 && let_in < ELF_RUNS * 9 / 10);
}

/* ---- Scripts ---- */

static void check_line(const char *bytes, size_t size,
		       const struct script_line *line)
{
	const char *end = bytes + size;
	const char *name = line->interpreter, *argument = line->argument;

	KTEST_TRUE(line->interpreter_len > 0);
	KTEST_TRUE(name >= bytes + 2 && name + line->interpreter_len <= end);
	KTEST_TRUE(!memchr(name, '\n', line->interpreter_len));
	KTEST_TRUE(!memchr(name, ' ', line->interpreter_len));
	KTEST_TRUE(!memchr(name, '\0', line->interpreter_len));
	KTEST_EQUAL(!argument, !line->argument_len);
	if (!argument)
		return;
	KTEST_TRUE(argument > name && argument + line->argument_len <= end);
	KTEST_TRUE(!memchr(argument, '\n', line->argument_len));
	KTEST_TRUE(!memchr(argument, '\0', line->argument_len));
}

KTEST(script_lines_of_any_bytes_are_harmless)
{
	static const char letters[] = "#!/bin/sh -e\t\n";
	uint64_t seed = 4711;
	unsigned int let_in = 0;

	for (int run = 0; run < SCRIPT_RUNS; run++) {
		size_t size = 2 + host_random(&seed) % 30;
		char *bytes = malloc(size);
		struct script_line line;

		/* The last letter is the NUL. */
		for (size_t i = 0; i < size; i++)
			bytes[i] =
				letters[host_random(&seed) % sizeof(letters)];
		memcpy(bytes, "#!", 2);
		KTEST_TRUE(script_has_magic(bytes, size));
		if (script_parse(bytes, size, &line) == 0) {
			let_in++;
			check_line(bytes, size, &line);
		}
		free(bytes);
	}
	KTEST_TRUE(let_in > SCRIPT_RUNS / 10);
}
