/* SPDX-License-Identifier: MIT */
/*
 * journal_checkpoint.c - committed blocks go to their places, the tail moves on
 *
 * A block is copied under journal.lock when it is in no transaction that is not
 * committed (J1), so that an operation that begins to change it does not have
 * to wait for the write. Those that are must be committed first; they then
 * belong to the later transaction.
 *
 * Locks: checkpoint_lock; journal.lock inside.
 */
#include "kernel/fs/ext4/internal.h"

#include "kernel/lib/crc.h"
#include "kernel/mm/slab.h"

struct batch {
	struct meta *meta[JOURNAL_BATCH];
	struct disk_part parts[JOURNAL_BATCH];
	unsigned int count;
};

/* Copy what can be written of the oldest transaction; *@left: it has more. */
static void collect(struct journal *journal, struct batch *batch, bool *left)
{
	unsigned int size = journal->fs->block_size;
	struct transaction *tx;
	struct meta *meta;

	batch->count = 0;
	*left = false;
	spin_lock(&journal->lock);
	if (list_empty(&journal->checkpoints))
		goto unlock;
	tx = list_first(&journal->checkpoints, struct transaction, node);
	list_for_each (meta, &tx->checkpoint, checkpoint_node) {
		char *copy =
			(char *)journal->bounce + (size_t)batch->count * size;

		*left = true;
		if (meta->running || meta->committing)
			continue;
		if (batch->count == JOURNAL_BATCH)
			break;
		memcpy(copy, meta->data, size);
		batch->parts[batch->count] =
			(struct disk_part){ meta->block * size, copy, size };
		batch->meta[batch->count++] = meta;
	}
unlock:
	spin_unlock(&journal->lock);
}

/* They are in their places: out of the list, unless a later one has them. */
static void batch_done(struct journal *journal, struct batch *batch,
		       const struct transaction *tx)
{
	for (unsigned int i = 0; i < batch->count; i++) {
		struct meta *meta = batch->meta[i];
		bool listed;

		spin_lock(&journal->lock);
		listed = meta->checkpoint == tx;
		if (listed) {
			meta->checkpoint = NULL;
			list_remove(&meta->checkpoint_node);
		}
		spin_unlock(&journal->lock);
		if (listed)
			meta_put(&journal->fs->cache, meta);
	}
}

int journal_write_super(struct journal *journal, uint32_t tid, uint32_t start)
{
	struct journal_super *super = journal->super;
	struct disk_part part = { journal->map[0] * journal->fs->block_size,
				  super, sizeof(*super) };

	super->sequence = be32(tid);
	super->start = be32(start);
	if (journal->incompat & (JOURNAL_CSUM_V2 | JOURNAL_CSUM_V3)) {
		super->checksum = 0;
		super->checksum = be32(crc32c(~0u, super, sizeof(*super)));
	}
	return disk_write(journal->fs->cache.disk, &part, 1, DISK_FUA);
}

static uint32_t ring_distance(const struct journal *journal, uint32_t from,
			      uint32_t to)
{
	return to >= from ? to - from
			  : to + (journal->end - journal->first) - from;
}

/* Forget transactions that are wholly in place. *@tid, *@tail: the log begins
 * there then. */
static void retire(struct journal *journal, uint32_t *tid, uint32_t *tail)
	MUST_HOLD(journal->checkpoint_lock)
{
	struct transaction *tx;

	spin_lock(&journal->lock);
	for (;;) {
		*tid = journal->committed_tid + 1;
		*tail = journal->committing ? journal->committing->log_start
					    : journal->head;
		if (list_empty(&journal->checkpoints))
			break;
		tx = list_first(&journal->checkpoints, struct transaction,
				node);
		*tid = tx->tid;
		*tail = tx->log_start;
		if (!list_empty(&tx->checkpoint))
			break;
		list_remove(&tx->node);
		kfree(tx);
	}
	spin_unlock(&journal->lock);
}

/* J2: what is in its place is safe there before the log forgets it. */
static int move_tail(struct journal *journal, uint32_t tid, uint32_t tail)
	MUST_HOLD(journal->checkpoint_lock)
{
	int err;

	if (tid == journal->tail_tid)
		return 0;
	err = disk_flush(journal->fs->cache.disk);
	if (!err)
		err = journal_write_super(journal, tid, tail);
	if (err)
		return err;
	spin_lock(&journal->lock);
	journal->free += ring_distance(journal, journal->tail, tail);
	spin_unlock(&journal->lock);
	journal->tail_tid = tid;
	journal->tail = tail;
	return 0;
}

/* What the oldest transaction has that can be written. */
static int write_some(struct journal *journal, struct batch *batch, bool *stuck,
		      bool *empty) MUST_HOLD(journal->checkpoint_lock)
{
	const struct transaction *tx;
	bool left;
	int err;

	collect(journal, batch, &left);
	*empty = list_empty(&journal->checkpoints);
	*stuck = left && !batch->count;
	if (!batch->count)
		return 0;
	tx = list_first(&journal->checkpoints, struct transaction, node);
	err = disk_write(journal->fs->cache.disk, batch->parts, batch->count,
			 0);
	if (!err)
		batch_done(journal, batch, tx);
	return err;
}

/* Until @blocks are free, nothing is left, or a commit is needed. */
static int write_rounds(struct journal *journal, struct batch *batch,
			uint32_t blocks, bool *stuck, bool *empty)
{
	uint32_t tid, tail, gain;
	int err;

	mutex_lock(&journal->checkpoint_lock);
	do {
		err = write_some(journal, batch, stuck, empty);
		retire(journal, &tid, &tail);
		gain = ring_distance(journal, journal->tail, tail);
	} while (!err && !*stuck && !*empty &&
		 READ_ONCE(journal->free) + gain < blocks);
	if (!err)
		err = move_tail(journal, tid, tail);
	mutex_unlock(&journal->checkpoint_lock);
	return err;
}

static int checkpoint(struct journal *journal, uint32_t blocks)
{
	struct batch *batch = kmalloc(sizeof(*batch));
	bool stuck = false, empty = false;
	int err = 0;

	if (!batch)
		return -ENOMEM;
	do {
		err = write_rounds(journal, batch, blocks, &stuck, &empty);
		if (err || empty || READ_ONCE(journal->free) >= blocks)
			break;
		if (stuck)
			err = journal_commit_all(journal);
	} while (!err);
	kfree(batch);
	if (err && err != -ENOMEM && err != -EROFS) {
		journal_abort(journal, err);
		ext4_report(journal->fs, "metadata cannot be written (%d)",
			    err);
	}
	return err;
}

int journal_checkpoint(struct journal *journal, uint32_t blocks)
{
	int err = checkpoint(journal, blocks);

	/* Nothing old is left: the space is what is running. */
	if (!err && READ_ONCE(journal->free) < blocks)
		err = journal_commit_all(journal);
	return err;
}

int journal_checkpoint_all(struct journal *journal)
{
	return checkpoint(journal, UINT32_MAX);
}
