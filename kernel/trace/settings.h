/* SPDX-License-Identifier: MIT */
/*
 * settings.h - what is recorded, and how it is read: for /proc and the boot
 *
 * Context: thread, may sleep; callers hold one lock of their own, so that there
 * is one at a time (trace_wants_* excepted).
 */
#pragma once

#include "kernel/trace/ring.h"
#include "kernel/trace/trace.h"

struct trace_settings {
	bool on;
	bool everyone; /* false: only threads that are followed */
	bool registers, stacks, text;
	uint64_t kinds;      /* bit k: events of kind k */
	unsigned int chunks; /* TRACE_CHUNK_BYTES each, of each hart */
};

/* Boot, first thing: the hart that boots has a ring from here on. */
void trace_start_boot(void);
/* Boot, with the boot arguments known: trace=on. */
void trace_boot_args(void);
/* Boot, with memory: rings of the size wanted if tracing is on. 0, -ENOMEM. */
int trace_init(const struct trace_memory *memory);

void trace_get_settings(struct trace_settings *settings);
/* Everything but chunks. -ENOMEM if there are no rings and no memory. */
int trace_set(const struct trace_settings *settings);
/* 0; -EBUSY: tracing is on; -ENOMEM; -EINVAL. */
int trace_set_chunks(unsigned int chunks);
/* Forget what was not read, and the counts. */
void trace_clear(void);

/* Boot: @changed is called now and whenever tracing was turned on or off. */
void trace_on_change(void (*changed)(bool on));

/* Records of the boot that are always kept. */
const uint64_t *trace_boot_records(uint64_t *words);

const struct trace_name *trace_names(unsigned int *num);
/* Where the kernel's image is linked. */
uint64_t trace_kernel_base(void);
/* The table of places; @num is set to their number. */
const struct trace_place *trace_places(unsigned int *num);
