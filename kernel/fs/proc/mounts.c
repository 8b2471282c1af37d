/* SPDX-License-Identifier: MIT */
/*
 * mounts.c - what is mounted where: mounts, mountinfo, mountstats
 *
 * Source: proc(5), fstab(5).
 */
#include "kernel/fs/proc/internal.h"

#include "kernel/abi/fs.h"
#include "kernel/abi/mount.h"
#include "kernel/mm/slab.h"
#include "kernel/vfs/device.h"

struct flag_name {
	unsigned int flag;
	const char *name;
};

/* Flags of one mount, not of the file system. */
static const struct flag_name mount_flags[] = {
	{ MS_NOSUID, ",nosuid" },         { MS_NODEV, ",nodev" },
	{ MS_NOEXEC, ",noexec" },         { MS_NOATIME, ",noatime" },
	{ MS_NODIRATIME, ",nodiratime" },
};

static void add_mount_flags(struct text *text, const struct mount *mount)
{
	unsigned int flags = mount->flags;

	text_add(text, "%s", flags & MS_RDONLY ? "ro" : "rw");
	for (unsigned int i = 0; i < ARRAY_SIZE(mount_flags); i++) {
		if (flags & mount_flags[i].flag)
			text_add(text, "%s", mount_flags[i].name);
	}
	if (!(flags & (MS_NOATIME | MS_STRICTATIME)))
		text_add(text, ",relatime");
}

static void add_super_options(struct text *text, struct super_block *sb)
{
	char *options;

	if (!sb->ops->show_options)
		return;
	options = kzalloc(PAGE_SIZE);
	if (!options) {
		text->err = -ENOMEM;
		return;
	}
	sb->ops->show_options(sb, options, PAGE_SIZE);
	if (options[0])
		text_add(text, ",%s", options);
	kfree(options);
}

/* Where @mount is, as the current process sees it; false: it does not. */
static bool add_place(struct text *text, struct mount *mount)
{
	struct path top = { mount, mount->root };
	size_t before = text->size;

	proc_add_path(text, &top, true);
	return text->size > before;
}

static void add_source(struct text *text, const struct mount *mount)
{
	text_add_escaped(text, mount->source && mount->source[0] ? mount->source
								 : "none");
}

static void add_mount(struct mount *mount, void *arg)
{
	struct text *text = arg;

	add_source(text, mount);
	text_add(text, " ");
	add_place(text, mount);
	text_add(text, " %s ", mount->sb->type->name);
	add_mount_flags(text, mount);
	add_super_options(text, mount->sb);
	text_add(text, " 0 0\n");
}

int proc_show_mounts(const struct proc_subject *subject, struct text *text)
{
	mount_for_each(add_mount, text);
	return 0;
}

static void add_mount_info(struct mount *mount, void *arg)
{
	struct text *text = arg;
	struct super_block *sb = mount->sb;

	text_add(text, "%d %d %u:%u / ", mount->id,
		 mount->parent ? mount->parent->id : mount->id,
		 device_major(sb->dev), device_minor(sb->dev));
	add_place(text, mount);
	text_add(text, " ");
	add_mount_flags(text, mount);
	text_add(text, " - %s ", sb->type->name);
	add_source(text, mount);
	text_add(text, " %s", sb->flags & MS_RDONLY ? "ro" : "rw");
	add_super_options(text, sb);
	text_add(text, "\n");
}

int proc_show_mountinfo(const struct proc_subject *subject, struct text *text)
{
	mount_for_each(add_mount_info, text);
	return 0;
}

static void add_mount_stats(struct mount *mount, void *arg)
{
	struct text *text = arg;

	text_add(text, "device ");
	add_source(text, mount);
	text_add(text, " mounted on ");
	add_place(text, mount);
	text_add(text, " with fstype %s\n", mount->sb->type->name);
}

int proc_show_mountstats(const struct proc_subject *subject, struct text *text)
{
	mount_for_each(add_mount_stats, text);
	return 0;
}
