/* SPDX-License-Identifier: MIT */
/*
 * device_tree_test.c - the trees of real boards and emulators, whole and broken
 *
 * The facts about the boards come from their manuals and are repeated in
 * docs/boards.md. The fuzzer changes bits and words, takes nodes and properties
 * out and cuts the blob short, then asks every question there is: the answers
 * may be wrong, but nothing may be read that is not there, and each question
 * must come to an end. DT_FUZZ_SEED in the environment repeats a run.
 */
#include <dirent.h>
#include <libfdt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/debug/ktest.h"
#include "kernel/dev/device_tree.h"
#include "test/host/host.h"

#define TREES "test/data/dtb/"

enum { SUPERVISOR_EXTERNAL = 9 };

struct facts {
	const char *file;
	uint64_t harts; /* bit h: hart id h may be used */
	bool sstc;
	paddr_t ram;
	uint64_t ram_size; /* of the first bank */
	paddr_t console;
	uint32_t console_irq;
	unsigned int context; /* of the first usable hart; 0: no PLIC */
	unsigned int stride;  /* between two harts' contexts */
};

#define GIB (1ul << 30)

static const struct facts boards[] = {
	{ "linux/hifive-unleashed-a00.dtb", 0x1e, false, 0x80000000, 8 * GIB,
	  0x10010000, 4, 2, 2 },
	{ "linux/hifive-unmatched-a00.dtb", 0x1e, false, 0x80000000, 16 * GIB,
	  0x10010000, 39, 2, 2 },
	{ "linux/jh7110-starfive-visionfive-2-v1.2a.dtb", 0x1e, false,
	  0x40000000, 4 * GIB, 0x10000000, 32, 2, 2 },
	{ "linux/jh7110-starfive-visionfive-2-v1.3b.dtb", 0x1e, false,
	  0x40000000, 4 * GIB, 0x10000000, 32, 2, 2 },
	{ "linux/mpfs-icicle-kit.dtb", 0x1e, false, 0x80000000, GIB, 0x20100000,
	  91, 2, 2 },
	{ "uboot/hifive-unleashed-a00.dtb", 0x1e, false, 0x80000000, 8 * GIB,
	  0x10010000, 4, 2, 2 },
	{ "uboot/hifive-unmatched-a00.dtb", 0x1e, false, 0x80000000, 16 * GIB,
	  0x10010000, 39, 2, 2 },
	{ "uboot/jh7110-starfive-visionfive-2.dtb", 0x1e, false, 0x40000000,
	  8 * GIB, 0x10000000, 32, 2, 2 },
	{ "qemu/qemu72-virt-smp1.dtb", 0x1, true, 0x80000000, GIB / 4,
	  0x10000000, 10, 1, 2 },
	{ "qemu/qemu72-virt-smp8.dtb", 0xff, true, 0x80000000, GIB / 4,
	  0x10000000, 10, 1, 2 },
	{ "qemu/qemu72-sifive_u-smp5.dtb", 0x1e, false, 0x80000000, 8 * GIB,
	  0x10010000, 4, 2, 2 },
	{ "qemu/qemu100-virt-smp8.dtb", 0xff, true, 0x80000000, GIB / 4,
	  0x10000000, 10, 1, 2 },
	{ "qemu/qemu111-virt-smp8-aplic-imsic.dtb", 0xff, true, 0x80000000,
	  GIB / 4, 0x10000000, 10, 0, 0 },
	{ "handover/qemu72-sifive_u-spl-opensbi1.6-uboot2025.01.dtb", 0x1e,
	  false, 0x80000000, 8 * GIB, 0x10010000, 4, 2, 2 },
	{ "handover/qemu72-icicle-opensbi1.1.dtb", 0x1e, false, 0x80000000, GIB,
	  0x20100000, 91, 2, 2 },
	{ "handover/qemu111-tt-atlantis-opensbi1.6.dtb", 0xff, true,
	  0x180000000, 2 * GIB, 0xd4110000, 39, 0, 0 },
	{ "variants/jh7110-vendor-hart0-okay.dtb", 0x1e, false, 0x40000000,
	  4 * GIB, 0x10000000, 32, 2, 2 },
	{ "variants/virt-jh7110-like-smp5.dtb", 0x1e, false, 0x80000000,
	  2 * GIB, 0x10000000, 10, 3, 2 },
	{ "variants/virt-ram-at-c0000000-smp3.dtb", 0x7, true, 0xc0000000, GIB,
	  0x10000000, 10, 1, 2 },
};

static void *load(const char *file, size_t *size)
{
	char path[300];

	snprintf(path, sizeof(path), TREES "%s", file);
	return host_read_file(path, size);
}

static bool has_type(int node, const char *type)
{
	const char *found = dt_string(node, "device_type");

	return found && !strcmp(found, type);
}

static void check_harts(const struct facts *facts)
{
	uint64_t harts = 0, id;
	int node;

	dt_for_each_node (node) {
		if (!has_type(node, "cpu") || !dt_hart_usable(node, &id))
			continue;
		harts |= BIT(id);
		KTEST_EQUAL(dt_hart_has(node, "sstc"), facts->sstc);
		KTEST_TRUE(dt_hart_has(node, "c"));
		KTEST_TRUE(!dt_hart_has(node, "zkq"));
	}
	KTEST_EQUAL(harts, facts->harts);
}

static void check_memory(const struct facts *facts)
{
	uint64_t size;
	paddr_t at;
	int node;

	dt_for_each_node (node) {
		if (!has_type(node, "memory"))
			continue;
		KTEST_EQUAL(dt_reg(node, 0, &at, &size), 0);
		KTEST_EQUAL(at, facts->ram);
		KTEST_EQUAL(size, facts->ram_size);
		return;
	}
	KTEST_TRUE(!"a memory node");
}

static void check_console(const struct facts *facts)
{
	int node = dt_stdout(), controller;
	uint32_t number;
	uint64_t size;
	paddr_t at;

	KTEST_TRUE(node >= 0 && dt_is_enabled(node));
	KTEST_EQUAL(dt_reg(node, 0, &at, &size), 0);
	KTEST_EQUAL(at, facts->console);
	KTEST_EQUAL(dt_interrupt(node, 0, &controller, &number), 0);
	KTEST_EQUAL(number, facts->console_irq);
}

/* The S-mode contexts of usable harts, in the order of interrupts-extended. */
static void check_contexts(const struct facts *facts)
{
	unsigned int expected = facts->context;
	uint32_t number;
	uint64_t id;
	int node, hart;

	if (!expected)
		return;
	dt_for_each_node (node) {
		if (dt_is_compatible(node, "sifive,plic-1.0.0") ||
		    dt_is_compatible(node, "riscv,plic0"))
			break;
	}
	for (unsigned int n = 0; !dt_interrupt(node, n, &hart, &number); n++) {
		if (number != SUPERVISOR_EXTERNAL ||
		    !dt_hart_usable(dt_parent(hart), &id))
			continue;
		KTEST_EQUAL(n, expected);
		expected += facts->stride;
	}
	KTEST_TRUE(expected > facts->context);
}

KTEST(device_trees_tell_the_facts_about_boards)
{
	for (size_t i = 0; i < ARRAY_SIZE(boards); i++) {
		size_t size;
		void *blob = load(boards[i].file, &size);

		printf("%s\n", boards[i].file);
		KTEST_EQUAL(dt_check(blob, size), size);
		KTEST_EQUAL(dt_init(blob), 0);
		check_harts(&boards[i]);
		check_memory(&boards[i]);
		check_console(&boards[i]);
		check_contexts(&boards[i]);
		free(blob);
	}
}

/* ---- all files ------------------------------------------------------------ */

/* Run @fn on each tree there is. */
static void for_each_tree(void (*fn)(const void *blob, size_t size))
{
	static const char *const folders[] = { "linux", "uboot", "qemu",
					       "handover", "variants" };
	unsigned int count = 0;

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		char path[300];
		struct dirent *entry;
		DIR *dir;

		snprintf(path, sizeof(path), TREES "%s", folders[i]);
		dir = opendir(path);
		while (dir && (entry = readdir(dir))) {
			size_t size;
			void *blob;

			if (!strstr(entry->d_name, ".dtb"))
				continue;
			snprintf(path, sizeof(path), "%s/%.200s", folders[i],
				 entry->d_name);
			blob = load(path, &size);
			fn(blob, size);
			free(blob);
			count++;
		}
		closedir(dir);
	}
	KTEST_TRUE(count > 40);
}

static void look_for_the_needful(const void *blob, size_t size)
{
	unsigned int harts = 0, banks = 0;
	uint64_t id, bytes;
	paddr_t at;
	int node;

	KTEST_EQUAL(dt_check(blob, size), size);
	KTEST_EQUAL(dt_init(blob), 0);
	dt_for_each_node (node) {
		harts += has_type(node, "cpu") && dt_hart_usable(node, &id);
		banks += has_type(node, "memory") &&
			 !dt_reg(node, 0, &at, &bytes);
	}
	KTEST_TRUE(harts > 0 && banks > 0 && dt_stdout() >= 0);
}

KTEST(every_device_tree_has_harts_memory_and_a_console)
{
	for_each_tree(look_for_the_needful);
}

/* The notes made at boot say the same as a walk by libfdt. */
static void compare_with_libfdt(const void *blob, size_t size)
{
	int node;

	dt_init(blob);
	dt_for_each_node (node) {
		int parent = fdt_parent_offset(blob, node);
		uint32_t phandle = fdt_get_phandle(blob, node);

		KTEST_EQUAL(dt_parent(node) < 0 ? -1 : dt_parent(node),
			    parent < 0 ? -1 : parent);
		if (phandle)
			KTEST_EQUAL(dt_find_phandle(phandle), node);
	}
}

KTEST(device_tree_notes_agree_with_libfdt)
{
	for_each_tree(compare_with_libfdt);
}

/* ---- broken trees ---------------------------------------------------------- */

static void ask_about_node(int node)
{
	uint64_t size, id;
	uint32_t number;
	paddr_t at;
	int controller;

	dt_name(node);
	dt_parent(node);
	dt_is_enabled(node);
	dt_is_compatible(node, "ns16550a");
	dt_u32(node, "reg-shift", &number);
	dt_u64(node, "timebase-frequency", &at);
	for (unsigned int i = 0; i < 1000; i++) {
		if (dt_reg(node, i, &at, &size) &&
		    dt_interrupt(node, i, &controller, &number))
			break;
	}
	for (int i = 0; dt_string_at(node, "compatible", i); i++)
		;
	for (int child = dt_first_child(node); child >= 0;
	     child = dt_next_child(child))
		;
	dt_hart_usable(node, &id);
	dt_hart_has(node, "sstc");
	dt_hart_has(node, "v");
}

static void ask_everything(void)
{
	paddr_t start, end;
	const char *text;
	int node, size;

	dt_for_each_node (node)
		ask_about_node(node);
	text = dt_bootargs();
	if (text)
		(void)strlen(text);
	text = dt_model();
	if (text)
		(void)strlen(text);
	dt_initrd(&start, &end);
	ask_about_node(dt_stdout());
	dt_rng_seed(&size);
	for (unsigned int i = 0; !dt_memory_reservation(i, &start, &end); i++)
		;
}

static uint64_t fuzz_state = 1;
static unsigned int num_mutants, num_accepted;

/* Some node, or property of a node, is gone. */
static void take_out(char *blob, bool whole_node)
{
	int node = -1, property;

	for (uint64_t skip = host_random(&fuzz_state) % 200; skip; skip--) {
		node = fdt_next_node(blob, node, NULL);
		if (node < 0)
			return;
	}
	if (node <= 0)
		return;
	property = fdt_first_property_offset(blob, node);
	if (whole_node) {
		fdt_nop_node(blob, node);
	} else if (property >= 0) {
		const char *name;

		fdt_getprop_by_offset(blob, property, &name, NULL);
		fdt_nop_property(blob, node, name);
	}
}

/* A word becomes one of those that programs stumble over. */
static void change_word(char *blob, size_t size)
{
	static const uint32_t words[] = { 0,          1,          2,
					  3,          4,          9,
					  8,          0x7fffffff, 0x80000000,
					  0xffffffff, 0xfffffffc };
	size_t at = host_random(&fuzz_state) % (size / 4) * 4;
	uint32_t word = words[host_random(&fuzz_state) % ARRAY_SIZE(words)];

	word = __builtin_bswap32(word);
	memcpy(blob + at, &word, 4);
}

static void flip_bit(char *blob, size_t size)
{
	uint64_t r = host_random(&fuzz_state);

	blob[r / 8 % size] ^= (char)(1 << r % 8);
}

static void mutate(char *blob, size_t size)
{
	unsigned int changes = 1 + host_random(&fuzz_state) % 4;

	switch (host_random(&fuzz_state) % 4) {
	case 0:
		take_out(blob, true);
		break;
	case 1:
		take_out(blob, false);
		break;
	case 2:
		while (changes--)
			flip_bit(blob, size);
		break;
	default:
		while (changes--)
			change_word(blob, size);
		break;
	}
}

static void ask_mutants(const void *blob, size_t size)
{
	for (int i = 0; i < 201; i++) {
		size_t cut = size;
		char *mutant;

		if (i % 10 == 0)
			cut = host_random(&fuzz_state) % size;
		mutant = malloc(cut); /* exact, so that overruns are seen */
		memcpy(mutant, blob, cut);
		if (cut == size)
			mutate(mutant, cut);
		num_mutants++;
		if (dt_check(mutant, cut) >= 0 && dt_init(mutant) == 0) {
			num_accepted++;
			ask_everything();
		}
		free(mutant);
	}
}

KTEST(broken_device_trees_are_harmless)
{
	const char *seed = getenv("DT_FUZZ_SEED");

	fuzz_state = seed ? strtoull(seed, NULL, 0) : 20240229;
	if (!fuzz_state)
		fuzz_state = 1;
	for_each_tree(ask_mutants);
	printf("%u trees, of which %u were let in\n", num_mutants,
	       num_accepted);
	KTEST_TRUE(num_mutants >= 10000);
	KTEST_TRUE(num_accepted > num_mutants / 10);
}
