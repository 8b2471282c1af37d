/* SPDX-License-Identifier: MIT */
/*
 * namei.c - looking names up, making, moving and removing them
 *
 * Idea: one name may be written in many ways ("a", "A", a short one), and each
 * gets a dentry of its own for the one inode. So that none of them outlives the
 * name, an inode knows the hashes of its names, by which each dentry is asked
 * about again; and that there is no such name is not remembered.
 *
 * There are no links of any kind, no devices, no sockets: EPERM.
 *
 * Locks: the directories by vfs/, then fs->lock over the whole operation.
 */
#include "kernel/fs/fat/internal.h"

#include "kernel/mm/slab.h"
#include "kernel/time/clock.h"

/* readdir positions 0 and 1 are "." and "..". */
#define FIRST_ENTRY 2
/* Numbers of files that are not in memory: as good as any. */
#define UNKNOWN_INO (1ul << 40)

/* ---- Looking up ---- */

/* @inode is what is called so in @dir. */
static void remember_name(struct inode *inode, const struct inode *dir,
			  const char *name, size_t len,
			  const struct fat_found *found)
{
	struct fat_node *node = fat_node(inode);
	char text[3 * 12];
	size_t text_len = fat_short_to_text(&found->entry, text);

	node->name_hash[1] = fat_name_hash(text, text_len);
	/* Found by its short name: the other stays what it was. */
	if (fat_name_hash(name, len) != node->name_hash[1] ||
	    node->dir_ino != dir->ino)
		node->name_hash[0] = fat_name_hash(name, len);
	node->dir_ino = dir->ino;
}

static int lookup(struct inode *dir, const char *name, size_t len,
		  struct inode **out)
{
	struct fat *fs = fat_of(dir);
	struct fat_found found;
	int err;

	if (len > NAME_MAX)
		return -ENAMETOOLONG;
	fat_begin(fs);
	err = fat_find(dir, name, len, &found);
	if (!err)
		err = fat_inode_get(dir, &found, out);
	if (!err)
		remember_name(*out, dir, name, len, &found);
	fat_end(fs);
	return err;
}

static bool still_valid(struct inode *dir, struct dentry *dentry)
{
	const struct fat_node *node;
	uint64_t hash;

	if (!dentry->inode)
		return false;
	node = fat_node(dentry->inode);
	hash = fat_name_hash(dentry->name, dentry->name_len);
	return READ_ONCE(node->place) && node->dir_ino == dir->ino &&
	       (hash == node->name_hash[0] || hash == node->name_hash[1]);
}

/* ---- Making ---- */

static void new_entry(struct fat_entry *entry)
{
	uint64_t now = clock_realtime_ns();

	memset(entry, 0, sizeof(*entry));
	entry->attr = FAT_ATTR_ARCHIVE;
	fat_set_time(now, &entry->date, &entry->time, NULL);
	fat_set_time(now, &entry->cdate, &entry->ctime, &entry->ctime_cs);
	entry->adate = entry->date;
}

/* @entry under the name, and its inode. */
static int add_new(struct inode *dir, const char *name, size_t len,
		   struct fat_entry *entry, struct inode **out)
	MUST_HOLD(fat_of(dir)->lock)
{
	struct fat_name *parsed = kmalloc(sizeof(*parsed));
	struct fat_found found;
	int err = parsed ? fat_parse_name(name, len, parsed) : -ENOMEM;

	if (!err)
		err = fat_add_entry(dir, parsed, entry, &found);
	kfree(parsed);
	if (err)
		return err;
	err = fat_inode_get(dir, &found, out);
	if (err) {
		fat_remove_entry(dir, &found);
		return err;
	}
	remember_name(*out, dir, name, len, &found);
	inode_touch_mtime(dir);
	return 0;
}

static int create(struct inode *dir, const char *name, size_t len,
		  uint32_t mode, uint64_t rdev, struct inode **out)
{
	struct fat *fs = fat_of(dir);
	struct fat_entry entry;
	int err;

	if (!S_ISREG(mode))
		return -EPERM;
	new_entry(&entry);
	fat_begin(fs);
	err = add_new(dir, name, len, &entry, out);
	fat_end(fs);
	return err;
}

/* What ".." of a directory in @dir says: 0 for the root, also of FAT32. */
static uint32_t parent_start(const struct inode *dir)
{
	return fat_node(dir)->place ? fat_node(dir)->start : 0;
}

static int make_directory(struct inode *dir, const char *name, size_t len,
			  uint32_t mode, struct inode **out)
{
	struct fat *fs = fat_of(dir);
	struct fat_entry entry;
	int err;

	new_entry(&entry);
	fat_begin(fs);
	err = fs->read_only ? -EROFS
			    : fat_init_dir(fs, &entry, parent_start(dir));
	if (!err) {
		err = add_new(dir, name, len, &entry, out);
		if (err)
			fat_free_chain(fs, fat_start_of(&entry));
		else
			dir->nlink++;
	}
	fat_end(fs);
	return err;
}

/* ---- Removing ---- */

/* So that its clusters can be freed when the last user is gone. */
static int prepare_doom(struct inode *inode) MUST_HOLD(fat_of(inode)->lock)
{
	struct fat_node *node = fat_node(inode);

	if (!node->doom)
		node->doom = kzalloc(sizeof(*node->doom));
	return node->doom ? 0 : -ENOMEM;
}

/* The entry of @inode, by its name. */
static int find_own(struct inode *dir, const char *name, size_t len,
		    const struct inode *inode, struct fat_found *found)
	MUST_HOLD(fat_of(dir)->lock)
{
	int err = fat_find(dir, name, len, found);

	if (!err && found->place != fat_node(inode)->place)
		err = -EIO;
	return err;
}

static void forget_inode(struct inode *inode)
{
	fat_inode_move(inode, 0);
	WRITE_ONCE(inode->nlink, 0);
	fat_node(inode)->nameless = true;
	__atomic_fetch_add(&fat_of(inode)->num_nameless, 1, __ATOMIC_RELAXED);
}

static int remove_file(struct inode *dir, const char *name, size_t len,
		       struct inode *inode)
{
	struct fat *fs = fat_of(dir);
	struct fat_found found;
	int err;

	fat_begin(fs);
	err = find_own(dir, name, len, inode, &found);
	if (!err)
		err = prepare_doom(inode);
	if (!err)
		err = fat_remove_entry(dir, &found);
	if (!err) {
		forget_inode(inode);
		inode_touch_mtime(dir);
	}
	fat_end(fs);
	return err;
}

static int remove_directory(struct inode *dir, const char *name, size_t len,
			    struct inode *inode)
{
	struct fat *fs = fat_of(dir);
	struct fat_found found;
	int err;

	fat_begin(fs);
	err = fat_is_empty(inode);
	if (!err)
		err = find_own(dir, name, len, inode, &found);
	if (!err)
		err = prepare_doom(inode);
	if (!err)
		err = fat_remove_entry(dir, &found);
	if (!err) {
		forget_inode(inode);
		dir->nlink--;
		inode_touch_mtime(dir);
	}
	fat_end(fs);
	return err;
}

/* ---- Moving ---- */

struct move {
	struct inode *old_dir, *new_dir, *inode, *target;
	const char *old_name, *new_name;
	size_t old_len, new_len;
	struct fat_found old, new;
};

/* The target's entry becomes that of the file: its name stays, and it is one
 * write of one sector. */
static int take_entry(struct move *m) MUST_HOLD(fat_of(m->inode)->lock)
{
	struct fat *fs = fat_of(m->inode);
	struct fat_entry *entry;
	struct buffer *buffer;
	int err;

	err = find_own(m->new_dir, m->new_name, m->new_len, m->target, &m->new);
	if (!err)
		err = prepare_doom(m->target);
	if (!err)
		err = fat_entry_at(fs, m->new.place, &buffer, &entry);
	if (err)
		return err;
	entry->attr = fat_node(m->inode)->attr;
	fat_store(m->inode, entry);
	fat_dirty(fs, buffer, false);
	buffer_put(buffer);
	forget_inode(m->target);
	return 0;
}

static int add_moved(struct move *m) MUST_HOLD(fat_of(m->inode)->lock)
{
	struct fat_name *parsed = kmalloc(sizeof(*parsed));
	struct fat_entry entry = m->old.entry;
	int err;

	if (!parsed)
		return -ENOMEM;
	entry.lcase = 0;
	fat_store(m->inode, &entry);
	err = fat_parse_name(m->new_name, m->new_len, parsed);
	if (!err)
		err = fat_add_entry(m->new_dir, parsed, &entry, &m->new);
	kfree(parsed);
	return err;
}

/* The directory itself: "..", and how many are in which. */
static int move_directory(struct move *m) MUST_HOLD(fat_of(m->inode)->lock)
{
	int err = 0;

	if (m->old_dir != m->new_dir)
		err = fat_set_parent(m->inode, parent_start(m->new_dir));
	m->old_dir->nlink--;
	if (!m->target)
		m->new_dir->nlink++;
	return err;
}

static int move_locked(struct move *m) MUST_HOLD(fat_of(m->inode)->lock)
{
	struct fat *fs = fat_of(m->inode);
	bool apart;
	int err;

	if (m->target && S_ISDIR(m->target->mode)) {
		err = fat_is_empty(m->target);
		if (err)
			return err;
	}
	err = find_own(m->old_dir, m->old_name, m->old_len, m->inode, &m->old);
	if (!err)
		err = m->target ? take_entry(m) : add_moved(m);
	if (err)
		return err;
	/* First the new name, then the old one goes: a file with two names can
	 * be mended, one without cannot. */
	apart = m->new.place >> (fs->sector_bits - 5) !=
		m->old.place >> (fs->sector_bits - 5);
	if (apart)
		err = fat_commit(fs);
	if (!err)
		err = fat_remove_entry(m->old_dir, &m->old);
	fat_inode_move(m->inode, m->new.place);
	fat_node(m->inode)->dir_ino = 0;
	remember_name(m->inode, m->new_dir, m->new_name, m->new_len, &m->new);
	if (!err && S_ISDIR(m->inode->mode))
		err = move_directory(m);
	if (!err && apart)
		err = fat_commit(fs);
	inode_touch_mtime(m->old_dir);
	inode_touch_mtime(m->new_dir);
	return err;
}

static int move(struct inode *old_dir, const char *old_name, size_t old_len,
		struct inode *inode, struct inode *new_dir,
		const char *new_name, size_t new_len, struct inode *target,
		unsigned int flags)
{
	struct fat *fs = fat_of(old_dir);
	struct move m = { .old_dir = old_dir,
			  .new_dir = new_dir,
			  .inode = inode,
			  .target = target,
			  .old_name = old_name,
			  .new_name = new_name,
			  .old_len = old_len,
			  .new_len = new_len };
	int err;

	if (flags & ~(unsigned int)RENAME_NOREPLACE)
		return -EINVAL;
	fat_begin(fs);
	err = fs->read_only ? -EROFS : move_locked(&m);
	fat_end(fs);
	return err;
}

const struct inode_ops fat_dir_ops = {
	.lookup = lookup,
	.create = create,
	.mkdir = make_directory,
	.unlink = remove_file,
	.rmdir = remove_directory,
	.rename = move,
	.still_valid = still_valid,
	.set_attributes = fat_set_attributes,
};

/* ---- Reading ---- */

/* One entry at a time: what is emitted goes to the program's memory, which must
 * not be touched with fs->lock held. */
static int read_directory(struct file *file, struct dir_emitter *emitter,
			  loff_t *pos)
{
	struct inode *dir = file->inode;
	struct fat *fs = fat_of(dir);
	char *text = kmalloc(FAT_NAME_BYTES);
	struct fat_found found;
	uint32_t index;
	size_t len;
	int err = text ? 0 : -ENOMEM;

	if (!err && !dir_emit_dots(file, emitter, pos)) {
		kfree(text);
		return 0;
	}
	index = *pos > FAT_MAX_DIR ? FAT_MAX_DIR
				   : (uint32_t)(*pos - FIRST_ENTRY);
	while (!err) {
		fat_begin(fs);
		err = fat_next_entry(dir, &index, &found, text, &len);
		fat_end(fs);
		if (err || len > NAME_MAX || !len)
			continue;
		if (!emitter->emit(
			    emitter, text, len, found.place | UNKNOWN_INO,
			    found.entry.attr & FAT_ATTR_DIR ? DT_DIR : DT_REG,
			    (loff_t)index + FIRST_ENTRY))
			break;
		*pos = (loff_t)index + FIRST_ENTRY;
	}
	kfree(text);
	return err == -ENOENT ? 0 : err;
}

const struct file_ops fat_dir_file_ops = {
	.readdir = read_directory,
	.fsync = fat_fsync,
};
