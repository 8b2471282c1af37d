/* SPDX-License-Identifier: MIT */
/*
 * path.h - names: dentries, mounts, and the walk along a path
 *
 * Idea: a dentry remembers that a name in a directory leads to an inode (or to
 * nothing: negative). Dentries form the tree that programs see; a mount puts
 * another file system's root over a dentry. A path is a dentry in a mount.
 * Source: path_resolution(7), mount(2).
 */
#pragma once

#include "kernel/lib/chain.h"
#include "kernel/lib/list.h"
#include "kernel/lib/refcount.h"
#include "kernel/sync/deferred.h"
#include "kernel/sync/hart_count.h"
#include "kernel/vfs/inode.h"

#define DENTRY_SHORT_NAME 40

/*
 * Written under dentry_lock (rank LOCK_DENTRY), but for refs and sb. Read under
 * it, or as far as marked (r) inside a read section; see dentry.c.
 */
struct dentry {
	struct refcount refs;  /* users, children, and 1 while hashed */
	uint32_t hash;         /* of the name (r) */
	struct inode *inode;   /* NULL: negative (r) */
	struct dentry *parent; /* itself for a root (r) */
	char *name;            /* ended by NUL; short_name or allocated (r) */
	unsigned int name_len; /* (r) */
	bool hashed;           /* found by look-ups; false: unlinked */
	bool mount_point;   /* something is mounted here, in some mount (r) */
	bool recently_used; /* since the last pass of the pruning clock (r) */
	struct chain_node hash_node; /* (r) */
	struct list_head sibling, children;
	union {
		struct list_head lru;
		struct deferred deferred; /* it is being freed */
	};
	struct super_block *sb; /* fixed */
	char short_name[DENTRY_SHORT_NAME];
};

/* A place in the tree that programs see. */
struct path {
	struct mount *mount;
	struct dentry *dentry;
};

struct mount {
	struct hart_refs refs; /* 1 while in the table, users, child mounts */
	/* Written under mount_table_lock and dentry_lock, read under either, or
	 * inside a read section. */
	struct mount *parent;       /* NULL: the root mount, or detached */
	struct dentry *mount_point; /* in parent */
	struct chain_node hash_node;
	struct deferred deferred;
	struct dentry *root;    /* fixed */
	struct super_block *sb; /* fixed */
	unsigned int flags; /* MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC... */
	int id;
	bool expiring; /* umount2(MNT_EXPIRE) was here; mount_table_lock */
	char *source;
	struct list_head node; /* all mounts, in order; mount_table_lock */
};

/* Where a thread is: current()->fs; shared by CLONE_FS. */
struct fs_context {
	struct refcount refs;
	struct spinlock lock; /* rank LOCK_SPIN_MISC */
	struct path root;
	struct path cwd;
	uint32_t umask;
};
struct fs_context *fs_context_create(void); /* at the root mount */
struct fs_context *fs_context_copy(struct fs_context *fs);
void fs_context_put(struct fs_context *fs);

void path_get(const struct path *path);
void path_put(const struct path *path);

/* Flags of path_lookup(). */
#define LOOKUP_FOLLOW    1u    /* follow a symbolic link at the end */
#define LOOKUP_DIRECTORY 2u    /* must be a directory */
#define LOOKUP_PARENT    4u    /* stop before the last component */
#define LOOKUP_EMPTY     8u    /* "" means the start (AT_EMPTY_PATH) */
#define LOOKUP_NO_LINKS  16u   /* no symbolic link anywhere */
#define LOOKUP_BENEATH   32u   /* openat2: never leave the start */
#define LOOKUP_IN_ROOT   64u   /* openat2: the start is the root */
#define LOOKUP_NO_XDEV   128u  /* openat2: cross no mount */
#define LOOKUP_NO_MAGIC  256u  /* openat2: no /proc/PID/fd style links */
#define LOOKUP_CACHED    512u  /* openat2: -EAGAIN instead of sleeping */
#define LOOKUP_IF_THERE  1024u /* with PARENT: not before one in the cache */

/*
 * Walk @name (kernel string) from @start (NULL: the cwd; ignored for absolute
 * names). Result with references taken. With LOOKUP_PARENT @last gets the
 * last component (not NUL-ended; may be "." or ".."; slashes after it are
 * reported in *@last_slash).
 */
struct path_last {
	const char *name;
	size_t len;
	bool slash; /* "name/" */
};
int path_lookup(const struct path *start, const char *name, unsigned int flags,
		struct path *out, struct path_last *last);
/* The absolute name of @path as seen from @root, into @buf, which it may use
 * from the back; *@out points into it. -ENAMETOOLONG, -ENOENT (unreachable:
 * *@out is then the name from the top of its tree).
 * Unlinked names get " (deleted)". */
int path_name(const struct path *path, const struct path *root, char *buf,
	      size_t size, char **out);

/* For file systems: a root dentry of @sb for @inode (reference taken over,
 * also when it fails). NULL: no memory. */
struct dentry *dentry_make_root(struct super_block *sb, struct inode *inode);
struct dentry *dentry_get(struct dentry *dentry);
void dentry_put(struct dentry *dentry);
/* A dentry that is in no tree, e.g. "pipe:[42]"; takes over @inode, also when
 * it fails. NULL: no memory. */
struct dentry *dentry_make_anonymous(struct inode *inode, const char *name);
/* Forget cached names below @dir that are not in use (procfs: a process
 * died; tests). */
void dentry_prune(struct dentry *dir);
/* Forget @name in @dir and what is cached below it, as far as it is not in
 * use; it is looked up afresh next time. Context: thread. */
void dentry_forget_name(struct dentry *dir, const char *name);
/* Memory is short: forget up to @count names that nobody uses. Returns how
 * many went. Context: thread, may sleep. */
unsigned int dentry_shrink(unsigned int count);

/* Operations on names, with permission checks: what syscall/ calls.
 * @start as in path_lookup(). */
struct fs_name {
	const struct path *start;
	const char *name;
};
int vfs_mknod(struct fs_name at, uint32_t mode, uint64_t rdev);
int vfs_mkdir(struct fs_name at, uint32_t mode);
int vfs_rmdir(struct fs_name at);
int vfs_unlink(struct fs_name at);
int vfs_symlink(struct fs_name at, const char *target);
int vfs_link(struct fs_name old_name, struct fs_name new_name,
	     unsigned int lookup_flags);
int vfs_rename(struct fs_name old_name, struct fs_name new_name,
	       unsigned int flags);
/* Make a node for a bound AF_UNIX socket; path with references in *@out. */
int vfs_make_socket(const char *name, uint32_t mode, struct path *out);

/* Mounts. */
int vfs_mount(const char *source, const char *target, const char *type,
	      unsigned long flags, const char *options);
int vfs_unmount(const char *target, int flags);
/* At boot: the first mount becomes everyone's root. */
int vfs_mount_root(const struct file_system_type *type, const char *options);
/*
 * Boot: the file system on disk @source (a path of its node) becomes the root;
 * what was the root so far stays below it, out of sight. @type NULL: whichever
 * knows what is on the disk. 0, -ENODEV: none does, or an error of mount(2).
 */
int vfs_mount_disk_root(const char *source, const char *type,
			unsigned int flags, const char *options);
/* chdir(2), chroot(2): go to @path; its references are taken over. */
int vfs_chdir(struct path *path);
int vfs_chroot(struct path *path);
/* Call @fn for each mount, in order, under the mount table's lock. */
void mount_for_each(void (*fn)(struct mount *mount, void *arg), void *arg);
extern struct mutex mount_table_lock;
void vfs_init(void);
