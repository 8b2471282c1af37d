/* SPDX-License-Identifier: MIT */
/*
 * crash_states.c - the disks that a power cut may leave
 *
 * Idea: what was flushed, or written with FUA, is there; of the rest any subset
 * may be. All subsets of up to ALL_SUBSETS writes; of more: none, all, each
 * prefix, each alone, all but each, some at random.
 *
 * Two images: @base is what is certainly there, @state differs from it in what
 * it remembers (image_revert()). So a state costs as much as what is different,
 * and so does its hash: the sum of one hash for each unit.
 */
#include "test/host/ext4/crash.h"

#include <stdlib.h>
#include <string.h>

#include "test/host/ext4/commands.h"
#include "test/host/ext4/image.h"
#include "test/host/host.h"

enum { MAX_PENDING = 4096, ALL_SUBSETS = 7 };

static struct image base, state;
static int state_fd;
static uint64_t *start_hash, *base_hash;
static uint64_t base_sum, base_sum_without_log;
static uint8_t *in_log;

/* What was written since the last flush: may be there or not. */
static const struct image_event *pending[MAX_PENDING];
static unsigned int num_pending;

/* ---- Hashes ---- */

static uint64_t hash_unit(const struct image *image, size_t unit)
{
	const uint64_t *words = (const void *)(image->data + unit * IMAGE_UNIT);
	uint64_t a = unit + 1, b = ~unit;

	for (size_t i = 0; i < IMAGE_UNIT / 8; i += 2) {
		a = (a ^ words[i]) * 0x9e3779b97f4a7c15ULL;
		b = (b ^ words[i + 1]) * 0xc2b2ae3d27d4eb4fULL;
		a ^= a >> 32;
		b ^= b >> 29;
	}
	return (a ^ (b << 1 | b >> 63)) * 0x165667b19e3779f9ULL;
}

uint64_t states_hash(bool without_log)
{
	uint64_t sum = without_log ? base_sum_without_log : base_sum;

	for (unsigned int i = 0; i < state.num_changed; i++) {
		size_t unit = state.changed[i];

		if (!without_log || !in_log[unit])
			sum += hash_unit(&state, unit) - base_hash[unit];
	}
	return sum | 1;
}

int states_fd(void)
{
	return state_fd;
}

bool hash_set_add(struct hash_set *set, uint64_t hash)
{
	uint64_t at;

	if (set->count * 2 >= set->max) {
		struct hash_set old = *set;

		set->max = old.max ? 4 * old.max : 1 << 16;
		set->slots = calloc(set->max, 8);
		set->count = 0;
		for (uint64_t i = 0; i < old.max; i++)
			if (old.slots[i])
				hash_set_add(set, old.slots[i]);
		free(old.slots);
	}
	for (at = hash % set->max; set->slots[at]; at = (at + 1) % set->max)
		if (set->slots[at] == hash)
			return false;
	set->slots[at] = hash;
	set->count++;
	return true;
}

void hash_set_free(struct hash_set *set)
{
	free(set->slots);
	*set = (struct hash_set){ NULL, 0, 0 };
}

/* ---- The images ---- */

static void set_base_hash(size_t unit, uint64_t hash)
{
	base_sum += hash - base_hash[unit];
	if (!in_log[unit])
		base_sum_without_log += hash - base_hash[unit];
	base_hash[unit] = hash;
}

static void note_log_block(void *arg, uint64_t pos, unsigned int size)
{
	for (uint64_t unit = pos / IMAGE_UNIT; unit < (pos + size) / IMAGE_UNIT;
	     unit++)
		in_log[unit] = 1;
}

void states_init(const struct image *start)
{
	size_t units = start->size / IMAGE_UNIT;
	struct image probe = *start;
	int fd;

	start_hash = calloc(units, 8);
	base_hash = calloc(units, 8);
	in_log = calloc(units, 1);
	probe.data = malloc(start->size);
	memcpy(probe.data, start->data, start->size);
	if (fs_mount(&probe, false, ""))
		abort();
	fs_each_log_block(note_log_block, NULL);
	fs_unmount();
	free(probe.data);
	base = state = *start;
	base.data = malloc(start->size);
	memcpy(base.data, start->data, start->size);
	image_track(&base);
	state.data = fsck_memory(start->size, &fd);
	memcpy(state.data, start->data, start->size);
	image_track(&state);
	state_fd = fd;
	for (size_t unit = 0; unit < units; unit++) {
		start_hash[unit] = hash_unit(start, unit);
		set_base_hash(unit, start_hash[unit]);
	}
}

void states_free(void)
{
	fsck_memory_free(state.data, state.size);
	state.data = NULL;
	image_free(&state);
	image_free(&base);
	free(start_hash);
	free(base_hash);
	free(in_log);
}

/* It is certainly there from now on. */
static void make_certain(const struct image_event *event)
{
	uint64_t first = event->pos / IMAGE_UNIT;
	uint64_t last = (event->pos + event->size - 1) / IMAGE_UNIT;

	image_put(&base, event->pos, event->data, event->size);
	memcpy(state.data + event->pos, event->data, event->size);
	for (uint64_t unit = first; unit <= last; unit++)
		set_base_hash(unit, hash_unit(&base, unit));
}

/* Older writes that @event covers are not seen any more. */
static void drop_covered(const struct image_event *event)
{
	unsigned int kept = 0;

	for (unsigned int i = 0; i < num_pending; i++)
		if (pending[i]->pos < event->pos ||
		    pending[i]->pos + pending[i]->size >
			    event->pos + event->size)
			pending[kept++] = pending[i];
	num_pending = kept;
}

static void start_again(const struct image *start)
{
	for (unsigned int i = 0; i < base.num_changed; i++) {
		size_t unit = base.changed[i];

		set_base_hash(unit, start_hash[unit]);
		memcpy(state.data + unit * IMAGE_UNIT,
		       start->data + unit * IMAGE_UNIT, IMAGE_UNIT);
	}
	image_revert(&base, start);
	num_pending = 0;
}

/* ---- Subsets ---- */

static const bool *present; /* of pending */

void states_save(const char *path)
{
	struct image copy = base;

	copy.is_changed = NULL;
	copy.data = malloc(base.size);
	memcpy(copy.data, base.data, base.size);
	for (unsigned int i = 0; present && i < num_pending; i++)
		if (present[i])
			image_put(&copy, pending[i]->pos, pending[i]->data,
				  pending[i]->size);
	image_save(&copy, path);
	free(copy.data);
}

typedef void check_fn(struct image *state, unsigned int event);

static void one_subset(const bool *chosen, unsigned int event, check_fn *check)
{
	for (unsigned int i = 0; i < num_pending; i++)
		if (chosen[i])
			image_put(&state, pending[i]->pos, pending[i]->data,
				  pending[i]->size);
	present = chosen;
	check(&state, event);
	present = NULL;
	image_revert(&state, &base);
}

static void every_subset(bool *chosen, unsigned int event, check_fn *check)
{
	for (unsigned int set = 0; set < 1u << num_pending; set++) {
		for (unsigned int i = 0; i < num_pending; i++)
			chosen[i] = set >> i & 1;
		one_subset(chosen, event, check);
	}
}

static void chosen_subsets(bool *chosen, unsigned int event, check_fn *check)
{
	unsigned int n = num_pending, step = n > 24 ? n / 8 : 1;
	uint64_t random = event + 1;

	for (unsigned int cut_at = 0; cut_at <= n; cut_at += step) {
		for (unsigned int i = 0; i < n; i++)
			chosen[i] = i < cut_at;
		one_subset(chosen, event, check);
	}
	for (unsigned int one = 0; one < n; one += step) {
		for (unsigned int i = 0; i < n; i++)
			chosen[i] = i == one;
		one_subset(chosen, event, check);
		for (unsigned int i = 0; i < n; i++)
			chosen[i] = i != one;
		one_subset(chosen, event, check);
	}
	for (unsigned int k = 0; k < 4; k++) {
		for (unsigned int i = 0; i < n; i++)
			chosen[i] = host_random(&random) >> 40 & 1;
		one_subset(chosen, event, check);
	}
}

/* The power goes when @event events have happened. */
static void all_subsets(unsigned int event, unsigned int first, check_fn *check)
{
	static bool chosen[MAX_PENDING];

	if (event < first)
		return;
	if (num_pending <= ALL_SUBSETS)
		every_subset(chosen, event, check);
	else
		chosen_subsets(chosen, event, check);
}

void states_enumerate(const struct image *start, const struct image *run,
		      unsigned int first, bool no_flush, check_fn *check)
{
	for (unsigned int e = 0; e < run->num_events; e++) {
		const struct image_event *event = &run->events[e];

		if (event->kind == IMAGE_FLUSH) {
			all_subsets(e, first, check);
			if (no_flush)
				continue;
			for (unsigned int i = 0; i < num_pending; i++)
				make_certain(pending[i]);
			num_pending = 0;
			continue;
		}
		if (num_pending == MAX_PENDING)
			abort();
		pending[num_pending++] = event;
		if (event->fua) {
			all_subsets(e, first, check);
			if (no_flush)
				continue;
			make_certain(event);
			drop_covered(event);
		}
	}
	all_subsets(run->num_events, first, check);
	start_again(start);
}
