/* SPDX-License-Identifier: MIT */
/*
 * weight.c - what a nice value is worth
 *
 * Idea: one step of nice is a factor of 1.25 in weight, so that between two
 * threads that are one step apart about 10 % of the hart move from one to the
 * other, wherever on the scale they are. Nice 0 weighs 1024. Policies that
 * divide time in proportion (fair, stride, lottery) use it: there a weight is
 * a number of tickets.
 *
 * Read: OSTEP ch. 9 ("Weighting (Niceness)"); setpriority(2), sched(7).
 */
#include "kernel/abi/sched.h"
#include "kernel/sched/run_queue.h"

/* Lower than that of nice 19. */
#define WEIGHT_SCHED_IDLE 3

/* clang-format off */
/* round(1024 / 1.25^nice), from nice -20 on. */
static const unsigned int weights[40] = {
	88818, 71054, 56843, 45475, 36380, 29104, 23283, 18626, 14901, 11921,
	9537, 7629, 6104, 4883, 3906, 3125, 2500, 2000, 1600, 1280,
	1024, 819, 655, 524, 419, 336, 268, 215, 172, 137,
	110, 88, 70, 56, 45, 36, 29, 23, 18, 15,
};
/* clang-format on */

void sched_update_weight(struct sched_entity *entity)
{
	if (entity->policy == SCHED_IDLE)
		entity->weight = WEIGHT_SCHED_IDLE;
	else
		entity->weight = weights[entity->nice + 20];
}
