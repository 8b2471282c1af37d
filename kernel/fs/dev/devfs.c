/* SPDX-License-Identifier: MIT */
/*
 * devfs.c - /dev as a tmpfs with nodes in it
 *
 * Idea: programs rename, remove and add nodes as in any directory, so the file
 * system is a tmpfs; only what stands in it at first is decided here. What a
 * node means is decided by its number (vfs/device.h), not by this room.
 *
 * tmpfs is found by name in the list of file systems: rooms of one level do not
 * include each other.
 */
#include "kernel/fs/dev/devfs.h"

#include "kernel/abi/errno.h"
#include "kernel/abi/fcntl.h"
#include "kernel/abi/fs.h"
#include "kernel/block/block.h"
#include "kernel/debug/log.h"
#include "kernel/dev/serial.h"
#include "kernel/fs/dev/internal.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/vfs/device.h"
#include "kernel/vfs/inode.h"
#include "kernel/vfs/path.h"

#include <linux/major.h>

#define FIRST_SERIAL_MINOR 64u

static const struct file_system_type devfs_type;

/* The one tree; NULL until the first mount. Lives for ever. */
static struct super_block *devices;
static struct mutex devices_lock = MUTEX_INIT(devices_lock, LOCK_MOUNT_TABLE);

struct node {
	const char *name;
	uint32_t mode;
	unsigned int major, minor;
};

static const struct node nodes[] = {
	{ "null", S_IFCHR | 0666, MEM_MAJOR, MINOR_NULL },
	{ "zero", S_IFCHR | 0666, MEM_MAJOR, MINOR_ZERO },
	{ "full", S_IFCHR | 0666, MEM_MAJOR, MINOR_FULL },
	{ "random", S_IFCHR | 0666, MEM_MAJOR, MINOR_RANDOM },
	{ "urandom", S_IFCHR | 0666, MEM_MAJOR, MINOR_URANDOM },
	{ "kmsg", S_IFCHR | 0644, MEM_MAJOR, MINOR_KMSG },
	{ "tty", S_IFCHR | 0666, TTYAUX_MAJOR, 0 },
	{ "console", S_IFCHR | 0600, TTYAUX_MAJOR, 1 },
	{ "ptmx", S_IFCHR | 0666, TTYAUX_MAJOR, 2 },
	{ "loop-control", S_IFCHR | 0660, MISC_MAJOR, 237 },
};

static const struct {
	const char *name;
	const char *target;
} links[] = {
	{ "fd", "/proc/self/fd" },
	{ "stdin", "/proc/self/fd/0" },
	{ "stdout", "/proc/self/fd/1" },
	{ "stderr", "/proc/self/fd/2" },
};

/* Places for other file systems to be mounted on. */
static const struct {
	const char *name;
	uint32_t mode;
} directories[] = {
	{ "pts", S_IFDIR | 0755 },
	{ "shm", S_IFDIR | 01777 },
};

/* Set what creation took from the current thread (owner, umask). */
static void finish(struct inode *inode, uint32_t mode)
{
	inode->mode = mode;
	inode->uid = 0;
	inode->gid = 0;
	inode_put(inode);
}

static int add_node(struct inode *root, const char *name, uint32_t mode,
		    uint64_t rdev)
{
	struct inode *inode;
	int err;

	mutex_lock(&root->lock);
	err = root->ops->create(root, name, strlen(name), mode, rdev, &inode);
	mutex_unlock(&root->lock);
	if (!err)
		finish(inode, mode);
	return err;
}

static int add_link(struct inode *root, const char *name, const char *target)
{
	struct inode *inode;
	int err;

	mutex_lock(&root->lock);
	err = root->ops->symlink(root, name, strlen(name), target, &inode);
	mutex_unlock(&root->lock);
	if (!err)
		finish(inode, S_IFLNK | 0777);
	return err;
}

static int add_directory(struct inode *root, const char *name, uint32_t mode)
{
	struct inode *inode;
	int err;

	mutex_lock(&root->lock);
	err = root->ops->mkdir(root, name, strlen(name), mode, &inode);
	mutex_unlock(&root->lock);
	if (!err)
		finish(inode, mode);
	return err;
}

static int add_serial_ports(struct inode *root)
{
	struct serial_port *port;
	int err = 0;

	for (unsigned int i = 0; !err && (port = serial_port_at(i)); i++)
		err = add_node(root, port->name, S_IFCHR | 0600,
			       device_number(TTY_MAJOR,
					     FIRST_SERIAL_MINOR + port->index));
	return err;
}

static int populate(struct inode *root)
{
	int err = 0;

	for (unsigned int i = 0; !err && i < ARRAY_SIZE(nodes); i++)
		err = add_node(root, nodes[i].name, nodes[i].mode,
			       device_number(nodes[i].major, nodes[i].minor));
	for (unsigned int i = 0; !err && i < ARRAY_SIZE(links); i++)
		err = add_link(root, links[i].name, links[i].target);
	for (unsigned int i = 0; !err && i < ARRAY_SIZE(directories); i++)
		err = add_directory(root, directories[i].name,
				    directories[i].mode);
	return err ? err : add_serial_ports(root);
}

static const struct file_system_type *find_tmpfs(void)
{
	const struct file_system_type *type;

	for (unsigned int i = 0; (type = file_system_at(i)) != NULL; i++) {
		if (!strcmp(type->name, "tmpfs"))
			return type;
	}
	return NULL;
}

/* Make the tree. Caller holds devices_lock. */
static int make_devices(void)
{
	const struct file_system_type *tmpfs = find_tmpfs();
	struct super_block *sb;
	int err;

	if (!tmpfs)
		return -ENODEV;
	err = tmpfs->mount(tmpfs, "devtmpfs", 0, "mode=755", &sb);
	if (err)
		return err;
	sb->type = &devfs_type;
	err = populate(sb->root->inode);
	if (err) {
		super_block_put(sb);
		return err;
	}
	devices = sb;
	return 0;
}

static int devfs_mount(const struct file_system_type *type, const char *source,
		       unsigned int flags, const char *options,
		       struct super_block **out)
{
	int err = 0;

	mutex_lock(&devices_lock);
	if (!devices)
		err = make_devices();
	if (!err) {
		refcount_get(&devices->refs);
		*out = devices;
	}
	mutex_unlock(&devices_lock);
	return err;
}

/* Disks and partitions, also those that come later. */
static void disk_added(struct block_device *bdev)
{
	int err = devfs_add_node(bdev->name, S_IFBLK | 0660, bdev->dev);

	if (err && err != -EEXIST)
		log_error("/dev/%s: error %d", bdev->name, -err);
}

static void disk_removed(struct block_device *bdev)
{
	devfs_remove_node(bdev->name);
}

int devfs_add_node(const char *name, uint32_t mode, uint64_t rdev)
{
	int err = 0;

	mutex_lock(&devices_lock);
	if (!devices)
		err = make_devices();
	if (!err) {
		err = add_node(devices->root->inode, name, mode, rdev);
		/* Somebody may have looked for it before it was there. */
		dentry_prune(devices->root);
	}
	mutex_unlock(&devices_lock);
	return err;
}

void devfs_remove_node(const char *name)
{
	struct inode *root, *inode;
	size_t len = strlen(name);

	mutex_lock(&devices_lock);
	if (devices) {
		root = devices->root->inode;
		mutex_lock(&root->lock);
		if (!root->ops->lookup(root, name, len, &inode)) {
			root->ops->unlink(root, name, len, inode);
			inode_put(inode);
		}
		mutex_unlock(&root->lock);
		dentry_prune(devices->root);
	}
	mutex_unlock(&devices_lock);
}

void devfs_watch_disks(void)
{
	static struct block_watcher watcher = {
		.added = disk_added,
		.removed = disk_removed,
	};

	block_watch(&watcher);
}

static const struct file_system_type devfs_type = {
	.name = "devtmpfs",
	.mount = devfs_mount,
};

void devfs_init(void)
{
	memory_devices_init();
	kmsg_init();
	file_system_register(&devfs_type);
}
