/* SPDX-License-Identifier: MIT */
/*
 * devpts.c - the names of pseudo terminals: the file system on /dev/pts
 *
 * Idea: a directory with one node for each pair whose master is open, named by
 * its number and owned by who opened the master, and "ptmx", a second way to
 * /dev/ptmx. All mounts show the same directory; its options (gid=, mode=, ...)
 * are those of the last mount.
 *
 * Locks: nodes_lock for pty->node. Source: pts(4), mount(8) "devpts".
 */
#include "kernel/tty/pty.h"

#include "kernel/abi/fcntl.h"
#include "kernel/abi/fs.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/vfs/device.h"
#include "kernel/vfs/file.h"
#include "kernel/vfs/path.h"

#include <linux/major.h>

/* Inode numbers: the root, ptmx, then the ptys; as on Linux. */
#define INO_ROOT      1
#define INO_PTMX      2
#define INO_FIRST_PTY 3

/* Positions in the directory: ".", "..", ptmx, then the ptys. */
#define POS_PTMX  2
#define POS_FIRST 3

static struct spinlock nodes_lock = SPINLOCK_INIT(LOCK_SPIN_MISC);

/* Fixed after boot. */
static struct super_block *super_block;
static struct inode *ptmx_node;

/* Options of the mount; words, changed whole. */
static struct {
	bool uid_set, gid_set;
	uint32_t uid, gid, mode, ptmx_mode;
} options = { .gid_set = true, .gid = 5, .mode = 0620, .ptmx_mode = 0666 };

/* ---- Nodes ---- */

static const struct inode_ops node_ops;

static struct inode *make_node(uint64_t ino, uint32_t mode, uint64_t rdev)
{
	struct inode *inode = inode_create(super_block, NULL, S_IFCHR | mode);

	if (!inode)
		return NULL;
	inode->ino = ino;
	inode->rdev = rdev;
	inode->ops = &node_ops;
	return inode;
}

int devpts_add(struct pty *pty)
{
	struct inode *inode = make_node(INO_FIRST_PTY + pty->index,
					options.mode, pty->slave->rdev);

	if (!inode)
		return -ENOMEM;
	if (options.uid_set)
		inode->uid = options.uid;
	if (options.gid_set)
		inode->gid = options.gid;
	spin_lock(&nodes_lock);
	pty->node = inode;
	spin_unlock(&nodes_lock);
	return 0;
}

void devpts_remove(struct pty *pty)
{
	struct inode *inode;

	spin_lock(&nodes_lock);
	inode = pty->node;
	pty->node = NULL;
	spin_unlock(&nodes_lock);
	inode->nlink = 0;
	inode_put(inode);
}

/* The node of pair @index with a reference, or NULL. */
static struct inode *find_node(unsigned int index)
{
	struct pty *pty = pty_find(index);
	struct inode *inode;

	if (!pty)
		return NULL;
	spin_lock(&nodes_lock);
	inode = pty->node;
	if (inode)
		inode_get(inode);
	spin_unlock(&nodes_lock);
	tty_put(pty->slave);
	return inode;
}

/* ---- The directory ---- */

/* @name as a number; false if it is none that we would write. */
static bool parse_index(const char *name, size_t len, unsigned int *index)
{
	if (!len || len > 6 || (name[0] == '0' && len > 1))
		return false;
	*index = 0;
	for (size_t i = 0; i < len; i++) {
		if (name[i] < '0' || name[i] > '9')
			return false;
		*index = *index * 10 + (unsigned int)(name[i] - '0');
	}
	return true;
}

static int lookup(struct inode *dir, const char *name, size_t len,
		  struct inode **out)
{
	unsigned int index;

	if (len == 4 && !memcmp(name, "ptmx", 4))
		*out = inode_get(ptmx_node);
	else if (parse_index(name, len, &index))
		*out = find_node(index);
	else
		*out = NULL;
	return *out ? 0 : -ENOENT;
}

/* A remembered name holds until the master is closed. */
static bool still_valid(struct inode *dir, struct dentry *dentry)
{
	return dentry->inode && dentry->inode->nlink;
}

static int readdir(struct file *file, struct dir_emitter *emitter, loff_t *pos)
{
	static const char *const fixed[] = { ".", "..", "ptmx" };
	char name[16];
	int index;

	for (; *pos < POS_FIRST; ++*pos) {
		const char *entry = fixed[*pos];
		bool is_ptmx = *pos == POS_PTMX;

		if (!emitter->emit(emitter, entry, strlen(entry),
				   is_ptmx ? INO_PTMX : INO_ROOT,
				   is_ptmx ? DT_CHR : DT_DIR, *pos + 1))
			return 0;
	}
	while ((index = pty_next((unsigned int)(*pos - POS_FIRST))) >= 0) {
		struct inode *inode = find_node((unsigned int)index);
		loff_t next = POS_FIRST + index + 1;

		format_string(name, sizeof(name), "%d", index);
		if (inode) {
			bool taken = emitter->emit(emitter, name, strlen(name),
						   inode->ino, DT_CHR, next);

			inode_put(inode);
			if (!taken)
				return 0;
		}
		*pos = next;
	}
	return 0;
}

static const struct inode_ops root_ops = {
	.lookup = lookup,
	.still_valid = still_valid,
};

static const struct file_ops root_file_ops = {
	.readdir = readdir,
};

/* ---- Mounting ---- */

/* One "name=value"; what is not known is ignored, as harmless. */
static void set_option(const char *text)
{
	const char *value = strchr(text, '=');
	uint32_t number;

	if (!value)
		return;
	value++;
	number = (uint32_t)parse_u64(value, NULL);
	if (starts_with(text, "gid=")) {
		options.gid = number;
		options.gid_set = true;
	} else if (starts_with(text, "uid=")) {
		options.uid = number;
		options.uid_set = true;
	} else if (starts_with(text, "mode=")) {
		options.mode = 0;
		for (; *value >= '0' && *value <= '7'; value++)
			options.mode =
				options.mode << 3 | (uint32_t)(*value - '0');
		options.mode &= 07777;
	} else if (starts_with(text, "ptmxmode=")) {
		options.ptmx_mode = 0;
		for (; *value >= '0' && *value <= '7'; value++)
			options.ptmx_mode = options.ptmx_mode << 3 |
					    (uint32_t)(*value - '0');
		options.ptmx_mode &= 07777;
		ptmx_node->mode = S_IFCHR | options.ptmx_mode;
	}
}

static void set_options(const char *text)
{
	while (text) {
		set_option(text);
		text = strchr(text, ',');
		if (text)
			text++;
	}
}

static int remount(struct super_block *sb, unsigned int flags, const char *text)
{
	set_options(text);
	return 0;
}

static void show_options(struct super_block *sb, char *buf, size_t size)
{
	size_t len = 0;

	if (options.uid_set)
		len += (size_t)format_string(buf, size, "uid=%u,", options.uid);
	if (options.gid_set)
		len += (size_t)format_string(buf + len, size - len, "gid=%u,",
					     options.gid);
	format_string(buf + len, size - len, "mode=%03o,ptmxmode=%03o",
		      options.mode, options.ptmx_mode);
}

static int mount(const struct file_system_type *type, const char *source,
		 unsigned int flags, const char *text, struct super_block **out)
{
	set_options(text);
	refcount_get(&super_block->refs);
	*out = super_block;
	return 0;
}

static const struct super_ops super_ops = {
	.destroy_inode = inode_free,
	.remount = remount,
	.show_options = show_options,
};

int devpts_init(void)
{
	static const struct file_system_type type = { .name = "devpts",
						      .mount = mount };
	struct inode *root;

	super_block = super_block_create(&type, &super_ops, DEVPTS_SUPER_MAGIC);
	if (!super_block)
		return -ENOMEM;
	root = inode_create(super_block, NULL, S_IFDIR | 0755);
	if (!root)
		return -ENOMEM;
	root->ino = INO_ROOT;
	root->nlink = 2;
	root->ops = &root_ops;
	root->file_ops = &root_file_ops;
	super_block->root = dentry_make_root(super_block, root);
	ptmx_node = make_node(INO_PTMX, options.ptmx_mode,
			      device_number(TTYAUX_MAJOR, 2));
	if (!super_block->root || !ptmx_node)
		return -ENOMEM;
	file_system_register(&type);
	return 0;
}
