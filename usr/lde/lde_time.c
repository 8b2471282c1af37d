/* SPDX-License-Identifier: MIT */
/*
 * lde_time.c - who ran when, and who does what how often
 *
 * Idea: a thread has its hart from the switch to it until the switch away from
 * it. Within that, traps and returns say whether it runs the program or the
 * kernel. "timeline" draws the first, "top" adds up the second.
 */
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "lde.h"

#define MAX_HARTS   64
#define KERNEL_TIDS 4194304 /* threads of the kernel's own are above */
#define COLUMNS     64

/* What is known of one thread. */
struct thread {
	int tid, pid;
	uint64_t user, kernel; /* ticks */
	unsigned long switches, calls, faults, interrupts;
	uint64_t share[MAX_HARTS][COLUMNS];
	bool ran_on[MAX_HARTS];
};

static struct thread **threads;
static size_t num_threads;

/* Of each hart: who has it, since when, in which mode. */
static struct {
	int tid; /* -1: not known yet */
	uint64_t since;
	bool user;
} harts[MAX_HARTS];

static struct thread *thread_of(int tid)
{
	struct thread *thread;

	for (size_t i = 0; i < num_threads; i++) {
		if (threads[i]->tid == tid)
			return threads[i];
	}
	threads = realloc(threads, (num_threads + 1) * sizeof(struct thread *));
	thread = calloc(1, sizeof(*thread));
	if (!threads || !thread)
		exit(1);
	thread->tid = tid;
	threads[num_threads++] = thread;
	return thread;
}

static void forget_threads(void)
{
	for (size_t i = 0; i < num_threads; i++)
		free(threads[i]);
	num_threads = 0;
}

/* Nothing is known of the harts either, from @since on. */
static void forget(uint64_t since)
{
	forget_threads();
	for (int i = 0; i < MAX_HARTS; i++) {
		harts[i].tid = -1;
		harts[i].since = since;
		harts[i].user = true;
	}
}

/* ---- Adding up ----------------------------------------------------------- */

static uint64_t draw_from, draw_to; /* the time that COLUMNS stand for */

static void draw(struct thread *thread, unsigned int hart, uint64_t from,
		 uint64_t to)
{
	uint64_t width = (draw_to - draw_from) / COLUMNS + 1;

	for (uint64_t at = from; at < to;) {
		uint64_t column = (at - draw_from) / width;
		uint64_t end = draw_from + (column + 1) * width;

		if (end > to)
			end = to;
		if (column < COLUMNS)
			thread->share[hart][column] += end - at;
		at = end;
	}
	thread->ran_on[hart] = true;
}

/* The hart's thread has had it until @now. */
static void account(unsigned int hart, uint64_t now)
{
	struct thread *thread;

	if (harts[hart].tid >= 0 && now > harts[hart].since) {
		thread = thread_of(harts[hart].tid);
		if (harts[hart].user)
			thread->user += now - harts[hart].since;
		else
			thread->kernel += now - harts[hart].since;
		if (draw_to)
			draw(thread, hart, harts[hart].since, now);
	}
	harts[hart].since = now;
}

static void count(const struct event *event)
{
	struct thread *thread = thread_of(event->tid);

	thread->pid = event->pid;
	if (event->kind == k.trap_syscall_)
		thread->calls++;
	else if (event->kind == k.trap_fault_)
		thread->faults++;
	else if (event->kind == k.trap_timer_ || event->kind == k.trap_device_)
		thread->interrupts++;
}

static void add_event(const struct event *event)
{
	unsigned int hart = event->hart % MAX_HARTS;

	/* Whose first event on a hart it is has had it since the beginning. */
	if (harts[hart].tid < 0)
		harts[hart].tid = event->kind == k.switch_ ? (int)event->arg[0]
							   : event->tid;
	account(hart, event->time);
	if (event->kind == k.switch_) {
		harts[hart].tid = (int)event->arg[1];
		harts[hart].user = false;
		thread_of(harts[hart].tid)->switches++;
	} else if (event_is_trap(event)) {
		count(event);
		harts[hart].user = false;
	} else if (event_is_return(event)) {
		harts[hart].user = event->mode == 0;
	}
}

/*
 * A thread that has a hart for itself makes no events. Take each hart for a
 * moment, so that there is a switch from whoever has it.
 */
static void visit_every_hart(struct events *events)
{
	cpu_set_t all;

	(void)events;
	sched_getaffinity(0, sizeof(all), &all);
	for (unsigned int hart = 0; hart < format.harts; hart++) {
		cpu_set_t one;

		CPU_ZERO(&one);
		CPU_SET(hart, &one);
		sched_setaffinity(0, sizeof(one), &one);
	}
	sched_setaffinity(0, sizeof(all), &all);
}

/* ---- timeline ------------------------------------------------------------ */

static int by_time(const void *a, const void *b)
{
	const struct thread *x = *(struct thread *const *)a;
	const struct thread *y = *(struct thread *const *)b;
	uint64_t tx = x->user + x->kernel, ty = y->user + y->kernel;

	return tx > ty ? -1 : tx < ty;
}

static void print_lane(const struct thread *thread, unsigned int hart,
		       uint64_t width)
{
	char label[32];
	uint64_t total = 0;

	if (thread->tid > KERNEL_TIDS)
		snprintf(label, sizeof(label), "[%s]",
			 thread_name(thread->tid));
	else
		snprintf(label, sizeof(label), "%s %d",
			 thread_name(thread->tid), thread->tid);
	printf("  %-20.20s|", label);
	for (int i = 0; i < COLUMNS; i++) {
		uint64_t share = thread->share[hart][i];

		total += share;
		putchar(share == 0                ? ' '
			: share * 10 >= 9 * width ? '#'
			: share * 2 >= width      ? '+'
			: share * 20 >= width     ? '-'
						  : '.');
	}
	printf("|%8.1f ms\n", ticks_ms(total));
}

static void print_timeline(const struct events *events)
{
	uint64_t width;

	if (!events->num) {
		puts("nothing happened");
		return;
	}
	draw_from = events->event[0].time;
	forget(draw_from);
	draw_to = events->event[events->num - 1].time + 1;
	width = (draw_to - draw_from) / COLUMNS + 1;
	for (size_t i = 0; i < events->num; i++)
		add_event(&events->event[i]);
	qsort(threads, num_threads, sizeof(*threads), by_time);
	printf("\n%.1f ms, %.2f ms a column: '#' has the hart all the time, "
	       "'+' half of it, '-' less, '.' hardly\n",
	       ticks_ms(draw_to - draw_from), ticks_ms(width));
	for (unsigned int hart = 0; hart < format.harts && hart < MAX_HARTS;
	     hart++) {
		printf("hart %u\n", hart);
		for (size_t i = 0; i < num_threads; i++) {
			if (threads[i]->tid && threads[i]->ran_on[hart])
				print_lane(threads[i], hart, width);
		}
	}
	draw_to = 0;
	if (events->lost)
		printf("%lu events were lost: the rings were full\n",
		       events->lost);
}

static volatile sig_atomic_t interrupted;

static void interrupt(int signal)
{
	(void)signal;
	interrupted = 1;
}

static void sleep_s(double seconds)
{
	struct timespec t = { .tv_sec = (time_t)seconds };

	t.tv_nsec = (long)((seconds - (double)t.tv_sec) * 1e9);
	nanosleep(&t, NULL);
}

/* The whole system, for @seconds. */
static void watch(struct events *events, double seconds)
{
	signal(SIGINT, interrupt);
	trace_off();
	control("hide\nevents switch exit program_load lost\non\n");
	for (double left = seconds; left > 0 && !interrupted; left -= 0.2) {
		sleep_s(left < 0.2 ? left : 0.2);
		events_read(events, "raw");
	}
	visit_every_hart(events);
	control("off\n");
	events_read(events, "raw");
	trace_off();
}

int command_timeline(char **argv, double seconds)
{
	struct events events = { 0 };
	struct run run = { 0 };

	before_off = visit_every_hart;
	if (*argv)
		run_program(argv,
			    "filter all\n"
			    "events switch exit program_load lost",
			    false, &events, NULL, &run);
	else
		watch(&events, seconds);
	print_timeline(&events);
	return *argv ? run_status(&run) : 0;
}

/* ---- top ----------------------------------------------------------------- */

static double percent(uint64_t ticks, double seconds)
{
	return ticks_ms(ticks) / seconds / 10.0;
}

static void print_top(double seconds, bool clear)
{
	if (clear)
		printf("\033[H\033[J");
	printf("%5s %-16s %6s %6s %9s %9s %9s %9s\n", "PID", "PROGRAM", "%USER",
	       "%KERN", "SWITCHES", "CALLS", "FAULTS", "INTERRUPTS");
	qsort(threads, num_threads, sizeof(*threads), by_time);
	for (size_t i = 0; i < num_threads && i < 20; i++) {
		const struct thread *t = threads[i];

		if (!t->tid)
			continue; /* idle: the rest */
		printf("%5d %-16.16s %6.1f %6.1f %9lu %9lu %9lu %9lu\n",
		       t->tid > KERNEL_TIDS ? 0 : t->tid, thread_name(t->tid),
		       percent(t->user, seconds), percent(t->kernel, seconds),
		       t->switches, t->calls, t->faults, t->interrupts);
	}
	fflush(stdout);
}

static struct termios cooked;
static bool is_raw;

static void raw_terminal(void)
{
	struct termios raw;

	if (tcgetattr(0, &cooked))
		return;
	raw = cooked;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	tcsetattr(0, TCSANOW, &raw);
	is_raw = true;
}

static void cooked_terminal(void)
{
	if (is_raw)
		tcsetattr(0, TCSANOW, &cooked);
}

/* True: q was pressed. */
static bool wait_for_key(double seconds)
{
	struct pollfd fd = { .fd = 0, .events = POLLIN };
	char key;

	if (!is_raw) {
		sleep_s(seconds);
		return false;
	}
	if (poll(&fd, 1, (int)(seconds * 1000)) <= 0)
		return false;
	return read(0, &key, 1) != 1 || key == 'q';
}

/* From *@since, or the first event, to the last. */
static double interval_s(const struct events *events, uint64_t *since)
{
	uint64_t from = *since, to;

	if (!events->num)
		return 1;
	if (!from)
		from = events->event[0].time;
	to = events->event[events->num - 1].time;
	*since = to;
	return to > from ? ticks_ms(to - from) / 1000.0 : 1;
}

int command_top(int times, double seconds)
{
	struct events events = { 0 };
	uint64_t since = 0;
	bool left = false;

	signal(SIGINT, interrupt);
	if (!times)
		raw_terminal();
	trace_off();
	control("hide\nevents switch trap_syscall trap_fault trap_timer "
		"trap_device return_program return_child return_syscall "
		"return_fault return_timer return_device return_kernel "
		"program_load lost\non\n");
	for (int i = 0; !left && !interrupted && (!times || i < times); i++) {
		left = wait_for_key(seconds);
		visit_every_hart(&events);
		events_read(&events, "raw");
		if (i == 0 && events.num)
			forget(events.event[0].time);
		forget_threads();
		for (size_t j = 0; j < events.num; j++)
			add_event(&events.event[j]);
		print_top(interval_s(&events, &since), is_raw);
		events_free(&events);
	}
	trace_off();
	cooked_terminal();
	return 0;
}
