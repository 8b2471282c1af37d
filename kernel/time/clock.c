/* SPDX-License-Identifier: MIT */
/*
 * clock.c - what time it is
 *
 * Idea: the hart's time counter runs at a fixed frequency. Division is slow,
 * so boot turns the frequency into a factor mult / 2^shift, as large as 64
 * bits allow; afterwards each conversion is one 128-bit product and a shift.
 * With 62 bits of factor, a century adds up to an error of a few ns.
 *
 * Locks: set_lock for changes of the wall clock; who only reads the offset
 * reads one word.
 * Source: POSIX <time.h>; clock_gettime(2); RISC-V unprivileged spec,
 * "Zicntr: Standard Extension for Base Counters and Timers".
 */
#include "kernel/time/clock.h"

#include <arch/hart.h>
#include <arch/vdso.h>
#include "kernel/debug/log.h"
#include "kernel/debug/panic.h"
#include "kernel/sync/spinlock.h"
#include "kernel/time/internal.h"

/* A century; the counter of a fast machine does not overflow before. */
#define NEVER_NS (NSEC_PER_SEC * 86400 * 365 * 100)

/* A number times mult / 2^shift. */
struct scale {
	uint64_t mult;
	unsigned int shift;
};

/* Fixed after clock_init(). */
static struct scale ns_per_tick, ticks_per_ns;
static uint64_t base_ticks; /* the counter at boot */

static struct spinlock set_lock = SPINLOCK_INIT(LOCK_SPIN_MISC);

/* Written under set_lock, read as single words. */
static int64_t realtime_offset_ns;
static uint64_t realtime_generation;

/* @numerator / @denominator by long division, until the factor is full. */
static struct scale make_scale(uint64_t numerator, uint64_t denominator)
{
	struct scale scale = { .mult = numerator / denominator };
	uint64_t rest = numerator % denominator;

	while (scale.shift < 63 && !(scale.mult >> 62)) {
		rest *= 2;
		scale.mult *= 2;
		scale.shift++;
		if (rest >= denominator) {
			rest -= denominator;
			scale.mult++;
		}
	}
	return scale;
}

static uint64_t apply(const struct scale *scale, uint64_t value)
{
	unsigned __int128 product = (unsigned __int128)value * scale->mult;

	return (uint64_t)(product >> scale->shift);
}

void clock_init(uint64_t frequency_hz)
{
	assert(frequency_hz > 0);
	ns_per_tick = make_scale(NSEC_PER_SEC, frequency_hz);
	ticks_per_ns = make_scale(frequency_hz, NSEC_PER_SEC);
	base_ticks = arch_time_ticks();
	log_set_clock(clock_now_ns);
}

uint64_t clock_now_ns(void)
{
	return apply(&ns_per_tick, arch_time_ticks() - base_ticks);
}

uint64_t clock_ns_to_ticks(uint64_t ns)
{
	return apply(&ticks_per_ns, ns);
}

uint64_t clock_ticks_to_ns(uint64_t ticks)
{
	return apply(&ns_per_tick, ticks);
}

uint64_t clock_deadline_ticks(uint64_t deadline_ns)
{
	uint64_t ns = MIN(deadline_ns, NEVER_NS);

	/* Both scales round down: one tick more is late enough. */
	return base_ticks + apply(&ticks_per_ns, ns) + 1;
}

void clock_scale(uint64_t *mult, unsigned int *shift, uint64_t *base)
{
	*mult = ns_per_tick.mult;
	*shift = ns_per_tick.shift;
	*base = base_ticks;
}

uint64_t clock_realtime_ns(void)
{
	return clock_now_ns() + (uint64_t)READ_ONCE(realtime_offset_ns);
}

/* Without set_lock: it allocates; at boot nobody else sets the clock. */
void clock_publish(void)
{
	arch_vdso_update_clock(ns_per_tick.mult, ns_per_tick.shift, base_ticks,
			       realtime_offset_ns);
}

void clock_set_realtime(uint64_t ns)
{
	spin_lock(&set_lock);
	WRITE_ONCE(realtime_offset_ns, (int64_t)(ns - clock_now_ns()));
	WRITE_ONCE(realtime_generation, realtime_generation + 1);
	arch_vdso_update_clock(ns_per_tick.mult, ns_per_tick.shift, base_ticks,
			       realtime_offset_ns);
	spin_unlock(&set_lock);
}

int64_t clock_realtime_offset_ns(uint64_t *generation)
{
	int64_t offset;

	spin_lock(&set_lock);
	offset = realtime_offset_ns;
	*generation = realtime_generation;
	spin_unlock(&set_lock);
	return offset;
}
