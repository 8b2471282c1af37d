/* SPDX-License-Identifier: MIT */
/*
 * super.c - one mounted tmpfs: its limits, its inodes
 *
 * Idea: files live in the page cache and nowhere else, names in trees hanging
 * off the directory's inode. A name holds a reference to its inode, so what
 * has a name stays.
 * Source: tmpfs(5).
 */
#include "kernel/debug/panic.h"
#include "kernel/fs/tmpfs/internal.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/mm/page.h"
#include "kernel/mm/slab.h"
#include "kernel/vfs/path.h"

#define DIR_BASE_SIZE 40u /* what Linux shows for an empty directory */

/* ---- Inodes ---- */

static bool count_inode(struct tmpfs *fs)
{
	uint64_t used =
		__atomic_add_fetch(&fs->used_inodes, 1, __ATOMIC_RELAXED);

	if (!fs->max_inodes || used <= fs->max_inodes)
		return true;
	__atomic_sub_fetch(&fs->used_inodes, 1, __ATOMIC_RELAXED);
	return false;
}

static void uncount_inode(struct tmpfs *fs)
{
	__atomic_sub_fetch(&fs->used_inodes, 1, __ATOMIC_RELAXED);
}

static void set_operations(struct inode *inode)
{
	switch (inode->mode & S_IFMT) {
	case S_IFREG:
		inode->ops = &tmpfs_file_ops;
		inode->file_ops = &tmpfs_file_file_ops;
		page_cache_init(&inode->cache, &tmpfs_cache_ops,
				PAGE_CACHE_MEMORY);
		tmpfs_node(inode)->seals = F_SEAL_SEAL;
		break;
	case S_IFDIR:
		inode->ops = &tmpfs_dir_ops;
		inode->file_ops = &tmpfs_dir_file_ops;
		inode->nlink = 2;
		inode->cache.size_bytes = DIR_BASE_SIZE;
		tmpfs_dir_init(inode);
		break;
	case S_IFLNK:
		inode->ops = &tmpfs_link_ops;
		break;
	default:
		inode->ops = &tmpfs_special_ops;
		break;
	}
}

int tmpfs_inode_create(struct super_block *sb, struct inode *dir, uint32_t mode,
		       struct inode **out)
{
	struct tmpfs *fs = tmpfs_of(sb);
	struct tmpfs_node *node;
	struct inode *inode;

	if (!count_inode(fs))
		return -ENOSPC;
	node = kzalloc(sizeof(*node));
	if (!node)
		goto uncount;
	inode = inode_create(sb, dir, mode);
	if (!inode)
		goto free_node;
	list_init(&node->xattrs);
	inode->data = node;
	set_operations(inode);
	if (dir && unlikely(dir->has_default_acl) && !S_ISLNK(mode)) {
		int err = tmpfs_inherit_acl(inode, dir);

		if (err) {
			inode_put(inode); /* frees and uncounts all of it */
			return err;
		}
	}
	*out = inode;
	return 0;

free_node:
	kfree(node);
uncount:
	uncount_inode(fs);
	return -ENOMEM;
}

static void tmpfs_destroy_inode(struct inode *inode)
{
	struct tmpfs_node *node = tmpfs_node(inode);
	struct tmpfs *fs = tmpfs_of(inode->sb);

	tmpfs_free_xattrs(inode);
	if (S_ISLNK(inode->mode))
		kfree(node->target);
	inode_free(inode); /* gives the pages back: fs must still be there */
	kfree(node);
	uncount_inode(fs);
}

/* ---- Options: "size=50%,nr_inodes=10k,mode=1777,uid=0,gid=0" ---- */

static uint64_t total_pages(void)
{
	struct memory_info info;

	memory_get_info(&info);
	return info.managed;
}

/* A number with k, m, g, t behind it. */
static int parse_size(const char *text, const char **end, uint64_t *out)
{
	uint64_t value = parse_u64(text, end);
	unsigned int shift = 0;

	if (*end == text)
		return -EINVAL;
	switch (**end | 0x20) {
	case 'k':
		shift = 10;
		break;
	case 'm':
		shift = 20;
		break;
	case 'g':
		shift = 30;
		break;
	case 't':
		shift = 40;
		break;
	}
	if (shift)
		(*end)++;
	if (value > UINT64_MAX >> shift)
		return -EINVAL;
	*out = value << shift;
	return 0;
}

static uint64_t parse_octal(const char *text, const char **end)
{
	uint64_t value = 0;

	while (*text >= '0' && *text <= '7' && value < 07777777)
		value = value * 8 + (uint64_t)(*text++ - '0');
	*end = text;
	return value;
}

/* One "name=value"; the name ends at @value - 1. */
static int parse_option(struct tmpfs *fs, const char *option, const char *value,
			const char **end)
{
	uint64_t number = 0;
	int err = 0;

	if (starts_with(option, "mode=")) {
		fs->mode = (uint32_t)parse_octal(value, end) & 07777;
		return *end == value ? -EINVAL : 0;
	}
	err = parse_size(value, end, &number);
	if (err)
		return err;
	if (starts_with(option, "size=")) {
		if (**end == '%') {
			(*end)++;
			fs->max_pages = total_pages() * number / 100;
		} else {
			fs->max_pages = DIV_ROUND_UP(number, PAGE_SIZE);
		}
	} else if (starts_with(option, "nr_blocks=")) {
		fs->max_pages = number;
	} else if (starts_with(option, "nr_inodes=")) {
		fs->max_inodes = number;
	} else if (starts_with(option, "uid=")) {
		fs->uid = (uint32_t)number;
	} else if (starts_with(option, "gid=")) {
		fs->gid = (uint32_t)number;
	} else {
		return -EINVAL;
	}
	return 0;
}

/* Words that mean nothing here but are asked for. */
static bool is_harmless(const char *option, size_t len)
{
	static const char *const words[] = { "inode64", "inode32", "noswap",
					     "huge",    "mpol",    "rw",
					     "ro" };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (strlen(words[i]) == len &&
		    strncmp(words[i], option, len) == 0)
			return true;
	}
	return false;
}

static int parse_options(struct tmpfs *fs, const char *options)
{
	while (*options) {
		const char *end = options;
		int err;

		while (*end && *end != ',' && *end != '=')
			end++;
		if (is_harmless(options, (size_t)(end - options))) {
			while (*end && *end != ',')
				end++;
		} else if (*end == '=') {
			err = parse_option(fs, options, end + 1, &end);
			if (err)
				return err;
		}
		if (*end && *end != ',')
			return -EINVAL;
		options = *end ? end + 1 : end;
	}
	return 0;
}

/* ---- The file system ---- */

static int tmpfs_statfs(struct super_block *sb, struct statfs_info *info)
{
	const struct tmpfs *fs = tmpfs_of(sb);

	if (fs->max_pages) {
		info->blocks = fs->max_pages;
		info->blocks_free =
			fs->max_pages - MIN(fs->used_pages, fs->max_pages);
	}
	if (fs->max_inodes) {
		info->files = fs->max_inodes;
		info->files_free =
			fs->max_inodes - MIN(fs->used_inodes, fs->max_inodes);
	}
	return 0;
}

/* A limit may not be set below what is used. */
static int tmpfs_remount(struct super_block *sb, unsigned int flags,
			 const char *options)
{
	struct tmpfs *fs = tmpfs_of(sb);
	struct tmpfs new = *fs;
	int err;

	err = parse_options(&new, options);
	if (err)
		return err;
	if ((new.max_pages &&new.max_pages < fs->used_pages) ||
	    (new.max_inodes &&new.max_inodes < fs->used_inodes))
		return -EINVAL;
	fs->max_pages = new.max_pages;
	fs->max_inodes = new.max_inodes;
	return 0;
}

static void tmpfs_show_options(struct super_block *sb, char *buf, size_t size)
{
	const struct tmpfs *fs = tmpfs_of(sb);
	int len;

	len = format_string(buf, size, "size=%luk,nr_inodes=%lu",
			    (unsigned long)(fs->max_pages * (PAGE_SIZE / 1024)),
			    (unsigned long)fs->max_inodes);
	if (fs->mode != (0777 | S_ISVTX) && len > 0 && (size_t)len < size)
		format_string(buf + len, size - (size_t)len, ",mode=%o",
			      fs->mode);
}

static void tmpfs_destroy(struct super_block *sb)
{
	kfree(sb->data);
}

static const struct super_ops tmpfs_super_ops = {
	.destroy_inode = tmpfs_destroy_inode,
	.statfs = tmpfs_statfs,
	.remount = tmpfs_remount,
	.show_options = tmpfs_show_options,
	.destroy = tmpfs_destroy,
};

static int make_root(struct super_block *sb)
{
	const struct tmpfs *fs = tmpfs_of(sb);
	struct inode *inode;
	int err;

	err = tmpfs_inode_create(sb, NULL, S_IFDIR | fs->mode, &inode);
	if (err)
		return err;
	inode->uid = fs->uid;
	inode->gid = fs->gid;
	return dentry_make_root(sb, inode) ? 0 : -ENOMEM;
}

static int tmpfs_mount(const struct file_system_type *type, const char *source,
		       unsigned int flags, const char *options,
		       struct super_block **out)
{
	struct tmpfs *fs = kzalloc(sizeof(*fs));
	struct super_block *sb;
	int err;

	if (!fs)
		return -ENOMEM;
	fs->max_pages = fs->max_inodes = total_pages() / 2;
	fs->mode = type == &tmpfs_type ? 0777 | S_ISVTX : 0755;
	err = parse_options(fs, options);
	if (err)
		goto free_fs;
	err = -ENOMEM;
	sb = super_block_create(type, &tmpfs_super_ops, TMPFS_MAGIC);
	if (!sb)
		goto free_fs;
	sb->data = fs;
	sb->negative_dentries = true;
	err = make_root(sb);
	if (err) {
		super_block_put(sb); /* frees fs */
		return err;
	}
	*out = sb;
	return 0;

free_fs:
	kfree(fs);
	return err;
}

const struct file_system_type tmpfs_type = {
	.name = "tmpfs",
	.has_handles = true,
	.mount = tmpfs_mount,
};
static const struct file_system_type ramfs_type = {
	.name = "ramfs",
	.mount = tmpfs_mount,
};
static const struct file_system_type rootfs_type = {
	.name = "rootfs",
	.mount = tmpfs_mount,
};

/* ---- Unnamed files ---- */

static struct super_block *unnamed_super; /* fixed after boot */

void tmpfs_init(void)
{
	int err;

	file_system_register(&rootfs_type);
	file_system_register(&tmpfs_type);
	file_system_register(&ramfs_type);
	err = tmpfs_mount(&tmpfs_type, "tmpfs", 0, "", &unnamed_super);
	assert(!err);
}

int tmpfs_create_unnamed(const char *name, uint64_t size, struct file **out)
{
	struct inode *inode;
	char *text;
	int err;

	err = tmpfs_inode_create(unnamed_super, NULL, S_IFREG | 0777, &inode);
	if (err)
		return err;
	text = kmalloc(NAME_MAX + 16);
	if (!text) {
		inode_put(inode);
		return -ENOMEM;
	}
	inode->nlink = 0;
	inode->cache.size_bytes = size;
	format_string(text, NAME_MAX + 16, "/%s (deleted)", name);
	err = file_create_anonymous(inode, text, &tmpfs_file_file_ops, O_RDWR,
				    NULL, out);
	kfree(text);
	return err;
}
