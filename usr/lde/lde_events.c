/* SPDX-License-Identifier: MIT */
/*
 * lde_events.c - from the records in "raw" to events in order
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lde.h"

#define BLOCK (1u << 20)

struct format format;
struct kinds k;

/* As in kernel/trace/record.h. */
struct head {
	uint64_t time, order;
	uint16_t words, place;
	uint8_t kind, mode, hart, num_args;
	int32_t pid, tid;
};

struct chunk {
	uint16_t type, size;
	uint32_t reserved;
	uint64_t address;
};

void events_init(void)
{
	format_read(&format);
#define FIND(name) k.name##_ = format_kind(&format, #name);
	KINDS(FIND)
#undef FIND
}

static void add_record(struct events *events, const uint64_t *record)
{
	const struct head *head = (const struct head *)record;
	struct event *event;

	if (!format.kind[head->kind].name || head->kind == 0)
		return;
	if (events->num == events->room) {
		events->room = events->room ? 2 * events->room : 4096;
		events->event =
			realloc(events->event, events->room * sizeof(*event));
		if (!events->event) {
			fputs("lde: out of memory\n", stderr);
			trace_off();
			exit(1);
		}
	}
	event = &events->event[events->num++];
	memcpy(event, head, sizeof(*head));
	event->arg = record + sizeof(*head) / 8;
	event->end = record + head->words;
	if (event->kind == k.lost_)
		events->lost += event->arg[0];
}

static int by_order(const void *a, const void *b)
{
	const struct event *x = a, *y = b;

	return x->order < y->order ? -1 : x->order > y->order;
}

/* What is new begins at @old; seldom does it come before something old. */
static void sort(struct events *events, size_t old)
{
	struct event *event = events->event;

	qsort(event + old, events->num - old, sizeof(*event), by_order);
	if (old && old < events->num &&
	    by_order(event + old - 1, event + old) > 0)
		qsort(event, events->num, sizeof(*event), by_order);
}

static void keep_block(struct events *events, uint64_t *block, size_t words)
{
	events->block = realloc(events->block, (events->num_blocks + 1) *
						       sizeof(struct block));
	if (!block || !events->block) {
		fputs("lde: out of memory\n", stderr);
		trace_off();
		exit(1);
	}
	events->block[events->num_blocks++] = (struct block){ block, words };
}

/* Blocks are kept until events_free(): events point into them. */
void events_read(struct events *events, const char *name)
{
	size_t old = events->num;
	char path[64];
	int fd;

	snprintf(path, sizeof(path), TRACE_DIR "%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		fprintf(stderr, "lde: %s: %s\n", path, strerror(errno));
		exit(1);
	}
	for (;;) {
		uint64_t *block = malloc(BLOCK);
		ssize_t got = block ? read(fd, block, BLOCK) : -1;

		if (got <= 0) {
			free(block);
			break;
		}
		block = realloc(block, (size_t)got);
		keep_block(events, block, (size_t)got / 8);
		for (ssize_t at = 0; at < got / 8;
		     at += ((struct head *)(block + at))->words)
			add_record(events, block + at);
	}
	close(fd);
	sort(events, old);
	thread_names_add(events, old);
}

void events_free(struct events *events)
{
	for (size_t i = 0; i < events->num_blocks; i++)
		free(events->block[i].word);
	free(events->block);
	free(events->event);
	memset(events, 0, sizeof(*events));
}

const void *event_chunk(const struct event *event, const char *name,
			size_t *size, uint64_t *address)
{
	const uint64_t *at = event->arg + event->num_args;

	while (at < event->end) {
		const struct chunk *chunk = (const struct chunk *)at;
		const char *type = format.chunk[chunk->type % 256];

		at += 2;
		if (type && !strcmp(type, name)) {
			*size = chunk->size;
			if (address)
				*address = chunk->address;
			return at;
		}
		at += (chunk->size + 7u) / 8;
	}
	return NULL;
}

uint64_t event_arg(const struct event *event, const char *name)
{
	const struct kind *kind = &format.kind[event->kind];

	for (unsigned int i = 0; i < event->num_args && i < kind->num_args;
	     i++) {
		if (!strcmp(kind->arg[i], name))
			return event->arg[i];
	}
	return 0;
}

bool event_is_trap(const struct event *event)
{
	return !strncmp(format.kind[event->kind].name, "trap_", 5) &&
	       event->kind != k.trap_table_;
}

bool event_is_return(const struct event *event)
{
	return !strncmp(format.kind[event->kind].name, "return_", 7);
}

double ticks_ms(uint64_t ticks)
{
	return (double)ticks * 1000.0 / (double)format.timebase;
}

double event_ms(const struct event *event)
{
	/* The first events are older than the kernel's clock. */
	if (event->time < format.base)
		return -ticks_ms(format.base - event->time);
	return ticks_ms(event->time - format.base);
}

void control(const char *commands, ...)
{
	char text[1024];
	va_list args;
	int fd, len;

	va_start(args, commands);
	len = vsnprintf(text, sizeof(text), commands, args);
	va_end(args);
	fd = open(TRACE_DIR "control", O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, text, (size_t)len) != len) {
		fprintf(stderr, "lde: " TRACE_DIR "control: %s\n",
			strerror(errno));
		exit(1);
	}
	close(fd);
}

void trace_off(void)
{
	control("off\nclear\nunfollow\nfilter all\nevents all\n"
		"registers off\nstacks off\ntext on\n");
}

/* ---- Names of threads ---------------------------------------------------- */

static struct {
	int tid;
	char name[16];
} * names;
static size_t num_names;

static void set_name(int tid, const char *name, size_t size)
{
	size_t i;

	for (i = 0; i < num_names && names[i].tid != tid; i++)
		;
	if (i == num_names) {
		names = realloc(names, (num_names + 1) * sizeof(*names));
		if (!names)
			exit(1);
		num_names++;
	}
	if (size >= sizeof(names[i].name))
		size = sizeof(names[i].name) - 1;
	names[i].tid = tid;
	memcpy(names[i].name, name, size);
	names[i].name[size] = '\0';
}

void thread_names_add(const struct events *events, size_t from)
{
	for (size_t i = from; i < events->num; i++) {
		const struct event *event = &events->event[i];
		const char *name, *slash;
		size_t size;

		if (event->kind == k.switch_ && event->tid) {
			name = event_chunk(event, "name", &size, NULL);
			if (name)
				set_name(event->tid, name, size);
		} else if (event->kind == k.program_load_) {
			name = event_chunk(event, "text", &size, NULL);
			if (!name)
				continue;
			slash = memrchr(name, '/', size);
			if (slash) {
				size -= (size_t)(slash + 1 - name);
				name = slash + 1;
			}
			set_name(event->tid, name, size);
		}
	}
}

/* No event has said it: it began before the trace. */
static void ask_for_name(int tid)
{
	char path[32], name[16] = "?";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/comm", tid);
	file = fopen(path, "re");
	if (file) {
		if (fgets(name, sizeof(name), file))
			name[strcspn(name, "\n")] = '\0';
		fclose(file);
	}
	set_name(tid, name, strlen(name));
}

const char *thread_name(int tid)
{
	for (size_t i = 0; i < num_names; i++) {
		if (names[i].tid == tid)
			return names[i].name;
	}
	if (!tid)
		return "(idle)";
	ask_for_name(tid);
	return names[num_names - 1].name;
}
