/* SPDX-License-Identifier: MIT */
/*
 * record.h - an event in memory: what /proc/creance/trace/raw consists of
 *
 * Idea: a head of 32 bytes, num_args words of 64 bits, and then, if there is
 * more to tell, chunks of bytes. Everything is a multiple of 8 bytes, little
 * endian; "words" says where the next record begins. So a reader can skip
 * what it does not know.
 */
#pragma once

#include "kernel/lib/compiler.h"

struct trace_head {
	uint64_t time;  /* ticks of the timebase (format: "timebase") */
	uint64_t order; /* 1, 2, 3... over all harts: the order of events */
	uint16_t words; /* length of the record in 8 bytes, head included */
	uint16_t place; /* number of a place (format: "place") */
	uint8_t kind;   /* enum trace_kind (format: "event") */
	uint8_t mode;   /* 0: user mode, 1: the kernel's; see below */
	uint8_t hart;   /* hart index, 0..n-1 */
	uint8_t num_args;
	int32_t pid, tid; /* of the thread that ran: struct trace_thread */
};
_Static_assert(sizeof(struct trace_head) == 32, "the format");

/*
 * mode: traps have the mode they came from, returns the mode they go to,
 * all other events happen in the kernel.
 */
enum trace_mode { TRACE_MODE_USER, TRACE_MODE_KERNEL };

/* After the arguments, until "words" is used up; @size bytes follow, filled up
 * to a multiple of 8. */
struct trace_chunk {
	uint16_t type;
	uint16_t size;
	uint32_t reserved; /* 0 */
	uint64_t address;
};
_Static_assert(sizeof(struct trace_chunk) == 16, "the format");

/*
 * X(type, name, address, data): what is in chunk.address, and in the bytes.
 * Names of the words in "registers" and "context" are in format: "words".
 */
#define TRACE_CHUNKS(X)                                                        \
	X(TEXT, "text", "argument number", "a string, cut; no NUL")            \
	X(NAME, "name", "0", "name of the program that the thread runs")       \
	X(REGISTERS, "registers", "the trap frame", "words")                   \
	X(CONTEXT_FROM, "context_from", "the context", "words: saved")         \
	X(CONTEXT_TO, "context_to", "the context", "words: restored")          \
	X(STACK_FROM, "stack_from", "its sp", "kernel stack from sp up, cut")  \
	X(STACK_TO, "stack_to", "its sp", "kernel stack from sp up, cut")      \
	X(RUNNABLE, "runnable", "0", "32-bit tids, in the queue's order, cut")

enum trace_chunk_type {
	TRACE_CHUNK_NONE,
#define CHUNK(type, name, address, data) TRACE_CHUNK_##type,
	TRACE_CHUNKS(CHUNK)
#undef CHUNK
};
