/* SPDX-License-Identifier: MIT */
/*
 * trace.c - system calls, seen by the protocol trace
 *
 * Idea: while tracing is on, the dispatcher is given another table, whose every
 * entry is traced_syscall(): it reports what the hart did, the call with its
 * arguments, does the call, and reports the result. Off, the path of a system
 * call does not know that there is a trace.
 *
 * Strings among the arguments are found by their types in table.h: "const char *"
 * is a name; a "const void *" or "const char *buf" before a size is what is
 * written; a "void *" before a size what was read.
 */
#include <arch/thread.h>
#include <arch/trap_frame.h>
#include "kernel/lib/string.h"
#include "kernel/mm/user_copy.h"
#include "kernel/sched/thread.h"
#include "kernel/syscall/dispatch.h"
#include "kernel/syscall/table.h"
#include "kernel/trace/settings.h"

/* Of a string are kept: */
#define MAX_TEXT  64u
#define MAX_TEXTS 2u

#define NAME(name, args) { "syscall", __NR_##name, #name, args },
TRACE_NAMES(names) = { SYSCALL_TABLE(NAME) };
#undef NAME

#define ARGUMENTS(name, args) [__NR_##name] = args,
static const char *const arguments[NUM_SYSCALLS] = { SYSCALL_TABLE(ARGUMENTS) };
#undef ARGUMENTS

/* What the program handed over, as far as we look at it. */
struct texts {
	struct trace_bytes bytes[MAX_TEXTS];
	char text[MAX_TEXTS][MAX_TEXT];
	unsigned int num;
};

static bool begins_with(const char *s, const char *start)
{
	return strncmp(s, start, strlen(start)) == 0;
}

/* @size: of a buffer; SIZE_MAX: a string, to its NUL. */
static void add_text(struct texts *texts, unsigned int i,
		     const struct syscall_args *a, size_t size)
{
	char *text = texts->text[texts->num];
	size_t got;

	if (!a->arg[i] || texts->num == MAX_TEXTS)
		return;
	got = copy_from_user_partial(text, arg_ptr(a, i),
				     MIN(size, (size_t)MAX_TEXT));
	if (size == SIZE_MAX)
		got = strnlen(text, got);
	texts->bytes[texts->num++] = (struct trace_bytes){
		.type = TRACE_CHUNK_TEXT,
		.address = i,
		.data = text,
		.size = got,
	};
}

/* The next argument's type is a size: of the buffer before it. */
static bool is_before_size(const char *type)
{
	const char *comma = strchr(type, ',');

	return comma && begins_with(comma, ", size_t");
}

static const char *next_argument(const char *type)
{
	const char *comma = strchr(type, ',');

	return comma ? comma + 2 : NULL;
}

/* What goes in. */
static void read_input(struct texts *texts, uint64_t number,
		       const struct syscall_args *a)
{
	const char *type = arguments[number];

	for (unsigned int i = 0; type && i < 6; i++) {
		if (begins_with(type, "const void *") && is_before_size(type))
			add_text(texts, i, a, a->arg[i + 1]);
		else if (begins_with(type, "const char *"))
			add_text(texts, i, a, SIZE_MAX);
		type = next_argument(type);
	}
}

/* What came out: @result bytes of it. */
static void read_output(struct texts *texts, uint64_t number,
			const struct syscall_args *a, size_t result)
{
	const char *type = arguments[number];

	for (unsigned int i = 0; type && i < 6; i++) {
		if ((begins_with(type, "void *") ||
		     begins_with(type, "char *")) &&
		    is_before_size(type) && result <= a->arg[i + 1])
			add_text(texts, i, a, result);
		type = next_argument(type);
	}
}

/* The hart's part: it saved pc and cause; trap.S has saved the registers. */
static void report_trap(const struct trap_frame *tf)
{
	TRACE_PLACE_HERE(TRACE_TRAP_SYSCALL);
	const struct trace_bytes registers = {
		.type = TRACE_CHUNK_REGISTERS,
		.address = (uint64_t)tf,
		.data = tf,
		.size = sizeof(*tf),
	};
	const uint64_t args[] = { tf_syscall_pc(tf), tf_user_sp(tf),
				  (uint64_t)tf, tf_cause(tf) };

	if (trace_wants(TRACE_TRAP_SYSCALL))
		trace_record_bytes(&place_, NULL, args, ARRAY_SIZE(args),
				   &registers, trace_wants_registers());
}

static void report_call(uint64_t number, const struct syscall_args *a)
{
	TRACE_PLACE_HERE(TRACE_SYSCALL);
	const uint64_t args[] = { number,    a->arg[0], a->arg[1], a->arg[2],
				  a->arg[3], a->arg[4], a->arg[5] };
	struct texts texts;

	if (!trace_wants(TRACE_SYSCALL))
		return;
	texts.num = 0;
	if (trace_wants_text() && number < NUM_SYSCALLS)
		read_input(&texts, number, a);
	trace_record_bytes(&place_, NULL, args, ARRAY_SIZE(args), texts.bytes,
			   texts.num);
}

static void report_result(uint64_t number, const struct syscall_args *a,
			  long result)
{
	TRACE_PLACE_HERE(TRACE_SYSCALL_DONE);
	const uint64_t args[] = { number, (uint64_t)result };
	struct texts texts;

	if (!trace_wants(TRACE_SYSCALL_DONE))
		return;
	texts.num = 0;
	if (trace_wants_text() && number < NUM_SYSCALLS && result > 0)
		read_output(&texts, number, a, (size_t)result);
	trace_record_bytes(&place_, NULL, args, ARRAY_SIZE(args), texts.bytes,
			   texts.num);
}

static syscall_fn handler_of(uint64_t number)
{
	return number < NUM_SYSCALLS ? syscall_handlers[number] : NULL;
}

/* In the place of every handler. */
static long traced_syscall(const struct syscall_args *a)
{
	struct trap_frame *tf = arch_thread_frame(current());
	uint64_t number = tf->a[7];
	syscall_fn handler = handler_of(number);
	long result = -ENOSYS;

	if (!trace_wants_thread(NULL))
		return handler ? handler(a) : result;
	trace_trapped(TRACE_RETURN_SYSCALL);
	current_trace()->syscall = (uint16_t)number;
	thread_set_work(current(), WORK_TRACE);
	report_trap(tf);
	report_call(number, a);
	if (handler)
		result = handler(a);
	report_result(number, a, result);
	return result;
}

#define TRACED(name, args) [__NR_##name] = traced_syscall,
static const syscall_fn traced_handlers[NUM_SYSCALLS] = { SYSCALL_TABLE(
	TRACED) };
#undef TRACED

static void trace_changed(bool on)
{
	syscall_use_handlers(on ? traced_handlers : syscall_handlers);
}

void syscall_trace_init(void)
{
	trace_on_change(trace_changed);
}
