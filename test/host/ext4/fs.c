/* SPDX-License-Identifier: MIT */
/*
 * fs.c - the kernel's ext4 and vfs/ as functions of a program
 */
#include "test/host/ext4/fs.h"

#include "kernel/debug/panic.h"
#include "kernel/fs/ext4/internal.h"
#include "kernel/fs/tmpfs/tmpfs.h"
#include "kernel/lib/string.h"
#include "kernel/mm/writeback.h"
#include "kernel/vfs/attributes.h"
#include "kernel/vfs/internal.h"

static struct image *current_image;

static int mount_image(const struct file_system_type *type, const char *source,
		       unsigned int flags, const char *options,
		       struct super_block **out)
{
	return ext4_mount_disk(type, (struct disk *)current_image, source,
			       flags, options, out);
}

static const struct file_system_type image_type = {
	.name = "image",
	.mount = mount_image,
};

void fs_start(void)
{
	inode_cache_init();
	dentry_cache_init();
	file_cache_init();
	anonymous_init();
	page_wait_init();
	tmpfs_init();
	current()->cred = cred_root();
	assert(!vfs_mount_root(&tmpfs_type, ""));
	current()->fs = fs_context_create();
	assert(current()->fs);
	file_system_register(&image_type);
	assert(!fs_mkdir("/mnt"));
}

int fs_mount(struct image *image, bool read_only, const char *options)
{
	current_image = image;
	return vfs_mount("image", "/mnt", "image", read_only ? MS_RDONLY : 0,
			 options);
}

static struct super_block *mounted(void)
{
	struct super_block *sb = NULL;
	struct path path;

	if (path_lookup(NULL, "/mnt", LOOKUP_FOLLOW, &path, NULL))
		return NULL;
	sb = path.dentry->sb;
	path_put(&path);
	return sb->magic == EXT4_MAGIC ? sb : NULL;
}

void fs_be_quiet(void)
{
	log_set_console_level(0);
}

void fs_each_log_block(void (*each)(void *arg, uint64_t pos, unsigned int size),
		       void *arg)
{
	const struct super_block *sb = mounted();
	const struct journal *journal = sb ? ext4_fs(sb)->journal : NULL;

	for (uint32_t i = 1; journal && i < journal->end; i++)
		each(arg, journal->map[i] * journal->fs->block_size,
		     journal->fs->block_size);
}

int fs_sync(void)
{
	struct super_block *sb = mounted();

	return sb ? super_block_sync(sb) : 0;
}

void fs_write_back(void)
{
	struct super_block *sb = mounted();

	if (sb)
		super_block_write_inodes(sb, true);
}

int fs_unmount(void)
{
	fs_sync();
	return vfs_unmount("/mnt", 0);
}

void fs_forget(void)
{
	dentry_shrink(1000000);
}

static struct fs_name here(const char *name)
{
	return (struct fs_name){ NULL, name };
}

int fs_mkdir(const char *name)
{
	return vfs_mkdir(here(name), 0755);
}

int fs_rmdir(const char *name)
{
	return vfs_rmdir(here(name));
}

int fs_unlink(const char *name)
{
	return vfs_unlink(here(name));
}

int fs_link(const char *old, const char *new)
{
	return vfs_link(here(old), here(new), 0);
}

int fs_symlink(const char *target, const char *name)
{
	return vfs_symlink(here(name), target);
}

int fs_rename(const char *old, const char *new, unsigned int flags)
{
	return vfs_rename(here(old), here(new), flags);
}

int fs_mknod(const char *name, uint32_t mode, uint64_t rdev)
{
	return vfs_mknod(here(name), mode, rdev);
}

static int find(const char *name, struct path *path)
{
	return path_lookup(NULL, name, 0, path, NULL);
}

int fs_truncate(const char *name, uint64_t size)
{
	struct path path;
	int err = find(name, &path);

	if (err)
		return err;
	err = vfs_truncate(&path, size);
	path_put(&path);
	return err;
}

int fs_chmod(const char *name, uint32_t mode)
{
	struct path path;
	int err = find(name, &path);

	if (err)
		return err;
	err = vfs_chmod(&path, mode);
	path_put(&path);
	return err;
}

int fs_stat(const char *name, struct fs_stat *st)
{
	const struct inode *inode;
	struct path path;
	int err = find(name, &path);

	if (err)
		return err;
	inode = path.dentry->inode;
	st->ino = inode->ino;
	st->size = inode_size(inode);
	st->blocks_512 = inode->blocks_512;
	st->mtime = inode->mtime;
	st->btime = inode->btime;
	st->rdev = inode->rdev;
	st->generation =
		inode->sb->magic == EXT4_MAGIC ? ext4_of(inode)->generation : 0;
	st->mode = inode->mode;
	st->nlink = inode->nlink;
	st->uid = inode->uid;
	st->gid = inode->gid;
	path_put(&path);
	return 0;
}

long fs_readlink(const char *name, char *buf, size_t size)
{
	struct path path;
	long len = find(name, &path);

	if (len)
		return len;
	len = path.dentry->inode->ops->readlink
		      ? path.dentry->inode->ops->readlink(path.dentry->inode,
							  buf, size)
		      : -EINVAL;
	path_put(&path);
	return len;
}

static int open_for(const char *name, unsigned int flags, struct file **file)
{
	return file_open(NULL, name, flags | O_NOFOLLOW, 0644, file);
}

int fs_create(const char *name)
{
	struct file *file;
	int err = open_for(name, O_CREAT | O_EXCL | O_WRONLY, &file);

	if (!err)
		file_put(file);
	return err;
}

int fs_open(const char *name, struct file **file)
{
	return open_for(name, O_RDWR, file);
}

void fs_close(struct file *file)
{
	file_put(file);
}

long fs_write(const char *name, uint64_t pos, const void *data, size_t size)
{
	loff_t at = (loff_t)pos;
	struct file *file;
	struct io_buf io;
	long done;
	int err = open_for(name, O_CREAT | O_WRONLY, &file);

	if (err)
		return err;
	io_buf_kernel(&io, (void *)(uintptr_t)data, size);
	done = file->ops->write(file, &io, &at);
	file_put(file);
	return done;
}

long fs_read(const char *name, uint64_t pos, void *data, size_t size)
{
	loff_t at = (loff_t)pos;
	struct file *file;
	struct io_buf io;
	long done;
	int err = open_for(name, O_RDONLY, &file);

	if (err)
		return err;
	io_buf_kernel(&io, data, size);
	done = file->ops->read ? file->ops->read(file, &io, &at) : -EISDIR;
	file_put(file);
	return done;
}

int fs_fsync(const char *name, bool data_only)
{
	struct file *file;
	int err = open_for(name, O_RDONLY, &file);

	if (err)
		return err;
	err = file->ops->fsync(file, data_only);
	file_put(file);
	return err;
}

int fs_fallocate(const char *name, int mode, uint64_t offset, uint64_t size)
{
	struct file *file;
	int err = open_for(name, O_RDWR, &file);

	if (err)
		return err;
	err = file->ops->fallocate(file, mode, (loff_t)offset, (loff_t)size);
	file_put(file);
	return err;
}

int fs_tmpfile(const char *dir, const void *data, size_t size, const char *name)
{
	struct fs_name old, new = here(name);
	struct file *file;
	struct io_buf io;
	loff_t at = 0;
	int err;

	err = file_open(NULL, dir, O_TMPFILE | O_RDWR, 0600, &file);
	if (err)
		return err;
	io_buf_kernel(&io, (void *)(uintptr_t)data, size);
	if (file->ops->write(file, &io, &at) != (ssize_t)size)
		err = -EIO;
	old = (struct fs_name){ &file->path, "" };
	if (!err && name)
		err = vfs_link(old, new, LOOKUP_EMPTY);
	file_put(file);
	return err;
}

struct lister {
	struct dir_emitter emitter;
	void (*each)(void *arg, const char *entry, int64_t next);
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
		lister->each(lister->arg, copy, next);
	return true;
}

int fs_open_dir(const char *name, struct file **file)
{
	return file_open(NULL, name, O_RDONLY | O_DIRECTORY, 0, file);
}

int fs_read_dir(struct file *file, unsigned int room,
		void (*each)(void *arg, const char *entry, int64_t next),
		void *arg)
{
	struct lister lister = { { emit }, each, arg, room };
	int err = file_readdir(file, &lister.emitter);

	return err ? err : (int)(room - lister.room);
}

int fs_seek_dir(struct file *file, int64_t pos)
{
	loff_t found = file_seek(file, pos, SEEK_SET);

	return found < 0 ? (int)found : 0;
}

struct name_taker {
	void (*each)(void *arg, const char *entry);
	void *arg;
};

static void take_name(void *arg, const char *entry, int64_t next)
{
	const struct name_taker *taker = arg;

	taker->each(taker->arg, entry);
}

int fs_list(const char *name, void (*each)(void *arg, const char *entry),
	    void *arg)
{
	struct name_taker taker = { each, arg };
	struct file *file;
	int found = fs_open_dir(name, &file);

	if (found)
		return found;
	do
		found = fs_read_dir(file, 50, take_name, &taker);
	while (found > 0);
	file_put(file);
	return found;
}

/* ---- The hash of a name, which the linker lets through here ---- */

static struct ext4_hash lost_bits;

void fs_weaken_hash(uint32_t major, uint32_t minor)
{
	lost_bits = (struct ext4_hash){ major, minor };
}

int __real_ext4_name_hash(const struct ext4 *fs, unsigned int version,
			  const char *name, size_t len, struct ext4_hash *out);
int __wrap_ext4_name_hash(const struct ext4 *fs, unsigned int version,
			  const char *name, size_t len, struct ext4_hash *out);

int __wrap_ext4_name_hash(const struct ext4 *fs, unsigned int version,
			  const char *name, size_t len, struct ext4_hash *out)
{
	int err = __real_ext4_name_hash(fs, version, name, len, out);

	out->major &= ~lost_bits.major;
	out->minor &= ~lost_bits.minor;
	return err;
}

int fs_set_xattr(const char *name, const char *key, const void *value,
		 size_t size)
{
	struct path path;
	int err = find(name, &path);

	if (err)
		return err;
	err = value ? vfs_set_xattr(&path, key, value, size, 0)
		    : vfs_remove_xattr(&path, key);
	path_put(&path);
	return err;
}

long fs_get_xattr(const char *name, const char *key, void *value, size_t size)
{
	struct path path;
	long done = find(name, &path);

	if (done)
		return done;
	done = vfs_get_xattr(&path, key, value, size);
	path_put(&path);
	return done;
}

long fs_list_xattr(const char *name, char *list, size_t size)
{
	struct path path;
	long done = find(name, &path);

	if (done)
		return done;
	done = vfs_list_xattr(&path, list, size);
	path_put(&path);
	return done;
}

int fs_statfs(uint64_t *free_blocks, uint64_t *free_inodes)
{
	struct statfs_info info = { .blocks_free = 0 };
	struct super_block *sb = mounted();

	if (!sb)
		return -ENODEV;
	sb->ops->statfs(sb, &info);
	*free_blocks = info.blocks_free;
	*free_inodes = info.files_free;
	return 0;
}
