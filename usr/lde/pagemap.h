/* SPDX-License-Identifier: MIT */
/*
 * pagemap.h - which frame is behind an address: /proc/self/pagemap
 *
 * Eight bytes a page: the frame's number in the low 55 bits, bit 63 when there
 * is one. Only root is told the number. Source: the kernel documentation's
 * admin-guide/mm/pagemap; the format is the same on Linux.
 */
#pragma once

#include <fcntl.h>
#include <stdint.h>
#include <unistd.h>

#define PAGEMAP_FRAME   ((1UL << 55) - 1)
#define PAGEMAP_PRESENT (1UL << 63)
#define PAGE_BYTES      4096UL

/* The frame behind @address, as a physical address; 0: none yet. */
static inline uintptr_t frame_of(const volatile void *address)
{
	uint64_t entry = 0;
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return 0;
	if (pread(fd, &entry, sizeof(entry),
		  (off_t)((uintptr_t)address / PAGE_BYTES * sizeof(entry))) !=
	    sizeof(entry))
		entry = 0;
	close(fd);
	return entry & PAGEMAP_PRESENT ? (entry & PAGEMAP_FRAME) * PAGE_BYTES
				       : 0;
}
