/* SPDX-License-Identifier: MIT */
/*
 * vfs_kernel.c - the kernel's vfs/ and tmpfs as functions of a program
 */
#include "test/host/vfs_kernel.h"

#include "kernel/debug/panic.h"
#include "kernel/fs/tmpfs/tmpfs.h"
#include "kernel/lib/string.h"
#include "kernel/vfs/attributes.h"
#include "kernel/vfs/internal.h"

void kernel_start(void)
{
	inode_cache_init();
	dentry_cache_init();
	file_cache_init();
	anonymous_init();
	tmpfs_init();
	current()->cred = cred_root();
	assert(!vfs_mount_root(&tmpfs_type, ""));
	current()->fs = fs_context_create();
	assert(current()->fs);
}

static struct fs_name here(const char *name)
{
	return (struct fs_name){ NULL, name };
}

int kernel_mkdir(const char *name)
{
	return vfs_mkdir(here(name), 0777);
}

int kernel_rmdir(const char *name)
{
	return vfs_rmdir(here(name));
}

int kernel_unlink(const char *name)
{
	return vfs_unlink(here(name));
}

int kernel_link(const char *old, const char *new, bool follow)
{
	return vfs_link(here(old), here(new), follow ? LOOKUP_FOLLOW : 0);
}

int kernel_symlink(const char *target, const char *name)
{
	return vfs_symlink(here(name), target);
}

int kernel_rename(const char *old, const char *new, unsigned int flags)
{
	return vfs_rename(here(old), here(new), flags);
}

int kernel_chdir(const char *name)
{
	struct path path;
	int err;

	err = path_lookup(NULL, name, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &path,
			  NULL);
	return err ? err : vfs_chdir(&path);
}

int kernel_truncate(const char *name, unsigned long size)
{
	struct path path;
	int err;

	err = path_lookup(NULL, name, LOOKUP_FOLLOW, &path, NULL);
	if (err)
		return err;
	err = vfs_truncate(&path, size);
	path_put(&path);
	return err;
}

int kernel_open(const char *name, unsigned int flags)
{
	struct file *file;
	int err;

	err = file_open(NULL, name, flags, 0644, &file);
	if (!err)
		file_put(file);
	return err;
}

int kernel_stat(const char *name, bool follow, struct kernel_stat *st)
{
	struct path path;
	int err;

	err = path_lookup(NULL, name, follow ? LOOKUP_FOLLOW : 0, &path, NULL);
	if (err)
		return err;
	st->mode = path.dentry->inode->mode;
	st->nlink = path.dentry->inode->nlink;
	st->size = inode_size(path.dentry->inode);
	path_put(&path);
	return 0;
}

long kernel_readlink(const char *name, char *buf, size_t size)
{
	struct inode *inode;
	struct path path;
	long len;

	len = path_lookup(NULL, name, 0, &path, NULL);
	if (len)
		return len;
	inode = path.dentry->inode;
	len = inode->ops->readlink ? inode->ops->readlink(inode, buf, size)
				   : -EINVAL;
	path_put(&path);
	return len;
}

int kernel_getcwd(char *buf, size_t size, char **name)
{
	const struct fs_context *fs = current()->fs;

	if (fs->cwd.dentry->inode->nlink == 0)
		return -ENOENT;
	return path_name(&fs->cwd, &fs->root, buf, size, name);
}

struct lister {
	struct dir_emitter emitter;
	void (*each)(void *arg, const char *entry);
	void *arg;
	unsigned int room; /* entries that fit: less than all, to go on later */
};

static bool emit(struct dir_emitter *emitter, const char *name, size_t len,
		 uint64_t ino, unsigned int type, loff_t next)
{
	struct lister *lister = container_of(emitter, struct lister, emitter);
	char copy[NAME_MAX + 1];

	if (!lister->room)
		return false;
	lister->room--;
	memcpy(copy, name, len);
	copy[len] = '\0';
	if (strcmp(copy, ".") && strcmp(copy, ".."))
		lister->each(lister->arg, copy);
	return true;
}

int kernel_list(const char *name, void (*each)(void *arg, const char *entry),
		void *arg)
{
	struct lister lister = { { emit }, each, arg, 0 };
	struct file *file;
	int err;

	err = file_open(NULL, name, O_RDONLY | O_DIRECTORY, 0, &file);
	if (err)
		return err;
	do {
		lister.room = 3;
		err = file_readdir(file, &lister.emitter);
	} while (!err && lister.room < 3);
	file_put(file);
	return err;
}

void kernel_forget(unsigned int count)
{
	dentry_shrink(count);
}
