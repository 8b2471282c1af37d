/* SPDX-License-Identifier: MIT */
/*
 * journal.c - operations join and leave the running transaction
 *
 * Locks: journal.lock. See journal.h.
 */
#include "kernel/fs/ext4/internal.h"

#include "kernel/mm/slab.h"
#include "kernel/sched/thread.h"
#include "kernel/time/clock.h"

/* ---- Cost ---- */

static uint32_t tags_in_descriptor(const struct journal *journal)
{
	/* A header, the UUID behind the first tag, a checksum at the end. */
	return (journal->fs->block_size - 12 - 16 - 4) / journal->tag_size;
}

static uint32_t revokes_in_block(const struct journal *journal)
{
	return (journal->fs->block_size - 16 - 4) / 8;
}

uint32_t journal_log_cost(const struct journal *journal, uint32_t blocks,
			  uint32_t revoked)
{
	return blocks + DIV_ROUND_UP(blocks, tags_in_descriptor(journal)) +
	       DIV_ROUND_UP(revoked, revokes_in_block(journal)) + 1;
}

/* ---- Joining ---- */

static struct transaction *transaction_create(struct journal *journal)
{
	struct transaction *tx = kzalloc(sizeof(*tx));

	if (!tx)
		return NULL;
	list_init(&tx->node);
	list_init(&tx->blocks);
	list_init(&tx->forgotten);
	list_init(&tx->revoked);
	list_init(&tx->freed);
	list_init(&tx->inodes);
	list_init(&tx->checkpoint);
	tx->tid = journal->next_tid++;
	tx->start_ns = clock_now_ns();
	return tx;
}

enum join_result { JOINED, JOIN_WAIT, JOIN_COMMIT, JOIN_SPACE, JOIN_NO_MEMORY };

/* Would the transaction and @credits more fit? *@space: blocks to free. */
static enum join_result has_room(const struct journal *journal,
				 unsigned int credits, uint32_t *space)
	MUST_HOLD(journal->lock)
{
	const struct transaction *tx = journal->running;
	unsigned int blocks = tx->num_blocks + tx->reserved + credits;
	uint32_t cost;

	if (blocks > journal->max_blocks && tx->num_blocks + tx->reserved)
		return JOIN_COMMIT;
	/* Each block that an operation frees may cost a revoke as well. */
	cost = journal_log_cost(journal, blocks, tx->num_revoked + blocks);
	*space = cost;
	return cost > journal->free ? JOIN_SPACE : JOINED;
}

static enum join_result try_join(struct journal *journal, struct handle *handle,
				 unsigned int credits, uint32_t *space)
{
	enum join_result result;

	spin_lock(&journal->lock);
	if (journal->barrier) {
		result = JOIN_WAIT;
		goto unlock;
	}
	if (!journal->running)
		journal->running = transaction_create(journal);
	result = JOIN_NO_MEMORY;
	if (!journal->running)
		goto unlock;
	result = has_room(journal, credits, space);
	if (result == JOINED) {
		journal->running->handles++;
		journal->running->reserved += credits;
		handle->tx = journal->running;
		handle->credits = credits;
	}
unlock:
	spin_unlock(&journal->lock);
	return result;
}

static int join(struct journal *journal, struct handle *handle,
		unsigned int credits)
{
	uint32_t space = 0;
	int err;

	credits = MIN(credits, journal->max_blocks);
	for (;;) {
		if (READ_ONCE(journal->error))
			return -EROFS;
		switch (try_join(journal, handle, credits, &space)) {
		case JOINED:
			return 0;
		case JOIN_WAIT:
			WAIT_EVENT(&journal->wait,
				   !READ_ONCE(journal->barrier));
			err = 0;
			break;
		case JOIN_COMMIT:
			err = journal_commit_all(journal);
			break;
		case JOIN_SPACE:
			err = journal_checkpoint(journal, space);
			break;
		default:
			err = -ENOMEM;
			break;
		}
		if (err)
			return err;
	}
}

int journal_start(struct ext4 *fs, struct handle *handle, unsigned int credits)
{
	int err = 0;

	might_sleep();
	assert(!current()->journal_handle);
	handle->fs = fs;
	handle->tx = NULL;
	handle->credits = credits;
	if (ext4_is_read_only(fs))
		return -EROFS;
	if (fs->journal)
		err = join(fs->journal, handle, credits);
	if (!err)
		current()->journal_handle = handle;
	return err;
}

void journal_stop(struct handle *handle)
{
	struct journal *journal = handle->fs->journal;
	bool wake = false;

	assert(current()->journal_handle == handle);
	current()->journal_handle = NULL;
	if (!handle->tx)
		return;
	spin_lock(&journal->lock);
	handle->tx->reserved -= handle->credits;
	if (--handle->tx->handles == 0)
		wake = journal->barrier;
	spin_unlock(&journal->lock);
	handle->tx = NULL;
	if (wake)
		wake_all(&journal->wait);
}

bool journal_extend(struct handle *handle, unsigned int credits)
{
	struct journal *journal = handle->fs->journal;
	uint32_t space;
	bool fits = true;

	if (!handle->tx || handle->credits >= credits)
		return true;
	credits -= handle->credits;
	spin_lock(&journal->lock);
	/* Who waits at the barrier waits for us: do not grow then. */
	fits = !journal->barrier &&
	       has_room(journal, credits, &space) == JOINED;
	if (fits) {
		handle->tx->reserved += credits;
		handle->credits += credits;
	}
	spin_unlock(&journal->lock);
	return fits;
}

bool journal_is_inside(void)
{
	return current()->journal_handle;
}

uint32_t journal_tid(const struct handle *handle)
{
	return handle->tx ? handle->tx->tid : 0;
}

/* ---- Blocks ---- */

static void count_block(struct handle *handle)
{
	handle->tx->num_blocks++;
	/* Running out of credits is a mistake, but there is slack for it. */
	debug_assert(handle->credits > 0);
	if (handle->credits) {
		handle->credits--;
		handle->tx->reserved--;
	}
}

int journal_modify(struct handle *handle, struct meta *meta,
		   enum meta_kind kind, uint32_t seed)
{
	struct meta_cache *cache = &handle->fs->cache;
	struct journal *journal = handle->fs->journal;
	void *spare;

	if (unlikely(READ_ONCE(meta->flags) & META_FORGOTTEN))
		return -EUCLEAN; /* two owners: a broken file system */
	meta->kind = kind;
	meta->seed = seed;
	if (!handle->tx) {
		meta_mark_dirty(cache, meta);
		return 0;
	}
	if (READ_ONCE(meta->running) == handle->tx)
		return 0;
	spare = kmalloc(cache->block_size);
	if (!spare)
		return -ENOMEM;
	meta_hold(cache, meta);
	spin_lock(&journal->lock);
	if (!meta->running) {
		meta->running = handle->tx;
		meta->spare = spare;
		list_push_back(&handle->tx->blocks, &meta->running_node);
		count_block(handle);
		spare = NULL;
	}
	spin_unlock(&journal->lock);
	if (spare) { /* somebody was faster */
		kfree(spare);
		meta_put(cache, meta);
	}
	return 0;
}

/* Out of the running transaction; true if it was in. */
static bool leave_running(struct meta *meta, struct transaction *tx)
{
	if (meta->running != tx)
		return false;
	meta->running = NULL;
	list_remove(&meta->running_node);
	tx->num_blocks--;
	kfree(meta->spare);
	meta->spare = NULL;
	return true;
}

/* @meta (reference taken over) is not written any more once this transaction
 * is committed. */
static void forget_meta(struct handle *handle, struct meta *meta)
{
	struct meta_cache *cache = &handle->fs->cache;
	struct journal *journal = handle->fs->journal;
	bool was_inside = false, listed = false;

	spin_lock(&cache->lock);
	meta->flags |= META_FORGOTTEN;
	spin_unlock(&cache->lock);
	spin_lock(&journal->lock);
	was_inside = leave_running(meta, handle->tx);
	if (list_empty(&meta->forget_node)) {
		list_push_back(&handle->tx->forgotten, &meta->forget_node);
		listed = true;
	}
	spin_unlock(&journal->lock);
	if (was_inside)
		meta_put(cache, meta);
	if (!listed)
		meta_put(cache, meta);
}

int journal_forget(struct handle *handle, uint64_t block)
{
	struct meta_cache *cache = &handle->fs->cache;
	struct journal *journal = handle->fs->journal;
	struct meta *meta = meta_find(cache, block);
	struct revoked *revoked;

	if (!handle->tx) {
		if (meta)
			meta_drop(cache, meta);
		meta_put(cache, meta);
		return 0;
	}
	revoked = kmalloc(sizeof(*revoked));
	if (!revoked) {
		meta_put(cache, meta);
		return -ENOMEM;
	}
	revoked->block = block;
	spin_lock(&journal->lock);
	list_push_back(&handle->tx->revoked, &revoked->node);
	handle->tx->num_revoked++;
	spin_unlock(&journal->lock);
	if (meta)
		forget_meta(handle, meta);
	return 0;
}

void journal_abort(struct journal *journal, int error)
{
	spin_lock(&journal->lock);
	if (!journal->error)
		journal->error = error;
	spin_unlock(&journal->lock);
	wake_all(&journal->wait);
}
