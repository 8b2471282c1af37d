/* SPDX-License-Identifier: MIT */
/*
 * commit.c - metadata to the disk, in an order that a power cut cannot harm
 *
 * Idea: there is no journal, so the order has to do. What was changed waits in
 * memory, and a commit writes
 *
 *	1. the table, with its copies: clusters that were taken;
 *	2. directories: names and sizes, which may point to these;
 *	3. the table again: clusters that nothing points to since 2.
 *
 * with a flush after each. Cut anywhere, the worst is a cluster that is taken
 * and that no file has ("lost"). So a chain that is to be freed is "doomed"
 * first, and freed by the next commit.
 *
 * Locks: fs->lock over a commit; doomed_lock for the list of chains, since who
 * puts the last reference to a file may not sleep.
 * Read: OSTEP ch. 42 (crash consistency without a journal).
 */
#include "kernel/fs/fat/internal.h"

#include "kernel/mm/slab.h"

/* With more dirty buffers the next operation commits first. */
#define MAX_DIRTY 512u

void fat_dirty(struct fat *fs, struct buffer *buffer, bool is_fat)
{
	if (buffer_has(buffer, BUFFER_JOURNALED))
		return;
	buffer_hold(buffer);
	buffer_set(buffer, BUFFER_JOURNALED);
	list_push_back(is_fat ? &fs->dirty_fat : &fs->dirty_dirs,
		       &buffer->journal_node);
	if (fs->num_dirty++ == 0)
		writeback_run_hooks_later();
}

/*
 * Start to write @buffer, and wait for it later. The page it is in does not
 * become dirty: beside it there may be sectors of files, which are newer on the
 * disk than in the device's cache.
 */
static void start_write(struct buffer *buffer, struct block_plug *plug)
{
	buffer_set(buffer, BUFFER_DIRTY | BUFFER_UPTODATE);
	buffer_start_write(buffer, plug);
}

int fat_write_now(struct buffer *buffer)
{
	buffer_set(buffer, BUFFER_DIRTY | BUFFER_UPTODATE);
	return buffer_write(buffer, 0);
}

/* The same sector of each other copy of the table. */
static int copy_sector(struct fat *fs, const struct buffer *from,
		       struct list_head *written, struct block_plug *plug)
{
	uint64_t sector = from->block - fs->fat_start;
	struct buffer *copy;
	int err;

	for (uint32_t i = 1; i < fs->num_fats; i++) {
		err = buffer_get(fs->bdev,
				 fs->fat_start + i * (uint64_t)fs->fat_sectors +
					 sector,
				 &copy);
		if (err)
			return err;
		buffer_wait(copy);
		memcpy(copy->data, from->data, copy->size);
		start_write(copy, plug);
		if (list_empty(&copy->journal_node))
			list_push_back(written, &copy->journal_node);
		else
			buffer_put(copy);
	}
	return 0;
}

static int wait_written(struct list_head *written)
{
	int result = 0;

	while (!list_empty(written)) {
		struct buffer *buffer =
			list_first(written, struct buffer, journal_node);
		int err = buffer_wait(buffer);

		/* There was no memory for the request. */
		if (!err && buffer_has(buffer, BUFFER_DIRTY))
			err = fat_write_now(buffer);
		list_remove(&buffer->journal_node);
		buffer_put(buffer);
		if (err && !result)
			result = err;
	}
	return result;
}

/* Write all of @dirty, and its copies if it is the table's; flush. */
static int write_list(struct fat *fs, struct list_head *dirty, bool is_fat)
	MUST_HOLD(fs->lock)
{
	struct list_head written = LIST_HEAD_INIT(written);
	bool copies = is_fat && fs->active_fat == 0;
	struct block_plug plug;
	int err = 0, wait_err;

	if (list_empty(dirty))
		return 0;
	block_plug_begin(&plug);
	while (!list_empty(dirty)) {
		struct buffer *buffer =
			list_first(dirty, struct buffer, journal_node);

		list_remove(&buffer->journal_node);
		fs->num_dirty--;
		buffer_clear(buffer, BUFFER_JOURNALED);
		start_write(buffer, &plug);
		list_push_back(&written, &buffer->journal_node);
		if (copies && !err)
			err = copy_sector(fs, buffer, &written, &plug);
	}
	block_plug_end(&plug);
	wait_err = wait_written(&written);
	if (!err)
		err = wait_err ? wait_err : block_flush(fs->bdev);
	return err;
}

/* ---- Doomed chains ---- */

void fat_doom(struct fat *fs, struct fat_doomed *doom, uint32_t start)
{
	doom->start = start;
	spin_lock(&fs->doomed_lock);
	list_push_back(&fs->doomed, &doom->node);
	spin_unlock(&fs->doomed_lock);
	writeback_run_hooks_later();
}

static struct fat_doomed *take_doomed(struct fat *fs)
{
	struct fat_doomed *doom = NULL;

	spin_lock(&fs->doomed_lock);
	if (!list_empty(&fs->doomed)) {
		doom = list_first(&fs->doomed, struct fat_doomed, node);
		list_remove(&doom->node);
	}
	spin_unlock(&fs->doomed_lock);
	return doom;
}

static int free_doomed(struct fat *fs) MUST_HOLD(fs->lock)
{
	struct fat_doomed *doom;
	int err = 0;

	while ((doom = take_doomed(fs))) {
		if (!err && !fs->read_only)
			err = fat_free_chain(fs, doom->start);
		kfree(doom);
	}
	return err;
}

/* FSInfo: what mounts may begin with. */
static int store_info(struct fat *fs) MUST_HOLD(fs->lock)
{
	struct fat_info *info;
	struct buffer *buffer;
	int err;

	if (!fs->info_sector || !fs->counted)
		return 0;
	err = buffer_read(fs->bdev, fs->info_sector, &buffer);
	if (err)
		return err;
	info = buffer->data;
	if (info->free != fs->free || info->next != fs->next) {
		info->free = fs->free;
		info->next = fs->next;
		fat_dirty(fs, buffer, false);
	}
	buffer_put(buffer);
	return 0;
}

/* ---- Commits ---- */

int fat_commit(struct fat *fs)
{
	int err = 0;

	/* New directories are empty before anything leads to them. */
	if (fs->unflushed)
		err = block_flush(fs->bdev);
	fs->unflushed = false;
	if (!err)
		err = write_list(fs, &fs->dirty_fat, true);
	if (!err)
		err = write_list(fs, &fs->dirty_dirs, false);
	if (!err)
		err = free_doomed(fs);
	if (!err)
		err = write_list(fs, &fs->dirty_fat, true);
	return err;
}

void fat_begin(struct fat *fs)
{
	mutex_lock(&fs->lock);
	if (fs->num_dirty > MAX_DIRTY)
		fat_commit(fs);
}

void fat_end(struct fat *fs)
{
	mutex_unlock(&fs->lock);
}

int fat_sync(struct super_block *sb)
{
	struct fat *fs = sb->data;
	int err;

	mutex_lock(&fs->lock);
	err = fat_commit(fs);
	if (!err && !fs->read_only)
		err = store_info(fs);
	if (!err)
		err = write_list(fs, &fs->dirty_dirs, false);
	/* Contents, if there was nothing else. */
	if (!err)
		err = block_flush(fs->bdev);
	mutex_unlock(&fs->lock);
	return err;
}
