/* SPDX-License-Identifier: MIT */
/*
 * lde_check.c - the records as they come: into a file, or under examination
 *
 * What is examined: each hart's records come in the order of their numbers;
 * every number comes once; as many events as the kernel says it recorded; and
 * the "lost" events among them add up to what the kernel says it lost. Once with
 * rings that are large enough, once with rings that are much too small. And the
 * program is timed without and with the trace.
 */
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lde.h"

/* ---- record -------------------------------------------------------------- */

static FILE *record_file;

static void write_new(struct events *events)
{
	for (size_t i = 0; i < events->num_blocks; i++)
		fwrite(events->block[i].word, 8, events->block[i].words,
		       record_file);
	events_free(events);
}

int command_record(char **argv)
{
	struct events events = { 0 };
	struct run run;

	record_file = fopen(argv[0], "we");
	if (!record_file) {
		perror(argv[0]);
		return 1;
	}
	run_program(argv + 1, verbose ? "registers on\nstacks on" : "",
		    !unfolded, &events, write_new, &run);
	if (fclose(record_file)) {
		perror(argv[0]);
		return 1;
	}
	return run_status(&run);
}

/* ---- check --------------------------------------------------------------- */

#define MAX_HARTS 64

static struct {
	uint64_t records, lost, lost_records;
	uint64_t first, last; /* order */
	uint64_t last_of[MAX_HARTS];
	unsigned long wrong_order;
	uint64_t kernel_recorded, kernel_lost;
} seen;

static void look_at(const uint64_t *block, size_t words)
{
	for (size_t at = 0; at < words;
	     at += ((const uint16_t *)(block + at))[8]) {
		const uint64_t *record = block + at;
		unsigned int kind = ((const uint8_t *)record)[20];
		unsigned int hart = ((const uint8_t *)record)[22] % MAX_HARTS;
		uint64_t order = record[1];

		if (kind == 0)
			continue; /* pad */
		if (order <= seen.last_of[hart])
			seen.wrong_order++;
		seen.last_of[hart] = order;
		if (!seen.first || order < seen.first)
			seen.first = order;
		if (order > seen.last)
			seen.last = order;
		if ((int)kind == k.lost_) {
			seen.lost += record[4];
			seen.lost_records++;
		} else {
			seen.records++;
		}
	}
}

static void look_at_new(struct events *events)
{
	for (size_t i = 0; i < events->num_blocks; i++)
		look_at(events->block[i].word, events->block[i].words);
	events_free(events);
}

/* hart 0 recorded N lost N unread_bytes N */
static void read_counts(void)
{
	FILE *file = fopen(TRACE_DIR "lost", "re");
	unsigned long recorded, lost;

	seen.kernel_recorded = seen.kernel_lost = 0;
	while (file && fscanf(file,
			      "hart %*u recorded %lu lost %lu unread_bytes "
			      "%*u\n",
			      &recorded, &lost) == 2) {
		seen.kernel_recorded += recorded;
		seen.kernel_lost += lost;
	}
	if (file)
		fclose(file);
}

/* One more event on each hart, so that each says what it lost before. */
static void mark_every_hart(struct events *events)
{
	cpu_set_t all;
	int fd = open(TRACE_DIR "mark", O_WRONLY | O_CLOEXEC);

	sched_getaffinity(0, sizeof(all), &all);
	events_read(events, "raw");
	look_at_new(events);
	for (unsigned int hart = 0; hart < format.harts; hart++) {
		cpu_set_t one;

		CPU_ZERO(&one);
		CPU_SET(hart, &one);
		if (sched_setaffinity(0, sizeof(one), &one) == 0 &&
		    write(fd, "end", 3) != 3)
			perror("lde: mark");
	}
	sched_setaffinity(0, sizeof(all), &all);
	close(fd);
	read_counts();
}

/* Numbers that went to records of "boot" meanwhile: a hart's first timer. */
static uint64_t numbers_of_boot(void)
{
	struct events boot = { 0 };
	uint64_t num = 0;

	events_read(&boot, "boot");
	for (size_t i = 0; i < boot.num; i++)
		num += boot.event[i].order > seen.first &&
		       boot.event[i].order < seen.last;
	events_free(&boot);
	return num;
}

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static double time_untraced(char **argv)
{
	double begin = now_ms();
	pid_t pid = fork();

	if (pid == 0) {
		execvp(argv[0], argv);
		_exit(127);
	}
	waitpid(pid, NULL, 0);
	return now_ms() - begin;
}

/* True: everything is as it should be. */
static bool examine(const char *what, char **argv, const char *commands,
		    double untraced_ms)
{
	struct events events = { 0 };
	double begin = now_ms(), took_ms;
	uint64_t numbers;
	struct run run;
	bool good;

	memset(&seen, 0, sizeof(seen));
	run_program(argv, commands, false, &events, look_at_new, &run);
	took_ms = now_ms() - begin;
	numbers = seen.last - seen.first + 1 - numbers_of_boot();
	good = seen.wrong_order == 0 &&
	       numbers == seen.records + seen.lost_records &&
	       seen.records == seen.kernel_recorded &&
	       seen.lost == seen.kernel_lost;
	printf("%s: %lu events, %lu lost, %lu out of order\n", what,
	       seen.records, seen.lost, seen.wrong_order);
	printf("  the kernel says: %lu recorded, %lu lost; numbers given: %lu "
	       "(%lu of them to say that some were lost)\n",
	       seen.kernel_recorded, seen.kernel_lost, numbers,
	       seen.lost_records);
	printf("  %.1f ms, without the trace %.1f ms: slowdown %.2f\n", took_ms,
	       untraced_ms, took_ms / untraced_ms);
	puts(good ? "  good" : "  WRONG");
	return good;
}

/* For each hart: all together an eighth of memory. */
static unsigned long large_kib(void)
{
	struct sysinfo info;
	unsigned long kib;

	sysinfo(&info);
	kib = info.totalram * info.mem_unit / 1024 / 8 / format.harts;
	return kib < 32768 ? kib : 32768;
}

/* "size N" in control. */
static unsigned int size_kib(void)
{
	FILE *file = fopen(TRACE_DIR "control", "re");
	unsigned int kib = 64;
	char line[64];

	while (file && fgets(line, sizeof(line), file) &&
	       sscanf(line, "size %u", &kib) != 1)
		;
	if (file)
		fclose(file);
	return kib;
}

int command_check(char **argv)
{
	double untraced_ms = time_untraced(argv);
	unsigned int was_kib = size_kib();
	char size[32];
	bool good;

	before_off = mark_every_hart;
	snprintf(size, sizeof(size), "size %lu", large_kib());
	good = examine("large rings", argv, size, untraced_ms);
	good &= examine("small rings", argv, "size 64", untraced_ms);
	snprintf(size, sizeof(size), "size %u\n", was_kib);
	control("%s", size);
	return good ? 0 : 1;
}
