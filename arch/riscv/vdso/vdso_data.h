/* SPDX-License-Identifier: MIT */
/*
 * vdso_data.h - what the kernel publishes to programs, in [vvar]
 *
 * Written by vdso.c, read by clock.c in every program. A sequence lock: the
 * number is odd while the kernel writes, and a reader who saw it change, or
 * saw it odd, reads again.
 */
#pragma once

#include <stdint.h>

struct vdso_data {
	uint32_t sequence;
	uint32_t shift;
	/* monotonic ns = ((rdtime - base_ticks) << shift) * mult >> 64: the
	 * upper half of one product. */
	uint64_t mult;
	uint64_t base_ticks;
	int64_t realtime_offset_ns;
};
