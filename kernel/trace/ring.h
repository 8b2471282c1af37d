/* SPDX-License-Identifier: MIT */
/*
 * ring.h - one ring of records for each hart
 *
 * One writer (the hart itself, interrupts off) and one reader (who reads "raw",
 * under the lock of who calls), no locks between them.
 */
#pragma once

#include "kernel/lib/compiler.h"

/* Where memory for rings comes from; the upper rooms fill it in. */
struct trace_memory {
	/* TRACE_CHUNK_BYTES, aligned to 8; NULL: none. May sleep. */
	void *(*alloc)(void);
	void (*free)(void *chunk);
	unsigned int chunks; /* of a hart's ring, if nobody says otherwise */
};

#define TRACE_CHUNK_BYTES 65536u
#define TRACE_CHUNK_WORDS (TRACE_CHUNK_BYTES / 8)
/* 256 MiB for each hart. */
#define TRACE_MAX_CHUNKS 4096u
/* No record is longer: a read of 4 KiB gets at least one. */
#define TRACE_MAX_WORDS 512u

struct trace_ring_info {
	uint64_t recorded, lost;
	uint64_t words; /* not yet read */
};

/*
 * Boot: the hart that boots writes into memory of the image at first, as hart 0
 * until its index is known.
 */
void ring_start_boot(void);
void ring_know_hart(unsigned int hart_index);

/*
 * Writing: room for @words, or NULL: the ring is full and an event counted as
 * lost. Interrupts off from here to ring_commit(), which counts one event.
 */
uint64_t *ring_reserve(unsigned int hart_index, unsigned int words);
void ring_commit(unsigned int hart_index, unsigned int words);
/* Events lost since the last ring_count_reported(); this hart. */
uint64_t ring_unreported(unsigned int hart_index);
void ring_count_reported(unsigned int hart_index);

/*
 * Reading: whole records that lie in one piece, or NULL: nothing there now.
 * *@words: how many words; at most @max_words (0: the next is longer).
 */
const uint64_t *ring_peek(unsigned int hart_index, uint64_t max_words,
			  uint64_t *words);
void ring_consume(unsigned int hart_index, uint64_t words);

/* Tracing is off and nobody writes or reads, for the two below. */
void ring_clear(unsigned int hart_index);
/* @num_chunks of memory each time; 0 or -ENOMEM (then it is as before). Keeps
 * what is in the ring if @keep and it has never wrapped. */
int ring_resize(unsigned int hart_index, unsigned int num_chunks, bool keep,
		const struct trace_memory *memory);
unsigned int ring_num_chunks(unsigned int hart_index);
void ring_get_info(unsigned int hart_index, struct trace_ring_info *info);
