/* SPDX-License-Identifier: MIT */
/*
 * fs_context.c - where a thread is: its root, working directory and umask
 *
 * Idea: shared by clone(CLONE_FS), copied by fork. Who is the only one to use
 * it reads it without the lock, because nobody else can change it.
 */
#include "kernel/vfs/path.h"

#include "kernel/mm/slab.h"
#include "kernel/vfs/internal.h"

static struct fs_context *create(const struct path *root,
				 const struct path *cwd, uint32_t umask)
{
	struct fs_context *fs = kmalloc(sizeof(*fs));

	if (!fs)
		return NULL;
	refcount_init(&fs->refs, 1);
	spin_init(&fs->lock, LOCK_SPIN_MISC);
	fs->root = *root;
	fs->cwd = *cwd;
	fs->umask = umask;
	return fs;
}

struct fs_context *fs_context_create(void)
{
	const struct path *root = mount_root_path();
	struct fs_context *fs = create(root, root, 022);

	if (fs) {
		path_get(&fs->root);
		path_get(&fs->cwd);
	}
	return fs;
}

struct fs_context *fs_context_copy(struct fs_context *fs)
{
	struct path root, cwd;
	struct fs_context *copy;

	spin_lock(&fs->lock);
	root = fs->root;
	cwd = fs->cwd;
	path_get(&root);
	path_get(&cwd);
	spin_unlock(&fs->lock);

	copy = create(&root, &cwd, fs->umask);
	if (!copy) {
		path_put(&root);
		path_put(&cwd);
	}
	return copy;
}

void fs_context_put(struct fs_context *fs)
{
	if (!fs || !refcount_put(&fs->refs))
		return;
	path_put(&fs->root);
	path_put(&fs->cwd);
	kfree(fs);
}

/* Replace one of the two paths; takes the references of @new over. */
static void replace(struct fs_context *fs, struct path *which,
		    const struct path *new)
{
	struct path old;

	spin_lock(&fs->lock);
	old = *which;
	*which = *new;
	spin_unlock(&fs->lock);
	path_put(&old);
}

int vfs_chdir(struct path *path)
{
	int err;

	if (!S_ISDIR(path->dentry->inode->mode))
		err = -ENOTDIR;
	else
		err = inode_permission(path->dentry->inode, MAY_EXEC);
	if (err) {
		path_put(path);
		return err;
	}
	replace(current()->fs, &current()->fs->cwd, path);
	return 0;
}

int vfs_chroot(struct path *path)
{
	int err;

	if (!S_ISDIR(path->dentry->inode->mode))
		err = -ENOTDIR;
	else
		err = inode_permission(path->dentry->inode, MAY_EXEC);
	if (!err && !cred_capable(vfs_cred(), CAP_SYS_CHROOT))
		err = -EPERM;
	if (err) {
		path_put(path);
		return err;
	}
	replace(current()->fs, &current()->fs->root, path);
	return 0;
}
