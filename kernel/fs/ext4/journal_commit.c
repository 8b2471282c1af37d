/* SPDX-License-Identifier: MIT */
/*
 * journal_commit.c - a transaction goes into the log
 *
 * In order: new operations wait outside, those inside leave; inodes that
 * changed are stored into their blocks, checksums are made, every block is
 * copied; operations may go on. Then descriptors and copies are written, then
 * revokes; a flush makes them (and file contents written earlier) safe; then
 * the commit block, which alone makes it all count.
 *
 * The memory for the copies was allocated when each block joined, so that a
 * commit cannot run out of it.
 *
 * Locks: commit_lock around it all; checkpoint_lock at its end, when blocks that
 * were freed are taken from the checkpoints.
 */
#include "kernel/fs/ext4/internal.h"

#include "kernel/lib/crc.h"
#include "kernel/mm/slab.h"
#include "kernel/time/clock.h"

/* ---- Making it ready ---- */

/* Operations wait outside, and nobody is inside. */
static void barrier_raise(struct journal *journal)
{
	spin_lock(&journal->lock);
	journal->barrier = true;
	spin_unlock(&journal->lock);
	WAIT_EVENT(&journal->wait, !READ_ONCE(journal->running->handles));
}

static void barrier_lower(struct journal *journal)
{
	spin_lock(&journal->lock);
	journal->barrier = false;
	spin_unlock(&journal->lock);
	wake_all(&journal->wait);
}

static bool is_bitmap(const struct meta *meta)
{
	return meta->kind == META_BLOCK_BITMAP ||
	       meta->kind == META_INODE_BITMAP;
}

/* Bitmaps first: their checksums lie in group descriptors. */
static void seal_all(struct ext4 *fs, struct transaction *tx)
{
	struct meta *meta;

	list_for_each (meta, &tx->blocks, running_node)
		if (is_bitmap(meta))
			meta_seal(fs, meta);
	list_for_each (meta, &tx->blocks, running_node)
		if (!is_bitmap(meta))
			meta_seal(fs, meta);
}

/* The running transaction becomes the committing one, with copies. */
static struct transaction *freeze(struct journal *journal)
{
	unsigned int size = journal->fs->block_size;
	struct transaction *tx = journal->running;
	struct list_head frozen = LIST_HEAD_INIT(frozen);
	struct meta *meta;

	list_for_each (meta, &tx->blocks, running_node)
		memcpy(meta->spare, meta->data, size);
	spin_lock(&journal->lock);
	while (!list_empty(&tx->blocks)) {
		meta = list_first(&tx->blocks, struct meta, running_node);
		list_remove(&meta->running_node);
		list_push_back(&frozen, &meta->committing_node);
		meta->frozen = meta->spare;
		meta->spare = NULL;
		meta->committing = tx;
		meta->running = NULL;
	}
	list_splice_back(&tx->blocks, &frozen);
	journal->free -=
		journal_log_cost(journal, tx->num_blocks, tx->num_revoked);
	tx->log_start = journal->head;
	journal->committing = tx;
	journal->running = NULL;
	spin_unlock(&journal->lock);
	return tx;
}

/* ---- The log ---- */

static uint32_t next_log_block(struct journal *journal)
{
	uint32_t block = journal->head++;

	if (journal->head == journal->end)
		journal->head = journal->first;
	return block;
}

static uint64_t log_pos(const struct journal *journal, uint32_t block)
{
	return journal->map[block] * journal->fs->block_size;
}

static struct disk_part log_part(struct journal *journal, void *data)
{
	return (struct disk_part){ log_pos(journal, next_log_block(journal)),
				   data, journal->fs->block_size };
}

void journal_set_block_checksum(const struct journal *journal, void *block)
{
	unsigned int size = journal->fs->block_size;
	uint32_t *tail = (void *)((char *)block + size - 4);

	if (!(journal->incompat & (JOURNAL_CSUM_V2 | JOURNAL_CSUM_V3)))
		return;
	*tail = 0;
	*tail = be32(crc32c(journal->seed, block, size));
}

static void start_block(struct journal *journal, void *block, uint32_t type,
			uint32_t tid)
{
	struct journal_header *header = block;

	memset(block, 0, journal->fs->block_size);
	header->magic = be32(JOURNAL_MAGIC);
	header->type = be32(type);
	header->sequence = be32(tid);
}

/* A block that looks like one of the log's own is changed in the log. */
static bool escape(void *copy)
{
	uint32_t *first = copy;

	if (*first != be32(JOURNAL_MAGIC))
		return false;
	*first = 0;
	return true;
}

static uint32_t data_checksum(const struct journal *journal, const void *copy,
			      uint32_t tid)
{
	uint32_t sequence = be32(tid);
	uint32_t crc = crc32c(journal->seed, &sequence, 4);

	return crc32c(crc, copy, journal->fs->block_size);
}

static void put_tag(const struct journal *journal, void *at,
		    const struct meta *meta, uint32_t tid, uint32_t flags)
{
	uint32_t low = be32((uint32_t)meta->block);
	uint32_t high = be32((uint32_t)(meta->block >> 32));

	if (journal->incompat & JOURNAL_CSUM_V3) {
		struct journal_tag3 tag = {
			low, be32(flags), high,
			be32(data_checksum(journal, meta->frozen, tid))
		};

		memcpy(at, &tag, sizeof(tag));
	} else {
		struct journal_tag tag = { low, 0, be16((uint16_t)flags),
					   high };

		if (journal->incompat & JOURNAL_CSUM_V2)
			tag.checksum = be16((uint16_t)data_checksum(
				journal, meta->frozen, tid));
		memcpy(at, &tag, MIN(journal->tag_size, sizeof(tag)));
	}
}

/*
 * One descriptor and the blocks it describes, from @meta on; as many as fit
 * into the descriptor and into one batch. *@next: the first that is left.
 */
static int write_batch(struct journal *journal, struct transaction *tx,
		       struct meta *meta, struct meta **next)
{
	unsigned int size = journal->fs->block_size;
	unsigned int count = 0, end = size - 4;
	unsigned int at = sizeof(struct journal_header);
	char *descriptor = journal->descriptor;
	struct disk_part *parts = journal->parts;

	start_block(journal, descriptor, JOURNAL_DESCRIPTOR, tx->tid);
	parts[0] = log_part(journal, descriptor);
	while (&meta->committing_node != &tx->blocks && count < JOURNAL_BATCH &&
	       at + journal->tag_size + (count ? 0 : 16) <= end) {
		struct meta *after = list_first(&meta->committing_node,
						struct meta, committing_node);
		uint32_t flags = count ? TAG_SAME_UUID : 0;

		if (escape(meta->frozen))
			flags |= TAG_ESCAPED;
		if (&after->committing_node == &tx->blocks ||
		    count + 1 == JOURNAL_BATCH ||
		    at + 2 * journal->tag_size + (count ? 0 : 16) > end)
			flags |= TAG_LAST;
		put_tag(journal, descriptor + at, meta, tx->tid, flags);
		at += journal->tag_size;
		if (!count) {
			memcpy(descriptor + at, journal->super->uuid, 16);
			at += 16;
		}
		parts[++count] = log_part(journal, meta->frozen);
		meta = after;
	}
	*next = meta;
	journal_set_block_checksum(journal, descriptor);
	return disk_write(journal->fs->cache.disk, parts, count + 1, 0);
}

static int write_blocks(struct journal *journal, struct transaction *tx)
{
	struct meta *meta =
		list_first(&tx->blocks, struct meta, committing_node);
	int err = 0;

	while (!err && &meta->committing_node != &tx->blocks)
		err = write_batch(journal, tx, meta, &meta);
	return err;
}

static int write_revokes(struct journal *journal, struct transaction *tx)
{
	unsigned int end = journal->fs->block_size - 4;
	bool wide = journal->incompat & JOURNAL_64BIT;
	char *block = journal->descriptor;
	int err = 0;

	while (!err && !list_empty(&tx->revoked)) {
		unsigned int at = sizeof(struct journal_revoke);
		struct disk_part part;

		start_block(journal, block, JOURNAL_REVOKE, tx->tid);
		while (!list_empty(&tx->revoked) && at + 8 <= end) {
			struct revoked *revoked =
				list_first(&tx->revoked, struct revoked, node);
			uint64_t number = be64(revoked->block);
			uint32_t narrow = be32((uint32_t)revoked->block);

			if (wide)
				memcpy(block + at, &number, 8);
			else
				memcpy(block + at, &narrow, 4);
			at += wide ? 8 : 4;
			list_remove(&revoked->node);
			kfree(revoked);
		}
		((struct journal_revoke *)(void *)block)->size = be32(at);
		journal_set_block_checksum(journal, block);
		part = log_part(journal, block);
		err = disk_write(journal->fs->cache.disk, &part, 1, 0);
	}
	return err;
}

static int write_commit(struct journal *journal, const struct transaction *tx)
{
	struct journal_commit *commit = journal->descriptor;
	uint64_t now = clock_realtime_ns();
	struct disk_part part;

	start_block(journal, commit, JOURNAL_COMMIT, tx->tid);
	commit->seconds = be64(now / NSEC_PER_SEC);
	commit->nanoseconds = be32((uint32_t)(now % NSEC_PER_SEC));
	if (journal->incompat & (JOURNAL_CSUM_V2 | JOURNAL_CSUM_V3))
		commit->checksum[0] = be32(
			crc32c(journal->seed, commit, journal->fs->block_size));
	part = log_part(journal, commit);
	return disk_write(journal->fs->cache.disk, &part, 1, DISK_FUA);
}

static int write_transaction(struct journal *journal, struct transaction *tx)
{
	int err;

	err = write_blocks(journal, tx);
	if (!err)
		err = write_revokes(journal, tx);
	if (!err)
		err = disk_flush(journal->fs->cache.disk);
	if (!err)
		err = write_commit(journal, tx);
	return err;
}

/* ---- Afterwards ---- */

/* Blocks freed by @tx: out of all checkpoints, out of memory. */
static void drop_forgotten(struct journal *journal, struct transaction *tx)
	MUST_HOLD(journal->checkpoint_lock)
{
	struct meta_cache *cache = &journal->fs->cache;

	while (!list_empty(&tx->forgotten)) {
		struct meta *meta =
			list_first(&tx->forgotten, struct meta, forget_node);
		bool listed;

		spin_lock(&journal->lock);
		list_remove(&meta->forget_node);
		listed = meta->checkpoint;
		meta->checkpoint = NULL;
		list_remove(&meta->checkpoint_node);
		spin_unlock(&journal->lock);
		meta_drop(cache, meta);
		if (listed)
			meta_put(cache, meta);
		meta_put(cache, meta);
	}
}

/* @usable: others may have them now. */
static void release_freed(struct journal *journal, struct transaction *tx,
			  bool usable)
{
	while (!list_empty(&tx->freed)) {
		struct freed_range *range =
			list_first(&tx->freed, struct freed_range, node);

		list_remove(&range->node);
		if (usable)
			ext4_blocks_unbusy(journal->fs, range->block,
					   range->count);
		kfree(range);
	}
}

/* Each block waits for its checkpoint now; those of earlier transactions that
 * wait for the same block need not any more. */
static void move_to_checkpoint(struct journal *journal, struct transaction *tx)
{
	struct meta_cache *cache = &journal->fs->cache;

	while (!list_empty(&tx->blocks)) {
		struct meta *meta =
			list_first(&tx->blocks, struct meta, committing_node);
		struct transaction *old;

		kfree(meta->frozen);
		spin_lock(&journal->lock);
		list_remove(&meta->committing_node);
		meta->frozen = NULL;
		meta->committing = NULL;
		old = meta->checkpoint;
		list_remove(&meta->checkpoint_node);
		meta->checkpoint = tx;
		list_push_back(&tx->checkpoint, &meta->checkpoint_node);
		spin_unlock(&journal->lock);
		if (old) /* one reference is enough */
			meta_put(cache, meta);
	}
}

static void finish(struct journal *journal, struct transaction *tx)
{
	move_to_checkpoint(journal, tx);
	mutex_lock(&journal->checkpoint_lock);
	drop_forgotten(journal, tx);
	mutex_unlock(&journal->checkpoint_lock);
	spin_lock(&journal->lock);
	journal->committing = NULL;
	journal->committed_tid = tx->tid;
	list_push_back(&journal->checkpoints, &tx->node);
	spin_unlock(&journal->lock);
	release_freed(journal, tx, true);
}

/* Nothing of @tx will ever reach the disk. */
static void give_up(struct journal *journal, struct transaction *tx, int err)
{
	struct meta_cache *cache = &journal->fs->cache;

	journal_abort(journal, err);
	while (!list_empty(&tx->blocks)) {
		struct meta *meta =
			list_first(&tx->blocks, struct meta, committing_node);

		spin_lock(&journal->lock);
		list_remove(&meta->committing_node);
		meta->committing = NULL;
		kfree(meta->frozen);
		meta->frozen = NULL;
		spin_unlock(&journal->lock);
		meta_put(cache, meta);
	}
	mutex_lock(&journal->checkpoint_lock);
	drop_forgotten(journal, tx);
	mutex_unlock(&journal->checkpoint_lock);
	while (!list_empty(&tx->revoked)) {
		struct revoked *revoked =
			list_first(&tx->revoked, struct revoked, node);

		list_remove(&revoked->node);
		kfree(revoked);
	}
	/* On the disk they are still whose they were. */
	release_freed(journal, tx, false);
	spin_lock(&journal->lock);
	journal->committing = NULL;
	spin_unlock(&journal->lock);
	kfree(tx);
	ext4_report(journal->fs, "the journal cannot be written (%d)", err);
}

void journal_drop_running(struct journal *journal)
{
	struct transaction *tx = journal->running;

	if (!tx)
		return;
	assert(!tx->handles);
	ext4_store_dirty_inodes(journal->fs, tx);
	give_up(journal, freeze(journal), -EROFS);
}

/* ---- Committing ---- */

static int commit_running(struct journal *journal)
	MUST_HOLD(journal->commit_lock)
{
	struct transaction *tx;
	int err;

	barrier_raise(journal);
	ext4_store_dirty_inodes(journal->fs, journal->running);
	seal_all(journal->fs, journal->running);
	tx = freeze(journal);
	barrier_lower(journal);

	err = READ_ONCE(journal->error);
	if (!err)
		err = write_transaction(journal, tx);
	if (err) {
		give_up(journal, tx, err);
		return err;
	}
	finish(journal, tx);
	return 0;
}

int journal_commit(struct journal *journal, uint32_t tid)
{
	int err = 0;

	assert(!journal_is_inside());
	mutex_lock(&journal->commit_lock);
	if (journal->error)
		err = -EROFS;
	else if (tid_after(tid, journal->committed_tid) && journal->running)
		err = commit_running(journal);
	else /* somebody else's, which may have flushed before our bytes came */
		err = disk_flush(journal->fs->disk);
	mutex_unlock(&journal->commit_lock);
	return err;
}

int journal_commit_all(struct journal *journal)
{
	uint32_t tid;

	spin_lock(&journal->lock);
	tid = journal->running ? journal->running->tid : journal->committed_tid;
	spin_unlock(&journal->lock);
	return journal_commit(journal, tid);
}
