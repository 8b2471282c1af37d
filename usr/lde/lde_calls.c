/* SPDX-License-Identifier: MIT */
/*
 * lde_calls.c - the system calls of a program, in the manner of strace
 *
 * Idea: names and arguments are the kernel's table of system calls, so a new
 * call is shown without a change here. An argument is shown by its type ("const
 * char *" as a string, "int fd" as a number); flags that the course meets often
 * have names.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "lde.h"

struct flag {
	const char *name;
	unsigned long value;
};
#define F(name)                                                                \
	{                                                                      \
#name, name                                                    \
	}

static const struct flag open_flags[] = {
	F(O_WRONLY),    F(O_RDWR),    F(O_CREAT),  F(O_EXCL),
	F(O_NOCTTY),    F(O_TRUNC),   F(O_APPEND), F(O_NONBLOCK),
	F(O_DIRECTORY), F(O_CLOEXEC), {}
};
static const struct flag prot_flags[] = {
	F(PROT_READ), F(PROT_WRITE), F(PROT_EXEC), {}
};
static const struct flag map_flags[] = { F(MAP_SHARED),
					 F(MAP_PRIVATE),
					 F(MAP_FIXED),
					 F(MAP_ANONYMOUS),
					 F(MAP_NORESERVE),
					 F(MAP_STACK),
					 {} };
static const struct flag clone_flags[] = { F(CLONE_VM),
					   F(CLONE_FS),
					   F(CLONE_FILES),
					   F(CLONE_SIGHAND),
					   F(CLONE_VFORK),
					   F(CLONE_THREAD),
					   F(CLONE_SYSVSEM),
					   F(CLONE_SETTLS),
					   F(CLONE_PARENT_SETTID),
					   F(CLONE_CHILD_CLEARTID),
					   F(CLONE_CHILD_SETTID),
					   {} };
static const struct flag wait_flags[] = { F(WNOHANG), F(WUNTRACED), {} };

/* Which argument of which calls has which flags; "*": of all. */
static const struct {
	const char *call, *argument, *zero;
	const struct flag *flags;
} flag_table[] = {
	{ "openat", "flags", "O_RDONLY", open_flags },
	{ "pipe2", "flags", "0", open_flags },
	{ "dup3", "flags", "0", open_flags },
	{ "mmap", "prot", "PROT_NONE", prot_flags },
	{ "mprotect", "prot", "PROT_NONE", prot_flags },
	{ "mmap", "flags", "0", map_flags },
	{ "clone", "flags", "0", clone_flags },
	{ "wait4", "options", "0", wait_flags },
};

/* ---- One argument -------------------------------------------------------- */

static void print_flags(const struct flag *flag, const char *zero,
			unsigned long value)
{
	const char *bar = "";

	if (!value)
		printf("%s", zero);
	for (; flag->name && value; flag++) {
		if ((value & flag->value) != flag->value)
			continue;
		printf("%s%s", bar, flag->name);
		value &= ~flag->value;
		bar = "|";
	}
	if (value)
		printf("%s%#lx", bar, value);
}

static bool print_known_flags(const char *call, const char *name,
			      uint64_t value)
{
	for (size_t i = 0; i < sizeof(flag_table) / sizeof(flag_table[0]);
	     i++) {
		if (strcmp(flag_table[i].call, call) ||
		    strcmp(flag_table[i].argument, name))
			continue;
		/* clone's lowest byte is the signal at exit. */
		if (!strcmp(call, "clone")) {
			print_flags(flag_table[i].flags, "0", value & ~0xfful);
			if (value & 0xff)
				printf("|SIG%s", sigabbrev_np(value & 0xff));
			return true;
		}
		print_flags(flag_table[i].flags, flag_table[i].zero, value);
		return true;
	}
	return false;
}

static void print_signal(int number)
{
	const char *name = sigabbrev_np(number);

	if (name)
		printf("SIG%s", name);
	else
		printf("%d", number);
}

static void print_string(const char *text, size_t size, bool cut)
{
	putchar('"');
	for (size_t i = 0; i < size; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c == '\n')
			printf("\\n");
		else if (c == '\t')
			printf("\\t");
		else if (c == '"' || c == '\\')
			printf("\\%c", c);
		else if (c < ' ' || c > '~')
			printf("\\x%02x", c);
		else
			putchar(c);
	}
	printf("\"%s", cut ? "..." : "");
}

/* The string that belongs to argument @i, if the kernel has kept it. */
static bool print_text(const struct event *event, unsigned int i)
{
	const uint64_t *at = event->arg + event->num_args;

	while (at < event->end) {
		uint16_t type = (uint16_t)at[0];
		uint16_t size = (uint16_t)(at[0] >> 16);

		if (at[1] == i && format.chunk[type % 256] &&
		    !strcmp(format.chunk[type % 256], "text")) {
			print_string((const char *)(at + 2), size, size == 64);
			return true;
		}
		at += 2 + (size + 7) / 8;
	}
	return false;
}

static bool is(const char *type, const char *what)
{
	return !strncmp(type, what, strlen(what));
}

/* @type: "const char *pathname"; @name: the last word of it. */
static void print_argument(const struct event *call, const struct event *done,
			   unsigned int i, const char *type, const char *name)
{
	const char *call_name = format_syscall(&format, call->arg[0]);
	uint64_t value = call->arg[1 + i];

	if (print_known_flags(call_name, name, value))
		return;
	if (strchr(type, '*') || strchr(type, '[')) {
		if (!value)
			printf("NULL");
		else if (!print_text(call, i) && !(done && print_text(done, i)))
			printf("%#lx", value);
	} else if (!strcmp(name, "dirfd") && (int)value == AT_FDCWD) {
		printf("AT_FDCWD");
	} else if (!strcmp(name, "sig") || !strcmp(name, "signum")) {
		print_signal((int)value);
	} else if (strstr(name, "addr")) {
		printf("%#lx", value);
	} else if (is(type, "mode_t")) {
		printf("%#lo", value & 07777);
	} else if (is(type, "int") || is(type, "pid_t")) {
		printf("%d", (int)value);
	} else if (is(type, "off_t") || is(type, "long") ||
		   is(type, "size_t") || value < 65536) {
		printf("%ld", (long)value);
	} else {
		printf("%#lx", value);
	}
}

static const char *name_of(const char *type, size_t *length)
{
	const char *end = type + strcspn(type, ",");
	const char *start = end;

	if (end > type && end[-1] == ']')
		while (start > type && *start != '[')
			end = --start;
	while (start > type && start[-1] != ' ' && start[-1] != '*')
		start--;
	*length = (size_t)(end - start);
	return start;
}

/* ---- One call ------------------------------------------------------------ */

static void print_arguments(const struct event *call, const struct event *done)
{
	const char *type =
		call->arg[0] < 1024 ? format.syscall_args[call->arg[0]] : NULL;

	if (!type || !strcmp(type, "void"))
		return;
	for (unsigned int i = 0; type && *type && i < 6; i++) {
		size_t length = strcspn(type, ","), name_length;
		const char *name = name_of(type, &name_length);
		char *whole = strndup(type, length);
		char *short_name = strndup(name, name_length);

		printf("%s", i ? ", " : "");
		print_argument(call, done, i, whole, short_name);
		free(whole);
		free(short_name);
		type = type[length] ? type + length + 2 : NULL;
	}
}

static bool gives_address(const char *name)
{
	return !strcmp(name, "mmap") || !strcmp(name, "brk") ||
	       !strcmp(name, "mremap");
}

static void print_result(const struct event *call, const struct event *done)
{
	const char *name = format_syscall(&format, call->arg[0]);
	long result = (long)done->arg[1];
	const char *error;

	if (result < 0 && result > -4096) {
		error = strerrorname_np((int)-result);
		if (error)
			printf(" = -1 %s (%s)", error, strerror((int)-result));
		else if (result <= -512)
			printf(" = ? (interrupted; it may be made again)");
		else
			printf(" = %ld", result);
	} else if (gives_address(name)) {
		printf(" = %#lx", (unsigned long)result);
	} else {
		printf(" = %ld", result);
	}
}

/* Calls whose result has not come yet, one for each thread. */
static struct pending {
	int tid;
	struct event call;
	bool named; /* its beginning stands on a line already */
} * pending;
static size_t num_pending;
static int last_tid;
static bool line_open;

static struct pending *pending_of(int tid)
{
	for (size_t i = 0; i < num_pending; i++) {
		if (pending[i].tid == tid)
			return &pending[i];
	}
	pending = realloc(pending, (num_pending + 1) * sizeof(*pending));
	if (!pending)
		exit(1);
	memset(&pending[num_pending], 0, sizeof(*pending));
	pending[num_pending].tid = tid;
	return &pending[num_pending++];
}

static int first_pid; /* the program's process */
static bool begun;    /* it has left lde's code behind */

static void begin_line(const struct event *event)
{
	if (line_open)
		printf(" ...\n");
	line_open = false;
	if (event->tid != first_pid)
		printf("[%s %d] ", thread_name(event->tid), event->tid);
	last_tid = event->tid;
}

static void print_call(const struct event *call, const struct event *done)
{
	begin_line(done ? done : call);
	printf("%s(", format_syscall(&format, call->arg[0]));
	print_arguments(call, done);
	printf(")");
	if (done)
		print_result(call, done);
	else
		printf(" = ?");
	putchar('\n');
}

/* exit and the like never come back; the others are shown when they do. */
static void show(const struct event *event)
{
	struct pending *p = pending_of(event->tid);

	if (event->kind == k.syscall_) {
		p->call = *event;
		p->named = true;
	} else if (event->kind == k.syscall_done_) {
		if (p->named && begun)
			print_call(&p->call, event);
		p->named = false;
	} else if (event->kind == k.signal_) {
		begin_line(event);
		printf("--- SIG%s to process %lu ---\n",
		       sigabbrev_np((int)event->arg[0]), event->arg[1]);
	} else if (event->kind == k.exit_) {
		if (p->named)
			print_call(&p->call, NULL);
		p->named = false;
		begin_line(event);
		if (event->arg[0] & 0x7f)
			printf("+++ killed by SIG%s +++\n",
			       sigabbrev_np((int)event->arg[0] & 0x7f));
		else
			printf("+++ exited with %lu +++\n",
			       event->arg[0] >> 8 & 0xff);
	} else if (event->kind == k.lost_) {
		printf("... %lu events were lost ...\n", event->arg[0]);
	}
}

static void show_new(struct events *events)
{
	for (size_t i = 0; i < events->num; i++) {
		const struct event *event = &events->event[i];

		/* The first one that is followed makes the program's process. */
		if (!first_pid && event->kind == k.process_create_)
			first_pid = (int)event->arg[0];
		if (event->kind == k.program_load_)
			begun = true;
		show(event);
	}
	fflush(stdout);
	events->num = 0;
}

int command_calls(char **argv)
{
	struct events events = { 0 };
	struct run run;

	run_program(argv,
		    "events process_create program_load syscall syscall_done "
		    "signal exit lost",
		    false, &events, show_new, &run);
	return run.pid < 0 ? 1 : run_status(&run);
}

/* ---- dump ---------------------------------------------------------------- */

void print_values(const struct event *event);

static void dump_new(struct events *events)
{
	for (size_t i = 0; i < events->num; i++) {
		const struct event *event = &events->event[i];

		printf("%12.4f hart %u %-12s %5d %-7s%-15s ", event_ms(event),
		       event->hart, thread_name(event->tid), event->tid,
		       event->mode ? "kernel" : "user",
		       format.kind[event->kind].name);
		print_values(event);
		putchar('\n');
	}
	events->num = 0;
}

int command_dump(char **argv)
{
	struct events events = { 0 };
	struct run run;

	run_program(argv, verbose ? "registers on" : "registers off", false,
		    &events, dump_new, &run);
	return run.pid < 0 ? 1 : run_status(&run);
}
