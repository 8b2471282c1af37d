/* SPDX-License-Identifier: MIT */
/*
 * file.h - open files, and the descriptors that name them
 *
 * Three levels, as in POSIX: a descriptor (small number, per process) refers
 * to an open file description (struct file: offset, flags; shared after dup
 * and fork), which refers to an inode.
 */
#pragma once

#include "kernel/abi/fcntl.h"
#include "kernel/lib/refcount.h"
#include "kernel/vfs/inode.h"
#include "kernel/vfs/io_buf.h"
#include "kernel/vfs/path.h"

struct poll_table;
struct vm_map_args;
struct cred;

struct file {
	struct refcount refs;
	const struct file_ops *ops; /* fixed */
	struct inode *inode;        /* fixed; part of path's reference */
	struct path path;           /* fixed; mount may be NULL */
	unsigned int flags;         /* O_*: fcntl(2) F_GETFL; atomic */
	struct mutex pos_lock;      /* rank LOCK_FILE */
	loff_t pos;                 /* under pos_lock */
	const struct cred *cred;    /* who opened it */
	void *data;                 /* the implementation's */
	struct {
		int pid; /* F_SETOWN */
		int signal;
	} owner;
	struct list_head epoll_items; /* epoll watches of this file; epoll.c */
	bool counts_as_writer;        /* in inode->writers; fixed */
	struct read_ahead ahead;      /* a hint; races do no harm */
	struct page_cache *cache; /* the contents' (a device's, the inode's) */
	uint32_t error_seen, super_error_seen; /* of cache's and sb's errors */
};

/* d_type for emit: DT_* of readdir(3). Returns false to stop (buffer full). */
struct dir_emitter {
	bool (*emit)(struct dir_emitter *emitter, const char *name, size_t len,
		     uint64_t ino, unsigned int type, loff_t next);
};

struct file_ops {
	/* Called by open after the file is made; may replace data, may refuse. */
	int (*open)(struct inode *inode, struct file *file);
	/* The last reference is gone. */
	void (*release)(struct file *file);
	/* A descriptor was closed (each close; POSIX locks). */
	void (*flush)(struct file *file);
	/*
	 * Bytes moved, or a negative errno. *@pos moves on. Files without a
	 * position (stream true) get NULL. io->nonblock says not to wait.
	 */
	ssize_t (*read)(struct file *file, struct io_buf *io, loff_t *pos);
	ssize_t (*write)(struct file *file, struct io_buf *io, loff_t *pos);
	/* NULL: the generic one for regular files; for streams -ESPIPE. */
	loff_t (*seek)(struct file *file, loff_t offset, int whence);
	/* From *@pos on, "." and ".." included; *@pos moves on. */
	int (*readdir)(struct file *file, struct dir_emitter *emitter,
		       loff_t *pos);
	/* EPOLL* bits that hold now; registers with @table (may be NULL). */
	unsigned int (*poll)(struct file *file, struct poll_table *table);
	/* @arg is a user pointer or a number. -ENOTTY if unknown. */
	long (*ioctl)(struct file *file, unsigned int cmd, unsigned long arg);
	/* Fill in args->cache or args->special_pages, or refuse (-ENODEV when
	 * NULL and not a regular file). */
	int (*mmap)(struct file *file, struct vm_map_args *args);
	/*
	 * What was written is on the medium when it returns; @data_only:
	 * fdatasync(2). generic_file_sync() is the first half. Errors of
	 * earlier write-backs are file_sync()'s business.
	 */
	int (*fsync)(struct file *file, bool data_only);
	/*
	 * O_DIRECT, for files that can do it (else open with it is -EINVAL):
	 * read or write past the cache at *@pos, all multiples of the logical
	 * block size; bytes, or -EINVAL. Cached pages in the way have been
	 * written and dropped.
	 */
	ssize_t (*direct)(struct file *file, struct io_buf *io, loff_t *pos,
			  bool write);
	int (*fallocate)(struct file *file, int mode, loff_t offset,
			 loff_t size);
	/* Lines for /proc/PID/fdinfo/N beyond pos and flags. */
	void (*show_fdinfo)(struct file *file, char *buf, size_t size);
	bool stream; /* no position: pipes, sockets, terminals */
};

/*
 * pread(2) and the like may be used: ESPIPE otherwise. A stream with a seek of
 * its own (/dev/zero) takes any position, and ignores it.
 */
static inline bool file_takes_positions(const struct file *file)
{
	return !file->ops->stream || file->ops->seek;
}

/* In file.flags: opened by file_open_exec(). No O_* has this value. */
#define FILE_EXEC 0x20u

/* O_WRONLY, O_RDWR; never for O_PATH. */
static inline bool file_is_readable(const struct file *file)
{
	return (file->flags + 1) & 1 && !(file->flags & O_PATH);
}
static inline bool file_is_writable(const struct file *file)
{
	return (file->flags + 1) & 2 && !(file->flags & O_PATH);
}

/* Generic operations for page-cache files (tmpfs, and ext4 for reads). */
ssize_t generic_file_read(struct file *file, struct io_buf *io, loff_t *pos);
ssize_t generic_file_write(struct file *file, struct io_buf *io, loff_t *pos);
/* The same with @write, inode locked, in the place of page_cache_write(). */
ssize_t generic_file_write_by(struct file *file, struct io_buf *io, loff_t *pos,
			      ssize_t (*write)(struct inode *inode,
					       struct io_buf *io, loff_t pos));
/* fsync() but for the file system's own part: pages written and waited for,
 * then write_inode. The journal's commit, or block_flush(), comes after. */
int generic_file_sync(struct file *file, bool data_only);
/* It was read: unless O_NOATIME or the mount forbids to say so. */
void file_touch_atime(struct file *file);
loff_t generic_file_seek(struct file *file, loff_t offset, int whence);

struct file *file_get(struct file *file);
void file_put(struct file *file);

/* open(2) by name: @flags O_*, @mode for O_CREAT (umask is applied). */
int file_open(const struct path *start, const char *name, unsigned int flags,
	      uint32_t mode, struct file **out);
/* The same with LOOKUP_* flags of path.h: openat2(2). */
int file_open_resolve(const struct path *start, const char *name,
		      unsigned int flags, unsigned int lookup, uint32_t mode,
		      struct file **out);
/* Open what @path already names (/proc links). */
int file_open_path(const struct path *path, unsigned int flags,
		   struct file **out);
/*
 * Open a program to run it: that needs the right to execute, not to read, and
 * until the last reference is gone nobody can open the file for writing.
 * 0; -EACCES, -ETXTBSY, ...
 */
int file_open_exec(const struct path *path, struct file **out);
/*
 * A file that has no name: pipes, sockets, eventfd. Takes over @inode, also
 * when it fails.
 * @name as /proc/PID/fd shows it, e.g. "anon_inode:[eventfd]" or "pipe:[%lu]"
 * already formatted.
 */
int file_create_anonymous(struct inode *inode, const char *name,
			  const struct file_ops *ops, unsigned int flags,
			  void *data, struct file **out);

/* At the file's own position (pos NULL) or at *pos. */
ssize_t file_read(struct file *file, struct io_buf *io, loff_t *pos);
ssize_t file_write(struct file *file, struct io_buf *io, loff_t *pos);
/* Into kernel memory at @pos: exec. */
ssize_t file_read_kernel(struct file *file, void *buf, size_t size, loff_t pos);
ssize_t file_write_kernel(struct file *file, const void *buf, size_t size,
			  loff_t pos);
loff_t file_seek(struct file *file, loff_t offset, int whence);
/* fsync(2). 0, -EINVAL (nothing that could be synced), -EIO. */
int file_sync(struct file *file, bool data_only);
/* Entries from the file's position on. 0; -ENOTDIR; -ENOENT: removed. */
int file_readdir(struct file *file, struct dir_emitter *emitter);
/* For readdir(): "." and "..", at positions 0 and 1; false: stop. */
bool dir_emit_dots(struct file *file, struct dir_emitter *emitter, loff_t *pos);
/* Largest offset of a file; as Linux on 64 bits. */
#define FILE_SIZE_MAX INT64_MAX
/* May @inode be made @size bytes long? 0 or -EFBIG: more than its file system
 * can have, or than RLIMIT_FSIZE. */
int file_check_size_limit(const struct inode *inode, uint64_t size);
/* How much of @size bytes may be written at @pos, by the same limits. Nothing
 * at all: -EFBIG. */
ssize_t file_bytes_allowed(const struct inode *inode, loff_t pos, size_t size);
/* RLIMIT_FSIZE of the current process: proc/ tells. */
void file_set_size_limit_fn(uint64_t (*limit)(void));
unsigned int file_poll(struct file *file, struct poll_table *table);

/* Descriptors. Close-on-exec is per descriptor. */
#define FD_TABLE_MAX 1048576u

struct fd_table {
	struct refcount refs;
	struct spinlock lock; /* rank LOCK_FD_TABLE */
	/* Under lock; slots may be read without it only by the sole user. */
	struct file **files;
	uint64_t *close_on_exec; /* bitmaps */
	uint64_t *used;
	unsigned int size;
	unsigned int next_free; /* no free slot below */
};
struct fd_table *fd_table_create(void);
/* fork: the same files. NULL: no memory. */
struct fd_table *fd_table_copy(struct fd_table *table);
void fd_table_put(struct fd_table *table);
void fd_table_close_on_exec(struct fd_table *table);

/*
 * Of the current thread. The file with a reference, or NULL (-EBADF). Files
 * opened with O_PATH are only names: fd_get() does not see them, only the few
 * calls of open(2), "O_PATH", do.
 */
struct file *fd_get(int fd);
struct file *fd_get_any(int fd);
/*
 * The lowest free descriptor >= @min, given to @file (reference taken over).
 * Returns it, or -EMFILE (@file is not consumed then), -ENOMEM.
 */
int fd_install(struct file *file, int min, bool close_on_exec);
int fd_close(int fd);
/* dup3: @file (reference taken over) becomes @fd; what was there is closed. */
int fd_replace(int fd, struct file *file, bool close_on_exec);
int fd_get_close_on_exec(int fd);
int fd_set_close_on_exec(int fd, bool on);
/*
 * close_range(2): close, or (@cloexec) mark, the used ones in [first, last].
 */
void fd_close_range(unsigned int first, unsigned int last, bool cloexec);
/* RLIMIT_NOFILE of the current process: proc/ tells. */
void fd_set_limit_fn(uint64_t (*limit)(void));
/* For /proc/PID/fd of another process. */
struct file *fd_table_get(struct fd_table *table, unsigned int fd);
/* First used descriptor >= @fd, or -1. */
int fd_table_next(struct fd_table *table, unsigned int fd);
unsigned int fd_table_count(struct fd_table *table);
