/* SPDX-License-Identifier: MIT */
/*
 * inode.h - a file itself, without its names; and the file systems it is in
 *
 * A file system fills in inode_ops (what can be done with names in a
 * directory) and file_ops (file.h: what can be done with an open file).
 * Read: OSTEP ch. 39-40 (files and directories, file system implementation).
 */
#pragma once

#include "kernel/lib/list.h"
#include "kernel/lib/refcount.h"
#include "kernel/mm/page_cache.h"
#include "kernel/sync/deferred.h"
#include "kernel/sync/hart_count.h"
#include "kernel/sync/mutex.h"

struct dentry;
struct file;
struct file_ops;
struct inode;
struct io_buf;
struct path;
struct pipe;
struct super_block;
struct statfs_info;
struct unix_socket;
struct block_device;

struct inode_acl;

/* Times are ns since 1970. */

struct inode {
	struct refcount refs;
	struct mutex lock;      /* rank LOCK_INODE: names in a directory, size,
			      attributes */
	struct super_block *sb; /* fixed */
	uint64_t ino;           /* fixed; unique in sb, not 0 */
	const struct inode_ops *ops;     /* fixed */
	const struct file_ops *file_ops; /* for open; fixed */

	/* Under lock; single words may be read freely. */
	uint32_t mode; /* S_IF* and permissions */
	uint32_t uid, gid;
	uint32_t nlink;
	struct inode_acl *acl; /* more than the mode says, or NULL: acl.h */
	uint64_t atime, mtime, ctime, btime;
	uint64_t blocks_512; /* st_blocks, where not counted from the cache */

	uint64_t rdev; /* devices: fixed; makedev of <linux/kdev_t.h> */
	struct page_cache cache;    /* regular files: contents and size */
	void *data;                 /* the file system's, or the pipe, socket */
	struct pipe *fifo;          /* S_IFIFO: while it is open; vfs/pipe.c */
	struct unix_socket *socket; /* S_IFSOCK: who is bound; net/unix.c */
	struct file_lock_list *locks; /* advisory locks; vfs/file_lock.c */
	struct list_head watches;     /* inotify; vfs/inotify.c */
	unsigned int writers;         /* open for writing; -ETXTBSY; atomic */
	int exec_count;               /* running as a program; atomic */
	bool has_default_acl; /* directories: what is made inherits it; lock */
	bool linkable;        /* O_TMPFILE: link(2) may give the first name */
	/* File systems with write_inode: */
	unsigned int dirty;          /* INODE_DIRTY_*; atomic */
	struct list_head dirty_node; /* in sb->dirty_inodes; inode_dirty.c */
	struct deferred deferred;    /* it is being freed */
};

/* What of an inode is newer than the disk (its pages: see cache.num_dirty). */
#define INODE_DIRTY_TIMES 1u /* only times: fdatasync(2) may leave them */
#define INODE_DIRTY_DATA  2u /* size, mode, owner, links: what matters */

struct inode_ops {
	/*
	 * All are called with @dir->lock held (lookup too) and permissions
	 * checked. @name is not ended by NUL. New inodes come with a reference.
	 * NULL: -EPERM (lookup: -ENOTDIR).
	 */
	/* 0 and the inode, or -ENOENT, ... */
	int (*lookup)(struct inode *dir, const char *name, size_t len,
		      struct inode **out);
	/* @mode has S_IF*; regular files, fifos, sockets, devices (@rdev). */
	int (*create)(struct inode *dir, const char *name, size_t len,
		      uint32_t mode, uint64_t rdev, struct inode **out);
	int (*mkdir)(struct inode *dir, const char *name, size_t len,
		     uint32_t mode, struct inode **out);
	int (*symlink)(struct inode *dir, const char *name, size_t len,
		       const char *target, struct inode **out);
	int (*link)(struct inode *dir, const char *name, size_t len,
		    struct inode *inode);
	/* Both locked; drops a link of @inode. */
	int (*unlink)(struct inode *dir, const char *name, size_t len,
		      struct inode *inode);
	int (*rmdir)(struct inode *dir, const char *name, size_t len,
		     struct inode *inode);
	/* @target may be NULL; @flags RENAME_*: rename(2). All locked. */
	int (*rename)(struct inode *old_dir, const char *old_name,
		      size_t old_len, struct inode *inode,
		      struct inode *new_dir, const char *new_name,
		      size_t new_len, struct inode *target, unsigned int flags);
	/* An unnamed file (O_TMPFILE). */
	int (*tmpfile)(struct inode *dir, uint32_t mode, struct inode **out);

	/* Symbolic links: text into @buf; returns its length. */
	ssize_t (*readlink)(struct inode *inode, char *buf, size_t size);
	/*
	 * "Magic" links (/proc/PID/fd/N, exe, cwd): jump to a path without
	 * following text. References taken. NULL: follow readlink's text.
	 */
	int (*jump)(struct inode *inode, struct path *out);
	/* Bring attributes up to date before a stat or permission check
	   (procfs). May be NULL. */
	void (*refresh)(struct inode *inode);
	/* Disk space, in units of 512 bytes, that is wanted but not chosen yet:
	   for st_blocks. May be NULL. */
	uint64_t (*promised_512)(const struct inode *inode);
	/* Size set by truncate or O_TRUNC, locked. NULL: page_cache_truncate. */
	int (*truncate)(struct inode *inode, uint64_t size);
	/* Attributes were changed, locked. May be NULL. May refuse. */
	int (*set_attributes)(struct inode *inode);
	/* xattr(7); value NULL removes. -ENODATA, -ERANGE, -EOPNOTSUPP. */
	ssize_t (*get_xattr)(struct inode *inode, const char *name, void *value,
			     size_t size);
	int (*set_xattr)(struct inode *inode, const char *name,
			 const void *value, size_t size, int flags);
	ssize_t (*list_xattr)(struct inode *inode, char *list, size_t size);
	/* Is a cached dentry still right? False: look up again (procfs). */
	bool (*still_valid)(struct inode *dir, struct dentry *dentry);
};

struct super_ops {
	/*
	 * The last reference to an inode is gone: free it and, if nlink is 0,
	 * its blocks. An inode that is dirty, or has dirty pages, is held until
	 * it was written; so with links left nothing needs to be written here,
	 * and nothing may sleep for the disk: memory pressure may have taken
	 * the name, with a vm_space and a cache locked.
	 */
	void (*destroy_inode)(struct inode *inode);
	/*
	 * Attributes were changed under @inode->lock (INODE_DIRTY_* in @how):
	 * called each time, for a journal that wants to log it at once. Times
	 * of a read come without the lock. May be NULL.
	 */
	void (*dirty_inode)(struct inode *inode, unsigned int how);
	/*
	 * Bring the inode's attributes to where fsync would find them: to its
	 * block in the device's cache, or into the running transaction. inode->
	 * dirty was cleared before. 0 or an error. Not NULL: the file system
	 * has inodes that inode_mark_dirty() keeps a list of. No lock held.
	 */
	int (*write_inode)(struct inode *inode);
	int (*statfs)(struct super_block *sb, struct statfs_info *info);
	/*
	 * sync(2), syncfs(2), the end of a mount: everything the file system
	 * holds back goes to the disk and is flushed. Files' pages and dirty
	 * inodes have been written before.
	 */
	int (*sync)(struct super_block *sb);
	/*
	 * mount -o remount,...; may be NULL. @flags: MS_RDONLY or not from now
	 * on. When it becomes so, sb->flags has it already, and no file is open
	 * for writing; see to it that the disk is as after an unmount.
	 */
	int (*remount)(struct super_block *sb, unsigned int flags,
		       const char *options);
	/* Options as in /proc/mounts, e.g. "size=1024k,mode=755". */
	void (*show_options)(struct super_block *sb, char *buf, size_t size);
	void (*destroy)(struct super_block *sb);
};

struct super_block {
	struct refcount refs;
	const struct super_ops *ops;
	const struct file_system_type *type;
	uint64_t dev;              /* st_dev */
	uint64_t magic;            /* statfs f_type */
	uint64_t max_file_size;    /* in bytes; fixed */
	unsigned int flags;        /* MS_RDONLY, ... */
	struct hart_count writers; /* regular files open for writing */
	struct mutex rename_lock;  /* rank LOCK_RENAME */
	struct dentry *root;
	/*
	 * Names come and go only through inode_ops, so that "not there" may be
	 * remembered. False for procfs, devpts, ...
	 */
	bool negative_dentries;
	bool nameless; /* pipes, sockets: no walk comes to them; fixed */
	void *data;

	/* On a disk: */
	struct block_device *bdev;     /* held by the mount; or NULL */
	struct error_sequence errors;  /* of write-back: syncfs(2) */
	struct list_head dirty_inodes; /* inode_dirty.c's lock; each is held */
	struct list_head dirty_node;   /* the same: while that is not empty */
};

struct statfs_info {
	uint64_t block_size, blocks, blocks_free, files, files_free, max_name;
};

struct file_system_type {
	const char *name;
	bool has_handles;  /* its inodes have numbers that stay theirs */
	bool needs_device; /* "nodev" in /proc/filesystems when false */
	/*
	 * Make a super block with its root dentry (dentry_make_root()).
	 * @source and @options are strings of mount(2), never NULL.
	 */
	int (*mount)(const struct file_system_type *type, const char *source,
		     unsigned int flags, const char *options,
		     struct super_block **out);
};
/* The table of all file systems is vfs/mount.c's; boot calls this. */
void file_system_register(const struct file_system_type *type);
/* Type @i (0..) or NULL. */
const struct file_system_type *file_system_at(unsigned int i);

/*
 * A new inode in @sb with mode, owner from the current thread's cred (and
 * @dir's group if setgid; @dir may be NULL), times now, refs 1, nlink 1.
 * NULL: no memory.
 */
struct inode *inode_create(struct super_block *sb, struct inode *dir,
			   uint32_t mode);
/*
 * Its contents are pages of @ops, kept on a disk: they are written with the
 * others of its super block, which is told of errors, too (syncfs(2)).
 * Context: nobody else has it yet.
 */
void inode_init_cache(struct inode *inode, const struct page_cache_ops *ops);
/* Free the generic part; called by destroy_inode implementations. */
void inode_free(struct inode *inode);
struct inode *inode_get(struct inode *inode);
void inode_put(struct inode *inode);
/* A super block with defaults; a fresh anonymous st_dev. NULL: no memory. */
struct super_block *super_block_create(const struct file_system_type *type,
				       const struct super_ops *ops,
				       uint64_t magic);
void super_block_put(struct super_block *sb);
/* May the current thread do @may (MAY_*) with @inode? 0 or -EACCES. */
#define MAY_EXEC  1u
#define MAY_WRITE 2u
#define MAY_READ  4u
int inode_permission(struct inode *inode, unsigned int may);
/* The same for a given credential's real ids (faccessat). */
/*
 * Attributes are newer than the disk (INODE_DIRTY_*): the inode is held, and
 * written in some seconds or by sync. Without write_inode: nothing.
 */
void inode_mark_dirty(struct inode *inode, unsigned int how);
/* Write it now if it is dirty; with @data_only not for times alone. */
int inode_write(struct inode *inode, bool data_only);
/* All dirty inodes of @sb: pages, then attributes. */
int super_block_write_inodes(struct super_block *sb, bool wait);
/* The same, and the file system's own: sync(2) for one file system. */
int super_block_sync(struct super_block *sb);
/*
 * Fill in page_cache_ops.hold and .release with these: the cache's inode is
 * held. (The cache is embedded in its inode.)
 */
void inode_cache_hold(struct page_cache *cache);
void inode_cache_release(struct page_cache *cache);
void inode_touch_mtime(struct inode *inode);
void inode_touch_ctime(struct inode *inode);
void inode_touch_atime(struct inode *inode);
uint64_t inode_size(const struct inode *inode);

/*
 * Times are nanoseconds since 1970, modulo 2^64: what would be behind the last
 * second that ext4 has room for, lies before 1970.
 */
#define INODE_TIME_MAX_S 15032385535ull
static inline int64_t inode_time_seconds(uint64_t ns)
{
	uint64_t seconds = ns / NSEC_PER_SEC;

	if (unlikely(seconds > INODE_TIME_MAX_S))
		return -(int64_t)(-ns / NSEC_PER_SEC + !!(-ns % NSEC_PER_SEC));
	return (int64_t)seconds;
}
/* 0 to 999,999,999: what is more than whole seconds. */
static inline uint32_t inode_time_nsec(uint64_t ns)
{
	return (uint32_t)(ns - (uint64_t)inode_time_seconds(ns) * NSEC_PER_SEC);
}
/* The nearest there is. */
uint64_t inode_time_from(int64_t seconds, uint32_t nsec);
/* An unnamed inode in the kernel's own file system, for pipes, sockets and
 * anonymous descriptors. @name: "pipe", "socket", "anon_inode". */
struct inode *inode_create_anonymous(uint32_t mode);
