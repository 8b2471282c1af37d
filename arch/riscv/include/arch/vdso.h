/* SPDX-License-Identifier: MIT */
/*
 * arch/vdso.h - the page of code that the kernel maps into every program
 *
 * Two page ranges: [vvar], read-only data (clock scale and offset), then
 * [vdso], an ELF shared object with __vdso_clock_gettime and friends
 * (vdso(7), "riscv functions").
 */
#pragma once

#include "kernel/lib/types.h"

struct page;

/* Pages of data and code, in that order, and how many of each. */
void arch_vdso_pages(struct page ***pages, size_t *data_pages,
		     size_t *code_pages);
/* Publish the clock to the data page (seqlock); called by time/. */
void arch_vdso_update_clock(uint64_t mult, unsigned int shift,
			    uint64_t base_ticks, int64_t realtime_offset_ns);
