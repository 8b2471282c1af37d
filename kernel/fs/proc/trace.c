/* SPDX-License-Identifier: MIT */
/*
 * trace.c - /proc/creance/trace: the protocol trace, to read and to control
 *
 * The files are described in kernel/trace/README.md. "raw" and "boot" are
 * bytes, the others text.
 *
 * Locks: trace_lock, so that there is one reader and one who changes settings.
 */
#include "kernel/fs/proc/internal.h"

#include <arch/hart.h>
#include "kernel/mm/page.h"
#include "kernel/mm/slab.h"
#include "kernel/time/clock.h"
#include "kernel/trace/place.h"
#include "kernel/trace/settings.h"

static struct mutex trace_lock = MUTEX_INIT(trace_lock, LOCK_TTY);

/* ---- raw and boot -------------------------------------------------------- */

/* Who reads the trace would never come to its end if it were in it. */
static int raw_open(struct inode *inode, struct file *file)
{
	if (file_is_readable(file))
		current_trace()->hidden = true;
	return 0;
}

/*
 * What is in one hart's ring, as far as it fits. Whole records only: -EINVAL if
 * there is one and not even that fits.
 */
static ssize_t read_ring(unsigned int hart, struct io_buf *io)
{
	ssize_t done = 0;

	for (;;) {
		uint64_t words;
		const uint64_t *from = ring_peek(hart, io->left / 8, &words);

		if (!from)
			return done;
		if (!words)
			return done ? done : -EINVAL;
		if (io_copy_to(io, from, words * 8) < words * 8)
			return done ? done : -EFAULT;
		ring_consume(hart, words);
		done += (ssize_t)(words * 8);
	}
}

static ssize_t raw_read(struct file *file, struct io_buf *io, loff_t *pos)
{
	ssize_t done = 0;

	mutex_lock(&trace_lock);
	for (unsigned int i = 0; i < arch_num_harts(); i++) {
		ssize_t got = read_ring(i, io);

		if (got < 0) {
			done = done ? done : got;
			break;
		}
		done += got;
	}
	mutex_unlock(&trace_lock);
	return done;
}

const struct file_ops proc_trace_raw_ops = {
	.open = raw_open,
	.read = raw_read,
	.stream = true,
};

static ssize_t boot_read(struct file *file, struct io_buf *io, loff_t *pos)
{
	uint64_t words;
	const uint64_t *records = trace_boot_records(&words);
	ssize_t done = io_copy_text(io, *pos, (const char *)records, words * 8);

	if (done > 0)
		*pos += done;
	return done;
}

const struct file_ops proc_trace_boot_ops = {
	.read = boot_read,
};

/* ---- format -------------------------------------------------------------- */

static void add_events(struct text *text)
{
	static const struct {
		const char *name, *args;
	} events[] = {
#define EVENT(kind, name, args) { name, args },
		TRACE_EVENTS(EVENT)
#undef EVENT
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(events); i++)
		text_add(text, "event\t%u\t%s\t%s\n", i, events[i].name,
			 events[i].args);
}

static void add_rows(struct text *text)
{
#define OS              "os"
#define HARDWARE        "hardware"
#define PROGRAM         "program"
#define SYSCALL_CALL    "system_call"
#define TIMER_INTERRUPT "timer_interrupt"
#define BOTH            "both"
#define NONE            "none"
	static const struct {
		unsigned int kind, step;
		const char *column, *table, *words;
	} rows[] = {
#define ROW(kind, column, table, words, step)                                  \
	{ TRACE_##kind, TRACE_STEP_##step, column, table, words },
		TRACE_ROWS(ROW)
#undef ROW
	};
#undef OS
#undef HARDWARE
#undef PROGRAM
#undef SYSCALL_CALL
#undef TIMER_INTERRUPT
#undef BOTH
#undef NONE

	for (unsigned int i = 0; i < ARRAY_SIZE(rows); i++)
		text_add(text, "row\t%u\t%s\t%s\t%s\t%u\n", rows[i].kind,
			 rows[i].column, rows[i].table, rows[i].words,
			 rows[i].step);
}

static void add_chunks(struct text *text)
{
#define CHUNK(type, name, address, data)                                       \
	text_add(text, "chunk\t%u\t%s\t%s\t%s\n", TRACE_CHUNK_##type, name,    \
		 address, data);
	TRACE_CHUNKS(CHUNK)
#undef CHUNK
}

static void add_places(struct text *text)
{
	unsigned int num;
	const struct trace_place *places = trace_places(&num);

	for (unsigned int i = 0; i < num; i++)
		text_add(text, "place\t%u\t%u\t%s\t%u\t%s\n", i, places[i].kind,
			 places[i].file, places[i].line, places[i].function);
}

static void add_name(struct text *text, const struct trace_name *name)
{
	if (strcmp(name->domain, "words") == 0)
		text_add(text, "words\t%s\t%s\n", name->name, name->detail);
	else if (name->detail)
		text_add(text, "%s\t%lu\t%s\t%s\n", name->domain, name->value,
			 name->name, name->detail);
	else
		text_add(text, "name\t%s\t%lu\t%s\n", name->domain, name->value,
			 name->name);
}

int proc_show_trace_format(const struct proc_subject *subject,
			   struct text *text)
{
	const struct trace_name *names;
	uint64_t mult, base;
	unsigned int shift, num;

	clock_scale(&mult, &shift, &base);
	/* The scale rounds down: some ticks in a hundred seconds. */
	text_add(text, "version\t1\ntimebase\t%lu\nclock\t%lu %u %lu\n",
		 (clock_ns_to_ticks(100 * NSEC_PER_SEC) + 50) / 100, mult,
		 shift, base);
	text_add(text, "harts\t%u\nkernel\t%#lx\n", arch_num_harts(),
		 trace_kernel_base());
	add_events(text);
	add_rows(text);
	add_places(text);
	add_chunks(text);
	names = trace_names(&num);
	for (unsigned int i = 0; i < num; i++)
		add_name(text, &names[i]);
	return 0;
}

/* ---- lost and mark ------------------------------------------------------- */

int proc_show_trace_lost(const struct proc_subject *subject, struct text *text)
{
	for (unsigned int i = 0; i < arch_num_harts(); i++) {
		struct trace_ring_info info;

		ring_get_info(i, &info);
		text_add(text,
			 "hart %u recorded %lu lost %lu unread_bytes %lu\n", i,
			 info.recorded, info.lost, info.words * 8);
	}
	return 0;
}

#define MAX_MARK 256u

int proc_store_trace_mark(const struct proc_subject *subject, const char *text,
			  size_t size)
{
	TRACE_PLACE_HERE(TRACE_MARK);
	/* Whoever writes it: it was asked for. */
	static const struct trace_thread wanted = { .traced = true };
	struct trace_bytes bytes = {
		.type = TRACE_CHUNK_TEXT,
		.data = text,
		.size = size,
	};

	if (bytes.size > MAX_MARK)
		bytes.size = MAX_MARK;

	if (bytes.size && text[bytes.size - 1] == '\n')
		bytes.size--;
	if (trace_wants(TRACE_MARK))
		trace_record_bytes(&place_, &wanted, NULL, 0, &bytes, 1);
	return 0;
}

/* ---- control ------------------------------------------------------------- */

static const char *on_off(bool on)
{
	return on ? "on" : "off";
}

int proc_show_trace_control(const struct proc_subject *subject,
			    struct text *text)
{
	static const char *const names[] = {
#define EVENT(kind, name, args) name,
		TRACE_EVENTS(EVENT)
#undef EVENT
	};
	struct trace_settings s;

	trace_get_settings(&s);
	text_add(text, "%s\nfilter %s\nsize %u\n", on_off(s.on),
		 s.everyone ? "all" : "followed",
		 s.chunks * (TRACE_CHUNK_BYTES / 1024));
	text_add(text, "registers %s\nstacks %s\ntext %s\nevents",
		 on_off(s.registers), on_off(s.stacks), on_off(s.text));
	for (unsigned int i = 0; i < ARRAY_SIZE(names); i++) {
		if (s.kinds & BIT(i))
			text_add(text, " %s", names[i]);
	}
	text_add(text, "\n");
	return 0;
}

/* The kinds named in @words, separated by blanks. 0: one is unknown. */
static uint64_t parse_kinds(char *words)
{
	static const char *const names[] = {
#define EVENT(kind, name, args) name,
		TRACE_EVENTS(EVENT)
#undef EVENT
	};
	uint64_t kinds = 0;

	if (strcmp(words, "all") == 0)
		return BIT(TRACE_NUM_KINDS) - 1;
	while (*words) {
		char *end = words;
		unsigned int i;

		while (*end && *end != ' ')
			end++;
		if (*end)
			*end++ = '\0';
		for (i = 0; i < ARRAY_SIZE(names); i++) {
			if (strcmp(names[i], words) == 0)
				break;
		}
		if (i == ARRAY_SIZE(names))
			return 0;
		kinds |= BIT(i);
		words = end;
	}
	return kinds;
}

static int set_flag(bool *flag, const char *word)
{
	if (strcmp(word, "on") == 0)
		*flag = true;
	else if (strcmp(word, "off") == 0)
		*flag = false;
	else
		return -EINVAL;
	return 0;
}

/* All threads there are; the tree's lock keeps them. */
static void follow(struct process *process, bool on)
{
	struct thread *thread;

	spin_lock(&process->lock);
	list_for_each (thread, &process->threads, process_node)
		thread->trace.traced = on;
	spin_unlock(&process->lock);
}

static int follow_pid(const char *word)
{
	int64_t number;
	struct process *process;

	if (proc_parse_number(word, &number))
		return -EINVAL;
	process = process_find((int)number);
	if (!process)
		return -ESRCH;
	follow(process, true);
	process_put(process);
	return 0;
}

static int command_follow(const char *word)
{
	if (strcmp(word, "children") != 0)
		return follow_pid(word);
	current_trace()->follow = true;
	return 0;
}

static int command_unfollow(void)
{
	struct process *process;
	int number = 1;

	while ((process = process_next(&number))) {
		follow(process, false);
		process_put(process);
		number++;
	}
	current_trace()->follow = false;
	return 0;
}

static int command_size(const char *word)
{
	int64_t kib;

	if (proc_parse_number(word, &kib) || kib <= 0 ||
	    kib > (int64_t)TRACE_MAX_CHUNKS * (TRACE_CHUNK_BYTES / 1024))
		return -EINVAL;
	return trace_set_chunks((unsigned int)DIV_ROUND_UP(
		(uint64_t)kib, TRACE_CHUNK_BYTES / 1024));
}

static int command_setting(const char *name, char *rest)
{
	struct trace_settings s;
	int err = 0;

	trace_get_settings(&s);
	if (strcmp(name, "on") == 0 || strcmp(name, "off") == 0)
		err = set_flag(&s.on, name);
	else if (strcmp(name, "registers") == 0)
		err = set_flag(&s.registers, rest);
	else if (strcmp(name, "stacks") == 0)
		err = set_flag(&s.stacks, rest);
	else if (strcmp(name, "text") == 0)
		err = set_flag(&s.text, rest);
	else if (strcmp(name, "filter") == 0 && strcmp(rest, "all") == 0)
		s.everyone = true;
	else if (strcmp(name, "filter") == 0 && strcmp(rest, "followed") == 0)
		s.everyone = false;
	else if (strcmp(name, "events") == 0)
		s.kinds = parse_kinds(rest);
	else
		err = -EINVAL;
	if (!err && !s.kinds)
		err = -EINVAL;
	return err ? err : trace_set(&s);
}

static int command(const char *name, char *rest)
{
	if (strcmp(name, "clear") == 0) {
		trace_clear();
		return 0;
	}
	if (strcmp(name, "hide") == 0) {
		current_trace()->hidden = true;
		return 0;
	}
	if (strcmp(name, "unfollow") == 0)
		return command_unfollow();
	if (strcmp(name, "follow") == 0)
		return command_follow(rest);
	if (strcmp(name, "size") == 0)
		return command_size(rest);
	return command_setting(name, rest);
}

/* "name rest", in place. */
static int command_line(char *line)
{
	char *rest = line;

	while (*rest && *rest != ' ')
		rest++;
	if (*rest)
		*rest++ = '\0';
	return *line ? command(line, rest) : 0;
}

int proc_store_trace_control(const struct proc_subject *subject,
			     const char *text, size_t size)
{
	char *copy = kstrdup(text);
	char *line = copy;
	int err = 0;

	if (!copy)
		return -ENOMEM;
	mutex_lock(&trace_lock);
	while (!err && *line) {
		char *end = line;

		while (*end && *end != '\n')
			end++;
		if (*end)
			*end++ = '\0';
		err = command_line(line);
		line = end;
	}
	mutex_unlock(&trace_lock);
	kfree(copy);
	return err;
}
