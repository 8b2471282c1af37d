/* SPDX-License-Identifier: MIT */
/*
 * trace.h - report a step of the protocol
 *
 * One line at the one place in the code that performs the step:
 *
 *	TRACE(MEMORY_CREATE, (uint64_t)space, root);
 *
 * Off, that is a load, a test and a branch that is not taken. The arguments are
 * evaluated only when the event is wanted. What each event means is in
 * events.h; how it lies in memory in record.h.
 *
 * Context: anywhere once tp is set, also with spinlocks held and interrupts off.
 */
#pragma once

#include "kernel/lib/compiler.h"
#include "kernel/trace/events.h"
#include "kernel/trace/place.h"
#include "kernel/trace/record.h"
#include "kernel/trace/thread.h"

enum trace_kind {
#define KIND(kind, name, args) TRACE_##kind,
	TRACE_EVENTS(KIND)
#undef KIND
		TRACE_NUM_KINDS
};
_Static_assert(TRACE_NUM_KINDS <= 64, "one bit of trace_mask each");

/* Where an event is recorded, or a step of assembly is done (place.h). */
struct trace_place {
	const char *file, *function;
	uint32_t line;
	uint32_t kind; /* enum trace_kind, or enum trace_step */
};

/*
 * A name for a number, for /proc/creance/trace/format; a table of these in
 * section ".trace_names" (TRACE_NAMES). @domain "syscall": @detail are its
 * arguments; "words": @detail names the words of what @name is.
 */
struct trace_name {
	const char *domain;
	uint64_t value;
	const char *name, *detail;
};
#define TRACE_NAMES(table)                                                     \
	static const struct trace_name table[] __section(".trace_names")

/* Beside the arguments: bytes of any kind; see record.h. */
struct trace_bytes {
	unsigned int type; /* enum trace_chunk_type */
	uint64_t address;  /* where they are from; what for is in record.h */
	const void *data;
	size_t size;
};

/* Bit k: events of kind k are wanted. 0: tracing is off. Atomic. */
extern uint64_t trace_mask;

static force_inline bool trace_wants(enum trace_kind kind)
{
	/* Two tests, because the first, against 0, is the shorter code. */
	return unlikely(READ_ONCE(trace_mask)) &&
	       READ_ONCE(trace_mask) & BIT(kind);
}

/*
 * Record an event. @about: another thread that it concerns, or NULL; the event
 * is kept if the filter wants the current thread or that one.
 */
void trace_record(const struct trace_place *place,
		  const struct trace_thread *about, const uint64_t *args,
		  unsigned int num_args);
void trace_record_bytes(const struct trace_place *place,
			const struct trace_thread *about, const uint64_t *args,
			unsigned int num_args, const struct trace_bytes *bytes,
			unsigned int num_bytes);
/* The same, as an event of thread @by, which has just left this hart. */
void trace_record_by(const struct trace_thread *by,
		     const struct trace_place *place,
		     const struct trace_thread *about, const uint64_t *args,
		     unsigned int num_args, const struct trace_bytes *bytes,
		     unsigned int num_bytes);
/* The same, and always kept for /proc/creance/trace/boot. */
void trace_record_boot(const struct trace_place *place, const uint64_t *args,
		       unsigned int num_args);

/* The current thread has trapped; it will go back by @way_back. */
static inline void trace_trapped(enum trace_kind way_back)
{
	current_trace()->way_back = (uint8_t)way_back;
	current_trace()->switched = false;
}

/* Does the filter want @thread's own events (the current one's, if NULL)? */
bool trace_wants_thread(const struct trace_thread *thread);

/* What the settings say about the bulky parts. */
bool trace_wants_registers(void);
bool trace_wants_stacks(void);
bool trace_wants_text(void);

#define TRACE_PLACE_HERE(trace_kind_)                                          \
	static const struct trace_place place_ __section(".trace_places") = {  \
		__FILE__, __func__, __LINE__, trace_kind_                      \
	}
/* The step is done here, though its event is recorded elsewhere: no code. */
#define TRACE_STEP_HERE(step)                                                  \
	static const struct trace_place step_##step __section(                 \
		".trace_places") = { __FILE__, __func__, __LINE__,             \
				     TRACE_STEP_##step }
#define TRACE_ARGS(...) ((const uint64_t[]){ 0, ##__VA_ARGS__ })

/* An event that concerns @about (a struct trace_thread *) as well. */
#define TRACE_ABOUT(about, kind, ...)                                          \
	do {                                                                   \
		if (trace_wants(TRACE_##kind)) {                               \
			TRACE_PLACE_HERE(TRACE_##kind);                        \
			trace_record(&place_, about,                           \
				     TRACE_ARGS(__VA_ARGS__) + 1,              \
				     ARRAY_SIZE(TRACE_ARGS(__VA_ARGS__)) - 1); \
		}                                                              \
	} while (0)
#define TRACE(kind, ...) TRACE_ABOUT(NULL, kind, ##__VA_ARGS__)

#define TRACE_BOOT(kind, ...)                                                  \
	do {                                                                   \
		TRACE_PLACE_HERE(TRACE_##kind);                                \
		trace_record_boot(&place_, TRACE_ARGS(__VA_ARGS__) + 1,        \
				  ARRAY_SIZE(TRACE_ARGS(__VA_ARGS__)) - 1);    \
	} while (0)
