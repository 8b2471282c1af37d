/* SPDX-License-Identifier: MIT */
/*
 * rwlock_test.c - reader-writer locks and sequence locks
 */
#include "kernel/debug/ktest.h"
#include "kernel/sync/rwlock.h"
#include "kernel/sync/seqlock.h"

KTEST(readers_share_and_a_writer_does_not)
{
	struct rwlock lock = RWLOCK_INIT(LOCK_LEAF);

	read_lock(&lock);
	KTEST_EQUAL(lock.state, 1);
	KTEST_TRUE(rwlock_change(&lock, 1, 2)); /* another comes */
	KTEST_TRUE(!rwlock_change(&lock, 0, RWLOCK_WRITER));
	KTEST_TRUE(rwlock_change(&lock, 2, 1));
	read_unlock(&lock);
	write_lock(&lock);
	KTEST_EQUAL(lock.state, RWLOCK_WRITER);
	write_unlock(&lock);
	KTEST_EQUAL(lock.state, 0);
}

KTEST(a_writer_that_waits_is_kept_by_an_unlock)
{
	struct rwlock lock = RWLOCK_INIT(LOCK_LEAF);

	read_lock(&lock);
	lock.state |= RWLOCK_WAITING; /* a writer on another hart */
	read_unlock(&lock);
	KTEST_EQUAL(lock.state, RWLOCK_WAITING);
	write_lock(&lock); /* comes in before new readers */
	lock.state |= RWLOCK_WAITING;
	write_unlock(&lock);
	KTEST_EQUAL(lock.state, RWLOCK_WAITING);
}

KTEST(a_seqlock_reader_notices_a_write)
{
	struct seqlock seq = { 0 };
	unsigned int at = seq_begin(&seq);

	KTEST_TRUE(!seq_retry(&seq, at));
	seq_write_begin(&seq);
	KTEST_TRUE(seq_retry(&seq, at));
	KTEST_EQUAL(seq.sequence & 1, 1);
	seq_write_end(&seq);
	KTEST_TRUE(seq_retry(&seq, at));
	at = seq_begin(&seq);
	KTEST_TRUE(!seq_retry(&seq, at));
}
