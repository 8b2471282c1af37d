/* SPDX-License-Identifier: MIT */
/*
 * trace.c - making a record of a step, if the settings want it
 *
 * Idea: trace_mask is all that is tested where a step is reported; everything
 * else (the filter, the bulky parts) is asked here, when tracing is on. A record
 * is made in the ring of the hart, with interrupts off, so a trap in between
 * cannot mix two. One counter for all harts gives the order of events.
 *
 * Changing the settings: trace_mask is set to 0, and when no hart is inside
 * trace_record any more (busy), rings and settings may be replaced.
 *
 * Locks: none; see settings.h for the writers of the settings.
 */
#include "kernel/trace/trace.h"

#include <arch/hart.h>
#include <arch/trace.h>
#include "kernel/abi/errno.h"
#include "kernel/debug/panic.h"
#include "kernel/lib/boot_args.h"
#include "kernel/lib/string.h"
#include "kernel/trace/settings.h"

#define ALL_KINDS  (BIT(TRACE_NUM_KINDS) - 1)
#define HEAD_WORDS (sizeof(struct trace_head) / 8)
#define LOST_WORDS (HEAD_WORDS + 1)
/* Of the boot's own events. */
#define BOOT_WORDS 1024u

/* From linker.ld. */
extern const char kernel_start[];
extern const struct trace_place trace_places_start[], trace_places_end[];
extern const struct trace_name trace_names_start[], trace_names_end[];

uint64_t trace_mask;

/* Changed while trace_mask is 0 and nobody is busy. */
static struct trace_settings settings = {
	.everyone = true,
	.text = true,
	.kinds = ALL_KINDS,
};
static const struct trace_memory *memory;

static void nobody_asks(bool on)
{
}

static void (*changed)(bool on) = nobody_asks;

static uint64_t order; /* atomic */

/* Each by its hart: inside trace_record. */
static struct {
	unsigned int busy;
} __aligned(64) harts[MAX_HARTS];

/* Harts start one after the other, but may report at the same time. */
static uint64_t boot_records[BOOT_WORDS];
static uint64_t boot_words; /* atomic */

/* ---- The filter ---------------------------------------------------------- */

bool trace_wants_thread(const struct trace_thread *thread)
{
	if (!thread)
		thread = current_trace();
	return settings.everyone ? !thread->hidden : thread->traced;
}

bool trace_wants_registers(void)
{
	return settings.registers;
}

bool trace_wants_stacks(void)
{
	return settings.stacks;
}

bool trace_wants_text(void)
{
	return settings.text;
}

/* ---- Making a record ----------------------------------------------------- */

static unsigned int words_of(size_t bytes)
{
	return (unsigned int)DIV_ROUND_UP(bytes, 8);
}

static unsigned int chunk_words(const struct trace_bytes *bytes)
{
	return words_of(sizeof(struct trace_chunk)) + words_of(bytes->size);
}

static enum trace_mode mode_of(enum trace_kind kind)
{
	switch (kind) {
	case TRACE_TRAP_SYSCALL:
	case TRACE_RETURN_PROGRAM:
	case TRACE_RETURN_CHILD:
	case TRACE_RETURN_SYSCALL:
	case TRACE_RETURN_FAULT:
	case TRACE_RETURN_TIMER:
	case TRACE_RETURN_DEVICE:
		return TRACE_MODE_USER;
	case TRACE_TRAP_FAULT:
	case TRACE_TRAP_TIMER:
	case TRACE_TRAP_DEVICE:
		return arch_trap_from_user() ? TRACE_MODE_USER
					     : TRACE_MODE_KERNEL;
	default:
		return TRACE_MODE_KERNEL;
	}
}

static void write_head(uint64_t *to, const struct trace_thread *by,
		       enum trace_kind kind, unsigned int place,
		       unsigned int words, unsigned int num_args)
{
	*(struct trace_head *)to = (struct trace_head){
		.time = arch_trace_time(),
		.order = __atomic_add_fetch(&order, 1, __ATOMIC_RELAXED),
		.words = (uint16_t)words,
		.place = (uint16_t)place,
		.kind = (uint8_t)kind,
		.mode = (uint8_t)mode_of(kind),
		.hart = (uint8_t)arch_hart_index(),
		.num_args = (uint8_t)num_args,
		.pid = by->pid,
		.tid = by->tid,
	};
}

static uint64_t *write_chunk(uint64_t *to, const struct trace_bytes *bytes)
{
	*(struct trace_chunk *)to = (struct trace_chunk){
		.type = (uint16_t)bytes->type,
		.size = (uint16_t)bytes->size,
		.address = bytes->address,
	};
	to += words_of(sizeof(struct trace_chunk));
	if (bytes->size % 8)
		to[bytes->size / 8] = 0;
	memcpy(to, bytes->data, bytes->size);
	return to + words_of(bytes->size);
}

static void write_record(uint64_t *to, const struct trace_thread *by,
			 const struct trace_place *place, unsigned int words,
			 const uint64_t *args, unsigned int num_args,
			 const struct trace_bytes *bytes,
			 unsigned int num_bytes)
{
	write_head(to, by, (enum trace_kind)place->kind,
		   (unsigned int)(place - trace_places_start), words, num_args);
	to += HEAD_WORDS;
	for (unsigned int i = 0; i < num_args; i++)
		*to++ = args[i];
	for (unsigned int i = 0; i < num_bytes; i++)
		to = write_chunk(to, &bytes[i]);
}

/* In this hart's ring; interrupts off. */
static void put(const struct trace_thread *by, const struct trace_place *place,
		const uint64_t *args, unsigned int num_args,
		const struct trace_bytes *bytes, unsigned int num_bytes)
{
	unsigned int hart = arch_hart_index();
	uint64_t lost = ring_unreported(hart);
	unsigned int before = lost ? LOST_WORDS : 0;
	unsigned int words = HEAD_WORDS + num_args;
	uint64_t *to;

	for (unsigned int i = 0; i < num_bytes; i++)
		words += chunk_words(&bytes[i]);
	assert(words <= TRACE_MAX_WORDS);
	to = ring_reserve(hart, before + words);
	if (!to)
		return;
	if (lost) {
		write_head(to, by, TRACE_LOST,
			   (unsigned int)(place - trace_places_start),
			   LOST_WORDS, 1);
		to[HEAD_WORDS] = lost;
		ring_count_reported(hart);
		to += LOST_WORDS;
	}
	write_record(to, by, place, words, args, num_args, bytes, num_bytes);
	ring_commit(hart, before + words);
}

void trace_record_by(const struct trace_thread *by,
		     const struct trace_place *place,
		     const struct trace_thread *about, const uint64_t *args,
		     unsigned int num_args, const struct trace_bytes *bytes,
		     unsigned int num_bytes)
{
	bool were_on;
	unsigned int *busy;

	if (!trace_wants_thread(by) && !(about && trace_wants_thread(about)))
		return;
	were_on = arch_interrupts_save();
	busy = &harts[arch_hart_index()].busy;
	WRITE_ONCE(*busy, 1);
	/* Either we see that it was turned off, or pause() sees us. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (READ_ONCE(trace_mask))
		put(by, place, args, num_args, bytes, num_bytes);
	/* pairs with the acquire in pause() */
	STORE_RELEASE(*busy, 0);
	if (were_on)
		arch_interrupts_on();
}

void trace_record_bytes(const struct trace_place *place,
			const struct trace_thread *about, const uint64_t *args,
			unsigned int num_args, const struct trace_bytes *bytes,
			unsigned int num_bytes)
{
	trace_record_by(current_trace(), place, about, args, num_args, bytes,
			num_bytes);
}

void trace_record(const struct trace_place *place,
		  const struct trace_thread *about, const uint64_t *args,
		  unsigned int num_args)
{
	trace_record_bytes(place, about, args, num_args, NULL, 0);
}

void trace_record_boot(const struct trace_place *place, const uint64_t *args,
		       unsigned int num_args)
{
	unsigned int words = HEAD_WORDS + num_args;
	uint64_t at = __atomic_fetch_add(&boot_words, words, __ATOMIC_RELAXED);

	if (at + words <= BOOT_WORDS)
		write_record(&boot_records[at], current_trace(), place, words,
			     args, num_args, NULL, 0);
	if (trace_wants((enum trace_kind)place->kind))
		trace_record(place, NULL, args, num_args);
}

const uint64_t *trace_boot_records(uint64_t *words)
{
	uint64_t at = 0, limit = READ_ONCE(boot_words);

	/* Up to one that did not fit, or is just being written. */
	limit = MIN(limit, (uint64_t)BOOT_WORDS);
	while (at < limit) {
		const struct trace_head *head =
			(const struct trace_head *)&boot_records[at];

		if (!head->words)
			break;
		at += head->words;
	}
	*words = at;
	return boot_records;
}

const struct trace_place *trace_places(unsigned int *num)
{
	*num = (unsigned int)(trace_places_end - trace_places_start);
	return trace_places_start;
}

uint64_t trace_kernel_base(void)
{
	return (uint64_t)kernel_start;
}

const struct trace_name *trace_names(unsigned int *num)
{
	*num = (unsigned int)(trace_names_end - trace_names_start);
	return trace_names_start;
}

/* ---- Settings ------------------------------------------------------------ */

/* Nobody records from here on, until resume(). */
static void pause(void)
{
	__atomic_store_n(&trace_mask, 0, __ATOMIC_SEQ_CST);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	for (unsigned int i = 0; i < MAX_HARTS; i++) {
		/* pairs with the release in trace_record_bytes() */
		while (__atomic_load_n(&harts[i].busy, __ATOMIC_ACQUIRE))
			arch_spin_hint();
	}
}

static void resume(void)
{
	/* Settings and rings before the mask. */
	STORE_RELEASE(trace_mask, settings.on ? settings.kinds : 0);
	changed(settings.on);
}

void trace_on_change(void (*fn)(bool on))
{
	changed = fn;
	changed(settings.on);
}

/* Paused. */
static int resize(unsigned int chunks, bool keep)
{
	for (unsigned int i = 0; i < arch_num_harts(); i++) {
		int err = ring_resize(i, chunks, keep, memory);

		if (err)
			return err;
	}
	settings.chunks = chunks;
	return 0;
}

void trace_get_settings(struct trace_settings *out)
{
	*out = settings;
	if (!out->chunks)
		out->chunks = memory->chunks;
}

int trace_set(const struct trace_settings *wanted)
{
	unsigned int chunks = settings.chunks;
	int err = 0;

	if (wanted->on)
		arch_trace_time_choose();
	pause();
	if (wanted->on && !chunks)
		err = resize(memory->chunks, false);
	if (!err) {
		chunks = settings.chunks;
		settings = *wanted;
		settings.chunks = chunks;
		settings.kinds |= BIT(TRACE_LOST);
	}
	resume();
	return err;
}

int trace_set_chunks(unsigned int chunks)
{
	int err;

	if (!chunks || chunks > TRACE_MAX_CHUNKS)
		return -EINVAL;
	if (settings.on)
		return -EBUSY;
	pause();
	err = resize(chunks, false);
	resume();
	return err;
}

void trace_clear(void)
{
	pause();
	for (unsigned int i = 0; i < MAX_HARTS; i++)
		ring_clear(i);
	resume();
}

/* ---- Boot ---------------------------------------------------------------- */

void trace_start_boot(void)
{
	ring_start_boot();
}

void trace_boot_args(void)
{
	const char *word = boot_arg("trace");

	if (!word || strcmp(word, "on") != 0)
		return;
	settings.on = true;
	resume();
}

int trace_init(const struct trace_memory *from)
{
	const char *size = boot_arg("trace_size");
	uint64_t chunks = from->chunks;
	int err;

	memory = from;
	if (settings.on)
		arch_trace_time_choose();
	ring_know_hart(arch_hart_index());
	if (size)
		chunks = DIV_ROUND_UP(parse_u64(size, NULL) * 1024,
				      (uint64_t)TRACE_CHUNK_BYTES);
	if (!settings.on && !size)
		return 0;
	if (!chunks || chunks > TRACE_MAX_CHUNKS)
		return -EINVAL;
	pause();
	err = resize((unsigned int)chunks, true);
	resume();
	return err;
}
