/* SPDX-License-Identifier: MIT */
/*
 * file.c - open files: reading, writing, moving about in them
 *
 * Idea: struct file is what open(2) made: an inode, how it may be used, and
 * where the next byte is. What the bytes are is the implementation's business
 * (file_ops); here is what holds for all of them, and the operations of plain
 * files in the page cache.
 *
 * Locks: file.pos_lock is held over a read or write at the file's own
 * position, so that threads sharing it get different bytes (read(2)). Files
 * without a position (stream) do not take it.
 */
#include "kernel/vfs/file.h"

#include "kernel/debug/panic.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "kernel/mm/vm_space.h"
#include "kernel/vfs/attributes.h"
#include "kernel/vfs/epoll.h"
#include "kernel/vfs/file_lock.h"
#include "kernel/vfs/internal.h"
#include "kernel/vfs/notify.h"
#include "kernel/vfs/poll.h"

static struct slab_cache *file_slab;
static uint64_t (*size_limit)(void); /* fixed after boot */

/* ---- Life ---- */

/* The last reference is gone. */
static void file_free(struct file *file)
{
	bool writable = file_is_writable(file);

	if (!(file->flags & O_PATH)) {
		notify_dentry(file->path.dentry,
			      writable ? IN_CLOSE_WRITE : IN_CLOSE_NOWRITE);
		if (!list_empty(&file->epoll_items))
			epoll_forget(file);
		if (file->inode->locks)
			file_lock_release_file(file);
		if (file->ops && file->ops->release)
			file->ops->release(file);
		if (file->counts_as_writer)
			inode_end_writer(file->inode);
		if (file->flags & FILE_EXEC)
			__atomic_fetch_sub(&file->inode->exec_count, 1,
					   __ATOMIC_RELEASE);
	}
	path_put(&file->path);
	cred_put(file->cred);
	slab_free(file_slab, file);
}

static void get_for_mapping(struct file *file, unsigned int count)
{
	refcount_get_many(&file->refs, count);
}

static int sync_for_mapping(struct file *file)
{
	int err = file_sync(file, true);

	return err == -EINVAL ? 0 : err; /* /dev/zero and the like */
}

static void put_for_mapping(struct file *file, unsigned int count)
{
	if (refcount_put_many(&file->refs, count))
		file_free(file);
}

static const struct vm_file_ops mapping_ops = {
	.get = get_for_mapping,
	.put = put_for_mapping,
	.sync = sync_for_mapping,
};

void file_cache_init(void)
{
	file_slab = slab_cache_create("file", sizeof(struct file), 0);
	assert(file_slab);
	vm_set_file_ops(&mapping_ops);
}

int file_alloc(const struct path *path, unsigned int flags, struct file **out)
{
	struct file *file = slab_alloc_zero(file_slab);

	if (!file)
		return -ENOMEM;
	refcount_init(&file->refs, 1);
	mutex_init(&file->pos_lock, LOCK_FILE);
	file->path = *path;
	file->inode = path->dentry->inode;
	file->flags = flags;
	file->cred = cred_get(vfs_cred());
	file->cache = &file->inode->cache;
	file->error_seen = error_sequence_sample(&file->cache->errors);
	file->super_error_seen =
		error_sequence_sample(&file->inode->sb->errors);
	list_init(&file->epoll_items);
	*out = file;
	return 0;
}

int file_create_anonymous(struct inode *inode, const char *name,
			  const struct file_ops *ops, unsigned int flags,
			  void *data, struct file **out)
{
	struct path path = { NULL, dentry_make_anonymous(inode, name) };
	int err;

	if (!path.dentry)
		return -ENOMEM;
	err = file_alloc(&path, flags, out);
	if (err) {
		path_put(&path);
		return err;
	}
	(*out)->ops = ops;
	(*out)->data = data;
	return 0;
}

struct file *file_get(struct file *file)
{
	refcount_get(&file->refs);
	return file;
}

void file_put(struct file *file)
{
	if (refcount_put(&file->refs))
		file_free(file);
}

/* ---- Reading and writing ---- */

/* Access, then a wrong kind of file, as Linux sorts the errors. */
static int check_read(const struct file *file)
{
	if (unlikely(!file_is_readable(file)))
		return -EBADF;
	if (unlikely(!file->ops->read))
		return S_ISDIR(file->inode->mode) ? -EISDIR : -EINVAL;
	return 0;
}

static int check_write(const struct file *file)
{
	if (unlikely(!file_is_writable(file)))
		return -EBADF;
	return unlikely(!file->ops->write) ? -EINVAL : 0;
}

/* Do @size bytes at @pos lie partly where no offset is? */
static bool is_beyond(loff_t pos, size_t size)
{
	return (pos | (loff_t)((uint64_t)pos + size)) < 0;
}

/* O_SYNC, O_DSYNC: a write is done when it is on the disk. */
static __noinline ssize_t sync_written(struct file *file, ssize_t done)
{
	bool data_only = !(READ_ONCE(file->flags) & (O_SYNC & ~O_DSYNC));
	int err = file_sync(file, data_only);

	return err && err != -EINVAL ? err : done;
}

/* O_DIRECT: past the cache, for files that can do that. */
static __noinline ssize_t direct_io(struct file *file, struct io_buf *io,
				    loff_t *pos, bool write) UNCHECKED_LOCKING
{
	ssize_t done;

	if (pos && is_beyond(*pos, io->left))
		return -EINVAL;
	if (!pos)
		mutex_lock(&file->pos_lock);
	done = file->ops->direct(file, io, pos ? pos : &file->pos, write);
	if (!pos)
		mutex_unlock(&file->pos_lock);
	if (done > 0)
		notify_dentry(file->path.dentry, write ? IN_MODIFY : IN_ACCESS);
	if (done > 0 && write && READ_ONCE(file->flags) & O_DSYNC)
		done = sync_written(file, done);
	return done;
}

ssize_t file_read(struct file *file, struct io_buf *io, loff_t *pos)
{
	const struct file_ops *ops = file->ops;
	ssize_t done = check_read(file);

	if (unlikely(done))
		return done;
	if (unlikely(READ_ONCE(file->flags) & (O_NONBLOCK | O_DIRECT))) {
		io->nonblock |= (READ_ONCE(file->flags) & O_NONBLOCK) != 0;
		if (ops->direct && READ_ONCE(file->flags) & O_DIRECT)
			return direct_io(file, io, pos, false);
	}
	if (ops->stream) {
		if (pos && !file_takes_positions(file))
			return -ESPIPE;
		done = ops->read(file, io, NULL);
	} else if (pos) {
		if (is_beyond(*pos, io->left))
			return -EINVAL;
		done = ops->read(file, io, pos);
	} else {
		mutex_lock(&file->pos_lock);
		done = ops->read(file, io, &file->pos);
		mutex_unlock(&file->pos_lock);
	}
	if (done > 0)
		notify_dentry(file->path.dentry, IN_ACCESS);
	return done;
}

ssize_t file_write(struct file *file, struct io_buf *io, loff_t *pos)
{
	const struct file_ops *ops = file->ops;
	ssize_t done = check_write(file);

	if (unlikely(done))
		return done;
	if (unlikely(READ_ONCE(file->flags) & (O_NONBLOCK | O_DIRECT))) {
		io->nonblock |= (READ_ONCE(file->flags) & O_NONBLOCK) != 0;
		if (ops->direct && READ_ONCE(file->flags) & O_DIRECT)
			return direct_io(file, io, pos, true);
	}
	if (ops->stream) {
		if (pos && !file_takes_positions(file))
			return -ESPIPE;
		done = ops->write(file, io, NULL);
	} else if (pos) {
		if (is_beyond(*pos, io->left))
			return -EINVAL;
		done = ops->write(file, io, pos);
	} else {
		mutex_lock(&file->pos_lock);
		if (likely(!is_beyond(file->pos, io->left)))
			done = ops->write(file, io, &file->pos);
		else
			done = -EINVAL;
		mutex_unlock(&file->pos_lock);
	}
	if (done > 0) {
		notify_dentry(file->path.dentry, IN_MODIFY);
		if (unlikely(READ_ONCE(file->flags) & O_DSYNC))
			done = sync_written(file, done);
	}
	return done;
}

ssize_t file_read_kernel(struct file *file, void *buf, size_t size, loff_t pos)
{
	struct io_buf io;

	io_buf_kernel(&io, buf, size);
	return file_read(file, &io, &pos);
}

ssize_t file_write_kernel(struct file *file, const void *buf, size_t size,
			  loff_t pos)
{
	struct io_buf io;

	/* A write only reads from the buffer. */
	io_buf_kernel(&io, (void *)(uintptr_t)buf, size);
	return file_write(file, &io, &pos);
}

int file_sync(struct file *file, bool data_only)
{
	int err, old_err;

	if (file->ops->fsync) {
		err = file->ops->fsync(file, data_only);
		old_err = error_sequence_check(&file->cache->errors,
					       &file->error_seen);
		return err ? err : old_err;
	}
	/* Directories of what lives in memory only. */
	return S_ISDIR(file->inode->mode) ? 0 : -EINVAL;
}

int generic_file_sync(struct file *file, bool data_only)
{
	struct inode *inode = file->inode;
	int err = page_cache_sync(&inode->cache, 0, UINT64_MAX);
	int inode_err = inode_write(inode, data_only);

	return err ? err : inode_err;
}

unsigned int file_poll(struct file *file, struct poll_table *table)
{
	if (file->ops->poll)
		return file->ops->poll(file, table);
	return EPOLLIN | EPOLLOUT | EPOLLRDNORM | EPOLLWRNORM;
}

/* ---- Moving about ---- */

/* The next byte of data (or hole) at or after *@offset. */
static int seek_data_or_hole(struct page_cache *cache, loff_t *offset,
			     bool data)
{
	uint64_t size = cache->size_bytes;
	uint64_t index = (uint64_t)*offset >> PAGE_SHIFT, next;
	int err = 0;

	if (*offset < 0 || (uint64_t)*offset >= size)
		return -ENXIO;
	mutex_lock(&cache->lock);
	next = index;
	if (data) {
		if (!radix_next(&cache->pages, &next) ||
		    next << PAGE_SHIFT >= size)
			err = -ENXIO;
	} else {
		while (radix_get(&cache->pages, next))
			next++;
	}
	mutex_unlock(&cache->lock);
	if (!err && next > index)
		*offset = (loff_t)MIN(next << PAGE_SHIFT, size);
	return err;
}

/* Only what lies in memory alone knows its holes; elsewhere all is data. */
static int seek_in_contents(struct inode *inode, loff_t *offset, bool data)
{
	if (inode->cache.flags & PAGE_CACHE_MEMORY)
		return seek_data_or_hole(&inode->cache, offset, data);
	if (*offset < 0 || (uint64_t)*offset >= inode_size(inode))
		return -ENXIO;
	if (!data)
		*offset = (loff_t)inode_size(inode);
	return 0;
}

loff_t generic_file_seek(struct file *file, loff_t offset, int whence)
{
	loff_t base = 0;
	int err = 0;

	switch (whence) {
	case SEEK_SET:
		break;
	case SEEK_CUR:
		base = file->pos;
		break;
	case SEEK_END:
		base = (loff_t)inode_size(file->inode);
		break;
	case SEEK_DATA:
	case SEEK_HOLE:
		err = seek_in_contents(file->inode, &offset,
				       whence == SEEK_DATA);
		break;
	default:
		return -EINVAL;
	}
	if (err)
		return err;
	if (__builtin_add_overflow(base, offset, &offset) || offset < 0)
		return -EINVAL;
	file->pos = offset;
	return offset;
}

loff_t file_seek(struct file *file, loff_t offset, int whence)
{
	const struct file_ops *ops = file->ops;
	loff_t pos;

	if (!ops || (ops->stream && !ops->seek))
		return -ESPIPE;
	mutex_lock(&file->pos_lock);
	pos = ops->seek ? ops->seek(file, offset, whence)
			: generic_file_seek(file, offset, whence);
	mutex_unlock(&file->pos_lock);
	return pos;
}

void file_touch_atime(struct file *file)
{
	const struct mount *mount = file->path.mount;
	unsigned int forbid = MS_NOATIME | MS_RDONLY;

	if (S_ISDIR(file->inode->mode))
		forbid |= MS_NODIRATIME;
	if (READ_ONCE(file->flags) & O_NOATIME ||
	    (mount && READ_ONCE(mount->flags) & forbid))
		return;
	inode_touch_atime(file->inode);
}

int file_readdir(struct file *file, struct dir_emitter *emitter)
{
	struct inode *dir = file->inode;
	int err;

	if (!file->ops->readdir)
		return -ENOTDIR;
	mutex_lock(&file->pos_lock);
	mutex_lock(&dir->lock);
	if (dir->nlink == 0)
		err = -ENOENT;
	else
		err = file->ops->readdir(file, emitter, &file->pos);
	mutex_unlock(&dir->lock);
	mutex_unlock(&file->pos_lock);
	file_touch_atime(file);
	return err;
}

bool dir_emit_dots(struct file *file, struct dir_emitter *emitter, loff_t *pos)
{
	struct dentry *dentry = file->path.dentry;

	if (*pos == 0) {
		if (!emitter->emit(emitter, ".", 1, dentry->inode->ino, DT_DIR,
				   1))
			return false;
		*pos = 1;
	}
	if (*pos == 1) {
		uint64_t ino;

		spin_lock(&dentry_lock);
		ino = dentry->parent->inode->ino;
		spin_unlock(&dentry_lock);
		if (!emitter->emit(emitter, "..", 2, ino, DT_DIR, 2))
			return false;
		*pos = 2;
	}
	return true;
}

/* ---- Plain files in the page cache ---- */

ssize_t generic_file_read(struct file *file, struct io_buf *io, loff_t *pos)
{
	ssize_t done = page_cache_read_file(&file->inode->cache, &file->ahead,
					    io, *pos);

	if (done > 0)
		*pos += done;
	file_touch_atime(file);
	return done;
}

void file_set_size_limit_fn(uint64_t (*limit)(void))
{
	size_limit = limit;
}

static uint64_t largest_size(const struct inode *inode)
{
	uint64_t size = inode->sb->max_file_size;

	return size_limit ? MIN(size, size_limit()) : size;
}

int file_check_size_limit(const struct inode *inode, uint64_t size)
{
	return size > largest_size(inode) ? -EFBIG : 0;
}

ssize_t file_bytes_allowed(const struct inode *inode, loff_t pos, size_t size)
{
	uint64_t end = largest_size(inode), at = (uint64_t)pos;

	if (at >= end)
		return -EFBIG;
	return (ssize_t)MIN((uint64_t)size, end - at);
}

static ssize_t write_to_cache(struct inode *inode, struct io_buf *io,
			      loff_t pos)
{
	return page_cache_write(&inode->cache, io, pos);
}

static force_inline ssize_t
write_by(struct file *file, struct io_buf *io, loff_t *pos,
	 ssize_t (*write)(struct inode *inode, struct io_buf *io, loff_t pos))
{
	struct inode *inode = file->inode;
	size_t left = io->left;
	ssize_t done, allowed;
	loff_t at;

	if (!left)
		return 0;
	mutex_lock(&inode->lock);
	at = READ_ONCE(file->flags) & O_APPEND ? (loff_t)inode_size(inode)
					       : *pos;
	done = allowed = file_bytes_allowed(inode, at, left);
	if (allowed > 0) {
		inode_drop_set_id(inode);
		io->left = (size_t)allowed;
		done = write(inode, io, at);
		io->left += left - (size_t)allowed;
	}
	if (done > 0) {
		*pos = at + done;
		inode_touch_mtime(inode);
		/* mtime alone could wait for fdatasync(2); size cannot. */
		if (at + done == (loff_t)inode_size(inode) &&
		    inode->sb->ops->write_inode)
			inode_mark_dirty(inode, INODE_DIRTY_DATA);
	}
	mutex_unlock(&inode->lock);
	return done;
}

ssize_t generic_file_write(struct file *file, struct io_buf *io, loff_t *pos)
{
	return write_by(file, io, pos, write_to_cache);
}

ssize_t generic_file_write_by(struct file *file, struct io_buf *io, loff_t *pos,
			      ssize_t (*write)(struct inode *inode,
					       struct io_buf *io, loff_t pos))
{
	return write_by(file, io, pos, write);
}
