/* SPDX-License-Identifier: MIT */
/*
 * initramfs.c - the first files: an archive that comes with the kernel
 *
 * Idea: each member of the archive becomes a file by the same calls that a
 * program would use. What cannot be made is said once and skipped; a broken
 * archive ends the unpacking, and what came before stays.
 *
 * A directory's time is set last of all, because each name that is added to it
 * changes it.
 *
 * Hard links: members with the same device and inode number are one file; the
 * first makes it, the others link to it, and any of them may bring the data.
 */
#include "kernel/vfs/initramfs.h"

#include "kernel/debug/log.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "kernel/vfs/cpio.h"
#include "kernel/vfs/device.h"
#include "kernel/vfs/internal.h"

/* The first name of a file that has several. */
struct first_name {
	struct list_head node;
	uint32_t ino, dev_major, dev_minor;
	const char *name; /* in the archive */
};

/* A directory whose time is still to be set. */
struct directory_time {
	struct list_head node;
	const char *name; /* in the archive */
	uint32_t mtime;
};

struct unpacker {
	struct list_head first_names;
	struct list_head directory_times;
	unsigned int num_failed;
};

/* ---- Names ---- */

/* Names are meant from the root, however they begin. "": the root itself. */
static const char *relative_name(const char *name)
{
	for (;;) {
		if (name[0] == '/')
			name++;
		else if (name[0] == '.' && name[1] == '/')
			name += 2;
		else
			break;
	}
	return name[0] == '.' && !name[1] ? name + 1 : name;
}

static struct fs_name at_root(const char *name)
{
	return (struct fs_name){ mount_root_path(), name };
}

static int lookup(const char *name, struct path *path)
{
	return path_lookup(mount_root_path(), name, 0, path, NULL);
}

/* ---- Hard links ---- */

static const char *find_first_name(const struct unpacker *unpacker,
				   const struct cpio_entry *entry)
{
	const struct first_name *first;

	list_for_each (first, &unpacker->first_names, node) {
		if (first->ino == entry->ino &&
		    first->dev_major == entry->dev_major &&
		    first->dev_minor == entry->dev_minor)
			return first->name;
	}
	return NULL;
}

static int remember_name(struct unpacker *unpacker,
			 const struct cpio_entry *entry, const char *name)
{
	struct first_name *first = kmalloc(sizeof(*first));

	if (!first)
		return -ENOMEM;
	first->ino = entry->ino;
	first->dev_major = entry->dev_major;
	first->dev_minor = entry->dev_minor;
	first->name = name;
	list_push_back(&unpacker->first_names, &first->node);
	return 0;
}

static void forget_names(struct unpacker *unpacker)
{
	while (!list_empty(&unpacker->first_names)) {
		struct first_name *first = list_first(&unpacker->first_names,
						      struct first_name, node);

		list_remove(&first->node);
		kfree(first);
	}
}

/* ---- Times of directories ---- */

/* Without memory the time is wrong: no reason to give up. */
static void remember_time(struct unpacker *unpacker, const char *name,
			  uint32_t mtime)
{
	struct directory_time *time = kmalloc(sizeof(*time));

	if (!time)
		return;
	time->name = name;
	time->mtime = mtime;
	list_push_back(&unpacker->directory_times, &time->node);
}

static void set_directory_times(struct unpacker *unpacker)
{
	while (!list_empty(&unpacker->directory_times)) {
		struct directory_time *time =
			list_first(&unpacker->directory_times,
				   struct directory_time, node);
		struct path path;

		if (!lookup(*time->name ? time->name : ".", &path)) {
			path.dentry->inode->mtime = time->mtime * NSEC_PER_SEC;
			path_put(&path);
		}
		list_remove(&time->node);
		kfree(time);
	}
}

/* ---- Members ---- */

static int write_contents(const char *name, const struct cpio_entry *entry)
{
	struct file *file;
	ssize_t done;
	int err;

	err = file_open(mount_root_path(), name,
			O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600, &file);
	if (err)
		return err;
	done = entry->size
		       ? file_write_kernel(file, entry->data, entry->size, 0)
		       : 0;
	file_put(file);
	if (done < 0)
		return (int)done;
	return (size_t)done == entry->size ? 0 : -ENOSPC;
}

static int make_file(struct unpacker *unpacker, const char *name,
		     const struct cpio_entry *entry)
{
	const char *first = NULL;
	int err = 0;

	if (entry->nlink > 1) {
		first = find_first_name(unpacker, entry);
		err = first ? vfs_link(at_root(first), at_root(name), 0)
			    : remember_name(unpacker, entry, name);
	}
	if (!err && (!first || entry->size))
		err = write_contents(name, entry);
	return err;
}

static int make_symlink(const char *name, const struct cpio_entry *entry)
{
	char *target;
	int err;

	if (entry->size >= PATH_MAX)
		return -ENAMETOOLONG;
	target = kmalloc(entry->size + 1);
	if (!target)
		return -ENOMEM;
	memcpy(target, entry->data, entry->size);
	target[entry->size] = '\0';
	err = vfs_symlink(at_root(name), target);
	kfree(target);
	return err;
}

static int make_directory(const char *name)
{
	struct path path;
	int err;

	err = vfs_mkdir(at_root(name), 0700);
	if (err != -EEXIST)
		return err;
	err = lookup(name, &path);
	if (err)
		return err;
	err = S_ISDIR(path.dentry->inode->mode) ? 0 : -EEXIST;
	path_put(&path);
	return err;
}

static int make_member(struct unpacker *unpacker, const char *name,
		       const struct cpio_entry *entry)
{
	switch (entry->mode & S_IFMT) {
	case S_IFREG:
		return make_file(unpacker, name, entry);
	case S_IFDIR:
		return make_directory(name);
	case S_IFLNK:
		return make_symlink(name, entry);
	case S_IFCHR:
	case S_IFBLK:
	case S_IFIFO:
	case S_IFSOCK:
		return vfs_mknod(
			at_root(name), entry->mode,
			device_number(entry->rdev_major, entry->rdev_minor));
	default:
		return -EINVAL;
	}
}

/* Owner, mode and time as the archive has them. */
static int set_attributes(const char *name, const struct cpio_entry *entry)
{
	struct inode *inode;
	struct path path;
	int err;

	err = lookup(*name ? name : ".", &path);
	if (err)
		return err;
	inode = path.dentry->inode;
	mutex_lock(&inode->lock);
	inode->uid = entry->uid;
	inode->gid = entry->gid;
	if (!S_ISLNK(inode->mode))
		inode->mode = (inode->mode & S_IFMT) | (entry->mode & 07777);
	inode->mtime = entry->mtime * NSEC_PER_SEC;
	mutex_unlock(&inode->lock);
	path_put(&path);
	return 0;
}

static int unpack_member(struct unpacker *unpacker,
			 const struct cpio_entry *entry)
{
	const char *name = relative_name(entry->name);
	int err = 0;

	if (*name) {
		err = make_member(unpacker, name, entry);
		if (err == -EEXIST) {
			/* A later member takes the place of an earlier one. */
			err = vfs_unlink(at_root(name));
			if (!err)
				err = make_member(unpacker, name, entry);
		}
	} else if (!S_ISDIR(entry->mode)) {
		err = -EINVAL;
	}
	if (!err && S_ISDIR(entry->mode))
		remember_time(unpacker, name, entry->mtime);
	return err ? err : set_attributes(name, entry);
}

int initramfs_unpack(const void *data, size_t size)
{
	struct unpacker unpacker = { .num_failed = 0 };
	enum cpio_result result;
	struct cpio_reader reader;
	struct cpio_entry entry;
	int err = 0;

	list_init(&unpacker.first_names);
	list_init(&unpacker.directory_times);
	cpio_open(&reader, data, size);
	while ((result = cpio_next(&reader, &entry)) == CPIO_ENTRY ||
	       result == CPIO_TRAILER) {
		if (result == CPIO_TRAILER) {
			forget_names(&unpacker);
			continue;
		}
		err = unpack_member(&unpacker, &entry);
		if (err && unpacker.num_failed++ == 0)
			log_warning("initramfs: cannot make %s: error %d",
				    entry.name, -err);
		if (err == -ENOMEM || err == -ENOSPC)
			break;
		err = 0;
	}
	forget_names(&unpacker);
	set_directory_times(&unpacker);
	if (unpacker.num_failed > 1)
		log_warning("initramfs: %u files could not be made",
			    unpacker.num_failed);
	if (result == CPIO_BROKEN) {
		log_warning("initramfs: broken at byte %lu: %s",
			    (unsigned long)reader.at, reader.error);
		err = -EINVAL;
	}
	return err;
}
