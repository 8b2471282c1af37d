/* SPDX-License-Identifier: MIT */
/*
 * image.h - a disk in memory that remembers what was written to it
 *
 * Writes go into data at once, and, if a trace is kept, into the trace too, with
 * flushes between them: from a copy of the disk before and the trace every
 * state can be made that a power cut may leave (crash.c).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum image_event_kind { IMAGE_WRITE, IMAGE_FLUSH };

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

	/* Every @fail_every-th write (read) fails; 0: none does. */
	unsigned int fail_writes, fail_reads, num_writes, num_reads;
};

void image_clear_trace(struct image *image);
