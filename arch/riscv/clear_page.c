/* SPDX-License-Identifier: MIT */
/*
 * clear_page.c - making pages zero as fast as the hart can
 *
 * Idea: harts with Zicboz clear a whole block of their cache (64 bytes, say)
 * with one instruction and without reading it from memory first. It is used
 * where the device tree promises it for all harts and it works: whether it may
 * be used in S-mode is up to the firmware (menvcfg.CBZE), which cannot be
 * asked, so it is tried once.
 *
 * Source: RISC-V Base Cache Management Operation ISA Extensions 1.0,
 * "cbo.zero"; the block's size: riscv,cboz-block-size of the cpu node.
 */
#include <arch/harts.h>
#include <arch/machine.h>
#include "arch/riscv/csr.h"
#include "kernel/debug/log.h"
#include "kernel/debug/panic.h"
#include "kernel/lib/string.h"
#include "kernel/mm/page.h"

/* Bytes; 0: no such instruction. Fixed after boot. */
static size_t zero_block;

/* clear_page_probe.S */
bool zero_block_works(void *block);

/* Clear the block at @block; the assembler may not know its name. */
static force_inline void cbo_zero(char *block)
{
	__asm__ volatile(".insn i 0x0f, 2, x0, %0, 4"
			 :
			 : "r"(block)
			 : "memory");
}

void arch_clear_page(void *page)
{
	const size_t size = zero_block;
	char *block = page;
	char *end = block + PAGE_SIZE;

	if (!size) {
		clear_page(page);
		return;
	}
	for (; block != end; block += 4 * size) {
		cbo_zero(block);
		cbo_zero(block + size);
		cbo_zero(block + 2 * size);
		cbo_zero(block + 3 * size);
	}
}

void arch_use_zero_blocks(uint32_t size)
{
	struct page *page;
	char *trial;
	bool works;

	/* A power of two, of which a page has whole rounds. */
	if (size < sizeof(uint64_t) || size > PAGE_SIZE / 4 ||
	    (size & (size - 1)))
		return;
	page = page_alloc(0, 0);
	if (!page)
		return;
	trial = page_address(page);
	trial[0] = trial[size - 1] = trial[size] = 1;
	works = zero_block_works(trial);
	debug_assert(!(csr_read(sstatus) & SSTATUS_SPP)); /* T1 of trap.S */
	if (!works)
		log_info("cbo.zero: there, but the firmware forbids it");
	/* It must have cleared what the device tree says, and no more. */
	else if (trial[0] == 0 && trial[size - 1] == 0 && trial[size] == 1)
		zero_block = size;
	page_put(page);
}
