/* SPDX-License-Identifier: MIT */
/*
 * sysfs.c - /sys as a list of paths
 *
 * Idea: the whole tree is written down as one list of paths; a directory is
 * what is the beginning of a longer path. An inode remembers its path. That is
 * slow for a big tree and plain for one of a few dozen files.
 *
 * A few files can be written: one write is one setting.
 *
 * Locks: none; the list is complete before the first mount.
 * Source: sysfs(5); Linux, Documentation/ABI/{stable,testing}/sysfs-*.
 */
#include "kernel/fs/sys/sysfs.h"

#include <arch/hart.h>
#include "kernel/abi/errno.h"
#include "kernel/abi/fcntl.h"
#include "kernel/abi/fs.h"
#include "kernel/debug/log.h"
#include "kernel/dev/serial.h"
#include "kernel/dev/share.h"
#include "kernel/fs/sys/internal.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/mm/page.h"
#include "kernel/mm/slab.h"
#include "kernel/sched/sched.h"
#include "kernel/vfs/file.h"
#include "kernel/vfs/path.h"

struct sys_entry {
	struct list_head node;
	const char *path; /* without "/sys/"; a directory ends in "/" */
	const char *text; /* what it says, or: */
	/* Writes the text into @buf and returns its length. */
	int (*show)(const struct sys_entry *entry, char *buf, size_t size);
	unsigned int number; /* for show */
	/* Takes what was written, ended by NUL, without the last newline.
	 * Returns 0 or an error. NULL: the file cannot be written. */
	int (*store)(const struct sys_entry *entry, const char *text);
};

static struct list_head entries = LIST_HEAD_INIT(entries);

/* ---- What the files say ---- */

static uint64_t existing_harts(void)
{
	unsigned int harts = arch_num_harts();

	return harts < 64 ? BIT(harts) - 1 : UINT64_MAX;
}

/* "0-3,5\n": the set bits of @mask. */
static int show_ranges(char *buf, size_t size, uint64_t mask)
{
	size_t len = 0;

	for (unsigned int i = 0; i < 64; i++) {
		unsigned int first = i;

		if (!(mask & BIT(i)))
			continue;
		while (i + 1 < 64 && (mask & BIT(i + 1)))
			i++;
		len += (size_t)format_string(buf + len, size - len,
					     first == i ? "%s%u" : "%s%u-%u",
					     len ? "," : "", first, i);
	}
	len += (size_t)format_string(buf + len, size - len, "\n");
	return (int)len;
}

static int show_existing_harts(const struct sys_entry *entry, char *buf,
			       size_t size)
{
	return show_ranges(buf, size, existing_harts());
}

static int show_online_harts(const struct sys_entry *entry, char *buf,
			     size_t size)
{
	return show_ranges(buf, size, sched_online_harts());
}

static int show_offline_harts(const struct sys_entry *entry, char *buf,
			      size_t size)
{
	return show_ranges(buf, size, existing_harts() & ~sched_online_harts());
}

static int show_last_hart(const struct sys_entry *entry, char *buf, size_t size)
{
	return format_string(buf, size, "%u\n", arch_num_harts() - 1);
}

/* @harts in words of 32 bits, hexadecimal, the highest first. */
static int show_map(char *buf, size_t size, uint64_t harts)
{
	unsigned int count = arch_num_harts();

	if (count > 32)
		return format_string(
			buf, size, "%0*x,%08x\n", (int)(count - 32 + 3) / 4,
			(unsigned int)(harts >> 32), (unsigned int)harts);
	return format_string(buf, size, "%0*x\n", (int)(count + 3) / 4,
			     (unsigned int)harts);
}

static int show_hart_map(const struct sys_entry *entry, char *buf, size_t size)
{
	return show_map(buf, size, existing_harts());
}

static int show_node_memory(const struct sys_entry *entry, char *buf,
			    size_t size)
{
	const uint64_t kib = PAGE_SIZE / 1024;
	struct memory_info m;

	memory_get_info(&m);
	return format_string(buf, size,
			     "Node 0 MemTotal:       %8lu kB\n"
			     "Node 0 MemFree:        %8lu kB\n"
			     "Node 0 MemUsed:        %8lu kB\n",
			     m.managed * kib, m.free * kib,
			     (m.managed - m.free) * kib);
}

static int show_console(const struct sys_entry *entry, char *buf, size_t size)
{
	struct serial_port *port = serial_console();

	return format_string(buf, size, "%s\n", port ? port->name : "");
}

/* "[fair] rr mlfq": all policies, the one in use in brackets. */
static int show_sched_policy(const struct sys_entry *entry, char *buf,
			     size_t size)
{
	const char *in_use = sched_policy_in_use();
	const char *name;
	int len = 0;

	for (unsigned int i = 0; (name = sched_policy_name(i)); i++)
		len += format_string(buf + len, size - (size_t)len,
				     strcmp(name, in_use) ? "%s%s" : "%s[%s]",
				     len ? " " : "", name);
	return len + format_string(buf + len, size - (size_t)len, "\n");
}

static int store_sched_policy(const struct sys_entry *entry, const char *text)
{
	return sched_choose_policy(text);
}

/* "1000 10:10 20:20 ...": the boost, then quantum:allotment of each level; ms. */
static int show_mlfq(const struct sys_entry *entry, char *buf, size_t size)
{
	const struct mlfq_settings *settings = &mlfq_settings;
	int len = format_string(buf, size, "%llu",
				settings->boost_ns / NSEC_PER_MSEC);

	for (unsigned int i = 0; i < settings->num_levels; i++)
		len += format_string(buf + len, size - (size_t)len,
				     " %llu:%llu",
				     settings->quantum_ns[i] / NSEC_PER_MSEC,
				     settings->allotment_ns[i] / NSEC_PER_MSEC);
	return len + format_string(buf + len, size - (size_t)len, "\n");
}

/* A number of ms, no more than an hour. False: there is none. */
static bool parse_ms(const char **text, uint64_t *ns)
{
	const char *end;
	uint64_t ms = parse_u64(*text, &end);

	if (end == *text || ms > 3600ul * 1000)
		return false;
	*text = end;
	*ns = ms * NSEC_PER_MSEC;
	return true;
}

static int store_mlfq(const struct sys_entry *entry, const char *text)
{
	struct mlfq_settings settings = { 0 };

	if (!parse_ms(&text, &settings.boost_ns))
		return -EINVAL;
	while (*text == ' ') {
		unsigned int level = settings.num_levels++;

		text++;
		if (level == MLFQ_MAX_LEVELS ||
		    !parse_ms(&text, &settings.quantum_ns[level]) ||
		    *text++ != ':' ||
		    !parse_ms(&text, &settings.allotment_ns[level]))
			return -EINVAL;
	}
	return *text ? -EINVAL : sched_set_mlfq(&settings);
}

/* clang-format off */
static struct sys_entry fixed_entries[] = {
	{ .path = "block/" },
	{ .path = "bus/" },
	{ .path = "class/block/" },
	{ .path = "class/net/" },
	{ .path = "class/tty/console/active", .show = show_console },
	{ .path = "dev/block/" },
	{ .path = "dev/char/" },
	{ .path = "devices/virtual/block/" },
	{ .path = "devices/system/clocksource/clocksource0/available_clocksource",
	  .text = "riscv_clocksource \n" },
	{ .path = "devices/system/clocksource/clocksource0/current_clocksource",
	  .text = "riscv_clocksource\n" },
	{ .path = "devices/system/cpu/isolated", .text = "\n" },
	{ .path = "devices/system/cpu/kernel_max", .show = show_last_hart },
	{ .path = "devices/system/cpu/offline", .show = show_offline_harts },
	{ .path = "devices/system/cpu/online", .show = show_online_harts },
	{ .path = "devices/system/cpu/possible", .show = show_existing_harts },
	{ .path = "devices/system/cpu/present", .show = show_existing_harts },
	{ .path = "devices/system/node/has_cpu", .text = "0\n" },
	{ .path = "devices/system/node/has_memory", .text = "0\n" },
	{ .path = "devices/system/node/node0/cpulist", .show = show_existing_harts },
	{ .path = "devices/system/node/node0/cpumap", .show = show_hart_map },
	{ .path = "devices/system/node/node0/distance", .text = "10\n" },
	{ .path = "devices/system/node/node0/meminfo", .show = show_node_memory },
	{ .path = "devices/system/node/online", .text = "0\n" },
	{ .path = "devices/system/node/possible", .text = "0\n" },
	{ .path = "firmware/" },
	{ .path = "fs/cgroup/" },
	{ .path = "kernel/address_bits", .text = "64\n" },
	{ .path = "kernel/cpu_byteorder", .text = "little\n" },
	{ .path = "kernel/mm/transparent_hugepage/defrag",
	  .text = "always defer defer+madvise madvise [never]\n" },
	{ .path = "kernel/mm/transparent_hugepage/enabled",
	  .text = "always madvise [never]\n" },
	{ .path = "kernel/mm/transparent_hugepage/hpage_pmd_size", .text = "2097152\n" },
	{ .path = "kernel/sched/mlfq", .show = show_mlfq,
	  .store = store_mlfq },
	{ .path = "kernel/sched/policy", .show = show_sched_policy,
	  .store = store_sched_policy },
	{ .path = "module/" },
	{ .path = "power/" },
};
/* clang-format on */

/* ---- The tree that the list means ---- */

/* The part of @entry's path below directory @dir, or NULL. */
static const char *path_below(const struct sys_entry *entry,
			      const struct sys_node *dir)
{
	if (!dir->len)
		return entry->path;
	if (strncmp(entry->path, dir->path, dir->len) != 0 ||
	    entry->path[dir->len] != '/')
		return NULL;
	return entry->path + dir->len + 1;
}

/* The length of the first name in @rest; *@is_file: nothing follows it. */
static size_t first_name(const char *rest, bool *is_file)
{
	const char *slash = strchr(rest, '/');

	*is_file = !slash;
	return slash ? (size_t)(slash - rest) : strlen(rest);
}

static const struct inode_ops directory_ops, file_inode_ops;
static const struct file_ops directory_file_ops, text_ops;

struct inode *sys_make_inode(struct super_block *sb, const struct sys_node *dir,
			     const char *name, size_t len, uint32_t mode)
{
	size_t dir_len = dir && dir->len ? dir->len + 1 : 0;
	struct sys_node *node = kmalloc(sizeof(*node) + dir_len + len + 1);
	struct inode *inode = NULL;

	if (node)
		inode = inode_create(sb, NULL, mode);
	if (!inode) {
		kfree(node);
		return NULL;
	}
	node->entry = NULL;
	node->len = dir_len + len;
	if (dir_len) {
		memcpy(node->path, dir->path, dir_len - 1);
		node->path[dir_len - 1] = '/';
	}
	memcpy(node->path + dir_len, name, len);
	node->path[node->len] = '\0';
	inode->uid = 0;
	inode->gid = 0;
	inode->data = node;
	inode->nlink = S_ISDIR(mode) ? 2 : 1;
	inode->cache.size_bytes = S_ISREG(mode) ? SYS_FILE_SIZE : 0;
	return inode;
}

/* One of the list: @entry, or (NULL) a directory that is in it. */
static struct inode *make_inode(struct super_block *sb,
				const struct sys_node *dir, const char *name,
				size_t len, const struct sys_entry *entry)
{
	uint32_t mode = !entry         ? S_IFDIR | 0755
			: entry->store ? S_IFREG | 0644
				       : S_IFREG | 0444;
	struct inode *inode = sys_make_inode(sb, dir, name, len, mode);
	struct sys_node *node;

	if (!inode)
		return NULL;
	node = inode->data;
	node->entry = entry;
	inode->ops = entry ? &file_inode_ops : &directory_ops;
	inode->file_ops = entry ? &text_ops : &directory_file_ops;
	if (!entry && sys_block_owns(node->path)) {
		inode->ops = &sys_block_dir_ops;
		inode->file_ops = &sys_block_dir_file_ops;
	}
	return inode;
}

static void destroy_inode(struct inode *inode)
{
	kfree(inode->data);
	inode_free(inode);
}

static int lookup(struct inode *dir, const char *name, size_t len,
		  struct inode **out)
{
	const struct sys_node *node = dir->data;
	struct sys_entry *entry;

	list_for_each (entry, &entries, node) {
		const char *rest = path_below(entry, node);
		bool is_file;

		if (!rest || first_name(rest, &is_file) != len ||
		    memcmp(rest, name, len) != 0)
			continue;
		*out = make_inode(dir->sb, node, name, len,
				  is_file ? entry : NULL);
		return *out ? 0 : -ENOMEM;
	}
	return -ENOENT;
}

/* Did an entry before @entry begin with the same name below @dir? */
static bool is_repeated(const struct sys_node *dir,
			const struct sys_entry *entry, const char *name,
			size_t len)
{
	struct sys_entry *earlier;

	list_for_each (earlier, &entries, node) {
		const char *rest;
		bool is_file;

		if (earlier == entry)
			return false;
		rest = path_below(earlier, dir);
		if (rest && first_name(rest, &is_file) == len &&
		    !memcmp(rest, name, len))
			return true;
	}
	return false;
}

/* Positions: ".", "..", then one for each entry of the list. */
static int readdir(struct file *file, struct dir_emitter *emitter, loff_t *pos)
{
	const struct sys_node *dir = file->inode->data;
	struct sys_entry *entry;
	loff_t at = 2;

	for (; *pos < 2; ++*pos) {
		if (!emitter->emit(emitter, "..", (size_t)*pos + 1,
				   file->inode->ino, DT_DIR, *pos + 1))
			return 0;
	}
	list_for_each (entry, &entries, node) {
		const char *rest = path_below(entry, dir);
		bool is_file;
		size_t len;

		if (at++ < *pos || !rest || !*rest)
			continue;
		len = first_name(rest, &is_file);
		if (!is_repeated(dir, entry, rest, len) &&
		    !emitter->emit(emitter, rest, len,
				   file->inode->ino + (uint64_t)at,
				   is_file ? DT_REG : DT_DIR, at))
			return 0;
		*pos = at;
	}
	return 0;
}

static ssize_t text_read(struct file *file, struct io_buf *io, loff_t *pos)
{
	const struct sys_node *node = file->inode->data;
	const struct sys_entry *entry = node->entry;
	ssize_t done;
	char *buf;

	if (entry->text) {
		done = io_copy_text(io, *pos, entry->text, strlen(entry->text));
	} else {
		buf = kmalloc(SYS_FILE_SIZE);
		if (!buf)
			return -ENOMEM;
		done = io_copy_text(
			io, *pos, buf,
			(size_t)entry->show(entry, buf, SYS_FILE_SIZE));
		kfree(buf);
	}
	if (done > 0)
		*pos += done;
	return done;
}

/* A write is one setting, whole. */
static ssize_t text_write(struct file *file, struct io_buf *io, loff_t *pos)
{
	const struct sys_node *node = file->inode->data;
	size_t size = io->left;
	char text[64];
	int err;

	if (!node->entry->store)
		return -EIO;
	if (size == 0)
		return 0;
	if (size >= sizeof(text))
		return -EINVAL;
	if (io_copy_from(io, text, size) != size)
		return -EFAULT;
	text[size] = '\0';
	if (text[size - 1] == '\n')
		text[size - 1] = '\0';
	err = node->entry->store(node->entry, text);
	if (err)
		return err;
	*pos += (loff_t)size;
	return (ssize_t)size;
}

/* "> file": nothing is there to be cut. */
static int ignore_truncate(struct inode *inode, uint64_t size)
{
	return 0;
}

static int refuse_create(struct inode *dir, const char *name, size_t len,
			 uint32_t mode, uint64_t rdev, struct inode **out)
{
	return S_ISREG(mode) ? -EACCES : -EPERM;
}

static const struct inode_ops directory_ops = { .lookup = lookup,
						.create = refuse_create };
static const struct inode_ops file_inode_ops = { .truncate = ignore_truncate };
static const struct file_ops directory_file_ops = { .readdir = readdir };
static const struct file_ops text_ops = { .read = text_read,
					  .write = text_write };
static const struct super_ops super_ops = { .destroy_inode = destroy_inode };

/* ---- Boot ---- */

static int mount(const struct file_system_type *type, const char *source,
		 unsigned int flags, const char *options,
		 struct super_block **out)
{
	struct super_block *sb;
	struct inode *root;

	sb = super_block_create(type, &super_ops, SYSFS_MAGIC);
	if (!sb)
		return -ENOMEM;
	root = make_inode(sb, NULL, "", 0, NULL);
	if (root)
		sb->root = dentry_make_root(sb, root);
	if (!sb->root) {
		super_block_put(sb);
		return -ENOMEM;
	}
	*out = sb;
	return 0;
}

static int show_own_map(const struct sys_entry *entry, char *buf, size_t size)
{
	return show_map(buf, size, BIT(entry->number));
}

static int show_number(const struct sys_entry *entry, char *buf, size_t size)
{
	return format_string(buf, size, "%u\n", entry->number);
}

/* File @name of hart @hart; @show gets @number. */
static void add_hart_file(unsigned int hart, const char *name,
			  int (*show)(const struct sys_entry *entry, char *buf,
				      size_t size),
			  int (*store)(const struct sys_entry *entry,
				       const char *text),
			  unsigned int number)
{
	struct sys_entry *entry = kzalloc(sizeof(*entry));
	char path[64];

	if (!entry)
		return;
	format_string(path, sizeof(path), "devices/system/cpu/cpu%u/%s", hart,
		      name);
	entry->path = kstrdup(path);
	entry->show = show;
	entry->store = store;
	entry->number = number;
	if (entry->path)
		list_push_back(&entries, &entry->node);
	else
		kfree(entry);
}

static int show_hart_online(const struct sys_entry *entry, char *buf,
			    size_t size)
{
	bool online = sched_online_harts() & BIT(entry->number);

	return format_string(buf, size, "%u\n", online);
}

static int store_hart_online(const struct sys_entry *entry, const char *text)
{
	if (strcmp(text, "0") != 0 && strcmp(text, "1") != 0)
		return -EINVAL;
	return sched_set_hart_online(entry->number, text[0] == '1');
}

/* Each hart is a core of its own, all in one package, as far as we know. */
static void add_hart(unsigned int hart)
{
	if (sched_hart_may_stop(hart))
		add_hart_file(hart, "online", show_hart_online,
			      store_hart_online, hart);
	add_hart_file(hart, "topology/core_cpus", show_own_map, NULL, hart);
	add_hart_file(hart, "topology/core_id", show_number, NULL, hart);
	add_hart_file(hart, "topology/core_siblings", show_hart_map, NULL,
		      hart);
	add_hart_file(hart, "topology/package_cpus", show_hart_map, NULL, hart);
	add_hart_file(hart, "topology/physical_package_id", show_number, NULL,
		      0);
	add_hart_file(hart, "topology/thread_siblings", show_own_map, NULL,
		      hart);
}

/* What the host lends, by the name that mount(2) wants: /etc/rc looks. */
static void add_share(unsigned int i, const struct share *share)
{
	struct sys_entry *entry = kzalloc(sizeof(*entry));
	char path[80];

	if (!entry)
		return;
	format_string(path, sizeof(path),
		      "bus/virtio/drivers/9pnet_virtio/virtio%u/mount_tag", i);
	entry->path = kstrdup(path);
	entry->text = share->tag;
	if (entry->path)
		list_push_back(&entries, &entry->node);
	else
		kfree(entry);
}

void sysfs_init(void)
{
	static const struct file_system_type type = { .name = "sysfs",
						      .mount = mount };

	for (unsigned int i = 0; i < ARRAY_SIZE(fixed_entries); i++)
		list_push_back(&entries, &fixed_entries[i].node);
	for (unsigned int i = 0; i < arch_num_harts(); i++)
		add_hart(i);
	for (unsigned int i = 0; share_at(i); i++)
		add_share(i, share_at(i));
	file_system_register(&type);
}
