/* SPDX-License-Identifier: MIT */
/*
 * journal_recovery.c - what a crash left in the log is written to its places
 *
 * Three passes over the log, from its tail on. SCAN finds the last transaction
 * that has a commit block; REVOKE remembers which blocks were freed, and in
 * which transaction; REPLAY writes each block of the log to its place, unless
 * it was freed by a transaction not older than that. A transaction without a
 * commit block never happened. Replaying twice does no harm, so a crash in the
 * middle does not either.
 *
 * The log may say anything: every number is checked before it is used.
 */
#include "kernel/fs/ext4/internal.h"

#include "kernel/lib/crc.h"
#include "kernel/lib/rbtree.h"
#include "kernel/mm/slab.h"

enum pass { PASS_SCAN, PASS_REVOKE, PASS_REPLAY };

/* A block, and the last transaction that freed it. */
struct revoke_record {
	struct rb_node node;
	uint64_t block;
	uint32_t tid;
};

struct recovery {
	struct journal *journal;
	enum pass pass;
	uint32_t start_tid, end_tid; /* transactions [start, end) are whole */
	uint32_t at;                 /* next block of the log */
	uint32_t left;               /* blocks until it would be round */
	struct rb_root revoked;
	void *block, *data; /* one block each */
	unsigned int num_replayed;
};

/* ---- Reading the log ---- */

static int read_log(struct recovery *rec, void *block)
{
	struct journal *journal = rec->journal;
	struct disk_part part = { journal->map[rec->at] *
					  journal->fs->block_size,
				  block, journal->fs->block_size };

	if (!rec->left--)
		return -EUCLEAN;
	if (++rec->at == journal->end)
		rec->at = journal->first;
	return disk_read(journal->fs->cache.disk, &part, 1);
}

static bool has_checksums(const struct journal *journal)
{
	return journal->incompat & (JOURNAL_CSUM_V2 | JOURNAL_CSUM_V3);
}

/* Of a descriptor or revoke block: at its end. */
static bool block_checksum_ok(const struct journal *journal, void *block)
{
	unsigned int size = journal->fs->block_size;
	uint32_t *tail = (void *)((char *)block + size - 4);
	uint32_t found = *tail, right;

	if (!has_checksums(journal))
		return true;
	journal_set_block_checksum(journal, block);
	right = *tail;
	*tail = found;
	return found == right;
}

static bool commit_checksum_ok(const struct journal *journal, void *block)
{
	struct journal_commit *commit = block;
	uint32_t found = commit->checksum[0], right;

	if (!has_checksums(journal))
		return true;
	commit->checksum[0] = 0;
	right = be32(crc32c(journal->seed, block, journal->fs->block_size));
	commit->checksum[0] = found;
	return found == right;
}

struct tag {
	uint64_t block;
	uint32_t flags, checksum;
};

static struct tag parse_tag(const struct journal *journal, const char *at)
{
	struct tag tag;

	if (journal->incompat & JOURNAL_CSUM_V3) {
		struct journal_tag3 raw;

		memcpy(&raw, at, sizeof(raw));
		tag.block = be32(raw.block_lo);
		if (journal->incompat & JOURNAL_64BIT)
			tag.block |= (uint64_t)be32(raw.block_hi) << 32;
		tag.flags = be32(raw.flags);
		tag.checksum = be32(raw.checksum);
	} else {
		struct journal_tag raw = { .block_hi = 0 };

		memcpy(&raw, at, journal->tag_size < 12 ? 8 : 12);
		tag.block = be32(raw.block_lo);
		if (journal->incompat & JOURNAL_64BIT)
			tag.block |= (uint64_t)be32(raw.block_hi) << 32;
		tag.flags = be16(raw.flags);
		tag.checksum = be16(raw.checksum);
	}
	return tag;
}

static bool data_checksum_ok(const struct journal *journal,
			     const struct tag *tag, const void *data,
			     uint32_t tid)
{
	uint32_t sequence = be32(tid);
	uint32_t crc;

	if (!has_checksums(journal))
		return true;
	crc = crc32c(journal->seed, &sequence, 4);
	crc = crc32c(crc, data, journal->fs->block_size);
	if (journal->incompat & JOURNAL_CSUM_V3)
		return crc == tag->checksum;
	return (crc & 0xffff) == tag->checksum;
}

/* ---- Revokes ---- */

static struct revoke_record *find_revoke(struct recovery *rec, uint64_t block,
					 struct rb_node ***link,
					 struct rb_node **parent)
{
	*link = &rec->revoked.node;
	*parent = NULL;
	while (**link) {
		struct revoke_record *record =
			rb_entry(**link, struct revoke_record, node);

		if (record->block == block)
			return record;
		*parent = **link;
		*link = block < record->block ? &(**link)->left
					      : &(**link)->right;
	}
	return NULL;
}

static int add_revoke(struct recovery *rec, uint64_t block, uint32_t tid)
{
	struct rb_node **link, *parent;
	struct revoke_record *record = find_revoke(rec, block, &link, &parent);

	if (record) {
		if (tid_after(tid, record->tid))
			record->tid = tid;
		return 0;
	}
	record = kmalloc(sizeof(*record));
	if (!record)
		return -ENOMEM;
	record->block = block;
	record->tid = tid;
	rb_insert(&rec->revoked, &record->node, parent, link);
	return 0;
}

static bool is_revoked(struct recovery *rec, uint64_t block, uint32_t tid)
{
	struct rb_node **link, *parent;
	const struct revoke_record *record =
		find_revoke(rec, block, &link, &parent);

	return record && !tid_after(tid, record->tid);
}

static void free_revokes(struct recovery *rec)
{
	struct rb_node *node;

	while ((node = rb_first(&rec->revoked))) {
		rb_remove(&rec->revoked, node);
		kfree(rb_entry(node, struct revoke_record, node));
	}
}

static int revoke_block(struct recovery *rec, const void *block, uint32_t tid)
{
	const struct journal *journal = rec->journal;
	const struct journal_revoke *revoke = block;
	unsigned int width = journal->incompat & JOURNAL_64BIT ? 8 : 4;
	uint32_t end = be32(revoke->size);
	int err = 0;

	if (end > journal->fs->block_size)
		return -EUCLEAN;
	for (uint32_t at = sizeof(*revoke); !err && at + width <= end;
	     at += width) {
		uint64_t wide;
		uint32_t narrow;

		memcpy(&wide, (const char *)block + at, width);
		memcpy(&narrow, (const char *)block + at, 4);
		err = add_revoke(rec, width == 8 ? be64(wide) : be32(narrow),
				 tid);
	}
	return err;
}

/* ---- Descriptors ---- */

static int replay_block(struct recovery *rec, const struct tag *tag,
			uint32_t tid)
{
	struct ext4 *fs = rec->journal->fs;
	struct disk_part part = { tag->block * fs->block_size, rec->data,
				  fs->block_size };
	uint32_t magic = be32(JOURNAL_MAGIC);

	if (is_revoked(rec, tag->block, tid))
		return 0;
	if (tag->block >= fs->cache.num_blocks)
		return -EUCLEAN;
	if (!data_checksum_ok(rec->journal, tag, rec->data, tid)) {
		log_error("ext4: block %lu of the journal has a wrong checksum",
			  (unsigned long)tag->block);
		return -EUCLEAN;
	}
	if (tag->flags & TAG_ESCAPED)
		memcpy(rec->data, &magic, 4);
	rec->num_replayed++;
	return disk_write(fs->cache.disk, &part, 1, 0);
}

static int descriptor(struct recovery *rec, const char *block, uint32_t tid)
{
	const struct journal *journal = rec->journal;
	unsigned int end = journal->fs->block_size;
	unsigned int at = sizeof(struct journal_header);
	int err = 0;

	if (has_checksums(journal))
		end -= 4;
	while (!err && at + journal->tag_size <= end) {
		struct tag tag = parse_tag(journal, block + at);

		at += journal->tag_size;
		if (!(tag.flags & TAG_SAME_UUID))
			at += 16;
		err = read_log(rec, rec->data);
		if (!err && rec->pass == PASS_REPLAY)
			err = replay_block(rec, &tag, tid);
		if (tag.flags & TAG_LAST)
			break;
	}
	return err;
}

/* ---- Passes ---- */

/*
 * One block of transaction *@tid; *@done: the log ends here. While scanning
 * anything odd is simply the end; later it is an error.
 */
static int one_block(struct recovery *rec, uint32_t *tid, bool *done)
{
	struct journal *journal = rec->journal;
	const struct journal_header *header = rec->block;
	int err;

	err = read_log(rec, rec->block);
	if (err)
		return err;
	*done = header->magic != be32(JOURNAL_MAGIC) ||
		be32(header->sequence) != *tid;
	if (*done)
		return 0;
	switch (be32(header->type)) {
	case JOURNAL_DESCRIPTOR:
		if (!block_checksum_ok(journal, rec->block))
			return -EUCLEAN;
		return descriptor(rec, rec->block, *tid);
	case JOURNAL_REVOKE:
		if (!block_checksum_ok(journal, rec->block))
			return -EUCLEAN;
		return rec->pass == PASS_REVOKE
			       ? revoke_block(rec, rec->block, *tid)
			       : 0;
	case JOURNAL_COMMIT:
		if (!commit_checksum_ok(journal, rec->block))
			return -EUCLEAN;
		++*tid;
		return 0;
	default:
		*done = true;
		return 0;
	}
}

static int run_pass(struct recovery *rec, enum pass pass)
{
	struct journal *journal = rec->journal;
	uint32_t tid = rec->start_tid;
	bool done = false;
	int err = 0;

	rec->pass = pass;
	rec->at = be32(journal->super->start);
	rec->left = journal->end - journal->first;
	while (!err && !done) {
		if (pass != PASS_SCAN && tid == rec->end_tid)
			return 0;
		err = one_block(rec, &tid, &done);
	}
	if (pass != PASS_SCAN)
		return err ? err : -EUCLEAN; /* the scan saw more */
	rec->end_tid = tid;
	return err == -EUCLEAN ? 0 : err;
}

/* @apply false: only see where the log ends. */
static int recover(struct journal *journal, struct recovery *rec, bool apply)
{
	int err;

	rec->journal = journal;
	rec->start_tid = be32(journal->super->sequence);
	rec->block = kmalloc(journal->fs->block_size);
	rec->data = kmalloc(journal->fs->block_size);
	err = rec->block && rec->data ? 0 : -ENOMEM;
	if (!err)
		err = run_pass(rec, PASS_SCAN);
	if (!err && apply)
		err = run_pass(rec, PASS_REVOKE);
	if (!err && apply)
		err = run_pass(rec, PASS_REPLAY);
	if (!err && apply)
		err = disk_flush(journal->fs->cache.disk);
	free_revokes(rec);
	kfree(rec->block);
	kfree(rec->data);
	return err;
}

/* Without INCOMPAT_RECOVER what is in the log is old: it is skipped. */
static int replay(struct journal *journal, bool *replayed)
{
	struct recovery rec = { .num_replayed = 0 };
	bool apply = journal->fs->super->incompat & INCOMPAT_RECOVER;
	int err;

	err = recover(journal, &rec, apply);
	if (err) {
		log_error("ext4: the journal cannot be replayed (%d)", err);
		return err;
	}
	if (apply)
		log_info("ext4: replayed %u transactions, %u blocks",
			 rec.end_tid - rec.start_tid, rec.num_replayed);
	journal->next_tid = rec.end_tid + 1;
	*replayed = true;
	return journal_write_super(journal, journal->next_tid, 0);
}

/* ---- Opening and closing ---- */

/* Where each block of the journal file lies. */
static int load_map(struct journal *journal, uint32_t num_blocks)
{
	struct ext4 *fs = journal->fs;

	journal->map = kcalloc(num_blocks, sizeof(uint64_t));
	if (!journal->map)
		return -ENOMEM;
	for (uint32_t i = 0; i < num_blocks;) {
		struct ext4_map map;
		int err = ext4_map(journal->inode, i, num_blocks - i, &map);

		if (err)
			return err;
		if (!(map.flags & MAP_MAPPED) || map.flags & MAP_UNWRITTEN ||
		    map.block + map.len > fs->blocks_count)
			return -EUCLEAN;
		for (uint32_t k = 0; k < map.len; k++)
			journal->map[i++] = map.block + k;
	}
	return 0;
}

static int check_features(struct journal *journal)
{
	const struct journal_super *super = journal->super;
	uint32_t incompat = be32(super->incompat);

	if (be32(super->header.type) == JOURNAL_SUPER_V1)
		incompat = 0;
	else if (be32(super->header.type) != JOURNAL_SUPER_V2)
		return -EUCLEAN;
	if (incompat & JOURNAL_FAST_COMMIT && super->start) {
		log_error("ext4: the journal has the feature fast_commit, "
			  "which cannot be replayed");
		return -EOPNOTSUPP;
	}
	if (incompat & ~(JOURNAL_KNOWN | JOURNAL_FAST_COMMIT)) {
		log_error("ext4: the journal has unknown features %#x",
			  incompat);
		return -EOPNOTSUPP;
	}
	journal->incompat = incompat;
	return 0;
}

static bool super_checksum_ok(struct journal_super *super)
{
	uint32_t found = super->checksum, right;

	super->checksum = 0;
	right = be32(crc32c(~0u, super, sizeof(*super)));
	super->checksum = found;
	return found == right;
}

static void set_tag_size(struct journal *journal)
{
	if (journal->incompat & JOURNAL_CSUM_V3)
		journal->tag_size = sizeof(struct journal_tag3);
	else
		journal->tag_size =
			8u + (journal->incompat & JOURNAL_64BIT ? 4u : 0) +
			(journal->incompat & JOURNAL_CSUM_V2 ? 2u : 0);
	journal->seed = crc32c(~0u, journal->super->uuid, 16);
}

/* The super block's numbers, checked. */
static int check_super(struct journal *journal, uint64_t file_blocks)
{
	struct journal_super *super = journal->super;
	uint32_t len = be32(super->max_len), fast = 0;
	int err;

	if (be32(super->header.magic) != JOURNAL_MAGIC ||
	    be32(super->block_size) != journal->fs->block_size)
		return -EUCLEAN;
	err = check_features(journal);
	if (err)
		return err;
	if (has_checksums(journal) && !super_checksum_ok(super))
		return -EUCLEAN;
	if (journal->incompat & JOURNAL_FAST_COMMIT) {
		fast = be32(super->num_fc_blocks);
		fast = fast ? fast : 256;
	}
	journal->first = be32(super->first);
	if (len > file_blocks || fast > len)
		return -EUCLEAN;
	journal->end = len - fast;
	if (!journal->first || journal->first >= journal->end ||
	    journal->end - journal->first < 64)
		return -EUCLEAN;
	if (super->start && (be32(super->start) < journal->first ||
			     be32(super->start) >= journal->end))
		return -EUCLEAN;
	set_tag_size(journal);
	return 0;
}

static int read_super(struct journal *journal)
{
	struct disk_part part = { 0, NULL, sizeof(struct journal_super) };
	struct ext4_map map;
	int err;

	journal->super = kmalloc(sizeof(struct journal_super));
	if (!journal->super)
		return -ENOMEM;
	err = ext4_map(journal->inode, 0, 1, &map);
	if (err)
		return err;
	if (!(map.flags & MAP_MAPPED))
		return -EUCLEAN;
	part.pos = map.block * journal->fs->block_size;
	part.data = journal->super;
	return disk_read(journal->fs->cache.disk, &part, 1);
}

static int load(struct journal *journal)
{
	struct ext4 *fs = journal->fs;
	uint64_t file_blocks;
	int err;

	err = ext4_inode_get(fs, fs->super->journal_inum, &journal->inode);
	if (err)
		return err;
	file_blocks = ext4_of(journal->inode)->disk_size / fs->block_size;
	if (!S_ISREG(journal->inode->mode))
		return -EUCLEAN;
	err = read_super(journal);
	if (!err)
		err = check_super(journal, file_blocks);
	if (!err && file_blocks > UINT32_MAX / 16)
		err = -EUCLEAN;
	if (!err)
		err = load_map(journal, be32(journal->super->max_len));
	return err;
}

/* Ready for transactions: features as the file system has, an empty log. On the
 * disk it begins when the super block says that it is there to be replayed. */
static int make_ready(struct journal *journal)
{
	struct ext4 *fs = journal->fs;
	uint32_t len = journal->end - journal->first;

	journal->incompat &=
		~(JOURNAL_CSUM_V2 | JOURNAL_CSUM_V3 | JOURNAL_ASYNC_COMMIT);
	journal->incompat |= JOURNAL_REVOKES;
	if (ext4_has_csum(fs))
		journal->incompat |= JOURNAL_CSUM_V3;
	if (fs->super->incompat & INCOMPAT_64BIT)
		journal->incompat |= JOURNAL_64BIT;
	set_tag_size(journal);
	journal->super->header.type = be32(JOURNAL_SUPER_V2);
	journal->super->incompat = be32(journal->incompat);
	journal->super->compat = 0;
	journal->super->checksum_type = ext4_has_csum(fs) ? JOURNAL_CRC32C : 0;
	journal->super->error = 0;
	journal->descriptor = kmalloc(fs->block_size);
	journal->bounce = kmalloc((size_t)JOURNAL_BATCH * fs->block_size);
	journal->parts = kcalloc(JOURNAL_BATCH + 2, sizeof(struct disk_part));
	if (!journal->descriptor || !journal->bounce || !journal->parts)
		return -ENOMEM;
	journal->head = journal->tail = journal->first;
	journal->free = len - 1;
	journal->max_blocks = len / 4;
	journal->tail_tid = journal->next_tid;
	journal->committed_tid = journal->next_tid - 1;
	return 0;
}

static void journal_free(struct ext4 *fs)
{
	struct journal *journal = fs->journal;

	fs->journal = NULL;
	inode_put(journal->inode);
	kfree(journal->map);
	kfree(journal->super);
	kfree(journal->descriptor);
	kfree(journal->bounce);
	kfree(journal->parts);
	kfree(journal);
}

int journal_open(struct ext4 *fs, bool writable, bool *replayed)
{
	struct journal *journal = kzalloc(sizeof(*journal));
	int err;

	if (!journal)
		return -ENOMEM;
	journal->fs = fs;
	mutex_init(&journal->commit_lock, LOCK_JOURNAL_COMMIT);
	mutex_init(&journal->checkpoint_lock, LOCK_JOURNAL_CHECKPOINT);
	spin_init(&journal->lock, LOCK_SPIN_MISC);
	wait_queue_init(&journal->wait);
	list_init(&journal->checkpoints);
	fs->journal = journal;
	err = load(journal);
	if (!err) {
		journal->next_tid = be32(journal->super->sequence);
		journal->next_tid += !journal->next_tid;
		if (journal->super->start)
			err = disk_is_read_only(fs->cache.disk)
				      ? -EROFS
				      : replay(journal, replayed);
	}
	if (!err && !*replayed && writable)
		err = make_ready(journal);
	if (err || *replayed || !writable)
		journal_free(fs);
	return err;
}

/* Blocks that were never written: the journal was aborted. */
static void drop_all(struct journal *journal)
{
	struct meta_cache *cache = &journal->fs->cache;

	while (!list_empty(&journal->checkpoints)) {
		struct transaction *tx = list_first(&journal->checkpoints,
						    struct transaction, node);

		while (!list_empty(&tx->checkpoint)) {
			struct meta *meta = list_first(
				&tx->checkpoint, struct meta, checkpoint_node);

			list_remove(&meta->checkpoint_node);
			meta->checkpoint = NULL;
			meta_put(cache, meta);
		}
		list_remove(&tx->node);
		kfree(tx);
	}
}

int journal_close(struct ext4 *fs)
{
	struct journal *journal = fs->journal;
	int err;

	err = journal_commit_all(journal);
	if (!err)
		err = journal_checkpoint_all(journal);
	if (!err)
		err = journal_write_super(journal, journal->next_tid, 0);
	journal_drop_running(journal);
	drop_all(journal);
	journal_free(fs);
	return err;
}
