/* SPDX-License-Identifier: MIT */
/*
 * seqlock.h - readers that notice a change and look again
 *
 * Idea: a number is odd while somebody writes and grows with each write. A
 * reader notes it, reads, and compares: if it has changed, what was read may be
 * half old and half new, and is thrown away. So readers never keep a writer
 * waiting, and write nothing.
 *
 * The rule: for a few words that change seldom. A reader must bear any mixture
 * until it has compared: no pointer is followed whose target may be freed,
 * unless a read section keeps it (deferred.h). No sleep between begin and retry.
 * Writers exclude each other by a lock of their own, held around begin and end,
 * with interrupts off: a reader on the same hart would wait for ever.
 *
 * Cost: two loads and two fences for a reader.
 * Read: OSTEP ch. 29; Boehm, "Can seqlocks get along with programming language
 * memory models?" (MSPC 2012).
 */
#pragma once

#include <arch/hart.h>
#include "kernel/lib/compiler.h"

struct seqlock {
	unsigned int sequence; /* atomic; odd while it is written to */
};

/* A number for seq_retry(); waits while a write is under way. */
static inline unsigned int seq_begin(const struct seqlock *seq)
{
	unsigned int at;

	/* pairs with the release in seq_write_end() */
	while ((at = __atomic_load_n(&seq->sequence, __ATOMIC_ACQUIRE)) & 1)
		arch_spin_hint();
	return at;
}

/* True: there was a write since; what was read since may be wrong. */
static inline bool seq_retry(const struct seqlock *seq, unsigned int at)
{
	/* What was read before the number; pairs with seq_write_begin(). */
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return __atomic_load_n(&seq->sequence, __ATOMIC_RELAXED) != at;
}

/* Context: under the writers' lock, interrupts off. */
static inline void seq_write_begin(struct seqlock *seq)
{
	WRITE_ONCE(seq->sequence, seq->sequence + 1);
	/* The odd number before what is written; pairs with seq_retry(). */
	__atomic_thread_fence(__ATOMIC_RELEASE);
}

static inline void seq_write_end(struct seqlock *seq)
{
	/* pairs with the acquire in seq_begin() */
	STORE_RELEASE(seq->sequence, seq->sequence + 1);
}
