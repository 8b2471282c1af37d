/* SPDX-License-Identifier: MIT */
/*
 * stats.c - what a disk or a partition has done: /proc/diskstats
 */
#include "kernel/block/stats.h"

#include <arch/hart.h>
#include "kernel/block/block.h"
#include "kernel/block/queue.h"
#include "kernel/time/clock.h"

_Static_assert(NUM_BLOCK_OPS == BLOCK_WRITE_ZEROES + 1, "all operations");

void block_device_stats(struct block_device *bdev, struct block_stats *out)
{
	struct block_queue *queue = bdev->queue;

	spin_lock(&queue->lock);
	*out = bdev->stats;
	if (out->in_flight)
		out->busy_ticks += arch_time_ticks() - out->busy_since;
	spin_unlock(&queue->lock);
}

static uint32_t ms(uint64_t ticks)
{
	return (uint32_t)(clock_ticks_to_ns(ticks) / NSEC_PER_MSEC);
}

static void put_four(uint64_t *at, const struct block_op_stats *of)
{
	at[0] = of->done;
	at[1] = of->merged;
	at[2] = of->sectors;
	at[3] = ms(of->ticks);
}

void block_stats_columns(const struct block_stats *stats,
			 uint64_t columns[NUM_BLOCK_COLUMNS])
{
	const struct block_op_stats *zeroes = &stats->of[BLOCK_WRITE_ZEROES];
	struct block_op_stats write = stats->of[BLOCK_WRITE];
	uint64_t all_ticks = 0;

	write.done += zeroes->done;
	write.sectors += zeroes->sectors;
	write.ticks += zeroes->ticks;
	for (unsigned int op = 0; op < NUM_BLOCK_OPS; op++)
		all_ticks += stats->of[op].ticks;

	put_four(columns, &stats->of[BLOCK_READ]);
	put_four(columns + 4, &write);
	columns[8] = (stats->in_flight & UINT32_MAX) + (stats->in_flight >> 32);
	columns[9] = ms(stats->busy_ticks);
	columns[10] = ms(all_ticks);
	put_four(columns + 11, &stats->of[BLOCK_DISCARD]);
	columns[15] = stats->of[BLOCK_FLUSH].done;
	columns[16] = ms(stats->of[BLOCK_FLUSH].ticks);
}
