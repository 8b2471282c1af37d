/* SPDX-License-Identifier: MIT */
/*
 * log.h - the kernel's messages: to the console and to a ring for /dev/kmsg
 *
 * Each line is "[seconds.micros] text". The ring keeps the newest; who reads
 * too late sees how many were lost. Takes no ranked lock (see STYLE: debug
 * must work when everything else is broken).
 */
#pragma once

#include <stdarg.h>
#include "kernel/lib/compiler.h"

enum log_level { LOG_ERROR = 3, LOG_WARNING = 4, LOG_INFO = 6, LOG_DEBUG = 7 };

void log_message(enum log_level level, const char *fmt, ...) __printf(2, 3);
void log_message_v(enum log_level level, const char *fmt, va_list args)
	__printf(2, 0);

/* No newline at the end of the text. Any context. */
#define log_error(...)   log_message(LOG_ERROR, __VA_ARGS__)
#define log_warning(...) log_message(LOG_WARNING, __VA_ARGS__)
#define log_info(...)    log_message(LOG_INFO, __VA_ARGS__)
#define log_debug(...)   log_message(LOG_DEBUG, __VA_ARGS__)

/* Messages above @level stay in the ring only (boot argument loglevel=N). */
void log_set_console_level(int level);
int log_console_level(void);

/*
 * Where console text goes. Until a serial driver registers itself this is the
 * firmware's console. @write must work with interrupts off.
 */
void log_set_console(void (*write)(const char *text, size_t size));
void log_console_write(const char *text, size_t size);

/* A clock for the time stamps, ns since boot (set by time/ when it runs). */
void log_set_clock(uint64_t (*now_ns)(void));

/*
 * Copy messages out of the ring, in the format of /dev/kmsg:
 * "level,sequence,usec,-;text\n". *@sequence is the next to read and moves on.
 * Returns the bytes of one whole record, 0 when there is no newer one.
 */
size_t log_read_record(uint64_t *sequence, char *buf, size_t size);
