/* SPDX-License-Identifier: MIT */
/*
 * vdso.c - the pages of the vDSO, and the clock published to them
 *
 * The code is copied out of the image into frames of its own, because programs
 * share frames by reference and the image's frames are not counted. The data
 * page is mapped just before the code (vdso.lds).
 */
#include <arch/vdso.h>
#include "arch/riscv/vdso/vdso_data.h"
#include "kernel/debug/panic.h"
#include "kernel/lib/string.h"
#include "kernel/mm/page.h"

#define MAX_VDSO_PAGES 4

extern const char vdso_image_start[], vdso_image_end[];

/* Fixed once made. [0] is the data page. */
static struct page *vdso_pages[1 + MAX_VDSO_PAGES];
static size_t num_code_pages;

static struct vdso_data *data_page(void)
{
	return page_address(vdso_pages[0]);
}

static struct page *new_page(void)
{
	struct page *page = page_alloc(0, ALLOC_ZERO);

	if (!page)
		halt_machine("no memory for the vDSO at boot");
	return page;
}

/* At boot, on the first use. */
static void make_pages(void)
{
	size_t size = (size_t)(vdso_image_end - vdso_image_start);

	num_code_pages = size / PAGE_SIZE;
	assert(num_code_pages <= MAX_VDSO_PAGES);
	vdso_pages[0] = new_page();
	for (size_t i = 0; i < num_code_pages; i++) {
		vdso_pages[1 + i] = new_page();
		copy_page(page_address(vdso_pages[1 + i]),
			  vdso_image_start + i * PAGE_SIZE);
	}
}

void arch_vdso_pages(struct page ***pages, size_t *data_pages,
		     size_t *code_pages)
{
	if (!vdso_pages[0])
		make_pages();
	*pages = vdso_pages;
	*data_pages = 1;
	*code_pages = num_code_pages;
}

void arch_vdso_update_clock(uint64_t mult, unsigned int shift,
			    uint64_t base_ticks, int64_t realtime_offset_ns)
{
	struct vdso_data *data;

	if (!vdso_pages[0])
		make_pages();
	data = data_page();
	/* As large a factor as fits: then one shift before the product and
	 * none after it. */
	while (shift < 64 && !(mult >> 63)) {
		mult <<= 1;
		shift++;
	}
	data->sequence++;
	/* pairs with the fences in now_ns() of vdso/clock.c */
	__atomic_thread_fence(__ATOMIC_RELEASE);
	data->mult = mult;
	data->shift = 64 - shift;
	data->base_ticks = base_ticks;
	data->realtime_offset_ns = realtime_offset_ns;
	__atomic_thread_fence(__ATOMIC_RELEASE);
	data->sequence++;
}
