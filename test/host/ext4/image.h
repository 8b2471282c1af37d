/* SPDX-License-Identifier: MIT */
/*
 * image.h - a disk in memory that remembers what was written to it
 *
 * Writes go into data at once, and, if a trace is kept, into the trace too, with
 * flushes between them: from a copy of the disk before and the trace every
 * state can be made that a power cut may leave (crash_states.c).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum image_event_kind { IMAGE_WRITE, IMAGE_FLUSH };

enum { IMAGE_UNIT = 1024 };

struct image_event {
	enum image_event_kind kind;
	bool fua;
	unsigned int call; /* writes of one call have one number */
	uint64_t pos;
	size_t size;
	uint8_t *data;
};

struct image {
	uint8_t *data;
	size_t size;
	bool read_only;

	bool record;
	struct image_event *events;
	unsigned int num_events, max_events, num_calls;

	/* Which units were written since image_track(), each once. */
	uint8_t *is_changed; /* NULL: not wanted */
	uint32_t *changed;
	unsigned int num_changed;

	/* Requests fail: number @first_fault (from 1), and then every
	 * @fault_step-th; 0: no more. Of reads, writes and flushes, if wanted. */
	unsigned int first_fault, fault_step, num_requests, num_faults;
	bool fail_reads, fail_writes;
};

/* From now on image_revert() knows what to undo. */
void image_track(struct image *image);
/* What a write does. */
void image_put(struct image *image, uint64_t pos, const void *data,
	       size_t size);
/* All that changed is again what it is in @original. */
void image_revert(struct image *image, const struct image *original);
void image_clear_trace(struct image *image);
/* All its memory. */
void image_free(struct image *image);
