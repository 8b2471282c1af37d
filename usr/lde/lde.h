/* SPDX-License-Identifier: MIT */
/*
 * lde.h - limited direct execution, watched: what the parts of lde share
 *
 * lde_format.c knows what the kernel says about its events, lde_events.c gets
 * them, lde_spawn.c runs a program while they are recorded; each of the others
 * is one way to show them. The kernel's side: kernel/trace/README.md.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#define TRACE_DIR "/proc/creance/trace/"

/* ---- lde_format.c: what the kernel says ---------------------------------- */

#define MAX_ARGS 8
#define MAX_ROWS 8

enum column { OS, HARDWARE, PROGRAM };
enum table { TABLE_NONE, TABLE_SYSTEM_CALL, TABLE_TIMER, TABLE_BOTH };

struct row {
	enum column column;
	enum table table;
	char *words;
	unsigned int step; /* 0: where the event is recorded */
};

struct kind {
	char *name;
	char *arg[MAX_ARGS], *type[MAX_ARGS];
	unsigned int num_args;
	struct row row[MAX_ROWS];
	unsigned int num_rows;
};

struct place {
	unsigned int kind; /* of an event, or a step of assembly */
	char *file, *function;
	unsigned int line;
};

struct format {
	uint64_t timebase, mult, base;
	unsigned int shift, harts;
	struct kind kind[256];
	struct place *place;
	unsigned int num_places;
	char *chunk[256];
	char *syscall[1024], *syscall_args[1024];
	char *register_words, *context_words;
	struct {
		char *domain, *text;
		uint64_t value;
	} * name;
	unsigned int num_names;
};

/* Ends the program with a message if this is not our kernel. */
void format_read(struct format *format);
/* The number of the kind called @name; -1. */
int format_kind(const struct format *format, const char *name);
/* The text for @value in @domain; NULL. */
const char *format_name(const struct format *format, const char *domain,
			uint64_t value);
const char *format_syscall(const struct format *format, uint64_t number);
/* The line of the source that performs @row of an event recorded at @place. */
const struct place *format_place(const struct format *format,
				 const struct row *row, unsigned int place);

/* ---- lde_events.c: the events ------------------------------------------- */

struct event {
	uint64_t time, order;
	uint16_t words, place;
	uint8_t kind, mode, hart, num_args;
	int32_t pid, tid;
	const uint64_t *arg;
	const uint64_t *end; /* chunks are between the arguments and this */
};

struct events {
	struct event *event;
	size_t num, room;
	uint64_t lost;
	struct block {
		uint64_t *word;
		size_t words;
	} * block; /* what they point into, as it was read */
	size_t num_blocks;
};

extern struct format format;

/* Numbers of the kinds, by name; see lde_events.c. */
/* clang-format off */
#define KINDS(X) \
	X(lost) X(mark) X(trap_table) X(timer_start) X(process_create) \
	X(memory_create) X(program_load) X(user_stack) X(kernel_stack) \
	X(trap_syscall) X(trap_fault) X(trap_timer) X(trap_device) \
	X(syscall) X(syscall_done) X(fault) X(timer) X(device) \
	X(return_program) X(return_child) X(return_syscall) X(return_fault) \
	X(return_timer) X(return_device) X(return_kernel) \
	X(decision) X(switch) X(wake) X(signal) X(signal_deliver) \
	X(exit) X(memory_free) X(process_remove)
/* clang-format on */
extern struct kinds {
#define FIELD(name) int name##_;
	KINDS(FIELD)
#undef FIELD
} k;

/* Begin: read the format, find the kinds. */
void events_init(void);
/* Add what file @name of the trace has now, all harts, sorted by order. */
void events_read(struct events *events, const char *name);
void events_free(struct events *events);
/* A chunk of bytes by its name; NULL. */
const void *event_chunk(const struct event *event, const char *name,
			size_t *size, uint64_t *address);
/* An argument by its name; 0 if it has none of that name. */
uint64_t event_arg(const struct event *event, const char *name);
bool event_is_trap(const struct event *event);
bool event_is_return(const struct event *event);
double event_ms(const struct event *event); /* since boot */
double ticks_ms(uint64_t ticks);
/* Write commands to "control"; ends the program if one is refused. */
void control(const char *commands, ...) __attribute__((format(printf, 1, 2)));
/* Stop, and be as after the boot. */
void trace_off(void);
/* What a thread's program is called, as far as the events have said. */
const char *thread_name(int tid);
void thread_names_add(const struct events *events, size_t from);

/* ---- lde_spawn.c: run a program and record it ---------------------------- */

struct run {
	pid_t pid;   /* the program's process */
	pid_t other; /* the process that competes for the hart, or 0 */
	int status;  /* of wait(2) */
};

/*
 * Run @argv, tracing it and its children with the further @commands for
 * control. @compete: beside a process that computes, until the program begins.
 * @more is called now and then while it runs, and at the end; may be NULL: then
 * events are collected in @events.
 */
void run_program(char **argv, const char *commands, bool compete,
		 struct events *events, void (*more)(struct events *events),
		 struct run *run);
/* If set: called when the program has ended and tracing is still on. */
extern void (*before_off)(struct events *events);
/* What a shell would return. */
int run_status(const struct run *run);

/* ---- The commands -------------------------------------------------------- */

extern bool verbose, unfolded;

int command_run(char **argv, bool alone);
int command_boot(void);
int command_calls(char **argv);
int command_timeline(char **argv, double seconds);
int command_top(int times, double seconds);
int command_dump(char **argv);
int command_record(char **argv);
int command_check(char **argv);
