/* SPDX-License-Identifier: MIT */
/*
 * log.c - the kernel's messages
 *
 * Idea: the texts lie one behind the other in a ring of bytes; a second ring
 * says of each message where its text is, when it came and how grave it is.
 * Positions in the text ring only grow; a text is still there while it ends
 * less than a ring's length behind the newest.
 *
 * Invariants
 *   L1  Message number s is described by records[s % NUM_RECORDS].
 *   L2  Messages [oldest, next_sequence) are whole, in both rings.
 *
 * Locks: a raw lock, interrupts off, also while the console takes the text: a
 * line is never mixed with another. (On a slow line that keeps interrupts off
 * for milliseconds. A thread that drains the ring would avoid it, but a message
 * that is printed before the machine dies is worth more here.)
 */
#include "kernel/debug/log.h"

#include <arch/machine.h>
#include "kernel/debug/raw_lock.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"

enum {
	TEXT_SIZE = 64 * 1024,
	NUM_RECORDS = 1024,
	MAX_MESSAGE = 1024,
};

struct record {
	uint64_t start; /* of the text: place in text_ring, modulo its size */
	uint64_t time_ns;
	uint16_t length;
	uint8_t level;
};

static struct raw_lock lock;

/* Under lock. */
static char text_ring[TEXT_SIZE];
static uint64_t text_end; /* where the next text begins */
static struct record records[NUM_RECORDS];
static uint64_t next_sequence;
static uint64_t oldest; /* L2 */
static char message[MAX_MESSAGE];

/* Set at boot. */
static void (*console_write)(const char *text,
			     size_t size) = arch_console_write;
static uint64_t (*clock_now)(void);
static int console_level = LOG_INFO;

/* Terminals want a carriage return before each new line. */
static void write_lines(const char *text, size_t size)
{
	const char *end = text + size;

	while (text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));

		if (!newline) {
			console_write(text, (size_t)(end - text));
			return;
		}
		console_write(text, (size_t)(newline - text));
		console_write("\r\n", 2);
		text = newline + 1;
	}
}

static void write_line(uint64_t time_ns, const char *text, size_t size)
{
	char stamp[32];
	int length;

	length = format_string(stamp, sizeof(stamp), "[%5lu.%06lu] ",
			       (unsigned long)(time_ns / NSEC_PER_SEC),
			       (unsigned long)(time_ns % NSEC_PER_SEC / 1000));
	console_write(stamp, (size_t)length);
	write_lines(text, size);
	write_lines("\n", 1);
}

/* Forget the oldest messages whose text would be overwritten (keeps L2). */
static void make_room(size_t size)
{
	if (next_sequence - oldest == NUM_RECORDS)
		oldest++;
	while (oldest < next_sequence &&
	       text_end + size - records[oldest % NUM_RECORDS].start >
		       TEXT_SIZE)
		oldest++;
}

static void keep(enum log_level level, uint64_t time_ns, size_t size)
{
	make_room(size);
	records[next_sequence % NUM_RECORDS] = (struct record){
		.start = text_end,
		.time_ns = time_ns,
		.length = (uint16_t)size,
		.level = (uint8_t)level,
	};
	for (size_t i = 0; i < size; i++)
		text_ring[text_end++ % TEXT_SIZE] = message[i];
	next_sequence++;
}

void log_message_v(enum log_level level, const char *fmt, va_list args)
{
	struct raw_lock_state state = raw_lock_enter(&lock);
	uint64_t time_ns = clock_now ? clock_now() : 0;
	size_t size;

	size = (size_t)format_string_v(message, sizeof(message), fmt, args);
	size = MIN(size, sizeof(message) - 1);
	keep(level, time_ns, size);
	if ((int)level <= console_level)
		write_line(time_ns, message, size);
	raw_lock_leave(&lock, state);
}

void log_message(enum log_level level, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	log_message_v(level, fmt, args);
	va_end(args);
}

void log_set_console_level(int level)
{
	console_level = level;
}

int log_console_level(void)
{
	return console_level;
}

void log_set_console(void (*write)(const char *text, size_t size))
{
	struct raw_lock_state state = raw_lock_enter(&lock);

	console_write = write;
	raw_lock_leave(&lock, state);
}

void log_console_write(const char *text, size_t size)
{
	struct raw_lock_state state = raw_lock_enter(&lock);

	write_lines(text, size);
	raw_lock_leave(&lock, state);
}

void log_set_clock(uint64_t (*now_ns)(void))
{
	clock_now = now_ns;
}

/*
 * The text of @record to @to, at most @size bytes; unprintable characters as
 * \x7f, so that one message stays one line. Returns the bytes written.
 */
static size_t copy_text(const struct record *record, char *to, size_t size)
{
	size_t done = 0;

	for (size_t i = 0; i < record->length; i++) {
		char c = text_ring[(record->start + i) % TEXT_SIZE];

		if (c >= ' ' && c < 0x7f && c != '\\') {
			if (done + 1 > size)
				break;
			to[done++] = c;
		} else {
			if (done + 5 > size)
				break;
			done += (size_t)format_string(to + done, size - done,
						      "\\x%02x",
						      (unsigned char)c);
		}
	}
	return done;
}

size_t log_read_record(uint64_t *sequence, char *buf, size_t size)
{
	struct raw_lock_state state = raw_lock_enter(&lock);
	const struct record *record;
	size_t done = 0;

	if (*sequence < oldest)
		*sequence = oldest;
	if (*sequence >= next_sequence || size < 2)
		goto leave;
	record = &records[*sequence % NUM_RECORDS];
	done = (size_t)format_string(
		buf, size, "%u,%lu,%lu,-;", record->level,
		(unsigned long)*sequence,
		(unsigned long)(record->time_ns / NSEC_PER_USEC));
	done = MIN(done, size - 1);
	done += copy_text(record, buf + done, size - done - 1);
	buf[done++] = '\n';
	(*sequence)++;
leave:
	raw_lock_leave(&lock, state);
	return done;
}
