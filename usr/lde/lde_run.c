/* SPDX-License-Identifier: MIT */
/*
 * lde_run.c - the three columns of the lecture, of a run
 *
 * Idea: what lies between a trap of a thread and its return is an episode. Of
 * equal episodes (system calls, page faults, ...) the first is shown row by row
 * and the others are counted, so the table reads like the slide; with -a each
 * is shown. The words of the rows are the kernel's; see kernel/trace/events.h.
 */
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#include "lde.h"

static int widths[] = { 41, 37, 27 };
static const char *const titles[] = { "OS", "Hardware", "Program" };

bool as_rows; /* -t: a line for each row, for programs */

/* ---- Rows ---------------------------------------------------------------- */

static void rule(void)
{
	for (int column = OS; column <= PROGRAM; column++) {
		for (int i = 0; i < widths[column] + (column != OS); i++)
			putchar('-');
		putchar(column == PROGRAM ? '\n' : '+');
	}
}

/* A terminal that says it is narrow gets narrow columns. */
static void choose_widths(void)
{
	struct winsize size = { 0 };

	if (ioctl(1, TIOCGWINSZ, &size) == 0 && size.ws_col &&
	    size.ws_col < 110) {
		widths[OS] = 31;
		widths[HARDWARE] = 27;
		widths[PROGRAM] = 17;
	}
}

static void headings(void)
{
	if (as_rows)
		return;
	choose_widths();
	for (int column = OS; column <= PROGRAM; column++)
		printf("%s%-*s%s", column == OS ? "" : " ", widths[column],
		       titles[column], column == PROGRAM ? "\n" : "|");
	rule();
}

static void print_line(enum column column, const char *text, int length)
{
	for (int c = OS; c <= (int)column; c++) {
		if (c != OS)
			putchar(' ');
		if (c == (int)column)
			printf("%.*s", length, text);
		if (c == (int)column && c != PROGRAM)
			printf("%*s", widths[c] - length, "");
		if (c != (int)column)
			printf("%*s", widths[c], "");
		if (c != PROGRAM)
			putchar('|');
	}
	if (column == OS)
		printf("%*s|", widths[HARDWARE] + 1, "");
	putchar('\n');
}

/* In its column, on as many lines as it takes. */
static void print_text(enum column column, const char *text)
{
	while (*text) {
		int length = (int)strlen(text);

		if (length > widths[column]) {
			length = widths[column];
			while (length > 1 && text[length] != ' ')
				length--;
		}
		print_line(column, text, length);
		text += length;
		while (*text == ' ')
			text++;
	}
}

static bool is_software(const struct row *row)
{
	const struct place *place = format_place(&format, row, 0);

	return row->column == HARDWARE && row->step && place &&
	       (!strcmp(place->function, "save_registers") ||
		!strcmp(place->function, "restore_registers"));
}

static void print_value(const char *type, uint64_t value)
{
	const char *name = format_name(&format, type, value);

	if (name)
		printf("%s", name);
	else if (!strcmp(type, "syscall"))
		printf("%s", format_syscall(&format, value));
	else if (!strcmp(type, "signal"))
		printf("SIG%s", sigabbrev_np((int)value));
	else if (!strcmp(type, "b"))
		printf("%s", value ? "yes" : "no");
	else if (!strcmp(type, "d"))
		printf("%ld", (long)value);
	else if (!strcmp(type, "ns"))
		printf("%.3f ms", (double)value / 1e6);
	else if (!strcmp(type, "x"))
		printf("%#lx", value);
	else
		printf("%lu", value);
}

void print_values(const struct event *event)
{
	const struct kind *kind = &format.kind[event->kind];
	const char *text;
	size_t size;

	for (unsigned int i = 0; i < event->num_args && i < kind->num_args;
	     i++) {
		printf("%s%s=", i ? " " : "", kind->arg[i]);
		print_value(kind->type[i], event->arg[i]);
	}
	text = event_chunk(event, "text", &size, NULL);
	if (text)
		printf(" \"%.*s\"", (int)size, text);
}

/* "ra=... sp=...", four on a line, those that are not 0. */
static void print_words(const struct event *event, const char *chunk,
			const char *names)
{
	size_t size;
	const uint64_t *word = event_chunk(event, chunk, &size, NULL);
	char *copy, *name, *next = NULL;
	unsigned int printed = 0;

	if (!word || !names)
		return;
	copy = strdup(names);
	name = strtok_r(copy, " ", &next);
	for (size_t i = 0; name && i < size / 8; i++) {
		if (word[i])
			printf("%s%8s=%-18lx",
			       printed % 4 ? ""
			       : printed   ? "\n      "
					   : "      ",
			       name, word[i]),
				printed++;
		name = strtok_r(NULL, " ", &next);
	}
	if (printed)
		putchar('\n');
	free(copy);
}

static void print_registers(const struct event *event, const struct row *row)
{
	const struct place *place = format_place(&format, row, event->place);
	const char *chunk = NULL, *names = format.context_words;

	if (is_software(row)) {
		chunk = "registers";
		names = format.register_words;
	} else if (event->kind == k.switch_ && strstr(row->words, "save")) {
		chunk = "context_from";
	} else if (event->kind == k.switch_ && strstr(row->words, "restore")) {
		chunk = "context_to";
	}
	if (place && row->column != PROGRAM)
		printf("      %s:%u %s()\n", place->file, place->line,
		       place->function);
	if (chunk)
		print_words(event, chunk, names);
}

static void print_row(const struct event *event, const struct row *row,
		      bool first)
{
	const struct place *place = format_place(&format, row, event->place);
	char text[160];

	if (as_rows) {
		/* The program's own lines are not known to the kernel. */
		if (row->column == PROGRAM)
			place = NULL;
		printf("%s\t%s\t%s:%u %s\t%.3f\t%d\n", titles[row->column],
		       row->words, place ? place->file : "-",
		       place ? place->line : 0, place ? place->function : "-",
		       event_ms(event), event->tid);
		return;
	}
	snprintf(text, sizeof(text), "%s%s", row->words,
		 is_software(row) ? " *" : "");
	if (event->kind == k.syscall_ && strstr(row->words, "work"))
		snprintf(text, sizeof(text), "%s (%s)", row->words,
			 format_syscall(&format, event->arg[0]));
	print_text(row->column, text);
	if (!verbose)
		return;
	if (first) {
		printf("      [%.3f ms, hart %u, pid %d] %s: ", event_ms(event),
		       event->hart, event->pid, format.kind[event->kind].name);
		print_values(event);
		putchar('\n');
	}
	print_registers(event, row);
}

/* Those rows of @event that stand in @table, or in none of the lectures'. */
static void print_rows(const struct event *event, enum table table)
{
	const struct kind *kind = &format.kind[event->kind];
	bool first = true;

	for (unsigned int i = 0; i < kind->num_rows; i++) {
		const struct row *row = &kind->row[i];

		if (row->table != table && row->table != TABLE_BOTH &&
		    row->table != TABLE_NONE)
			continue;
		print_row(event, row, first);
		first = false;
	}
}

static void remark(const char *text, ...)
{
	va_list args;

	if (as_rows)
		return;
	va_start(args, text);
	printf("      ");
	vprintf(text, args);
	putchar('\n');
	va_end(args);
}

/* ---- Boot ---------------------------------------------------------------- */

static void print_boot(enum table table)
{
	struct events boot = { 0 };
	bool seen[256] = { false };

	events_read(&boot, "boot");
	for (size_t i = 0; i < boot.num; i++) {
		/* The same on every hart: once is enough. */
		if (seen[boot.event[i].kind] && !unfolded)
			continue;
		seen[boot.event[i].kind] = true;
		print_rows(&boot.event[i], table);
	}
	events_free(&boot);
}

static void begin_table(const char *title, enum table table)
{
	if (as_rows) {
		printf("table\t%s\n", title);
	} else {
		printf("\n%s\n\n", title);
		headings();
		print_text(OS, "@ boot");
	}
	print_boot(table);
	if (!as_rows) {
		rule();
		print_text(OS, "@ run");
	}
}

/* ---- Episodes ------------------------------------------------------------ */

/* What a thread does from a trap to its return. */
enum class { CLASS_SYSCALL, CLASS_FAULT, CLASS_TIMER, CLASS_DEVICE, CLASSES };

static const char *const class_names[] = {
	"system calls", "page faults and other exceptions", "timer interrupts",
	"interrupts from devices and harts"
};

struct tally {
	unsigned int count[CLASSES];
	unsigned int syscall[1024];
	bool shown[CLASSES];
};

static enum class class_of(const struct event *trap) {
	if (trap->kind == k.trap_syscall_) return CLASS_SYSCALL;
	if (trap->kind == k.trap_fault_) return CLASS_FAULT;
	return trap->kind == k.trap_timer_ ? CLASS_TIMER : CLASS_DEVICE;
}

/* The return that ends the episode of the trap at @i; num if there is none. */
static size_t end_of(const struct events *events, size_t i)
{
	int tid = events->event[i].tid;

	for (size_t j = i + 1; j < events->num; j++) {
		const struct event *event = &events->event[j];

		if (event->tid == tid && event_is_return(event) &&
		    event->kind != k.return_kernel_)
			return j;
	}
	return events->num;
}

/* The number of the system call in the episode from @i on. */
static uint64_t syscall_of(const struct events *events, size_t i)
{
	int tid = events->event[i].tid;

	for (; i < events->num; i++) {
		if (events->event[i].tid == tid &&
		    events->event[i].kind == k.syscall_)
			return events->event[i].arg[0];
	}
	return 0;
}

static bool is_exit(uint64_t number)
{
	return !strncmp(format_syscall(&format, number), "exit", 4);
}

static bool belongs_to_switch(const struct event *event)
{
	return event->kind == k.switch_ || event->kind == k.decision_ ||
	       event->kind == k.wake_;
}

/* An interrupt that came while the kernel ran: part of no episode. */
static bool is_nested(const struct event *event)
{
	return event->kind == k.return_kernel_ || event->kind == k.timer_ ||
	       event->kind == k.device_ ||
	       (event_is_trap(event) && event->mode != 0);
}

static bool is_shown(const struct event *event)
{
	return unfolded || !(belongs_to_switch(event) || is_nested(event));
}

static void print_episode(const struct events *events, size_t i, size_t end)
{
	int tid = events->event[i].tid;

	for (; i <= end && i < events->num; i++) {
		const struct event *event = &events->event[i];

		if (event->tid != tid)
			continue;
		/* The lecture's first table knows one process. */
		if (!is_shown(event))
			continue;
		print_rows(event, TABLE_SYSTEM_CALL);
	}
}

static const unsigned int *sort_counts;

static int more_first(const void *a, const void *b)
{
	unsigned int x = sort_counts[*(const int *)a];
	unsigned int y = sort_counts[*(const int *)b];

	return x > y ? -1 : x < y;
}

static void print_calls(const unsigned int *count)
{
	int number[1024], num = 0, column = 6;

	for (int i = 0; i < 1024; i++) {
		if (count[i])
			number[num++] = i;
	}
	sort_counts = count;
	qsort(number, (size_t)num, sizeof(number[0]), more_first);
	printf("      ");
	for (int i = 0; i < num; i++) {
		char text[64];
		int length =
			snprintf(text, sizeof(text), "%s %u%s",
				 format_syscall(&format, (uint64_t)number[i]),
				 count[number[i]], i < num - 1 ? ", " : "");

		if (column + length > 100) {
			printf("\n      ");
			column = 6;
		}
		printf("%s", text);
		column += length;
	}
	putchar('\n');
}

static void count_all(const struct events *events, size_t from, int pid,
		      struct tally *tally)
{
	for (size_t i = from; i < events->num; i++) {
		const struct event *event = &events->event[i];

		if (event->pid != pid || event->mode != 0)
			continue;
		if (event_is_trap(event))
			tally->count[class_of(event)]++;
	}
	for (size_t i = from; i < events->num; i++) {
		const struct event *event = &events->event[i];

		if (event->pid == pid && event->kind == k.syscall_ &&
		    event->arg[0] < 1024)
			tally->syscall[event->arg[0]]++;
	}
}

/* Shown once: the first of its class, and how many there were. */
static void print_first(const struct events *events, size_t i, size_t end,
			enum class class, const struct tally *tally)
{
	print_episode(events, i, end);
	remark("... %u %s in all%s", tally->count[class], class_names[class],
	       class == CLASS_SYSCALL ? ":" : "");
	if (class == CLASS_SYSCALL && !as_rows)
		print_calls(tally->syscall);
}

/* From the program's first instruction to its exit. */
static size_t print_life(const struct events *events, size_t i, int pid,
			 struct tally *tally)
{
	for (; i < events->num; i++) {
		const struct event *event = &events->event[i];
		enum class class;
		size_t end;

		if (event->pid != pid)
			continue;
		if (event->kind == k.exit_)
			return i;
		if (!event_is_trap(event) || event->mode != 0)
			continue;
		class = class_of(event);
		if (class == CLASS_SYSCALL && is_exit(syscall_of(events, i)))
			continue; /* stands in the table as "trap (via exit())" */
		if (class == CLASS_TIMER && !unfolded)
			continue; /* has a table of its own */
		end = end_of(events, i);
		if (unfolded) {
			print_episode(events, i, end);
		} else if (!tally->shown[class]) {
			tally->shown[class] = true;
			print_first(events, i, end, class, tally);
		}
	}
	return i;
}

/* The event of @kind about process @pid, from @i on; num if there is none. */
static size_t find(const struct events *events, size_t i, int kind, int pid)
{
	for (; i < events->num; i++) {
		if (events->event[i].kind == kind &&
		    events->event[i].pid == pid)
			return i;
	}
	return events->num;
}

static size_t find_arg(const struct events *events, int kind, int pid)
{
	for (size_t i = 0; i < events->num; i++) {
		if (events->event[i].kind == kind &&
		    events->event[i].arg[0] == (uint64_t)pid)
			return i;
	}
	return events->num;
}

/*
 * Where exec(2) of the program itself begins: the last "allocate memory" before
 * its first return to user mode.
 */
static size_t find_exec(const struct events *events, int pid)
{
	size_t limit = find(events, 0, k.return_program_, pid);
	size_t last = events->num;

	for (size_t i = 0; i < limit; i++) {
		if (events->event[i].kind == k.memory_create_ &&
		    events->event[i].pid == pid)
			last = i;
	}
	return last;
}

static void print_if(const struct events *events, size_t i)
{
	if (i < events->num)
		print_rows(&events->event[i], TABLE_SYSTEM_CALL);
}

static void print_end(const struct events *events, size_t exit_at,
		      const struct run *run)
{
	if (exit_at < events->num) {
		if (WIFSIGNALED(run->status))
			remark("killed by SIG%s",
			       sigabbrev_np(WTERMSIG(run->status)));
		else
			print_if(events, exit_at);
	}
	print_if(events, find(events, exit_at, k.memory_free_, run->pid));
	print_if(events, find_arg(events, k.process_remove_, run->pid));
}

static void print_system_call_table(const struct events *events,
				    const struct run *run)
{
	size_t i = find_exec(events, run->pid);
	struct tally tally = { 0 };

	begin_table("Limited Direct Execution: a system call",
		    TABLE_SYSTEM_CALL);
	print_if(events, find_arg(events, k.process_create_, run->pid));
	if (i == events->num) {
		remark("the program did not begin");
		return;
	}
	count_all(events, find(events, i, k.return_program_, run->pid),
		  run->pid, &tally);
	for (; i < events->num; i++) {
		const struct event *event = &events->event[i];

		if (event->pid == run->pid && is_shown(event) &&
		    event->kind != k.syscall_done_)
			print_rows(event, TABLE_SYSTEM_CALL);
		if (event->pid == run->pid && event->kind == k.return_program_)
			break;
	}
	print_end(events, print_life(events, i, run->pid, &tally), run);
}

/* ---- The timer interrupt ------------------------------------------------- */

/* Indices of the events of one switch that the timer made. */
struct timer_switch {
	size_t trap, handle, decision, switch_, back;
};

/* Of the thread that ran at @trap: the next @kind on the same hart. */
static size_t next_on_hart(const struct events *events, size_t i, int kind)
{
	unsigned int hart = events->event[i].hart;

	for (i++; i < events->num; i++) {
		if (events->event[i].hart != hart)
			continue;
		if (events->event[i].kind == kind)
			return i;
		/* Something else came between. */
		if (event_is_trap(&events->event[i]) ||
		    event_is_return(&events->event[i]))
			return events->num;
	}
	return i;
}

static bool find_timer_switch(const struct events *events, size_t from,
			      struct timer_switch *out)
{
	for (size_t i = from; i < events->num; i++) {
		const struct event *event = &events->event[i];

		if (event->kind != k.trap_timer_ || event->mode != 0)
			continue;
		out->trap = i;
		out->handle = next_on_hart(events, i, k.timer_);
		out->decision = next_on_hart(events, i, k.decision_);
		out->switch_ = next_on_hart(events, i, k.switch_);
		if (out->switch_ == events->num)
			continue;
		/* Into B, and not to somebody else and back to A. */
		out->back = next_on_hart(events, out->switch_, k.return_timer_);
		if (out->back < events->num &&
		    (uint64_t)events->event[out->back].tid ==
			    events->event[out->switch_].arg[1])
			return true;
	}
	return false;
}

static void print_timer_switch(const struct events *events,
			       const struct timer_switch *t)
{
	const struct event *sw = &events->event[t->switch_];

	print_rows(&events->event[t->trap], TABLE_TIMER);
	print_rows(&events->event[t->handle], TABLE_TIMER);
	if (t->decision < t->switch_ && (verbose || unfolded))
		print_rows(&events->event[t->decision], TABLE_TIMER);
	print_rows(sw, TABLE_TIMER);
	print_rows(&events->event[t->back], TABLE_TIMER);
	remark("... A is thread %lu, B is thread %lu", sw->arg[0], sw->arg[1]);
}

static void print_timer_table(const struct events *events,
			      const struct run *run)
{
	struct timer_switch t;
	unsigned int num = 0;
	size_t from = 0;

	begin_table("Limited Direct Execution: the timer interrupt",
		    TABLE_TIMER);
	while (find_timer_switch(events, from, &t)) {
		if (num++ == 0 || unfolded)
			print_timer_switch(events, &t);
		from = t.back + 1;
	}
	if (num == 0)
		remark("the timer did not take the hart from anybody");
	else
		remark("... %u times in all", num);
	if (run->other)
		remark("(process %d is lde's: it computes beside process %d "
		       "until the program begins)",
		       run->other, run->pid);
}

int command_run(char **argv, bool alone)
{
	struct events events = { 0 };
	struct run run;

	run_program(argv, verbose ? "registers on" : "registers off", !alone,
		    &events, NULL, &run);
	if (run.pid < 0) {
		perror("lde: fork");
		return 1;
	}
	if (!as_rows)
		printf("\n%s: process %d, %zu events, exit status %d\n",
		       argv[0], run.pid, events.num, run_status(&run));
	print_system_call_table(&events, &run);
	print_timer_table(&events, &run);
	if (!as_rows) {
		printf("\n* on RISC-V the first and last instructions of the "
		       "trap handler do this; the hart itself saves only pc,\n"
		       "  cause and mode\n");
		if (events.lost)
			printf("%lu events were lost: the rings were full\n",
			       events.lost);
	}
	return run_status(&run);
}

int command_boot(void)
{
	struct events boot = { 0 };

	headings();
	events_read(&boot, "boot");
	for (size_t i = 0; i < boot.num; i++) {
		const struct kind *kind = &format.kind[boot.event[i].kind];

		for (unsigned int j = 0; j < kind->num_rows; j++)
			print_row(&boot.event[i], &kind->row[j], j == 0);
		if (!verbose && !as_rows) {
			printf("      [%.3f ms, hart %u] ",
			       event_ms(&boot.event[i]), boot.event[i].hart);
			print_values(&boot.event[i]);
			putchar('\n');
		}
	}
	return 0;
}
